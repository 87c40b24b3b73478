/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot_info.h - what the boot loader told us, whichever loader it was.
 *
 * Multiboot 1, Multiboot 2 and PVH describe the same few facts in three ways.  The entry stub
 * hands the loader's structure to the parser of its protocol (arch/x86/boot/), which copies every
 * fact into the one `struct boot_info` here; nothing later looks at the loader's memory, except
 * the modules themselves, which stay where they are and are named by physical address.
 *
 *	loader's memory --parse, check bounds--> boot_info (in .bss) --> kernel_main
 *
 * I1  Every string is terminated; every count is within its array.
 * I2  `map` is as the loader gave it: unsorted, overlapping, hostile.  Only qr_bootmap_normalise
 *     makes it fit for use.  The kernel image and the modules are not yet taken out of it.
 *
 * Limits: a longer map, command line or module list than the arrays hold is cut, and said so
 * (`cut`): RAM is lost, never wrongly used, because what is not usable is kept first.
 */
#ifndef KERNEL_BOOT_INFO_H
#define KERNEL_BOOT_INFO_H

#include <quire/types.h>
#include <quire/bootmap.h>

#define BOOT_MAX_RANGES  512
#define BOOT_MAX_MODULES 32
#define BOOT_MAX_CMDLINE 2048

enum boot_loader { BOOT_MULTIBOOT1, BOOT_MULTIBOOT2, BOOT_PVH };

struct boot_module {
	uint64_t start, end; /* physical bytes [start, end) */
	char args[64];       /* its string: a name, or arguments; cut if longer */
};

enum boot_screen_kind {
	BOOT_SCREEN_NONE,
	BOOT_SCREEN_TEXT,   /* VGA text: cells of character and attribute */
	BOOT_SCREEN_PIXELS, /* linear frame buffer, direct colour */
};

struct boot_screen {
	enum boot_screen_kind kind;
	uint64_t address;       /* physical */
	uint32_t width, height; /* cells or pixels */
	uint32_t pitch;         /* bytes a row */
	uint8_t bits;           /* a pixel; 16 for text */
	uint8_t red_shift, green_shift, blue_shift;
	uint8_t red_bits, green_bits, blue_bits;
};

struct boot_info {
	enum boot_loader loader;
	char loader_name[64];
	char cmdline[BOOT_MAX_CMDLINE];

	struct qr_boot_range map[BOOT_MAX_RANGES];
	unsigned nranges;

	struct boot_module modules[BOOT_MAX_MODULES];
	unsigned nmodules;

	struct boot_screen screen;
	uint64_t acpi_root;    /* physical address of the RSDP; 0: not told */
	uint8_t acpi_copy[36]; /* what it points to where the loader gave a copy */

	uint64_t kernel_start; /* physical extent of the kernel image, bss and boot tables */
	uint64_t kernel_end;

	unsigned cut; /* entries that found no room (ranges and modules) */
};

/* Filled by the boot path before kernel_main; constant afterwards. */
extern struct boot_info boot_info;

/* The value of `name=value` on the command line, or "" for a bare word `name`, or NULL.  The
 * value ends at a blank; its length goes to *len.  The last one of several wins. */
const char *boot_option(const char *name, size_t *len);

/* True if the bare word, or `name=` with anything behind it, stands on the command line. */
bool boot_has_option(const char *name);

/* A number (decimal, 0x…, with suffix K, M, G), or `otherwise` if absent or malformed. */
uint64_t boot_option_number(const char *name, uint64_t otherwise);

#endif
