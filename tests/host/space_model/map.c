/* SPDX-License-Identifier: BSD-2-Clause
 *
 * map.c - steps that change what is promised: map, unmap, protect, advise, lock.
 */
#include "tests/host/space_model/model.h"

#include <stdlib.h>

/* ---- map ------------------------------------------------------------------------------------- */

static void fill_request(struct qr_map *req, unsigned npages_known)
{
	int object = one_in(2) ? (int)below(FLAT_OBJECTS) : -1;

	req->prot = (uint8_t)(one_in(4) ? below(8) : QR_READ | QR_WRITE);
	req->maxprot = one_in(8) ? req->prot | (uint8_t)below(8) : 7;
	if (object >= 0) {
		req->object = &objects[object];
		req->pgoff = below(FLAT_OBJECT_PAGES);
		if (one_in(2))
			req->flags |= QR_MAP_SHARED;
	} else if (npages_known && one_in(8)) {
		req->backing = QR_BACK_IMMEDIATE;
	} else if (one_in(4)) {
		req->backing = (uint8_t)(QR_BACK_DEMAND + below(2));
	}
	/* A private page of an object that is populated becomes a copy: the model does not say
	 * when.  So only where that cannot be seen. */
	if (npages_known && one_in(10) && (object < 0 || req->flags & QR_MAP_SHARED))
		req->flags |= one_in(2) ? QR_MAP_POPULATE : QR_MAP_LOCKED;
}

void model_map(unsigned s, unsigned a, unsigned b, const struct qr_map *req)
{
	for (unsigned i = a; i < b; i++)
		vm[s].flat.page[i] = (struct flat_page){
			.mapped = true,
			.shared = req->flags & QR_MAP_SHARED,
			.locked = req->flags & QR_MAP_LOCKED,
			.prot = req->prot,
			.maxprot = req->maxprot,
			.backing =
			    req->backing == QR_BACK_DEFAULT || req->backing == QR_BACK_IMMEDIATE
				? (uint8_t)memory.backing
				: req->backing,
			.object = req->object ? (int8_t)(req->object - objects) : -1,
			.pgoff = req->object ? req->pgoff + flat_npages(&geo, a, i) : 0,
		};
}

bool any_mapped(unsigned s, unsigned a, unsigned b, bool mapped)
{
	for (unsigned i = a; i < b; i++)
		if (vm[s].flat.page[i].mapped == mapped)
			return true;
	return false;
}

void do_map_fixed(void)
{
	unsigned s = any_space(), a, b;
	struct qr_map req = { .flags = QR_MAP_FIXED };
	enum qr_err err, want = QR_OK;
	qr_virt out = { 1 };

	any_range(&a, &b);
	fill_request(&req, !has_gap(a, b) && b - a < 64);
	req.at = flat_address(&geo, a);
	req.npages = (size_t)flat_npages(&geo, a, b);
	if (one_in(3))
		req.flags |= QR_MAP_NOREPLACE;
	if (one_in(40))
		req.maxprot = (uint8_t)below(8);
	if (req.prot & ~req.maxprot)
		want = QR_ACCESS;
	else if (req.flags & QR_MAP_NOREPLACE && any_mapped(s, a, b, true))
		want = QR_EXISTS;
	note("map %u [%u,%u) flags %x prot %x max %x backing %u object %d pgoff %u", s, a, b,
	     req.flags, req.prot, req.maxprot, req.backing,
	     req.object ? (int)(req.object - objects) : -1, (unsigned)req.pgoff);
	arm();
	err = qr_space_map(&vm[s].space, &req, &out);
	if (out_of_memory(err))
		return;
	expect(err == want, "map: error %d, want %d", err, want);
	if (err == QR_OK) {
		expect(out.v == req.at.v, "fixed is fixed");
		model_map(s, a, b, &req);
	}
}

bool room_for(unsigned s, unsigned n)
{
	unsigned run = 0;

	for (unsigned i = geo.island[geo.search][0]; i < geo.island[geo.search][1]; i++) {
		run = vm[s].flat.page[i].mapped ? 0 : run + 1;
		if (run == n)
			return true;
	}
	return false;
}

