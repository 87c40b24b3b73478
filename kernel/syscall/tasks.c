/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tasks.c - scheduling: asked for by many, decided by one CPU and one queue.
 */
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

static struct task *task_or_self(pid_nr tid)
{
	return tid ? task_find(tid) : current;
}

/* ---- scheduling: everybody is equal, and there is one CPU -------------------------------- */

SYSCALL0(sched_yield)
{
	sched_yield();
	return 0;
}

SYSCALL3(sched_getaffinity, pid_nr, tid, size_t, n, unsigned long __user *, to)
{
	unsigned long cpus = 1;

	if (n < sizeof(cpus) || n % sizeof(cpus))
		return -EINVAL;
	if (!task_or_self(tid))
		return -ESRCH;
	return put_user(cpus, to) ? -EFAULT : (long)sizeof(cpus);
}

SYSCALL3(sched_setaffinity, pid_nr, tid, size_t, n, unsigned long __user *, from)
{
	unsigned long cpus = 0;

	if (copy_from_user(&cpus, from, n < sizeof(cpus) ? n : sizeof(cpus)))
		return -EFAULT;
	if (!task_or_self(tid))
		return -ESRCH;
	return cpus & 1 ? 0 : -EINVAL;
}

SYSCALL3(getcpu, unsigned __user *, cpu, unsigned __user *, node, void __user *, unused)
{
	if (cpu && put_user(0u, cpu))
		return -EFAULT;
	return node ? put_user(0u, node) : 0;
}

enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5 };

static bool known_policy(int policy)
{
	return (policy >= SCHED_OTHER && policy <= SCHED_BATCH) || policy == SCHED_IDLE;
}

static bool real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

SYSCALL1(sched_getscheduler, pid_nr, tid)
{
	if (tid < 0)
		return -EINVAL;
	return task_or_self(tid) ? SCHED_OTHER : -ESRCH;
}

/* Only what is so already can be asked for. */
SYSCALL3(sched_setscheduler, pid_nr, tid, int, policy, const int32_t __user *, param)
{
	int32_t priority;

	if (tid < 0 || !param || !known_policy(policy))
		return -EINVAL;
	if (copy_from_user(&priority, param, sizeof(priority)))
		return -EFAULT;
	if (!task_or_self(tid))
		return -ESRCH;
	if (real_time(policy))
		return -EPERM;
	return priority ? -EINVAL : 0;
}

SYSCALL2(sched_getparam, pid_nr, tid, int32_t __user *, param)
{
	if (tid < 0 || !param)
		return -EINVAL;
	return task_or_self(tid) ? put_user(0, param) : -ESRCH;
}

SYSCALL2(sched_setparam, pid_nr, tid, const int32_t __user *, param)
{
	int32_t priority;

	if (tid < 0 || !param)
		return -EINVAL;
	if (copy_from_user(&priority, param, sizeof(priority)))
		return -EFAULT;
	if (!task_or_self(tid))
		return -ESRCH;
	return priority ? -EINVAL : 0;
}

SYSCALL1(sched_get_priority_max, int, policy)
{
	if (!known_policy(policy))
		return -EINVAL;
	return real_time(policy) ? 99 : 0;
}

SYSCALL1(sched_get_priority_min, int, policy)
{
	if (!known_policy(policy))
		return -EINVAL;
	return real_time(policy) ? 1 : 0;
}

#define SLICE_NS (2 * NS_PER_TICK)

SYSCALL2(sched_rr_get_interval, pid_nr, tid, struct user_timespec64 __user *, to)
{
	if (tid < 0)
		return -EINVAL;
	return task_or_self(tid) ? ns_to_user(to, SLICE_NS) : -ESRCH;
}

#ifndef __x86_64__
SYSCALL2(sched_rr_get_interval_time32, pid_nr, tid, struct user_timespec32 __user *, to)
{
	if (tid < 0)
		return -EINVAL;
	return task_or_self(tid) ? ns_to_user32(to, SLICE_NS) : -ESRCH;
}
#endif

/* ---- nice: remembered and shown ---------------------------------------------------------- */

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

static bool prio_meant(const struct process *p, int which, int who)
{
	const struct process *me = current_process;

	switch (which) {
	case PRIO_PROCESS:
		return p->nr == (who ? who : me->nr);
	case PRIO_PGRP:
		return process_group_nr(p) == (who ? who : process_group_nr(me));
	default:
		return p->cred.uid == (who ? (uint32_t)who : me->cred.uid);
	}
}

/* 20 - nice of the highest of them: never negative, so that it cannot be taken for an error. */
SYSCALL2(getpriority, int, which, int, who)
{
	const struct process *p;
	int best = 0;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	for_each_process (p)
		if (prio_meant(p, which, who) && 20 - p->nice > best)
			best = 20 - p->nice;
	return best ? best : -ESRCH;
}

static int set_nice(struct process *p, int nice)
{
	if (nice < p->nice && !cred_super(&current_process->cred))
		return -EACCES;
	p->nice = nice;
	return 0;
}

static int clamp_nice(int nice)
{
	return nice < -20 ? -20 : nice > 19 ? 19 : nice;
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
	struct process *p;
	int err = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	for_each_process (p)
		if (prio_meant(p, which, who))
			err = set_nice(p, clamp_nice(nice));
	return err;
}

SYSCALL1(nice, int, increment)
{
	int err =
	    set_nice(current_process, clamp_nice(current_process->nice + clamp_nice(increment)));

	return err == -EACCES ? -EPERM : err;
}
