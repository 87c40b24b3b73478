/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pidfd.c - processes named by descriptors: open, signal, take a file from.
 */
#include "fs/pidfd.h"
#include "fs/proc/proc.h"
#include "kernel/signal_user.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/kill.h"

SYSCALL2(pidfd_open, pid_nr, nr, unsigned, flags)
{
	struct pid *pid;
	struct file *f;
	int err;

	if ((flags & ~O_NONBLOCK) || nr <= 0)
		return -EINVAL;
	pid = pid_find(nr);
	if (!pid)
		return -ESRCH;
	if (!pid->process)
		return pid->task ? -EINVAL : -ESRCH;
	err = pidfd_file(pid, flags, &f);
	return err ? err : fd_add(f, true);
}

static int lookup(unsigned fd, struct pid *kind_of(const struct file *), struct pid **out,
		  unsigned *flags)
{
	struct file *f = fd_get(fd);
	struct pid *pid = f ? kind_of(f) : NULL;

	if (pid) {
		*out = pid_get(pid);
		*flags = f->flags;
	}
	if (f)
		file_put(f);
	return pid ? 0 : -EBADF;
}

int pidfd_lookup(unsigned fd, struct pid **out, unsigned *flags)
{
	return lookup(fd, pidfd_pid, out, flags);
}

static int send(struct pid *pid, int sig, const struct user_siginfo __user *from)
{
	struct signal_info info = info_from_me(sig, SI_USER);
	struct user_siginfo u;

	if (from) {
		if (copy_from_user(&u, from, sizeof(u)))
			return -EFAULT;
		if (u.signo != sig)
			return -EINVAL;
		if ((u.code >= 0 || u.code == SI_TKILL) && pid->process != current_process)
			return -EPERM;
		signal_info_from_user(&info, &u);
	}
	if (!valid_signal(sig))
		return -EINVAL;
	return pid->process ? send_process(pid->process, &info) : -ESRCH;
}

SYSCALL4(pidfd_send_signal, unsigned, fd, int, sig, const struct user_siginfo __user *, info,
	 unsigned, flags)
{
	struct pid *pid;
	unsigned unused;
	int err = flags ? -EINVAL : pidfd_lookup(fd, &pid, &unused);

	if (err == -EBADF) /* the process's directory names it as well, for this call alone */
		err = lookup(fd, proc_process_of, &pid, &unused);
	if (err)
		return err;
	err = send(pid, sig, info);
	pid_put(pid);
	return err;
}

static bool may_look_into(const struct process *p)
{
	const struct cred *me = &current_process->cred, *c = &p->cred;

	return p == current_process || cred_super(me) ||
	       (me->uid == c->uid && me->uid == c->euid && me->uid == c->suid &&
		(p->flags & PROCESS_DUMPABLE));
}

static long take_file(const struct process *p, unsigned fd)
{
	struct file *f;

	if (!p || !p->files)
		return -ESRCH;
	if (!may_look_into(p))
		return -EPERM;
	f = files_peek(p->files, fd);
	return f ? fd_add(file_get(f), true) : -EBADF;
}

SYSCALL3(pidfd_getfd, unsigned, pidfd, unsigned, fd, unsigned, flags)
{
	struct pid *pid;
	unsigned unused;
	long ret = flags ? -EINVAL : pidfd_lookup(pidfd, &pid, &unused);

	if (ret)
		return ret;
	ret = take_file(pid->process, fd);
	pid_put(pid);
	return ret;
}
