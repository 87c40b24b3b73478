/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_hardened.h - an engine that resists a program's errors, and who makes use of them.
 *
 * Compiled with QR_HEAP_HARDENED, which changes this much of the engine and nothing else:
 *
 *	free object   all zeroes but its mark, which is its address hashed with two secrets: it
 *		      cannot be guessed, nor copied from another object
 *	alloc	      the object has to be so still, or somebody wrote to it after it was freed
 *	free	      looked at exactly, each time; then the object waits among QR_HEAP_HELD others of
 *		      its thread, and one of these, chosen by chance, goes to the magazine
 *	spans	      objects are taken by chance, not in order; spans are as large as they can be, so
 *		      that there are fewer edges to guard
 *	metadata      from address space of its own, with nothing accessible around it
 *	pages	      a guard behind each span and large object; free ones cannot be accessed
 *		      (malloc/guard.c)
 *
 * There are no links to encode: magazines are arrays apart from the objects, spans have bitmaps
 * apart, and free pages have a table apart.  The mark is the only word of the heap's in an object.
 */
#ifndef MM_HEAP_HARDENED_H
#define MM_HEAP_HARDENED_H

#include "mm/heap_impl.h"

QR_INLINE uint32_t *mark_at(uintptr_t p)
{
	return (uint32_t *)(p + sizeof(qr_word));
}

QR_INLINE uint32_t mark_of(const struct qr_heap *h, uintptr_t p)
{
	return (uint32_t)((p + h->secret[0]) * h->secret[1] >> 32);
}

QR_INLINE bool is_marked(const struct qr_heap *h, uintptr_t p)
{
	return *mark_at(p) == mark_of(h, p);
}

QR_INLINE void set_mark(const struct qr_heap *h, uintptr_t p)
{
	*mark_at(p) = mark_of(h, p);
}

typedef uint64_t qr_heap_two __attribute__((vector_size(16), may_alias));

/* All zeroes but the mark.  Objects are a multiple of 16 bytes at one. */
QR_INLINE bool is_clean(const struct qr_heap *h, uintptr_t p, uint32_t size)
{
	const qr_heap_two *two = (const qr_heap_two *)p, *end = two + size / sizeof(*two);
	qr_heap_two dirt = *two++;

	dirt[sizeof(qr_word) / 8] ^= (uint64_t)mark_of(h, p) << (sizeof(qr_word) % 8 * 8);
	while (two < end)
		dirt |= *two++;
	return !(dirt[0] | dirt[1]);
}

QR_INLINE void retire(const struct qr_heap *h, unsigned class, uintptr_t p)
{
	__builtin_memset((void *)p, 0, h->class[class].size);
	set_mark(h, p);
}

QR_INLINE void give_out(const struct qr_heap *h, unsigned class, uintptr_t p)
{
	if (QR_RARELY(!is_clean(h, p, h->class[class].size)))
		qr_heap_spoiled(h, class, p);
	*mark_at(p) = 0;
}

#endif
