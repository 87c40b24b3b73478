/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kill.c - sending signals: to processes, groups, everybody, one task.
 */
#include "kernel/signal_user.h"
#include "kernel/syscall/kill.h"
#include "kernel/syscall/syscall.h"

static bool may_signal(const struct process *p, int sig)
{
	const struct cred *me = &current_process->cred, *to = &p->cred;

	return cred_super(me) || me->euid == to->suid || me->euid == to->uid ||
	       me->uid == to->suid || me->uid == to->uid ||
	       (sig == SIGCONT && p->session == current_process->session);
}

int send_process(struct process *p, const struct signal_info *info)
{
	if (!may_signal(p, info->signo))
		return -EPERM;
	return info->signo ? signal_send_process(p, info) : 0;
}

/* The best answer of all members: one success is enough. */
static int send_group(struct pid *group, const struct signal_info *info)
{
	struct process *p;
	int best = -ESRCH;

	if (!group)
		return -ESRCH;
	list_for_each (p, &group->group, in_group) {
		int err = send_process(p, info);

		if (best)
			best = err;
	}
	return best;
}

static int send_all(const struct signal_info *info)
{
	struct process *p;
	int best = -ESRCH;

	for_each_process (p) {
		int err;

		if (p == init_process || p == current_process)
			continue;
		err = send_process(p, info);
		if (best)
			best = err;
	}
	return best;
}

struct signal_info info_from_me(int sig, int code)
{
	return (struct signal_info){
		.signo = sig,
		.code = code,
		.pid = current_process->nr,
		.uid = current_process->cred.uid,
	};
}

/* Any of its tasks names a process. */
static struct process *receiver(pid_nr nr)
{
	struct process *p = process_find(nr);
	const struct task *t = p ? NULL : task_find(nr);

	return t && !t->kernel ? t->process : p;
}

SYSCALL2(kill, pid_nr, nr, int, sig)
{
	struct signal_info info = info_from_me(sig, SI_USER);
	struct process *p;

	if (!valid_signal(sig))
		return -EINVAL;
	if (nr == INT32_MIN)
		return -ESRCH;
	if (nr == 0)
		return send_group(current_process->group, &info);
	if (nr == -1)
		return send_all(&info);
	if (nr < 0)
		return send_group(pid_find(-nr), &info);
	p = receiver(nr);
	return p ? send_process(p, &info) : -ESRCH;
}

static long send_task(pid_nr group, pid_nr tid, const struct signal_info *info)
{
	struct task *t;

	if (tid <= 0 || !valid_signal(info->signo))
		return -EINVAL;
	t = task_find(tid);
	if (!t || t->kernel || (group > 0 && t->process->nr != group))
		return -ESRCH;
	if (!may_signal(t->process, info->signo))
		return -EPERM;
	return info->signo ? signal_send_task(t, info) : 0;
}

SYSCALL2(tkill, pid_nr, tid, int, sig)
{
	struct signal_info info = info_from_me(sig, SI_TKILL);

	return send_task(0, tid, &info);
}

SYSCALL3(tgkill, pid_nr, group, pid_nr, tid, int, sig)
{
	struct signal_info info = info_from_me(sig, SI_TKILL);

	return group <= 0 ? -EINVAL : send_task(group, tid, &info);
}

/* The program says itself what the receiver reads; codes of the kernel only to itself. */
static int info_from_user(struct signal_info *info, int sig, pid_nr nr,
			  const struct user_siginfo __user *from)
{
	struct user_siginfo u;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	u.signo = sig;
	if ((u.code >= 0 || u.code == SI_TKILL) && nr != current_process->nr)
		return -EPERM;
	signal_info_from_user(info, &u);
	return 0;
}

SYSCALL3(rt_sigqueueinfo, pid_nr, nr, int, sig, const struct user_siginfo __user *, from)
{
	struct signal_info info;
	struct process *p;
	int err = info_from_user(&info, sig, nr, from);

	if (err)
		return err;
	if (!valid_signal(sig))
		return -EINVAL;
	p = receiver(nr);
	return p ? send_process(p, &info) : -ESRCH;
}

SYSCALL4(rt_tgsigqueueinfo, pid_nr, group, pid_nr, tid, int, sig,
	 const struct user_siginfo __user *, from)
{
	struct signal_info info;
	int err = info_from_user(&info, sig, group, from);

	if (err)
		return err;
	return group <= 0 ? -EINVAL : send_task(group, tid, &info);
}
