/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.c - alloc and free.
 *
 * A local (struct qr_heap_local) is touched by its owner only, a CPU's with interrupts off.
 * heap_quick.h has what happens most of the time; here is the rest of the way:
 *
 *	alloc   magazine -> spare magazine -> depot -> spans -> source
 *	free    magazine -> spare magazine -> depot
 *
 * A user who writes to what he has freed may hide a double free from the mark; then it is found
 * when the object goes back to its span, whose bitmap no overrun reaches.
 *
 * Invariants (heap_check.c):
 *	I1  the map names a span for exactly its pages, and its class's check
 *	I2  a span's nfree is the number of its bits, none of them beyond its last object
 *	I3  a listed span has free objects; one that is an eighth free is listed; nempty counts
 *	I4  an object in a magazine is one of its class, has no bit in its span, is there once
 *	I5  a spare magazine is full or empty, one in a depot is full; depots are counted
 */
#include "mm/heap_quick.h"

void qr_heap_set_report(struct qr_heap *h, qr_heap_report_fn *fn, void *ctx)
{
	h->report_ctx = ctx;
	h->report = fn;
}

/* ---- alloc ----------------------------------------------------------------------------------- */

/* What the caller does not need of a batch goes into the magazine, or back. */
static void stock(struct qr_heap *h, struct qr_heap_local *l, unsigned class, const qr_word *obj,
		  unsigned n)
{
	uintptr_t irq = qr_host_irq_save();
	qr_word *top = l->top[class];

	while (n && !is_full(top))
		qr_store_word(top++, obj[--n]);
	__atomic_store_n(&l->top[class], top, __ATOMIC_RELEASE);
	qr_host_irq_restore(irq);
	qr_heap_central_give(h, class, obj, n);
}

#define SMALL_HEAP 64u /* pages */
#define FEW        16u

/* How many to take from spans: a whole magazine's worth, if there is a magazine to hold it; but most
 * classes of a small heap never have that many. */
static unsigned batch_of(const struct qr_heap *h, unsigned class, bool room)
{
	unsigned cap = room ? h->class[class].cap : 1;

	if (cap > FEW && __atomic_load_n(&h->npages, __ATOMIC_RELAXED) < SMALL_HEAP)
		return FEW;
	return cap;
}

/* From spans, in the order of their addresses: memory is touched one page after the other. */
static uintptr_t take(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	qr_word batch[MAGAZINE_SLOTS];
	bool room = !h->fail_after && qr_heap_make_room(h, l, class);
	unsigned n = qr_heap_central_take(h, class, batch_of(h, class, room), batch);

	if (n == 0 && qr_heap_trim(h)) /* other classes' empty spans may help */
		n = qr_heap_central_take(h, class, 1, batch);
	if (n == 0)
		return 0;
	stock(h, l, class, batch + 1, n - 1);
	return batch[0];
}

/* n: what was asked for, if the caller knows; else the size of the class. */
static __attribute__((noinline)) void *alloc_slow(struct qr_heap *h, size_t n, unsigned class)
{
	struct qr_heap_local *l = this_local(h);
	uintptr_t irq, p = 0;

	if (h->fail_after && qr_heap_refuse(h))
		return NULL;
	if (is_diverted(h))
		return qr_heap_other_alloc(h, 1, n);
	irq = qr_host_irq_save();
	if (qr_heap_reload(h, l, class))
		p = pop(l, class);
	qr_host_irq_restore(irq);
	if (!p)
		p = take(h, l, class);
	if (!p)
		return NULL;
	give_out(h, class, p);
	return (void *)p;
}

QR_INLINE void *alloc_class(struct qr_heap *h, size_t n, unsigned class)
{
	uintptr_t irq = quick_begin(), p = pop(this_local(h), class);

	quick_end(irq);
	if (QR_RARELY(!p))
		return alloc_slow(h, n, class);
	give_out(h, class, p);
	return (void *)p;
}

void *qr_heap_alloc_class(struct qr_heap *h, unsigned class)
{
	return alloc_class(h, h->class[class].size, class);
}

void *qr_heap_alloc(struct qr_heap *h, size_t n)
{
	if (QR_RARELY(n > QR_HEAP_MAX_SMALL))
		return qr_heap_alloc_large(h, n, 1);
	return alloc_class(h, n, class_of(n));
}

void *qr_heap_zalloc(struct qr_heap *h, size_t n)
{
	void *p = qr_heap_alloc(h, n);
	struct qr_span *s = n > QR_HEAP_MAX_SMALL ? span_of(h, (uintptr_t)p) : NULL;

	return !p || (s && s->zeroed) ? p : __builtin_memset(p, 0, n);
}

/* ---- free ------------------------------------------------------------------------------------ */

static void free_small(struct qr_heap *h, struct qr_heap_local *l, unsigned class, uintptr_t p)
{
	bool done = false;

	retire(h, class, p);
	p = qr_heap_hold(h, l, p, &class);
	if (IS_HARDENED && !p)
		return;
	if (!h->fail_after && qr_heap_make_room(h, l, class)) {
		uintptr_t irq = qr_host_irq_save();

		done = push(l, class, p); /* an interrupt may have taken the room */
		qr_host_irq_restore(irq);
	}
	if (!done)
		qr_heap_central_give(h, class, &p, 1);
}

static __attribute__((noinline)) enum qr_err free_slow(struct qr_heap *h, struct qr_heap_local *l,
						       void *p)
{
	struct qr_span *s;

	if (!p)
		return QR_OK;
	if (is_diverted(h))
		return qr_heap_other_free(h, p);
	s = qr_heap_resolve(h, p);
	if (!s)
		return QR_CORRUPT;
	if (s->class == CLASS_LARGE)
		qr_heap_free_large(h, s);
	else
		free_small(h, l, s->class, (uintptr_t)p);
	return QR_OK;
}

enum qr_err qr_heap_free(struct qr_heap *h, void *p)
{
	uintptr_t irq = quick_begin();
	struct qr_heap_local *l = this_local(h);
	bool done = quick_free(h, l, (uintptr_t)p);

	quick_end(irq);
	return QR_LIKELY(done) ? QR_OK : free_slow(h, l, p);
}

enum qr_err qr_heap_free_sized(struct qr_heap *h, void *p, size_t n)
{
	struct qr_span *s = p && !is_diverted(h) ? qr_heap_resolve(h, p) : NULL;
	bool fits;

	if (is_diverted(h))
		return qr_heap_free(h, p);
	if (!s)
		return p ? QR_CORRUPT : QR_OK;
	if (s->class == CLASS_LARGE)
		fits = qr_heap_is_length(s, n);
	else
		fits = n <= QR_HEAP_MAX_SMALL && class_of(n) <= s->class;
	if (!fits) {
		qr_heap_wrong(h, QR_HEAP_SIZE, p, s);
		return QR_CORRUPT;
	}
	return qr_heap_free(h, p);
}

/* ---- giving back ----------------------------------------------------------------------------- */

size_t qr_heap_trim(struct qr_heap *h)
{
	qr_heap_flush(h, this_local(h));
	qr_heap_drain(h);
	return qr_heap_central_trim(h);
}
