/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_hardened.c - chance, waiting and room apart; see heap_hardened.h.
 */
#include "mm/heap_quick.h"

#ifdef QR_HEAP_HARDENED

#ifndef QR_HEAP_PROCESS
#error "the hardened engine asks its source for address space, as only a process has it"
#endif

#define META_AREA ((size_t)16 << 20) /* address space for metadata, at a time */

/* Marsaglia's xorshift: chance enough for an order; secrets come from the source. */
static uint32_t chance(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint32_t seed(struct qr_heap *h)
{
	return (uint32_t)h->src.random(h->src.ctx) | 1;
}

void qr_heap_harden(struct qr_heap *h)
{
	h->secret[0] = h->src.random(h->src.ctx);
	h->secret[1] = h->src.random(h->src.ctx) | 1;
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		h->class[c].random = seed(h);
}

/* ---- objects ---------------------------------------------------------------------------------- */

void qr_heap_spoiled(const struct qr_heap *h, unsigned class, uintptr_t p)
{
	struct qr_heap_fault fault = { .wrong = QR_HEAP_AFTER,
				       .p = (void *)p,
				       .object = (void *)p };
	uint32_t size = h->class[class].size, i = 0;

	while (i < size && (i / 4 == sizeof(qr_word) / 4 ? is_marked(h, p) : !((char *)p)[i]))
		i++;
	fault.size = size;
	fault.at = (char *)p + i;
	if (h->report)
		h->report(h->report_ctx, &fault);
}

void qr_heap_fill_span(const struct qr_heap *h, const struct qr_span *s)
{
	uint32_t size = h->class[s->class].size;

	if (!s->zeroed)
		__builtin_memset((void *)pages_of(s), 0, s->npages << QR_PAGE_SHIFT);
	for (uintptr_t p = s->start; p < s->start + s->limit; p += size)
		set_mark(h, p);
}

unsigned qr_heap_take_by_chance(struct qr_heap_class *c, struct qr_span *s, unsigned want,
				qr_word *out)
{
	unsigned n = 0, nwords = (s->nobj + QR_WORD_BITS - 1) / QR_WORD_BITS;

	for (; n < want && s->nfree; s->nfree--) {
		uint32_t i = (uint32_t)((uint64_t)chance(&c->random) * s->nobj >> 32);
		unsigned w = i / QR_WORD_BITS;
		qr_word from = s->bits[w] & ~(qr_word)0 << i % QR_WORD_BITS;

		while (!from) {
			w = (w + 1) % nwords;
			from = s->bits[w];
		}
		i = w * QR_WORD_BITS + (unsigned)__builtin_ctzl(from);
		s->bits[w] &= ~((qr_word)1 << i % QR_WORD_BITS);
		out[n++] = s->start + i * c->size;
	}
	return n;
}

/* ---- waiting ---------------------------------------------------------------------------------- */

uintptr_t qr_heap_hold(struct qr_heap *h, struct qr_heap_local *l, uintptr_t p, unsigned *class)
{
	uintptr_t out;
	uint32_t i;

	if (l->closed)
		return p;
	if (!l->random)
		l->random = seed(h);
	i = chance(&l->random) % QR_HEAP_HELD;
	out = l->held[i];
	qr_store_word(&l->held[i], p);
	if (out)
		*class = span_of(h, out)->class;
	return out;
}

void qr_heap_unhold(struct qr_heap *h, struct qr_heap_local *l)
{
	for (unsigned i = 0; i < QR_HEAP_HELD; i++) {
		qr_word p = l->held[i];

		if (!p)
			continue;
		qr_store_word(&l->held[i], 0);
		qr_heap_central_give(h, span_of(h, p)->class, &p, 1);
	}
}

void qr_heap_each_held(struct qr_heap *h, const struct qr_heap_local *l, unsigned class,
		       qr_heap_cached_fn *fn, void *ctx)
{
	for (unsigned i = 0; i < QR_HEAP_HELD; i++) {
		uintptr_t p = qr_load_word(&l->held[i]);
		const struct qr_span *s = p ? span_of(h, p) : NULL;

		if (s && s->class == class)
			fn(ctx, NULL, p);
	}
}

/* ---- metadata --------------------------------------------------------------------------------- */

void *qr_heap_meta_pages(struct qr_heap *h, size_t npages)
{
	size_t bytes = npages << QR_PAGE_SHIFT;
	char *at = NULL, *area = NULL;

	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&h->lock);

		if (area) {
			h->meta_area = area;
			h->meta_area_end = area + META_AREA;
		}
		if ((size_t)(h->meta_area_end - h->meta_area) >= bytes) {
			at = h->meta_area;
			h->meta_area += bytes;
		}
		qr_lock_release_irq(&h->lock, irq);
		if (at)
			return at;
		area = bytes <= META_AREA ? h->src.reserve(h->src.ctx, META_AREA) : NULL;
		if (!area)
			return NULL;
	}
}

#endif
