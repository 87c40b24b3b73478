/* SPDX-License-Identifier: BSD-2-Clause
 *
 * multiboot1.c - the information of a Multiboot 1 loader.
 *
 * Source: Multiboot Specification 0.6.96, section 3.3.  All its addresses are 32 bits.  A loader
 * sets only the flags it fills; v86 gives neither a map's size nor its name reliably, so a map
 * that cannot be read falls back to the two numbers mem_lower and mem_upper.
 */
#include "arch/x86/boot/boot.h"
#include "kernel/lib/string.h"

#define HAS_MEMORY  (1u << 0)
#define HAS_CMDLINE (1u << 2)
#define HAS_MODULES (1u << 3)
#define HAS_MAP     (1u << 6)
#define HAS_LOADER  (1u << 9)
#define HAS_SCREEN  (1u << 12)

struct mb1_info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper; /* KiB from 0, KiB from 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr;
	uint32_t config_table;
	uint32_t loader_name;
	uint32_t apm_table;
	uint32_t vbe_control, vbe_mode;
	uint16_t vbe[4];
	uint64_t fb_address;
	uint32_t fb_pitch, fb_width, fb_height;
	uint8_t fb_bits, fb_type;
	uint8_t fb_color[6]; /* red position, size, green ..., blue ... */
} __attribute__((packed));

_Static_assert(offsetof(struct mb1_info, fb_address) == 88, "Multiboot 1 information");

/* The loader's `size` counts what follows it; entries may be longer than we know. */
struct mb1_range {
	uint32_t size;
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));

struct mb1_module {
	uint32_t start, end, string, reserved;
};

#define MAP_MAX (1u << 20) /* bytes: beyond this the length is nonsense */

static void parse_map(uint64_t pa, uint32_t length)
{
	uint64_t end = pa + (length < MAP_MAX ? length : MAP_MAX);
	struct mb1_range r;

	while (pa + sizeof(r) <= end && boot_read(pa, &r, sizeof(r))) {
		if (r.size < sizeof(r) - sizeof(r.size))
			return;
		boot_add_range(r.base, r.length, r.type);
		pa += r.size + (uint64_t)sizeof(r.size);
	}
}

static void parse_modules(uint64_t pa, uint32_t count)
{
	struct mb1_module m;
	char args[sizeof(boot_info.modules[0].args)];

	for (; count && boot_info.nmodules < BOOT_MAX_MODULES; count--, pa += sizeof(m)) {
		if (!boot_read(pa, &m, sizeof(m)))
			return;
		boot_read_string(m.string, args, sizeof(args));
		boot_add_module(m.start, m.end, args);
	}
	boot_info.cut += count;
}

static void parse_screen(const struct mb1_info *info)
{
	struct boot_screen *s = &boot_info.screen;

	s->kind = info->fb_type == 2   ? BOOT_SCREEN_TEXT
		  : info->fb_type == 1 ? BOOT_SCREEN_PIXELS
				       : BOOT_SCREEN_NONE;
	s->address = info->fb_address;
	s->width = info->fb_width;
	s->height = info->fb_height;
	s->pitch = info->fb_pitch;
	s->bits = info->fb_bits;
	s->red_shift = info->fb_color[0];
	s->red_bits = info->fb_color[1];
	s->green_shift = info->fb_color[2];
	s->green_bits = info->fb_color[3];
	s->blue_shift = info->fb_color[4];
	s->blue_bits = info->fb_color[5];
}

/* QEMU puts the path of the image before the arguments. */
static void skip_image_name(char *line)
{
	char *args = strchr(line, ' ');

	if (args)
		memmove(line, args + 1, strlen(args + 1) + 1);
	else
		line[0] = 0;
}

void boot_parse_multiboot1(uint64_t pa)
{
	struct mb1_info info;

	memset(&info, 0, sizeof(info));
	if (!boot_read(pa, &info, sizeof(info)))
		return;
	if (info.flags & HAS_LOADER)
		boot_read_string(info.loader_name, boot_info.loader_name,
				 sizeof(boot_info.loader_name));
	if (info.flags & HAS_CMDLINE)
		boot_read_string(info.cmdline, boot_info.cmdline, sizeof(boot_info.cmdline));
	if (!strcmp(boot_info.loader_name, "qemu"))
		skip_image_name(boot_info.cmdline);
	if (info.flags & HAS_MAP)
		parse_map(info.mmap_addr, info.mmap_length);
	if (!boot_info.nranges && info.flags & HAS_MEMORY) {
		boot_add_range(0, (uint64_t)info.mem_lower << 10, 1);
		boot_add_range(1 << 20, (uint64_t)info.mem_upper << 10, 1);
	}
	if (info.flags & HAS_MODULES)
		parse_modules(info.mods_addr, info.mods_count);
	if (info.flags & HAS_SCREEN)
		parse_screen(&info);
	else
		boot_info.screen = (struct boot_screen){
			.kind = BOOT_SCREEN_TEXT,
			.address = 0xb8000,
			.width = 80,
			.height = 25,
			.pitch = 160,
			.bits = 16,
		};
}
