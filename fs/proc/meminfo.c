/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meminfo.c - /proc/meminfo and /proc/vmstat: where all memory is.
 *
 * The numbers are a census of the frames by type, so that they add up.  Files live in memory and
 * nowhere else: their pages are Cached, as programs expect, and not available, as they must know.
 */
#include "fs/proc/proc.h"
#include "kernel/memory.h"

struct memory {
	struct qr_frames_stats frames;
	size_t by_type[QR_FRAME_TYPES];
	struct qr_space_stat spaces; /* of all processes */
};

static void add_space(struct qr_space_stat *sum, struct qr_space *space)
{
	struct qr_space_stat s;

	qr_space_stat(space, &s);
	sum->mapped += s.mapped;
	sum->resident_file += s.resident_file;
	sum->resident_shared += s.resident_shared;
	sum->locked += s.locked;
	sum->data += s.data;
	sum->faults += s.faults;
}

static void take_stock(struct memory *m)
{
	struct process *p;

	*m = (struct memory){ 0 };
	qr_frames_stats(&frames, &m->frames);
	qr_frames_census(&frames, m->by_type);
	for_each_process (p)
		if (p->mm)
			add_space(&m->spaces, &p->mm->space);
}

static void put(struct text *t, const char *name, size_t pages)
{
	size_t line = t->n;

	text_printf(t, "%s:", name);
	text_pad(t, line, 16);
	text_printf(t, "%8llu kB\n", (unsigned long long)pages * (QR_PAGE_SIZE / 1024));
}

PROC_SHOW(meminfo)
{
	struct memory m;
	struct process *p;
	size_t stacks = 0, slab;

	take_stock(&m);
	for_each_process (p)
		stacks += p->ntasks * 2; /* KSTACK_SIZE */
	slab = m.by_type[QR_FRAME_POOL] + m.by_type[QR_FRAME_HEAP];
	put(t, "MemTotal", m.frames.total);
	put(t, "MemFree", m.frames.free);
	put(t, "MemAvailable", m.frames.free);
	put(t, "Buffers", 0);
	put(t, "Cached", m.by_type[QR_FRAME_CACHE]);
	put(t, "SwapCached", 0);
	put(t, "Active", m.by_type[QR_FRAME_ANON] + m.by_type[QR_FRAME_CACHE]);
	put(t, "Inactive", 0);
	put(t, "Active(anon)", m.by_type[QR_FRAME_ANON]);
	put(t, "Inactive(anon)", 0);
	put(t, "Active(file)", m.by_type[QR_FRAME_CACHE]);
	put(t, "Inactive(file)", 0);
	put(t, "Unevictable", 0);
	put(t, "Mlocked", m.spaces.locked);
	put(t, "SwapTotal", 0);
	put(t, "SwapFree", 0);
	put(t, "Dirty", 0);
	put(t, "Writeback", 0);
	put(t, "AnonPages", m.by_type[QR_FRAME_ANON]);
	put(t, "Mapped", m.spaces.resident_file + m.spaces.resident_shared);
	put(t, "Shmem", m.spaces.resident_shared);
	put(t, "KReclaimable", 0);
	put(t, "Slab", slab);
	put(t, "SReclaimable", 0);
	put(t, "SUnreclaim", slab);
	put(t, "KernelStack", stacks);
	put(t, "PageTables", m.by_type[QR_FRAME_TABLE]);
	put(t, "CommitLimit", m.frames.total);
	put(t, "Committed_AS", m.spaces.data);
	return 0;
}

PROC_SHOW(vmstat)
{
	struct memory m;

	take_stock(&m);
	text_printf(t, "nr_free_pages %zu\n", m.frames.free);
	text_printf(t, "nr_anon_pages %zu\n", m.by_type[QR_FRAME_ANON]);
	text_printf(t, "nr_mapped %zu\n", m.spaces.resident_file + m.spaces.resident_shared);
	text_printf(t, "nr_file_pages %zu\n", m.by_type[QR_FRAME_CACHE]);
	text_printf(t, "nr_shmem %zu\n", m.spaces.resident_shared);
	text_printf(t, "nr_slab_unreclaimable %zu\n",
		    m.by_type[QR_FRAME_POOL] + m.by_type[QR_FRAME_HEAP]);
	text_printf(t, "nr_page_table_pages %zu\n", m.by_type[QR_FRAME_TABLE]);
	text_printf(t, "pgfault %llu\n", (unsigned long long)m.spaces.faults);
	text_string(t, "pgmajfault 0\npswpin 0\npswpout 0\npgpgin 0\npgpgout 0\n");
	return 0;
}
