/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_check.c - the invariants I1 .. I7 that frames.c states, verified over everything.
 */
#include "mm/frames_impl.h"

static bool bit(const qr_word *map, uint32_t i)
{
	return map[i / QR_WORD_BITS] >> (i % QR_WORD_BITS) & 1;
}

static bool word_is_zero(const struct qr_frames *f, uint32_t i)
{
	return f->words[i].state == 0 && f->words[i].link == 0;
}

/* I1, I5, I6 over every frame; *idle counts the frames that only a magazine can explain. */
static const char *check_frames(const struct qr_frames *f, size_t *idle)
{
	size_t ram = 0;

	*idle = 0;
	for (uint32_t i = 0; i < f->nframes; i++) {
		bool free = bit(f->rows, i), is_ram = bit(f->ram, i), zero = word_is_zero(f, i);

		ram += is_ram;
		if (free && !(is_ram && zero))
			return "I1: a free bit is RAM with an empty word";
		if (!is_ram && !zero)
			return "I6: what is not RAM has an empty word";
		if (is_ram && !free && zero)
			++*idle;
		if (is_ram && !free && !zero && !qr_frame_refs(&f->words[i]) &&
		    !(f->words[i].state & QR_FRAME_BUSY))
			return "I5: a frame in use has a reference";
	}
	return ram == f->total ? NULL : "I6: the total is the number of frames of RAM";
}

static const char *check_counts(const struct qr_frames *f)
{
	uint32_t total = 0;

	for (uint32_t t = 0; t < f->ntrees; t++) {
		uint32_t sum = 0;

		for (uint32_t a = t * TREE_AREAS; a < (t + 1) * TREE_AREAS; a++) {
			unsigned n = 0;

			for (unsigned r = 0; r < ROWS_PER_AREA; r++)
				n += (unsigned)__builtin_popcountl(f->rows[a * ROWS_PER_AREA + r]);
			if (n != f->areas[a])
				return "I2: an area's count is the number of its free bits";
			sum += n;
		}
		if (sum != f->trees[t].free)
			return "I3: a tree's count is the sum of its areas'";
		total += sum;
	}
	return total == f->free ? NULL : "I3: the total is the sum of the trees'";
}

/* Magazines of all CPUs in one order: four each. */
static const struct qr_magazine *magazine(const struct qr_frames *f, unsigned m)
{
	return &f->local[m / 4].mag[m % 4];
}

/* Whether frame i is in a magazine before place k of magazine m. */
static bool seen_before(const struct qr_frames *f, uint32_t i, unsigned m, unsigned k)
{
	for (unsigned o = 0; o <= m; o++)
		for (unsigned j = 0; j < (o == m ? k : magazine(f, o)->n); j++)
			if (magazine(f, o)->frame[j] == i)
				return true;
	return false;
}

static const char *check_magazine(const struct qr_frames *f, unsigned number)
{
	const struct qr_magazine *m = magazine(f, number);

	if (m->n > QR_MAGAZINE_CAP || m->cap > QR_MAGAZINE_CAP)
		return "I7: no magazine holds more than its capacity";
	for (unsigned k = 0; k < m->n; k++) {
		uint32_t i = m->frame[k];

		if (i >= f->nframes || !bit(f->ram, i) || zone_of(f, i) != number % 4 / 2)
			return "I4: a magazine holds RAM of its zone";
		if (bit(f->rows, i) || !word_is_zero(f, i))
			return "I4: a frame in a magazine has no bit and an empty word";
		if (seen_before(f, i, number, k))
			return "I4: a frame is in one magazine once";
	}
	return NULL;
}

const char *qr_frames_check(const struct qr_frames *f)
{
	size_t idle, cached = 0;
	const char *broken = check_frames(f, &idle);

	if (!broken)
		broken = check_counts(f);
	for (unsigned m = 0; m < 4 * f->ncpus && !broken; m++) {
		broken = check_magazine(f, m);
		cached += magazine(f, m)->n;
	}
	if (!broken && cached != idle)
		return "I5: a frame without a reference is free, or in a magazine";
	return broken;
}
