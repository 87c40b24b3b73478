/* SPDX-License-Identifier: BSD-2-Clause
 *
 * scatter.c - the failure of B9: enough memory is free, and nobody can have it in one piece.
 */
#include "heaplab/lab.h"

#include <stdlib.h>

static bool can_have(struct heap *h, size_t n)
{
	void *p = h->a.ops->alloc(h->a.self, n);

	if (p)
		(void)h->a.ops->free(h->a.self, p);
	return p;
}

/* The largest object that could be had now, found by asking. */
static size_t largest(struct heap *h)
{
	size_t low = 0, high = h->arena->bytes;
	struct qr_arena_stats st;

	if (h->kind == BUMP) { /* where to ask is to take */
		h->a.ops->stats(h->a.self, &st);
		return st.largest;
	}
	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (can_have(h, middle))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

void scatter(struct arena *a, unsigned kind, size_t size, bool in_a_row, struct scatter *out)
{
	void **p = must_alloc(a->bytes / size * sizeof(*p));
	struct heap h;

	*out = (struct scatter){ 0 };
	heap_open(&h, kind, a, NULL, NULL);
	while (out->objects < a->bytes / size && (p[out->objects] = h.a.ops->alloc(h.a.self, size)))
		out->objects++;
	for (size_t i = 0; i < out->objects; i++) {
		if (in_a_row ? i >= out->objects / 2 : i % 2)
			continue;
		if (h.a.ops->free(h.a.self, p[i]))
			die(heap_names[kind], "free was refused");
		out->freed += size;
	}
	out->largest = largest(&h);
	out->given = out->largest >= 2 * size;
	free(p);
}
