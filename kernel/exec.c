/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec.c - execve: another program in the same process.
 *
 *	find	follow `#!` lines to a program that is one
 *	make	strings, address space, stack: all new, all may fail
 *	commit	other tasks leave; memory, handlers, rights are replaced: nothing may fail
 */
#include "arch/x86/signal_page.h"
#include "arch/x86/user.h"
#include "arch/x86/vdso.h"
#include "fs/file.h"
#include "kernel/errno_of.h"
#include "kernel/exec.h"
#include "kernel/futex.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/posix_timer.h"
#include "kernel/task.h"

/* One execve on its way. */
struct exec {
	const char *path; /* as the caller gave it */
	struct exec_program program;
	struct exec_args args;
	struct exec_image image;
	uintptr_t sp;
	struct cred cred;
	bool secure;                    /* it has rights that the caller has not */
	struct signal_actions *actions; /* if they were shared: its own */
	struct files *files;
};

/* ---- make ------------------------------------------------------------------------------- */

/* A quarter of the stack's limit, as Linux: at least 128 KiB, at most 6 MiB. */
static size_t args_limit(const struct process *p)
{
	uint64_t limit = p->rlimits[RLIMIT_STACK].cur / 4;

	if (limit < 128 * 1024)
		return 128 * 1024;
	return limit < 6 * 1024 * 1024 ? (size_t)limit : 6 * 1024 * 1024;
}

static int make_args(struct exec *x, const struct exec_source *from)
{
	struct exec_args *a = &x->args;
	int err = 0;

	for (unsigned i = x->program.nprefix; !err && i-- > 0;)
		err = exec_args_add(a, x->program.prefix[i]);
	/* The script's own name takes the place of argv[0]. */
	if (!err && x->program.nprefix)
		err = exec_args_add(a, x->path);
	return err ? err : exec_args_collect(a, from, x->program.nprefix ? 1 : 0);
}

static int make_cred(struct exec *x)
{
	const struct process *p = current_process;
	const struct file *f = x->program.file;
	struct cred *c = &x->cred;

	cred_copy(c, &p->cred);
	if (!(p->flags & PROCESS_NO_NEW_PRIVS) && !(f->path.mount->flags & MNT_NOSUID)) {
		if (f->inode->mode & S_ISUID)
			c->euid = f->inode->uid;
		if ((f->inode->mode & (S_ISGID | 0010)) == (S_ISGID | 0010))
			c->egid = f->inode->gid;
	}
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	c->caps = c->euid ? 0 : ~(uint64_t)0;
	x->secure = c->euid != p->cred.uid || c->egid != p->cred.gid;
	return 0;
}

/* What programs find mapped: the vdso; on i386, the code that handlers return to.  One object,
 * made at the first use. */
#ifdef __x86_64__
static enum qr_err fill_vdso(struct qr_object *object)
{
	size_t done;

	return qr_object_write(object, 0, vdso_image, (size_t)(vdso_image_end - vdso_image), &done);
}
#else
static enum qr_err fill_vdso(struct qr_object *object)
{
	static uint8_t code[SIGNAL_PAGE_RT + 16];
	size_t done;

	signal_page_fill(code);
	return qr_object_write(object, 0, code, sizeof(code), &done);
}
#endif

static struct qr_object *vdso_object(void)
{
	static struct qr_object object;
	static bool made;

	if (!made) {
		qr_object_init(&object, &space_memory, 1, NULL, NULL);
		if (fill_vdso(&object))
			return NULL;
		made = true;
	}
	return &object;
}

static int map_vdso(struct mm *mm)
{
	struct qr_map req = {
		.npages = 1,
		.prot = QR_READ | QR_EXEC,
		.maxprot = QR_READ | QR_EXEC,
		.object = vdso_object(),
	};
	qr_virt at;
	int err = req.object ? errno_of(qr_space_map(&mm->space, &req, &at)) : -ENOMEM;

	if (!err)
		mm->vdso = at.v;
	return err;
}

static int make_image(struct exec *x)
{
	struct process *p = current_process;
	struct exec_image *im = &x->image;
	int err;

	im->personality = p->personality;

	im->mm = mm_new();
	if (!im->mm)
		return -ENOMEM;
	if (p->mm && !qr_space_huge_allowed(&p->mm->space))
		qr_space_huge(&im->mm->space, false);
	if (x->secure)
		im->personality &= ~(uint32_t)PERSONALITY_UNSAFE;
	exec_places(im, p->rlimits[RLIMIT_STACK].cur);
	err = elf_load(&x->program, im);
	if (!err)
		err = map_vdso(im->mm);
	if (!err)
		err = exec_stack_make(im, &x->args, x->path, &x->cred, x->secure, &x->sp);
	if (err)
		return err;
	mm_set_limits(im->mm, p);
	im->mm->exe = x->program.file;
	x->program.file = NULL;
	return 0;
}

