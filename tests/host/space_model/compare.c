/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compare.c - everything against the model: the listing, every page, every count.
 */
#include "tests/host/space_model/model.h"

static void compare_region(unsigned s, const struct qr_region *r)
{
	unsigned a = flat_cell(&geo, r->start.v >> 12),
		 b = flat_cell(&geo, (r->end.v >> 12) - 1) + 1;
	const struct flat_page *p = &vm[s].flat.page[a];

	expect(flat_address(&geo, a).v == r->start.v && geo.vpn[b] == r->end.v >> 12,
	       "a region ends where cells end: [%u,%u)", a, b);
	expect(p->mapped && p->prot == r->prot && p->maxprot == r->maxprot &&
		   p->shared == !!(r->flags & QR_MAP_SHARED) &&
		   p->locked == !!(r->flags & QR_MAP_LOCKED),
	       "region [%u,%u) of space %u: prot %x, flags %x", a, b, s, r->prot, r->flags);
	expect(p->dontfork == !!(r->advice & 1u << QR_ADVISE_DONTFORK) &&
		   p->wipe == !!(r->advice & 1u << QR_ADVISE_WIPEONFORK) &&
		   (p->huge == 1) == !!(r->advice & 1u << QR_ADVISE_HUGEPAGE) &&
		   (p->huge == 2) == !!(r->advice & 1u << QR_ADVISE_NOHUGEPAGE),
	       "region [%u,%u) of space %u: advice %x", a, b, s, r->advice);
	expect(p->object < 0 ? !r->object
			     : r->object == &objects[p->object] && r->pgoff == p->pgoff,
	       "region [%u,%u): its object", a, b);
	for (unsigned i = a; i + 1 < b; i++)
		expect(flat_agree(&geo, &vm[s].flat, i), "region [%u,%u): %u differs", a, b, i + 1);
	expect(b == geo.ncells || !flat_agree(&geo, &vm[s].flat, b - 1), "region [%u,%u) goes on",
	       a, b);
	expect(a == 0 || !flat_agree(&geo, &vm[s].flat, a - 1), "region [%u,%u) begins before", a,
	       b);
}

static void compare_listing(unsigned s)
{
	qr_virt at = { 0 };
	struct qr_region r;
	uint64_t npages = 0, mapped = 0;

	while (qr_space_next(&vm[s].space, at, &r) == QR_OK) {
		compare_region(s, &r);
		npages += (r.end.v - r.start.v) >> 12;
		at = r.end;
	}
	for (unsigned i = 0; i < geo.ncells; i++)
		if (vm[s].flat.page[i].mapped)
			mapped += flat_npages(&geo, i, i + 1);
	expect(npages == mapped, "space %u lists %" PRIu64 " pages, the model has %" PRIu64, s,
	       npages, mapped);
}

/* References to frames are exactly those that spaces and objects count. */
static void compare_references(void)
{
	uint64_t anon = 0, cache = 0, stat_anon = 0, stat_cache = 0;

	for (uint32_t i = 0; i < sim.frames.nframes; i++) {
		const struct qr_frame_word *w = &sim.frames.words[i];

		if (qr_frame_type(w) == QR_FRAME_ANON)
			anon += qr_frame_refs(w) + ((uint64_t)w->link << format->bits); /* huge */
		if (qr_frame_type(w) == QR_FRAME_CACHE)
			cache += qr_frame_refs(w);
	}
	for (unsigned s = 0; s < SPACES; s++) {
		struct qr_space_stat st;

		if (!vm[s].live)
			continue;
		qr_space_stat(&vm[s].space, &st);
		stat_anon += st.resident_anon;
		stat_cache += st.resident_file + st.resident_shared;
	}
	for (unsigned o = 0; o < FLAT_OBJECTS; o++)
		stat_cache += objects[o].nresident;
	expect(anon == stat_anon, "anonymous frames: %" PRIu64 " references, %" PRIu64 " counted",
	       anon, stat_anon);
	expect(cache == stat_cache, "objects' frames: %" PRIu64 " references, %" PRIu64 " counted",
	       cache, stat_cache);
}

void compare_all(bool read_all)
{
	const char *rule = qr_frames_check(&sim.frames);

	expect(!rule, "%s", rule);
	for (unsigned s = 0; s < SPACES; s++) {
		if (!vm[s].live)
			continue;
		qr_space_check(&vm[s].space);
		compare_listing(s);
		if (!read_all)
			continue;
		load(s);
		check_kernel_page();
		for (unsigned i = 0; i < geo.ncells; i++)
			if (flat_is_page(&geo, i))
				check_read(s, i);
	}
	compare_references();
	sim_check();
}
