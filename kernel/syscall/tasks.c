/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tasks.c - scheduling: policies, priorities, nice; one CPU.
 */
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

static struct task *task_or_self(pid_nr tid)
{
	return tid ? task_find(tid) : current;
}

/* ---- one CPU, and who gets it ------------------------------------------------------------- */

SYSCALL0(sched_yield)
{
	return sched_yield();
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

static bool may_change(const struct task *t)
{
	const struct cred *me = &current_process->cred, *c = &t->process->cred;

	return cred_super(me) || me->euid == c->euid || me->euid == c->uid;
}

SYSCALL3(sched_setaffinity, pid_nr, tid, size_t, n, unsigned long __user *, from)
{
	unsigned long cpus = 0;
	const struct task *t;

	if (copy_from_user(&cpus, from, n < sizeof(cpus) ? n : sizeof(cpus)))
		return -EFAULT;
	t = task_or_self(tid);
	if (!t)
		return -ESRCH;
	if (!may_change(t))
		return -EPERM;
	return cpus & 1 ? 0 : -EINVAL;
}

SYSCALL3(getcpu, unsigned __user *, cpu, unsigned __user *, node, void __user *, unused)
{
	if (cpu && put_user(0u, cpu))
		return -EFAULT;
	return node ? put_user(0u, node) : 0;
}

#define RESET_ON_FORK  0x40000000 /* beside a policy */
#define SCHED_DEADLINE 6          /* known, and never to be had */
#define PRIORITY_MAX   99
#define KEEP           (-1) /* policy: what it is */

static bool real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool known_policy(int policy)
{
	return (policy >= SCHED_OTHER && policy <= SCHED_BATCH) || policy == SCHED_IDLE ||
	       policy == SCHED_DEADLINE;
}

/* Not nicer than the limit allows: 20 - nice, as Linux counts it. */
static bool may_be_nice(const struct task *t, int nice)
{
	return cred_super(&current_process->cred) || nice >= t->nice ||
	       (uint64_t)(20 - nice) <= t->process->rlimits[RLIMIT_NICE].cur;
}

static bool may_be_real_time(const struct task *t, unsigned priority)
{
	return cred_super(&current_process->cred) || priority <= t->priority ||
	       priority <= t->process->rlimits[RLIMIT_RTPRIO].cur;
}

struct change {
	int policy, priority, nice;
	bool reset_on_fork;
};

static int change(pid_nr tid, const struct change *c)
{
	struct task *t = task_or_self(tid);
	int policy;

	if (!t)
		return -ESRCH;
	policy = c->policy == KEEP ? t->sched_policy : c->policy;
	if (!known_policy(policy))
		return -EINVAL;
	if (policy == SCHED_DEADLINE)
		return cred_super(&current_process->cred) ? -EBUSY : -EPERM;
	if (c->priority < 0 || c->priority > PRIORITY_MAX || real_time(policy) != !!c->priority)
		return -EINVAL;
	if (!may_change(t) || !may_be_nice(t, c->nice) ||
	    !may_be_real_time(t, (unsigned)c->priority) ||
	    (t->reset_on_fork && !c->reset_on_fork && !cred_super(&current_process->cred)))
		return -EPERM;
	t->reset_on_fork = c->reset_on_fork;
	sched_change(t, (unsigned)policy, (unsigned)c->priority, c->nice);
	return 0;
}

static long set_scheduler(pid_nr tid, int policy, const int32_t __user *param)
{
	const struct task *t;
	struct change c;

	if (tid < 0 || !param)
		return -EINVAL;
	if (get_user(c.priority, (int32_t __user *)param))
		return -EFAULT;
	t = task_or_self(tid);
	c.nice = t ? t->nice : 0;
	c.reset_on_fork = policy == KEEP ? t && t->reset_on_fork : !!(policy & RESET_ON_FORK);
	c.policy = policy == KEEP ? KEEP : policy & ~RESET_ON_FORK;
	return change(tid, &c);
}

SYSCALL3(sched_setscheduler, pid_nr, tid, int, policy, const int32_t __user *, param)
{
	return policy < 0 ? -EINVAL : set_scheduler(tid, policy, param);
}

SYSCALL2(sched_setparam, pid_nr, tid, const int32_t __user *, param)
{
	return set_scheduler(tid, KEEP, param);
}

SYSCALL1(sched_getscheduler, pid_nr, tid)
{
	const struct task *t = tid < 0 ? NULL : task_or_self(tid);

	if (!t)
		return tid < 0 ? -EINVAL : -ESRCH;
	return t->sched_policy | (t->reset_on_fork ? RESET_ON_FORK : 0);
}

SYSCALL2(sched_getparam, pid_nr, tid, int32_t __user *, param)
{
	const struct task *t;

	if (tid < 0 || !param)
		return -EINVAL;
	t = task_or_self(tid);
	return t ? put_user((int32_t)t->priority, param) : -ESRCH;
}

struct user_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

#define ATTR_SIZE_0 48

enum {
	ATTR_RESET = 1,
	ATTR_KEEP_POLICY = 8,
	ATTR_KEEP_PARAMS = 16,
	ATTR_CLAMP = 0x60,
	ATTR_ALL = 0x7f
};

/* -E2BIG tells the program what would be right. */
static int attr_from_user(struct user_sched_attr *a, struct user_sched_attr __user *from)
{
	uint32_t size;
	char c;

	if (get_user(size, &from->size))
		return -EFAULT;
	if (!size)
		size = ATTR_SIZE_0;
	*a = (struct user_sched_attr){ 0 };
	if (size < ATTR_SIZE_0 || size > QR_PAGE_SIZE)
		goto too_big;
	for (uint32_t i = sizeof(*a); i < size; i++) {
		if (get_user(c, (char __user *)from + i))
			return -EFAULT;
		if (c)
			goto too_big;
	}
	if (copy_from_user(a, from, size < sizeof(*a) ? size : sizeof(*a)))
		return -EFAULT;
	return (a->flags & ATTR_CLAMP) && size < sizeof(*a) ? -EINVAL : 0;
too_big:
	(void)put_user((uint32_t)sizeof(*a), &from->size);
	return -E2BIG;
}

static int clamp_nice(int nice)
{
	return nice < -20 ? -20 : nice > 19 ? 19 : nice;
}

SYSCALL3(sched_setattr, pid_nr, tid, struct user_sched_attr __user *, from, unsigned, flags)
{
	struct user_sched_attr a;
	const struct task *t;
	struct change c;
	int err;

	if (!from || tid < 0 || flags)
		return -EINVAL;
	err = attr_from_user(&a, from);
	if (err)
		return err;
	t = task_or_self(tid);
	if ((int)a.policy < 0 || (a.flags & ~(uint64_t)ATTR_ALL))
		return (int)a.policy < 0 || t ? -EINVAL : -ESRCH;
	c = (struct change){
		.policy = a.flags & ATTR_KEEP_POLICY ? KEEP : (int)a.policy,
		.priority = a.priority > PRIORITY_MAX ? -1 : (int)a.priority,
		.nice = clamp_nice(a.nice),
		.reset_on_fork = a.flags & ATTR_RESET,
	};
	if (t && (a.flags & ATTR_KEEP_PARAMS)) {
		c.priority = t->priority;
		c.nice = t->nice;
	}
	return change(tid, &c);
}

SYSCALL4(sched_getattr, pid_nr, tid, struct user_sched_attr __user *, to, unsigned, size, unsigned,
	 flags)
{
	struct user_sched_attr a = { 0 };
	const struct task *t;

	if (!to || tid < 0 || size > QR_PAGE_SIZE || size < ATTR_SIZE_0 || flags)
		return -EINVAL;
	t = task_or_self(tid);
	if (!t)
		return -ESRCH;
	a.size = size < sizeof(a) ? size : sizeof(a);
	a.policy = t->sched_policy;
	a.flags = t->reset_on_fork ? ATTR_RESET : 0;
	a.nice = t->priority ? 0 : t->nice;
	a.priority = t->priority;
	a.util_max = a.size == sizeof(a) ? 1024 : 0;
	return copy_to_user(to, &a, a.size);
}

static long priority_limit(int policy, long of_real_time)
{
	if (!known_policy(policy))
		return -EINVAL;
	return real_time(policy) ? of_real_time : 0;
}

SYSCALL1(sched_get_priority_max, int, policy)
{
	return priority_limit(policy, PRIORITY_MAX);
}

SYSCALL1(sched_get_priority_min, int, policy)
{
	return priority_limit(policy, 1);
}

static uint64_t interval_of(const struct task *t)
{
	return t->sched_policy == SCHED_FIFO ? 0 : 2 * NS_PER_TICK;
}

SYSCALL2(sched_rr_get_interval, pid_nr, tid, struct user_timespec64 __user *, to)
{
	const struct task *t = tid < 0 ? NULL : task_or_self(tid);

	if (!t)
		return tid < 0 ? -EINVAL : -ESRCH;
	return ns_to_user(to, interval_of(t));
}

#ifndef __x86_64__
SYSCALL2(sched_rr_get_interval_time32, pid_nr, tid, struct user_timespec32 __user *, to)
{
	const struct task *t = tid < 0 ? NULL : task_or_self(tid);

	if (!t)
		return tid < 0 ? -EINVAL : -ESRCH;
	return ns_to_user32(to, interval_of(t));
}
#endif

/* ---- nice ------------------------------------------------------------------------------- */

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

static bool prio_meant(const struct process *p, int which, int who)
{
	const struct process *me = current_process;

	if (which == PRIO_PGRP)
		return process_group_nr(p) == (who ? who : process_group_nr(me));
	return p->cred.uid == (who ? (uint32_t)who : me->cred.uid);
}

/* Call fn for each task that is meant, PRIO_PROCESS means one; -ESRCH: there is none. */
static int for_each_meant(int which, int who, int (*fn)(struct task *, int), int arg)
{
	struct process *p;
	struct task *t;
	int best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	if (which == PRIO_PROCESS) {
		t = task_or_self(who);
		return t ? fn(t, arg) : -ESRCH;
	}
	for_each_process (p)
		if (prio_meant(p, which, who))
			for_each_task (t, p) {
				int ret = fn(t, arg);

				if (best == -ESRCH || ret > best || (ret < 0 && arg != INT32_MAX))
					best = ret;
			}
	return best;
}

/* 20 - nice of the highest of them: never negative, so that it cannot be taken for an error. */
static int get_nice(struct task *t, int unused)
{
	return 20 - t->nice;
}

static int set_nice(struct task *t, int nice)
{
	if (!may_change(t))
		return -EPERM;
	if (!may_be_nice(t, nice))
		return -EACCES;
	sched_change(t, t->sched_policy, t->priority, nice);
	return 0;
}

SYSCALL2(getpriority, int, which, int, who)
{
	return for_each_meant(which, who, get_nice, INT32_MAX);
}

SYSCALL3(setpriority, int, which, int, who, int, nice)
{
	return for_each_meant(which, who, set_nice, clamp_nice(nice));
}

SYSCALL1(nice, int, increment)
{
	int wanted = clamp_nice(current->nice + (increment < -40  ? -40
						 : increment > 40 ? 40
								  : increment));

	return set_nice(current, wanted) ? -EPERM : 0;
}
