/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_setup.c - where the metadata lies, and how frames come under control.
 *
 *	metadata:  local (a CPU each) | rows | ram | areas | trees | words
 *
 * Every part but the words is small; the words are 8 bytes a frame.  Init writes zeroes: no
 * frame is RAM, every count is 0.  So a hole costs nothing but its words, and nothing of the
 * memory that is managed is ever touched.
 */
#include "mm/frames_impl.h"

struct layout {
	uint32_t base, nframes, ntrees, nareas;
	size_t rows, ram, areas, trees, words, size; /* offsets; the end */
};

static size_t place(size_t *at, size_t nbytes)
{
	size_t here = *at;

	*at = (here + nbytes + 63) & ~(size_t)63;
	return here;
}

static bool lay_out(const struct qr_frames_config *c, struct layout *l)
{
	size_t at = 0;

	if (c->first.v >= c->end.v || c->end.v > 0xffff0000u || c->ncpus == 0 ||
	    c->ncpus > QR_MAX_CPUS)
		return false;
	l->base = c->first.v & ~(TREE_FRAMES - 1);
	l->nframes = c->end.v - l->base;
	if (sizeof(size_t) == 4 && l->nframes > 1u << 26) /* 64 GiB: words of half a GiB */
		return false;
	l->ntrees = (l->nframes + TREE_FRAMES - 1) / TREE_FRAMES;
	l->nareas = l->ntrees * TREE_AREAS;
	place(&at, c->ncpus * sizeof(struct qr_frames_local));
	l->rows = place(&at, (size_t)l->nareas * AREA_FRAMES / 8);
	l->ram = place(&at, (size_t)l->nareas * AREA_FRAMES / 8);
	l->areas = place(&at, l->nareas * sizeof(uint16_t));
	l->trees = place(&at, l->ntrees * sizeof(struct qr_tree));
	l->words = place(&at, (size_t)l->nframes * sizeof(struct qr_frame_word));
	l->size = at;
	return true;
}

size_t qr_frames_metadata_size(const struct qr_frames_config *c)
{
	struct layout l;

	return lay_out(c, &l) ? l.size : 0;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Borders in areas, rising; bands that a machine does not have are empty. */
static void cut_bands(struct qr_frames *f)
{
	uint32_t low = f->low_end / AREA_FRAMES;
	uint32_t g4 = qr_frames_limit_end(f, QR_4G) / AREA_FRAMES;
	uint32_t m16 = qr_frames_limit_end(f, QR_16M) / AREA_FRAMES;

	if (f->low_end == f->nframes)
		low = f->nareas;
	f->bands[0] = 0;
	f->bands[1] = f->base ? 0 : min32(1, f->nareas);
	f->bands[2] = m16 > f->bands[1] ? m16 : f->bands[1];
	f->bands[3] = low < g4 ? low : g4;
	f->bands[4] = low < g4 ? g4 : low;
	f->bands[5] = f->nareas;
	for (unsigned b = 3; b < 5; b++)
		if (f->bands[b] < f->bands[b - 1])
			f->bands[b] = f->bands[b - 1];
}

/* Low memory ends where an area does, so that no area is of two zones. */
static void split_zones(struct qr_frames *f, const struct qr_frames_config *c)
{
	uint32_t low = c->low_end.v > f->base ? c->low_end.v - f->base : 0;

	f->low_end = low >= f->nframes ? f->nframes : low & ~(AREA_FRAMES - 1);
	f->zone[QR_ANY] = f->low_end < f->nframes;
	f->zone[QR_LOW] = 0;
}

static void open_magazines(struct qr_frames_local *l)
{
	for (unsigned k = 0; k < 4; k++)
		l->mag[k].cap = QR_MAGAZINE_CAP;
	for (unsigned z = 0; z < 2; z++) {
		l->cur[z] = &l->mag[2 * z];
		l->old[z] = &l->mag[2 * z + 1];
	}
}

enum qr_err qr_frames_init(struct qr_frames *f, const struct qr_frames_config *c, void *metadata,
			   size_t bytes)
{
	struct layout l;
	char *m = metadata;

	if (!lay_out(c, &l) || bytes < l.size || (uintptr_t)metadata & 63)
		return QR_INVAL;
	if (!c->zeroed)
		__builtin_memset(m, 0, l.size);
	*f = (struct qr_frames){
		.words = (void *)(m + l.words),
		.base = l.base,
		.nframes = l.nframes,
		.local = (void *)m,
		.rows = (void *)(m + l.rows),
		.ram = (void *)(m + l.ram),
		.areas = (void *)(m + l.areas),
		.trees = (void *)(m + l.trees),
		.nareas = l.nareas,
		.ntrees = l.ntrees,
		.ncpus = c->ncpus,
	};
	split_zones(f, c);
	cut_bands(f);
	for (unsigned cpu = 0; cpu < f->ncpus; cpu++)
		open_magazines(&f->local[cpu]);
	return QR_OK;
}

/* Walk the bitmap of RAM over [first, first + n); true if none of its bits was set before. */
static bool mark_ram(struct qr_frames *f, uint32_t first, uint32_t n, bool set)
{
	while (n) {
		unsigned bit = first % QR_WORD_BITS;
		unsigned m = min32(QR_WORD_BITS - bit, n);
		qr_word *w = &f->ram[first / QR_WORD_BITS], mask = row_mask(bit, m);

		if (set)
			*w |= mask;
		else if (*w & mask)
			return false;
		first += m;
		n -= m;
	}
	return true;
}

enum qr_err qr_frames_add(struct qr_frames *f, qr_frame first, size_t n)
{
	uint32_t i = first.v - f->base;

	if (n == 0 || i >= f->nframes || n > f->nframes - i)
		return QR_INVAL;
	if (!mark_ram(f, i, (uint32_t)n, false))
		return QR_CORRUPT;
	mark_ram(f, i, (uint32_t)n, true);
	f->total += (uint32_t)n;
	qr_area_give(f, i, (uint32_t)n);
	return QR_OK;
}

bool qr_frames_manages(const struct qr_frames *f, qr_frame frame)
{
	uint32_t i = frame.v - f->base;

	return i < f->nframes && f->ram[i / QR_WORD_BITS] >> i % QR_WORD_BITS & 1;
}
