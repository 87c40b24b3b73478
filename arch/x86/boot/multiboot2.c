/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot2.c - the information of a Multiboot 2 loader: a list of tags.
 *
 * Source: Multiboot2 Specification 2.0, section 3.6.  Each tag is {type, size, ...}, at a
 * multiple of eight; type 0 ends the list, and so does the total size.
 */
#include "arch/x86/boot/boot.h"
#include "arch/x86/layout.h"
#include "kernel/lib/string.h"

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMORY = 4,
	TAG_MAP = 6,
	TAG_SCREEN = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

struct mb2_tag {
	uint32_t type, size;
};

struct mb2_module {
	uint32_t start, end; /* a string follows */
};

struct mb2_memory {
	uint32_t lower, upper; /* KiB */
};

struct mb2_map {
	uint32_t entry_size, version;
};

struct mb2_range {
	uint64_t base, length;
	uint32_t type, reserved;
};

struct mb2_screen {
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t bits, type;
	uint16_t reserved;
	uint8_t color[6];
} __attribute__((packed));

#define INFO_MAX (1u << 22) /* bytes: beyond this the size is nonsense */

static void parse_map(uint64_t pa, uint64_t end)
{
	struct mb2_map map;
	struct mb2_range r;

	if (!boot_read(pa, &map, sizeof(map)) || map.entry_size < sizeof(r))
		return;
	for (pa += sizeof(map); pa + sizeof(r) <= end; pa += map.entry_size) {
		if (!boot_read(pa, &r, sizeof(r)))
			return;
		boot_add_range(r.base, r.length, r.type);
	}
}

static void parse_module(uint64_t pa, uint64_t end)
{
	struct mb2_module m;
	char args[sizeof(boot_info.modules[0].args)];

	if (pa + sizeof(m) > end || !boot_read(pa, &m, sizeof(m)))
		return;
	boot_read_string(pa + sizeof(m), args, sizeof(args));
	boot_add_module(m.start, m.end, args);
}

static void parse_screen(uint64_t pa, uint64_t end)
{
	struct boot_screen *s = &boot_info.screen;
	struct mb2_screen t;

	memset(&t, 0, sizeof(t));
	if (!boot_read(pa, &t, end - pa < sizeof(t) ? end - pa : sizeof(t)))
		return;
	s->kind = t.type == 2   ? BOOT_SCREEN_TEXT
		  : t.type == 1 ? BOOT_SCREEN_PIXELS
				: BOOT_SCREEN_NONE;
	s->address = t.address;
	s->width = t.width;
	s->height = t.height;
	s->pitch = t.pitch;
	s->bits = t.bits;
	s->red_shift = t.color[0];
	s->red_bits = t.color[1];
	s->green_shift = t.color[2];
	s->green_bits = t.color[3];
	s->blue_shift = t.color[4];
	s->blue_bits = t.color[5];
}

/* The tag holds a copy of the RSDP, in memory that will be given away. */
static void parse_acpi(uint64_t pa, uint64_t end)
{
	size_t n = end - pa < sizeof(boot_info.acpi_copy) ? (size_t)(end - pa)
							  : sizeof(boot_info.acpi_copy);

	if (boot_read(pa, boot_info.acpi_copy, n))
		boot_info.acpi_root = image_phys(boot_info.acpi_copy);
}

static void parse_tag(uint32_t type, uint64_t pa, uint64_t end, struct mb2_memory *memory)
{
	switch (type) {
	case TAG_CMDLINE:
		boot_read_string(pa, boot_info.cmdline, sizeof(boot_info.cmdline));
		break;
	case TAG_LOADER:
		boot_read_string(pa, boot_info.loader_name, sizeof(boot_info.loader_name));
		break;
	case TAG_MODULE:
		parse_module(pa, end);
		break;
	case TAG_MEMORY:
		if (pa + sizeof(*memory) <= end && !boot_read(pa, memory, sizeof(*memory)))
			memory->upper = 0;
		break;
	case TAG_MAP:
		parse_map(pa, end);
		break;
	case TAG_SCREEN:
		parse_screen(pa, end);
		break;
	case TAG_ACPI_OLD:
		if (boot_info.acpi_root)
			break; /* the new one says more */
			       /* fall through */
	case TAG_ACPI_NEW:
		parse_acpi(pa, end);
		break;
	}
}

void boot_parse_multiboot2(uint64_t pa)
{
	uint32_t total;
	struct mb2_memory memory = { 0, 0 };
	struct mb2_tag tag;

	if (!boot_read(pa, &total, sizeof(total)))
		return;
	uint64_t end = pa + (total < INFO_MAX ? total : INFO_MAX);

	for (pa += 8; pa + sizeof(tag) <= end; pa += ((uint64_t)tag.size + 7) & ~7ull) {
		if (!boot_read(pa, &tag, sizeof(tag)) || tag.type == TAG_END ||
		    tag.size < sizeof(tag) || tag.size > end - pa)
			break;
		parse_tag(tag.type, pa + sizeof(tag), pa + tag.size, &memory);
	}
	if (!boot_info.nranges) {
		boot_add_range(0, (uint64_t)memory.lower << 10, 1);
		boot_add_range(1 << 20, (uint64_t)memory.upper << 10, 1);
	}
}
