/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.c - alloc and free through magazines.
 *
 * A magazine is a stack of free objects of one class that belongs to one CPU.  It is touched
 * with interrupts off and by its own CPU only.  It appears when a CPU first uses the class.
 * Between magazines and spans objects move in batches of half a magazine.
 *
 * A free object carries a mark in its second word: its address mixed with the heap's secret.  A
 * free that finds the mark is suspicious, and only then is it worth looking whether the object
 * lies in a span or magazine already; a user's data that happens to look like the mark is thus
 * no error.  A user who writes to what he has freed may hide a double free from the mark; then
 * it is found when the object goes back to its span, whose bitmap no overrun reaches.
 *
 * Invariants (heap_check.c):
 *	I1  the map names a span for exactly its pages
 *	I2  a span's nfree is the number of its bits, none of them beyond its last object
 *	I3  a listed span has free objects; one that is an eighth free is listed; nempty counts
 *	I4  an object in a magazine is one of its class, has no bit in its span, is there once
 *	I5  no magazine holds more than its capacity
 */
#include "mm/heap_impl.h"

const struct qr_heap_magazine qr_heap_no_magazine = { 0, 0 };

QR_INLINE struct qr_heap_magazine **magazine(struct qr_heap *h, unsigned class)
{
	return &h->local[qr_cpu()].mag[class];
}

void qr_heap_set_report(struct qr_heap *h, qr_heap_report_fn *fn, void *ctx)
{
	h->report_ctx = ctx;
	h->report = fn;
}

/* In debug builds what is free, and what was just given out, holds a pattern. */
QR_INLINE void poison(const struct qr_heap *h, unsigned class, uintptr_t p, int pattern)
{
#ifdef QR_DEBUG
	__builtin_memset((void *)p, pattern, h->class[class].size);
#else
	(void)h, (void)class, (void)p, (void)pattern;
#endif
}

#define FREED 0x5f
#define FRESH 0xa7

/* This CPU gets a magazine for the class.  False: no memory for one. */
static bool open_magazine(struct qr_heap *h, unsigned class)
{
	uint32_t cap = h->class[class].cap;
	struct qr_heap_magazine *m = qr_heap_meta(h, sizeof(*m) + cap * sizeof(*m->obj));
	uintptr_t irq;

	if (!m)
		return false;
	m->n = 0;
	m->cap = cap;
	irq = qr_host_irq_save();
	/* An interrupt in between may have opened one: then this one is lost until fini. */
	if ((*magazine(h, class))->cap == 0)
		__atomic_store_n(magazine(h, class), m, __ATOMIC_RELEASE);
	qr_host_irq_restore(irq);
	return true;
}

/* ---- alloc ----------------------------------------------------------------------------------- */

/* What the caller does not need of a batch goes into the magazine, or back. */
static void stock(struct qr_heap *h, unsigned class, const qr_word *obj, unsigned n)
{
	uintptr_t irq = qr_host_irq_save();
	struct qr_heap_magazine *m = *magazine(h, class);

	while (n && m->n < m->cap) {
		qr_store_word(&m->obj[m->n], obj[--n]);
		qr_store32(&m->n, m->n + 1);
	}
	qr_host_irq_restore(irq);
	qr_heap_central_give(h, obj, n);
}

static __attribute__((noinline)) void *alloc_slow(struct qr_heap *h, unsigned class)
{
	qr_word batch[BATCH];
	unsigned want = h->class[class].cap / 2u, n;

	if (h->fail_after && qr_heap_refuse(h))
		return NULL;
	if ((*magazine(h, class))->cap == 0 && (h->fail_after || !open_magazine(h, class)))
		want = 1;
	n = qr_heap_central_take(h, class, want, batch);
	if (n == 0 && qr_heap_trim(h)) /* other classes' empty spans may help */
		n = qr_heap_central_take(h, class, 1, batch);
	if (n == 0)
		return NULL;
	stock(h, class, batch + 1, n - 1);
	poison(h, class, batch[0], FRESH);
	*mark_at(batch[0]) = 0;
	return (void *)batch[0];
}

QR_INLINE void *alloc_class(struct qr_heap *h, unsigned class)
{
	uintptr_t irq = qr_host_irq_save();
	struct qr_heap_magazine *m = *magazine(h, class);
	uint32_t n = m->n;
	uintptr_t p;

	if (QR_RARELY(n == 0)) {
		qr_host_irq_restore(irq);
		return alloc_slow(h, class);
	}
	p = m->obj[n - 1];
	qr_store32(&m->n, n - 1);
	qr_host_irq_restore(irq);
	poison(h, class, p, FRESH);
	*mark_at(p) = 0;
	return (void *)p;
}

