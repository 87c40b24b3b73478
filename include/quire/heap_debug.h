/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_debug.h - a heap that watches its callers.
 *
 * It stands in front of a qr_heap and has its functions.  An object gets a zone of known bytes in
 * front and one that begins right behind the last byte that was asked for; what is fresh and what
 * is free holds a pattern; and what is freed waits in a queue, so that it is not soon somebody
 * else's:
 *
 *	 the engine's object
 *	| c3 c3 ... c3 | asked bytes | c3 c3 ... |
 *	  16 or align    a7: fresh     16 or more, up to the end of its class
 *			 5f: free
 *
 * A record of each object stands apart: where it was allocated and where it was freed, as the
 * return address that the caller passes.  With these every error is reported (struct
 * qr_heap_fault: asked, alloc_site, free_site, at), as far as memory still shows it:
 *
 *	wrong free       always; of an object that left the queue, without its sites
 *	BEFORE, BEHIND   when the object is freed, and by qr_heap_debug_check
 *	AFTER            when it leaves the queue, and by qr_heap_debug_check
 *
 * Nothing of this is in a release build.  Cost: an object takes 32 to 47 bytes more and a record
 * of 72 (40 with 32 bits); its bytes are written twice and read twice; one lock.
 * Context: as qr_heap.
 */
#ifndef QUIRE_HEAP_DEBUG_H
#define QUIRE_HEAP_DEBUG_H

#include <quire/heap.h>

struct qr_heap_note;

/* The caller's memory; its fields are the heap's own, but for every and hold_max. */
struct qr_heap_debug {
	struct qr_lock lock;
	struct qr_heap *heap;
	struct qr_heap_note **bucket; /* the records, by the engine's address */
	size_t nbuckets, nnotes;
	struct qr_heap_records notes;
	struct qr_heap_note *oldest, *newest; /* the queue of what is free */
	size_t held, hold_max;                /* bytes in it, and at most */
	uint32_t every, calls;                /* check everything with every n-th call; 0: never */
};

/* What was allocated at one place and is in use. */
struct qr_heap_group {
	uintptr_t site;
	size_t objects, bytes;
};

/* Watch over h, whose objects all go through *d from now; at most hold_max bytes wait freed.
 * Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_heap_debug_init(struct qr_heap_debug *d, struct qr_heap *h,
					     size_t hold_max);
/* Before qr_heap_fini. */
void qr_heap_debug_fini(struct qr_heap_debug *d);

/* As those of qr_heap; site: the caller's caller.  usable: exactly what was asked for. */
QR_MUST_CHECK void *qr_heap_debug_alloc(struct qr_heap_debug *d, size_t n, uintptr_t site);
QR_MUST_CHECK void *qr_heap_debug_zalloc(struct qr_heap_debug *d, size_t n, uintptr_t site);
QR_MUST_CHECK void *qr_heap_debug_aligned(struct qr_heap_debug *d, size_t align, size_t n,
					  uintptr_t site);
/* Always to another place, so that an old pointer is one to freed memory. */
QR_MUST_CHECK void *qr_heap_debug_realloc(struct qr_heap_debug *d, void *p, size_t n,
					  uintptr_t site);
/* Errors: QR_CORRUPT, reported.  A wrong free changes nothing; an object that was written beside
 * is freed nevertheless. */
enum qr_err qr_heap_debug_free(struct qr_heap_debug *d, void *p, uintptr_t site);
size_t qr_heap_debug_usable(struct qr_heap_debug *d, const void *p);

/* Give all that waits to the engine, and what the engine does not need to the source. */
size_t qr_heap_debug_trim(struct qr_heap_debug *d);

/* Look at every object, in use and waiting; each wrong one is reported, once.  Answers how many. */
size_t qr_heap_debug_check(struct qr_heap_debug *d);

/* The places whose objects in use have the most bytes, those first: up to n of them into out.
 * Answers how many there are; *all gets the sums.  O(objects * log objects), with the lock. */
size_t qr_heap_debug_groups(struct qr_heap_debug *d, struct qr_heap_group *out, size_t n,
			    struct qr_heap_group *all);

#endif
