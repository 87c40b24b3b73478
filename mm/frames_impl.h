/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_impl.h - what the files of frames share.
 *
 *	frames_setup.c   metadata, init, add
 *	frames.c         alloc, free, references: the magazines
 *	frames_tree.c    which area to take from: bands, trees
 *	frames_area.c    taking from and giving to one area: counts and rows
 *	frames_range.c   exactly these frames; n of them in a row
 *	frames_stock.c   draining, marks, injected failures, numbers
 *	frames_check.c   the invariants
 *
 * Inside, a frame is its index from f->base, and a function that takes frames speaks of indices.
 */
#ifndef MM_FRAMES_IMPL_H
#define MM_FRAMES_IMPL_H

#include <quire/frames.h>
#include <quire/lock.h>

#define AREA_FRAMES   512u
#define AREA_SHIFT    9
#define ROWS_PER_AREA (AREA_FRAMES / QR_WORD_BITS)
#define TREE_AREAS    8u
#define TREE_FRAMES   (TREE_AREAS * AREA_FRAMES)
#define ROW_SHIFT     (QR_WORD_BITS == 64 ? 6u : 5u)
#define ROW_FULL      (~(qr_word)0)

_Static_assert(QR_WORD_BITS == 64 || QR_WORD_BITS == 32, "a row is one word");
_Static_assert(1u << QR_MAX_ORDER == 2 * AREA_FRAMES, "the largest block is a pair of areas");
_Static_assert(sizeof(struct qr_frame_word) == 8, "eight bytes a frame");

/* The bits [from, from + n) of a row; 1 <= n, and they end inside of it. */
QR_INLINE qr_word row_mask(unsigned from, unsigned n)
{
	return (ROW_FULL >> (QR_WORD_BITS - n)) << from;
}

/* Index behind the last frame that a limit allows. */
uint32_t qr_frames_limit_end(const struct qr_frames *f, enum qr_limit limit);

QR_INLINE unsigned zone_of(const struct qr_frames *f, uint32_t i)
{
	return i >= f->low_end;
}

/* ---- frames_area.c: one area ------------------------------------------------------------- */

/* Up to `want` single frames into out; answers how many. */
unsigned qr_area_take(struct qr_frames *f, uint32_t area, unsigned want, uint32_t *out);
/* One aligned block of 2^order frames, order 0 .. 10. */
bool qr_area_take_block(struct qr_frames *f, uint32_t area, unsigned order, uint32_t *out);
/* Exactly the frames [first, first + n); all or none. */
bool qr_area_take_exact(struct qr_frames *f, uint32_t first, uint32_t n);
/* Give [first, first + n) back: into rows, area counts, trees. */
void qr_area_give(struct qr_frames *f, uint32_t first, uint32_t n);

/* ---- frames_tree.c: all areas ------------------------------------------------------------ */

/* Up to `want` single frames (order 0), or one block (want 1), below `limit`, from the best
 * band that has some.  Answers how many, their indices in out. */
unsigned qr_tree_take(struct qr_frames *f, unsigned order, unsigned want, enum qr_limit limit,
		      uint32_t *out);

/* ---- frames.c ----------------------------------------------------------------------------- */

/* Give single frames back that are in no order; neighbours are joined. */
void qr_frames_give_list(struct qr_frames *f, const uint32_t *list, unsigned n);
/* Write the words of [first, first + n): handed out as `type`, or free. */
void qr_frames_mark(struct qr_frames *f, uint32_t first, uint32_t n, enum qr_frame_type type);
/* Empty this CPU's magazines. */
void qr_frames_drain_own(struct qr_frames *f);
/* Whether an allocation may go on: counts for fail_after, holds back below the min mark. */
bool qr_frames_admit(struct qr_frames *f, enum qr_frame_type type);
/* Nothing found: ask for memory.  True if another try may find some; *round starts at 0. */
bool qr_frames_press(struct qr_frames *f, size_t want, enum qr_limit limit, unsigned *round);

#endif
