/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flat.h - address spaces as an array of pages: the naive model that real ones must agree with.
 *
 * No tables, no sharing, no laziness: each page has its rights, its object and its contents
 * written down, fork copies everything.  The addresses of a test are a few islands of single
 * pages, laid across the boundaries of tables, and gaps between them.  A gap is one cell of
 * many pages: mapped and unmapped as a whole, never touched, so that reservations of gigabytes
 * are in the model at the price of a page.
 *
 *	|pppppppp|        gap        |pppppppppppp|   gap   |pppp|     cells 0 .. ncells-1
 *
 * The contents of a page are one number (0: zeroes), which the test writes at both ends of it.
 */
#ifndef FLAT_H
#define FLAT_H

#include <quire/space.h>

enum { FLAT_CELLS = 1400, FLAT_OBJECTS = 3, FLAT_OBJECT_PAGES = 64, FLAT_ISLANDS = 5 };

struct flat_geometry {
	unsigned ncells;
	uint64_t vpn[FLAT_CELLS + 1];     /* where a cell begins; one more: the end */
	unsigned island[FLAT_ISLANDS][2]; /* cells [first, end) of single pages */
	unsigned search;                  /* the island where free places are searched */
};

struct flat_object {
	uint64_t npages;
	uint32_t value[FLAT_OBJECT_PAGES];
};

struct flat_page {
	bool mapped, shared, locked, dontfork, wipe, own, freed;
	uint8_t prot, maxprot, huge, backing;
	int8_t object; /* -1: none */
	uint64_t pgoff;
	uint32_t value; /* if own; freed: or zero, as the system likes (advice FREE) */
};

struct flat_space {
	struct flat_page page[FLAT_CELLS];
};

/* Islands that lie across the table boundaries of a format, user addresses [start, end). */
void flat_place(struct flat_geometry *g, const struct qr_format *f, uint64_t start, uint64_t end);

/* Is it a single page, not a gap? */
bool flat_is_page(const struct flat_geometry *g, unsigned cell);
uint64_t flat_npages(const struct flat_geometry *g, unsigned first, unsigned end);
qr_virt flat_address(const struct flat_geometry *g, unsigned cell);
/* The cell that holds a page number, or ncells. */
unsigned flat_cell(const struct flat_geometry *g, uint64_t vpn);

/* What the page reads as. */
uint32_t flat_value(const struct flat_page *p, const struct flat_object *objects);
/* What an access answers. */
enum qr_err flat_access(const struct flat_page *p, const struct flat_object *objects,
			enum qr_access access);
/* Do two neighbouring cells belong to one region? */
bool flat_agree(const struct flat_geometry *g, const struct flat_space *s, unsigned cell);

void flat_unmap(struct flat_space *s, unsigned first, unsigned end);
void flat_fork(const struct flat_geometry *g, const struct flat_space *from, struct flat_space *to);

#endif
