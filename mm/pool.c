/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool.c - objects of one size, a bitmap per slab.
 *
 *	slab = one frame of low memory
 *	+--------+------------+--------+--------+--   --+--------+------+
 *	| header | bits, 1 is | object | object |  ...  | object | rest |
 *	|        | free       |    0   |    1   |       |  n - 1 |      |
 *	+--------+------------+--------+--------+--   --+--------+------+
 *
 * Slabs with a free object are on the pool's list, the one used last in front; full ones are on
 * none.  An object's slab is its address rounded down to the page, which the header confirms by
 * naming its pool.  One multiplication of the offset by 2^32 / size, rounded up, answers both what
 * the index is (the high word) and whether an object starts there (the low word is below the
 * factor): exact, since offset * size < 2^32.
 *
 * Invariants (pool_check.c):
 *	I1  each slab on the list names the pool and has nfree > 0, its set bits
 *	I2  no bit beyond the last object is set
 *	I3  free objects = avail + reserved
 *	I4  there are not more free objects than objects
 */
#include "mm/pool_impl.h"

QR_INLINE void *object_at(const struct qr_pool *p, struct qr_slab *s, uint32_t i)
{
	return (char *)s + p->first + i * p->size;
}

/* As many objects as fit behind the header and their own bits. */
static void lay_out(struct qr_pool *p, uint32_t align)
{
	uint32_t n = (QR_PAGE_SIZE - sizeof(struct qr_slab)) / p->size, first;

	do {
		first = sizeof(struct qr_slab) + words_for(n) * (uint32_t)sizeof(qr_word);
		first = (first + align - 1) & -align;
	} while (first + n * p->size > QR_PAGE_SIZE && --n);
	p->first = first;
	p->perslab = n;
}

enum qr_err qr_pool_init(struct qr_pool *p, struct qr_frames *f, const char *name, size_t size,
			 size_t align)
{
	if (align < 8 && !(align & (align - 1)))
		align = 8;
	if (size == 0 || size > QR_POOL_MAX_SIZE || align & (align - 1) || align > 1024)
		return QR_INVAL;
	size = (size + align - 1) & -align;
	*p = (struct qr_pool){ .size = (uint32_t)size, .frames = f, .name = name };
	p->recip = UINT32_MAX / p->size + 1;
	qr_lock_init(&p->lock, QR_RANK_POOL);
	lay_out(p, (uint32_t)align);
	return p->perslab ? QR_OK : QR_INVAL;
}

void qr_pool_set_source(struct qr_pool *p, const struct qr_pool_source *source)
{
	QR_ASSERT(!p->nslabs, "a pool's slabs all come from one place");
	p->source = source;
}

/* ---- slabs ---------------------------------------------------------------------------------- */

static void link_slab(struct qr_pool *p, struct qr_slab *s)
{
	s->prev = NULL;
	s->next = p->partial;
	if (s->next)
		s->next->prev = s;
	p->partial = s;
}

static void unlink_slab(struct qr_pool *p, struct qr_slab *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		p->partial = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

static struct qr_slab *new_page(struct qr_pool *p)
{
	struct qr_slab *s;
	qr_frame frame;

	if (QR_RARELY(p->source))
		return p->source->page(p->source->ctx);
	if (qr_frames_alloc(p->frames, 0, QR_FRAME_POOL, QR_LOW, &frame) != QR_OK)
		return NULL;
	s = qr_host_window_get(frame);
	s->frame = frame;
	return s;
}

/* One more slab.  Called without the lock: frames may ask for memory, and that may come here. */
static bool grow(struct qr_pool *p)
{
	struct qr_slab *s = new_page(p);
	uintptr_t irq;

	if (!s)
		return false;
	s->pool = p;
	s->nfree = p->perslab;
	for (uint32_t w = 0, left = p->perslab; w < words_for(p->perslab); w++) {
		s->bits[w] = left < QR_WORD_BITS ? ((qr_word)1 << left) - 1 : ~(qr_word)0;
		left -= left < QR_WORD_BITS ? left : QR_WORD_BITS;
	}
	irq = qr_lock_acquire_irq(&p->lock);
	link_slab(p, s);
	p->avail += p->perslab;
	p->nslabs++;
	qr_lock_release_irq(&p->lock, irq);
	return true;
}

/* An empty slab leaves the pool, if all its objects are to spare. */
static bool detach_locked(struct qr_pool *p, struct qr_slab *s)
{
	qr_lock_assert_held(&p->lock);
	if (p->avail < p->perslab)
		return false;
	unlink_slab(p, s);
	p->avail -= p->perslab;
	p->nslabs--;
	s->pool = NULL;
	return true;
}

static void release(struct qr_pool *p, struct qr_slab *s)
{
	qr_frame frame = s->frame;

	if (QR_RARELY(p->source)) {
		p->source->free(p->source->ctx, s);
		return;
	}
	qr_host_window_put(s);
	QR_ASSERT(qr_frames_free(p->frames, frame, 0) == QR_OK, "a pool's slab is its own");
}

size_t qr_pool_trim(struct qr_pool *p)
{
	size_t n = 0;

	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&p->lock);
		struct qr_slab *s = p->avail >= p->perslab ? p->partial : NULL;

		while (s && s->nfree != p->perslab)
			s = s->next;
		if (s && !detach_locked(p, s))
			s = NULL;
		qr_lock_release_irq(&p->lock, irq);
		if (!s)
			return n;
		release(p, s);
		n++;
	}
}