void do_map_anywhere(void)
{
	unsigned s = any_space(), n = 1 + below(one_in(4) ? 700 : 20), cell;
	struct qr_map req = { .npages = n };
	qr_virt out = { 1 };
	enum qr_err err;

	fill_request(&req, n < 64);
	note("map %u anywhere: %u pages, flags %x prot %x backing %u object %d", s, n, req.flags,
	     req.prot, req.backing, req.object ? (int)(req.object - objects) : -1);
	arm();
	err = qr_space_map(&vm[s].space, &req, &out);
	if (err == QR_NOMEM && !room_for(s, n)) {
		out_of_memory(err);
		return;
	}
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "there is room for %u pages: error %d", n, err);
	cell = flat_cell(&geo, out.v >> 12);
	expect(cell >= geo.island[geo.search][0] && cell + n <= geo.island[geo.search][1],
	       "a place in the window: %#" PRIxPTR, out.v);
	expect(!any_mapped(s, cell, cell + n, true), "a free place: cell %u", cell);
	model_map(s, cell, cell + n, &req);
}

/* ---- unmap, protect -------------------------------------------------------------------------- */

void do_unmap(void)
{
	unsigned s = any_space(), a, b;
	enum qr_err err;

	any_range(&a, &b);
	note("unmap %u [%u,%u)", s, a, b);
	arm();
	err = qr_space_unmap(&vm[s].space, flat_address(&geo, a), (size_t)flat_npages(&geo, a, b));
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "unmap: error %d", err);
	flat_unmap(&vm[s].flat, a, b);
}

/* The part of [a, b) before the first page that is not mapped. */
unsigned mapped_part(unsigned s, unsigned a, unsigned b)
{
	unsigned i = a;

	while (i < b && vm[s].flat.page[i].mapped)
		i++;
	return i;
}

void do_protect(void)
{
	unsigned s = any_space(), a, b, end, prot = one_in(3) ? QR_READ | QR_WRITE : below(8);
	enum qr_err err, want = QR_OK;

	any_range(&a, &b);
	if (!one_in(8)) {
		a = any_page();
		b = mapped_part(s, a, some_end(a, 16));
	}
	if (a >= b)
		return;
	end = mapped_part(s, a, b);
	if (end < b)
		want = QR_NOENT;
	for (unsigned i = a; i < end; i++)
		if (prot & ~vm[s].flat.page[i].maxprot) {
			want = QR_ACCESS;
			end = i;
		}
	note("protect %u [%u,%u) prot %x", s, a, b, prot);
	arm();
	err = qr_space_protect(&vm[s].space, flat_address(&geo, a), (size_t)flat_npages(&geo, a, b),
			       prot);
	if (out_of_memory(err))
		return;
	expect(err == want, "protect: error %d, want %d", err, want);
	for (unsigned i = a; i < end; i++)
		vm[s].flat.page[i].prot = (uint8_t)prot;
}

static void model_advise(unsigned s, unsigned i, enum qr_advice advice)
{
	struct flat_page *p = &vm[s].flat.page[i];

	if (advice == QR_ADVISE_DONTNEED) {
		p->own = p->freed = false;
	} else if (advice == QR_ADVISE_FREE) {
		p->freed = p->own;
	} else if (advice == QR_ADVISE_DONTFORK || advice == QR_ADVISE_DOFORK) {
		p->dontfork = advice == QR_ADVISE_DONTFORK;
	} else if (advice == QR_ADVISE_WIPEONFORK || advice == QR_ADVISE_KEEPONFORK) {
		p->wipe = advice == QR_ADVISE_WIPEONFORK;
	} else if (advice == QR_ADVISE_HUGEPAGE || advice == QR_ADVISE_NOHUGEPAGE) {
		p->huge = advice == QR_ADVISE_HUGEPAGE ? 1 : 2;
	} else if (advice == QR_ADVISE_POPULATE_WRITE && !p->shared) {
		p->value = flat_value(p, flat_objects);
		p->own = true;
	} else if (advice == QR_ADVISE_REMOVE) {
		model_cut((unsigned)p->object, p->pgoff, p->pgoff + 1, false);
	}
}

