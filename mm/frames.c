/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.c - alloc and free, and the magazines in front of the bitmap.
 *
 * A magazine is a stack of free frames that belongs to one CPU.  There are two for low memory and
 * two for high: `cur`, which is used, and `old`, which is exchanged with it when cur is empty or
 * full.  Only when that does not help are frames fetched from the trees, or the older magazine
 * given back.  So a CPU that allocates and frees in turn does not go to the trees each time, and
 * hides at most twice QR_MAGAZINE_CAP frames a zone from the others.  Magazines are touched with
 * interrupts off and by their own CPU only, hence need no lock.
 *
 * A frame's word decides what may be done with it.  Only a frame with one reference and nobody
 * busy with it can be freed; the word is cleared before the frame goes into a magazine, so a
 * second free finds no reference and is refused.
 *
 * Invariants (frames_check.c):
 *	I1  a bit that is set: the frame is RAM, its word is 0
 *	I2  an area's count is the number of its set bits
 *	I3  a tree's count is the sum of its areas' counts, the total the sum of the trees'
 *	I4  a frame in a magazine is RAM, of that magazine's zone, its bit and word are 0, and it is
 *	    in no magazine a second time
 *	I5  every other frame of RAM with bit 0 has a reference or is busy
 *	I6  what is not RAM has bit 0 and word 0
 *	I7  no magazine holds more than its capacity
 * All of them when nobody is inside; while somebody is, counts may be lower than bits.
 *
 * Cost: order 0 through a magazine, no locked instruction; see docs/performance.md.
 */
#include "mm/frames_impl.h"

QR_INLINE struct qr_magazine *magazine(struct qr_frames *f, unsigned zone)
{
	return f->local[qr_cpu()].cur[zone];
}

static struct qr_magazine *exchange(struct qr_frames *f, unsigned zone)
{
	struct qr_frames_local *l = &f->local[qr_cpu()];
	struct qr_magazine *m = l->old[zone];

	l->old[zone] = l->cur[zone];
	return l->cur[zone] = m;
}

QR_INLINE uint32_t state_of(enum qr_frame_type type)
{
	return (uint32_t)type << QR_FRAME_TYPE_SHIFT | 1;
}

/* One owner, and nobody busy with it. */
QR_INLINE bool sole(uint32_t state)
{
	return (state & (QR_FRAME_REF_MASK | QR_FRAME_BUSY)) == 1;
}

typedef uint64_t __attribute__((may_alias)) whole_word;

QR_INLINE void mark(struct qr_frame_word *w, uint32_t state)
{
#if UINTPTR_MAX > 0xffffffffu
	__atomic_store_n((whole_word *)w, state, __ATOMIC_RELAXED);
#else
	qr_store32(&w->state, state);
	qr_store32(&w->link, 0);
#endif
}

/* Blocks are of many frames: four at a time. */
void qr_frames_mark(struct qr_frames *f, uint32_t first, uint32_t n, enum qr_frame_type type)
{
	uint32_t state = type == QR_FRAME_FREE ? 0 : state_of(type);
	struct qr_frame_word *w = &f->words[first], *end = w + n;

	for (; end - w >= 4; w += 4) {
		mark(&w[0], state);
		mark(&w[1], state);
		mark(&w[2], state);
		mark(&w[3], state);
	}
	while (w < end)
		mark(w++, state);
}

/* Is each of [first, first + n) in use by exactly one owner? */
static bool all_sole(const struct qr_frames *f, uint32_t first, uint32_t n)
{
	const struct qr_frame_word *w = &f->words[first], *end = w + n;
	uint32_t any = 0, all = UINT32_MAX;

	for (; end - w >= 4; w += 4) {
		uint32_t a = qr_load_acq32(&w[0].state), b = qr_load_acq32(&w[1].state);
		uint32_t c = qr_load_acq32(&w[2].state), d = qr_load_acq32(&w[3].state);

		any |= a | b | c | d;
		all &= a & b & c & d;
	}
	for (; w < end; w++) {
		any |= qr_load_acq32(&w->state);
		all &= qr_load_acq32(&w->state);
	}
	return sole(any) && all & 1;
}

/* ---- back ------------------------------------------------------------------------------- */

void qr_frames_give_list(struct qr_frames *f, const uint32_t *list, unsigned n)
{
	for (unsigned i = 0, run; i < n; i += run) {
		bool down = i + 1 < n && list[i + 1] == list[i] - 1;
		uint32_t step = down ? -1u : 1;

		for (run = 1; i + run < n && list[i + run] == list[i] + run * step; run++)
			;
		qr_area_give(f, down ? list[i + run - 1] : list[i], run);
	}
}

