/* SPDX-License-Identifier: BSD-2-Clause
 *
 * object.h - memory objects: pages that have a home of their own.
 *
 * An object is an array of pages, found by index: the contents of a file (fs/memfs: the pages
 * of the file *are* these), a shared anonymous mapping, a System V segment.  Spaces map parts
 * of it; read and write on the file copy to and from the same frames, so that a shared mapping
 * and read() always agree.
 *
 *	object ── radix tree of frames, by page index     (holes read as zeroes)
 *	   └──── list of mappings: where spaces map it     (the file's reverse map)
 *
 * A frame in an object has type QR_FRAME_CACHE and one reference for being there; each table
 * entry that maps it holds one more.
 */
#ifndef QUIRE_OBJECT_H
#define QUIRE_OBJECT_H

#include <quire/frames.h>
#include <quire/lock.h>
#include <quire/radix.h>
#include <quire/types.h>

struct qr_memory;
struct qr_mapping;

struct qr_object {
	struct qr_lock lock;
	uint32_t ref; /* owners: the file, and each mapping */
	struct qr_memory *memory;
	uint64_t npages;       /* pages at or beyond this index do not exist: QR_BEYOND */
	uint64_t nresident;    /* frames held */
	struct qr_radix pages; /* frame + 1, by page index: frame 0 is a frame too */
	struct qr_mapping *mappings;
	void *owner;                          /* the host's: which file this is */
	void (*release)(struct qr_object *);  /* last reference gone, pages freed already */
	bool (*may_fill)(struct qr_object *); /* one hole more?  No: QR_BEYOND.  Under its lock */
	void (*unmapped)(struct qr_object *); /* a space maps it no more; NULL: nobody asks */
};

/* Make an empty object of npages, all holes, with one reference.  `release` may be NULL;
 * it is where the owner frees the memory of the object itself. */
void qr_object_init(struct qr_object *o, struct qr_memory *memory, uint64_t npages, void *owner,
		    void (*release)(struct qr_object *));
void qr_object_get(struct qr_object *o);
void qr_object_put(struct qr_object *o);

/* The frame of page `index`, with one reference more, which the caller gives back through
 * qr_frame_put.  A hole: filled with a zeroed frame if `fill`, else QR_NOENT (read zeroes).
 * Errors: QR_BEYOND, QR_NOMEM, QR_NOENT.  Context: takes the object's lock, does not sleep. */
QR_MUST_CHECK enum qr_err qr_object_page(struct qr_object *o, uint64_t index, bool fill,
					 qr_frame *out);

/* The same without a reference: for who lets nobody else run until it is done with the page. */
QR_INLINE bool qr_object_peek(const struct qr_object *o, uint64_t index, qr_frame *out)
{
	uintptr_t v = QR_LIKELY(index < o->npages) ? qr_radix_get(&o->pages, index) : 0;

	if (v)
		*out = qr_frame_of((uint32_t)(v - 1));
	return v != 0;
}

/* Does it have page `index` now?  A hint: nothing keeps it there. */
bool qr_object_resident(const struct qr_object *o, uint64_t index);

/* Copy bytes in or out; `out` = bytes copied, short only when memory ran out (in) .  Reading
 * holes gives zeroes and fills nothing.  The caller keeps [offset, offset+n) within the pages
 * of the object.  Kernel memory on the other side: it must not fault. */
QR_MUST_CHECK enum qr_err qr_object_read(struct qr_object *o, uint64_t offset, void *to, size_t n);
QR_MUST_CHECK enum qr_err qr_object_write(struct qr_object *o, uint64_t offset, const void *from,
					  size_t n, size_t *out);

/* Change the size.  Shrinking takes the pages beyond out of every mapping and frees them; the
 * rest of the last page is for the caller to clear.  Growing makes holes.  Cannot fail. */
void qr_object_resize(struct qr_object *o, uint64_t npages);

/* How many mappings it has; `writable`: those alone that writes could go through, now or after a
 * change of rights. */
size_t qr_object_mappings(struct qr_object *o, bool writable);

/* Free the pages [first, first + n) (a hole again), out of every mapping too. */
void qr_object_punch(struct qr_object *o, uint64_t first, uint64_t n);

#endif
