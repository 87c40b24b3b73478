/* SPDX-License-Identifier: BSD-2-Clause
 *
 * picture.c - a trace on the heaps side by side, as an SVG that needs nothing else.
 *
 *	title, what it shows
 *	+-----------+  +-----------+
 *	|   bump    |  |   block   |     each with its own scale of addresses
 *	+-----------+  +-----------+
 *	+-----------+  +-----------+
 *	|   list    |  |   quire   |
 *	+-----------+  +-----------+
 *	legend
 */
#include "heaplab/picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	WIDTH = 960,
	PANEL_WIDTH = 376,
	PANEL_HEIGHT = 216,
	LEFT = 72,
	TOP = 104,
	ACROSS = PANEL_WIDTH + 92, /* from a panel to the next */
	DOWN = PANEL_HEIGHT + 78,
	SIZE_MARK = 88 * 1024, /* paint in larger cells rather than be larger */
};

#define INK     "#33312d"
#define DIM     "#7a766d"
#define REFUSED "#c8321f"

static void put_escaped(FILE *out, const char *s)
{
	for (; *s; s++)
		if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
			fprintf(out, "&#%d;", *s);
		else
			fputc(*s < ' ' && *s >= 0 ? '?' : *s, out);
}

/* A round distance of marks, so that there are at most `marks` up to n. */
static uint64_t round_step(uint64_t n, unsigned marks)
{
	for (uint64_t ten = 1;; ten *= 10)
		for (unsigned k = 0; k < 3; k++) {
			uint64_t step = ten * (k == 0 ? 1 : k == 1 ? 2 : 5);

			if (n / step <= marks)
				return step;
		}
}

static void put_axes(FILE *out, const struct panel *p)
{
	uint64_t span = p->top - p->base, step = round_step(span / 1024, 5);

	fprintf(out, "<g class=\"a\">\n");
	for (uint64_t v = (p->base / 1024 + step - 1) / step * step; v * 1024 <= p->top;
	     v += step) {
		unsigned y = PANEL_HEIGHT - (unsigned)((v * 1024 - p->base) * PANEL_HEIGHT / span);

		fprintf(out,
			"<path d=\"M-4 %uh4\"/><text x=\"-7\" y=\"%u\" text-anchor=\"end\">%llu"
			"</text>\n",
			y, y + 4, (unsigned long long)v);
	}
	step = round_step(p->nsteps, 6);
	for (uint64_t v = 0; v <= p->nsteps; v += step) {
		unsigned x = (unsigned)(v * PANEL_WIDTH / p->nsteps);

		fprintf(out,
			"<path d=\"M%u %uv4\"/><text x=\"%u\" y=\"%u\" text-anchor=\"middle\">"
			"%llu</text>\n",
			x, PANEL_HEIGHT, x, PANEL_HEIGHT + 17, (unsigned long long)v);
	}
	fprintf(out, "<path d=\"M0 0v%dh%d\"/>\n", PANEL_HEIGHT, PANEL_WIDTH);
	fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">time, in calls</text>\n",
		PANEL_WIDTH / 2, PANEL_HEIGHT + 33);
	fprintf(out,
		"<text transform=\"translate(-50 %d) rotate(-90)\" text-anchor=\"middle\">address, "
		"in KiB</text>\n</g>\n",
		PANEL_HEIGHT / 2);
}

static void put_refused(FILE *out, const struct panel *p)
{
	long last = -2;

	if (!p->stays.nrefused)
		return;
	fprintf(out, "<path stroke=\"" REFUSED "\" d=\"");
	for (size_t i = 0; i < p->stays.nrefused; i++) {
		long x = (long)((uint64_t)p->stays.refused[i] * PANEL_WIDTH / p->nsteps);

		if (x != last)
			fprintf(out, "M%ld -6v6", x);
		last = x;
	}
	fprintf(out, "\"/>\n");
}

static void put_panel(FILE *out, const struct panel *p, unsigned kind, unsigned place,
		      unsigned cell)
{
	const struct result *r = &p->result;
	unsigned tenths = r->peak ? (unsigned)((r->asked * 1000 + r->peak / 2) / r->peak) : 0;

	fprintf(out, "<g transform=\"translate(%u %u)\">\n", LEFT + place % 2 * ACROSS,
		TOP + place / 2 * DOWN);
	fprintf(out,
		"<text y=\"-11\"><tspan class=\"h\">%s</tspan><tspan dx=\"8\">%llu KiB at most, "
		"%u.%u %% of it asked for</tspan>",
		heap_names[kind], (unsigned long long)((r->peak + 1023) / 1024), tenths / 10,
		tenths % 10);
	if (r->refused)
		fprintf(out, "<tspan fill=\"" REFUSED "\">; %u refused</tspan>", r->refused);
	fprintf(out, "</text>\n<g transform=\"scale(.1)\">\n");
	paint_panel(out, p, cell);
	fprintf(out, "</g>\n");
	put_refused(out, p);
	put_axes(out, p);
	fprintf(out, "</g>\n");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void put_head(FILE *out, const struct trace *t, unsigned height)
{
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"" INK
		"\">\n",
		WIDTH, height, WIDTH, height);
	fprintf(out, "<title>heaplab: ");
	put_escaped(out, t->name);
	fprintf(out,
		"</title>\n<style>.h{font-weight:600;font-size:14px}.a{font-size:11px}"
		".a text{fill:" DIM "}.a path{stroke:" DIM ";fill:none}</style>\n"
		"<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n",
		WIDTH, height);
	fprintf(out, "<text x=\"24\" y=\"36\" font-size=\"19\" font-weight=\"600\">");
	put_escaped(out, t->name);
	fprintf(out,
		"</text>\n<text x=\"24\" y=\"58\" fill=\"" DIM "\">%u calls, at most %u objects "
		"of together %llu KiB. Each object stands where it lies, from the call that made "
		"it to the one that freed it.</text>\n",
		t->nsteps, t->most_live, (unsigned long long)((t->most_bytes + 1023) / 1024));
}