void qr_pool_fini(struct qr_pool *p)
{
	QR_ASSERT(qr_pool_used(p) == 0 && p->reserved == 0,
		  "a pool ends when its objects are free");
	qr_pool_trim(p);
}

/* ---- objects -------------------------------------------------------------------------------- */

/* A free object of the first slab; the caller has made sure that there is one. */
QR_INLINE void *pop_locked(struct qr_pool *p)
{
	struct qr_slab *s = p->partial;
	qr_word bits;
	uint32_t w = 0;

	while (!(bits = s->bits[w]))
		w++;
	s->bits[w] = bits & (bits - 1);
	if (QR_RARELY(--s->nfree == 0))
		unlink_slab(p, s);
	return object_at(p, s, w * QR_WORD_BITS + (uint32_t)__builtin_ctzl(bits));
}

static __attribute__((noinline)) void *alloc_slow(struct qr_pool *p)
{
	return grow(p) ? qr_pool_alloc(p) : NULL;
}

void *qr_pool_alloc(struct qr_pool *p)
{
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);
	void *obj;

	if (QR_RARELY(p->avail == 0)) {
		qr_lock_release_irq(&p->lock, irq);
		return alloc_slow(p);
	}
	p->avail--;
	obj = pop_locked(p);
	qr_lock_release_irq(&p->lock, irq);
	return obj;
}

void *qr_pool_zalloc(struct qr_pool *p)
{
	void *obj = qr_pool_alloc(p);

	return obj ? __builtin_memset(obj, 0, p->size) : NULL;
}

/* The slab of an object; panics on everything that is none. */
QR_INLINE struct qr_slab *slab_of(const struct qr_pool *p, void *obj, uint32_t *index)
{
	uint32_t off = (uintptr_t)obj & QR_PAGE_MASK;
	struct qr_slab *s = (void *)((uintptr_t)obj - off);
	uint64_t product;

	QR_ASSERT(s->pool == p, "an object goes back to the pool that it came from");
	product = (uint64_t)(off - p->first) * p->recip;
	*index = (uint32_t)(product >> 32);
	QR_ASSERT((uint32_t)product < p->recip && *index < p->perslab,
		  "what goes back to a pool is an object, not a part of one");
	return s;
}

void qr_pool_free(struct qr_pool *p, void *obj)
{
	struct qr_slab *s;
	uint32_t i;
	qr_word bit;
	uintptr_t irq;
	bool gone;

	if (QR_RARELY(!obj))
		return;
	irq = qr_lock_acquire_irq(&p->lock);
	s = slab_of(p, obj, &i);
	bit = (qr_word)1 << (i % QR_WORD_BITS);
	QR_ASSERT(!(s->bits[i / QR_WORD_BITS] & bit), "an object goes back to its pool once");
	s->bits[i / QR_WORD_BITS] |= bit;
	p->avail++;
	if (QR_RARELY(s->nfree++ == 0))
		link_slab(p, s);
	/* Another slab's worth stays, so that alloc and free in turn do not go to frames. */
	gone =
	    QR_RARELY(s->nfree == p->perslab) && p->avail >= 2 * p->perslab && detach_locked(p, s);
	qr_lock_release_irq(&p->lock, irq);
	if (QR_RARELY(gone))
		release(p, s);
}

/* ---- promises ------------------------------------------------------------------------------- */

enum qr_err qr_pool_reserve(struct qr_pool *p, size_t n)
{
	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&p->lock);
		bool enough = p->avail >= n;

		if (enough) {
			p->avail -= (uint32_t)n;
			p->reserved += (uint32_t)n;
		}
		qr_lock_release_irq(&p->lock, irq);
		if (enough)
			return QR_OK;
		if (!grow(p))
			return QR_NOMEM;
	}
}

void qr_pool_unreserve(struct qr_pool *p, size_t n)
{
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);

	QR_ASSERT(n <= p->reserved, "what was promised is given back once");
	p->reserved -= (uint32_t)n;
	p->avail += (uint32_t)n;
	qr_lock_release_irq(&p->lock, irq);
}

void *qr_pool_take(struct qr_pool *p)
{
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);
	void *obj;

	QR_ASSERT(p->reserved, "an object was promised before it is taken");
	p->reserved--;
	obj = pop_locked(p);
	qr_lock_release_irq(&p->lock, irq);
	return obj;
}
