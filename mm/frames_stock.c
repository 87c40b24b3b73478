/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_stock.c - how much there is: draining, marks, injected failures, numbers.
 *
 * Emptying somebody else's magazine would need a lock in front of every magazine.  Instead its
 * capacity is set to 0, which its owner sees at the next free and then empties it himself.
 */
#include "mm/frames_impl.h"

/* ---- draining ------------------------------------------------------------------------------ */

/* Empty both magazines of a zone; their owner has interrupts off, or stands still. */
static void empty(struct qr_frames *f, struct qr_frames_local *l, unsigned zone)
{
	uint32_t cap = f->fail_after ? 0 : QR_MAGAZINE_CAP;

	for (unsigned k = 2 * zone; k < 2 * zone + 2; k++) {
		qr_frames_give_list(f, l->mag[k].frame, l->mag[k].n);
		qr_store32(&l->mag[k].n, 0);
		qr_store32(&l->mag[k].cap, cap);
	}
}

void qr_frames_drain_own(struct qr_frames *f)
{
	for (unsigned z = 0; z < 2; z++) {
		uintptr_t irq = qr_host_irq_save();

		empty(f, &f->local[qr_cpu()], z);
		qr_host_irq_restore(irq);
	}
}

void qr_frames_drain(struct qr_frames *f)
{
	unsigned me = qr_cpu();

	qr_frames_drain_own(f);
	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		for (unsigned k = 0; k < 4 && cpu != me; k++)
			qr_store32(&f->local[cpu].mag[k].cap, 0);
}

void qr_frames_drain_all(struct qr_frames *f)
{
	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		for (unsigned z = 0; z < 2; z++)
			empty(f, &f->local[cpu], z);
}

/* ---- pressure ------------------------------------------------------------------------------ */

void qr_frames_set_reclaim(struct qr_frames *f, qr_reclaim_fn *fn, void *ctx)
{
	f->reclaim_ctx = ctx;
	f->reclaim = fn;
}

void qr_frames_set_marks(struct qr_frames *f, size_t min, size_t low)
{
	f->mark_min = min < f->nframes ? (uint32_t)min : f->nframes;
	f->mark_low = low < f->nframes ? (uint32_t)low : f->nframes;
}

bool qr_frames_admit(struct qr_frames *f, enum qr_frame_type type)
{
	bool user = type == QR_FRAME_ANON || type == QR_FRAME_CACHE;

	return !user || (int32_t)qr_load32(&f->free) >= (int32_t)f->mark_min;
}

bool qr_frames_press(struct qr_frames *f, size_t want, enum qr_limit limit, unsigned *round)
{
	enum { ROUNDS = 16 };

	/* What the magazines hold may be just what is missing. */
	if ((*round)++ == 0) {
		qr_frames_drain(f);
		return true;
	}
	return f->reclaim && *round <= ROUNDS && f->reclaim(f->reclaim_ctx, want, limit) != 0;
}

void qr_frames_fail_after(struct qr_frames *f, uint32_t n)
{
	f->fail_after = n;
	f->failed = 0;
	qr_frames_drain_all(f);
}

uint32_t qr_frames_failed(const struct qr_frames *f)
{
	return f->failed;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static size_t cached(const struct qr_frames *f, unsigned zone)
{
	size_t n = 0;

	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		n += qr_load32(&f->local[cpu].mag[2 * zone].n) +
		     qr_load32(&f->local[cpu].mag[2 * zone + 1].n);
	return n;
}

size_t qr_frames_free_count(const struct qr_frames *f)
{
	return qr_load32(&f->free) + cached(f, 0) + cached(f, 1);
}

void qr_frames_stats(const struct qr_frames *f, struct qr_frames_stats *out)
{
	*out = (struct qr_frames_stats){
		.total = f->total,
		.cached = cached(f, 0) + cached(f, 1),
		.low_free = cached(f, 0),
	};
	for (uint32_t a = 0; a < f->nareas; a++) {
		unsigned n = qr_load16(&f->areas[a]);

		out->free += n;
		out->low_free += a * AREA_FRAMES < f->low_end ? n : 0;
		out->free_areas += n == AREA_FRAMES;
	}
	out->free += out->cached;
}

void qr_frames_census(const struct qr_frames *f, size_t count[QR_FRAME_TYPES])
{
	size_t used = 0;

	for (unsigned t = 0; t < QR_FRAME_TYPES; t++)
		count[t] = 0;
	for (uint32_t i = 0; i < f->nframes; i++)
		count[qr_frame_type(&f->words[i])]++;
	for (unsigned t = QR_FRAME_RESERVED + 1; t < QR_FRAME_TYPES; t++)
		used += count[t];
	count[QR_FRAME_FREE] = f->total - used;
	count[QR_FRAME_RESERVED] = f->nframes - f->total;
}
