/* SPDX-License-Identifier: BSD-2-Clause
 *
 * zones.c - /proc/{zoneinfo,buddyinfo,pagetypeinfo}: free memory by place and size.
 *
 * There are no zones here, one bitmap holds all frames; but addresses matter to devices, so RAM is
 * shown as Linux divides it.  Blocks are counted as a buddy allocator would have them: a stretch
 * of free frames is cut into the largest aligned blocks that fit.
 */
#include "fs/proc/proc.h"
#include "kernel/memory.h"

#define ORDERS 11

struct zone {
	const char *name;
	uint32_t first, end; /* frames */
	size_t present, free, blocks[ORDERS];
};

#define MIB_FRAMES 256u

static const struct zone zones[] = {
	{ .name = "DMA", .first = 1, .end = 16 * MIB_FRAMES },
#ifdef __x86_64__
	{ .name = "DMA32", .first = 16 * MIB_FRAMES, .end = 4096 * MIB_FRAMES },
	{ .name = "Normal", .first = 4096 * MIB_FRAMES, .end = UINT32_MAX },
#else
	{ .name = "Normal", .first = 16 * MIB_FRAMES, .end = 768 * MIB_FRAMES },
	{ .name = "HighMem", .first = 768 * MIB_FRAMES, .end = UINT32_MAX },
#endif
};

#define NZONES (sizeof(zones) / sizeof(zones[0]))

static void count_stretch(struct zone *z, uint32_t at, uint32_t end)
{
	z->free += end - at;
	while (at < end) {
		unsigned order = 0;

		while (order + 1 < ORDERS && !(at & ((2u << order) - 1)) && end - at >= 2u << order)
			order++;
		z->blocks[order]++;
		at += 1u << order;
	}
}

/* False: no RAM there. */
static bool look_at(struct zone *z, unsigned i)
{
	uint32_t all = frames.base + frames.nframes, free = 0;

	*z = zones[i];
	z->first = z->first < frames.base ? frames.base : z->first;
	z->end = z->end > all ? all : z->end;
	for (uint32_t f = z->first; f < z->end; f++) {
		qr_frame frame = qr_frame_of(f);
		bool present = qr_frames_manages(&frames, frame);

		z->present += present;
		if (present && qr_frame_type(qr_frame_word(&frames, frame)) == QR_FRAME_FREE) {
			free++;
			continue;
		}
		count_stretch(z, f - free, f);
		free = 0;
	}
	if (z->end > z->first)
		count_stretch(z, z->end - free, z->end);
	return z->present;
}

PROC_SHOW(buddyinfo)
{
	struct zone z;

	for (unsigned i = 0; i < NZONES; i++) {
		if (!look_at(&z, i))
			continue;
		text_printf(t, "Node %d, zone %8s ", 0, z.name);
		for (unsigned order = 0; order < ORDERS; order++)
			text_printf(t, "%6zu ", z.blocks[order]);
		text_string(t, "\n");
	}
	return 0;
}

static const char *const types[] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic",
				     "Isolate" };
#define NTYPES (sizeof(types) / sizeof(types[0]))

/* No type is kept apart from another: all memory is movable by way of copying. */
PROC_SHOW(pagetypeinfo)
{
	struct zone z;

	text_string(t, "Page block order: 9\nPages per block:  512\n\n");
	text_printf(t, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned order = 0; order < ORDERS; order++)
		text_printf(t, "%6u ", order);
	text_string(t, "\n");
	for (unsigned i = 0; i < NZONES; i++)
		for (unsigned type = 0; type < NTYPES && look_at(&z, i); type++) {
			text_printf(t, "Node %4d, zone %8s, type %12s ", 0, z.name, types[type]);
			for (unsigned order = 0; order < ORDERS; order++)
				text_printf(t, "%6zu ", type == 1 ? z.blocks[order] : (size_t)0);
			text_string(t, "\n");
		}
	text_printf(t, "\n%-23s", "Number of blocks type ");
	for (unsigned type = 0; type < NTYPES; type++)
		text_printf(t, "%12s ", types[type]);
	text_string(t, "\n");
	for (unsigned i = 0; i < NZONES; i++) {
		if (!look_at(&z, i))
			continue;
		text_printf(t, "Node %d, zone %8s ", 0, z.name);
		for (unsigned type = 0; type < NTYPES; type++)
			text_printf(t, "%12u ",
				    type == 1 ? (z.end + 511) / 512 - z.first / 512 : 0u);
		text_string(t, "\n");
	}
	return 0;
}

PROC_SHOW(zoneinfo)
{
	struct zone z;

	for (unsigned i = 0; i < NZONES; i++) {
		unsigned long min;

		if (!look_at(&z, i))
			continue;
		min = (unsigned long)((uint64_t)frames.mark_min * z.present / frames.total);
		text_printf(t, "Node %d, zone %8s\n  pages free     %zu\n        boost    0\n", 0,
			    z.name, z.free);
		text_printf(t, "        min      %lu\n        low      %lu\n        high     %lu\n",
			    min, min + min / 4, min + min / 2);
		text_printf(t,
			    "        spanned  %u\n        present  %zu\n        managed  %zu\n"
			    "        cma      0\n        protection: (0, 0, 0, 0)\n",
			    z.end - z.first, z.present, z.present);
		text_printf(t, "      nr_free_pages %zu\n  pagesets\n    cpu: 0\n", z.free);
		text_string(t, "              count: 0\n              high:  0\n"
			       "              batch: 1\n  vm stats threshold: 0\n");
		text_printf(t, "  node_unreclaimable:  0\n  start_pfn:           %u\n", z.first);
	}
	return 0;
}