/* What the process shares with others and changes at commit. */
static int make_own(struct exec *x)
{
	struct process *p = current_process;

	if (p->actions->ref > 1) {
		x->actions = signal_actions_copy(p->actions);
		if (!x->actions)
			return -ENOMEM;
	}
	if (p->files->ref > 1) {
		x->files = files_copy(p->files);
		if (!x->files)
			return -ENOMEM;
	}
	return 0;
}

static int make(struct exec *x, const struct exec_source *from)
{
	int err = make_args(x, from);

	if (!err)
		err = make_cred(x);
	if (!err)
		err = make_image(x);
	return err ? err : make_own(x);
}

/* ---- commit ----------------------------------------------------------------------------- */

/* All other tasks leave; who remains has the number of the process.  -EAGAIN: it is itself
 * asked to leave. */
static int become_only_task(struct process *p)
{
	struct task *t = current;

	if (p->ntasks > 1) {
		process_end_others(p);
		if (wait_event_killable(&p->exec_wait, p->ntasks == 1))
			return -EAGAIN;
	}
	p->leader = t;
	if (t->pid != p->pid) {
		t->pid->task = NULL;
		pid_put(t->pid);
		t->pid = pid_get(p->pid);
		t->tid = p->nr;
		p->pid->task = t;
	}
	return 0;
}

void process_set_name(struct process *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	strlcpy(p->comm, slash ? slash + 1 : path, sizeof(p->comm));
}

static void replace_shared(struct process *p, struct exec *x)
{
	if (x->actions) {
		signal_actions_put(p->actions);
		p->actions = x->actions;
		x->actions = NULL;
	}
	if (x->files) {
		files_put(p->files);
		p->files = x->files;
		x->files = NULL;
	}
	signal_actions_reset(p->actions);
	files_close_on_exec(p->files);
}

static void commit(struct exec *x)
{
	struct task *t = current;
	struct process *p = t->process;
	struct cred old = p->cred;

	futex_task_exit(t);
	task_vfork_over(t);
	posix_timers_drop(p);
	p->usage.max_rss = process_max_rss(p);
	process_set_mm(p, x->image.mm);
	x->image.mm = NULL;
	replace_shared(p, x);
	p->cred = x->cred;
	x->cred = old;
	p->personality = x->image.personality;
	process_set_name(p, x->path);
	p->flags |= PROCESS_EXECED;
	p->flags &= ~(unsigned)PROCESS_KEEP_CAPS;
	if (x->secure) {
		p->flags &= ~(unsigned)PROCESS_DUMPABLE;
		p->parent_death_signal = 0;
	} else {
		p->flags |= PROCESS_DUMPABLE;
	}
	t->sigstack = (struct signal_stack){ 0 };
	t->restart.fn = NULL;
	t->set_tid = t->rseq = 0;
	t->kernel = false;
	context_make_user(&t->context);
	regs_init_user(context_regs(&t->context), x->image.entry, x->sp);
}

static void cleanup(struct exec *x)
{
	exec_program_fini(&x->program);
	exec_args_fini(&x->args);
	mm_put(x->image.mm);
	cred_fini(&x->cred);
	if (x->actions)
		signal_actions_put(x->actions);
	if (x->files)
		files_put(x->files);
}

int exec_run(struct path start, const char *path, unsigned lookup_flags,
	     const struct exec_source *from)
{
	struct process *p = current_process;
	struct exec *x = kzalloc(sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	x->path = path;
	exec_args_init(&x->args, args_limit(p));
	err = exec_find(&x->program, start, path, lookup_flags);
	if (!err)
		err = make(x, from);
	if (!err)
		err = become_only_task(p);
	if (!err)
		commit(x);
	cleanup(x);
	kfree(x);
	return err;
}

int process_exec(const char *path, const char *const argv[], const char *const envp[])
{
	struct exec_source from = {
		.kernel = true,
		.argv = (uintptr_t)argv,
		.envp = (uintptr_t)envp,
	};

	return exec_run(current_process->fs->cwd, path, 0, &from);
}
