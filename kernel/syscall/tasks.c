/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tasks.c - a task's own settings: scheduling, thread-local storage, names, futexes.
 */
#include "kernel/futex.h"
#include "kernel/lib/string.h"
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

/* ---- thread-local storage ---------------------------------------------------------------- */

#ifdef __x86_64__

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

SYSCALL2(arch_prctl, int, what, uintptr_t, addr)
{
	struct context *c = &current->context;

	switch (what) {
	case ARCH_SET_FS:
		return context_set_fs_base(c, addr);
	case ARCH_SET_GS:
		return context_set_gs_base(c, addr);
	case ARCH_GET_FS:
		return put_user(context_fs_base(c), (uintptr_t __user *)addr);
	case ARCH_GET_GS:
		return put_user(context_gs_base(c), (uintptr_t __user *)addr);
	}
	return -EINVAL;
}

#else

SYSCALL1(set_thread_area, struct user_desc __user *, p)
{
	struct user_desc d;
	uint32_t asked;
	int err;

	if (copy_from_user(&d, p, sizeof(d)))
		return -EFAULT;
	asked = d.entry_number;
	err = context_set_thread_area(&current->context, &d);
	if (err || asked != (uint32_t)-1)
		return err;
	return copy_to_user(p, &d, sizeof(d.entry_number));
}

SYSCALL1(get_thread_area, struct user_desc __user *, p)
{
	struct user_desc d;
	int err;

	if (copy_from_user(&d, p, sizeof(d)))
		return -EFAULT;
	err = context_get_thread_area(&current->context, &d);
	return err ? err : copy_to_user(p, &d, sizeof(d));
}

#endif

/* ---- prctl ------------------------------------------------------------------------------ */

enum {
	PR_SET_PDEATHSIG = 1,
	PR_GET_PDEATHSIG,
	PR_GET_DUMPABLE,
	PR_SET_DUMPABLE,
	PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS,
	PR_SET_NAME = 15,
	PR_GET_NAME,
	PR_CAPBSET_READ = 23,
	PR_SET_TIMERSLACK = 29,
	PR_GET_TIMERSLACK,
	PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER,
	PR_SET_NO_NEW_PRIVS,
	PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS,
};

#define CAP_LAST 40

static long flag_of(unsigned flag)
{
	return !!(current_process->flags & flag);
}

static long set_flag(unsigned flag, uintptr_t value)
{
	if (value > 1)
		return -EINVAL;
	if (value)
		current_process->flags |= flag;
	else
		current_process->flags &= ~flag;
	return 0;
}

static long set_name(const char __user *from)
{
	char name[COMM_SIZE] = { 0 };
	long n = strncpy_from_user(name, from, COMM_SIZE - 1);

	if (n < 0)
		return n;
	name[COMM_SIZE - 1] = 0;
	memcpy(current_process->comm, name, sizeof(name));
	return 0;
}

SYSCALL5(prctl, int, what, uintptr_t, a, uintptr_t, b, uintptr_t, c, uintptr_t, d)
{
	struct process *p = current_process;

	switch (what) {
	case PR_SET_PDEATHSIG:
		if (a > SIGNALS)
			return -EINVAL;
		p->parent_death_signal = (int)a;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(p->parent_death_signal, (int __user *)a);
	case PR_GET_DUMPABLE:
		return flag_of(PROCESS_DUMPABLE);
	case PR_SET_DUMPABLE:
		return set_flag(PROCESS_DUMPABLE, a);
	case PR_GET_KEEPCAPS:
		return flag_of(PROCESS_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_flag(PROCESS_KEEP_CAPS, a);
	case PR_SET_NAME:
		return set_name((const char __user *)a);
	case PR_GET_NAME:
		return copy_to_user((void __user *)a, p->comm, COMM_SIZE);
	case PR_CAPBSET_READ:
		return a > CAP_LAST ? -EINVAL : 1;
	case PR_SET_TIMERSLACK:
		return 0;
	case PR_GET_TIMERSLACK:
		return 50000;
	case PR_SET_CHILD_SUBREAPER:
		return set_flag(PROCESS_SUBREAPER, !!a);
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)flag_of(PROCESS_SUBREAPER), (int __user *)a);
	case PR_SET_NO_NEW_PRIVS:
		return a == 1 && !b && !c && !d ? set_flag(PROCESS_NO_NEW_PRIVS, 1) : -EINVAL;
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL : flag_of(PROCESS_NO_NEW_PRIVS);
	case PR_GET_TID_ADDRESS:
		return put_user(current->clear_tid, (uintptr_t __user *)a);
	}
	return -EINVAL;
}

