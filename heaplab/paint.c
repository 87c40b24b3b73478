/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paint.c - one panel: time to the right, addresses upwards.
 *
 * A short trace is drawn object by object.  A long one has more objects than a picture has dots:
 * it is cut into cells, each gets the paint that covers most of it, and cells of one paint are
 * joined.  All arithmetic is of integers, so that a picture is the same wherever it is made.
 */
#include "heaplab/picture.h"

#include <stdlib.h>
#include <string.h>

const char *const paints[NPAINTS] = { NULL,      "#e4e1d9", "#b5afa3", "#f2b8ac", "#f2c14e",
				      "#8cc26b", "#35a394", "#2b7bba", "#494ca2", "#5f2a73" };

static unsigned bucket_of(const struct stay *s, enum colouring by)
{
	uint32_t n = by == COLOUR_SIZE ? s->asked : s->to - s->from;
	unsigned shift = by == COLOUR_SIZE ? 5 : 3, step = by == COLOUR_SIZE ? 2 : 3, b = 0;

	if (by == COLOUR_LIFE && s->stays)
		return NBUCKETS - 1;
	while (b < NBUCKETS - 1u - (by == COLOUR_LIFE) && n > 1u << (shift + step * b))
		b++;
	return b;
}

/* The addresses of a stay that have a paint; none: from = to. */
struct part {
	size_t from, to;
};

static struct part part_of(const struct stay *s, unsigned paint, enum colouring by)
{
	size_t middle = s->at + s->asked, end = s->at + s->given;

	if (s->held)
		return (struct part){ s->at, paint == PAINT_FREE ? end : s->at };
	if (paint == PAINT_HEADER)
		return (struct part){ s->at - s->head, s->at };
	if (paint == PAINT_WASTE)
		return (struct part){ middle, end };
	return (struct part){ s->at, paint == PAINT_OBJECT + bucket_of(s, by) ? middle : s->at };
}

/* ---- rectangles ------------------------------------------------------------------------------ */

/* One path: each subpath begins relative to where the one before began. */
struct path {
	FILE *out;
	unsigned paint;
	long x, y;
	bool begun;
};

static void rectangle(struct path *p, long x0, long x1, long y0, long y1)
{
	if (x1 <= x0)
		x1 = x0 + 1;
	if (y1 <= y0)
		y1 = y0 + 1;
	if (!p->begun)
		fprintf(p->out, "<path fill=\"%s\" d=\"", paints[p->paint]);
	fprintf(p->out, "m%ld %ldh%ldv%ldh%ldz", x0 - p->x, y0 - p->y, x1 - x0, y1 - y0, x0 - x1);
	p->x = x0;
	p->y = y0;
	p->begun = true;
}

static void end_path(struct path *p)
{
	if (p->begun)
		fprintf(p->out, "\"/>\n");
}

/* ---- object by object ------------------------------------------------------------------------ */

static long x_of(const struct panel *p, uint64_t step)
{
	return (long)(step * p->width / p->nsteps);
}

static long y_of(const struct panel *p, uint64_t at)
{
	return (long)(p->height - (at - p->base) * p->height / (p->top - p->base));
}

static void paint_exact(FILE *out, const struct panel *p, unsigned paint)
{
	struct path path = { .out = out, .paint = paint };

	for (size_t i = 0; i < p->stays.n; i++) {
		const struct stay *s = &p->stays.all[i];
		struct part part = part_of(s, paint, p->by);

		if (part.from < part.to)
			rectangle(&path, x_of(p, s->from), x_of(p, s->to), y_of(p, part.to),
				  y_of(p, part.from));
	}
	end_path(&path);
}

/* ---- in cells -------------------------------------------------------------------------------- */

struct grid {
	unsigned nx, ny;
	uint64_t (*area)[NPAINTS]; /* of each cell, in steps / nx times bytes / ny */
	uint8_t *paint;
};

static uint64_t overlap(uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1)
{
	uint64_t from = a0 > b0 ? a0 : b0, to = a1 < b1 ? a1 : b1;

	return to > from ? to - from : 0;
}

