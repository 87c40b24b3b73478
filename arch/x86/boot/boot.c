/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot.c - first code in C: sort out who loaded us, fill boot_info, go to kernel_main.
 */
#include <quire/host.h>
#include "arch/x86/boot/boot.h"
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/tables.h"
#include "kernel/lib/string.h"
#include "kernel/main.h"
#include "kernel/panic.h"

#define MAGIC_MULTIBOOT1 0x2badb002u
#define MAGIC_MULTIBOOT2 0x36d76289u
#define MAGIC_PVH        0x336ec578u /* set by our own entry; the structure repeats it */

struct boot_info boot_info;

_Noreturn void boot_main(uint32_t magic, uint32_t info);

bool boot_read(uint64_t pa, void *to, size_t n)
{
	uint64_t end;

	if (__builtin_add_overflow(pa, n, &end))
		return false;
#ifdef __x86_64__
	if (end > BOOT_DIRECT_END)
		return false;
#elif !defined(QUIRE_PAE)
	if (end > 1ull << 32)
		return false;
#else
	if (end > 1ull << cpu_features.phys_bits)
		return false;
#endif
	for (char *di = to; n;) {
		size_t offset = pa & QR_PAGE_MASK;
		size_t part = QR_PAGE_SIZE - offset;

		if (part > n)
			part = n;
		char *window = qr_host_window_get(qr_phys_frame(qr_phys_of(pa)));

		memcpy(di, window + offset, part);
		qr_host_window_put(window);
		pa += part;
		di += part;
		n -= part;
	}
	return true;
}

void boot_read_string(uint64_t pa, char *to, size_t size)
{
	size_t n = 0;

	while (pa && n < size - 1 && boot_read(pa + n, to + n, 1) && to[n])
		n++;
	to[n] = 0;
}

/* E820's types, which all three protocols share. */
static uint32_t range_type(uint32_t e820)
{
	switch (e820) {
	case 1:
		return QR_BOOT_USABLE;
	case 3:
		return QR_BOOT_ACPI;
	case 4:
		return QR_BOOT_NVS;
	case 5:
		return QR_BOOT_BAD;
	}
	return QR_BOOT_RESERVED;
}

void boot_add_range(uint64_t base, uint64_t length, uint32_t e820)
{
	struct qr_boot_range range = { base, length, range_type(e820) };

	if (boot_info.nranges < BOOT_MAX_RANGES) {
		boot_info.map[boot_info.nranges++] = range;
		return;
	}
	boot_info.cut++;
	if (range.type == QR_BOOT_USABLE)
		return;
	for (unsigned i = 0; i < BOOT_MAX_RANGES; i++) {
		if (boot_info.map[i].type == QR_BOOT_USABLE) {
			boot_info.map[i] = range;
			return;
		}
	}
	panic("memory map: more than %u reserved ranges", BOOT_MAX_RANGES);
}

void boot_add_module(uint64_t start, uint64_t end, const char *args)
{
	struct boot_module *m = &boot_info.modules[boot_info.nmodules];

	if (boot_info.nmodules == BOOT_MAX_MODULES || end < start) {
		boot_info.cut++;
		return;
	}
	boot_info.nmodules++;
	m->start = start;
	m->end = end;
	strlcpy(m->args, args, sizeof(m->args));
}

_Noreturn void boot_main(uint32_t magic, uint32_t info)
{
	cpu_init();
	tables_init();
	boot_info.kernel_start = image_phys(image_text_start) & ~(uint64_t)0xfffff;
	boot_info.kernel_end = image_phys(image_end);
	switch (magic) {
	case MAGIC_MULTIBOOT1:
		boot_info.loader = BOOT_MULTIBOOT1;
		boot_parse_multiboot1(info);
		break;
	case MAGIC_MULTIBOOT2:
		boot_info.loader = BOOT_MULTIBOOT2;
		boot_parse_multiboot2(info);
		break;
	case MAGIC_PVH:
		boot_info.loader = BOOT_PVH;
		boot_parse_pvh(info);
		break;
	default:
		panic("loaded by something that says %#x: not Multiboot 1, 2 or PVH", magic);
	}
	kernel_main();
}
