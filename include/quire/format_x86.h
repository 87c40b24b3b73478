/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format_x86.h - the table formats of x86, as initialisers of struct qr_format.
 *
 * As macros, so that a kernel can fix one at compile time (see format.h); arch/x86/mmu_formats.c
 * makes the objects of them.  A kernel copies the object that fits its CPU and corrects what
 * the CPU lacks: `nx` = 0 (no NX, or not enabled), `large` without bit 2 (no 1 GiB pages).
 */
#ifndef QUIRE_FORMAT_X86_H
#define QUIRE_FORMAT_X86_H

#ifndef QUIRE_FORMAT_H
#error "include <quire/format.h>"
#endif

/* What all of them share.  Bits 9 to 11 are ours; NX is bit 63 where it exists. */
#define QR_FORMAT_X86_BITS                                                                \
	.present = 1 << 0, .write = 1 << 1, .user = 1 << 2, .pwt = 1 << 3, .pcd = 1 << 4, \
	.accessed = 1 << 5, .dirty = 1 << 6, .page_size = 1 << 7, .global = 1 << 8

#define QR_FORMAT_TWO_LEVEL                                                                       \
	{                                                                                         \
		.name = "two-level", .levels = 2, .bits = 10, .top_bits = 10, .entry_shift = 2,   \
		.address_bits = 32, .large = 1 << 1, .token_shift = 7, .token_bits = 25, .nx = 0, \
		.address = 0xfffff000, .soft = 7 << 9, QR_FORMAT_X86_BITS                         \
	}

/* The root has four entries without rights, read by the CPU when CR3 is loaded: all four are
 * made up front.  Tables lie below 4 GiB, the pages may lie anywhere. */
#define QR_FORMAT_PAE                                                                     \
	{                                                                                 \
		.name = "PAE", .levels = 3, .bits = 9, .top_bits = 2, .entry_shift = 3,   \
		.address_bits = 32, .large = 1 << 1, .bare_top = true, .token_shift = 12, \
		.token_bits = 40, .nx = 1ull << 63, .address = 0x000ffffffffff000ull,     \
		.soft = 7 << 9, QR_FORMAT_X86_BITS                                        \
	}

#define QR_FORMAT_X86_64_LEVELS(n)                                                            \
	{                                                                                     \
		.name = #n "-level", .levels = n, .bits = 9, .top_bits = 9, .entry_shift = 3, \
		.address_bits = 12 + 9 * n, .large = 1 << 1 | 1 << 2, .levels_vary = true,    \
		.token_shift = 12, .token_bits = 40, .nx = 1ull << 63,                        \
		.address = 0x000ffffffffff000ull, .soft = 7 << 9 | 0x7full << 52,             \
		QR_FORMAT_X86_BITS                                                            \
	}

/* Four or five levels: a kernel decides when it sees its CPU. */
#define QR_FORMAT_X86_64 QR_FORMAT_X86_64_LEVELS(4)

extern const struct qr_format qr_format_two_level, qr_format_pae;
extern const struct qr_format qr_format_4_level, qr_format_5_level;

#endif
