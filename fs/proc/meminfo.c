/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meminfo.c - /proc/meminfo and /proc/vmstat: where all memory is.
 *
 * The numbers are a census of the frames by type, so that they add up.  Tables kept for the next
 * process are free: whoever would go without gets them.  Files live in memory and
 * nowhere else: their pages are Cached, as programs expect, and not available, as they must know.
 * What this kernel does not have (swap, write-back, pools of huge pages) is 0, and says so.
 */
#include "arch/x86/layout.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/memory.h"
#include "kernel/oom.h"
#include "kernel/vm_settings.h"

struct memory {
	struct qr_frames_stats frames;
	size_t by_type[QR_FRAME_TYPES];
	size_t mapped; /* pages of files and shared memory that some table shows */
	size_t high, high_free;
	size_t stacks;               /* of the kernel */
	struct qr_space_stat spaces; /* of all processes */
	struct qr_huge_stat huge;
};

static void add_space(struct qr_space_stat *sum, struct qr_space *space)
{
	struct qr_space_stat s;

	qr_space_stat(space, &s);
	sum->resident_shared += s.resident_shared;
	sum->locked += s.locked;
	sum->data += s.data;
	sum->faults += s.faults;
}

static void count_frames(struct memory *m)
{
	for (uint32_t i = 0; i < frames.nframes; i++) {
		const struct qr_frame_word *w = &frames.words[i];
		enum qr_frame_type type = qr_frame_type(w);

		m->mapped += type == QR_FRAME_CACHE && qr_frame_refs(w) > 1;
		if (i >= frames.low_end &&
		    qr_frames_manages(&frames, qr_frame_of(frames.base + i))) {
			m->high++;
			m->high_free += type == QR_FRAME_FREE;
		}
	}
}

static void take_stock(struct memory *m)
{
	struct process *p;
	struct mm *last = NULL;
	size_t clean = qr_memory_clean(&space_memory);

	*m = (struct memory){ 0 };
	qr_frames_stats(&frames, &m->frames);
	qr_frames_census(&frames, m->by_type);
	m->frames.free += clean;
	m->by_type[QR_FRAME_TABLE] -= clean;
	count_frames(m);
	qr_memory_huge_stat(&space_memory, &m->huge);
	for_each_process (p) {
		m->stacks += p->ntasks * (KSTACK_SIZE / QR_PAGE_SIZE);
		if (p->mm && p->mm != last)
			add_space(&m->spaces, &p->mm->space);
		last = p->mm;
	}
	if (m->spaces.resident_shared > m->by_type[QR_FRAME_CACHE])
		m->spaces.resident_shared = m->by_type[QR_FRAME_CACHE];
}

/* How many entries of the direct map span each size of page, as bytes. */
static void count_direct_map(uint64_t bytes[QR_MAX_LEVELS])
{
	const struct qr_format *f = kernel_tables.format;
	uint64_t end = ((uint64_t)frames.base + frames.low_end) << QR_PAGE_SHIFT;

	for (uint64_t pa = 0; pa < end;) {
		qr_entry entry[QR_MAX_LEVELS];
		qr_virt va = qr_virt_of((uintptr_t)direct_map(pa));
		unsigned level = qr_paging_trace(f, &frames, kernel_tables.root, va, entry);
		uint64_t span = qr_format_span(f, level);

		if (qr_entry_is_page(f, entry[level], level))
			bytes[level] += span;
		pa = (pa & ~(span - 1)) + span;
	}
}

static void put(struct text *t, const char *name, unsigned long long kib)
{
	size_t line = t->n;

	text_printf(t, "%s:", name);
	text_pad(t, line, 16);
	text_printf(t, "%8llu kB\n", kib);
}

static void put_direct_map(struct text *t)
{
	uint64_t bytes[QR_MAX_LEVELS] = { 0 };

	count_direct_map(bytes);
	put(t, "DirectMap4k", bytes[0] / 1024);
	put(t, kernel_tables.format->bits == 9 ? "DirectMap2M" : "DirectMap4M", bytes[1] / 1024);
	if (kernel_tables.format->large & 1 << 2)
		put(t, "DirectMap1G", bytes[2] / 1024);
}

#define PAGES(n) ((unsigned long long)(n) * (QR_PAGE_SIZE / 1024))

