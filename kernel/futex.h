/* SPDX-License-Identifier: BSD-2-Clause
 *
 * futex.h - sleeping on a word of user memory, and locks made of it.
 *
 * A futex is a 32-bit word that programs lock by themselves; the kernel is asked only to sleep
 * while the word has an expected value, and to wake those who do.  Private futexes are known by
 * address space and address, shared ones by object and offset, so that two processes meet
 * whatever addresses they map the word at.
 *
 *	hash of the key -> bucket -> waiters, oldest first		futex.c
 *	lock words (PI): the kernel knows the owner, and hands over	futex_pi.c
 *	lists of locks that a dying task holds				robust.c
 *
 * No wake-up is lost: who waits enters the bucket, then reads the word; who wakes has changed
 * the word before it looks into the bucket.
 *
 * I1  A waiter is in its key's bucket until it is woken; one that waits for a lock is on `pi` too.
 * I2  All that wait for one lock agree on its owner.
 *
 * Limits: locks are handed on in the order of asking, as Linux does among tasks that are not
 * real-time; nobody inherits a priority.
 *
 * Context: tasks only.
 */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include <quire/types.h>
#include "arch/x86/user.h"
#include "kernel/task.h"

#define FUTEX_BITSET_ALL 0xffffffffu

/* What a lock word says; the rest is the owner's tid. */
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

/* Private: the address space and the address.  Shared: the object and the byte in it. */
struct futex_key {
	const void *home;
	uint64_t offset;
};

enum futex_kind {
	FUTEX_PLAIN,
	FUTEX_TO_PI, /* to be moved to the lock `target` */
	FUTEX_PI,    /* waits for a lock */
};

struct futex_waiter {
	struct list_link link; /* in its bucket; empty once woken */
	struct task *task;
	struct futex_key key;
	uint32_t bitset;
	uint8_t kind;
	bool owned, died; /* PI: it has the lock; the owner before it has died */
	pid_nr owner;     /* PI */
	const struct futex_key *target;
	struct list_link pi;
};

/* ---- the queues (futex.c) --------------------------------------------------------------- */

void futex_init(void);

/* Of a word that other processes may see. */
int futex_key_shared(uintptr_t word, struct futex_key *out);
/* -EINVAL (misaligned), -EFAULT. */
QR_INLINE int futex_key(uintptr_t word, bool shared, struct futex_key *out)
{
	if (QR_RARELY(word % sizeof(uint32_t)))
		return -EINVAL;
	if (QR_RARELY(!user_range_ok((void __user *)word, sizeof(uint32_t))))
		return -EFAULT;
	if (shared)
		return futex_key_shared(word, out);
	out->home = current_process->mm;
	out->offset = word;
	return 0;
}

#define FUTEX_BUCKETS_LOG2 6
extern struct list_link futex_buckets[1 << FUTEX_BUCKETS_LOG2];

/* Multiplied by the golden ratio, the upper bits depend on all of the key (Knuth, TAOCP 6.4). */
QR_INLINE struct list_link *futex_bucket(const struct futex_key *k)
{
	uint32_t h = (uint32_t)((uintptr_t)k->home >> 6) + (uint32_t)k->offset;

	return &futex_buckets[h * 0x9e3779b1u >> (32 - FUTEX_BUCKETS_LOG2)];
}
QR_INLINE bool futex_same(const struct futex_key *a, const struct futex_key *b)
{
	return a->home == b->home && a->offset == b->offset;
}
/* Sleep until it is off its bucket, or `owned`; -ERESTARTSYS, -ETIMEDOUT. */
int futex_sleep(struct futex_waiter *w, uint64_t deadline);

/* Sleep while *word == expected: 0 woken, -EAGAIN it was different, -ETIMEDOUT, -ERESTARTSYS,
 * -EFAULT, -EINVAL (misaligned).  `deadline`: now_ns(). */
int futex_wait(uintptr_t word, bool shared, uint32_t expected, uint32_t bitset, uint64_t deadline);

/* One of several. */
struct futex_wait_one {
	uintptr_t word;
	uint32_t expected;
	bool shared;
};
/* Sleep while all words are as expected: the index of the one that was woken, or as above. */
long futex_wait_many(const struct futex_wait_one *one, unsigned n, uint64_t deadline);

/* Wake up to n waiters, at least one, whose bitset meets `bitset`; how many.  -EINVAL: one of
 * them waits for a lock. */
long futex_wake(uintptr_t word, bool shared, int n, uint32_t bitset);

/* Wake up to n, let up to `move` others wait for `to` instead; if `expected`, only while *word
 * has that value, else -EAGAIN.  How many were woken and moved. */
long futex_requeue(uintptr_t word, uintptr_t to, bool shared, int n, int move,
		   const uint32_t *expected);

/* Change *to as `op` (FUTEX_OP of the ABI) says, wake n at `word`, and n2 at `to` if the value
 * before meets the condition. */
long futex_wake_op(uintptr_t word, uintptr_t to, bool shared, int n, int n2, uint32_t op);

/* ---- locks (futex_pi.c) ----------------------------------------------------------------- */

/* -EDEADLK, -ESRCH (its owner is gone), -EPERM (of the kernel), -EAGAIN (`try` only), ... */
int futex_lock_pi(uintptr_t word, bool shared, uint64_t deadline, bool try);
int futex_unlock_pi(uintptr_t word, bool shared);
/* Sleep on `word` until futex_requeue_pi has made us the owner of the lock `to`. */
int futex_wait_requeue_pi(uintptr_t word, uintptr_t to, bool shared, uint32_t expected,
			  uint32_t bitset, uint64_t deadline);
long futex_requeue_pi(uintptr_t word, uintptr_t to, bool shared, int n, int move,
		      uint32_t expected);
/* The locks of a dying task go to who waits for them. */
void futex_pi_exit(const struct task *t);

/* ---- the end (robust.c) ----------------------------------------------------------------- */

/* A task leaves: release its robust locks, clear its clear_tid word, wake who waits there. */
void futex_task_exit(struct task *t);

#endif
