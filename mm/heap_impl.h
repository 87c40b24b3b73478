/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_impl.h - what the files of the heap's engine share.
 *
 *	heap_quick.h   the dozen instructions that most calls are
 *	heap.c         alloc, free: what they do when those do not suffice
 *	heap_depot.c   magazines: which are full, which are empty, who has them
 *	heap_steal.c   magazines of threads that sleep, and of those that a fork left behind
 *	heap_large.c   whole pages; realloc, aligned
 *	heap_kept.c    those that were freed, for the next one
 *	heap_class.c   sizes to classes
 *	heap_map.c     the page map
 *	heap_meta.c    memory for metadata
 *	heap_span.c    central lists
 *	heap_wrong.c   what a pointer is, when it is not what it should be
 *	heap_check.c   the invariants; walking and counting
 *	heap_hardened  what these do besides in a hardened build
 *	heap_debug.c   a heap in front of this one that watches its callers; heap_note.c
 *	heap_any.c     another allocator behind this one's door
 *
 * Locks: a class has one for its spans, their bitmaps and its depot; the heap has one for the map,
 * metadata, empty magazines and the list of locals.  None is taken under another, and none is
 * held while the source is asked.
 */
#ifndef MM_HEAP_IMPL_H
#define MM_HEAP_IMPL_H

#include <quire/heap.h>

#define CLASS_LARGE   QR_HEAP_CLASSES /* a span that is one object of whole pages */
#define CLASS_MASK    (QR_HEAP_CLASSES - 1)
#define SPAN_MAX_OBJ  256u
#define SPAN_MAX_PAGE 8u

/* A run of pages, and which objects of it are free in it (not: in a magazine, or in use). */
struct qr_span {
	struct qr_span *next, *prev; /* the class's list, if listed; of those that are kept */
	uintptr_t start;             /* of the first object; what is in front of it is waste */
	size_t npages;
	size_t limit;         /* bytes that are objects, to the end of the last page */
	uint32_t recip;       /* of the class; 0 for a large one */
	uint16_t nobj, nfree; /* a large one is free if it is kept for another caller */
	uint8_t class;
	bool listed;
	bool zeroed; /* of a large one: its pages held zeroes when it was made */
	qr_word bits[SPAN_MAX_OBJ / QR_WORD_BITS]; /* 1: free */
};

/* Where its pages begin. */
QR_INLINE uintptr_t pages_of(const struct qr_span *s)
{
	return s->start + s->limit - (s->npages << QR_PAGE_SHIFT);
}

/* ---- the page map ---------------------------------------------------------------------------- */

/* What `free` has to know of a page, in one word of 64 bits. */
struct qr_heap_page {
	uint32_t minus; /* low half of the span's address, negated: an offset is one addition;
			 * in a class of whole pages, of the object that begins in this page */
	uint32_t check; /* of the span's class; 0: ask the span, if there is one */
};

#ifdef QR_HEAP_PROCESS
QR_INLINE struct qr_heap_page *page_at(const struct qr_heap *h, size_t page)
{
	return &h->page[page];
}

/* Who maps the first page that is far away makes it, while others look. */
QR_INLINE struct qr_span **far_spans(const struct qr_heap *h)
{
	return __atomic_load_n(&h->span, __ATOMIC_ACQUIRE);
}

/* The map covers the page: qr_heap_map_prepare. */
QR_INLINE struct qr_span **span_at(const struct qr_heap *h, size_t page)
{
	size_t i = page - h->first_page;

	if (i < QR_HEAP_NEAR)
		return (struct qr_span **)&h->near[i];
	return far_spans(h) + page;
}

QR_INLINE bool is_covered(const struct qr_heap *h, size_t page)
{
	return page - h->first_page < QR_HEAP_NEAR || (page < h->map_pages && far_spans(h));
}
#else
#define LEAF_PAGES 256u /* a leaf fits a page */

struct qr_heap_leaf {
	struct qr_heap_page page[LEAF_PAGES];
	struct qr_span *span[LEAF_PAGES];
};

_Static_assert(sizeof(struct qr_heap_leaf) <= QR_PAGE_SIZE, "a leaf is at most a page");

