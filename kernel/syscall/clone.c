/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clone.c - making processes and threads, and giving up what they share.
 */
#include "kernel/clone.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"

SYSCALL0(fork)
{
	return process_clone(&(struct clone_request){ .flags = SIGCHLD }, syscall_regs());
}

SYSCALL0(vfork)
{
	return process_clone(&(struct clone_request){ .flags = CLONE_VM | CLONE_VFORK | SIGCHLD },
			     syscall_regs());
}

#ifdef __x86_64__
SYSCALL5(clone, uintptr_t, flags, uintptr_t, stack, uintptr_t, parent_tid, uintptr_t, child_tid,
	 uintptr_t, tls)
#else
SYSCALL5(clone, uintptr_t, flags, uintptr_t, stack, uintptr_t, parent_tid, uintptr_t, tls,
	 uintptr_t, child_tid)
#endif
{
	struct clone_request req = {
		.flags = (uint32_t)flags,
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid, /* one word has to serve for both */
	};

	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	return process_clone(&req, syscall_regs());
}

/* ---- clone3 ----------------------------------------------------------------------------- */

struct user_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size;
	uint64_t cgroup;
};

#define SIZE_0          64 /* without set_tid */
#define SIZE_2          88 /* with cgroup */
#define PID_LEVELS      32
#define FLAGS_OF_CLONE3 (0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

/* Structures that grow: what the program knows beyond us has to be zero. */
static int copy_growing(void *to, size_t known, const void __user *from, size_t size)
{
	const char __user *p = from;
	char c;

	memset(to, 0, known);
	for (size_t i = known; i < size; i++) {
		if (get_user(c, (char __user *)p + i))
			return -EFAULT;
		if (c)
			return -E2BIG;
	}
	return copy_from_user(to, from, size < known ? size : known);
}

static int check_args(const struct user_clone_args *a, size_t size)
{
	const uint64_t shared = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND;

	if (a->set_tid_size > PID_LEVELS || !a->set_tid != !a->set_tid_size ||
	    a->exit_signal > SIGNALS)
		return -EINVAL;
	if ((a->flags & CLONE_INTO_CGROUP) && (a->cgroup > INT32_MAX || size < SIZE_2))
		return -EINVAL;
	if ((a->flags & ~FLAGS_OF_CLONE3) ||
	    (a->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME))))
		return -EINVAL;
	if ((a->flags & shared) == shared)
		return -EINVAL;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return -EINVAL;
	if (!a->stack != !a->stack_size || a->stack > USER_END ||
	    a->stack_size > USER_END - a->stack)
		return -EINVAL;
	return a->flags & CLONE_NEWTIME ? -EINVAL : 0;
}

/* One number: there is one level of namespaces. */
static int wanted_number(const struct user_clone_args *a, pid_nr *out)
{
	if (!a->set_tid_size)
		return 0;
	if (!user_range_ok((void __user *)(uintptr_t)a->set_tid, a->set_tid_size * sizeof(pid_nr)))
		return -EFAULT;
	if (get_user(*out, (pid_nr __user *)(uintptr_t)a->set_tid))
		return -EFAULT;
	if (a->set_tid_size > 1 || *out < 1 || *out >= PID_LIMIT)
		return -EINVAL;
	return cred_super(&current_process->cred) ? 0 : -EPERM;
}

SYSCALL2(clone3, const void __user *, args, size_t, size)
{
	struct user_clone_args a;
	struct clone_request req;
	int err;

	if (size > QR_PAGE_SIZE)
		return -E2BIG;
	if (size < SIZE_0)
		return -EINVAL;
	err = copy_growing(&a, sizeof(a), args, size);
	if (err)
		return err;
	req = (struct clone_request){
		.flags = a.flags | a.exit_signal,
		.stack = a.stack ? (uintptr_t)(a.stack + a.stack_size) : 0,
		.tls = (uintptr_t)a.tls,
		.parent_tid = (uintptr_t)a.parent_tid,
		.child_tid = (uintptr_t)a.child_tid,
		.pidfd = (uintptr_t)a.pidfd,
	};
	err = check_args(&a, size);
	if (!err)
		err = wanted_number(&a, &req.nr);
	return err ? err : process_clone(&req, syscall_regs());
}

SYSCALL1(set_tid_address, uintptr_t, word)
{
	current->clear_tid = word;
	return current->tid;
}

/* ---- unshare ---------------------------------------------------------------------------- */

#define TOGETHER (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) /* never to be parted */
#define MAY_PART (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)

static int unshare_files(struct process *p)
{
	struct files *own = p->files->ref > 1 ? files_copy(p->files) : files_get(p->files);

	if (!own)
		return -ENOMEM;
	files_put(p->files);
	p->files = own;
	return 0;
}

static int unshare_fs(struct process *p)
{
	struct fs_context *own = fs_context_copy(p->fs);

	if (!own)
		return -ENOMEM;
	fs_context_put(p->fs);
	p->fs = own;
	return 0;
}

/* Threads of a process share descriptors and directories here whatever they ask for; what is
 * parted is parted from other processes. */
SYSCALL1(unshare, unsigned long, flags)
{
	struct process *p = current_process;
	int err = 0;

	if (flags & ~(unsigned long)(TOGETHER | MAY_PART | CLONE_NEW_KINDS | CLONE_NEWTIME))
		return -EINVAL;
	if ((flags & TOGETHER) && (p->ntasks > 1 || p->mm->ref > 1 || p->actions->ref > 1))
		return -EINVAL;
	if (flags & (CLONE_NEW_KINDS | CLONE_NEWTIME))
		return (flags & CLONE_NEWUSER) || cred_super(&p->cred) ? -EINVAL : -EPERM;
	if (flags & CLONE_FS)
		err = unshare_fs(p);
	if (!err && (flags & CLONE_FILES))
		err = unshare_files(p);
	return err;
}
