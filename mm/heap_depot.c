/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_depot.c - magazines between their owners, and the owners themselves.
 *
 * A local has two magazines of a class: the loaded one, and a spare that is full or empty.  Alloc
 * and free that alternate at the edge of the loaded one swap the two, and only a whole
 * magazine's worth of one or the other goes on to the depot: a list of full magazines, and for
 * all classes one list of empty ones.  So an object that moves from the thread that frees it to
 * the one that allocates it costs a thirtieth of a lock.
 *
 * What is in a depot is free, but its pages are not: when a class needs new pages and the depots
 * hold more than a sixteenth of all, they are emptied into their spans first.
 */
#include "mm/heap_quick.h"

const struct qr_heap_magazine qr_heap_nothing = { { 0 } };

#define NOTHING ((qr_word *)(uintptr_t)&qr_heap_nothing.slot[MAGAZINE_LAST])

static struct qr_heap_magazine *magazine_of(const qr_word *top)
{
	return (struct qr_heap_magazine *)((uintptr_t)top & ~(uintptr_t)(MAGAZINE_BYTES - 1));
}

/* Where top stands in a magazine of the class without an object. */
static qr_word *bottom(const struct qr_heap *h, unsigned class, struct qr_heap_magazine *m)
{
	return &m->slot[MAGAZINE_LAST - h->class[class].cap];
}

static bool is_empty(const qr_word *top)
{
	return qr_load_word(top) == 0;
}

static void set(qr_word **at, qr_word *top)
{
	__atomic_store_n(at, top, __ATOMIC_RELEASE);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static struct qr_heap_magazine *next_of(const struct qr_heap_magazine *m)
{
	return (struct qr_heap_magazine *)m->slot[0];
}

static void put_empty(struct qr_heap *h, qr_word *top)
{
	struct qr_heap_magazine *m = magazine_of(top);
	uintptr_t irq;

	if (top == NOTHING)
		return;
	irq = qr_lock_acquire_irq(&h->lock);
	qr_store_word(&m->slot[0], (qr_word)h->empties);
	h->empties = m;
	qr_lock_release_irq(&h->lock, irq);
}

/* An empty one, or null. */
static struct qr_heap_magazine *get_empty(struct qr_heap *h)
{
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);
	struct qr_heap_magazine *m = h->empties;

	if (m)
		h->empties = next_of(m);
	qr_lock_release_irq(&h->lock, irq);
	return m ? m : qr_heap_meta(h, sizeof(*m), sizeof(*m));
}

static void count_depot(struct qr_heap *h, long bytes)
{
	__atomic_fetch_add(&h->depot_bytes, (size_t)bytes, __ATOMIC_RELAXED);
}

/* Looked at without the lock, to see whether the lock is worth it. */
static void set_depot(struct qr_heap_class *c, struct qr_heap_magazine *m)
{
	__atomic_store_n(&c->depot, m, __ATOMIC_RELAXED);
}

static void put_full(struct qr_heap *h, unsigned class, struct qr_heap_magazine *m)
{
	struct qr_heap_class *c = &h->class[class];
	uintptr_t irq = qr_lock_acquire_irq(&c->lock);

	qr_store_word(&m->slot[0], (qr_word)c->depot);
	set_depot(c, m);
	c->ndepot++;
	qr_lock_release_irq(&c->lock, irq);
	count_depot(h, (long)(c->cap * c->size));
}

static struct qr_heap_magazine *get_full(struct qr_heap *h, unsigned class)
{
	struct qr_heap_class *c = &h->class[class];
	struct qr_heap_magazine *m;
	uintptr_t irq;

	if (!__atomic_load_n(&c->depot, __ATOMIC_RELAXED))
		return NULL;
	irq = qr_lock_acquire_irq(&c->lock);
	m = c->depot;
	if (m) {
		set_depot(c, next_of(m));
		c->ndepot--;
	}
	qr_lock_release_irq(&c->lock, irq);
	if (m) {
		qr_store_word(&m->slot[MAGAZINE_LAST - c->cap], 0);
		count_depot(h, -(long)(c->cap * c->size));
	}
	return m;
}

/* ---- exchange: interrupts off ----------------------------------------------------------------- */

static void swap(struct qr_heap_local *l, unsigned class)
{
	qr_word *top = l->top[class];

	set(&l->top[class], l->spare[class]);
	set(&l->spare[class], top);
}

bool qr_heap_reload(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	struct qr_heap_magazine *m;

	if (!is_empty(l->top[class]))
		return true; /* an interrupt brought some */
	if (!is_empty(l->spare[class])) {
		swap(l, class);
		return true;
	}
	m = get_full(h, class);
	if (!m)
		return false;
	put_empty(h, l->spare[class]);
	set(&l->spare[class], l->top[class]);
	set(&l->top[class], &m->slot[MAGAZINE_LAST]);
	return true;
}

/* A fresh magazine is loaded; what was loaded is the spare, what was spare goes its way. */
static void load_empty(struct qr_heap *h, struct qr_heap_local *l, unsigned class,
		       struct qr_heap_magazine *m)
{
	qr_word *spare = l->spare[class];