static void cover(struct grid *g, const struct panel *p, const struct stay *s, unsigned paint)
{
	struct part part = part_of(s, paint, p->by);
	uint64_t x0 = (uint64_t)s->from * g->nx, x1 = (uint64_t)s->to * g->nx, w = p->nsteps;
	uint64_t y0 = (uint64_t)(part.from - p->base) * g->ny;
	uint64_t y1 = (uint64_t)(part.to - p->base) * g->ny, h = p->top - p->base;

	for (uint64_t y = y0 / h; y < g->ny && y * h < y1; y++)
		for (uint64_t x = x0 / w; x < g->nx && x * w < x1; x++)
			g->area[y * g->nx + x][paint] += overlap(x0, x1, x * w, (x + 1) * w) *
							 overlap(y0, y1, y * h, (y + 1) * h);
}

/* First whether most of a cell is in use, then what most of that is. */
static uint8_t most(const struct grid *g, const struct panel *p, size_t cell)
{
	const uint64_t *area = g->area[cell];
	uint64_t whole = (uint64_t)p->nsteps * (p->top - p->base), used = 0;
	unsigned best = PAINT_HEADER;

	for (unsigned k = PAINT_HEADER; k < NPAINTS; k++) {
		used += area[k];
		best = area[k] > area[best] ? k : best;
	}
	if (area[PAINT_FREE] < whole / 2)
		return PAINT_NOTHING;
	return (uint8_t)(used * 2 < area[PAINT_FREE] ? PAINT_FREE : best);
}

static void fill_grid(struct grid *g, const struct panel *p)
{
	size_t ncells = (size_t)g->nx * g->ny;

	g->area = must_alloc(ncells * sizeof(*g->area));
	g->paint = must_alloc(ncells);
	memset(g->area, 0, ncells * sizeof(*g->area));
	for (size_t i = 0; i < p->stays.n; i++)
		for (unsigned paint = PAINT_FREE; paint < NPAINTS; paint++)
			cover(g, p, &p->stays.all[i], paint);
	for (size_t i = 0; i < ncells; i++)
		g->paint[i] = most(g, p, i);
}

static bool row_is(const struct grid *g, unsigned x0, unsigned x1, unsigned y, unsigned paint)
{
	for (unsigned x = x0; x < x1; x++)
		if (g->paint[y * g->nx + x] != paint)
			return false;
	return true;
}

/* Rectangles of cells of one paint, each as wide and then as high as it gets. */
static void paint_cells(FILE *out, const struct panel *p, struct grid *g, unsigned paint)
{
	struct path path = { .out = out, .paint = paint };

	for (unsigned y = 0; y < g->ny; y++)
		for (unsigned x = 0, x1, y1; x < g->nx; x++) {
			if (g->paint[y * g->nx + x] != paint)
				continue;
			for (x1 = x + 1; x1 < g->nx && g->paint[y * g->nx + x1] == paint;)
				x1++;
			for (y1 = y + 1; y1 < g->ny && row_is(g, x, x1, y1, paint);)
				y1++;
			for (unsigned k = y; k < y1; k++)
				memset(g->paint + k * g->nx + x, PAINT_NOTHING, x1 - x);
			rectangle(&path, (long)x * p->width / g->nx, (long)x1 * p->width / g->nx,
				  (long)(g->ny - y1) * p->height / g->ny,
				  (long)(g->ny - y) * p->height / g->ny);
		}
	end_path(&path);
}

void paint_panel(FILE *out, const struct panel *p, unsigned cell)
{
	struct grid g = { 0 };

	if (cell) {
		g.nx = p->width / cell;
		g.ny = p->height / cell;
		if (g.nx > p->nsteps)
			g.nx = p->nsteps;
		fill_grid(&g, p);
	}
	for (unsigned paint = 1; paint < NPAINTS; paint++) {
		if (cell)
			paint_cells(out, p, &g, paint);
		else
			paint_exact(out, p, paint);
	}
	free(g.area);
	free(g.paint);
}
