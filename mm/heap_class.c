/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_class.c - sizes to classes.
 *
 *	16 32 48 ... 128 | 144 160 ... 256 | 288 320 ... 512 | ... | ... 14336 16384
 *	steps of 16        eight steps to each doubling: 12.5 % at most is lost
 *
 * A span has the fewest pages, 1, 2, 4 or 8, at which at most 1/8 is left over behind the last
 * object; if none does so well, those that waste the least.  A magazine holds about a page's
 * worth, 2 to 32 objects.
 */
#include "mm/heap_impl.h"

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

	for (uint32_t n = 1; n <= 8; n *= 2) {
		uint32_t bytes = n * QR_PAGE_SIZE, waste = bytes % size * (8 / n);

		if (bytes < size)
			continue;
		if (bytes % size <= bytes / 8)
			return n;
		if (!best || waste < least) {
			best = n;
			least = waste;
		}
	}
	return best;
}

static void shape(struct qr_heap_class *c, uint32_t size)
{
	uint32_t npages = span_pages(size), cap = QR_PAGE_SIZE / size;

	*c = (struct qr_heap_class){
		.size = size,
		.npages = (uint16_t)npages,
		.nobj = (uint16_t)(npages * QR_PAGE_SIZE / size),
		.recip = (uint32_t)(((uint64_t)1 << 32) / size) + (size & (size - 1) ? 1 : 0),
		.cap = (uint16_t)(cap < 2               ? 2
				  : cap > MAGAZINE_MOST ? MAGAZINE_MOST
							: cap),
	};
}

void qr_heap_init_classes(struct qr_heap *h)
{
	unsigned c = 0;

	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++)
		shape(&h->class[i], size_of_class(i));
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
