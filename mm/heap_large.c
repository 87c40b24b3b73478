/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_large.c - objects of whole pages, objects at an alignment, and changing sizes.
 *
 * A large object is a span of its own, straight from the source.  It shrinks in place: the source
 * takes back any part of what it gave.
 */
#include "mm/heap_impl.h"

bool qr_heap_is_length(const struct qr_span *s, size_t n)
{
	return n <= s->limit && longest(rounded(pages_for(n))) >= s->npages;
}

void qr_heap_free_large(struct qr_heap *h, struct qr_span *s)
{
	if (!qr_heap_keep(h, s))
		qr_heap_span_release(h, s);
}

void *qr_heap_alloc_large(struct qr_heap *h, size_t n, size_t align)
{
	size_t npages = rounded(pages_for(n));
	struct qr_span *s;

	if (n > PTRDIFF_MAX - QR_PAGE_SIZE || (h->fail_after && qr_heap_refuse(h)))
		return NULL;
	if (is_diverted(h))
		return qr_heap_other_alloc(h, 1, n);
	s = align > 1 ? NULL : qr_heap_from_kept(h, npages);
	if (!s)
		s = qr_heap_span_new(h, CLASS_LARGE, npages, align);
	if (!s && qr_heap_trim(h))
		s = qr_heap_span_new(h, CLASS_LARGE, npages, align);
	return s ? (void *)s->start : NULL;
}

void *qr_heap_aligned(struct qr_heap *h, size_t align, size_t n)
{
	size_t padded;

	if (align == 0 || align & (align - 1) || n > PTRDIFF_MAX || align > PTRDIFF_MAX)
		return NULL;
	if (align <= QR_HEAP_ALIGN)
		return qr_heap_alloc(h, n);
	if (is_diverted(h))
		return h->fail_after && qr_heap_refuse(h) ? NULL : qr_heap_other_alloc(h, align, n);
	padded = ((n ? n : 1) + align - 1) & -align;
	if (align > QR_PAGE_SIZE || padded > QR_HEAP_MAX_SMALL)
		return qr_heap_alloc_large(h, n ? n : 1,
					   align > QR_PAGE_SIZE ? align >> QR_PAGE_SHIFT : 1);
	/* Spans start at a page: each object is aligned if the size is a multiple. */
	for (unsigned c = class_of(padded);; c++)
		if (h->class[c].size % align == 0)
			return qr_heap_alloc_class(h, c);
}

size_t qr_heap_usable(struct qr_heap *h, const void *p)
{
	struct qr_span *s;

	if (is_diverted(h))
		return qr_heap_other_usable(h, p);
	s = p ? qr_heap_resolve(h, p) : NULL;
	if (!s)
		return 0;
	return s->class == CLASS_LARGE ? s->limit : h->class[s->class].size;
}

/* The pages behind the first `keep` go back. */
static void cut(struct qr_heap *h, struct qr_span *s, size_t keep)
{
	uintptr_t tail = s->start + (keep << QR_PAGE_SHIFT), irq;
	size_t gone = s->npages - keep;

	irq = qr_lock_acquire_irq(&h->lock);
	qr_heap_map_set(h, tail, gone, NULL);
	s->npages = keep;
	s->limit = keep << QR_PAGE_SHIFT;
	count_pages(h, -(long)gone);
	qr_lock_release_irq(&h->lock, irq);
	h->src.free(h->src.ctx, (void *)tail, gone);
}

/* Whether p may stay for n bytes: it fits, and at most half is wasted. */
static bool stays(struct qr_heap *h, struct qr_span *s, size_t n, size_t have)
{
	if (n > have)
		return false;
	if (s->class != CLASS_LARGE)
		return n > have / 2 || have == QR_HEAP_ALIGN;
	if (n <= QR_HEAP_MAX_SMALL)
		return false;
	if (IS_HARDENED) /* the guard is behind the last page */
		return n > have / 2;
	if (rounded(pages_for(n)) < s->npages)
		cut(h, s, rounded(pages_for(n)));
	return true;
}

#ifdef QR_HEAP_PROCESS

/* A large object of n bytes, in place or moved without copying; null if the source cannot. */
static void *grow(struct qr_heap *h, struct qr_span *s, size_t n)
{
	size_t more = pages_for(n) - s->npages;
	uintptr_t irq;
	char *to;

	if (n > PTRDIFF_MAX - QR_PAGE_SIZE ||
	    !qr_heap_map_prepare(h, (h->map_pages - 1) << QR_PAGE_SHIFT, 1))
		return NULL;
	irq = qr_lock_acquire_irq(&h->lock);
	qr_heap_map_set(h, s->start, s->npages, NULL);
	qr_lock_release_irq(&h->lock, irq);
	to = h->src.grow(h->src.ctx, (void *)s->start, s->npages, more);
	irq = qr_lock_acquire_irq(&h->lock);
	if (to) {
		s->start = (uintptr_t)to;
		s->npages += more;
		s->limit = s->npages << QR_PAGE_SHIFT;
		count_pages(h, (long)more);
	}
	qr_heap_map_set(h, s->start, s->npages, s);
	qr_lock_release_irq(&h->lock, irq);
	return to;
}

#else

static void *grow(struct qr_heap *h, struct qr_span *s, size_t n)
{
	(void)h, (void)s, (void)n;
	return NULL;
}

#endif

void *qr_heap_realloc(struct qr_heap *h, void *p, size_t n)
{
	struct qr_span *s;
	size_t have;
	void *to;

	if (!p)
		return qr_heap_alloc(h, n);
	if (is_diverted(h))
		return qr_heap_other_realloc(h, p, n);
	s = qr_heap_resolve(h, p);
	if (!s)
		return NULL;
	have = s->class == CLASS_LARGE ? s->limit : h->class[s->class].size;
	if (stays(h, s, n, have))
		return p;
	if (s->class == CLASS_LARGE && n > have && (to = grow(h, s, n)))
		return to;
	to = qr_heap_alloc(h, n);
	if (!to)
		return n <= have ? p : NULL; /* to shrink cannot fail */
	__builtin_memcpy(to, p, n < have ? n : have);
	(void)qr_heap_free(h, p);
	return to;
}