QR_INLINE struct qr_heap_leaf *leaf_of(const struct qr_heap *h, size_t page)
{
	return __atomic_load_n(&h->root[page / LEAF_PAGES], __ATOMIC_ACQUIRE);
}

QR_INLINE struct qr_heap_page *page_at(const struct qr_heap *h, size_t page)
{
	return &leaf_of(h, page)->page[page % LEAF_PAGES];
}

QR_INLINE struct qr_span **span_at(const struct qr_heap *h, size_t page)
{
	return &leaf_of(h, page)->span[page % LEAF_PAGES];
}

QR_INLINE bool is_covered(const struct qr_heap *h, size_t page)
{
	return page < h->map_pages;
}
#endif

/* Where an address is in the map; the map of a process begins at the second page of all, so that null
 * is nowhere. */
QR_INLINE uintptr_t page_number(const struct qr_heap *h, uintptr_t p)
{
#ifdef QR_HEAP_PROCESS
	(void)h;
	return (p - QR_PAGE_SIZE) >> QR_PAGE_SHIFT;
#else
	return (p - h->src.base) >> QR_PAGE_SHIFT;
#endif
}

/* The span of an address, or null. */
QR_INLINE struct qr_span *span_of(const struct qr_heap *h, uintptr_t p)
{
	uintptr_t page = page_number(h, p);

	if (!is_covered(h, page))
		return NULL;
	return __atomic_load_n(span_at(h, page), __ATOMIC_ACQUIRE);
}

/* ---- heap_class.c --------------------------------------------------------------------------- */

void qr_heap_init_classes(struct qr_heap *h);

/* The class of a size from 1 to QR_HEAP_MAX_SMALL; a constant for a constant. */
#define CLASS_LOG(n) (31u ^ (unsigned)__builtin_clz((uint32_t)((n)-1) | 128u))
#define CLASS_OF(n)  (((CLASS_LOG(n) - 7) << 3) + ((uint32_t)((n)-1) >> (CLASS_LOG(n) - 3)))

/* The classes of 16, 32 ... 1024, to be looked up. */
#define CLASS_EIGHT(n)                                                                  \
	CLASS_OF((n) + 16), CLASS_OF((n) + 32), CLASS_OF((n) + 48), CLASS_OF((n) + 64), \
	    CLASS_OF((n) + 80), CLASS_OF((n) + 96), CLASS_OF((n) + 112), CLASS_OF((n) + 128)
#define CLASS_TABLE                                                                             \
	CLASS_EIGHT(0), CLASS_EIGHT(128), CLASS_EIGHT(256), CLASS_EIGHT(384), CLASS_EIGHT(512), \
	    CLASS_EIGHT(640), CLASS_EIGHT(768), CLASS_EIGHT(896)

extern const uint8_t qr_heap_step_class[1024 / 16 + 1]; /* 0, and then these */

/* n <= QR_HEAP_MAX_SMALL. */
QR_INLINE unsigned class_of(size_t n)
{
	if (QR_LIKELY(n <= 1024))
		return qr_heap_step_class[(n + 15) / 16];
	return CLASS_OF(n);
}

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

/* Pages from the source for objects; under the heap's lock, looked at without. */
QR_INLINE void count_pages(struct qr_heap *h, long npages)
{
	__atomic_store_n(&h->npages, h->npages + (size_t)npages, __ATOMIC_RELAXED);
}

/* ---- heap_map.c ----------------------------------------------------------------------------- */

/* Leaves for every page of [start, start + npages).  False: no memory. */
bool qr_heap_map_prepare(struct qr_heap *h, uintptr_t start, size_t npages);
/* Write s (or null) for these pages; the leaves are there. */
void qr_heap_map_set(struct qr_heap *h, uintptr_t pages, size_t npages, const struct qr_span *s);
/* A span over fresh pages, in the map, on no list.  Null: no memory. */
struct qr_span *qr_heap_span_new(struct qr_heap *h, unsigned class, size_t npages, size_t align);
/* Pages back to the source, record to the others.  The span is on no list. */
void qr_heap_span_release(struct qr_heap *h, struct qr_span *s);
#ifdef QR_HEAP_PROCESS
/* What the map takes for long stretches without a span, back to the source. */
void qr_heap_map_trim(struct qr_heap *h);
#endif
/* The first span that starts at or after *page (a number of the map); *page moves behind it. */
struct qr_span *qr_heap_span_next(const struct qr_heap *h, size_t *page);

