/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_kept.h - large objects that a thread keeps (mm/heap_kept.c), as malloc and free have them.
 */
#ifndef MM_HEAP_KEPT_H
#define MM_HEAP_KEPT_H

#include "mm/heap_quick.h"

#ifdef QR_HEAP_KEEPS

#define LOCAL_MOST  ((QR_HEAP_KEPT_LOCAL - 1) << QR_PAGE_SHIFT) /* bytes of one */
#define LOCAL_LEAST 64u /* pages: that many each thread may always keep */

QR_INLINE void mark_free(struct qr_span *s, bool is)
{
	s->nfree = is;
	s->bits[0] = is;
	s->zeroed = false;
}

QR_INLINE void push_span(struct qr_span **list, struct qr_span *s)
{
	s->next = *list;
	*list = s;
}

/* The shortest that will do for npages, taken out of `lists`, of which there are n; null: none. */
QR_INLINE struct qr_span *take_kept(struct qr_span **lists, size_t n, size_t npages, size_t *nkept)
{
	for (size_t i = npages, end = longest(npages); i <= end && i < n; i++) {
		struct qr_span *s = lists[i];

		if (!s)
			continue;
		lists[i] = s->next;
		__atomic_store_n(nkept, *nkept - i, __ATOMIC_RELAXED);
		mark_free(s, false);
		return s;
	}
	return NULL;
}

/* An object of at least npages, in use from now; or null. */
QR_INLINE struct qr_span *from_local(struct qr_heap *h, struct qr_heap_local *l, size_t npages)
{
	struct qr_span *s;

	begin_exchange(h, l);
	s = take_kept(l->kept, QR_HEAP_KEPT_LOCAL, npages, &l->nkept);
	end_exchange(l);
	return s;
}

/* False: this one is too much, and was not touched. */
QR_INLINE bool to_local(struct qr_heap *h, struct qr_heap_local *l, struct qr_span *s)
{
	size_t npages = s->npages, most = __atomic_load_n(&h->npages, __ATOMIC_RELAXED) / 8;
	bool room = false;

	if (npages >= QR_HEAP_KEPT_LOCAL)
		return false;
	begin_exchange(h, l);
	if (QR_LIKELY(l->nkept + npages <= LOCAL_LEAST + most) && QR_LIKELY(!l->closed)) {
		l->nkept += npages;
		mark_free(s, true);
		push_span(&l->kept[npages], s);
		room = true;
	}
	end_exchange(l);
	return room;
}

/* The span of a large object in use; null: p is none. */
QR_INLINE struct qr_span *large_of(const struct qr_heap *h, uintptr_t p)
{
	struct qr_span *s = span_of(h, p);

	return s && s->class == CLASS_LARGE && s->start == p && !s->nfree ? s : NULL;
}

#endif

#endif
