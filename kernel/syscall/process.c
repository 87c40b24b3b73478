/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.c - making, replacing, ending and awaiting processes.
 */
#include "kernel/exec.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/signal_user.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/usage.h"
#include "kernel/wait.h"

/* ---- fork ------------------------------------------------------------------------------- */

#define CLONE_VM    0x00000100u
#define CLONE_VFORK 0x00004000u

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
	};

	return process_clone(&req, syscall_regs());
}

struct user_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
	    set_tid_size, cgroup;
};

#define CLONE_ARGS_SIZE_0 64

/* Structures that grow: what the program knows beyond us has to be zero. */
static int copy_growing(void *to, size_t known, const void __user *from, size_t size)
{
	const char __user *p = from;
	char c;

	memset(to, 0, known);
	if (copy_from_user(to, from, size < known ? size : known))
		return -EFAULT;
	for (size_t i = known; i < size; i++) {
		if (get_user(c, (char __user *)p + i))
			return -EFAULT;
		if (c)
			return -E2BIG;
	}
	return 0;
}

SYSCALL2(clone3, const void __user *, args, size_t, size)
{
	struct user_clone_args a;
	struct clone_request req;
	int err;

	if (size > QR_PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_0)
		return -EINVAL;
	err = copy_growing(&a, sizeof(a), args, size);
	if (err)
		return err;
	if ((a.flags & 0xff) || a.exit_signal > SIGNALS || a.set_tid_size ||
	    !a.stack != !a.stack_size || a.stack > USER_END || a.stack_size > USER_END - a.stack)
		return -EINVAL;
	req = (struct clone_request){
		.flags = a.flags | a.exit_signal,
		.stack = a.stack ? (uintptr_t)(a.stack + a.stack_size) : 0,
		.tls = (uintptr_t)a.tls,
		.parent_tid = (uintptr_t)a.parent_tid,
		.child_tid = (uintptr_t)a.child_tid,
	};
	return process_clone(&req, syscall_regs());
}

SYSCALL1(set_tid_address, uintptr_t, word)
{
	current->clear_tid = word;
	return current->tid;
}

/* ---- execve ----------------------------------------------------------------------------- */

static long exec_path(int dirfd, const char *path, unsigned lookup_flags,
		      const struct exec_source *from)
{
	struct path start;
	long err = path_start(dirfd, path, &start);

	if (err)
		return err;
	err = exec_run(start, path, lookup_flags, from);
	path_put(start);
	return err;
}

static long execve_at(int dirfd, const char __user *name, uintptr_t argv, uintptr_t envp, int flags)
{
	struct exec_source from = { .argv = argv, .envp = envp };
	struct user_path path;
	char by_fd[32];
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_get(&path, name);
	if (err)
		return err;
	if (!path.name[0] && (flags & AT_EMPTY_PATH)) {
		ksnprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", dirfd);
		err = exec_path(AT_FDCWD, by_fd, 0, &from);
	} else {
		err = exec_path(dirfd, path.name,
				(flags & AT_SYMLINK_NOFOLLOW) ? LOOKUP_NO_SYMLINKS : 0, &from);
	}
	user_path_put(&path);
	return err;
}

SYSCALL3(execve, const char __user *, path, uintptr_t, argv, uintptr_t, envp)
{
	return execve_at(AT_FDCWD, path, argv, envp, 0);
}

SYSCALL5(execveat, int, dirfd, const char __user *, path, uintptr_t, argv, uintptr_t, envp, int,
	 flags)
{
	return execve_at(dirfd, path, argv, envp, flags);
}

/* ---- exit ------------------------------------------------------------------------------- */

SYSCALL1(exit, int, code)
{
	task_exit((code & 0xff) << 8);
}

SYSCALL1(exit_group, int, code)
{
	process_exit((code & 0xff) << 8);
}

/* ---- wait ------------------------------------------------------------------------------- */

#define WAIT4_OPTIONS  (WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE)
#define WAITID_OPTIONS (WAIT4_OPTIONS | WEXITED | WNOWAIT)

static long wait4(pid_nr nr, int32_t __user *status, unsigned options,
		  struct user_rusage __user *usage)
{
	struct wait_request req = { .options = options | WEXITED };
	struct wait_result res;
	struct user_rusage u;
	pid_nr child;

