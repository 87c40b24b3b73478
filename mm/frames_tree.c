/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames_tree.c - which area to take frames from.
 *
 * Memory is cut into bands at the borders that somebody may need to stay below:
 *
 *	0 ... 2 MiB ... 16 MiB ... low_end and 4 GiB ... end
 *	 real mode   ISA DMA    (either may be the lower)
 *
 * An allocation starts in the highest band that its limit allows and goes down, so that what is
 * rare is taken last.  Inside a band it looks near where this CPU found something before, in
 * three rounds that get less picky:
 *
 *	1  trees that nobody else refills from, partly used: whole trees stay whole
 *	2  trees that nobody else refills from
 *	3  any tree
 *
 * and inside a tree first the areas that are broken already.
 *
 * All numbers read here are hints; qr_area_take* decides.  A block in transit between a row and
 * its counts may be overlooked, so a search that found nothing is repeated while the grand total
 * says that there should be something.
 *
 * Cost: usually the first tree.  At worst O(trees) three times: 64 GiB are 4096 trees.
 */
#include "mm/frames_impl.h"

struct search {
	struct qr_frames *f;
	unsigned order, want;
	uint32_t lo, hi; /* areas of the band, clipped by the limit */
	uint32_t me;     /* this CPU + 1, as in a tree's owner */
	uint32_t *out;
};

enum pickiness { PARTLY_USED, NOT_OWNED, ANY_TREE, ROUNDS };

uint32_t qr_frames_limit_end(const struct qr_frames *f, enum qr_limit limit)
{
	static const uint32_t ends[QR_LIMITS] = {
		[QR_4G] = 1u << 20,
		[QR_16M] = 1u << 12,
		[QR_1M] = 1u << 8,
	};
	uint32_t end = ends[limit];

	if (limit == QR_ANY)
		return f->nframes;
	if (limit == QR_LOW)
		return f->low_end;
	end = end > f->base ? end - f->base : 0;
	return end < f->nframes ? end : f->nframes;
}

static unsigned try_area(const struct search *s, uint32_t area)
{
	if (s->order == 0)
		return qr_area_take(s->f, area, s->want, s->out);
	return qr_area_take_block(s->f, area, s->order, s->out);
}

/* The areas of one tree from `from` on, wrapping: the broken ones, then the whole ones. */
static unsigned try_tree(const struct search *s, uint32_t tree, uint32_t from)
{
	uint32_t base = tree * TREE_AREAS;
	unsigned need = s->order < AREA_SHIFT ? 1u << s->order : AREA_FRAMES;

	for (int whole = s->order >= AREA_SHIFT; whole <= 1; whole++)
		for (uint32_t i = 0; i < TREE_AREAS; i++) {
			uint32_t area = base + (from + i) % TREE_AREAS;
			unsigned n, have;

			if (area < s->lo || area >= s->hi)
				continue;
			have = qr_load16(&s->f->areas[area]);
			if (have < need || (have == AREA_FRAMES) != whole)
				continue;
			n = try_area(s, area);
			if (n)
				return n;
		}
	return 0;
}

static bool suits(const struct search *s, uint32_t tree, enum pickiness round)
{
	const struct qr_tree *t = &s->f->trees[tree];
	int32_t free = (int32_t)qr_load32(&t->free);
	uint32_t owner = qr_load32(&t->owner);

	if (free < 1 << s->order)
		return false;
	if (round == ANY_TREE)
		return true;
	if (owner && owner != s->me)
		return false;
	return round == NOT_OWNED || free < (int32_t)(TREE_FRAMES / 4 * 3);
}

/* This CPU refills from `tree` from now on. */
static void settle(const struct search *s, uint32_t *hint, uint32_t area)
{
	struct qr_frames *f = s->f;
	struct qr_tree *was = &f->trees[*hint / TREE_AREAS], *is = &f->trees[area / TREE_AREAS];

	qr_store32(hint, area);
	if (s->order || f->ncpus == 1)
		return;
	if (was != is && qr_load32(&was->owner) == s->me)
		qr_store32(&was->owner, 0);
	if (!qr_load32(&is->owner))
		qr_store32(&is->owner, s->me);
}

static unsigned search_band(const struct search *s, uint32_t *hint)
{
	uint32_t first = s->lo / TREE_AREAS, ntrees = (s->hi - 1) / TREE_AREAS - first + 1;
	uint32_t start = qr_load32(hint);
	unsigned n;

	if (start < s->lo || start >= s->hi)
		start = s->lo;
	n = try_tree(s, start / TREE_AREAS, start % TREE_AREAS);
	for (int round = 0; !n && round < ROUNDS; round++)
		for (uint32_t i = 0, t = start / TREE_AREAS; !n && i < ntrees; i++) {
			if (suits(s, t, (enum pickiness)round))
				n = try_tree(s, t, 0);
			t = t + 1 < first + ntrees ? t + 1 : first;
		}
	if (n)
		settle(s, hint, s->out[0] / AREA_FRAMES);
	return n;
}

/* Real mode's border lies inside an area: frame by frame, block by block. */
static unsigned take_below(struct qr_frames *f, unsigned order, uint32_t end, uint32_t *out)
{
	for (uint32_t i = 0; i + (1u << order) <= end; i += 1u << order)
		if (qr_area_take_exact(f, i, 1u << order)) {
			*out = i;
			return 1;
		}
	return 0;
}

/* While high memory is used up, QR_ANY goes to low memory's magazines at once.  It is tried again
 * when some of it comes back (qr_area_give), or when low memory is used up too. */
static void note_zone(struct qr_frames *f, uint32_t first, bool found)
{
	if (zone_of(f, first) && qr_load32(&f->zone[QR_ANY]) != found)
		qr_store32(&f->zone[QR_ANY], found);
}

static unsigned search_bands(struct search *s, uint32_t end)
{
	struct qr_frames *f = s->f;

	/* The hint may be another CPU's by the time it is written: it stays a hint. */
	s->me = qr_cpu() + 1;
	for (unsigned b = QR_BANDS; b-- > 0;) {
		uint32_t limit = end == f->nframes ? f->nareas : end / AREA_FRAMES;
		unsigned n;

		s->lo = f->bands[b];
		s->hi = f->bands[b + 1] < limit ? f->bands[b + 1] : limit;
		if (s->lo >= s->hi)
			continue;
		n = search_band(s, &f->local[s->me - 1].area[zone_of(f, s->lo * AREA_FRAMES)]);
		if (s->order == 0)
			note_zone(f, s->lo * AREA_FRAMES, n != 0);
		if (n)
			return n;
	}
	return 0;
}

unsigned qr_tree_take(struct qr_frames *f, unsigned order, unsigned want, enum qr_limit limit,
		      uint32_t *out)
{
	struct search s = { .f = f, .order = order, .want = want, .out = out };
	uint32_t end = qr_frames_limit_end(f, limit);
	unsigned n = 0;

	if (limit == QR_1M)
		return order < AREA_SHIFT ? take_below(f, order, end, out) : 0;
	for (int tries = 0; tries < 3 && !n; tries++) {
		if ((int32_t)qr_load32(&f->free) < 1 << order)
			break;
		n = search_bands(&s, end);
		if (order || limit > QR_LOW)
			break;
	}
	return n;
}
