/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.c - from the boot loader's list of ranges to a kernel that can allocate.
 *
 * The order matters, since each step stands on the one before:
 *
 *	1  boot map	what the loader says, and the image and modules on top of it: normalised
 *	2  frames	metadata goes into the first free place that the boot tables reach; then
 *			all usable RAM that they reach is added
 *	3  tables	the final kernel half, and the switch to it (W^X from here on)
 *	4  the rest	RAM beyond the reach of the boot tables is added
 *	5  heap, spaces, stacks
 *
 * The kernel half that step 3 builds (addresses: arch/x86/layout.h)
 *
 *	direct map	all RAM, read and write, in the largest pages that fit; the image's text and
 *			constants are read-only here too
 *	image		text: execute; constants: read; data: write.  The page below the boot stack
 *			is absent
 *	kmap		stacks between guard pages from below, devices from above
 *	windows		i686: the table for high memory
 *
 * Afterwards the root is sealed: every address space copies its kernel half once and never again.
 * On two-level tables that means that the tables of kmap exist from the start: so many as the
 * RAM could ever have use for (a process costs it 24 KiB at least, 12 of them addresses of kmap).
 */
#include <quire/bootmap.h>
#include "arch/x86/cpu.h"
#include "arch/x86/format.h"
#include "arch/x86/layout.h"
#include "arch/x86/user.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/vm_settings.h"
#include "kernel/lib/string.h"

struct qr_frames frames;
struct qr_tlbs tlbs;
struct qr_paging kernel_tables;
struct qr_memory space_memory;

#define MAP_IN_MAX  (BOOT_MAX_RANGES + BOOT_MAX_MODULES + 4)
#define MAP_OUT_MAX (2 * MAP_IN_MAX)

static struct qr_boot_range map[MAP_OUT_MAX];
static size_t nmap;
static uint64_t device_top; /* kmap addresses from here up are devices' */
static uint64_t kmap_top;   /* and the tables of kmap end here */

#define MIB (1ull << 20)

#ifdef __x86_64__
#define TABLE_BYTES (512ull << 30) /* what one entry of the root spans, of those below it too */
#else
#define TABLE_BYTES (4 * MIB)
#endif

static uint64_t page_down(uint64_t a)
{
	return a & ~(uint64_t)QR_PAGE_MASK;
}

static uint64_t page_up(uint64_t a)
{
	return page_down(a + QR_PAGE_MASK);
}

static void must(enum qr_err err, const char *what)
{
	if (err != QR_OK)
		panic("not enough memory to start: %s", what);
}

/* ---- 1: the boot map ------------------------------------------------------------------------ */

static void add_range(struct qr_boot_range *in, size_t *n, uint64_t start, uint64_t end,
		      enum qr_boot_type type)
{
	if (end > start)
		in[(*n)++] = (struct qr_boot_range){ start, end - start, type };
}

static void read_boot_map(void)
{
	static struct qr_boot_range in[MAP_IN_MAX];
	struct qr_boot_report report;
	size_t n = 0;

	for (unsigned i = 0; i < boot_info.nranges; i++)
		in[n++] = boot_info.map[i];
	for (unsigned i = 0; i < boot_info.nmodules; i++)
		add_range(in, &n, boot_info.modules[i].start, boot_info.modules[i].end,
			  QR_BOOT_MODULE);
	add_range(in, &n, boot_info.kernel_start, boot_info.kernel_end, QR_BOOT_KERNEL);
	/* Real mode's vectors and the BIOS's data: firmware may still look at them. */
	add_range(in, &n, 0, QR_PAGE_SIZE, QR_BOOT_RESERVED);

	if (qr_bootmap_normalise(in, n, RAM_LIMIT, map, MAP_OUT_MAX, &nmap, &report) != QR_OK)
		panic("the boot loader reports no usable memory (%u ranges)", boot_info.nranges);
	for (size_t i = 0; i < nmap; i++)
		log_info("memory: %09llx-%09llx %s\n", (unsigned long long)map[i].base,
			 (unsigned long long)(map[i].base + map[i].length - 1),
			 qr_boot_type_name(map[i].type));
	/* Overlaps alone are no news: the image and the modules lie in usable memory. */
	if (report.empty | report.wrapped | report.unknown | report.clipped)
		log_info("memory: repaired: %u empty, %u wrapped, %u unknown, %u beyond reach, "
			 "%u overlapping\n",
			 report.empty, report.wrapped, report.unknown, report.clipped,
			 report.overlaps);
}

