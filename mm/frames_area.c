/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_area.c - taking frames from one area, and giving them back.
 *
 * An area is a count and, apart from it, rows of bits.  The count is a counter of tickets: who
 * wants n frames first takes n from the count, and only then looks for bits.  Who gives frames
 * back sets the bits first and then adds to the count.  So always
 *
 *	count <= bits set in the rows		and equal when nobody is inside
 *
 * and from this follows all the rest: a ticket for single frames always finds its bits; a count
 * of 512 means that all bits are set and nobody is inside, so that one exchange of the count
 * takes the whole area, and the rows behind it can be written without care; two counts, side by
 * side in one 32-bit word, are taken in one exchange for an order-10 block.  A ticket for a
 * block that is not found is given back in full.
 *
 *	orders            taken by
 *	up to a row       one exchange of the row
 *	up to 8           one exchange a row, all or given back
 *	9, 10             one exchange of the count or pair of counts
 *
 * Locking: none; every change is an atomic operation.  Cost: a few loads of one cache line of
 * rows, and one locked instruction each for count and row.
 */
#include "mm/frames_impl.h"

typedef uint32_t __attribute__((may_alias)) area_pair;

QR_INLINE qr_word *rows_of(struct qr_frames *f, uint32_t area)
{
	return &f->rows[area * ROWS_PER_AREA];
}

/* Take n tickets.  False: there are fewer. */
static bool ticket(uint16_t *count, unsigned n)
{
	uint16_t have = qr_load16(count);

	do {
		if (have < n)
			return false;
	} while (!qr_cas16(count, &have, (uint16_t)(have - n)));
	return true;
}

static void refund(uint16_t *count, unsigned n)
{
	unsigned had = qr_add16(count, (uint16_t)n);

	QR_ASSERT(had + n <= AREA_FRAMES, "a frame goes back to frames once");
}

/* The trees and the grand total follow the areas; they are read as hints. */
static void account(struct qr_frames *f, uint32_t area, int32_t n)
{
	(void)qr_add32(&f->trees[area / TREE_AREAS].free, (uint32_t)n);
	(void)qr_add32(&f->free, (uint32_t)n);
}

/* How many bits are set from `bit` on without a gap. */
QR_INLINE unsigned run_at(qr_word w, unsigned bit)
{
	qr_word rest = ~(w >> bit);

	return rest ? (unsigned)__builtin_ctzl(rest) : QR_WORD_BITS;
}

/* The lowest `n` set bits of w, or all if there are fewer; run by run. */
static qr_word lowest(qr_word w, unsigned n)
{
	qr_word got = 0;

	while (w && n) {
		unsigned bit = (unsigned)__builtin_ctzl(w), run = run_at(w, bit);
		qr_word mask = row_mask(bit, run < n ? run : n);

		got |= mask;
		w &= ~mask;
		n -= run < n ? run : n;
	}
	return got;
}

/* The frames that the set bits stand for. */
static unsigned emit(qr_word bits, uint32_t first, uint32_t *out)
{
	uint32_t *at = out;

	while (bits) {
		unsigned bit = (unsigned)__builtin_ctzl(bits), run = run_at(bits, bit);
		uint32_t frame = first + bit;

		bits &= ~row_mask(bit, run);
		for (uint32_t *end = at + run; at < end;)
			*at++ = frame++;
	}
	return (unsigned)(at - out);
}

unsigned qr_area_take(struct qr_frames *f, uint32_t area, unsigned want, uint32_t *out)
{
	uint16_t *count = &f->areas[area];
	uint16_t have = qr_load16(count);
	unsigned n, got = 0, r = 0;

	do {
		n = have < want ? have : want;
		if (n == 0)
			return 0;
	} while (!qr_cas16(count, &have, (uint16_t)(have - n)));

	/* Others with tickets of their own may be faster at one row, but there are as many bits
	 * as tickets: going round finds ours. */
	for (; got < n; r = (r + 1) % ROWS_PER_AREA) {
		qr_word *row = rows_of(f, area) + r;
		qr_word bits, w = qr_load_word(row);

		do {
			bits = lowest(w, n - got);
		} while (bits && !qr_cas_word(row, &w, w & ~bits));
		got += emit(bits, area * AREA_FRAMES + r * QR_WORD_BITS, out + got);
	}
	account(f, area, -(int32_t)n);
	return n;
}

/* The bits of w at which an aligned run of 2^order free frames begins. */
static qr_word run_starts(qr_word w, unsigned order)
{
#define EVERY(n) (ROW_FULL / (((qr_word)1 << (n)) - 1))
	static const qr_word aligned[] = {
		ROW_FULL,
		EVERY(2),
		EVERY(4),
		EVERY(8),
		EVERY(16),
#if UINTPTR_MAX > 0xffffffffu
		EVERY(32),
#endif
		1,
	};
#undef EVERY
	for (unsigned o = 0; o < order; o++)
		w &= w >> (1u << o);
	return w & aligned[order];
}

