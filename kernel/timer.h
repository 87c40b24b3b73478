/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timer.h - something to be done later.
 *
 * Timers wait in a pairing heap whose links lie in the timers themselves: adding is O(1),
 * cancelling and expiring O(log n) on average, and none of them takes memory or can fail.
 * The clock interrupts for the one that is due first (drivers/clock.h): they are late by what an
 * interrupt costs, never early.
 *
 *		   [t=10]			child: first of those that expire later
 *		  /		child
 *	       [12]--[30]--[11]	next		prev: the sibling before, or the parent
 *
 * I1  No timer expires before its parent.   I2  timer_pending(t)  <=>  t is in the heap.
 *
 * Context: any.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include <quire/types.h>

struct timer {
	uint64_t expires;           /* now_ns() at which it is due */
	void (*fn)(struct timer *); /* interrupt context, interrupts off; t is idle again by then,
				      may be added anew or freed */
	struct timer *child, *next, *prev;
	bool pending;
};

QR_INLINE void timer_init(struct timer *t, void (*fn)(struct timer *))
{
	*t = (struct timer){ .fn = fn };
}

QR_INLINE bool timer_pending(const struct timer *t)
{
	return t->pending;
}

/* Call t->fn(t) at `expires`, in an interrupt at once if that has passed.  A timer that is
 * pending is moved. */
void timer_add(struct timer *t, uint64_t expires);

/* Afterwards it is not pending and its fn does not run.  True if it was pending. */
bool timer_cancel(struct timer *t);

/* Run what is due.  The clock interrupt's. */
void timers_run(uint64_t now);

/* When the next timer is due; UINT64_MAX: never. */
uint64_t timers_next(void);

#endif
