/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_check.c - the invariants I1 .. I5 that heap.c states; walking over objects; numbers.
 */
#include "mm/heap_quick.h"

static bool span_bit(const struct qr_span *s, uint32_t i)
{
	return s->bits[i / QR_WORD_BITS] >> (i % QR_WORD_BITS) & 1;
}

/* ---- walking --------------------------------------------------------------------------------- */

void qr_heap_walk(struct qr_heap *h, qr_heap_walk_fn *fn, void *ctx)
{
	struct qr_span *s;

	/* With all magazines empty, what is not free in a span is in use. */
	for (struct qr_heap_local *l = h->locals; l; l = l->next)
		qr_heap_flush(h, l);
	qr_heap_drain(h);
	for (size_t page = 0; (s = qr_heap_span_next(h, &page));) {
		size_t size = s->class == CLASS_LARGE ? s->limit : h->class[s->class].size;

		for (uint32_t i = 0; i < s->nobj; i++)
			if (!span_bit(s, i) && !fn(ctx, (char *)s->start + i * size, size))
				return;
	}
}

static void count(void *ctx, const struct qr_heap_magazine *m, uintptr_t p)
{
	(void)m, (void)p;
	++*(size_t *)ctx;
}

void qr_heap_stats(struct qr_heap *h, struct qr_heap_stats *out)
{
	struct qr_heap_stats st = { 0 };
	struct qr_span *s;
	size_t cached = 0;
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	for (size_t page = 0; (s = qr_heap_span_next(h, &page));) {
		bool large = s->class == CLASS_LARGE;
		size_t used = s->nobj - s->nfree;

		st.objects += used;
		st.used += used * (large ? s->limit : h->class[s->class].size);
		st.large += large ? used * s->limit : 0;
	}
	st.pages = h->npages << QR_PAGE_SHIFT;
	st.metadata = h->nmeta << QR_PAGE_SHIFT;
	qr_lock_release_irq(&h->lock, irq);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		size_t n = 0;

		qr_heap_cached(h, c, count, &n);
		cached += n;
		st.cached += n * h->class[c].size;
	}
	st.objects -= cached;
	st.used -= st.cached;
	*out = st;
}

/* ---- checking -------------------------------------------------------------------------------- */

static const char *check_span(const struct qr_heap *h, const struct qr_span *s)
{
	unsigned nfree = 0;

	for (size_t i = 0; i < s->npages; i++)
		if (span_of(h, pages_of(s) + (i << QR_PAGE_SHIFT)) != s)
			return "I1: the map names a span for each of its pages";
	if (page_of(h, s->start).check != (s->class < CLASS_LARGE ? h->class[s->class].check : 0))
		return "I1: the map holds the check of the span's class";
	if (s->class > CLASS_LARGE || (s->class == CLASS_LARGE && s->nobj != 1))
		return "I1: a span is of a class, or one large object";
	for (uint32_t i = 0; i < SPAN_MAX_OBJ; i++) {
		nfree += span_bit(s, i);
		if (i >= s->nobj && span_bit(s, i))
			return "I2: there is no object beyond the last";
	}
	if (nfree != s->nfree)
		return "I2: nfree is the number of free bits";
	if (s->class < CLASS_LARGE && !s->listed && s->nfree * 8u >= s->nobj)
		return "I3: a span that is an eighth free is listed";
	return NULL;
}

static const char *check_list(const struct qr_heap *h, unsigned class)
{
	const struct qr_heap_class *c = &h->class[class];
	const struct qr_span *prev = NULL;
	unsigned nempty = 0;

	for (const struct qr_span *s = c->spans; s; prev = s, s = s->next) {
		if (s->class != class || s->prev != prev || !s->listed || !s->nfree)
			return "I3: a listed span is of the class and has free objects";
		nempty += s->nfree == s->nobj;
	}
	return nempty == c->nempty ? NULL : "I3: empty spans are counted";
}

struct cached {
	struct qr_heap *h;
	unsigned class;
	const char *broken;
};

/* A bit set here for each cached object finds those that are in two places. */
static void check_cached(void *ctx, const struct qr_heap_magazine *m, uintptr_t p)
{
	struct cached *x = ctx;
	struct qr_span *s = span_of(x->h, p);
	uint32_t i;

	(void)m;
	if (!s || s->class != x->class || !is_object(s, p)) {
		x->broken = "I4: an object in a magazine is one of its class";
		return;
	}
	i = index_of(s, p);
	if (span_bit(s, i))
		x->broken = "I4: an object is free in its span or lies in a magazine, once";
	s->bits[i / QR_WORD_BITS] |= (qr_word)1 << (i % QR_WORD_BITS);
}

static void uncheck_cached(void *ctx, const struct qr_heap_magazine *m, uintptr_t p)
{
	struct cached *x = ctx;
	struct qr_span *s = span_of(x->h, p);

	(void)m;
	if (s && s->class == x->class && is_object(s, p))
		s->bits[index_of(s, p) / QR_WORD_BITS] &=
		    ~((qr_word)1 << (index_of(s, p) % QR_WORD_BITS));
}

static const char *check_magazines(struct qr_heap *h, unsigned class)
{
	struct cached x = { h, class, NULL };
	const struct qr_heap_class *c = &h->class[class];
	const struct qr_heap_magazine *m = c->depot;
	uint32_t n = 0;

	for (const struct qr_heap_local *l = h->locals; l; l = l->next)
		if (!is_full(l->spare[class]) && l->spare[class][-1])
			return "I5: a spare magazine is full or empty";
	for (; m && n <= c->ndepot; m = (const struct qr_heap_magazine *)m->slot[0])
		n++;
	if (n != c->ndepot)
		return "I5: the magazines of a depot are counted";
	qr_heap_cached(h, class, check_cached, &x);
	if (!x.broken)
		qr_heap_cached(h, class, uncheck_cached, &x);
	return x.broken;
}

const char *qr_heap_check(struct qr_heap *h)
{
	const char *broken = NULL;
	size_t npages = 0;
	struct qr_span *s;

	for (size_t page = 0; !broken && (s = qr_heap_span_next(h, &page));) {
		broken = check_span(h, s);
		npages += s->npages;
	}
	if (!broken && npages != h->npages)
		broken = "I1: the map names nothing but spans";
	for (unsigned c = 0; c < QR_HEAP_CLASSES && !broken; c++)
		broken = check_list(h, c);
	for (unsigned c = 0; c < QR_HEAP_CLASSES && !broken; c++)
		broken = check_magazines(h, c);
	return broken;
}
