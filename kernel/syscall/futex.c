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

/* Of the kernel only: the time has 32-bit seconds. */
#define TIME32 (1 << 30)

#define NAME_OF(op) ((unsigned)(op) & ~(unsigned)(FUTEX_PRIVATE | FUTEX_REALTIME | TIME32))

/* Which let one choose the clock. */
#define CLOCKED (1u << FUTEX_WAIT_BITSET | 1u << FUTEX_LOCK_PI2 | 1u << FUTEX_WAIT_REQUEUE_PI)

static bool is_shared(int op)
{
	return !(op & FUTEX_PRIVATE);
}

/* A waiting that was interrupted goes on until the same time. */
static long futex_go_on(struct restart *r)
{
	int err =
	    futex_wait(r->arg[0], r->arg[2], (uint32_t)r->arg[1], (uint32_t)r->arg[3], r->deadline);

	if (err != -ERESTARTSYS)
		return err;
	r->fn = futex_go_on;
	return -ERESTART_RESTARTBLOCK;
}

static long futex_wait_until(uintptr_t word, bool shared, uint32_t value, uint32_t bitset,
			     uint64_t deadline)
{
	int err = futex_wait(word, shared, value, bitset, deadline);

	if (err != -ERESTARTSYS || deadline == TIME_NEVER)
		return err;
	current->restart =
	    (struct restart){ futex_go_on, deadline, { word, value, shared, bitset } };
	return -ERESTART_RESTARTBLOCK;
}

/* A point of real time, as the kernel's clock will show it. */
static uint64_t deadline_of_real(uint64_t time)
{
	uint64_t real = real_ns(), now = now_ns();

	if (time == TIME_NEVER)
		return TIME_NEVER;
	return time > real ? time_add(now, time - real) : now;
}

/* FUTEX_WAIT counts from now, the others name a point in time of one of two clocks. */
static int deadline_of(uintptr_t time, int op, uint64_t *out)
{
	uint64_t ns;
	int err;

	*out = TIME_NEVER;
	if (QR_LIKELY(!time))
		return 0;
	err = op & TIME32 ? ns_from_user32((const struct user_timespec32 __user *)time, &ns)
			  : ns_from_user((const struct user_timespec64 __user *)time, &ns);
	if (err)
		return err;
	if (NAME_OF(op) == FUTEX_WAIT)
		*out = time_add(now_ns(), ns);
	else if ((op & FUTEX_REALTIME) || NAME_OF(op) == FUTEX_LOCK_PI)
		*out = deadline_of_real(ns);
	else
		*out = ns;
	return 0;
}

/* ---- one function for each meaning ------------------------------------------------------ */

/* All take what the call takes, so that sorting them is a jump. */
#define FUTEX_ARGUMENTS \
	uintptr_t word, int op, uint32_t value, uintptr_t time, uintptr_t word2, uint32_t value3

typedef long futex_fn(FUTEX_ARGUMENTS);

static __attribute__((noinline)) long op_wait_bitset(FUTEX_ARGUMENTS)
{
	uint64_t deadline;
	int err = deadline_of(time, op, &deadline);

	return err ? err : futex_wait_until(word, is_shared(op), value, value3, deadline);
}

static long op_wait(FUTEX_ARGUMENTS)
{
	return op_wait_bitset(word, op, value, time, word2, FUTEX_BITSET_ALL);
}

static long op_wake(FUTEX_ARGUMENTS)
{
	return futex_wake(word, is_shared(op), (int)value, FUTEX_BITSET_ALL);
}

static long op_wake_bitset(FUTEX_ARGUMENTS)
{
	return futex_wake(word, is_shared(op), (int)value, value3);
}

static long op_requeue(FUTEX_ARGUMENTS)
{
	return futex_requeue(word, word2, is_shared(op), (int)value, (int)time, NULL);
}

static long op_cmp_requeue(FUTEX_ARGUMENTS)
{
	return futex_requeue(word, word2, is_shared(op), (int)value, (int)time, &value3);
}

static long op_wake_op(FUTEX_ARGUMENTS)
{
	return futex_wake_op(word, word2, is_shared(op), (int)value, (int)time, value3);
}

static long op_lock_pi(FUTEX_ARGUMENTS)
{
	uint64_t deadline;
	int err = deadline_of(time, op, &deadline);

	return err ? err : futex_lock_pi(word, is_shared(op), deadline, false);
}

static long op_trylock_pi(FUTEX_ARGUMENTS)
{
	return futex_lock_pi(word, is_shared(op), 0, true);
}

static long op_unlock_pi(FUTEX_ARGUMENTS)
{
	return futex_unlock_pi(word, is_shared(op));
}

static long op_wait_requeue_pi(FUTEX_ARGUMENTS)
{
	uint64_t deadline;
	int err = deadline_of(time, op, &deadline);

	return err ? err
		   : futex_wait_requeue_pi(word, word2, is_shared(op), value, FUTEX_BITSET_ALL,
					   deadline);
}

static long op_cmp_requeue_pi(FUTEX_ARGUMENTS)
{
	return futex_requeue_pi(word, word2, is_shared(op), (int)value, (int)time, value3);
}

static futex_fn *const operations[] = {
	[FUTEX_WAIT] = op_wait,
	[FUTEX_WAKE] = op_wake,
	[FUTEX_REQUEUE] = op_requeue,
	[FUTEX_CMP_REQUEUE] = op_cmp_requeue,
	[FUTEX_WAKE_OP] = op_wake_op,
	[FUTEX_LOCK_PI] = op_lock_pi,
	[FUTEX_UNLOCK_PI] = op_unlock_pi,
	[FUTEX_TRYLOCK_PI] = op_trylock_pi,
	[FUTEX_WAIT_BITSET] = op_wait_bitset,
	[FUTEX_WAKE_BITSET] = op_wake_bitset,
	[FUTEX_WAIT_REQUEUE_PI] = op_wait_requeue_pi,
	[FUTEX_CMP_REQUEUE_PI] = op_cmp_requeue_pi,
	[FUTEX_LOCK_PI2] = op_lock_pi,
};

QR_INLINE long futex(FUTEX_ARGUMENTS)
{
	unsigned name = NAME_OF(op);

	if (name >= sizeof(operations) / sizeof(operations[0]) || !operations[name])
		return -ENOSYS;
	if (QR_RARELY(op & FUTEX_REALTIME) && !(CLOCKED >> name & 1))
		return -ENOSYS;
	return operations[name](word, op, value, time, word2, value3);
}

SYSCALL6(futex, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	if (QR_RARELY(op & TIME32))
		return -ENOSYS;
	return futex(word, op, value, time, word2, value3);
}

#ifndef __x86_64__
SYSCALL6(futex_time32, uintptr_t, word, int, op, uint32_t, value, uintptr_t, time, uintptr_t, word2,
	 uint32_t, value3)
{
	if (QR_RARELY(op & TIME32))
		return -ENOSYS;
	return futex(word, op | TIME32, value, time, word2, value3);
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
