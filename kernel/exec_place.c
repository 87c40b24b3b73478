/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec_place.c - where the parts of a program go in its address space.
 *
 *	0    program   heap ->            <- mappings      <- stack  end
 *	     |  (PIE: 2/3 of it on 64 bits, 4 MiB on 32)  |         |
 *	     + 28 / 8 bits of pages      base - 28 / 8 bits         - 22 / 11 bits
 *	       heap + 0 .. 1 GiB / 32 MiB
 *
 * Each distance is drawn by chance, so that who does not know it cannot jump to it.  Mappings
 * begin below the stack's limit (at least 128 MiB, at most 5/6 of everything) and what the stack
 * may be shifted by.  With the old layout (ADDR_COMPAT_LAYOUT, legacy_va_layout) they begin at a
 * third and go upwards.
 *
 * Off: norandmaps, /proc/sys/kernel/randomize_va_space (1: the heap stays), ADDR_NO_RANDOMIZE.
 * The numbers are Linux's.
 */
#include "arch/x86/user.h"
#include "kernel/boot_info.h"
#include "kernel/exec.h"
#include "kernel/random.h"
#include "kernel/vm_settings.h"

#define MIB ((uintptr_t)1024 * 1024)

#ifdef __x86_64__
#define PIE_BASE    (USER_WINDOW_END / 3 * 2 & ~(uintptr_t)0xfff)
#define STACK_PAGES 0x3fffffu /* a mask */
#define HEAP_RANGE  (1024 * MIB)
#else
#define PIE_BASE    0x400000u
#define STACK_PAGES 0x7ffu
#define HEAP_RANGE  (32 * MIB)
#endif
#define STACK_GAP_BYTES MIB

static uintptr_t page_up(uintptr_t v)
{
	return (v + QR_PAGE_MASK) & ~(uintptr_t)QR_PAGE_MASK;
}

static uintptr_t random_pages(const struct exec_image *im, uint64_t mask)
{
	return im->random ? (uintptr_t)(random_u64() & mask) << QR_PAGE_SHIFT : 0;
}

/* Where mappings begin, downwards. */
static uintptr_t mmap_top(const struct exec_image *im, uint64_t stack_limit, uintptr_t shift)
{
	const uintptr_t least = 128 * MIB, most = USER_WINDOW_END / 6 * 5;
	uint64_t pad = STACK_GAP_BYTES + (im->random ? (uint64_t)STACK_PAGES << QR_PAGE_SHIFT : 0);
	uint64_t gap = stack_limit + pad > stack_limit ? stack_limit + pad : stack_limit;

	gap = gap < least ? least : gap > most ? most : gap;
	return page_up(USER_WINDOW_END - (uintptr_t)gap - shift);
}

void exec_places(struct exec_image *im, uint64_t stack_limit)
{
	struct qr_space *s = &im->mm->space;
	const uintptr_t lowest = 0x10000;
	uintptr_t shift, third = page_up(USER_WINDOW_END / 3);

	im->random = vm_settings.randomize_va_space && !(im->personality & PERSONALITY_NO_RANDOM);
	shift = random_pages(im, (1ull << vm_settings.mmap_rnd_bits) - 1);
	im->stack_top = USER_WINDOW_END - random_pages(im, STACK_PAGES);
	im->pie_base = PIE_BASE + random_pages(im, (1ull << vm_settings.mmap_rnd_bits) - 1);
	if (im->personality & PERSONALITY_COMPAT || vm_settings.legacy_va_layout) {
		qr_space_window(s, qr_virt_of(lowest), qr_virt_of(lowest));
		qr_space_window_up(s, qr_virt_of(third + shift));
	} else {
		qr_space_window(s, qr_virt_of(lowest),
				qr_virt_of(mmap_top(im, stack_limit, shift)));
		qr_space_window_up(s, qr_virt_of(third));
	}
}

uintptr_t exec_random_gap(const struct exec_image *im)
{
	return im->random ? (uintptr_t)(random_u64() % 8192) : 0;
}

uintptr_t exec_random_brk(const struct exec_image *im, uintptr_t brk)
{
	if (!im->random || vm_settings.randomize_va_space < 2)
		return brk;
	return brk + random_pages(im, HEAP_RANGE / QR_PAGE_SIZE - 1);
}

void exec_places_init(void)
{
	if (boot_has_option("norandmaps"))
		vm_settings.randomize_va_space = 0;
}
