/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool.h - many objects of one size, on frames.
 *
 * For the memory manager's own small things (table descriptors, mappings, object nodes), which
 * cannot come from the heap because the heap stands above them, and for the kernel's (tasks,
 * files).  One frame of low memory is one slab: a header with a bitmap, then the objects.
 *
 *	frame  [pool, next, nfree, bits 1101..][object][object][object]...
 *
 * The bitmap stands apart from the objects: an object is never written while it is free, and a
 * free of what is free, of what lies between objects or belongs to another pool is seen at once.
 *
 * A transaction that must not fail half-way reserves first:
 *
 *	if (qr_pool_reserve(p, 3)) return QR_NOMEM;      nothing has changed yet
 *	a = qr_pool_take(p);                             cannot fail
 *	qr_pool_unreserve(p, 2);                         the rest was not needed
 *
 * Cost: alloc and free about 40 instructions each.  A slab that becomes empty goes back to frames
 * if a slab's worth of free objects remains.
 * Context: any interrupt state, and interrupts; takes the pool's lock.
 */
#ifndef QUIRE_POOL_H
#define QUIRE_POOL_H

#include <quire/frames.h>
#include <quire/lock.h>

struct qr_slab;

/* Where slabs come from if not from frames: whole pages, at a multiple of their size.  Called
 * without the pool's lock; null: no memory. */
struct qr_pool_source {
	void *(*page)(void *ctx);
	void (*free)(void *ctx, void *page);
	void *ctx;
};

struct qr_pool {
	struct qr_lock lock;
	uint32_t avail;    /* free objects that nobody has reserved */
	uint32_t reserved; /* free objects promised to qr_pool_take */
	uint32_t size;     /* of an object, alignment included */
	uint32_t first;    /* offset of the first object in its slab */
	uint32_t perslab;
	uint32_t recip;          /* 2^32 / size, rounded up: offset to index without division */
	struct qr_slab *partial; /* slabs with a free object; full ones are on no list */
	uint32_t nslabs;
	struct qr_frames *frames;
	const struct qr_pool_source *source; /* null: frames */
	const char *name;
};

#define QR_POOL_MAX_SIZE 2016u /* two objects a slab; what is larger wants frames */

/* Make *p an empty pool of objects of `size` bytes, aligned to `align` (a power of two, at least
 * 8).  `name` must outlive it.  Errors: QR_INVAL. */
QR_MUST_CHECK enum qr_err qr_pool_init(struct qr_pool *p, struct qr_frames *f, const char *name,
				       size_t size, size_t align);

/* Have slabs come from elsewhere; null: from frames.  The pool has none yet, the source outlives
 * it. */
void qr_pool_set_source(struct qr_pool *p, const struct qr_pool_source *source);

/* Give every slab back.  All objects are free by then. */
void qr_pool_fini(struct qr_pool *p);

/* One object, or null: no memory.  zalloc: filled with zeroes. */
QR_MUST_CHECK void *qr_pool_alloc(struct qr_pool *p);
QR_MUST_CHECK void *qr_pool_zalloc(struct qr_pool *p);

/* Give an object back; null does nothing.  Panics, naming the rule, on what is not an allocated
 * object of this pool. */
void qr_pool_free(struct qr_pool *p, void *obj);

/* Promise n objects to later calls of qr_pool_take.  Errors: QR_NOMEM, nothing was changed. */
QR_MUST_CHECK enum qr_err qr_pool_reserve(struct qr_pool *p, size_t n);
void qr_pool_unreserve(struct qr_pool *p, size_t n);
/* One of the promised objects, not cleared.  Panics if none was promised. */
void *qr_pool_take(struct qr_pool *p);

/* Give empty slabs back now, the kept one too; answers how many frames. */
size_t qr_pool_trim(struct qr_pool *p);

/* Objects that callers hold. */
QR_INLINE size_t qr_pool_used(const struct qr_pool *p)
{
	return (size_t)p->nslabs * p->perslab - p->avail - p->reserved;
}

/* Recount everything; null if all holds, else the rule that does not. */
const char *qr_pool_check(struct qr_pool *p);

#endif
