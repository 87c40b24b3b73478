/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_map.c - the page map, and memory for the heap's own records.
 *
 *	root: one pointer for 1 MiB of the source's range
 *	  |
 *	leaf: a page; for each page of the heap what `free` wants to know at once (struct
 *	      qr_heap_page), and its span; there when first needed, never freed
 *
 * The map is read without a lock: a pointer goes from a leaf that is empty for ever to another
 * once, and the entry of a page that a caller may name does not change while the caller owns
 * something in it.  On a host that gives out address space without memory (QR_HEAP_PROCESS) two
 * tables cover all; what the second one says of the first pages is in the heap itself, so that a
 * small process needs none.
 *
 * Pages are fetched from the source without the lock, since the source may in turn ask somebody
 * for memory, and that somebody may free some here.
 */
#include "mm/heap_quick.h"

/* ---- the map -------------------------------------------------------------------------------- */

#ifdef QR_HEAP_PROCESS

bool qr_heap_map_prepare(struct qr_heap *h, uintptr_t start, size_t npages)
{
	struct qr_span **far, **none = NULL;

	if (is_covered(h, page_number(h, start) + npages - 1))
		return true;
	far = h->src.reserve(h->src.ctx, h->map_pages * sizeof(*far));
	/* If another thread was faster, this is address space that nobody uses. */
	return far && (__atomic_compare_exchange_n(&h->span, &none, far, false, __ATOMIC_ACQ_REL,
						   __ATOMIC_ACQUIRE) ||
		       none);
}

#else

static bool new_leaf(struct qr_heap *h, size_t i)
{
	struct qr_heap_leaf *leaf = qr_heap_fetch(h, 1);
	uintptr_t irq;
	bool ours;

	if (!leaf)
		return false;
	__builtin_memset(leaf, 0, sizeof(*leaf));
	irq = qr_lock_acquire_irq(&h->lock);
	ours = h->root[i] == h->no_leaf;
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
	size_t first = page_number(h, start), last = first + npages - 1;

	for (size_t i = first / LEAF_PAGES; i <= last / LEAF_PAGES; i++)
		if (__atomic_load_n(&h->root[i], __ATOMIC_ACQUIRE) == h->no_leaf && !new_leaf(h, i))
			return false;
	return true;
}

#endif

/* What the map says of a page of a small span. */
static struct qr_heap_page entry(const struct qr_heap_class *c, const struct qr_span *s,
				 uintptr_t page)
{
	uint32_t object = (uint32_t)s->start, i;

	if (c->size < QR_PAGE_SIZE)
		return (struct qr_heap_page){ -object, c->check };
	i = page <= s->start ? 0 : ((uint32_t)(page - s->start) + c->size - 1) / c->size;
	object += i * c->size;
	if (i >= c->nobj || object - (uint32_t)page >= QR_PAGE_SIZE)
		return (struct qr_heap_page){ 0, 0 };
	return (struct qr_heap_page){ -object, c->check };
}

void qr_heap_map_set(struct qr_heap *h, uintptr_t pages, size_t npages, const struct qr_span *s)
{
	size_t page = page_number(h, pages);
	const struct qr_span *is = s ? s : *span_at(h, page);

	if (h->map_first > page)
		h->map_first = page;
	if (h->map_used < page + npages)
		h->map_used = page + npages;
	for (size_t i = 0; i < npages; i++)
		__atomic_store_n(span_at(h, page + i), (struct qr_span *)(uintptr_t)s,
				 __ATOMIC_RELEASE);
	if (!is || is->class >= CLASS_LARGE)
		return;
	for (size_t i = 0; i < npages; i++) {
		struct qr_heap_page what = { 0, 0 };

		if (s)
			what = entry(&h->class[s->class], s, pages + (i << QR_PAGE_SHIFT));
		qr_store32(&page_at(h, page + i)->minus, what.minus);
		qr_store32(&page_at(h, page + i)->check, what.check);
	}
}

struct qr_span *qr_heap_span_next(const struct qr_heap *h, size_t *page)
{
	if (*page < h->map_first)
		*page = h->map_first;
	while (*page < h->map_used) {
		struct qr_span *s = *span_at(h, *page);

#ifndef QR_HEAP_PROCESS
		if (leaf_of(h, *page) == h->no_leaf) {
			*page = (*page / LEAF_PAGES + 1) * LEAF_PAGES;
			continue;
		}
#endif
		if (s) {
			*page += s->npages;
			return s;
		}
		++*page;
	}
	return NULL;
}

/* ---- spans ---------------------------------------------------------------------------------- */

/* All objects of a fresh span are free; a large one has a single object, in use.  s->start is that of
 * its pages. */
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
	s->start += (s->npages << QR_PAGE_SHIFT) - s->limit;
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
	struct qr_span *s = qr_heap_record_new(h, &h->spans);
	bool zeroed = false;
	void *pages;
	uintptr_t irq;

	if (!s)
		return NULL;
	pages = h->src.pages(h->src.ctx, npages, align, &zeroed);
	if (!pages || !qr_heap_map_prepare(h, (uintptr_t)pages, npages)) {
		if (pages)
			h->src.free(h->src.ctx, pages, npages);
		qr_heap_record_free(h, &h->spans, s);
		return NULL;
	}
	*s = (struct qr_span){ .start = (uintptr_t)pages, .npages = npages, .zeroed = zeroed };
	describe(h, s, class);
	if (class != CLASS_LARGE)
		qr_heap_fill_span(h, s);
	irq = qr_lock_acquire_irq(&h->lock);
	count_pages(h, (long)npages);
	qr_heap_map_set(h, (uintptr_t)pages, npages, s);
	qr_lock_release_irq(&h->lock, irq);
	return s;
}

