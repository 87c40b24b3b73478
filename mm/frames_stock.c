/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_stock.c - how much there is: draining, marks, injected failures, numbers.
 *
 * Emptying somebody else's magazine would need a lock in front of every magazine.  Instead its
 * capacity is set to 0, which its owner sees at the next free and then empties it himself.
 */
#include "mm/frames_impl.h"

/* ---- draining ------------------------------------------------------------------------------ */

/* Take everything out of a magazine; its owner has interrupts off, or stands still. */
static unsigned empty(struct qr_frames *f, struct qr_magazine *m, uint32_t *out)
{
	unsigned n = m->n;

	__builtin_memcpy(out, m->frame, n * sizeof(*out));
	m->n = 0;
	qr_store32(&m->cap, f->fail_after ? 0 : QR_MAGAZINE_CAP);
	return n;
}

void qr_frames_drain_own(struct qr_frames *f)
{
	for (unsigned z = 0; z < 2; z++) {
		uint32_t list[QR_MAGAZINE_CAP];
		uintptr_t irq = qr_host_irq_save();
		unsigned n = empty(f, &f->local[qr_cpu()].mag[z], list);

		qr_host_irq_restore(irq);
		qr_frames_give_list(f, list, n);
	}
}

void qr_frames_drain(struct qr_frames *f)
{
	unsigned me = qr_cpu();

	qr_frames_drain_own(f);
	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		for (unsigned z = 0; z < 2 && cpu != me; z++)
			qr_store32(&f->local[cpu].mag[z].cap, 0);
}

void qr_frames_drain_all(struct qr_frames *f)
{
	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		for (unsigned z = 0; z < 2; z++) {
			uint32_t list[QR_MAGAZINE_CAP];
			unsigned n = empty(f, &f->local[cpu].mag[z], list);

			qr_frames_give_list(f, list, n);
		}
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
		n += qr_load32(&f->local[cpu].mag[zone].n);
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
