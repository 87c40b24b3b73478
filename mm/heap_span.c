/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_span.c - the central lists: objects between magazines and spans.
 *
 * A class lists its spans that have free objects.  A span that was full comes back to the list
 * only when an eighth of it is free: then a refill finds a batch in one place, and spans at the
 * edge do not hop on and off.  It comes back in front, so that fuller spans are used up and
 * emptier ones get the chance to become empty.  One empty span a class is kept; the next one
 * goes back to the source.
 */
#include "mm/heap_impl.h"

#define DEPOT_LEAST 65536u /* bytes: less than that in depots is never too much */

static void list(struct qr_heap_class *c, struct qr_span *s)
{
	s->listed = true;
	s->prev = NULL;
	s->next = c->spans;
	if (s->next)
		s->next->prev = s;
	c->spans = s;
}

static void unlist(struct qr_heap_class *c, struct qr_span *s)
{
	s->listed = false;
	if (s->prev)
		s->prev->next = s->next;
	else
		c->spans = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Up to `want` free objects of one span. */
static unsigned take_from(struct qr_heap_class *c, struct qr_span *s, unsigned want, qr_word *out)
{
	unsigned n = 0;

	if (IS_HARDENED)
		return qr_heap_take_by_chance(c, s, want, out);
	for (unsigned w = 0; n < want && n < s->nfree; w++) {
		uintptr_t first = s->start + (uintptr_t)w * QR_WORD_BITS * c->size;
		qr_word bits = s->bits[w];

		for (; bits && n < want; bits &= bits - 1)
			out[n++] = first + (unsigned)__builtin_ctzl(bits) * c->size;
		s->bits[w] = bits;
	}
	s->nfree -= (uint16_t)n;
	return n;
}

static unsigned take_locked(struct qr_heap_class *c, unsigned want, qr_word *out)
{
	unsigned n = 0;

	qr_lock_assert_held(&c->lock);
	while (n < want && c->spans) {
		struct qr_span *s = c->spans;

		c->nempty -= s->nfree == s->nobj;
		n += take_from(c, s, want - n, out + n);
		if (s->nfree == 0)
			unlist(c, s);
	}
	return n;
}

/* Whether the depots hold so much that they had better be emptied than pages taken.  They are
 * looked at each time that the heap has grown by a 64th, or half of DEPOT_LEAST. */
static bool hoards(struct qr_heap *h)
{
	size_t npages = __atomic_load_n(&h->npages, __ATOMIC_RELAXED), held;

	if (npages - __atomic_load_n(&h->looked, __ATOMIC_RELAXED) <
	    (DEPOT_LEAST / 2 >> QR_PAGE_SHIFT) + npages / 64)
		return false;
	__atomic_store_n(&h->looked, npages, __ATOMIC_RELAXED);
	held = qr_heap_in_depots(h);
	return held > DEPOT_LEAST && held >> QR_PAGE_SHIFT > npages / 16;
}

unsigned qr_heap_central_take(struct qr_heap *h, unsigned class, unsigned want, qr_word *out)
{
	struct qr_heap_class *c = &h->class[class];

	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&c->lock);
		unsigned n = take_locked(c, want, out);
		struct qr_span *s;

		qr_lock_release_irq(&c->lock, irq);
		if (n)
			return n;
		if (hoards(h))
			qr_heap_drain(h);
		s = qr_heap_span_new(h, class, c->npages, 1);
		if (!s)
			return 0;
		irq = qr_lock_acquire_irq(&c->lock);
		list(c, s);
		c->nempty++;
		qr_lock_release_irq(&c->lock, irq);
	}
}

/* ---- back ----------------------------------------------------------------------------------- */

/* A span has more free objects than before.  *dead gets it if it is empty and one too many. */
static void relist(struct qr_heap_class *c, struct qr_span *s, struct qr_span **dead)
{
	if (!s->listed && s->nfree * 8u >= s->nobj)
		list(c, s);
	if (s->nfree == s->nobj && c->nempty++) {
		c->nempty--;
		unlist(c, s);
		s->next = *dead;
		*dead = s;
	}
}

/* The first of n objects, and maybe more, are the span's: answers how many.  *twice gets one that was
 * free already. */
static unsigned give_locked(struct qr_heap_class *c, struct qr_span *s, const qr_word *obj,
			    unsigned n, struct qr_span **dead, uintptr_t *twice)
{
	uint16_t given = 0;
	unsigned i = 0;

	do {
		uint32_t k = index_of(s, obj[i]);
		qr_word *bits = &s->bits[k / QR_WORD_BITS], bit = (qr_word)1 << k % QR_WORD_BITS;

		if (QR_RARELY(*bits & bit))
			*twice = obj[i];
		else
			given++;
		*bits |= bit;
	} while (++i < n && obj[i] - s->start < s->limit);
	s->nfree += given;
	if (given)
		relist(c, s, dead);
	return i;
}

void qr_heap_bury(struct qr_heap *h, struct qr_span *dead)
{
	while (dead) {
		struct qr_span *next = dead->next;

		qr_heap_span_release(h, dead);
		dead = next;
	}
}

void qr_heap_central_give(struct qr_heap *h, unsigned class, const qr_word *obj, unsigned n)
{
	struct qr_heap_class *c = &h->class[class];
	struct qr_span *dead = NULL;
	uintptr_t irq, twice = 0;

	if (n == 0)
		return;
	irq = qr_lock_acquire_irq(&c->lock);
	for (unsigned i = 0; i < n;) /* neighbours often come together */
		i += give_locked(c, span_of(h, obj[i]), obj + i, n - i, &dead, &twice);
	qr_lock_release_irq(&c->lock, irq);
	qr_heap_bury(h, dead);
	if (QR_RARELY(twice))
		qr_heap_wrong(h, QR_HEAP_DOUBLE, (void *)twice, span_of(h, twice));
}

/* The class's spans without an object in use, chained. */
static struct qr_span *cull(struct qr_heap_class *c)
{
	struct qr_span *dead = NULL, *next;
	uintptr_t irq = qr_lock_acquire_irq(&c->lock);

	for (struct qr_span *s = c->spans; s && c->nempty; s = next) {
		next = s->next;
		if (s->nfree != s->nobj)
			continue;
		unlist(c, s);
		c->nempty--;
		s->next = dead;
		dead = s;
	}
	qr_lock_release_irq(&c->lock, irq);
	return dead;
}

size_t qr_heap_central_trim(struct qr_heap *h)
{
	size_t npages = qr_heap_drop_kept(h);

	for (unsigned class = 0; class < QR_HEAP_CLASSES; class ++) {
		struct qr_span *dead = cull(&h->class[class]);

		for (const struct qr_span *s = dead; s; s = s->next)
			npages += s->npages;
		qr_heap_bury(h, dead);
	}
	return npages;
}

bool qr_heap_slack(const struct qr_heap *h)
{
	for (unsigned class = 0; class < QR_HEAP_CLASSES; class ++)
		if (qr_load32(&h->class[class].ndepot) ||
		    __atomic_load_n(&h->class[class].nempty, __ATOMIC_RELAXED))
			return true;
	return false;
}
