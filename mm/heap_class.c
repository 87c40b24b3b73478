/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.c - sizes to classes.
 *
 *	16 32 48 ... 128 | 144 160 ... 256 | 288 320 ... 512 | ... | ... 14336 16384
 *	steps of 16        eight steps to each doubling: 12.5 % at most is lost
 *
 * A span has the fewest pages of 1, 2, 4 and 8 (in a process, of 1 to 8) that hold 8 objects, or
 * are at least 4, with at most 1/8 left over; if there are none such, those that waste the least.
 * What is left over lies in front of the first object, and the last one ends with the last page.  A magazine holds a page's worth, 2 to 31 objects (a process: 32 pages' worth, up
 * to 63).
 *
 * The check of a class tells multiples of its size among the offsets in a span: with
 *
 *	M = 2^32 / size rounded up, and further up until its low bits are the class
 *
 * an offset is a multiple if offset * M mod 2^32 < M.  Say size * M = 2^32 + e; then offset
 * q * size + r gives q * e + r * M, which is below M for r = 0 and from M to 2^32 for other r as
 * long as (q + 1) * e < M.  An offset of -d, in the waste, gives 2^32 - d * M, which is not below M
 * either, for d up to size - 16.  So the class costs no field and no load of its own.
 *
 * It does not hold for sizes of a page and more.  But then at most one object begins in a page, the
 * map has the address of that one, and an offset must be 0: of any M from 2^18 to 2^19 no other
 * offset that a page has, forward or back, has a multiple below M.
 */
#include "mm/heap_quick.h"

const uint8_t qr_heap_step_class[] = { 0, CLASS_TABLE };

#define SIZE_OF_CLASS(c) ((c) < 8 ? ((c) + 1) * 16 : (9 + (c) % 8) << ((c) / 8 + 3))

/* The two are each other's inverse at both ends of a class. */
#define INVERSE(c)                                                                                 \
	_Static_assert(CLASS_OF(SIZE_OF_CLASS(c)) == c && CLASS_OF(SIZE_OF_CLASS(c) + 1) == c + 1, \
		       "classes")
INVERSE(0);
INVERSE(7);
INVERSE(8);
INVERSE(15);
INVERSE(31);
INVERSE(40);
INVERSE(62);
_Static_assert(SIZE_OF_CLASS(QR_HEAP_CLASSES - 1) == QR_HEAP_MAX_SMALL, "the last class");

/* Pages of a span.  A kernel's frames come in powers of two. */
#ifdef QR_HEAP_PROCESS
#define MORE_PAGES(n) ((n) + 1)
#else
#define MORE_PAGES(n) ((n)*2)
#endif

static uint32_t span_pages(uint32_t size)
{
	uint32_t best = 0, least = 0;

	for (uint32_t n = 1; n <= SPAN_MAX_PAGE; n = MORE_PAGES(n)) {
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

/* See above; `span` is in bytes.  0: there is none. */
static uint32_t check_of(uint32_t size, uint32_t class, uint32_t span)
{
	uint64_t m = (((uint64_t)1 << 32) + size - 1) / size, e;

	if (size >= QR_PAGE_SIZE)
		return (1u << 18) + class;
	m += (class - m) & CLASS_MASK;
	e = m * size - ((uint64_t)1 << 32);
	return (span / size + 1) * e < m ? (uint32_t)m : 0;
}

static void shape(struct qr_heap_class *c, uint32_t class)
{
	uint32_t size = SIZE_OF_CLASS(class);
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
	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++)
		shape(&h->class[i], i);
}