/* The magazine is full, or shall be empty. */
static __attribute__((noinline)) enum qr_err free_slow(struct qr_frames *f, uint32_t i)
{
	uintptr_t irq = qr_host_irq_save();
	struct qr_magazine *m = magazine(f, zone_of(f, i));

	if (qr_load32(&m->cap) == 0) {
		qr_host_irq_restore(irq);
		qr_frames_drain_own(f);
		qr_area_give(f, i, 1);
		return QR_OK;
	}
	if (m->n == QR_MAGAZINE_CAP)
		m = exchange(f, zone_of(f, i));
	if (m->n == QR_MAGAZINE_CAP) {
		qr_frames_give_list(f, m->frame, m->n);
		m->n = 0;
	}
	m->frame[m->n] = i;
	qr_store32(&m->n, m->n + 1);
	qr_host_irq_restore(irq);
	return QR_OK;
}

/* The frame's word is cleared already, or will be by the caller before interrupts return. */
QR_INLINE bool push(struct qr_frames *f, uint32_t i)
{
	struct qr_magazine *m = magazine(f, zone_of(f, i));
	uint32_t n = m->n;

	if (QR_RARELY(n >= qr_load32(&m->cap)))
		return false;
	m->frame[n] = i;
	qr_store32(&m->n, n + 1);
	return true;
}

static enum qr_err free_block(struct qr_frames *f, uint32_t i, uint32_t n)
{
	if (i >= f->nframes || n > f->nframes - i || !all_sole(f, i, n))
		return QR_CORRUPT;
	qr_frames_mark(f, i, n, QR_FRAME_FREE);
	qr_area_give(f, i, n);
	return QR_OK;
}

static __attribute__((noinline)) enum qr_err free_order(struct qr_frames *f, uint32_t i,
							unsigned order)
{
	if (order > QR_MAX_ORDER || i & ((1u << order) - 1))
		return QR_CORRUPT;
	return free_block(f, i, 1u << order);
}

/* What is rare is a tail call, so that this needs no stack frame. */
enum qr_err qr_frames_free(struct qr_frames *f, qr_frame first, unsigned order)
{
	uint32_t i = first.v - f->base;
	struct qr_frame_word *w;
	uintptr_t irq;

	if (QR_RARELY(order))
		return free_order(f, i, order);
	if (QR_RARELY(i >= f->nframes))
		return QR_CORRUPT;
	w = &f->words[i];
	irq = qr_host_irq_save();
	if (QR_RARELY(!sole(qr_load_acq32(&w->state)))) {
		qr_host_irq_restore(irq);
		return QR_CORRUPT;
	}
	mark(w, 0);
	if (QR_RARELY(!push(f, i))) {
		qr_host_irq_restore(irq);
		return free_slow(f, i);
	}
	qr_host_irq_restore(irq);
	return QR_OK;
}

enum qr_err qr_frames_free_range(struct qr_frames *f, qr_frame first, size_t n)
{
	if (n == 0 || n > f->nframes)
		return QR_CORRUPT;
	return free_block(f, first.v - f->base, (uint32_t)n);
}

/* ---- references --------------------------------------------------------------------------- */

/* Not a sole owner's put, or a broken rule.  True if the reference was the last after all. */
QR_INLINE bool unref(struct qr_frame_word *w)
{
	uint32_t old = qr_load32(&w->state);

	QR_ASSERT(old & QR_FRAME_REF_MASK, "who puts a frame has a reference to it");
	QR_ASSERT((old & QR_FRAME_REF_MASK) > 1 || !(old & QR_FRAME_BUSY),
		  "a busy frame keeps its last reference");
	old = qr_add32(&w->state, -1u);
	QR_ASSERT((old & QR_FRAME_REF_MASK) > 1 || sole(old), "a frame is put as often as got");
	if (!sole(old))
		return false;
	mark(w, 0);
	return true;
}

static __attribute__((noinline)) void put_slow(struct qr_frames *f, uint32_t i)
{
	QR_ASSERT(i < f->nframes, "who puts a frame has a reference to it");
	if (unref(&f->words[i]))
		(void)free_slow(f, i);
}

/* A sole owner needs no atomic operation: nobody else has a reference to take one from. */
void qr_frame_put(struct qr_frames *f, qr_frame frame)
{
	uint32_t i = frame.v - f->base;
	uintptr_t irq;
	bool done;

	if (QR_RARELY(i >= f->nframes || !sole(qr_load_acq32(&f->words[i].state)))) {
		put_slow(f, i);
		return;
	}
	irq = qr_host_irq_save();
	mark(&f->words[i], 0);
	done = push(f, i);
	qr_host_irq_restore(irq);
	if (QR_RARELY(!done))
		(void)free_slow(f, i);
}

