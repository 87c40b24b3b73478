/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timer.c - the pairing heap of timers.
 *
 * Sources: Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap" (Algorithmica 1986).
 */
#include "arch/x86/cpu.h"
#include "drivers/clock.h"
#include "kernel/timer.h"

static struct timer *root;

/* Two heaps become one: the later root is the first child of the earlier.  Either may be NULL. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (b->expires < a->expires) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	a->child = b;
	return a;
}

/* The siblings from `first` on become one heap: melded in pairs from left to right, then the
 * pairs from right to left.  `next` links the pairs meanwhile. */
static struct timer *meld_siblings(struct timer *first)
{
	struct timer *pairs = NULL, *heap = NULL;

	while (first) {
		struct timer *a = first, *b = a->next, *pair;

		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		pair = meld(a, b);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs) {
		struct timer *rest = pairs->next;

		pairs->next = NULL;
		heap = meld(heap, pairs);
		pairs = rest;
	}
	return heap;
}

static void take_out(struct timer *t)
{
	struct timer *below = meld_siblings(t->child);

	if (t == root) {
		root = below;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		root = meld(root, below);
	}
	t->child = t->next = t->prev = NULL;
	t->pending = false;
}

void timer_add(struct timer *t, uint64_t expires)
{
	uintptr_t flags = irq_save();

	if (t->pending)
		take_out(t);
	t->expires = expires;
	t->pending = true;
	root = meld(root, t);
	if (root == t)
		clock_interrupt_at(expires);
	irq_restore(flags);
}

bool timer_cancel(struct timer *t)
{
	uintptr_t flags = irq_save();
	bool was = t->pending;

	if (was)
		take_out(t);
	irq_restore(flags);
	return was;
}

void timers_run(uint64_t now)
{
	while (root && root->expires <= now) {
		struct timer *t = root;

		take_out(t);
		t->fn(t);
	}
}

uint64_t timers_next(void)
{
	uintptr_t flags = irq_save();
	uint64_t next = root ? root->expires : UINT64_MAX;

	irq_restore(flags);
	return next;
}
