/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_meta.c - memory for the heap's own records: spans, magazines, a debug heap's notes.
 *
 *	| head | record | record | free | record | never used ... |	a page, of one kind
 *
 * A kind has two lists of pages: those that have room, the one that got room last in front, so
 * that fuller pages are used up and others get the chance to become empty; and those that are
 * full.  A page without a record goes back to the source, unless it is the only one with room.
 *
 * Pages are fetched and given back without the lock, since the source may in turn ask somebody
 * for memory, and that somebody may free some here.
 */
#include "mm/heap_impl.h"

struct qr_heap_meta {
	struct qr_heap_meta *next, *prev;
	void *free;         /* chained through their first word */
	uint16_t used, end; /* records; bytes that ever were records, and the head */
};

void qr_heap_records_init(struct qr_heap_records *r, size_t size, size_t align)
{
	*r = (struct qr_heap_records){
		.size = (uint16_t)((size + 15) & ~(size_t)15),
		.first = (uint16_t)((sizeof(struct qr_heap_meta) + align - 1) & -align),
	};
}

static void link(struct qr_heap_meta **list, struct qr_heap_meta *m)
{
	m->prev = NULL;
	m->next = *list;
	if (m->next)
		m->next->prev = m;
	*list = m;
}

static void unlink(struct qr_heap_meta **list, struct qr_heap_meta *m)
{
	if (m->prev)
		m->prev->next = m->next;
	else
		*list = m->next;
	if (m->next)
		m->next->prev = m->prev;
}

static bool has_room(const struct qr_heap_records *r, const struct qr_heap_meta *m)
{
	return m->free || m->end + r->size <= QR_PAGE_SIZE;
}

static void count(struct qr_heap_records *r, long by)
{
	__atomic_store_n(&r->used, r->used + (size_t)by, __ATOMIC_RELAXED);
}

static void *cut(struct qr_heap_records *r, struct qr_heap_meta *m)
{
	void *record = m->free;

	if (record) {
		m->free = *(void **)record;
	} else {
		record = (char *)m + m->end;
		m->end += r->size;
	}
	m->used++;
	count(r, 1);
	if (!has_room(r, m)) {
		unlink(&r->room, m);
		link(&r->full, m);
	}
	return record;
}

void *qr_heap_fetch(struct qr_heap *h, size_t npages)
{
	bool zeroed = false;

	if (IS_HARDENED)
		return qr_heap_meta_pages(h, npages);
	return h->src.pages(h->src.ctx, npages, 1, &zeroed);
}

void *qr_heap_record_new(struct qr_heap *h, struct qr_heap_records *r)
{
	struct qr_heap_meta *fresh = NULL;

	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&h->lock);
		void *record;

		if (fresh) {
			*fresh = (struct qr_heap_meta){ .end = r->first };
			link(&r->room, fresh);
			h->nmeta++;
		}
		record = r->room ? cut(r, r->room) : NULL;
		qr_lock_release_irq(&h->lock, irq);
		if (record)
			return record;
		fresh = qr_heap_fetch(h, 1);
		if (!fresh)
			return NULL;
	}
}

void qr_heap_record_free(struct qr_heap *h, struct qr_heap_records *r, void *record)
{
	struct qr_heap_meta *m = (void *)((uintptr_t)record & ~(uintptr_t)QR_PAGE_MASK);
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);
	bool spare;

	if (!has_room(r, m)) {
		unlink(&r->full, m);
		link(&r->room, m);
	}
	*(void **)record = m->free;
	m->free = record;
	m->used--;
	count(r, -1);
	spare = !IS_HARDENED && !m->used && (m->next || m->prev);
	if (spare) {
		unlink(&r->room, m);
		h->nmeta--;
	}
	qr_lock_release_irq(&h->lock, irq);
	if (spare)
		h->src.free(h->src.ctx, m, 1);
}

void qr_heap_records_fini(struct qr_heap *h, struct qr_heap_records *r)
{
	struct qr_heap_meta *m;

	while ((m = r->room ? r->room : r->full)) {
		unlink(r->room ? &r->room : &r->full, m);
		h->src.free(h->src.ctx, m, 1);
	}
}
