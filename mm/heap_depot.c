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
 * hold more than a sixteenth of all, they are emptied into their spans first; and also when
 * another magazine is wanted and all magazines take too many pages.
 */
#include "mm/heap_quick.h"

#define MAGAZINES_LEAST 131072u /* bytes: less than that in magazines is never too much */

const struct qr_heap_magazine qr_heap_nothing = { { 0 } };

/* Where top stands in a magazine of the class without an object. */
static qr_word *bottom(const struct qr_heap *h, unsigned class, struct qr_heap_magazine *m)
{
	return &m->slot[MAGAZINE_SLOTS - h->class[class].cap];
}

static bool is_empty(const qr_word *top)
{
	return qr_load_word(top - 1) == 0;
}

static void set(qr_word **at, qr_word *top)
{
	__atomic_store_n(at, top, __ATOMIC_RELEASE);
}

/* ---- depots ----------------------------------------------------------------------------------- */

static bool none(struct qr_heap_magazine **list)
{
	return !__atomic_load_n(list, __ATOMIC_RELAXED);
}

/* A full magazine of the class, or null; an empty one may be left in exchange. */
static struct qr_heap_magazine *get_full(struct qr_heap *h, unsigned class,
					 struct qr_heap_magazine *empty)
{
	struct qr_heap_class *c = &h->class[class];
	struct qr_heap_magazine *m;
	uintptr_t irq;

	if (none(&c->depot))
		return NULL;
	irq = qr_lock_acquire_irq(&c->lock);
	m = get_magazine(&c->depot);
	if (m) {
		qr_store32(&c->ndepot, c->ndepot - 1);
		if (empty)
			put_magazine(&c->empties, empty);
	}
	qr_lock_release_irq(&c->lock, irq);
	if (m)
		qr_store_word(&m->slot[MAGAZINE_SLOTS - c->cap - 1], 0);
	return m;
}

/* The other way round: an empty one, or null; a full one may be left. */
static struct qr_heap_magazine *get_empty(struct qr_heap *h, unsigned class,
					  struct qr_heap_magazine *full)
{
	struct qr_heap_class *c = &h->class[class];
	struct qr_heap_magazine *m;
	uintptr_t irq;

	irq = qr_lock_acquire_irq(&c->lock);
	m = get_magazine(&c->empties);
	if (m && full) {
		put_magazine(&c->depot, full);
		qr_store32(&c->ndepot, c->ndepot + 1);
	}
	qr_lock_release_irq(&c->lock, irq);
	return m;
}

/* An empty one is no magazine any more. */
static void discard(struct qr_heap *h, qr_word *top)
{
	if (top != NOTHING)
		qr_heap_record_free(h, &h->magazines, magazine_of(top));
}

/* Whether magazines take so much memory that full ones had better be emptied than more made.  The
 * smaller the objects, the less is what a magazine holds. */
static bool too_many(const struct qr_heap *h, unsigned class)
{
	size_t share = h->class[class].size < 64 ? 32 : 8;
	size_t pages = __atomic_load_n(&h->npages, __ATOMIC_RELAXED);
	size_t bytes = MAGAZINE_BYTES * __atomic_load_n(&h->magazines.used, __ATOMIC_RELAXED);

	return bytes > MAGAZINES_LEAST && bytes >> QR_PAGE_SHIFT > pages / share;
}

/* A full magazine of the class, after its objects went to their spans; or null. */
static struct qr_heap_magazine *emptied(struct qr_heap *h, unsigned class)
{
	uint32_t cap = h->class[class].cap;
	struct qr_heap_magazine *m = get_full(h, class, NULL);

	if (m)
		qr_heap_central_give(h, class, &m->slot[MAGAZINE_SLOTS - cap], cap);
	return m;
}

/* One of these, or a new one, for the class to have.  False: no memory. */
static __attribute__((noinline)) bool more_empties(struct qr_heap *h, unsigned class)
{
	struct qr_heap_class *c = &h->class[class];
	struct qr_heap_magazine *m = too_many(h, class) ? emptied(h, class) : NULL;
	uintptr_t irq;

	if (!m)
		m = qr_heap_record_new(h, &h->magazines);
	if (!m)
		return false;
	irq = qr_lock_acquire_irq(&c->lock);
	put_magazine(&c->empties, m);
	qr_lock_release_irq(&c->lock, irq);
	return true;
}

/* ---- exchange: interrupts off ----------------------------------------------------------------- */

/* The loaded magazine is empty. */
static bool replace_empty(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	qr_word *spare = l->spare[class];
	struct qr_heap_magazine *m;

	if (!is_empty(spare)) {
		swap(l, class);
		return true;
	}
	m = get_full(h, class, spare == NOTHING ? NULL : magazine_of(spare));
	if (!m)
		return false;
	set(&l->spare[class], l->top[class]);
	set(&l->top[class], &m->slot[MAGAZINE_SLOTS]);
	return true;
}

