/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_note.c - the table of notes, and what can be counted from it.
 */
#include "mm/heap_note.h"

#include "mm/heap_impl.h"

/* ---- the table -------------------------------------------------------------------------------- */

static struct qr_heap_note **bucket_of(const struct qr_heap_debug *d, uintptr_t base)
{
	uint32_t hash = (uint32_t)(base >> 4) * 0x9e3779b1u;

	return &d->bucket[(hash ^ hash >> 15) & (d->nbuckets - 1)];
}

struct qr_heap_note *qr_heap_note_find(const struct qr_heap_debug *d, uintptr_t base)
{
	struct qr_heap_note *note = *bucket_of(d, base);

	while (note && note->base != base)
		note = note->next;
	return note;
}

void qr_heap_note_insert(struct qr_heap_debug *d, struct qr_heap_note *note)
{
	struct qr_heap_note **bucket = bucket_of(d, note->base);

	note->next = *bucket;
	*bucket = note;
	d->nnotes++;
}

void qr_heap_note_remove(struct qr_heap_debug *d, const struct qr_heap_note *note)
{
	struct qr_heap_note **at = bucket_of(d, note->base);

	while (*at != note)
		at = &(*at)->next;
	*at = note->next;
	d->nnotes--;
}

struct qr_heap_note *qr_heap_note_new(struct qr_heap_debug *d)
{
	return qr_heap_record_new(d->heap, &d->notes);
}

void qr_heap_note_discard(struct qr_heap_debug *d, struct qr_heap_note *note)
{
	qr_heap_record_free(d->heap, &d->notes, note);
}

size_t qr_heap_note_pages(size_t nbuckets)
{
	return (nbuckets * sizeof(struct qr_heap_note *) + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
}

static void move_all(struct qr_heap_debug *d, struct qr_heap_note **old, size_t nold)
{
	d->nnotes = 0;
	for (size_t i = 0; i < nold; i++)
		for (struct qr_heap_note *note = old[i], *next; note; note = next) {
			next = note->next;
			qr_heap_note_insert(d, note);
		}
}

void qr_heap_note_grow(struct qr_heap_debug *d)
{
	struct qr_heap_source *src = &d->heap->src;
	uintptr_t irq = qr_lock_acquire_irq(&d->lock);
	size_t nold = d->nbuckets, n = nold * 2;
	struct qr_heap_note **old, **fresh;
	bool zeroed = false;

	qr_lock_release_irq(&d->lock, irq);
	fresh = src->pages(src->ctx, qr_heap_note_pages(n), 1, &zeroed);
	if (!fresh)
		return;
	__builtin_memset(fresh, 0, n * sizeof(*fresh));
	irq = qr_lock_acquire_irq(&d->lock);
	old = d->bucket;
	if (d->nbuckets == nold) {
		d->bucket = fresh;
		d->nbuckets = n;
		move_all(d, old, nold);
	} else {
		old = fresh; /* another was faster */
		nold = n;
	}
	qr_lock_release_irq(&d->lock, irq);
	src->free(src->ctx, old, qr_heap_note_pages(nold));
}

/* ---- sorting ---------------------------------------------------------------------------------- */

typedef bool order_fn(const struct qr_heap_note *a, const struct qr_heap_note *b);

static bool by_site(const struct qr_heap_note *a, const struct qr_heap_note *b)
{
	return a->alloc_site < b->alloc_site;
}

static bool by_bytes(const struct qr_heap_note *a, const struct qr_heap_note *b)
{
	return a->bytes > b->bytes;
}

static struct qr_heap_note *merge(struct qr_heap_note *a, struct qr_heap_note *b, order_fn *before)
{
	struct qr_heap_note *list = NULL, **end = &list;

	while (a && b) {
		struct qr_heap_note **first = before(b, a) ? &b : &a;

		*end = *first;
		end = &(*end)->link;
		*first = *end;
	}
	*end = a ? a : b;
	return list;
}

static struct qr_heap_note *sort(struct qr_heap_note *list, order_fn *before)
{
	struct qr_heap_note *half = list, *end = list;

	if (!list || !list->link)
		return list;
	while ((end = end->link) && (end = end->link))
		half = half->link;
	end = half->link;
	half->link = NULL;
	return merge(sort(list, before), sort(end, before), before);
}

/* ---- groups ----------------------------------------------------------------------------------- */

static struct qr_heap_note *all_used(const struct qr_heap_debug *d, struct qr_heap_group *all)
{
	struct qr_heap_note *list = NULL;

	for (size_t i = 0; i < d->nbuckets; i++)
		for (struct qr_heap_note *note = d->bucket[i]; note; note = note->next) {
			if (note->state != NOTE_USED)
				continue;
			note->bytes = note->asked;
			note->objects = 1;
			note->link = list;
			list = note;
			all->bytes += note->asked;
			all->objects++;
		}
	return list;
}

/* Of a list in order of sites one note for each, with the sums. */
static size_t collapse(struct qr_heap_note *list)
{
	size_t n = 0;

	for (; list; list = list->link, n++)
		while (list->link && list->link->alloc_site == list->alloc_site) {
			list->bytes += list->link->bytes;
			list->objects++;
			list->link = list->link->link;
		}
	return n;
}

size_t qr_heap_debug_groups(struct qr_heap_debug *d, struct qr_heap_group *out, size_t n,
			    struct qr_heap_group *all)
{
	uintptr_t irq = qr_lock_acquire_irq(&d->lock);
	struct qr_heap_note *list;
	size_t ngroups;

	*all = (struct qr_heap_group){ 0 };
	list = sort(all_used(d, all), by_site);
	ngroups = collapse(list);
	list = sort(list, by_bytes);
	for (size_t i = 0; i < n && list; i++, list = list->link)
		out[i] = (struct qr_heap_group){ list->alloc_site, list->objects, list->bytes };
	qr_lock_release_irq(&d->lock, irq);
	return ngroups;
}
