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
#ifdef __x86_64__
	if (cpu_features.la57 && !boot_has_option("no5lvl"))
		boot_five_levels();
#endif
	kernel_main();
}
