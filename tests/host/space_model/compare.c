/* SPDX-License-Identifier: BSD-2-Clause
 *
 * compare.c - everything against the model: the listing, every page, every count.
 */
#include "tests/host/space_model/model.h"

#include "mm/space.h"

#include <stdlib.h>
#include <string.h>

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
	struct qr_region r, batch[3];
	uint64_t npages = 0, mapped = 0;
	size_t n = 3;

	while (n == 3) {
		n = qr_space_regions(&vm[s].space, at, batch, 3);
		for (size_t k = 0; k < n; k++) {
			compare_region(s, &batch[k]);
			expect(qr_space_next(&vm[s].space, at, &r) == QR_OK &&
				   r.start.v == batch[k].start.v && r.end.v == batch[k].end.v,
			       "region %zu of a batch is the next one", k);
			npages += (r.end.v - r.start.v) >> 12;
			at = r.end;
		}
	}
	expect(qr_space_next(&vm[s].space, at, &r) == QR_NOENT, "a short batch is the last one");
	for (unsigned i = 0; i < geo.ncells; i++)
		if (vm[s].flat.page[i].mapped)
			mapped += flat_npages(&geo, i, i + 1);
	expect(npages == mapped, "space %u lists %" PRIu64 " pages, the model has %" PRIu64, s,
	       npages, mapped);
}

/* What tables and objects refer to, by frame; and huge entries to the first frame of a block. */
static uint32_t *refs, *huge;

/* All huge entries of a block have one reference to each frame of it. */
static void count_huge(qr_frame first)
{
	if (huge[first.v - sim.frames.base]++)
		return;
	for (unsigned k = 0; k < 1u << format->bits; k++)
		refs[first.v - sim.frames.base + k]++;
}

/* A table that is reached again is not gone into again. */
static void count_table(qr_frame table, unsigned level)
{
	unsigned end = level == qr_format_top(format)
			   ? qr_format_index(format, qr_virt_of(memory.user_end.v - 1), level) + 1
			   : qr_format_entries(format, level);
	const void *window = qr_host_window_get(table);

	if (refs[table.v - sim.frames.base]++)
		return;
	for (unsigned i = 0; i < end; i++) {
		qr_entry e = qr_entry_read(format, window, i);
		qr_frame f = qr_entry_frame(format, e);

		if (qr_entry_none(e))
			continue;
		if (qr_entry_is_table(format, e, level)) {
			count_table(f, level - 1);
			continue;
		}
		if (!qr_entry_present(format, e))
			f = qr_frame_of((uint32_t)qr_token_payload(format, e));
		if (level)
			count_huge(qr_frame_of(f.v & ~((1u << format->bits) - 1)));
		else if (f.v != memory.zero.v)
			refs[f.v - sim.frames.base]++;
	}
}

static void count_object(const struct qr_object *o)
{
	uint64_t at = 0;
	uintptr_t v;

	for (; (v = qr_radix_next(&o->pages, &at)); at++)
		refs[v - 1 - sim.frames.base]++;
}

/* Each frame of the user's has as many references as tables and objects make to it, and each
 * table of a space as many as entries point to it (I7, I10 of mm/space.h, over all spaces). */
static void compare_references(void)
{
	refs = realloc(refs, 2 * sim.frames.nframes * sizeof(*refs));
	must(refs, "memory for the counts");
	memset(refs, 0, 2 * sim.frames.nframes * sizeof(*refs));
	huge = refs + sim.frames.nframes;
	for (unsigned s = 0; s < SPACES; s++)
		if (vm[s].live)
			count_table(qr_frame_of(vm[s].space.root->frame), qr_format_top(format));
	for (unsigned o = 0; o < FLAT_OBJECTS; o++)
		count_object(&objects[o]);
	for (uint32_t i = 0; i < sim.frames.nframes; i++) {
		const struct qr_frame_word *w = &sim.frames.words[i];
		enum qr_frame_type type = qr_frame_type(w);

		if (type == QR_FRAME_ANON || type == QR_FRAME_CACHE ||
		    (type == QR_FRAME_TABLE && refs[i]))
			expect(qr_frame_refs(w) == refs[i],
			       "frame %#x of type %u has %u references, counted are %u",
			       i + sim.frames.base, type, qr_frame_refs(w), refs[i]);
		if (type == QR_FRAME_ANON && huge[i])
			expect(w->link == huge[i] - 1, "block %#x: %u huge entries, %u counted",
			       i + sim.frames.base, w->link + 1, huge[i]);
	}
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
