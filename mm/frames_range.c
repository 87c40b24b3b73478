/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_range.c - n contiguous frames, whatever n.
 *
 * For what no order fits: 1 GiB pages, large blocks of the heap, buffers at boot.  Candidates
 * are tried from the highest band's rule backwards: simply from the limit's end downward, so that
 * long ranges and single frames (which are taken upward) meet in the middle.
 *
 * A candidate is taken area by area; when a frame of it turns out to be taken, exactly what was
 * taken so far is given back, and the search goes on below that frame.
 *
 * Cost: O(frames) at worst, two loads for each area that cannot be part of an answer.
 */
#include "mm/frames_impl.h"

/* The highest frame of [first, first + n) whose bit is not set, or first - 1 if all are: the
 * next candidate must end at or below it.  Read without a ticket, hence a hint. */
static int64_t highest_taken(const struct qr_frames *f, uint32_t first, uint32_t n)
{
	uint32_t end = first + n;

	while (end > first) {
		unsigned m = (end - 1) % QR_WORD_BITS + 1;
		qr_word w;

		if (m > end - first)
			m = end - first;
		w = ~qr_load_word(&f->rows[(end - 1) / QR_WORD_BITS]) &
		    row_mask((end - m) % QR_WORD_BITS, m);
		if (w)
			return (int64_t)((end - 1) & ~(QR_WORD_BITS - 1)) + QR_WORD_BITS - 1 -
			       __builtin_clzl(w);
		end -= m;
	}
	return (int64_t)first - 1;
}

/* All of [first, first + n), or nothing. */
static bool take_exact(struct qr_frames *f, uint32_t first, uint32_t n)
{
	uint32_t at = first, end = first + n;

	while (at < end) {
		uint32_t m = AREA_FRAMES - at % AREA_FRAMES;

		if (m > end - at)
			m = end - at;
		if (!qr_area_take_exact(f, at, m)) {
			if (at > first)
				qr_area_give(f, first, at - first);
			return false;
		}
		at += m;
	}
	return true;
}

static bool find(struct qr_frames *f, uint32_t n, uint32_t align, uint32_t limit, uint32_t *out)
{
	int64_t end = limit;

	while (end >= n) {
		/* Alignment is of frame numbers; the base is a multiple of 16 MiB only. */
		uint32_t at =
		    (uint32_t)(((uint64_t)f->base + (uint64_t)end - n) & -(uint64_t)align);
		int64_t taken;

		if (at < f->base)
			return false;
		at -= f->base;
		taken = highest_taken(f, at, n);
		if (taken < at) {
			if (take_exact(f, at, n)) {
				*out = at;
				return true;
			}
			taken = (int64_t)at + n - 1;
		}
		end = taken;
	}
	return false;
}

enum qr_err qr_frames_alloc_range(struct qr_frames *f, size_t n, size_t align,
				  enum qr_frame_type type, enum qr_limit limit, qr_frame *out)
{
	uint32_t i;
	unsigned round = 0;

	if (n == 0 || align == 0 || align & (align - 1) || align > 1u << 30 ||
	    (unsigned)limit >= QR_LIMITS)
		return QR_INVAL;
	if (n > f->total)
		return QR_NOMEM;
	if (f->fail_after && --f->fail_after == 0) {
		f->failed++;
		return QR_NOMEM;
	}
	while (!qr_frames_admit(f, type) ||
	       !find(f, (uint32_t)n, (uint32_t)align, qr_frames_limit_end(f, limit), &i))
		if (!qr_frames_press(f, n, limit, &round))
			return QR_NOMEM;
	qr_frames_mark(f, i, (uint32_t)n, type);
	*out = qr_frame_of(f->base + i);
	return QR_OK;
}