/* ---- heap_meta.c ---------------------------------------------------------------------------- */

/* Pages that are not for objects. */
void *qr_heap_fetch(struct qr_heap *h, size_t npages);
/* Records of `size` bytes, at multiples of `align`. */
void qr_heap_records_init(struct qr_heap_records *r, size_t size, size_t align);
void qr_heap_records_fini(struct qr_heap *h, struct qr_heap_records *r);
/* Null: no memory. */
void *qr_heap_record_new(struct qr_heap *h, struct qr_heap_records *r);
void qr_heap_record_free(struct qr_heap *h, struct qr_heap_records *r, void *record);

/* ---- heap_span.c ---------------------------------------------------------------------------- */

/* Up to `want` objects of a class into out, from a new span if need be; 0: no memory. */
unsigned qr_heap_central_take(struct qr_heap *h, unsigned class, unsigned want, qr_word *out);
/* n objects of a class back to their spans.  One that is free already is reported. */
void qr_heap_central_give(struct qr_heap *h, unsigned class, const qr_word *obj, unsigned n);
/* Spans on no list, chained, back to the source. */
void qr_heap_bury(struct qr_heap *h, struct qr_span *dead);
/* Spans without an object in use back to the source; answers how many pages. */
size_t qr_heap_central_trim(struct qr_heap *h);

/* ---- heap_depot.c --------------------------------------------------------------------------- */

/* The loaded magazine of a class has objects again, taken from the spare one or the depot. */
bool qr_heap_reload(struct qr_heap *h, struct qr_heap_local *l, unsigned class);
/* The loaded magazine of a class has room again.  False: no memory for a magazine. */
bool qr_heap_make_room(struct qr_heap *h, struct qr_heap_local *l, unsigned class);
/* Bytes of objects in depots. */
size_t qr_heap_in_depots(const struct qr_heap *h);
/* All objects in depots back to their spans. */
void qr_heap_drain(struct qr_heap *h);
/* Whether p lies in a magazine or depot of its class. */
bool qr_heap_in_magazine(struct qr_heap *h, unsigned class, uintptr_t p);
/* fn for each object in magazines and depots of a class. */
typedef void qr_heap_cached_fn(void *ctx, const struct qr_heap_magazine *m, uintptr_t p);
void qr_heap_cached(struct qr_heap *h, unsigned class, qr_heap_cached_fn *fn, void *ctx);
/* A local without magazines: their objects to the spans, themselves to the empty ones. */
void qr_heap_strip(struct qr_heap *h, struct qr_heap_local *l);

/* ---- heap_steal.c --------------------------------------------------------------------------- */

#ifdef QR_HEAP_PROCESS
/* Spare magazines of all who do not exchange just now, to their spans. */
void qr_heap_steal(struct qr_heap *h);
/* Before a fork: nobody exchanges magazines, and the heap's lock is held.  False: others may be in
 * the middle of it.  unhush: in the parent, after it; inherit: in the child, whose locks are new:
 * *mine is the only local, what the others had is free. */
bool qr_heap_hush(struct qr_heap *h, const struct qr_heap_local *mine);
void qr_heap_unhush(struct qr_heap *h);
void qr_heap_inherit(struct qr_heap *h, struct qr_heap_local *mine, bool hushed);
/* In an exchange: until it may begin. */
void qr_heap_wait(struct qr_heap *h, struct qr_heap_local *l);
#endif

/* ---- heap_hardened.c ------------------------------------------------------------------------ */

#ifdef QR_HEAP_HARDENED
#define IS_HARDENED 1

/* Secrets, and chance for each class. */
void qr_heap_harden(struct qr_heap *h);
/* p, free until now, is not as a free object is: report. */
void qr_heap_spoiled(const struct qr_heap *h, unsigned class, uintptr_t p);
/* Every object of a new span as a free one has to be. */
void qr_heap_fill_span(const struct qr_heap *h, const struct qr_span *s);
unsigned qr_heap_take_by_chance(struct qr_heap_class *c, struct qr_span *s, unsigned want,
				qr_word *out);