PROC_SHOW(meminfo)
{
	struct memory m;
	size_t slab, available;

	take_stock(&m);
	slab = m.by_type[QR_FRAME_POOL] + m.by_type[QR_FRAME_HEAP];
	available = m.frames.free > frames.mark_min ? m.frames.free - frames.mark_min : 0;
	const struct {
		const char *name;
		size_t pages;
	} lines[] = {
		{ "MemTotal", m.frames.total },
		{ "MemFree", m.frames.free },
		{ "MemAvailable", available },
		{ "Buffers", 0 },
		{ "Cached", m.by_type[QR_FRAME_CACHE] },
		{ "SwapCached", 0 },
		{ "Active", m.by_type[QR_FRAME_ANON] + m.by_type[QR_FRAME_CACHE] },
		{ "Inactive", 0 },
		{ "Active(anon)", m.by_type[QR_FRAME_ANON] },
		{ "Inactive(anon)", 0 },
		{ "Active(file)", m.by_type[QR_FRAME_CACHE] },
		{ "Inactive(file)", 0 },
		{ "Unevictable", 0 },
		{ "Mlocked", m.spaces.locked },
#ifndef __x86_64__
		{ "HighTotal", m.high },
		{ "HighFree", m.high_free },
		{ "LowTotal", m.frames.total - m.high },
		{ "LowFree", m.frames.free - m.high_free },
#endif
		{ "SwapTotal", 0 },
		{ "SwapFree", 0 },
		{ "Dirty", 0 },
		{ "Writeback", 0 },
		{ "AnonPages", m.by_type[QR_FRAME_ANON] },
		{ "Mapped", m.mapped },
		{ "Shmem", m.spaces.resident_shared },
		{ "KReclaimable", 0 },
		{ "Slab", slab },
		{ "SReclaimable", 0 },
		{ "SUnreclaim", slab },
		{ "KernelStack", m.stacks },
		{ "PageTables", m.by_type[QR_FRAME_TABLE] },
		{ "SecPageTables", 0 },
		{ "NFS_Unstable", 0 },
		{ "Bounce", 0 },
		{ "WritebackTmp", 0 },
		{ "CommitLimit", vm_commit_limit() },
		{ "Committed_AS", m.spaces.data },
		{ "VmallocTotal", (size_t)((KMAP_END - KMAP_BASE) >> QR_PAGE_SHIFT) },
		{ "VmallocUsed", m.stacks },
		{ "VmallocChunk", 0 },
		{ "Percpu", 0 },
		{ "AnonHugePages", m.huge.blocks * m.huge.npages },
		{ "ShmemHugePages", 0 },
		{ "ShmemPmdMapped", 0 },
		{ "FileHugePages", 0 },
		{ "FilePmdMapped", 0 },
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		put(t, lines[i].name, PAGES(lines[i].pages));
	text_printf(t, "HugePages_Total:   %5u\nHugePages_Free:    %5u\n", 0, 0);
	text_printf(t, "HugePages_Rsvd:    %5u\nHugePages_Surp:    %5u\n", 0, 0);
	put(t, "Hugepagesize", kernel_tables.format->bits == 9 ? 2048 : 4096);
	put(t, "Hugetlb", 0);
	put_direct_map(t);
	return 0;
}

PROC_SHOW(vmstat)
{
	struct memory m;

	take_stock(&m);
	const struct {
		const char *name;
		unsigned long long n;
	} lines[] = {
		{ "nr_free_pages", m.frames.free },
		{ "nr_zone_inactive_anon", 0 },
		{ "nr_zone_active_anon", m.by_type[QR_FRAME_ANON] },
		{ "nr_zone_inactive_file", 0 },
		{ "nr_zone_active_file", m.by_type[QR_FRAME_CACHE] },
		{ "nr_zone_unevictable", 0 },
		{ "nr_mlock", m.spaces.locked },
		{ "nr_inactive_anon", 0 },
		{ "nr_active_anon", m.by_type[QR_FRAME_ANON] },
		{ "nr_inactive_file", 0 },
		{ "nr_active_file", m.by_type[QR_FRAME_CACHE] },
		{ "nr_unevictable", 0 },
		{ "nr_slab_reclaimable", 0 },
		{ "nr_slab_unreclaimable", m.by_type[QR_FRAME_POOL] + m.by_type[QR_FRAME_HEAP] },
		{ "nr_anon_pages", m.by_type[QR_FRAME_ANON] },
		{ "nr_mapped", m.mapped },
		{ "nr_file_pages", m.by_type[QR_FRAME_CACHE] },
		{ "nr_dirty", 0 },
		{ "nr_writeback", 0 },
		{ "nr_shmem", m.spaces.resident_shared },
		{ "nr_kernel_stack", m.stacks * (QR_PAGE_SIZE / 1024) },
		{ "nr_page_table_pages", m.by_type[QR_FRAME_TABLE] },
		{ "pgpgin", 0 },
		{ "pgpgout", 0 },
		{ "pswpin", 0 },
		{ "pswpout", 0 },
		{ "pgfree", 0 },
		{ "pgfault", m.spaces.faults },
		{ "pgmajfault", 0 },
		{ "pgsteal_kswapd", 0 },
		{ "pgsteal_direct", 0 },
		{ "pgscan_kswapd", 0 },
		{ "pgscan_direct", 0 },
		{ "oom_kill", oom_kills },
		{ "nr_anon_transparent_hugepages", m.huge.blocks },
		{ "thp_fault_alloc", m.huge.fault },
		{ "thp_fault_fallback", m.huge.fallback },
		{ "thp_collapse_alloc", m.huge.collapse },
		{ "thp_split_page", m.huge.split },
		{ "thp_split_pmd", m.huge.split },
	};

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		text_printf(t, "%s %llu\n", lines[i].name, lines[i].n);
	return 0;
}
