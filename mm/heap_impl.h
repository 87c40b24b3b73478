/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_impl.h - what the files of the heap's engine share.
 *
 *	heap.c         alloc, free: the magazines
 *	heap_large.c   whole pages; realloc, aligned
 *	heap_class.c   sizes to classes
 *	heap_map.c     the page map, and memory for metadata
 *	heap_span.c    central lists
 *	heap_wrong.c   what a pointer is, when it is not what it should be
 *	heap_check.c   the invariants; walking and counting
 */
#ifndef MM_HEAP_IMPL_H
#define MM_HEAP_IMPL_H

#include <quire/heap.h>

#define CLASS_LARGE   QR_HEAP_CLASSES /* a span that is one object of whole pages */
#define SPAN_MAX_OBJ  256u
#define LEAF_PAGES    (QR_PAGE_SIZE / sizeof(void *)) /* a leaf of the page map is one page */
#define BATCH         16u /* most objects between magazine and spans at a time */
#define MAGAZINE_MOST (2 * BATCH)

/* A run of pages, and which objects of it are free in it (not: in a magazine, or in use). */
struct qr_span {
	struct qr_span *next, *prev; /* the class's list, if listed; next: the spare records */
	uintptr_t start;
	size_t npages;
	size_t limit;   /* bytes that are objects; what is behind is waste */
	uint32_t recip; /* of the class; 0 for a large one, which keeps it off the quick path */
	uint16_t nobj, nfree;
	uint8_t class;
	bool listed;
	qr_word bits[SPAN_MAX_OBJ / QR_WORD_BITS]; /* 1: free */
};

struct qr_heap_magazine {
	uint32_t n, cap;
	qr_word obj[];
};

struct qr_heap_local {
	struct qr_heap_magazine *mag[QR_HEAP_CLASSES];
};

struct qr_heap_leaf {
	struct qr_span *span[LEAF_PAGES];
};

_Static_assert(sizeof(struct qr_heap_leaf) == QR_PAGE_SIZE, "a leaf is one page");

/* Stands where no magazine is yet: always empty, always full. */
extern const struct qr_heap_magazine qr_heap_no_magazine;

/* ---- heap_class.c --------------------------------------------------------------------------- */

void qr_heap_init_classes(struct qr_heap *h);

/* n <= QR_HEAP_MAX_SMALL. */
QR_INLINE unsigned class_of(const struct qr_heap *h, size_t n)
{
	if (QR_LIKELY(n <= 1024))
		return h->small[(n + 15) / 16];
	return h->medium[(n - 1024 + 127) / 128];
}

/* ---- heap_map.c ----------------------------------------------------------------------------- */

/* The span of an address, or null. */
QR_INLINE struct qr_span *span_of(const struct qr_heap *h, uintptr_t p)
{
	uintptr_t page = (p - h->src.base) >> QR_PAGE_SHIFT;
	struct qr_heap_leaf *leaf;

	if (QR_RARELY(page / LEAF_PAGES >= h->nroot))
		return NULL;
	leaf = __atomic_load_n(&h->root[page / LEAF_PAGES], __ATOMIC_ACQUIRE);
	if (QR_RARELY(!leaf))
		return NULL;
	return __atomic_load_n(&leaf->span[page % LEAF_PAGES], __ATOMIC_ACQUIRE);
}

/* Leaves for every page of [start, start + npages).  False: no memory. */
bool qr_heap_map_prepare(struct qr_heap *h, uintptr_t start, size_t npages);
/* Write s (or null) for these pages; the leaves are there. */
void qr_heap_map_set(struct qr_heap *h, uintptr_t start, size_t npages, struct qr_span *s);
/* `bytes` of metadata that is never given back before fini. */
void *qr_heap_meta(struct qr_heap *h, size_t bytes);
/* A span over fresh pages, in the map, on no list.  Null: no memory. */
struct qr_span *qr_heap_span_new(struct qr_heap *h, unsigned class, size_t npages, size_t align);
/* Pages back to the source, record to the spares.  The span is on no list. */
void qr_heap_span_release(struct qr_heap *h, struct qr_span *s);
/* The first span that starts at or after *page (a number of the map); *page moves behind it. */
struct qr_span *qr_heap_span_next(const struct qr_heap *h, size_t *page);

/* ---- heap_span.c ---------------------------------------------------------------------------- */

/* Up to `want` objects of a class into out, from a new span if need be; 0: no memory. */
unsigned qr_heap_central_take(struct qr_heap *h, unsigned class, unsigned want, qr_word *out);
/* n objects back to their spans.  One that is free already is reported. */
void qr_heap_central_give(struct qr_heap *h, const qr_word *obj, unsigned n);
/* Spans without an object in use back to the source; answers how many pages. */
size_t qr_heap_central_trim(struct qr_heap *h);

QR_INLINE uint32_t index_of(const struct qr_span *s, uintptr_t p)
{
	return (uint32_t)((uint64_t)(uint32_t)(p - s->start) * s->recip >> 32);
}

/* Whether p is the start of an object of a small span.  With M = 2^32 / size rounded up, and
 * offset and size together below 2^32: size divides offset <=> offset * M mod 2^32 < M. */
QR_INLINE bool is_object(const struct qr_span *s, uintptr_t p)
{
	uintptr_t off = p - s->start;

	return (uint32_t)off * s->recip < s->recip && off < s->limit;
}

/* ---- heap.c --------------------------------------------------------------------------------- */

/* An object of a class; heap_large.c uses it for alignments. */
void *qr_heap_alloc_class(struct qr_heap *h, unsigned class);
/* Empty one CPU's magazines into the spans. */
void qr_heap_flush(struct qr_heap *h, unsigned cpu);

/* The second word of a free object: a mark that its next user is unlikely to leave there. */
QR_INLINE qr_word *mark_at(uintptr_t p)
{
	return (qr_word *)p + 1;
}

QR_INLINE qr_word mark_of(const struct qr_heap *h, uintptr_t p)
{
	return p ^ h->secret;
}

/* ---- heap_large.c --------------------------------------------------------------------------- */

void *qr_heap_alloc_large(struct qr_heap *h, size_t n, size_t align);

/* ---- heap_fail.c ---------------------------------------------------------------------------- */

/* Only while fail_after is armed: count this allocation; true if it is the one to fail. */
bool qr_heap_refuse(struct qr_heap *h);

/* ---- heap_wrong.c --------------------------------------------------------------------------- */

/* The span of an object that a caller names, or null after reporting what is wrong with it.
 * Marked objects are looked for in spans and magazines. */
struct qr_span *qr_heap_resolve(struct qr_heap *h, const void *p);
void qr_heap_wrong(struct qr_heap *h, enum qr_heap_wrong wrong, const void *p,
		   const struct qr_span *s);

#endif
