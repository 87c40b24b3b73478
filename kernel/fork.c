/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fork.c - new tasks and new processes.
 *
 * clone makes everything that can fail first, on objects that nobody else can see; only then the
 * child is linked and started, and nothing of that can fail.  Unwinding is therefore the freeing
 * of a process and a task that have never been linked.
 */
#include "arch/x86/fpu.h"
#include "arch/x86/user.h"
#include "fs/file.h"
#include "fs/pidfd.h"
#include "kernel/clone.h"
#include "kernel/errno_of.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/oom.h"
#include "kernel/policies.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/userfault.h"

#define CAN_BE_COPIED (PROCESS_DUMPABLE | PROCESS_NO_NEW_PRIVS | PROCESS_KEEP_CAPS)

/* ---- tasks ------------------------------------------------------------------------------ */

int task_count, task_max = INT32_MAX;

void task_set_max(size_t ram_pages)
{
	size_t stack_pages = sizeof(long) / 2; /* Linux's; ours are smaller */

	task_max = (int)(ram_pages / (8 * stack_pages));
}

struct task *task_new(struct process *p, struct pid *pid)
{
	struct task *t = pid ? kmalloc(sizeof(*t) + fpu_room()) : NULL;

	uintptr_t stack = t ? kstack_alloc() : 0;

	if (!stack) {
		kfree(t);
		pid_put(pid);
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	t->kstack_top = stack;
	t->context.fpu = fpu_place(t + 1);
	t->pid = pid;
	t->tid = pid->nr;
	t->process = p;
	list_init(&t->in_process);
	signal_pending_init(&t->pending);
	if (p == current_process)
		memcpy(t->comm, task_name(current), COMM_SIZE);
	t->state = TASK_SLEEPING; /* until task_start wakes it */
	return t;
}

void task_discard(struct task *t)
{
	signal_pending_clear(&t->pending);
	pid_put(t->pid);
	kstack_free(t->kstack_top);
	kfree(t);
}

void task_start(struct task *t)
{
	struct process *p = t->process;

	t->pid->task = t;
	list_add_tail(&t->in_process, &p->tasks);
	p->ntasks++;
	task_count++;
	if (!p->leader)
		p->leader = t;
	task_wake(t);
}

/* ---- the parts of a process ------------------------------------------------------------- */

static int share_files(struct process *p, const struct process *from, uint64_t flags)
{
	if (flags & CLONE_FILES)
		p->files = files_get(from->files);
	else
		p->files = files_copy(from->files);
	if (!p->files)
		return -ENOMEM;
	if (flags & CLONE_FS)
		p->fs = fs_context_get(from->fs);
	else
		p->fs = fs_context_copy(from->fs);
	return p->fs ? 0 : -ENOMEM;
}

static int share_actions(struct process *p, const struct process *from, uint64_t flags)
{
	if (flags & CLONE_SIGHAND) {
		p->actions = from->actions;
		p->actions->ref++;
		return 0;
	}
	p->actions = signal_actions_copy(from->actions);
	if (!p->actions)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		signal_actions_reset(p->actions);
	return 0;
}

static bool copy_ldt(struct mm *mm, const struct ldt *from)
{
	struct ldt *ldt = kmalloc(ldt_bytes(from->n));

	if (ldt)
		memcpy(ldt, from, ldt_bytes(from->n));
	mm->ldt = ldt;
	return ldt != NULL;
}

static struct mm *mm_copy(struct mm *from)
{
	struct mm *mm = mm_new();
	struct qr_space fresh;

