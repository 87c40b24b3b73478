/* SPDX-License-Identifier: BSD-2-Clause
 *
 * futex.c - the futex call's many meanings, sorted; and the lists of robust locks.
 */
#include "kernel/futex.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE,
	FUTEX_WAKE_OP,
	FUTEX_LOCK_PI,
	FUTEX_UNLOCK_PI,
	FUTEX_TRYLOCK_PI,
	FUTEX_WAIT_BITSET,
	FUTEX_WAKE_BITSET,
	FUTEX_WAIT_REQUEUE_PI,
	FUTEX_CMP_REQUEUE_PI,
	FUTEX_LOCK_PI2,
	FUTEX_PRIVATE = 128,
	FUTEX_REALTIME = 256,
};

/* Operations as sets: which take a timeout, which let one choose the clock. */
#define TIMED                                                                                      \
	(1u << FUTEX_WAIT | 1u << FUTEX_WAIT_BITSET | 1u << FUTEX_LOCK_PI | 1u << FUTEX_LOCK_PI2 | \
	 1u << FUTEX_WAIT_REQUEUE_PI)
#define CLOCKED (1u << FUTEX_WAIT_BITSET | 1u << FUTEX_LOCK_PI2 | 1u << FUTEX_WAIT_REQUEUE_PI)

static bool is_in(uint32_t set, int op)
{
	op &= ~(FUTEX_PRIVATE | FUTEX_REALTIME);
	return (unsigned)op < 32 && set >> op & 1;
}

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

/* A point of real time, as the kernel's clock will show it. */
static uint64_t deadline_of_real(uint64_t time)
{
	uint64_t real = real_ns(), now = now_ns();

	if (time == TIME_NEVER)
		return TIME_NEVER;
	return time > real ? time_add(now, time - real) : now;
}

/* `time`: what the program gave, already in nanoseconds.  FUTEX_WAIT counts from now, the
 * others name a point in time of one of two clocks. */
static uint64_t futex_deadline(int op, uint64_t time)
{
	int cmd = op & ~(FUTEX_PRIVATE | FUTEX_REALTIME);

	if (cmd == FUTEX_WAIT)
		return time_add(now_ns(), time);
	if ((op & FUTEX_REALTIME) || cmd == FUTEX_LOCK_PI)
		return deadline_of_real(time);
	return time;
}

static long futex(uintptr_t word, int op, uint32_t value, uint64_t time, uintptr_t arg,
		  uintptr_t word2, uint32_t value3)
{
	bool shared = !(op & FUTEX_PRIVATE);
	int n = (int)value, n2 = (int)arg;

	if ((op & FUTEX_REALTIME) && !is_in(CLOCKED, op))
		return -ENOSYS;
	time = time == TIME_NEVER ? TIME_NEVER : futex_deadline(op, time);
	switch (op & ~(FUTEX_PRIVATE | FUTEX_REALTIME)) {
	case FUTEX_WAIT:
		return futex_wait_until(word, shared, value, FUTEX_BITSET_ALL, time);
	case FUTEX_WAIT_BITSET:
		return futex_wait_until(word, shared, value, value3, time);
	case FUTEX_WAKE:
		return futex_wake(word, shared, n, FUTEX_BITSET_ALL);
	case FUTEX_WAKE_BITSET:
		return futex_wake(word, shared, n, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(word, word2, shared, n, n2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(word, word2, shared, n, n2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(word, word2, shared, n, n2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(word, shared, time, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(word, shared, 0, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(word, shared);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(word, word2, shared, value, FUTEX_BITSET_ALL, time);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(word, word2, shared, n, n2, value3);
	}
	return -ENOSYS;
}

SYSCALL6(futex, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	uint64_t ns = TIME_NEVER;
	int err = 0;

	if (time && is_in(TIMED, op))
		err = ns_from_user((const struct user_timespec64 __user *)time, &ns);
	return err ? err : futex(word, op, value, ns, time, word2, value3);
}

#ifndef __x86_64__
SYSCALL6(futex_time32, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	uint64_t ns = TIME_NEVER;
	int err = 0;

	if (time && is_in(TIMED, op))
		err = ns_from_user32((const struct user_timespec32 __user *)time, &ns);
	return err ? err : futex(word, op, value, ns, time, word2, value3);
}
#endif

/* ---- many words ------------------------------------------------------------------------- */

#define WAITV_MAX     128
#define WAITV_32      2u
#define WAITV_PRIVATE 128u

struct user_waitv {
	uint64_t value, word;
	uint32_t flags, reserved;
};

static int waitv_from_user(struct futex_wait_one *one, const struct user_waitv __user *from,
			   unsigned n)
{
	struct user_waitv u;

	for (unsigned i = 0; i < n; i++) {
		if (copy_from_user(&u, from + i, sizeof(u)))
			return -EFAULT;
		if ((u.flags & ~(WAITV_32 | WAITV_PRIVATE)) || u.reserved || !(u.flags & WAITV_32))
			return -EINVAL;
		if (u.word > UINTPTR_MAX)
			return -EFAULT;
		one[i] = (struct futex_wait_one){ (uintptr_t)u.word, (uint32_t)u.value,
						  !(u.flags & WAITV_PRIVATE) };
	}
	return 0;
}

SYSCALL5(futex_waitv, const struct user_waitv __user *, waiters, unsigned, n, unsigned, flags,
	 const struct user_timespec64 __user *, timeout, int, clock)
{
	enum { REALTIME, MONOTONIC };
	struct futex_wait_one *one;
	uint64_t ns = TIME_NEVER;
	long ret;

	if (flags || !n || n > WAITV_MAX || !waiters)
		return -EINVAL;
	if (timeout && clock != REALTIME && clock != MONOTONIC)
		return -EINVAL;
	ret = timeout ? ns_from_user(timeout, &ns) : 0;
	if (ret)
		return ret;
	one = kcalloc(n, sizeof(*one));
	if (!one)
		return -ENOMEM;
	ret = waitv_from_user(one, waiters, n);
	if (!ret)
		ret = futex_wait_many(one, n, clock == REALTIME ? deadline_of_real(ns) : ns);
	kfree(one);
	return ret;
}

/* ---- robust lists ----------------------------------------------------------------------- */

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
	return put_user(3 * sizeof(uintptr_t), n) || put_user(t->robust_list, head) ? -EFAULT : 0;
}