/* p waits; who waited comes out, of *class, or 0. */
uintptr_t qr_heap_hold(struct qr_heap *h, struct qr_heap_local *l, uintptr_t p, unsigned *class);
/* All who wait, to their spans. */
void qr_heap_unhold(struct qr_heap *h, struct qr_heap_local *l);
void qr_heap_each_held(struct qr_heap *h, const struct qr_heap_local *l, unsigned class,
		       qr_heap_cached_fn *fn, void *ctx);
/* Pages for metadata, apart from those for objects. */
void *qr_heap_meta_pages(struct qr_heap *h, size_t npages);
#else
#define IS_HARDENED 0

#define qr_heap_harden(h)                       ((void)0)
#define qr_heap_fill_span(h, s)                 ((void)0)
#define qr_heap_take_by_chance(c, s, want, out) 0u
#define qr_heap_hold(h, l, p, class)            (p)
#define qr_heap_unhold(h, l)                    ((void)0)
#define qr_heap_each_held(h, l, class, fn, ctx) ((void)0)
#define qr_heap_meta_pages(h, npages)           NULL
#endif

/* ---- heap.c --------------------------------------------------------------------------------- */

/* An object of a class; heap_large.c uses it for alignments. */
void *qr_heap_alloc_class(struct qr_heap *h, unsigned class);

/* ---- heap_kept.c ----------------------------------------------------------------------------- */

#ifdef QR_HEAP_KEEPS
#define IS_KEEPING 1
/* A large object of so many pages that was freed; null: there is none. */
struct qr_span *qr_heap_from_kept(struct qr_heap *h, size_t npages);
/* False: it is too long, or there is enough. */
bool qr_heap_keep(struct qr_heap *h, struct qr_span *s);
/* All that a local has, chained.  In an exchange. */
struct qr_span *qr_heap_local_kept(struct qr_heap_local *l);
/* What the heap has, back to the source; answers how many pages. */
size_t qr_heap_drop_kept(struct qr_heap *h);
#else
#define IS_KEEPING 0

#define qr_heap_from_kept(h, npages) ((void)(npages), (struct qr_span *)NULL)
#define qr_heap_keep(h, s)           false
#define qr_heap_local_kept(l)        ((struct qr_span *)NULL)
#define qr_heap_drop_kept(h)         ((size_t)0)
#endif

/* ---- heap_large.c ---------------------------------------------------------------------------- */

QR_INLINE size_t pages_for(size_t n)
{
	return (n + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
}

/* What an object of so many pages gets, so that another one can have them after it. */
QR_INLINE size_t rounded(size_t npages)
{
	if (!IS_KEEPING || npages <= 16 || npages >= QR_HEAP_KEPT)
		return npages;
	return npages <= 32 ? (npages + 1) & ~(size_t)1 : (npages + 3) & ~(size_t)3;
}

/* What it may get, if that is there. */
QR_INLINE size_t longest(size_t npages)
{
	return IS_KEEPING && npages < QR_HEAP_KEPT ? npages + npages / 8 + 1 : npages;
}

void *qr_heap_alloc_large(struct qr_heap *h, size_t n, size_t align);
void qr_heap_free_large(struct qr_heap *h, struct qr_span *s);
/* Whether n bytes would have got a large object like this. */
bool qr_heap_is_length(const struct qr_span *s, size_t n);

/* ---- heap_any.c ---------------------------------------------------------------------------- */

/* Whether objects come from another allocator.  Asked on slow paths only.  A heap of a process
 * is never diverted. */
QR_INLINE bool is_diverted(const struct qr_heap *h)
{
#ifdef QR_HEAP_PROCESS
	(void)h;
	return false;
#else
	return h->other;
#endif
}

void *qr_heap_other_alloc(struct qr_heap *h, size_t align, size_t n);
enum qr_err qr_heap_other_free(struct qr_heap *h, void *p);
size_t qr_heap_other_usable(struct qr_heap *h, const void *p);
void *qr_heap_other_realloc(struct qr_heap *h, void *p, size_t n);

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