/* May this advice be given to this page?  What it answers otherwise is tested elsewhere. */
static bool takes_advice(unsigned s, unsigned i, enum qr_advice advice)
{
	const struct flat_page *p = &vm[s].flat.page[i];

	if (p->locked || !flat_is_page(&geo, i))
		return false;
	switch (advice) {
	case QR_ADVISE_FREE:
	case QR_ADVISE_WIPEONFORK:
		return p->object < 0;
	case QR_ADVISE_POPULATE_READ:
		return p->prot & QR_READ && !flat_access(p, flat_objects, QR_ACCESS_READ);
	case QR_ADVISE_POPULATE_WRITE: /* of what was given up, nobody knows the value */
		return !p->freed && !scarce && !flat_access(p, flat_objects, QR_ACCESS_WRITE);
	case QR_ADVISE_REMOVE:
		return p->shared && p->maxprot & QR_WRITE &&
		       p->pgoff < flat_objects[p->object].npages;
	default:
		return true;
	}
}

void do_advise(void)
{
	static const enum qr_advice all[] = {
		QR_ADVISE_DONTNEED,       QR_ADVISE_DONTNEED,   QR_ADVISE_FREE,
		QR_ADVISE_WILLNEED,       QR_ADVISE_DONTFORK,   QR_ADVISE_DOFORK,
		QR_ADVISE_WIPEONFORK,     QR_ADVISE_KEEPONFORK, QR_ADVISE_HUGEPAGE,
		QR_ADVISE_NOHUGEPAGE,     QR_ADVISE_REMOVE,     QR_ADVISE_POPULATE_READ,
		QR_ADVISE_POPULATE_WRITE,
	};
	unsigned s = any_space(), a = any_page(), b;
	enum qr_advice advice = all[below(sizeof(all) / sizeof(all[0]))];
	enum qr_err err;

	b = mapped_part(s, a, some_end(a, 20));
	for (unsigned i = a; i < b; i++)
		if (!takes_advice(s, i, advice))
			b = i;
	if (a >= b)
		return;
	note("advise %u [%u,%u) advice %u", s, a, b, advice);
	if (advice != QR_ADVISE_POPULATE_WRITE) /* half done, nobody knows which pages */
		arm();
	err = qr_space_advise(&vm[s].space, flat_address(&geo, a), b - a, advice);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "advise: error %d", err);
	for (unsigned i = a; i < b; i++)
		model_advise(s, i, advice);
	if (below(4) == 0) {
		s = any_space();
		note("reclaim %u", s);
		(void)qr_space_reclaim(&vm[s].space);
	}
}

void do_lock(void)
{
	unsigned s = any_space(), a = any_page(), b, locked = below(2);
	enum qr_err err;

	b = mapped_part(s, a, some_end(a, 10));
	for (unsigned i = a; i < b; i++)
		if (!flat_is_page(&geo, i) ||
		    flat_access(&vm[s].flat.page[i], flat_objects, QR_ACCESS_READ) ||
		    (vm[s].flat.page[i].object >= 0 && !vm[s].flat.page[i].shared))
			b = i;
	if (a >= b)
		return;
	note("lock %u [%u,%u) %u", s, a, b, locked);
	arm();
	err = qr_space_lock(&vm[s].space, flat_address(&geo, a), b - a, locked);
	if (armed && qr_frames_failed(&sim.frames) && err == QR_NOMEM)
		locked = 2; /* the promise may stand though the pages do not: ask */
	out_of_memory(err);
	if (locked == 2 || err == QR_NOMEM) {
		struct qr_region r;

		expect(qr_space_next(&vm[s].space, flat_address(&geo, a), &r) == QR_OK, "next");
		locked = !!(r.flags & QR_MAP_LOCKED);
	} else {
		expect(err == QR_OK, "lock: error %d", err);
	}
	for (unsigned i = a; i < b; i++)
		vm[s].flat.page[i].locked = locked;
}