/* A block inside of one row. */
static bool take_in_row(struct qr_frames *f, uint32_t area, unsigned order, uint32_t *out)
{
	for (unsigned r = 0; r < ROWS_PER_AREA; r++) {
		qr_word *row = rows_of(f, area) + r;
		qr_word w = qr_load_word(row), starts;

		while ((starts = run_starts(w, order)) != 0) {
			unsigned bit = (unsigned)__builtin_ctzl(starts);

			if (qr_cas_word(row, &w, w & ~row_mask(bit, 1u << order))) {
				*out = area * AREA_FRAMES + r * QR_WORD_BITS + bit;
				return true;
			}
		}
	}
	return false;
}

/* All of n rows, or none: those taken before the one that was not free are given back. */
static bool take_rows(qr_word *row, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		qr_word full = ROW_FULL;

		if (qr_cas_word(&row[i], &full, 0))
			continue;
		while (i--)
			qr_store_rel_word(&row[i], ROW_FULL);
		return false;
	}
	return true;
}

static bool take_across_rows(struct qr_frames *f, uint32_t area, unsigned order, uint32_t *out)
{
	unsigned n = (1u << order) / QR_WORD_BITS;

	for (unsigned r = 0; r < ROWS_PER_AREA; r += n)
		if (take_rows(rows_of(f, area) + r, n)) {
			*out = area * AREA_FRAMES + r * QR_WORD_BITS;
			return true;
		}
	return false;
}

/* Whoever takes 512 tickets at once is alone in the area. */
static void clear_area(struct qr_frames *f, uint32_t area)
{
	for (unsigned r = 0; r < ROWS_PER_AREA; r++)
		qr_store_word(rows_of(f, area) + r, 0);
	account(f, area, -(int32_t)AREA_FRAMES);
}

static bool take_pair(struct qr_frames *f, uint32_t area)
{
	area_pair *pair = (area_pair *)&f->areas[area];
	area_pair full = AREA_FRAMES | AREA_FRAMES << 16;

	if (area % 2 ||
	    !__atomic_compare_exchange_n(pair, &full, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	clear_area(f, area);
	clear_area(f, area + 1);
	return true;
}

bool qr_area_take_block(struct qr_frames *f, uint32_t area, unsigned order, uint32_t *out)
{
	unsigned n = 1u << order;
	bool found;

	if (order > AREA_SHIFT) {
		*out = area * AREA_FRAMES;
		return take_pair(f, area);
	}
	if (!ticket(&f->areas[area], n))
		return false;
	if (order == AREA_SHIFT) {
		*out = area * AREA_FRAMES;
		clear_area(f, area);
		return true;
	}
	found = order <= ROW_SHIFT ? take_in_row(f, area, order, out)
				   : take_across_rows(f, area, order, out);
	if (found)
		account(f, area, -(int32_t)n);
	else
		refund(&f->areas[area], n);
	return found;
}

/* Set the bits of [first, first + n), inside of one area.  A bit that is set already is a frame
 * that was given back twice behind the word's back: nothing can be trusted any more. */
static void set_bits(struct qr_frames *f, uint32_t first, uint32_t n)
{
	while (n) {
		unsigned bit = first % QR_WORD_BITS;
		unsigned m = QR_WORD_BITS - bit < n ? QR_WORD_BITS - bit : n;
		qr_word mask = row_mask(bit, m);
		qr_word old = qr_or_word(&f->rows[first / QR_WORD_BITS], mask);

		QR_ASSERT(!(old & mask), "a frame goes back to frames once");
		first += m;
		n -= m;
	}
}

bool qr_area_take_exact(struct qr_frames *f, uint32_t first, uint32_t n)
{
	uint32_t area = first / AREA_FRAMES, at = first, left = n;

	if (!ticket(&f->areas[area], n))
		return false;
	while (left) {
		unsigned bit = at % QR_WORD_BITS;
		unsigned m = QR_WORD_BITS - bit < left ? QR_WORD_BITS - bit : left;
		qr_word mask = row_mask(bit, m), *row = &f->rows[at / QR_WORD_BITS];
		qr_word w = qr_load_word(row);

		while ((w & mask) == mask && !qr_cas_word(row, &w, w & ~mask))
			;
		if ((w & mask) != mask) {
			set_bits(f, first, at - first);
			refund(&f->areas[area], n);
			return false;
		}
		at += m;
		left -= m;
	}
	account(f, area, -(int32_t)n);
	return true;
}

void qr_area_give(struct qr_frames *f, uint32_t first, uint32_t n)
{
	while (n) {
		uint32_t area = first / AREA_FRAMES;
		uint32_t m = AREA_FRAMES - first % AREA_FRAMES;

		if (m > n)
			m = n;
		set_bits(f, first, m);
		refund(&f->areas[area], m);
		account(f, area, (int32_t)m);
		if (QR_RARELY(first >= f->low_end && !qr_load32(&f->zone[QR_ANY])))
			qr_store32(&f->zone[QR_ANY], 1);
		first += m;
		n -= m;
	}
}
