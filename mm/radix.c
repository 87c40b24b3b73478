/* SPDX-License-Identifier: BSD-2-Clause
 *
 * radix.c - see radix.h.
 *
 * I1. used = slots of a node that are not 0, and is never 0 once a call has returned.
 * I2. The root is not higher than its largest number needs.
 */
#include <quire/radix.h>

#define SLOT_MASK (QR_RADIX_SLOTS - 1)

/* 11 levels of 6 bits hold any number of 64 bits. */
#define MAX_HEIGHT 11

static unsigned slot_of(uint64_t number, unsigned height)
{
	return number >> ((height - 1) * QR_RADIX_BITS) & SLOT_MASK;
}

static unsigned height_for(uint64_t number)
{
	unsigned h = 0;

	while (number) {
		number >>= QR_RADIX_BITS;
		h++;
	}
	return h;
}

/* Give up levels at the top whose only number range is the lowest. */
static void lower(struct qr_radix *r, struct qr_pool *nodes)
{
	while (r->height) {
		struct qr_radix_node *top = (struct qr_radix_node *)r->root;

		if (top && (top->used != 1 || !top->slot[0]))
			return;
		r->root = top ? top->slot[0] : 0;
		r->height--;
		qr_pool_free(nodes, top);
	}
}

/* How many nodes are missing on the way to `number`, in a tree that is `height` high. */
static unsigned missing(const struct qr_radix *r, uint64_t number, unsigned height)
{
	unsigned n = 0;
	uintptr_t v = r->root;

	if (height > r->height)
		return r->root ? (height - r->height) + (height - 1) : height;
	for (unsigned h = height; h; h--) {
		if (!v)
			n++;
		else
			v = ((struct qr_radix_node *)v)->slot[slot_of(number, h)];
	}
	return n;
}

static struct qr_radix_node *new_node(struct qr_pool *nodes)
{
	struct qr_radix_node *n = qr_pool_take(nodes);

	*n = (struct qr_radix_node){ 0 };
	return n;
}

static unsigned raise(struct qr_radix *r, struct qr_pool *nodes, unsigned height)
{
	unsigned taken = 0;

	while (r->height < height) {
		if (r->root) {
			struct qr_radix_node *n = new_node(nodes);

			n->slot[0] = r->root;
			n->used = 1;
			r->root = (uintptr_t)n;
			taken++;
		}
		r->height++;
	}
	return taken;
}

enum qr_err qr_radix_set(struct qr_radix *r, struct qr_pool *nodes, uint64_t number,
			 uintptr_t value)
{
	unsigned height = height_for(number), need, taken;
	uintptr_t *at = &r->root;

	if (height < r->height)
		height = r->height;
	need = missing(r, number, height);
	if (need && qr_pool_reserve(nodes, need))
		return QR_NOMEM;
	taken = raise(r, nodes, height);
	for (unsigned h = height; h; h--) {
		struct qr_radix_node *n = (struct qr_radix_node *)*at;

		if (!n) {
			n = new_node(nodes);
			taken++;
			*at = (uintptr_t)n;
		}
		at = &n->slot[slot_of(number, h)];
		n->used += *at == 0;
	}
	*at = value;
	if (taken < need)
		qr_pool_unreserve(nodes, need - taken);
	return QR_OK;
}

uintptr_t qr_radix_clear(struct qr_radix *r, struct qr_pool *nodes, uint64_t number)
{
	uintptr_t *path[MAX_HEIGHT + 1];
	uintptr_t *at = &r->root, value;

	if (!qr_radix_fits(r, number))
		return 0;
	for (unsigned h = r->height; h && *at; h--) {
		path[h] = at;
		at = &((struct qr_radix_node *)*at)->slot[slot_of(number, h)];
	}
	value = *at;
	if (!value)
		return 0;
	*at = 0;
	for (unsigned h = 1; h <= r->height; h++) {
		struct qr_radix_node *n = (struct qr_radix_node *)*path[h];

		if (--n->used)
			break;
		*path[h] = 0;
		qr_pool_free(nodes, n);
	}
	lower(r, nodes);
	return value;
}

uintptr_t qr_radix_next(const struct qr_radix *r, uint64_t *number)
{
	uint64_t at = *number;

	while (qr_radix_fits(r, at)) {
		uintptr_t v = r->root;
		unsigned h = r->height;

		while (h && v) {
			v = ((struct qr_radix_node *)v)->slot[slot_of(at, h)];
			h--;
		}
		if (v) {
			*number = at;
			return v;
		}
		/* Nothing below this point: step over all that it spans. */
		if (h * QR_RADIX_BITS >= 64)
			return 0;
		at = ((at >> (h * QR_RADIX_BITS)) + 1) << (h * QR_RADIX_BITS);
		if (!at)
			return 0;
	}
	return 0;
}