#define PERSONALITY_ASK 0xffffffffu

SYSCALL1(personality, uint32_t, new)
{
	uint32_t was = current_process->personality;

	if (new != PERSONALITY_ASK)
		current_process->personality = new;
	return was;
}

/* ---- futex ------------------------------------------------------------------------------ */

enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE,
	FUTEX_WAKE_OP,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET,
	FUTEX_PRIVATE = 128,
	FUTEX_REALTIME = 256,
};

/* A waiting that was interrupted goes on until the same time. */
static long futex_go_on(struct restart *r)
{
	int err =
	    futex_wait(r->arg[0], r->arg[2], (uint32_t)r->arg[1], (uint32_t)r->arg[3], r->deadline);

	if (err != -ERESTARTSYS || r->deadline == TIME_NEVER)
		return err;
	r->fn = futex_go_on;
	return -ERESTART_RESTARTBLOCK;
}

static long futex_wait_until(uintptr_t word, bool shared, uint32_t value, uint32_t bitset,
			     uint64_t deadline)
{
	struct restart *r = &current->restart;

	r->deadline = deadline;
	r->arg[0] = word;
	r->arg[1] = value;
	r->arg[2] = shared;
	r->arg[3] = bitset;
	return futex_go_on(r);
}

/* `time`: what the program gave, already in nanoseconds.  FUTEX_WAIT counts from now, the
 * bitset form names a point in time of one of two clocks. */
static uint64_t futex_deadline(int op, uint64_t time)
{
	uint64_t real = real_ns(), now = now_ns();

	if (time == TIME_NEVER)
		return TIME_NEVER;
	if ((op & ~(FUTEX_PRIVATE | FUTEX_REALTIME)) == FUTEX_WAIT)
		return time_add(now, time);
	if (op & FUTEX_REALTIME)
		return time > real ? time_add(now, time - real) : now;
	return time;
}

static long futex(uintptr_t word, int op, uint32_t value, uint64_t time, uintptr_t arg,
		  uintptr_t word2, uint32_t value3)
{
	bool shared = !(op & FUTEX_PRIVATE);

	switch (op & ~(FUTEX_PRIVATE | FUTEX_REALTIME)) {
	case FUTEX_WAIT:
		return futex_wait_until(word, shared, value, FUTEX_BITSET_ALL,
					futex_deadline(op, time));
	case FUTEX_WAIT_BITSET:
		return futex_wait_until(word, shared, value, value3, futex_deadline(op, time));
	case FUTEX_WAKE:
		return futex_wake(word, shared, value, FUTEX_BITSET_ALL);
	case FUTEX_WAKE_BITSET:
		return futex_wake(word, shared, value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(word, word2, shared, value, (uint32_t)arg, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(word, word2, shared, value, (uint32_t)arg, &value3);
	}
	return -ENOSYS;
}

static bool futex_has_timeout(int op)
{
	op &= ~(FUTEX_PRIVATE | FUTEX_REALTIME);
	return op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET;
}

SYSCALL6(futex, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	uint64_t ns = TIME_NEVER;
	int err = 0;

	if (time && futex_has_timeout(op))
		err = ns_from_user((const struct user_timespec64 __user *)time, &ns);
	return err ? err : futex(word, op, value, ns, time, word2, value3);
}

#ifndef __x86_64__
SYSCALL6(futex_time32, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	uint64_t ns = TIME_NEVER;
	int err = 0;

	if (time && futex_has_timeout(op))
		err = ns_from_user32((const struct user_timespec32 __user *)time, &ns);
	return err ? err : futex(word, op, value, ns, time, word2, value3);
}

SYSCALL2(sched_rr_get_interval_time32, pid_nr, tid, struct user_timespec32 __user *, to)
{
	if (tid < 0)
		return -EINVAL;
	return task_or_self(tid) ? ns_to_user32(to, SLICE_NS) : -ESRCH;
}
#endif

SYSCALL2(set_robust_list, uintptr_t, head, size_t, n)
{
	if (n != 3 * sizeof(uintptr_t))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

SYSCALL3(get_robust_list, pid_nr, tid, uintptr_t __user *, head, size_t __user *, n)
{
	const struct task *t = task_or_self(tid);

	if (!t)
		return -ESRCH;
	if (t->process != current_process && !cred_super(&current_process->cred))
		return -EPERM;
	return put_user(t->robust_list, head) || put_user(3 * sizeof(uintptr_t), n) ? -EFAULT : 0;
}
