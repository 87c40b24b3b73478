/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_map.c - the page map, and memory for the heap's own records.
 *
 *	root: one pointer for 2 MiB (4 MiB on 32 bits) of the source's range
 *	  |
 *	leaf: one page, one pointer to a span for each page; there when first needed, never freed
 *
 * The map is read without a lock: a pointer goes from null to a leaf once, and the entry of a
 * page that a caller may name does not change while the caller owns something in it.
 *
 * Records (spans, magazines) are cut off metadata pages and live until fini; unused span records
 * are kept in a list.  Pages are fetched from the source without the lock, since the source may
 * in turn ask somebody for memory, and that somebody may free some here.
 */
#include "mm/heap_impl.h"

static void *fetch(struct qr_heap *h, size_t npages, size_t align)
{
	return h->src.pages(h->src.ctx, npages, align);
}

/* ---- metadata ------------------------------------------------------------------------------- */

/* A fresh page of metadata; its first words chain the pages for fini. */
static bool more_meta(struct qr_heap *h)
{
	char *page = fetch(h, 1, 1);
	uintptr_t irq;

	if (!page)
		return false;
	irq = qr_lock_acquire_irq(&h->lock);
	*(void **)page = h->meta_pages;
	h->meta_pages = page;
	h->meta = page + 64;
	h->meta_end = page + QR_PAGE_SIZE;
	h->nmeta++;
	qr_lock_release_irq(&h->lock, irq);
	return true;
}

void *qr_heap_meta(struct qr_heap *h, size_t bytes)
{
	bytes = (bytes + 15) & ~(size_t)15;
	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&h->lock);
		char *at = h->meta;
		bool fits = (size_t)(h->meta_end - at) >= bytes;

		if (fits)
			h->meta += bytes;
		qr_lock_release_irq(&h->lock, irq);
		if (fits)
			return at;
		if (!more_meta(h))
			return NULL;
	}
}

/* ---- the map -------------------------------------------------------------------------------- */

static bool new_leaf(struct qr_heap *h, size_t i)
{
	struct qr_heap_leaf *leaf = fetch(h, 1, 1);
	uintptr_t irq;
	bool ours;

	if (!leaf)
		return false;
	__builtin_memset(leaf, 0, sizeof(*leaf));
	irq = qr_lock_acquire_irq(&h->lock);
	ours = !h->root[i];
	if (ours) {
		__atomic_store_n(&h->root[i], leaf, __ATOMIC_RELEASE);
		h->nmeta++;
	}
	qr_lock_release_irq(&h->lock, irq);
	if (!ours) /* another CPU was faster */
		h->src.free(h->src.ctx, leaf, 1);
	return true;
}

bool qr_heap_map_prepare(struct qr_heap *h, uintptr_t start, size_t npages)
{
	size_t first = (start - h->src.base) >> QR_PAGE_SHIFT, last = first + npages - 1;

	for (size_t i = first / LEAF_PAGES; i <= last / LEAF_PAGES; i++)
		if (!__atomic_load_n(&h->root[i], __ATOMIC_ACQUIRE) && !new_leaf(h, i))
			return false;
	return true;
}

void qr_heap_map_set(struct qr_heap *h, uintptr_t start, size_t npages, struct qr_span *s)
{
	size_t page = (start - h->src.base) >> QR_PAGE_SHIFT;

	for (size_t i = page; i < page + npages; i++)
		__atomic_store_n(&h->root[i / LEAF_PAGES]->span[i % LEAF_PAGES], s,
				 __ATOMIC_RELEASE);
}

struct qr_span *qr_heap_span_next(const struct qr_heap *h, size_t *page)
{
	while (*page / LEAF_PAGES < h->nroot) {
		const struct qr_heap_leaf *leaf = h->root[*page / LEAF_PAGES];
		struct qr_span *s;

		if (!leaf) {
			*page = (*page / LEAF_PAGES + 1) * LEAF_PAGES;
			continue;
		}
		s = leaf->span[*page % LEAF_PAGES];
		if (s) {
			*page += s->npages;
			return s;
		}
		++*page;
	}
	return NULL;
}

/* ---- spans ---------------------------------------------------------------------------------- */

static struct qr_span *record(struct qr_heap *h)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);
	struct qr_span *s = h->spare;

	if (s)
		h->spare = s->next;
	qr_lock_release_irq(&h->lock, irq);
	return s ? s : qr_heap_meta(h, sizeof(*s));
}

static void discard(struct qr_heap *h, struct qr_span *s)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	s->next = h->spare;
	h->spare = s;
	qr_lock_release_irq(&h->lock, irq);
}

