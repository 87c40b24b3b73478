/* SPDX-License-Identifier: BSD-2-Clause
 *
 * picture.h - what the two halves of a picture share: picture.c lays out, paint.c fills a panel.
 */
#ifndef HEAPLAB_PICTURE_H
#define HEAPLAB_PICTURE_H

#include "heaplab/lab.h"

/* What a spot of a panel can be; the first is the background and never painted. */
enum { PAINT_NOTHING, PAINT_FREE, PAINT_HEADER, PAINT_WASTE, PAINT_OBJECT, NBUCKETS = 6 };
enum { NPAINTS = PAINT_OBJECT + NBUCKETS };
extern const char *const paints[NPAINTS];

struct panel {
	struct stays stays;
	struct result result;
	uint32_t nsteps;
	size_t base, top;       /* the addresses shown */
	unsigned width, height; /* tenths of a pixel */
	enum colouring by;
};

/* Paths for a panel, (0, 0) at its upper left corner, in tenths of a pixel.  cell 0: each object
 * as a rectangle of its own; else the most frequent paint of each square of so many tenths. */
void paint_panel(FILE *out, const struct panel *p, unsigned cell);

#endif
