/* SPDX-License-Identifier: BSD-2-Clause
 *
 * layout.h - the kernel's half of the address space.
 *
 *	x86_64	ffff8000_00000000  direct map of all RAM (DIRECT_BASE)
 *		ffffc000_00000000  kernel mappings: stacks with guards, devices (KMAP_BASE)
 *		ffffffff_80000000  the image, at +1 MiB (KERNEL_BASE)
 *
 *	i686	c0000000  direct map of the first 768 MiB (LOW_END), the image at +1 MiB
 *		f0000000  kernel mappings: stacks with guards, devices (KMAP_BASE)
 *		ffc00000  windows onto high memory (WINDOW_BASE): the last table
 *
 * Constants are also read by the assembler and by the linker scripts.
 */
#ifndef ARCH_X86_LAYOUT_H
#define ARCH_X86_LAYOUT_H

#ifdef __x86_64__
#define KERNEL_BASE 0xffffffff80000000
#define DIRECT_BASE 0xffff800000000000
#define KMAP_BASE   0xffffc00000000000
#define KMAP_END    0xffffe00000000000
#else
#define KERNEL_BASE 0xc0000000
#define DIRECT_BASE 0xc0000000
#define LOW_END     0x30000000 /* physical: end of what the direct map holds */
#define KMAP_BASE   0xf0000000
#define KMAP_END    0xffc00000
#ifdef QUIRE_PAE
#define WINDOW_BASE 0xffe00000 /* a table of PAE covers 2 MiB */
#else
#define WINDOW_BASE 0xffc00000
#endif
#define WINDOW_SLOTS 16 /* pages behind WINDOW_BASE, per CPU (one so far) */
#endif

/* What the tables made by start.S reach: physical addresses below this are in the direct map
 * from the first instruction of C on. */
#ifdef __x86_64__
#define BOOT_DIRECT_END 0x100000000
#else
#define BOOT_DIRECT_END LOW_END
#endif

#ifndef __ASSEMBLY__
#include <quire/types.h>

/* Address in the direct map of a physical address that the direct map holds. */
QR_INLINE void *direct_map(uint64_t pa)
{
	return (void *)((uintptr_t)pa + (uintptr_t)DIRECT_BASE);
}

/* Physical address of something in the direct map. */
QR_INLINE uint64_t direct_phys(const void *va)
{
	return (uintptr_t)va - (uintptr_t)DIRECT_BASE;
}

/* Physical address of something in the image (text, data, bss). */
QR_INLINE uint64_t image_phys(const void *va)
{
	return (uintptr_t)va - (uintptr_t)KERNEL_BASE;
}

/* Linker's marks in the image; all page-aligned. */
extern char image_boot_start[], image_boot_end[]; /* low addresses: the entry code */
extern char image_text_start[], image_text_end[];
extern char image_rodata_start[], image_rodata_end[];
extern char image_data_start[], image_data_end[]; /* data and bss */
extern char image_end[];

/* The stack of the boot, which becomes the idle task's; a guard page lies below it. */
extern char boot_stack_guard[], boot_stack[], boot_stack_top[];

/* Tables made by start.S; in use until the first other root is loaded. */
extern char boot_root[];

#endif
#endif
