/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kernel.c - the smallest kernel with a memory manager: all four tiers of libquire.
 *
 * For an i686 with a Multiboot loader and a serial line.  It makes frames of the loader's memory
 * map, page tables of its own, an address space, in which a program of ring 3 runs, then a
 * copy-on-write child of that, and a heap; and gives every frame back.
 */
#include <quire/bootmap.h>
#include <quire/heap.h>
#include <quire/space.h>
#include "tiny.h"

/* ---- tier 1: frames -------------------------------------------------------------------------- */

static struct qr_frames frames;

static void must(enum qr_err err, const char *what)
{
	if (err != QR_OK)
		qr_host_panic(what, __FILE__, err);
}

/* The loader's list, and what is in use already; normalised, nothing of it needs a further
 * check. */
static size_t read_map(const uint32_t *multiboot, struct qr_boot_range *map, size_t cap)
{
	struct qr_boot_range in[32];
	const char *at = (const char *)(BASE + multiboot[12]);
	const char *end = at + multiboot[11];
	size_t n = 0, count;

	while (at < end && n < 30) {
		const uint32_t *e = (const uint32_t *)at;

		in[n++] = (struct qr_boot_range){ (uint64_t)e[2] << 32 | e[1],
						  (uint64_t)e[4] << 32 | e[3],
						  e[5] == 1 ? QR_BOOT_USABLE : QR_BOOT_RESERVED };
		at += e[0] + 4;
	}
	in[n++] = (struct qr_boot_range){ 0, 1 << 20, QR_BOOT_RESERVED };
	in[n++] = (struct qr_boot_range){ (uintptr_t)image_start,
					  (uintptr_t)(image_end - image_start), QR_BOOT_KERNEL };
	must(qr_bootmap_normalise(in, n, DIRECT, map, cap, &count, NULL), "no memory");
	return count;
}

static void start_frames(const uint32_t *multiboot)
{
	struct qr_frames_config c = { .end = { DIRECT >> QR_PAGE_SHIFT }, .ncpus = 1 };
	struct qr_boot_range map[64];
	size_t n = read_map(multiboot, map, 64), bytes;
	uint64_t at;

	c.low_end = c.end;
	bytes = qr_frames_metadata_size(&c);
	must(qr_bootmap_find(map, n, bytes, QR_PAGE_SIZE, 0, DIRECT, &at), "no room for books");
	must(qr_frames_init(&frames, &c, (void *)(BASE + (uintptr_t)at), bytes), "frames");
	for (size_t i = 0; i < n; i++) {
		uint64_t start = map[i].base, end = start + map[i].length;

		if (map[i].type != QR_BOOT_USABLE)
			continue;
		if (start == at) /* the books begin a range: find answers its lowest place */
			start += (bytes + QR_PAGE_MASK) & ~(uint64_t)QR_PAGE_MASK;
		if (start < end)
			must(qr_frames_add(&frames, qr_phys_frame(qr_phys_of(start)),
					   (size_t)(end - start) >> QR_PAGE_SHIFT),
			     "frames_add");
	}
}

/* ---- tier 2: the kernel's own page tables ---------------------------------------------------- */

static struct qr_tlbs tlbs;
static struct qr_paging tables;

static void start_paging(void)
{
	struct qr_paging_config c = { .format = &qr_format_two_level,
				      .frames = &frames,
				      .tlb = &tlbs.kernel };
	struct qr_paging_map direct = { .at = { BASE },
					.npages = DIRECT >> QR_PAGE_SHIFT,
					.prot = QR_READ | QR_WRITE,
					.large = true };

	qr_tlbs_init(&tlbs);
	qr_tlbs_join(&tlbs);
	must(qr_paging_init(&tables, &c), "tables");
	must(qr_paging_map(&tables, &direct), "the direct map");
	qr_paging_seal(&tables);
	qr_host_load_root(qr_frame_phys(tables.root));
}

/* ---- tier 3: address spaces ------------------------------------------------------------------ */

static struct qr_memory memory;
static struct qr_space *current;

void on_page_fault(uintptr_t at, uint32_t error)
{
	enum qr_access access = error & 2 ? QR_ACCESS_WRITE : QR_ACCESS_READ;

	if (!(error & 4))
		qr_host_panic("a page fault of the kernel", __FILE__, __LINE__);
	if (qr_space_fault(current, qr_virt_of(at), access) != QR_OK)
		user_leave(UINT32_MAX);
}

