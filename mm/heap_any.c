/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_any.c - the engine behind the interface that it shares with the textbook allocators, what
 * all of them get from it (realloc), and the engine as a door to one of them.
 */
#include <quire/heap_seeds.h>
#include "mm/heap_impl.h"

void *qr_allocator_realloc(const struct qr_allocator *a, void *p, size_t n)
{
	size_t have;
	void *to;

	if (!p)
		return a->ops->alloc(a->self, n);
	have = a->ops->usable(a->self, p);
	if (have == 0)
		return NULL;
	/* Bump does not know where an object ends: it can only move. */
	if (n <= have && a->ops != &qr_bump_ops)
		return p;
	to = a->ops->alloc(a->self, n);
	if (!to)
		return NULL;
	__builtin_memcpy(to, p, n < have ? n : have);
	(void)a->ops->free(a->self, p);
	return to;
}

static void *engine_alloc(void *self, size_t n)
{
	return qr_heap_alloc(self, n);
}

static void *engine_aligned(void *self, size_t align, size_t n)
{
	return qr_heap_aligned(self, align, n);
}

static enum qr_err engine_free(void *self, void *p)
{
	return qr_heap_free(self, p);
}

static size_t engine_usable(void *self, const void *p)
{
	return qr_heap_usable(self, p);
}

static void engine_stats(void *self, struct qr_arena_stats *out)
{
	struct qr_heap_stats st;

	qr_heap_stats(self, &st);
	*out = (struct qr_arena_stats){
		.total = st.pages + st.metadata,
		.used = st.used,
		.objects = st.objects,
		.free = st.pages - st.used,
		.overhead = st.metadata,
	};
}

static const char *engine_check(void *self)
{
	return qr_heap_check(self);
}

const struct qr_allocator_ops qr_heap_ops = {
	"quire",       engine_alloc, engine_aligned, engine_free,
	engine_usable, engine_stats, engine_check,
};

/* ---- the door ------------------------------------------------------------------------------- */

void qr_heap_divert(struct qr_heap *h, const struct qr_allocator *to)
{
	QR_ASSERT(!h->npages, "a heap is diverted before it gives its first object");
	h->other = to;
}

void *qr_heap_other_alloc(struct qr_heap *h, size_t align, size_t n)
{
	return h->other->ops->aligned(h->other->self, align, n);
}

enum qr_err qr_heap_other_free(struct qr_heap *h, void *p)
{
	enum qr_err err = h->other->ops->free(h->other->self, p);

	if (err)
		qr_heap_wrong(h, QR_HEAP_NO_OBJECT, p, NULL);
	return err;
}

size_t qr_heap_other_usable(struct qr_heap *h, const void *p)
{
	return h->other->ops->usable(h->other->self, p);
}

void *qr_heap_other_realloc(struct qr_heap *h, void *p, size_t n)
{
	size_t have = qr_heap_other_usable(h, p);

	if (!have)
		qr_heap_wrong(h, QR_HEAP_NO_OBJECT, p, NULL);
	if (!have || (n > have && h->fail_after && qr_heap_refuse(h)))
		return NULL;
	return qr_allocator_realloc(h->other, p, n);
}
