/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pvh.c - the information of a PVH loader (hvm_start_info).
 *
 * Source: Xen, public/arch-x86/hvm/start_info.h.  Version 0 has no memory map; nobody who
 * loads kernels this way still writes it, and without a map there is no memory to boot with.
 */
#include "arch/x86/boot/boot.h"
#include "kernel/lib/string.h"

#define PVH_MAGIC 0x336ec578u

struct pvh_info {
	uint32_t magic, version, flags, nmodules;
	uint64_t modules, cmdline, rsdp;
	uint64_t map; /* from version 1 on */
	uint32_t map_entries, reserved;
};

struct pvh_range {
	uint64_t base, length;
	uint32_t type, reserved;
};

struct pvh_module {
	uint64_t start, size, cmdline, reserved;
};

#define ENTRIES_MAX (1u << 16) /* beyond this the count is nonsense */

static void parse_modules(uint64_t pa, uint32_t count)
{
	struct pvh_module m;
	char args[sizeof(boot_info.modules[0].args)];

	for (; count && boot_info.nmodules < BOOT_MAX_MODULES; count--, pa += sizeof(m)) {
		if (!boot_read(pa, &m, sizeof(m)))
			return;
		boot_read_string(m.cmdline, args, sizeof(args));
		boot_add_module(m.start, m.start + m.size, args);
	}
	boot_info.cut += count;
}

void boot_parse_pvh(uint64_t pa)
{
	struct pvh_info info;
	struct pvh_range r;

	if (!boot_read(pa, &info, sizeof(info)) || info.magic != PVH_MAGIC)
		return;
	strlcpy(boot_info.loader_name, "PVH", sizeof(boot_info.loader_name));
	boot_read_string(info.cmdline, boot_info.cmdline, sizeof(boot_info.cmdline));
	boot_info.acpi_root = info.rsdp;
	parse_modules(info.modules, info.nmodules);
	if (!info.version)
		return;
	uint32_t n = info.map_entries < ENTRIES_MAX ? info.map_entries : ENTRIES_MAX;

	for (uint32_t i = 0; i < n && boot_read(info.map + i * sizeof(r), &r, sizeof(r)); i++)
		boot_add_range(r.base, r.length, r.type);
}