	qr_store_word(bottom(h, class, m), 0);
	set(&l->spare[class], l->top[class]);
	set(&l->top[class], bottom(h, class, m));
	if (is_empty(spare))
		put_empty(h, spare);
	else
		put_full(h, class, magazine_of(spare));
}

bool qr_heap_make_room(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	struct qr_heap_magazine *m;
	uintptr_t irq;

	if (!is_full(l->top[class]))
		return true;
	irq = qr_host_irq_save();
	if (is_full(l->top[class]) && !is_full(l->spare[class]))
		swap(l, class);
	qr_host_irq_restore(irq);
	if (!is_full(l->top[class]))
		return true;
	m = get_empty(h); /* may ask the source, so not with interrupts off */
	if (!m)
		return false;
	irq = qr_host_irq_save();
	if (is_full(l->top[class]))
		load_empty(h, l, class, m);
	else
		put_empty(h, &m->slot[0]);
	qr_host_irq_restore(irq);
	return true;
}

/* ---- giving back ------------------------------------------------------------------------------ */

static void drain_class(struct qr_heap *h, unsigned class)
{
	uint32_t cap = h->class[class].cap;
	struct qr_heap_magazine *m;

	while ((m = get_full(h, class))) {
		qr_heap_central_give(h, class, &m->slot[MAGAZINE_SLOTS - cap], cap);
		put_empty(h, &m->slot[MAGAZINE_LAST]);
	}
}

void qr_heap_drain(struct qr_heap *h)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		drain_class(h, c);
}

static void flush_one(struct qr_heap *h, unsigned class, qr_word **at)
{
	qr_word batch[MAGAZINE_SLOTS], *top;
	unsigned n = 0;
	uintptr_t irq = qr_host_irq_save();

	for (top = *at; !is_empty(top); top--)
		batch[n++] = *top;
	set(at, top);
	qr_host_irq_restore(irq);
	qr_heap_central_give(h, class, batch, n);
}

void qr_heap_flush(struct qr_heap *h, struct qr_heap_local *l)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		flush_one(h, c, &l->top[c]);
		flush_one(h, c, &l->spare[c]);
	}
}

/* ---- owners ----------------------------------------------------------------------------------- */

void qr_heap_strip(struct qr_heap *h, struct qr_heap_local *l)
{
	qr_heap_flush(h, l);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		put_empty(h, l->top[c]);
		put_empty(h, l->spare[c]);
		set(&l->top[c], NOTHING);
		set(&l->spare[c], NOTHING);
	}
}

void qr_heap_join(struct qr_heap *h, struct qr_heap_local *l)
{
	uintptr_t irq;

	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		l->top[c] = l->spare[c] = NOTHING;
	irq = qr_lock_acquire_irq(&h->lock);
	l->prev = NULL;
	l->next = h->locals;
	if (l->next)
		l->next->prev = l;
	h->locals = l;
	qr_lock_release_irq(&h->lock, irq);
}

void qr_heap_leave(struct qr_heap *h, struct qr_heap_local *l)
{
	uintptr_t irq;

	qr_heap_strip(h, l);
	irq = qr_lock_acquire_irq(&h->lock);
	if (l->prev)
		l->prev->next = l->next;
	else
		h->locals = l->next;
	if (l->next)
		l->next->prev = l->prev;
	qr_lock_release_irq(&h->lock, irq);
}

/* ---- looking ---------------------------------------------------------------------------------- */

static void each_object(const qr_word *top, qr_heap_cached_fn *fn, void *ctx)
{
	uintptr_t p;

	for (; (p = qr_load_word(top)); top--)
		fn(ctx, magazine_of(top), p);
}

void qr_heap_cached(struct qr_heap *h, unsigned class, qr_heap_cached_fn *fn, void *ctx)
{
	uint32_t cap = h->class[class].cap;
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	for (struct qr_heap_local *l = h->locals; l; l = l->next) {
		each_object(__atomic_load_n(&l->top[class], __ATOMIC_ACQUIRE), fn, ctx);
		each_object(__atomic_load_n(&l->spare[class], __ATOMIC_ACQUIRE), fn, ctx);
	}
	qr_lock_release_irq(&h->lock, irq);
	irq = qr_lock_acquire_irq(&h->class[class].lock);
	for (struct qr_heap_magazine *m = h->class[class].depot; m; m = next_of(m))
		for (uint32_t i = MAGAZINE_SLOTS - cap; i < MAGAZINE_SLOTS; i++)
			fn(ctx, m, qr_load_word(&m->slot[i]));
	qr_lock_release_irq(&h->class[class].lock, irq);
}

struct search {
	uintptr_t p;
	bool found;
};

static void compare(void *ctx, const struct qr_heap_magazine *m, uintptr_t p)
{
	struct search *s = ctx;

	(void)m;
	s->found |= p == s->p;
}

bool qr_heap_in_magazine(struct qr_heap *h, unsigned class, uintptr_t p)
{
	struct search s = { p, false };

	qr_heap_cached(h, class, compare, &s);
	return s.found;
}