/* Types whose bytes are RAM, whoever owns them. */
static bool is_ram(uint32_t type)
{
	return type != QR_BOOT_RESERVED && type != QR_BOOT_BAD;
}

/* The normalised map joins and cuts only at page boundaries, so frames can be counted off. */
static void add_usable(uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < nmap; i++) {
		uint64_t start = map[i].base, end = start + map[i].length;

		if (map[i].type != QR_BOOT_USABLE)
			continue;
		if (start < from)
			start = from;
		if (end > to)
			end = to;
		if (start < end)
			must(qr_frames_add(&frames, qr_phys_frame(qr_phys_of(start)),
					   (size_t)((end - start) >> QR_PAGE_SHIFT)),
			     "a range of the boot map");
	}
}

/* ---- 2: frames ------------------------------------------------------------------------------ */

static void take_range(uint64_t start, uint64_t n)
{
	struct qr_boot_range in[2] = { { start, n, QR_BOOT_KERNEL } };
	static struct qr_boot_range copy[MAP_OUT_MAX / 2];
	size_t count = nmap;

	memcpy(copy, map, count * sizeof(map[0]));
	copy[count++] = in[0];
	must(qr_bootmap_normalise(copy, count, RAM_LIMIT, map, MAP_OUT_MAX, &nmap, NULL),
	     "the boot map");
}

static void init_frames(void)
{
	uint64_t end = 0, at, reach = BOOT_DIRECT_END;
	struct qr_frames_config config = { .ncpus = 1 };
	size_t bytes;

	for (size_t i = 0; i < nmap; i++)
		if (is_ram(map[i].type))
			end = map[i].base + map[i].length;
	config.first = qr_frame_of(0);
	config.end = qr_phys_frame(qr_phys_of(end));
	config.low_end = config.end;
#ifndef __x86_64__
	if (end > LOW_END)
		config.low_end = qr_phys_frame(qr_phys_of(LOW_END));
#endif
	bytes = qr_frames_metadata_size(&config);
	/* Memory that old devices can reach is scarce: keep it free if there is other. */
	if (!bytes ||
	    (qr_bootmap_find(map, nmap, bytes, QR_PAGE_SIZE, 16 * MIB, reach, &at) != QR_OK &&
	     qr_bootmap_find(map, nmap, bytes, QR_PAGE_SIZE, MIB, reach, &at) != QR_OK))
		panic("no room for the metadata of %llu MiB of memory",
		      (unsigned long long)(end / MIB));
	take_range(at, page_up(bytes));
	must(qr_frames_init(&frames, &config, direct_map(at), page_up(bytes)), "frames");
	add_usable(0, reach);
}

/* ---- 3: the kernel half --------------------------------------------------------------------- */

static void map_kernel(uintptr_t va, uint64_t start, uint64_t end, unsigned prot)
{
	struct qr_paging_map req = {
		.at = qr_virt_of(va),
		.npages = (size_t)((end - start) >> QR_PAGE_SHIFT),
		.to = qr_phys_of(start),
		.prot = (uint8_t)prot,
		.large = true,
	};

	if (end > start)
		must(qr_paging_map(&kernel_tables, &req), "page tables of the kernel");
}

static void map_direct(uint64_t start, uint64_t end)
{
#ifndef __x86_64__
	if (end > LOW_END)
		end = LOW_END;
#endif
	if (end > start)
		map_kernel((uintptr_t)direct_map(start), start, end, QR_READ | QR_WRITE);
}

/* All RAM in one piece where ranges touch, so that large pages can span their borders; and the
 * first MiB whatever it is: firmware's tables and the VGA screen lie there. */
static void map_ram(void)
{
	uint64_t start = 0, end = MIB;

	for (size_t i = 0; i < nmap; i++) {
		if (!is_ram(map[i].type) || map[i].base + map[i].length <= end)
			continue;
		if (map[i].base > end) {
			map_direct(start, end);
			start = map[i].base;
		}
		end = map[i].base + map[i].length;
	}
	map_direct(start, end);
}

