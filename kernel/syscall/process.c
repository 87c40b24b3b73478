/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.c - replacing, ending and awaiting processes; their numbers.
 */
#include "arch/x86/trap.h"
#include "kernel/exec.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/signal_user.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/kill.h"
#include "kernel/syscall/usage.h"
#include "kernel/userfault.h"
#include "kernel/wait.h"

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
		if (dirfd == AT_FDCWD)
			err = -EACCES; /* a directory */
		else if (!files_peek(current_process->files, (unsigned)dirfd))
			err = -EBADF;
		else
			err = exec_path(AT_FDCWD, by_fd, 0, &from);
	} else {
		err = exec_path(dirfd, path.name,
				(flags & AT_SYMLINK_NOFOLLOW) ? LOOKUP_NO_SYMLINKS : 0, &from);
	}
	user_path_put(&path);
	if (!err)
		user_resume();
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
	if (status && put_out((int32_t)res.status, status))
		return -EFAULT;
	if (usage) {
		usage_to_user(&u, &res.usage);
		if (copy_out(usage, &u, sizeof(u)))
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

enum { P_ALL, P_PID, P_PGID, P_PIDFD };

/* A descriptor that does not block turns "nothing yet" into EAGAIN. */
static int waitid_pidfd(pid_nr fd, struct wait_request *req, bool *nonblock)
{
	struct pid *pid;
	unsigned flags;
	int err = fd < 0 ? -EINVAL : pidfd_lookup((unsigned)fd, &pid, &flags);

	if (err)
		return err;
	*nonblock = (flags & O_NONBLOCK) && !(req->options & WNOHANG);
	if (*nonblock)
		req->options |= WNOHANG;
	req->who = WAIT_PID;
	req->nr = pid->nr;
	pid_put(pid);
	return 0;
}

static int waitid_request(int type, pid_nr nr, unsigned options, struct wait_request *req,
			  bool *nonblock)
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
	case P_PIDFD:
		return waitid_pidfd(nr, req, nonblock);
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
	bool nonblock = false;
	int err = waitid_request(type, nr, options, &req, &nonblock);

	if (err)
		return err;
	child = wait_for_child(&req, &res);
	if (child <= 0 && (child || nonblock))
		return child ? child : -EAGAIN;
	if (child) {
		signal_info_to_user(&si, &res.info);
		usage_to_user(&u, &res.usage);
		if (usage && copy_out(usage, &u, sizeof(u)))
			return -EFAULT;
	}
	return info ? copy_out(info, &si, sizeof(si)) : 0;
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