/* All objects of a fresh span are free; a large one has a single object, in use. */
static void describe(const struct qr_heap *h, struct qr_span *s, unsigned class)
{
	const struct qr_heap_class *c = &h->class[class];
	uint32_t left;

	s->class = (uint8_t) class;
	if (class == CLASS_LARGE) {
		s->limit = s->npages << QR_PAGE_SHIFT;
		s->nobj = 1;
		return;
	}
	s->limit = (size_t)c->nobj * c->size;
	s->recip = c->recip;
	s->nobj = s->nfree = c->nobj;
	left = c->nobj;
	for (unsigned w = 0; left; w++) {
		uint32_t n = left < QR_WORD_BITS ? left : QR_WORD_BITS;

		s->bits[w] = ~(qr_word)0 >> (QR_WORD_BITS - n);
		left -= n;
	}
}

struct qr_span *qr_heap_span_new(struct qr_heap *h, unsigned class, size_t npages, size_t align)
{
	struct qr_span *s = record(h);
	void *pages;
	uintptr_t irq;

	if (!s)
		return NULL;
	pages = fetch(h, npages, align);
	if (!pages || !qr_heap_map_prepare(h, (uintptr_t)pages, npages)) {
		if (pages)
			h->src.free(h->src.ctx, pages, npages);
		discard(h, s);
		return NULL;
	}
	*s = (struct qr_span){ .start = (uintptr_t)pages, .npages = npages };
	describe(h, s, class);
	irq = qr_lock_acquire_irq(&h->lock);
	h->npages += npages;
	qr_heap_map_set(h, s->start, npages, s);
	qr_lock_release_irq(&h->lock, irq);
	return s;
}

void qr_heap_span_release(struct qr_heap *h, struct qr_span *s)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	qr_heap_map_set(h, s->start, s->npages, NULL);
	h->npages -= s->npages;
	qr_lock_release_irq(&h->lock, irq);
	h->src.free(h->src.ctx, (void *)s->start, s->npages);
	discard(h, s);
}

/* ---- birth and death ------------------------------------------------------------------------- */

static size_t root_pages(const struct qr_heap *h)
{
	size_t bytes = h->nroot * sizeof(*h->root) + h->ncpus * sizeof(*h->local);

	return (bytes + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
}

enum qr_err qr_heap_init(struct qr_heap *h, const struct qr_heap_source *src, unsigned ncpus,
			 uintptr_t seed)
{
	size_t npages = src->nbytes >> QR_PAGE_SHIFT;
	char *block;

	if (ncpus == 0 || ncpus > QR_MAX_CPUS || (src->base | src->nbytes) & QR_PAGE_MASK ||
	    !npages)
		return QR_INVAL;
	*h = (struct qr_heap){ .src = *src, .ncpus = ncpus };
	h->secret = seed * (uintptr_t)0x9e3779b97f4a7c15u ^ (uintptr_t)0xa5c3965aa5c3965au;
	h->nroot = (npages + LEAF_PAGES - 1) / LEAF_PAGES;
	qr_lock_init(&h->lock, QR_RANK_HEAP);
	qr_heap_init_classes(h);
	block = fetch(h, root_pages(h), 1);
	if (!block)
		return QR_NOMEM;
	__builtin_memset(block, 0, h->nroot * sizeof(*h->root));
	h->root = (void *)block;
	h->local = (void *)(block + h->nroot * sizeof(*h->root));
	for (unsigned cpu = 0; cpu < ncpus; cpu++)
		for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
			h->local[cpu].mag[c] = (void *)(uintptr_t)&qr_heap_no_magazine;
	h->nmeta = root_pages(h);
	h->meta_end = block + h->nmeta * QR_PAGE_SIZE;
	h->meta = (char *)(((uintptr_t)(h->local + ncpus) + 15) & ~(uintptr_t)15);
	if (h->meta > h->meta_end)
		h->meta = h->meta_end;
	return QR_OK;
}

void qr_heap_fini(struct qr_heap *h)
{
	struct qr_span *s;

	for (size_t page = 0; (s = qr_heap_span_next(h, &page));)
		h->src.free(h->src.ctx, (void *)s->start, s->npages);
	for (size_t i = 0; i < h->nroot; i++)
		if (h->root[i])
			h->src.free(h->src.ctx, h->root[i], 1);
	while (h->meta_pages) {
		void *page = h->meta_pages;

		h->meta_pages = *(void **)page;
		h->src.free(h->src.ctx, page, 1);
	}
	h->src.free(h->src.ctx, h->root, root_pages(h));
}