static void protect_image(const char *from, const char *to, uintptr_t base, unsigned prot)
{
	size_t npages = (size_t)(to - from) >> QR_PAGE_SHIFT;

	must(qr_paging_protect(&kernel_tables, qr_virt_of(base + (uintptr_t)image_phys(from)),
			       npages, prot),
	     "page tables of the image");
}

static void map_image(void)
{
#ifdef __x86_64__
	map_kernel((uintptr_t)image_text_start, image_phys(image_text_start), image_phys(image_end),
		   QR_READ | QR_WRITE);
	protect_image(image_text_start, image_rodata_end, DIRECT_BASE, QR_READ);
#endif
	protect_image(image_text_start, image_text_end, KERNEL_BASE, QR_READ | QR_EXEC);
	protect_image(image_rodata_start, image_rodata_end, KERNEL_BASE, QR_READ);
	must(qr_paging_unmap(&kernel_tables, qr_virt_of((uintptr_t)boot_stack_guard), 1),
	     "the guard of the boot stack");
}

/* Addresses of kmap that could ever be used, in whole tables. */
static uint64_t kmap_bytes(void)
{
	uint64_t want = (uint64_t)frames.total * QR_PAGE_SIZE / 2 + TABLE_BYTES;

	if (boot_info.screen.kind == BOOT_SCREEN_PIXELS)
		want += (uint64_t)boot_info.screen.pitch * boot_info.screen.height + MIB;
	want -= want % TABLE_BYTES;
	return want < KMAP_END - KMAP_BASE ? want : KMAP_END - KMAP_BASE;
}

#ifndef __x86_64__
extern char window_table[]; /* start.S: what quire_host.c maps high memory with */

static void link_windows(void)
{
	const struct qr_format *f = kernel_tables.format;
	unsigned top = qr_format_top(f);
	qr_frame table = qr_phys_frame(qr_phys_of(image_phys(window_table)));
	void *above = qr_host_window_get(kernel_tables.root);

	for (; top > 1; top--) { /* PAE: the directories are there already */
		unsigned i = qr_format_index(f, qr_virt_of(WINDOW_BASE), top);

		above = qr_host_window_get(qr_entry_frame(f, qr_entry_read(f, above, i)));
	}
	qr_entry_set(f, above, qr_format_index(f, qr_virt_of(WINDOW_BASE), 1),
		     qr_entry_table(f, table, 1, true));
}
#endif

static void init_tables(void)
{
	struct qr_paging_config config = { .format = machine_format(), .frames = &frames };

	must(qr_paging_init(&kernel_tables, &config), "a page table");
	log_info("memory: %s tables%s\n", config.format->name,
		 config.format->nx ? "" : ", no execute protection");
	map_ram();
	map_image();
	kmap_top = KMAP_BASE + kmap_bytes();
	must(qr_paging_reserve(&kernel_tables, qr_virt_of((uintptr_t)KMAP_BASE),
			       (size_t)((kmap_top - KMAP_BASE) >> QR_PAGE_SHIFT)),
	     "page tables of kernel mappings");
#ifndef __x86_64__
	link_windows();
#endif
	qr_paging_seal(&kernel_tables);
	qr_tlbs_init(&tlbs);
	kernel_tables.tlb = &tlbs.kernel;
	qr_host_load_root(memory_kernel_root());
	qr_tlbs_join(&tlbs);
}

qr_phys memory_kernel_root(void)
{
	return qr_frame_phys(kernel_tables.root);
}

/* ---- 5: what stands on it ------------------------------------------------------------------- */

static enum qr_backing default_backing(void)
{
	size_t n;
	const char *word = boot_option("backing", &n);

	if (word && n == 9 && !memcmp(word, "immediate", 9))
		return QR_BACK_IMMEDIATE;
	if (word && n == 6 && !memcmp(word, "demand", 6))
		return QR_BACK_DEMAND;
	if (word && !(n == 11 && !memcmp(word, "first-write", 11)))
		log_error("backing=: immediate, demand or first-write. Going on with the last\n");
	return QR_BACK_FIRST_WRITE;
}

int memory_huge_policy(const char *word, size_t n)
{
	static const char words[][8] = { "never", "madvise", "always" };

	for (int i = 0; i < 3; i++)
		if (n == strlen(words[i]) && !memcmp(word, words[i], n))
			return i;
	return -1;
}