void *qr_heap_alloc_class(struct qr_heap *h, unsigned class)
{
	return alloc_class(h, class);
}

void *qr_heap_alloc(struct qr_heap *h, size_t n)
{
	if (QR_RARELY(n > QR_HEAP_MAX_SMALL))
		return qr_heap_alloc_large(h, n, 1);
	return alloc_class(h, class_of(h, n));
}

void *qr_heap_zalloc(struct qr_heap *h, size_t n)
{
	void *p = qr_heap_alloc(h, n);

	return p ? __builtin_memset(p, 0, n) : NULL;
}

/* ---- free ------------------------------------------------------------------------------------ */

/* Room for one in a full magazine: its older half goes back. */
static unsigned shed(struct qr_heap_magazine *m, qr_word *out)
{
	unsigned n = m->cap / 2;

	__builtin_memcpy(out, m->obj, n * sizeof(*out));
	for (unsigned i = n; i < m->n; i++)
		qr_store_word(&m->obj[i - n], m->obj[i]);
	qr_store32(&m->n, m->n - n);
	return n;
}

static void free_to_magazine(struct qr_heap *h, unsigned class, uintptr_t p)
{
	qr_word batch[BATCH];
	unsigned n = 0;
	uintptr_t irq;
	struct qr_heap_magazine *m;

	if ((*magazine(h, class))->cap == 0 && (h->fail_after || !open_magazine(h, class))) {
		qr_heap_central_give(h, &p, 1);
		return;
	}
	irq = qr_host_irq_save();
	m = *magazine(h, class);
	if (m->n == m->cap)
		n = shed(m, batch);
	qr_store_word(&m->obj[m->n], p);
	qr_store32(&m->n, m->n + 1);
	qr_host_irq_restore(irq);
	qr_heap_central_give(h, batch, n);
}

static __attribute__((noinline)) enum qr_err free_slow(struct qr_heap *h, void *p)
{
	struct qr_span *s;

	if (!p)
		return QR_OK;
	s = qr_heap_resolve(h, p);
	if (!s)
		return QR_CORRUPT;
	if (s->class == CLASS_LARGE) {
		qr_heap_span_release(h, s);
		return QR_OK;
	}
	poison(h, s->class, (uintptr_t)p, FREED);
	*mark_at((uintptr_t)p) = mark_of(h, (uintptr_t)p);
	free_to_magazine(h, s->class, (uintptr_t)p);
	return QR_OK;
}

enum qr_err qr_heap_free(struct qr_heap *h, void *ptr)
{
	uintptr_t p = (uintptr_t)ptr, irq;
	struct qr_span *s = span_of(h, p);
	struct qr_heap_magazine *m;
	uint32_t n;

	if (QR_RARELY(!s || !is_object(s, p) || *mark_at(p) == mark_of(h, p)))
		return free_slow(h, ptr);
	irq = qr_host_irq_save();
	m = *magazine(h, s->class);
	n = m->n;
	if (QR_RARELY(n == m->cap)) {
		qr_host_irq_restore(irq);
		return free_slow(h, ptr);
	}
	poison(h, s->class, p, FREED);
	*mark_at(p) = mark_of(h, p);
	qr_store_word(&m->obj[n], p);
	qr_store32(&m->n, n + 1);
	qr_host_irq_restore(irq);
	return QR_OK;
}

enum qr_err qr_heap_free_sized(struct qr_heap *h, void *p, size_t n)
{
	struct qr_span *s = p ? qr_heap_resolve(h, p) : NULL;
	bool fits;

	if (!s)
		return p ? QR_CORRUPT : QR_OK;
	if (s->class == CLASS_LARGE)
		fits = n <= s->limit && n > s->limit - QR_PAGE_SIZE;
	else
		fits = n <= QR_HEAP_MAX_SMALL && class_of(h, n) <= s->class;
	if (!fits) {
		qr_heap_wrong(h, QR_HEAP_SIZE, p, s);
		return QR_CORRUPT;
	}
	return qr_heap_free(h, p);
}

/* ---- giving back ----------------------------------------------------------------------------- */

void qr_heap_flush(struct qr_heap *h, unsigned cpu)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		qr_word batch[MAGAZINE_MOST];
		uintptr_t irq = qr_host_irq_save();
		struct qr_heap_magazine *m = h->local[cpu].mag[c];
		unsigned n = m->n;

		__builtin_memcpy(batch, m->obj, n * sizeof(*batch));
		if (n)
			qr_store32(&m->n, 0);
		qr_host_irq_restore(irq);
		qr_heap_central_give(h, batch, n);
	}
}

size_t qr_heap_trim(struct qr_heap *h)
{
	qr_heap_flush(h, qr_cpu());
	return qr_heap_central_trim(h);
}
