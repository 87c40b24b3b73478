/* SPDX-License-Identifier: BSD-2-Clause
 *
 * futex.c - the futex call's many meanings, sorted; and the lists of robust locks.
 */
#include "kernel/futex.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

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
	const struct task *t = tid ? task_find(tid) : current;

	if (!t)
		return -ESRCH;
	if (t->process != current_process && !cred_super(&current_process->cred))
		return -EPERM;
	return put_user(t->robust_list, head) || put_user(3 * sizeof(uintptr_t), n) ? -EFAULT : 0;
}