static unsigned put_key(FILE *out, unsigned x, unsigned y, const char *paint, const char *label)
{
	fprintf(out,
		"<rect x=\"%u\" y=\"%u\" width=\"12\" height=\"12\" fill=\"%s\"/>"
		"<text x=\"%u\" y=\"%u\">%s</text>\n",
		x, y - 10, paint, x + 17, y, label);
	return x + 36 + 6 * (unsigned)strlen(label);
}

static void put_legend(FILE *out, unsigned y, enum colouring by)
{
	static const char *const labels[2][NBUCKETS] = {
		{ "up to 32 bytes", "128", "512", "2 KiB", "8 KiB", "more" },
		{ "lives up to 8 calls", "64", "512", "4096", "longer", "never freed" },
	};
	unsigned x = 24;

	for (unsigned b = 0; b < NBUCKETS; b++)
		x = put_key(out, x, y, paints[PAINT_OBJECT + b], labels[by][b]);
	x = put_key(out, x + 12, y, paints[PAINT_WASTE], "given, not asked for");
	x = put_key(out, x, y, paints[PAINT_HEADER], "headers");
	x = put_key(out, x, y, paints[PAINT_FREE], "free, tables");
	(void)put_key(out, x, y, REFUSED, "refused");
}

static char *body(const struct panel *panels, unsigned heaps, unsigned cell, size_t *n)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, n);
	unsigned place = 0;

	if (!out)
		die(NULL, "no memory for a picture");
	for (unsigned k = 0; k < NHEAPS; k++)
		if (heaps >> k & 1)
			put_panel(out, &panels[k], k, place++, cell);
	if (fclose(out))
		die(NULL, "no memory for a picture");
	return text;
}

static void observe(struct panel *p, struct arena *a, unsigned kind, const struct trace *t,
		    enum colouring by)
{
	*p = (struct panel){ .nsteps = t->nsteps,
			     .width = PANEL_WIDTH * 10,
			     .height = PANEL_HEIGHT * 10,
			     .by = by };
	run_observe(a, kind, t, &p->result, &p->stays);
	p->base = SIZE_MAX;
	for (size_t i = 0; i < p->stays.n; i++) {
		const struct stay *s = &p->stays.all[i];

		p->base = s->at < p->base ? s->at : p->base;
		p->top = s->at + s->given > p->top ? s->at + s->given : p->top;
	}
	if (p->base + QR_PAGE_SIZE > p->top) {
		p->base = p->base < p->top ? p->base : 0;
		p->top = p->base + QR_PAGE_SIZE;
	}
}

void picture(const char *file, struct arena *a, const struct trace *t, unsigned heaps,
	     enum colouring by)
{
	static const unsigned cells[] = { 0, 10, 15, 20, 30, 40, 60 };
	struct panel panels[NHEAPS];
	unsigned height = TOP + (unsigned)(__builtin_popcount(heaps) + 1) / 2 * DOWN + 12;
	FILE *out = strcmp(file, "-") ? fopen(file, "w") : stdout;
	char *text = NULL;
	size_t n = SIZE_MAX;

	if (!out)
		die(file, "%s", strerror(errno));
	for (unsigned k = 0; k < NHEAPS; k++)
		if (heaps >> k & 1)
			observe(&panels[k], a, k, t, by);
	for (unsigned i = 0; i < sizeof(cells) / sizeof(cells[0]) && n > SIZE_MARK; i++) {
		free(text);
		text = body(panels, heaps, cells[i], &n);
	}
	put_head(out, t, height);
	fwrite(text, 1, n, out);
	put_legend(out, height - 22, by);
	fprintf(out, "</svg>\n");
	free(text);
	for (unsigned k = 0; k < NHEAPS; k++)
		if (heaps >> k & 1)
			stays_fini(&panels[k].stays);
	if (fflush(out) || ferror(out) || (out != stdout && fclose(out)))
		die(file, "%s", strerror(errno));
}
