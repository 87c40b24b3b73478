/* SPDX-License-Identifier: BSD-2-Clause
 *
 * flat.c - see flat.h.
 */
#include "tests/host/space_model/flat.h"

#include <string.h>

/* Append an island, and before it the gap up to it. */
static void add_island(struct flat_geometry *g, unsigned n, uint64_t first, unsigned npages)
{
	if (g->vpn[g->ncells] < first)
		g->vpn[++g->ncells] = first;
	g->island[n][0] = g->ncells;
	for (unsigned i = 0; i < npages; i++) {
		g->vpn[g->ncells + 1] = g->vpn[g->ncells] + 1;
		g->ncells++;
	}
	g->island[n][1] = g->ncells;
}

void flat_place(struct flat_geometry *g, const struct qr_format *f, uint64_t start, uint64_t end)
{
	unsigned top = (f->levels - 1u) * f->bits;

	*g = (struct flat_geometry){ .search = 1 };
	g->vpn[0] = start >> 12;
	add_island(g, 0, start >> 12, 48);
	/* More than a whole leaf table, and a part of the next. */
	add_island(g, 1, 0x20000000 / 4096 - 20, 1100);
	/* Across a boundary of every level below the root, and of the root. */
	add_island(g, 2, 0x40000000 / 4096 - 24, 48);
	add_island(g, 3, f->levels > 2 && f->address_bits > 32 ? (3ull << top) - 30 : 0x80000 - 30,
		   60);
	add_island(g, 4, (end >> 12) - 40, 40);
}

bool flat_is_page(const struct flat_geometry *g, unsigned cell)
{
	for (unsigned i = 0; i < FLAT_ISLANDS; i++)
		if (cell >= g->island[i][0] && cell < g->island[i][1])
			return true;
	return false;
}

uint64_t flat_npages(const struct flat_geometry *g, unsigned first, unsigned end)
{
	return g->vpn[end] - g->vpn[first];
}

qr_virt flat_address(const struct flat_geometry *g, unsigned cell)
{
	return qr_virt_of((uintptr_t)(g->vpn[cell] << QR_PAGE_SHIFT));
}

unsigned flat_cell(const struct flat_geometry *g, uint64_t vpn)
{
	unsigned lo = 0, hi = g->ncells;

	if (vpn < g->vpn[0] || vpn >= g->vpn[hi])
		return hi;
	while (hi - lo > 1) {
		unsigned mid = (lo + hi) / 2;

		if (g->vpn[mid] <= vpn)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

uint32_t flat_value(const struct flat_page *p, const struct flat_object *objects)
{
	if (p->own)
		return p->value;
	if (p->object < 0 || p->pgoff >= objects[p->object].npages)
		return 0;
	return objects[p->object].value[p->pgoff];
}

enum qr_err flat_access(const struct flat_page *p, const struct flat_object *objects,
			enum qr_access access)
{
	if (!p->mapped)
		return QR_NOENT;
	if (access == QR_ACCESS_WRITE  ? !(p->prot & QR_WRITE)
	    : access == QR_ACCESS_EXEC ? !(p->prot & QR_EXEC)
				       : !p->prot)
		return QR_ACCESS;
	if (p->object >= 0 && p->pgoff >= objects[p->object].npages)
		return QR_BEYOND;
	return QR_OK;
}

bool flat_agree(const struct flat_geometry *g, const struct flat_space *s, unsigned cell)
{
	const struct flat_page *a = &s->page[cell], *b = a + 1;

	return a->mapped && b->mapped && a->prot == b->prot && a->maxprot == b->maxprot &&
	       a->shared == b->shared && a->locked == b->locked && a->dontfork == b->dontfork &&
	       a->wipe == b->wipe && a->huge == b->huge && a->backing == b->backing &&
	       a->object == b->object &&
	       (a->object < 0 || a->pgoff + flat_npages(g, cell, cell + 1) == b->pgoff);
}

void flat_unmap(struct flat_space *s, unsigned first, unsigned end)
{
	memset(&s->page[first], 0, (end - first) * sizeof(struct flat_page));
}

void flat_fork(const struct flat_geometry *g, const struct flat_space *from, struct flat_space *to)
{
	*to = *from;
	for (unsigned i = 0; i < g->ncells; i++) {
		struct flat_page *p = &to->page[i];

		p->locked = false;
		if (p->dontfork)
			flat_unmap(to, i, i + 1);
		else if (p->wipe)
			p->own = p->freed = false;
	}
}