	if (options & ~WAIT4_OPTIONS)
		return -EINVAL;
	if (nr == INT32_MIN)
		return -ESRCH;
	req.who = nr == -1 ? WAIT_ANY : nr > 0 ? WAIT_PID : WAIT_GROUP;
	req.nr = nr > 0 ? nr : nr ? -nr : process_group_nr(current_process);
	child = wait_for_child(&req, &res);
	if (child <= 0)
		return child;
	if (status && put_user((int32_t)res.status, status))
		return -EFAULT;
	if (usage) {
		usage_to_user(&u, &res.usage);
		if (copy_to_user(usage, &u, sizeof(u)))
			return -EFAULT;
	}
	return child;
}

SYSCALL4(wait4, pid_nr, nr, int32_t __user *, status, unsigned, options,
	 struct user_rusage __user *, usage)
{
	return wait4(nr, status, options, usage);
}

SYSCALL3(waitpid, pid_nr, nr, int32_t __user *, status, unsigned, options)
{
	return wait4(nr, status, options, NULL);
}

enum { P_ALL, P_PID, P_PGID };

static int waitid_request(int type, pid_nr nr, unsigned options, struct wait_request *req)
{
	if ((options & ~WAITID_OPTIONS) || !(options & (WEXITED | WUNTRACED | WCONTINUED)))
		return -EINVAL;
	*req = (struct wait_request){ .options = options, .nr = nr };
	switch (type) {
	case P_ALL:
		req->who = WAIT_ANY;
		return 0;
	case P_PID:
		req->who = WAIT_PID;
		return nr > 0 ? 0 : -EINVAL;
	case P_PGID:
		req->who = WAIT_GROUP;
		if (nr == 0)
			req->nr = process_group_nr(current_process);
		return nr >= 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

SYSCALL5(waitid, int, type, pid_nr, nr, struct user_siginfo __user *, info, unsigned, options,
	 struct user_rusage __user *, usage)
{
	struct wait_request req;
	struct wait_result res = { 0 };
	struct user_siginfo si = { 0 };
	struct user_rusage u;
	pid_nr child;
	int err = waitid_request(type, nr, options, &req);

	if (err)
		return err;
	child = wait_for_child(&req, &res);
	if (child < 0)
		return child;
	if (child) {
		signal_info_to_user(&si, &res.info);
		usage_to_user(&u, &res.usage);
		if (usage && copy_to_user(usage, &u, sizeof(u)))
			return -EFAULT;
	}
	return info ? copy_to_user(info, &si, sizeof(si)) : 0;
}

/* ---- numbers ---------------------------------------------------------------------------- */

SYSCALL0(getpid)
{
	return current_process->nr;
}

SYSCALL0(gettid)
{
	return current->tid;
}

SYSCALL0(getppid)
{
	return process_parent_nr(current_process);
}

/* 0: the caller.  NULL: there is none. */
static struct process *process_or_self(pid_nr nr)
{
	return nr ? process_find(nr) : current_process;
}

SYSCALL0(getpgrp)
{
	return process_group_nr(current_process);
}

SYSCALL1(getpgid, pid_nr, nr)
{
	struct process *p = process_or_self(nr);

	return p ? process_group_nr(p) : -ESRCH;
}

SYSCALL1(getsid, pid_nr, nr)
{
	struct process *p = process_or_self(nr);

	return p ? process_session_nr(p) : -ESRCH;
}

static int may_move(const struct process *p, const struct process *me)
{
	if (!p || (p != me && p->parent != me))
		return -ESRCH;
	if (p != me && p->session != me->session)
		return -EPERM;
	if (p != me && (p->flags & PROCESS_EXECED))
		return -EACCES;
	return process_leads_session(p) ? -EPERM : 0;
}

SYSCALL2(setpgid, pid_nr, nr, pid_nr, group_nr)
{
	struct process *p = process_or_self(nr), *member;
	struct pid *group;
	int err;

	if (group_nr < 0)
		return -EINVAL;
	err = may_move(p, current_process);
	if (err)
		return err;
	group = group_nr && group_nr != p->nr ? pid_find(group_nr) : p->pid;
	if (group != p->pid) {
		member = group ? list_first(&group->group, struct process, in_group) : NULL;
		if (!member || member->session != p->session)
			return -EPERM;
	}
	process_set_group(p, group);
	return 0;
}

SYSCALL0(setsid)
{
	struct process *p = current_process;

	if (process_leads_session(p) || !list_empty(&p->pid->group))
		return -EPERM;
	process_set_session(p, p->pid);
	process_set_group(p, p->pid);
	return p->nr;
}