void qr_heap_span_release(struct qr_heap *h, struct qr_span *s)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	qr_heap_map_set(h, pages_of(s), s->npages, NULL);
	count_pages(h, -(long)s->npages);
	qr_lock_release_irq(&h->lock, irq);
	h->src.free(h->src.ctx, (void *)pages_of(s), s->npages);
	qr_heap_record_free(h, &h->spans, s);
}

/* ---- birth and death ------------------------------------------------------------------------- */

#ifdef QR_HEAP_PROCESS

#define BLOCK (QR_PAGE_SIZE / sizeof(struct qr_span *)) /* entries in a page of either table */

_Static_assert(sizeof(struct qr_heap_page) == 8, "a page of the map covers as much");

static bool is_blank(const struct qr_heap *h, size_t page)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (far_spans(h)[page + i])
			return false;
	return true;
}

void qr_heap_map_trim(struct qr_heap *h)
{
	size_t from = (h->first_page + QR_HEAP_NEAR + BLOCK - 1) & -BLOCK, to;
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	for (; from < h->map_used; from = to + BLOCK) {
		for (to = from; to < h->map_used && is_blank(h, to);)
			to += BLOCK;
		if (to == from)
			continue;
		h->src.forget(h->src.ctx, h->page + from, (to - from) * sizeof(*h->page));
		h->src.forget(h->src.ctx, far_spans(h) + from, (to - from) * sizeof(*h->span));
	}
	qr_lock_release_irq(&h->lock, irq);
}

static size_t root_bytes(const struct qr_heap *h)
{
	(void)h;
	return 0;
}

static bool new_map(struct qr_heap *h, void *block)
{
	(void)block;
	h->first_page = page_number(h, h->src.first);
	h->page = h->src.reserve(h->src.ctx, h->map_pages * sizeof(*h->page));
	return h->page;
}

static void free_map(struct qr_heap *h)
{
	(void)h; /* address space that nobody asks back */
}

#else

static size_t root_bytes(const struct qr_heap *h)
{
	return (h->map_pages + LEAF_PAGES - 1) / LEAF_PAGES * sizeof(*h->root);
}

static bool new_map(struct qr_heap *h, void *block)
{
	h->no_leaf = qr_heap_fetch(h, 1);
	if (!h->no_leaf)
		return false;
	__builtin_memset(h->no_leaf, 0, sizeof(*h->no_leaf));
	h->root = block;
	for (size_t i = 0; i < root_bytes(h) / sizeof(*h->root); i++)
		h->root[i] = h->no_leaf;
	h->nmeta++;
	return true;
}

static void free_map(struct qr_heap *h)
{
	for (size_t i = 0; i < root_bytes(h) / sizeof(*h->root); i++)
		if (h->root[i] != h->no_leaf)
			h->src.free(h->src.ctx, h->root[i], 1);
	h->src.free(h->src.ctx, h->no_leaf, 1);
}

#endif

/* The first metadata: the root of the map, then the CPUs' locals. */
static size_t first_pages(const struct qr_heap *h)
{
	size_t bytes = root_bytes(h) + h->ncpus * sizeof(*h->cpu);

	return (bytes + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
}

enum qr_err qr_heap_init(struct qr_heap *h, const struct qr_heap_source *src, unsigned ncpus)
{
	char *block = NULL;
	size_t npages;

	if (ncpus > QR_MAX_CPUS || (src->base | src->nbytes) & QR_PAGE_MASK || !src->nbytes)
		return QR_INVAL;
	*h = (struct qr_heap){ .src = *src, .ncpus = ncpus };
	h->map_pages = src->nbytes >> QR_PAGE_SHIFT;
	h->map_first = h->map_pages;
	qr_lock_init(&h->lock, QR_RANK_HEAP);
	qr_heap_init_classes(h);
	qr_heap_harden(h);
	qr_heap_records_init(&h->spans, sizeof(struct qr_span), 16);
	qr_heap_records_init(&h->magazines, MAGAZINE_BYTES, MAGAZINE_BYTES);
	npages = first_pages(h);
	if (npages && !(block = qr_heap_fetch(h, npages)))
		return QR_NOMEM;
	if (!new_map(h, block)) {
		if (npages)
			h->src.free(h->src.ctx, block, npages);
		return QR_NOMEM;
	}
	h->first = block;
	h->nmeta += npages;
	h->cpu = (void *)(block + root_bytes(h));
	for (unsigned cpu = 0; cpu < ncpus; cpu++)
		qr_heap_join(h, &h->cpu[cpu]);
	return QR_OK;
}

void qr_heap_fini(struct qr_heap *h)
{
	struct qr_span *s;

	for (size_t page = 0; (s = qr_heap_span_next(h, &page));)
		h->src.free(h->src.ctx, (void *)pages_of(s), s->npages);
	free_map(h);
	qr_heap_records_fini(h, &h->spans);
	qr_heap_records_fini(h, &h->magazines);
	if (h->first)
		h->src.free(h->src.ctx, h->first, first_pages(h));
}
