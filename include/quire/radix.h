/* SPDX-License-Identifier: BSD-2-Clause
 *
 * radix.h - words found by number: a radix tree.
 *
 * For the pages of an object by index, and the mappings of a space by id.  64 words a node; the
 * height follows the largest number in use, so that small things stay small: with height 0 the
 * root is the value of number 0 itself, and a file of one page has no node at all.
 *
 *	height 2, 1 and 0:
 *	root -> [node] -> [node] -> value        root -> [node] -> value        root = value
 *
 * A value is never 0; 0 says that nothing is there.  Empty nodes go back to the pool at once.
 *
 * Locking: the caller's.  Cost: get takes 5 instructions a level.
 */
#ifndef QUIRE_RADIX_H
#define QUIRE_RADIX_H

#include <quire/pool.h>
#include <quire/types.h>

#define QR_RADIX_BITS  6
#define QR_RADIX_SLOTS (1u << QR_RADIX_BITS)

struct qr_radix_node {
	uint32_t used; /* slots that are not 0 */
	uintptr_t slot[QR_RADIX_SLOTS];
};

struct qr_radix {
	uintptr_t root; /* a value (height 0) or a node */
	unsigned height;
};

/* Numbers below this can be held without growing. */
QR_INLINE bool qr_radix_fits(const struct qr_radix *r, uint64_t number)
{
	return r->height * QR_RADIX_BITS >= 64 || number >> (r->height * QR_RADIX_BITS) == 0;
}

/* The value of a number; 0: none. */
QR_INLINE uintptr_t qr_radix_get(const struct qr_radix *r, uint64_t number)
{
	uintptr_t v = r->root;

	if (QR_RARELY(!qr_radix_fits(r, number)))
		return 0;
	for (unsigned h = r->height; h && v; h--)
		v = ((struct qr_radix_node *)v)
			->slot[number >> ((h - 1) * QR_RADIX_BITS) & (QR_RADIX_SLOTS - 1)];
	return v;
}

/* The lowest node on the way to a number, from that number's slot on to the node's end; null:
 * none.  For readers of several numbers that lie in one node. */
QR_INLINE const uintptr_t *qr_radix_slots(const struct qr_radix *r, uint64_t number)
{
	uintptr_t v = r->root;

	if (!r->height || !qr_radix_fits(r, number))
		return NULL;
	for (unsigned h = r->height; h > 1 && v; h--)
		v = ((struct qr_radix_node *)v)
			->slot[number >> ((h - 1) * QR_RADIX_BITS) & (QR_RADIX_SLOTS - 1)];
	return v ? &((struct qr_radix_node *)v)->slot[number & (QR_RADIX_SLOTS - 1)] : NULL;
}

/* Set the value (not 0) of a number, in place of what was there.  `nodes` is a pool of
 * struct qr_radix_node.  Errors: QR_NOMEM, nothing was changed. */
QR_MUST_CHECK enum qr_err qr_radix_set(struct qr_radix *r, struct qr_pool *nodes, uint64_t number,
				       uintptr_t value);

/* Take a value out; answers it.  Cannot fail. */
uintptr_t qr_radix_clear(struct qr_radix *r, struct qr_pool *nodes, uint64_t number);

/* The first value at or above *number, which becomes its number; 0: none. */
uintptr_t qr_radix_next(const struct qr_radix *r, uint64_t *number);

#endif
