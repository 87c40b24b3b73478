/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_steal.c - a thread's magazines in another's hands: when it sleeps, and when it is no more.
 *
 * The loaded magazine is its owner's alone: a few instructions without any order among them.  The
 * spare one is touched only in an exchange, once in some sixty calls.  So a thread that does
 * nothing may keep the one and lose the other, and a fork may wait until nobody exchanges.
 *
 *	owner:  inside = 1;  halted?  -> wait		thief:  halted = 1;  barrier;  inside?  -> not him
 *
 * Each has to see what the other wrote, or both go on.  The owner pays nothing for it: the barrier,
 * which is passed by all threads of the process, is the thief's (qr_host_barrier).
 *
 * Locking: the thief holds the heap's lock, for which the owner waits.
 */
#include "mm/heap_quick.h"

#ifdef QR_HEAP_PROCESS

void qr_heap_wait(struct qr_heap *h, struct qr_heap_local *l)
{
	do {
		end_exchange(l);
		qr_lock_acquire(&h->lock);
		qr_lock_release(&h->lock);
		__atomic_store_n(&l->inside, 1, __ATOMIC_RELAXED);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (__atomic_load_n(&h->halted, __ATOMIC_ACQUIRE));
}

/* From now nobody begins an exchange.  False: that cannot be. */
static bool halt(struct qr_heap *h)
{
	__atomic_store_n(&h->halted, 1, __ATOMIC_RELAXED);
	return qr_host_barrier();
}

static void go_on(struct qr_heap *h)
{
	__atomic_store_n(&h->halted, 0, __ATOMIC_RELEASE);
}

static bool is_inside(const struct qr_heap_local *l)
{
	return __atomic_load_n(&l->inside, __ATOMIC_ACQUIRE);
}

/* ---- sleepers --------------------------------------------------------------------------------- */

struct loot {
	struct qr_heap_magazine *full[QR_HEAP_CLASSES], *empty;
	struct qr_span *kept;
};

static void rob(struct qr_heap_local *l, struct loot *loot)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		qr_word *spare = l->spare[c];
		struct qr_heap_magazine *m = magazine_of(spare);

		if (spare == NOTHING)
			continue;
		__atomic_store_n(&l->spare[c], NOTHING, __ATOMIC_RELEASE);
		put_magazine(is_full(spare) ? &loot->full[c] : &loot->empty, m);
	}
	for (struct qr_span *s = qr_heap_local_kept(l), *next; s; s = next) {
		next = s->next;
		s->next = loot->kept;
		loot->kept = s;
	}
}

void qr_heap_steal(struct qr_heap *h)
{
	struct loot loot = { .empty = NULL };
	struct qr_heap_magazine *m;

	qr_lock_acquire(&h->lock);
	if (halt(h))
		for (struct qr_heap_local *l = h->locals; l; l = l->next)
			if (!is_inside(l))
				rob(l, &loot);
	go_on(h);
	qr_lock_release(&h->lock);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		uint32_t cap = h->class[c].cap;

		while ((m = get_magazine(&loot.full[c]))) {
			qr_heap_central_give(h, c, &m->slot[MAGAZINE_SLOTS - cap], cap);
			qr_heap_record_free(h, &h->magazines, m);
		}
	}
	while ((m = get_magazine(&loot.empty)))
		qr_heap_record_free(h, &h->magazines, m);
	qr_heap_bury(h, loot.kept);
}

/* ---- fork ------------------------------------------------------------------------------------- */

bool qr_heap_hush(struct qr_heap *h, const struct qr_heap_local *mine)
{
	qr_lock_acquire(&h->lock);
	if (!h->locals || (h->locals == mine && !mine->next))
		return true;
	if (!halt(h))
		return false;
	for (struct qr_heap_local *l = h->locals; l; l = l->next)
		while (is_inside(l))
			qr_host_relax();
	return true;
}

void qr_heap_unhush(struct qr_heap *h)
{
	go_on(h);
	qr_lock_release(&h->lock);
}

void qr_heap_inherit(struct qr_heap *h, struct qr_heap_local *mine, bool hushed)
{
	struct qr_heap_local *l = h->locals, *next;

	go_on(h);
	h->locals = NULL;
	for (; l; l = next) {
		next = l->next;
		if (l == mine) {
			l->next = l->prev = NULL;
			h->locals = l;
		} else if (hushed) {
			qr_heap_strip(h, l);
		}
	}
}

#endif
