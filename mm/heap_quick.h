/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_quick.h - alloc and free when a magazine can answer.
 *
 * A magazine is 32 words at a multiple of its size.  Its objects end at the last word, and the
 * word below the first of them is 0; so a class with fewer objects to a magazine uses the upper
 * end of one.  The local's pointer to the last object then tells all:
 *
 *	slot  0   ...  27  28  29  30  31
 *	                0  obj obj  -   -       cap 4, 2 objects
 *	                        ^top
 *	empty: the word at top is 0	full: top is the last word, seen from its address alone
 *
 * `nothing` stands where no magazine is yet: it is empty and full at once.
 *
 * A free object carries a mark behind its first word.  A free that finds the mark is suspicious,
 * and only then is it worth looking whether the object is free already; a user's data that looks
 * like the mark is thus no error.  The waste behind the last object of a span carries it too: so
 * that address, the only one that the check of multiples lets through, is looked at as well.
 */
#ifndef MM_HEAP_QUICK_H
#define MM_HEAP_QUICK_H

#include "mm/heap_impl.h"

#define MAGAZINE_SLOTS 32u
#define MAGAZINE_LAST  (MAGAZINE_SLOTS - 1)
#define MAGAZINE_BYTES (MAGAZINE_SLOTS * sizeof(qr_word))
#define MARK           0xf4eed0b1u

struct qr_heap_magazine {
	qr_word slot[MAGAZINE_SLOTS]; /* [0]: the next one, while in a list */
} __attribute__((aligned(MAGAZINE_SLOTS * sizeof(qr_word))));

extern const struct qr_heap_magazine qr_heap_nothing;

QR_INLINE uint32_t *mark_at(uintptr_t p)
{
	return (uint32_t *)(p + sizeof(qr_word));
}

QR_INLINE bool is_full(const qr_word *top)
{
	return ((uintptr_t)top & (MAGAZINE_BYTES - 1)) == MAGAZINE_LAST * sizeof(qr_word);
}

/* In debug builds what is free, and what was just given out, holds a pattern. */
QR_INLINE void poison(const struct qr_heap *h, unsigned class, uintptr_t p, int pattern)
{
#ifdef QR_DEBUG
	__builtin_memset((void *)p, pattern, h->class[class].size);
#else
	(void)h, (void)class, (void)p, (void)pattern;
#endif
}

#define FREED 0x5f
#define FRESH 0xa7

/* An object out of the loaded magazine, or 0. */
QR_INLINE uintptr_t pop(struct qr_heap_local *l, unsigned class)
{
	qr_word *top = __atomic_load_n(&l->top[class], __ATOMIC_RELAXED);
	uintptr_t p = qr_load_word(top);

	if (QR_LIKELY(p))
		__atomic_store_n(&l->top[class], top - 1, __ATOMIC_RELAXED);
	return p;
}

/* False: the loaded magazine is full. */
QR_INLINE bool push(struct qr_heap_local *l, unsigned class, uintptr_t p)
{
	qr_word *top = __atomic_load_n(&l->top[class], __ATOMIC_RELAXED);

	if (QR_RARELY(is_full(top)))
		return false;
	qr_store_word(top + 1, p);
	__atomic_store_n(&l->top[class], top + 1, __ATOMIC_RELAXED);
	return true;
}

/* What the map says of an address; all 0 for one that is not of the heap. */
QR_INLINE struct qr_heap_page page_of(const struct qr_heap *h, uintptr_t p)
{
	uintptr_t page = (p - h->src.base) >> QR_PAGE_SHIFT;
	const struct qr_heap_page *at;

	if (QR_RARELY(page >= h->map_pages))
		return (struct qr_heap_page){ 0, 0 };
	at = &__atomic_load_n(&h->root[page / LEAF_PAGES], __ATOMIC_ACQUIRE)
		  ->page[page % LEAF_PAGES];
#ifdef __LP64__
	union {
		uint64_t word;
		struct qr_heap_page page;
	} u = { .word = __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED) };
	return u.page;
#else
	return (struct qr_heap_page){ qr_load32(&at->start), qr_load32(&at->check) };
#endif
}

/* True: p was an object in use, and lies in the loaded magazine now. */
QR_INLINE bool quick_free(struct qr_heap *h, struct qr_heap_local *l, uintptr_t p)
{
	struct qr_heap_page page = page_of(h, p);
	uint32_t off = (uint32_t)p - page.start;
	unsigned class = page.check & CLASS_MASK;

	if (QR_RARELY(off * page.check >= page.check) || QR_RARELY(*mark_at(p) == MARK))
		return false;
	poison(h, class, p, FREED);
	*mark_at(p) = MARK;
	if (QR_LIKELY(push(l, class, p)))
		return true;
	*mark_at(p) = 0;
	return false;
}

#endif