static void set_gate(uint64_t *gate, void (*handler)(void), unsigned ring)
{
	uint32_t at = (uint32_t)handler;

	*gate = (uint64_t)((at & 0xffff0000) | 0x8e00 | ring << 13) << 32 | KERNEL_CS << 16 |
		(at & 0xffff);
}

static void start_traps(void)
{
	static uint64_t idt[0x81];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) where = { sizeof(idt) - 1, (uint32_t)idt };

	set_gate(&idt[14], page_fault, 0);
	set_gate(&idt[0x80], system_call, 3);
	__asm__ volatile("lidt %0" : : "m"(where));
	gdt_tss[0] = (uint32_t)tss << 16 | 103;
	gdt_tss[1] = ((uint32_t)tss & 0xff000000) | 0x8900 | ((uint32_t)tss >> 16 & 0xff);
	__asm__ volatile("ltr %w0" : : "r"(TSS));
}

static void map(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot)
{
	struct qr_map req = { .at = { at },
			      .npages = npages,
			      .flags = QR_MAP_FIXED,
			      .prot = (uint8_t)prot,
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC };
	qr_virt where;

	must(qr_space_map(s, &req, &where), "map");
}

static void run(struct qr_space *s, const char *who)
{
	struct qr_space_stat stat;

	current = s;
	qr_space_enter(s);
	say(who);
	say_number(": the program counts to ", user_run(TEXT), "; ");
	qr_space_leave(s);
	qr_space_stat(s, &stat);
	say_number("", (size_t)stat.faults, " faults, ");
	say_number("", (size_t)stat.faults_copy, " copies\n");
	qr_space_check(s);
}

static void run_programs(void)
{
	struct qr_memory_config c = { .frames = &frames,
				      .format = &qr_format_two_level,
				      .tlbs = &tlbs,
				      .kernel_root = qr_frame_phys(tables.root),
				      .user_start = { QR_PAGE_SIZE },
				      .user_end = { BASE } };
	static struct qr_space parent, child;
	size_t done, n = (size_t)(program_end - program);

	must(qr_memory_init(&memory, &c), "memory");
	must(qr_space_init(&parent, &memory), "a space");
	map(&parent, TEXT, 1, QR_READ | QR_EXEC);
	map(&parent, DATA, 256, QR_READ | QR_WRITE);
	must(qr_space_write(&parent, qr_virt_of(TEXT), program, n, true, &done), "the program");
	run(&parent, "parent");
	must(qr_space_init(&child, &memory), "a space");
	must(qr_space_fork(&parent, &child), "fork");
	run(&child, "child");
	qr_space_fini(&child);
	run(&parent, "parent");
	qr_space_fini(&parent);
	qr_memory_fini(&memory);
}

/* ---- tier 4: the heap ------------------------------------------------------------------------ */

static struct qr_heap heap;

static void use_heap(void)
{
	struct qr_heap_source pages;
	char *a, *b;

	qr_heap_source_frames(&pages, &frames);
	must(qr_heap_init(&heap, &pages, 1), "heap");
	a = qr_heap_alloc(&heap, 100);
	b = qr_heap_alloc(&heap, 100000);
	if (!a || !b)
		must(QR_NOMEM, "heap");
	say_number("heap: 100 bytes have room for ", qr_heap_usable(&heap, a), ", ");
	say_number("100000 for ", qr_heap_usable(&heap, b), "\n");
	must(qr_heap_free(&heap, a), "free");
	say(qr_heap_free(&heap, a) == QR_CORRUPT ? "heap: a second free is refused\n" : "");
	must(qr_heap_free(&heap, b), "free");
	qr_heap_fini(&heap);
}

void kernel_main(uint32_t multiboot)
{
	size_t before;

	start_frames((const uint32_t *)(BASE + multiboot));
	before = qr_frames_free_count(&frames);
	say_number("frames: ", before, " free\n");
	start_paging();
	start_traps();
	run_programs();
	use_heap();
	qr_host_load_root(qr_phys_of((uintptr_t)directory - BASE));
	qr_paging_fini(&tables);
	if (qr_frames_check(&frames) || qr_frames_free_count(&frames) != before)
		qr_host_panic("every frame is back", __FILE__, __LINE__);
	say("frames: all are back\n");
	out8(0xf4, 0); /* status 1 */
}
