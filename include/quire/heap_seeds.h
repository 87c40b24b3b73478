/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_seeds.h - the three allocators that textbooks begin with, and one interface for all four.
 *
 *	bump    a pointer that moves up; nothing is ever freed
 *	block   blocks of 4096 bytes and a byte for each in a table
 *	list    a doubly linked list of blocks that are split and merged
 *
 * They are what the documents behind this project describe, exact to their text, but without
 * the text's defects: they know their bounds, refuse sizes that wrap, and refuse wrong frees.
 * Each works in an arena that the caller gives it.
 *
 * struct qr_allocator makes them, and the engine of quire/heap.h, exchangeable: a kernel can be
 * booted on each, and the same trace measures all.
 *
 * Context: any interrupt state, and interrupts.  Locking: one lock each.
 */
#ifndef QUIRE_HEAP_SEEDS_H
#define QUIRE_HEAP_SEEDS_H

#include <quire/heap.h>

/* ---- one interface --------------------------------------------------------------------------- */

struct qr_arena_stats {
	size_t total;    /* bytes of the arena; the engine: from its source */
	size_t used;     /* bytes of objects, as the allocator rounds them */
	size_t objects;  /* in use; bump without a table: ever allocated */
	size_t free;     /* bytes */
	size_t largest;  /* largest object that would fit now; the engine: not known, 0 */
	size_t overhead; /* bytes of headers and tables */
};

struct qr_allocator_ops {
	const char *name;
	/* At least n bytes, n = 0 included; null: no room, or n cannot be. */
	void *(*alloc)(void *self, size_t n);
	/* The same at a multiple of align; null also if that is no power of two. */
	void *(*aligned)(void *self, size_t align, size_t n);
	/* Null does nothing.  QR_CORRUPT: no object in use starts there; nothing was changed. */
	enum qr_err (*free)(void *self, void *p);
	/* Bytes that may be read at p, at least what was asked for; 0: no object. */
	size_t (*usable)(void *self, const void *p);
	void (*stats)(void *self, struct qr_arena_stats *out);
	const char *(*check)(void *self); /* null, or the broken rule */
};

struct qr_allocator {
	const struct qr_allocator_ops *ops;
	void *self;
};

extern const struct qr_allocator_ops qr_heap_ops;  /* self: struct qr_heap */
extern const struct qr_allocator_ops qr_bump_ops;  /* self: struct qr_bump */
extern const struct qr_allocator_ops qr_block_ops; /* self: struct qr_block */
extern const struct qr_allocator_ops qr_list_ops;  /* self: struct qr_list */

/* Change an object's size: in place if it fits, else by moving.  p null: alloc.  Null: no room,
 * or p is no object; p is as it was. */
QR_MUST_CHECK void *qr_allocator_realloc(const struct qr_allocator *a, void *p, size_t n);

/* From now on *h is only a door: what it is asked for comes from `to`.  An engine that has never
 * given an object has empty magazines and an empty map, so its calls all take the slow path, and
 * only there is this looked at.  To be called before the first allocation. */
void qr_heap_divert(struct qr_heap *h, const struct qr_allocator *to);

/* ---- bump ------------------------------------------------------------------------------------ */

struct qr_bump {
	struct qr_lock lock;
	uintptr_t base, next, end;
	size_t align, objects;
	uint8_t *table; /* a bit for each place where an object can start; or null */
};

/* Bytes of table for an arena of so many bytes. */
#define QR_BUMP_TABLE_BYTES(bytes, align) ((bytes) / (align) / 8 + 1)

/* Objects start at multiples of align (a power of two; 1: one after the other, as in the text).
 * Without a table nothing is remembered of an object: any address below `next` may be freed, any
 * number of times.  With one, outside of the arena, wrong frees are found; memory comes back by
 * neither.  The arena itself is never touched.  Errors: QR_INVAL (also: the table is too short). */
QR_MUST_CHECK enum qr_err qr_bump_init(struct qr_bump *b, void *arena, size_t bytes, size_t align,
				       uint8_t *table, size_t table_bytes);

/* ---- block ----------------------------------------------------------------------------------- */

#define QR_BLOCK_SIZE     4096u
#define QR_BLOCK_HAS_NEXT 0x80u
#define QR_BLOCK_IS_FIRST 0x40u
#define QR_BLOCK_TYPE     0x0fu
#define QR_BLOCK_FREE     0x00u
#define QR_BLOCK_TAKEN    0x01u

struct qr_block {
	struct qr_lock lock;
	uintptr_t base;
	uint8_t *table; /* a byte for each block */
	size_t nblocks;
	size_t low; /* no block before it is free */
};

/* One byte of table for each whole block of the arena (`table_bytes` must be enough); the table
 * lies outside of the arena, which is never touched.  Errors: QR_INVAL (also: the arena does not
 * start at a multiple of 4096, or holds no block). */
QR_MUST_CHECK enum qr_err qr_block_init(struct qr_block *b, void *arena, size_t bytes,
					uint8_t *table, size_t table_bytes);

/* ---- list ------------------------------------------------------------------------------------ */

struct qr_list_header;

struct qr_list {
	struct qr_lock lock;
	struct qr_list_header *first;
	struct qr_list_header *low; /* no block before it is free */
	uintptr_t base, end;
	uintptr_t secret;
};

/* The headers lie in the arena, in front of each block.  `seed` makes them unguessable.
 * Errors: QR_INVAL (no room for one block). */
QR_MUST_CHECK enum qr_err qr_list_init(struct qr_list *l, void *arena, size_t bytes,
				       uintptr_t seed);

#endif
