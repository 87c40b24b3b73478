/* SPDX-License-Identifier: BSD-2-Clause
 *
 * robust.c - what the locks of a dying task tell those who wait for them.
 *
 *	head:	next -> entry -> entry -> head		locks that the task holds
 *		offset					from an entry to its lock word
 *		pending -> entry			being taken or given back just now
 *
 * Bit 0 of a link marks a lock of futex_pi.c.  The list lies in user memory: it may be anything,
 * and is followed for a bounded number of steps.
 */
#include "arch/x86/user.h"
#include "kernel/futex.h"
#include "kernel/task.h"

#define STEPS_MAX 2048

struct robust_head {
	uintptr_t next;
	intptr_t offset;
	uintptr_t pending;
};

/* The owner of the lock at `word` has died with it.  False: the word cannot be reached. */
static bool release(uintptr_t word, pid_nr tid, bool pi, bool pending)
{
	uint32_t __user *p = (uint32_t __user *)word;
	uint32_t value, found;

	if (word % sizeof(uint32_t) || get_user(value, p))
		return false;
	/* It had given the lock back, and had no time left to wake the next one. */
	if (pending && !pi && !value)
		(void)futex_wake(word, true, 1, FUTEX_BITSET_ALL);
	while ((value & FUTEX_TID_MASK) == (uint32_t)tid) {
		found = value;
		if (user_cmpxchg32(p, &found, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return false;
		if (found == value) {
			if (!pi && (value & FUTEX_WAITERS))
				(void)futex_wake(word, true, 1, FUTEX_BITSET_ALL);
			break;
		}
		value = found;
	}
	return true;
}

static void release_all(const struct task *t)
{
	uintptr_t head = t->robust_list, entry, next = 0, pending;
	struct robust_head h;

	if (copy_from_user(&h, (const void __user *)head, sizeof(h)))
		return;
	entry = h.next;
	pending = h.pending & ~(uintptr_t)1;
	for (unsigned n = 0; (entry & ~(uintptr_t)1) != head && n < STEPS_MAX; n++) {
		uintptr_t at = entry & ~(uintptr_t)1;
		bool last = get_user(next, (uintptr_t __user *)at);

		if (at != pending && !release(at + (uintptr_t)h.offset, t->tid, entry & 1, false))
			return;
		if (last)
			return;
		entry = next;
	}
	if (pending)
		(void)release(pending + (uintptr_t)h.offset, t->tid, h.pending & 1, true);
}

void futex_task_exit(struct task *t)
{
	struct process *p = t->process;
	uintptr_t word = t->clear_tid;

	if (!p->mm)
		return;
	if (t->robust_list)
		release_all(t);
	futex_pi_exit(t);
	t->robust_list = 0;
	t->clear_tid = 0;
	/* Nobody is left to see the word when the address space goes with this task. */
	if (word && (p->mm->ref > 1 || p->ntasks > 1) &&
	    !put_user((int32_t)0, (int32_t __user *)word))
		(void)futex_wake(word, true, 1, FUTEX_BITSET_ALL);
}
