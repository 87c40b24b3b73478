/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_kept.c - free large objects of a process, for who wants as many pages next.
 *
 *	thread   5 [] 6 [s] 7 [s-s] ... 32 []     up to 128 KiB each, an eighth of the heap in all:
 *	   |                                      no lock
 *	heap     5 [s-s-s] 6 [] ...     64 [s]    up to 256 KiB each, and an eighth of the heap
 *	   |
 *	source
 *
 * A kept one is a span, and in the map as such, whose only object is free.  Lengths are an eighth of a
 * doubling apart, so that there is a next one of the same; what nobody touches of the last pages is no
 * memory.
 *
 * A thread's lists are touched in an exchange only: they can be taken from one that sleeps
 * (heap_steal.c).
 */
#include "mm/heap_kept.h"

#ifdef QR_HEAP_KEEPS

#define KEPT_LEAST 512u /* pages: that many may always be kept */

struct qr_span *qr_heap_local_kept(struct qr_heap_local *l)
{
	struct qr_span *all = NULL, *s;

	for (size_t n = 1; l->nkept && n < QR_HEAP_KEPT_LOCAL; n++)
		while ((s = l->kept[n])) {
			l->kept[n] = s->next;
			l->nkept -= n;
			push_span(&all, s);
		}
	return all;
}

/* ---- of the heap ------------------------------------------------------------------------------ */

static struct qr_span *from_heap(struct qr_heap *h, size_t npages)
{
	struct qr_span *s;
	uintptr_t irq;

	if (npages >= QR_HEAP_KEPT || !__atomic_load_n(&h->nkept, __ATOMIC_RELAXED))
		return NULL;
	irq = qr_lock_acquire_irq(&h->lock);
	s = take_kept(h->kept, QR_HEAP_KEPT, npages, &h->nkept);
	qr_lock_release_irq(&h->lock, irq);
	return s;
}

static bool to_heap(struct qr_heap *h, struct qr_span *s)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);
	bool room = h->nkept + s->npages <= KEPT_LEAST + h->npages / 8;

	if (room) {
		__atomic_store_n(&h->nkept, h->nkept + s->npages, __ATOMIC_RELAXED);
		mark_free(s, true);
		push_span(&h->kept[s->npages], s);
	}
	qr_lock_release_irq(&h->lock, irq);
	return room;
}

/* ---- both ------------------------------------------------------------------------------------- */

struct qr_span *qr_heap_from_kept(struct qr_heap *h, size_t npages)
{
	struct qr_span *s = from_local(h, this_local(h), npages);

	return s ? s : from_heap(h, npages);
}

bool qr_heap_keep(struct qr_heap *h, struct qr_span *s)
{
	return to_local(h, this_local(h), s) || (s->npages < QR_HEAP_KEPT && to_heap(h, s));
}

size_t qr_heap_drop_kept(struct qr_heap *h)
{
	size_t dropped = 0;
	struct qr_span *s;

	for (size_t n = 1; n < QR_HEAP_KEPT; n++)
		while ((s = from_heap(h, n))) {
			dropped += s->npages;
			qr_heap_span_release(h, s);
		}
	return dropped;
}

#endif