void qr_frames_put_many(struct qr_frames *f, const qr_frame *frames, size_t n)
{
	enum { BUNCH = 32 }; /* frames for which interrupts stay off */
	struct qr_frame_word *words = f->words;
	uint32_t base = f->base, nframes = f->nframes;

	while (n) {
		size_t k = n < BUNCH ? n : BUNCH;
		uintptr_t irq = qr_host_irq_save();

		n -= k;
		for (const qr_frame *end = frames + k; frames < end; frames++) {
			uint32_t i = frames->v - base;

			if (QR_RARELY(i >= nframes || !sole(qr_load_acq32(&words[i].state)))) {
				put_slow(f, i);
				continue;
			}
			mark(&words[i], 0);
			if (QR_RARELY(!push(f, i)))
				(void)free_slow(f, i);
		}
		qr_host_irq_restore(irq);
	}
}

/* ---- out -------------------------------------------------------------------------------- */

/* Put what the caller does not need of a refill into the magazine, the lowest on top; if an
 * interrupt or another task filled it meanwhile, the rest goes back. */
static void stock(struct qr_frames *f, const uint32_t *list, unsigned n)
{
	uintptr_t irq = qr_host_irq_save();
	struct qr_magazine *m = magazine(f, zone_of(f, list[0]));
	uint32_t at = m->n, cap = qr_load32(&m->cap);
	uint32_t room = cap > at ? cap - at : 0, k = n < room ? n : room;

	for (uint32_t *to = m->frame + at, *end = to + k; to < end;)
		*to++ = list[--n];
	qr_store32(&m->n, at + k);
	qr_host_irq_restore(irq);
	qr_frames_give_list(f, list, n);
}

/* A frame from either magazine of a zone. */
static bool pop_other(struct qr_frames *f, unsigned zone, uint32_t *out)
{
	uintptr_t irq = qr_host_irq_save();
	struct qr_magazine *m = magazine(f, zone);
	uint32_t n;

	if (m->n == 0)
		m = exchange(f, zone);
	n = m->n;
	if (n) {
		*out = m->frame[n - 1];
		qr_store32(&m->n, n - 1);
	}
	qr_host_irq_restore(irq);
	return n != 0;
}

static bool take(struct qr_frames *f, unsigned order, enum qr_limit limit, uint32_t *out)
{
	bool small = order == 0 && limit <= QR_LOW;
	uint32_t list[QR_MAGAZINE_CAP];
	unsigned n;

	if (small && pop_other(f, qr_load32(&f->zone[limit]), out))
		return true;
	n = qr_tree_take(f, order, small && !f->fail_after ? QR_MAGAZINE_CAP : 1, limit, list);
	if (n == 0)
		return small && (pop_other(f, 0, out) || (limit == QR_ANY && pop_other(f, 1, out)));
	*out = list[0];
	if (n > 1)
		stock(f, list + 1, n - 1);
	return true;
}

static __attribute__((noinline)) enum qr_err alloc_slow(struct qr_frames *f, unsigned order,
							enum qr_frame_type type,
							enum qr_limit limit, qr_frame *out)
{
	uint32_t i;
	unsigned round = 0;

	if (order > QR_MAX_ORDER || (unsigned)limit >= QR_LIMITS)
		return QR_INVAL;
	if (f->fail_after && --f->fail_after == 0) {
		f->failed++;
		return QR_NOMEM;
	}
	while (!qr_frames_admit(f, type) || !take(f, order, limit, &i))
		if (!qr_frames_press(f, (size_t)1 << order, limit, &round))
			return QR_NOMEM;
	qr_frames_mark(f, i, 1u << order, type);
	*out = qr_frame_of(f->base + i);
	if (f->reclaim && (int32_t)qr_load32(&f->free) < (int32_t)f->mark_low)
		f->reclaim(f->reclaim_ctx, QR_MAGAZINE_CAP, limit);
	return QR_OK;
}

enum qr_err qr_frames_alloc(struct qr_frames *f, unsigned order, enum qr_frame_type type,
			    enum qr_limit limit, qr_frame *out)
{
	QR_ASSERT_DEBUG(type > QR_FRAME_RESERVED && type < QR_FRAME_TYPES,
			"a frame is allocated as something");
	if (QR_LIKELY(order == 0 && limit <= QR_LOW)) {
		uintptr_t irq = qr_host_irq_save();
		struct qr_magazine *m = magazine(f, qr_load32(&f->zone[limit]));
		uint32_t n = m->n;

		if (QR_LIKELY(n)) {
			uint32_t i = m->frame[n - 1];

			qr_store32(&m->n, n - 1);
			mark(&f->words[i], state_of(type));
			qr_host_irq_restore(irq);
			*out = qr_frame_of(f->base + i);
			return QR_OK;
		}
		qr_host_irq_restore(irq);
	}
	return alloc_slow(f, order, type, limit, out);
}

size_t qr_frames_alloc_many(struct qr_frames *f, enum qr_frame_type type, enum qr_limit limit,
			    size_t n, qr_frame *out)
{
	size_t got = 0;

	while (got < n && qr_frames_alloc(f, 0, type, limit, &out[got]) == QR_OK)
		got++;
	return got;
}
