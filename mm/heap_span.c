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
static unsigned take_from(struct qr_span *s, uint32_t size, unsigned want, qr_word *out)
{
	unsigned n = 0;

	for (unsigned w = 0; n < want && n < s->nfree; w++)
		while (s->bits[w] && n < want) {
			unsigned bit = (unsigned)__builtin_ctzl(s->bits[w]);

			s->bits[w] &= s->bits[w] - 1;
			out[n++] = s->start + (w * QR_WORD_BITS + bit) * size;
		}
	s->nfree -= (uint16_t)n;
	return n;
}

static unsigned take_locked(struct qr_heap *h, struct qr_heap_class *c, unsigned want, qr_word *out)
{
	unsigned n = 0;

	qr_lock_assert_held(&h->lock);
	while (n < want && c->spans) {
		struct qr_span *s = c->spans;

		c->nempty -= s->nfree == s->nobj;
		n += take_from(s, c->size, want - n, out + n);
		if (s->nfree == 0)
			unlist(c, s);
	}
	return n;
}

unsigned qr_heap_central_take(struct qr_heap *h, unsigned class, unsigned want, qr_word *out)
{
	struct qr_heap_class *c = &h->class[class];

	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&h->lock);
		unsigned n = take_locked(h, c, want, out);
		struct qr_span *s;

		qr_lock_release_irq(&h->lock, irq);
		if (n)
			return n;
		s = qr_heap_span_new(h, class, c->npages, 1);
		if (!s)
			return 0;
		irq = qr_lock_acquire_irq(&h->lock);
		list(c, s);
		c->nempty++;
		qr_lock_release_irq(&h->lock, irq);
	}
}

/* ---- back ----------------------------------------------------------------------------------- */

/* False: the object was free already.  *dead gets the span if it is empty and one too many. */
static bool give_locked(struct qr_heap *h, uintptr_t obj, struct qr_span *s, struct qr_span **dead)
{
	struct qr_heap_class *c = &h->class[s->class];
	uint32_t i = index_of(s, obj);
	qr_word bit = (qr_word)1 << (i % QR_WORD_BITS);

	if (s->bits[i / QR_WORD_BITS] & bit)
		return false;
	s->bits[i / QR_WORD_BITS] |= bit;
	s->nfree++;
	if (!s->listed && s->nfree * 8u >= s->nobj)
		list(c, s);
	if (s->nfree == s->nobj && c->nempty++) {
		c->nempty--;
		unlist(c, s);
		s->next = *dead;
		*dead = s;
	}
	return true;
}

static void bury(struct qr_heap *h, struct qr_span *dead)
{
	while (dead) {
		struct qr_span *next = dead->next;

		qr_heap_span_release(h, dead);
		dead = next;
	}
}

void qr_heap_central_give(struct qr_heap *h, const qr_word *obj, unsigned n)
{
	struct qr_span *dead = NULL;
	uintptr_t irq;
	uintptr_t twice = 0;

	if (n == 0)
		return;
	irq = qr_lock_acquire_irq(&h->lock);
	for (unsigned i = 0; i < n; i++)
		if (!give_locked(h, obj[i], span_of(h, obj[i]), &dead))
			twice = obj[i];
	qr_lock_release_irq(&h->lock, irq);
	bury(h, dead);
	if (QR_RARELY(twice))
		qr_heap_wrong(h, QR_HEAP_DOUBLE, (void *)twice, span_of(h, twice));
}

size_t qr_heap_central_trim(struct qr_heap *h)
{
	struct qr_span *dead = NULL;
	size_t npages = 0;
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	for (unsigned k = 0; k < QR_HEAP_CLASSES; k++) {
		struct qr_heap_class *c = &h->class[k];
		struct qr_span *next;

		for (struct qr_span *s = c->spans; s && c->nempty; s = next) {
			next = s->next;
			if (s->nfree != s->nobj)
				continue;
			unlist(c, s);
			c->nempty--;
			npages += s->npages;
			s->next = dead;
			dead = s;
		}
	}
	qr_lock_release_irq(&h->lock, irq);
	bury(h, dead);
	return npages;
}