bool qr_heap_reload(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	bool loaded;

	if (l->closed)
		return false;
	if (!is_empty(l->top[class]))
		return true; /* an interrupt brought some */
	begin_exchange(h, l);
	loaded = replace_empty(h, l, class);
	end_exchange(l);
	return loaded;
}

/* The loaded magazine is full.  True: the spare one, or one of the depot, has taken its place. */
static bool replace_full(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	qr_word *spare = l->spare[class];
	struct qr_heap_magazine *m;

	if (!is_full(spare)) {
		swap(l, class);
		return true;
	}
	m = get_empty(h, class, spare == NOTHING ? NULL : magazine_of(spare));
	if (!m)
		return false;
	qr_store_word(bottom(h, class, m) - 1, 0);
	set(&l->spare[class], l->top[class]);
	set(&l->top[class], bottom(h, class, m));
	return true;
}

bool qr_heap_make_room(struct qr_heap *h, struct qr_heap_local *l, unsigned class)
{
	for (;;) {
		uintptr_t irq;
		bool room;

		if (QR_RARELY(l->closed))
			return false;
		irq = qr_host_irq_save();
		begin_exchange(h, l);
		room = !is_full(l->top[class]) || replace_full(h, l, class);
		end_exchange(l);
		qr_host_irq_restore(irq);
		if (QR_LIKELY(room))
			return true;
		if (!more_empties(h, class)) /* may ask the source: interrupts are on */
			return false;
	}
}

/* ---- giving back ------------------------------------------------------------------------------ */

static void drain_class(struct qr_heap *h, unsigned class)
{
	uint32_t cap = h->class[class].cap;
	struct qr_heap_magazine *m;

	while ((m = get_full(h, class, NULL))) {
		qr_heap_central_give(h, class, &m->slot[MAGAZINE_SLOTS - cap], cap);
		discard(h, &m->slot[MAGAZINE_SLOTS]);
	}
	while ((m = get_empty(h, class, NULL)))
		discard(h, &m->slot[MAGAZINE_SLOTS]);
}

size_t qr_heap_in_depots(const struct qr_heap *h)
{
	size_t bytes = 0;

	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		bytes +=
		    (size_t)qr_load32(&h->class[c].ndepot) * h->class[c].cap * h->class[c].size;
	return bytes;
}

void qr_heap_drain(struct qr_heap *h)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		drain_class(h, c);
}

/* What *at, one of l's magazines of the class, holds. */
static void flush_one(struct qr_heap *h, struct qr_heap_local *l, unsigned class, qr_word **at)
{
	qr_word batch[MAGAZINE_SLOTS], *top;
	unsigned n = 0;
	uintptr_t irq = qr_host_irq_save();

	begin_exchange(h, l);
	for (top = *at; !is_empty(top); top--)
		batch[n++] = top[-1];
	set(at, top);
	end_exchange(l);
	qr_host_irq_restore(irq);
	qr_heap_central_give(h, class, batch, n);
}

void qr_heap_flush(struct qr_heap *h, struct qr_heap_local *l)
{
	struct qr_span *kept;

	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		flush_one(h, l, c, &l->top[c]);
		flush_one(h, l, c, &l->spare[c]);
	}
	begin_exchange(h, l);
	kept = qr_heap_local_kept(l);
	end_exchange(l);
	qr_heap_bury(h, kept);
	qr_heap_unhold(h, l);
}

/* ---- owners ----------------------------------------------------------------------------------- */

void qr_heap_strip(struct qr_heap *h, struct qr_heap_local *l)
{
	qr_heap_flush(h, l);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
		qr_word *top = l->top[c], *spare;

		begin_exchange(h, l);
		spare = l->spare[c];
		set(&l->top[c], NOTHING);
		set(&l->spare[c], NOTHING);
		end_exchange(l);
		discard(h, top);
		discard(h, spare);
	}
}

void qr_heap_join(struct qr_heap *h, struct qr_heap_local *l)
{
	uintptr_t irq;

	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		l->top[c] = l->spare[c] = NOTHING;
	l->closed = false;
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

	l->closed = true;
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

	for (unsigned i = 0; i < MAGAZINE_SLOTS && (p = qr_load_word(top - 1)); i++, top--)
		fn(ctx, magazine_of(top), p);
}

void qr_heap_cached(struct qr_heap *h, unsigned class, qr_heap_cached_fn *fn, void *ctx)
{
	uint32_t cap = h->class[class].cap;
	uintptr_t irq = qr_lock_acquire_irq(&h->lock);

	for (struct qr_heap_local *l = h->locals; l; l = l->next) {
		each_object(__atomic_load_n(&l->top[class], __ATOMIC_ACQUIRE), fn, ctx);
		each_object(__atomic_load_n(&l->spare[class], __ATOMIC_ACQUIRE), fn, ctx);
		qr_heap_each_held(h, l, class, fn, ctx);
	}
	qr_lock_release_irq(&h->lock, irq);
	irq = qr_lock_acquire_irq(&h->class[class].lock);
	for (struct qr_heap_magazine *m = h->class[class].depot; m; m = next_magazine(m))
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