/* Where memory is scarce, a huge page that is used in part is a waste: then only who asks gets
 * one.  Linux draws the line at the same size, and gives none below it. */
static enum qr_huge_policy default_huge(void)
{
	size_t n;
	const char *word = boot_option("transparent_hugepage", &n);
	int policy = word ? memory_huge_policy(word, n) : -1;

	if (policy >= 0)
		return (enum qr_huge_policy)policy;
	return memory_reported() < 512 * MIB ? QR_HUGE_MADVISE : QR_HUGE_ALWAYS;
}

/* Behind the last entry of the root that is the user's. */
static uintptr_t user_top(void)
{
	unsigned top = qr_format_top(kernel_tables.format);
	uintptr_t span = (uintptr_t)qr_format_span(kernel_tables.format, top);

	return (USER_END + span - 1) & ~(span - 1);
}

static void init_spaces(void)
{
	struct qr_memory_config config = {
		.frames = &frames,
		.format = kernel_tables.format,
		.tlbs = &tlbs,
		.kernel_root = memory_kernel_root(),
		.user_start = qr_virt_of(QR_PAGE_SIZE),
		.user_end = qr_virt_of(user_top()),
		.window_end = qr_virt_of(USER_WINDOW_END),
		.backing = default_backing(),
		.huge = default_huge(),
		.slabs = kmalloc_slabs(),
	};

	must(qr_memory_init(&space_memory, &config), "address spaces");
	space_memory.stack_end = qr_virt_of(vm_settings.mmap_min_addr);
}

/* What programs cannot have: so much that the kernel can still serve and end them. */
static void set_marks(void)
{
	size_t min = frames.total / 128;

	if (min < 16)
		min = 16;
	if (min > 1024)
		min = 1024;
	qr_frames_set_marks(&frames, min, 0);
}

/* Nobody has to go short of frames that are kept for speed.  An interrupt may have come while the
 * lists of them were being changed. */
static size_t reclaim(void *ctx, size_t want, enum qr_limit limit)
{
	return in_interrupt() ? 0 : qr_memory_trim(&space_memory);
}

void memory_init(void)
{
	read_boot_map();
	init_frames();
	init_tables();
	add_usable(BOOT_DIRECT_END, UINT64_MAX);
	kmalloc_init();
	init_spaces();
	device_top = kmap_top;
	kstack_init(qr_virt_of((uintptr_t)KMAP_BASE), qr_virt_of((uintptr_t)kmap_top));
	set_marks();
	qr_frames_set_reclaim(&frames, reclaim, NULL);
	log_info("memory: %lu of %llu KiB free\n",
		 (unsigned long)(qr_frames_free_count(&frames) * (QR_PAGE_SIZE / 1024)),
		 (unsigned long long)(memory_reported() / 1024));
}

uint64_t memory_reported(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < nmap; i++)
		if (is_ram(map[i].type))
			sum += map[i].length;
	return sum;
}

void memory_release_module(uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < nmap; i++) {
		uint64_t from = map[i].base, to = from + map[i].length;

		if (map[i].type != QR_BOOT_MODULE)
			continue;
		if (from < page_down(start))
			from = page_down(start);
		if (to > page_up(end))
			to = page_up(end);
		if (from >= to)
			continue;
		must(qr_frames_add(&frames, qr_phys_frame(qr_phys_of(from)),
				   (size_t)((to - from) >> QR_PAGE_SHIFT)),
		     "a module is released once");
	}
}

void *memory_map_device(uint64_t pa, size_t n, enum qr_cache cache)
{
	uint64_t start = page_down(pa), end = page_up(pa + n), bytes = end - start;
	struct qr_paging_map req = {
		.npages = (size_t)(bytes >> QR_PAGE_SHIFT),
		.to = qr_phys_of(start),
		.prot = QR_READ | QR_WRITE,
		.cache = (uint8_t)cache,
	};

	if (!n || end <= start || bytes > device_top - KMAP_BASE)
		return NULL;
	req.at = qr_virt_of((uintptr_t)(device_top - bytes));
	if (qr_paging_map(&kernel_tables, &req) != QR_OK)
		return NULL; /* no memory, or the stacks have come up to here */
	device_top -= bytes;
	return (char *)req.at.v + (pa - start);
}
