/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.c - sizes to classes.
 *
 *	16 32 48 ... 128 | 144 160 ... 256 | 288 320 ... 512 | ... | ... 14336 16384
 *	steps of 16        eight steps to each doubling: 12.5 % at most is lost
 *
 * A span has the fewest pages, 1, 2, 4 or 8, that hold 8 objects with at most 1/8 left over behind
 * the last one; if there are none such, those that waste the least.  A magazine holds a page's
 * worth, 2 to 31 objects (a process: 16 pages' worth, up to 63).
 *
 * The check of a class tells multiples of its size among the offsets in a span: with
 *
 *	M = 2^32 / size rounded up, and further up until its low bits are the class
 *
 * an offset is a multiple if offset * M mod 2^32 < M.  Say size * M = 2^32 + e; then offset
 * q * size + r gives q * e + r * M, which is below M for r = 0 and from M to 2^32 for other r as
 * long as (q + 1) * e < M.  So the class costs no field and no load of its own.  Sizes for which it
 * does not hold have check 0 and are looked at through their span.
 */
#include "mm/heap_quick.h"

/* Size of class c. */
static uint32_t size_of_class(unsigned c)
{
	unsigned doubling = c / 8, step = c % 8;

	if (doubling == 0)
		return (step + 1) * 16;
	return (8 + step + 1) << (doubling + 3);
}

/* Pages of a span, as a power of two. */
static uint32_t span_pages(uint32_t size)
{
	uint32_t best = 0, least = 0;

	for (uint32_t n = 1; n <= SPAN_MAX_PAGE; n *= 2) {
		uint32_t bytes = n * QR_PAGE_SIZE, waste = bytes % size * (SPAN_MAX_PAGE / n);

		if (bytes < size ||
		    (IS_HARDENED && n < SPAN_MAX_PAGE && 2 * bytes / size <= SPAN_MAX_OBJ))
			continue;
		if (bytes % size <= bytes / 8 && (bytes / size >= 8 || n >= 4))
			return n;
		if (!best || waste < least) {
			best = n;
			least = waste;
		}
	}
	return best;
}

/* See above; `span` is in bytes. */
static uint32_t check_of(uint32_t size, uint32_t class, uint32_t span)
{
	uint64_t m = (((uint64_t)1 << 32) + size - 1) / size, e;

	m += (class - m) & CLASS_MASK;
	e = m * size - ((uint64_t)1 << 32);
	return (span / size + 1) * e < m ? (uint32_t)m : 0;
}

static void shape(struct qr_heap_class *c, uint32_t class)
{
	uint32_t size = size_of_class(class);
	uint32_t npages = span_pages(size), cap = MAGAZINE_WORTH / size;

	*c = (struct qr_heap_class){
		.size = size,
		.npages = (uint16_t)npages,
		.nobj = (uint16_t)(npages * QR_PAGE_SIZE / size),
		.recip = (uint32_t)(((uint64_t)1 << 32) / size) + (size & (size - 1) ? 1 : 0),
		.check = check_of(size, class, npages * QR_PAGE_SIZE),
		.cap = (uint16_t)(cap < 2                    ? 2
				  : cap > MAGAZINE_SLOTS - 1 ? MAGAZINE_SLOTS - 1
							     : cap),
	};
	qr_lock_init(&c->lock, QR_RANK_HEAP);
}

void qr_heap_init_classes(struct qr_heap *h)
{
	unsigned c = 0;

	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++)
		shape(&h->class[i], i);
	for (unsigned i = 0; i < sizeof(h->small); i++) {
		if (i * 16 > h->class[c].size)
			c++;
		h->small[i] = (uint8_t)c;
	}
	for (unsigned i = 0; i < sizeof(h->medium); i++) {
		if (1024 + i * 128 > h->class[c].size)
			c++;
		h->medium[i] = (uint8_t)c;
	}
}