	if (!mm)
		return NULL;
	if (qr_space_fork(&from->space, &mm->space) &&
	    (!memory_reclaim() || qr_space_fork(&from->space, &mm->space))) {
		mm_put(mm);
		return NULL;
	}
	fresh = mm->space;
	*mm = *from;
	mm->space = fresh;
	mm->ref = 1;
	mm->map_flags = 0;
	mm->userfaults = NULL;
	mm->policies = NULL;
	mm->ldt = NULL;
	if (mm->exe)
		file_exec_get(mm->exe);
	if (QR_RARELY((from->ldt && !copy_ldt(mm, from->ldt)) ||
		      (from->policies && policies_copy(mm, from)) ||
		      (from->userfaults && userfault_forked(from, mm)))) {
		mm_put(mm);
		return NULL;
	}
	return mm;
}

static int share_memory(struct process *p, struct process *from, uint64_t flags)
{
	p->mm = (flags & CLONE_VM) ? mm_get(from->mm) : mm_copy(from->mm);
	return p->mm ? 0 : -ENOMEM;
}

static void inherit(struct process *p, const struct process *from)
{
	cred_copy(&p->cred, &from->cred);
	memcpy(p->rlimits, from->rlimits, sizeof(p->rlimits));
	memcpy(p->comm, from->comm, sizeof(p->comm));
	p->flags = from->flags & CAN_BE_COPIED;
	p->oom_score_adj = from->oom_score_adj;
	p->personality = from->personality;
	p->core_differs = from->core_differs;
}

static bool too_many_processes(const struct process *from)
{
	uint64_t limit = from->rlimits[RLIMIT_NPROC].cur, n = 0;
	struct process *p;

	if (limit == RLIM_INFINITY || cred_super(&from->cred))
		return false;
	for_each_process (p)
		n += p->cred.uid == from->cred.uid ? p->ntasks : 0;
	return n >= limit;
}

/* A process that is a copy of `from`, complete but not linked. */
static int process_copy(struct process *from, struct pid *pid, uint64_t flags, struct process **out)
{
	struct process *p = process_new(pid);
	int err;

	if (!p)
		return -ENOMEM;
	inherit(p, from);
	p->exit_signal = (int)(flags & CSIGNAL);
	err = share_files(p, from, flags);
	if (!err)
		err = share_actions(p, from, flags);
	if (!err)
		err = share_memory(p, from, flags);
	if (err)
		process_free(p);
	else
		*out = p;
	return err;
}

/* ---- clone ------------------------------------------------------------------------------ */

static int check_flags(uint64_t flags)
{
	if ((flags & CLONE_SIGHAND) && !(flags & CLONE_VM))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if ((flags & CLONE_PARENT) && current_process == init_process)
		return -EINVAL;
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if (task_count >= task_max || too_many_processes(current_process))
		return -EAGAIN;
	if (flags & CLONE_INTO_CGROUP)
		return -EBADF; /* no descriptor is one of a cgroup */
	if (QR_RARELY(flags & CLONE_NEW_KINDS))
		return (flags & CLONE_NEWUSER) || cred_super(&current_process->cred) ? -EINVAL
										     : -EPERM;
	return 0;
}

static int set_tls(struct task *t, uintptr_t tls)
{
#ifdef __x86_64__
	return context_set_fs_base(&t->context, tls);
#else
	struct user_desc desc;

	if (copy_from_user(&desc, (const void __user *)tls, sizeof(desc)))
		return -EFAULT;
	return context_set_thread_area(&t->context, &desc, false);
#endif
}

/* The child's own registers and signal state. */
static int task_copy(struct task *t, const struct clone_request *req, const struct regs *r)
{
	const struct task *from = current;

	context_init_fork(&t->context, t, t->kstack_top, &from->context, r);
	sched_inherit(t, from);
	if (req->stack)
		regs_set_sp(context_regs(&t->context), req->stack);
	t->blocked = from->blocked;
	t->policy = from->policy;
	t->slack = t->first_slack = from->slack;
	if (!(req->flags & CLONE_VM) || (req->flags & CLONE_VFORK))
		t->sigstack = from->sigstack;
	if (!(req->flags & CLONE_VM)) {
		t->rseq = from->rseq;
		t->rseq_signature = from->rseq_signature;
	}
	if (req->flags & CLONE_CHILD_SETTID) {
		t->set_tid = req->child_tid;
		task_work_set(t, WORK_NEW);
	}
	if (req->flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = req->child_tid;
	return (req->flags & CLONE_SETTLS) ? set_tls(t, req->tls) : 0;
}

/* A killed parent leaves; the child must not touch its stack any more.  It lives still: it
 * would have ended the wait otherwise. */
static void vfork_await(struct task *child, struct vfork_wait *w)
{
	if (wait_event_killable(&w->queue, w->over))
		child->vfork_wait = NULL;
}

static void start(struct process *p, struct task *t, const struct clone_request *req)
{
	struct process *me = current_process;
	struct vfork_wait w = { .over = false };

	if (p != me) {
		process_link(p, (req->flags & CLONE_PARENT) ? me->parent : me, me->group,
			     me->session);
		if (req->flags & CLONE_PARENT)
			p->exit_signal = me->exit_signal;
	}
	if (req->flags & CLONE_VFORK)
		t->vfork_wait = &w;
	task_start(t);
	if (req->flags & CLONE_VFORK) {
		vfork_await(t, &w);
		mm_set_limits(me->mm, me); /* the child may have set its own */
	}
}

/* The child, complete but not linked.  Owns pid. */
static int make_child(const struct clone_request *req, const struct regs *r, struct pid *pid,
		      struct task **out)
{
	struct process *p = current_process;
	struct task *t;
	int err = 0;

	if (!(req->flags & CLONE_THREAD))
		err = process_copy(p, pid, req->flags, &p);
	if (err) {
		pid_put(pid);
		return err;
	}
	t = task_new(p, pid);
	err = t ? task_copy(t, req, r) : -ENOMEM;
	if (err) {
		if (t)
			task_discard(t);
		if (p != current_process)
			process_free(p);
		return err;
	}
	*out = t;
	return 0;
}

/* A descriptor for the child: taken, and told to the program. */
static int make_pidfd(const struct clone_request *req, struct pid *pid, struct file **out)
{
	int fd, err = pidfd_file(pid, 0, out);

	if (err)
		return err;
	fd = fd_take(0);
	if (fd >= 0 && !put_user((int32_t)fd, (int32_t __user *)req->pidfd))
		return fd;
	if (fd >= 0)
		fd_untake(fd);
	file_put(*out);
	return fd < 0 ? fd : -EFAULT;
}

long process_clone(const struct clone_request *req, const struct regs *r)
{
	struct file *file = NULL;
	struct pid *pid;
	struct task *t;
	long err = check_flags(req->flags);
	pid_nr nr;
	int fd = -1;

	if (err)
		return err;
	err = pid_new(req->nr, &pid);
	if (err)
		return err;
	nr = pid->nr;
	err = make_child(req, r, pid, &t);
	if (err)
		return err;
	if (QR_RARELY(req->flags & CLONE_PIDFD)) {
		fd = make_pidfd(req, pid, &file);
		if (fd < 0) {
			struct process *p = t->process;

			task_discard(t);
			if (p != current_process)
				process_free(p);
			return fd;
		}
		fd_install(fd, file, true);
	}
	if (req->flags & CLONE_PARENT_SETTID)
		(void)put_out((int32_t)nr, (int32_t __user *)req->parent_tid);
	start(t->process, t, req);
	return nr;
}
