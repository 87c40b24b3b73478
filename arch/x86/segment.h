/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.h - segments that programs make: what they say of one, its descriptor, and the table of
 * an address space (LDT).
 *
 *	GDT	6 .. 8		i386: three of each task (set_thread_area), written at each switch
 *		GDT_LDT		where the table of the loaded address space lies, if it has one
 *	LDT	0 .. 8191	modify_ldt's: selectors with bit 2; of all tasks in the space
 *
 * Whatever a program asks for, segment_encode makes of it a segment of privilege 3: never a gate,
 * never 64-bit code.  Who loads a selector of it finds an absent or unfit one by a fault, and that
 * is the program's (the stubs, LOAD_SEGMENT).
 */
#ifndef ARCH_X86_SEGMENT_H
#define ARCH_X86_SEGMENT_H

#include <quire/types.h>

/* A segment in a program's words. */
struct user_desc {
	uint32_t entry_number;
	uint32_t base_addr;
	uint32_t limit;
	uint32_t flags;
};
_Static_assert(sizeof(struct user_desc) == 16, "struct user_desc");

#define DESC_32BIT     0x01u
#define DESC_DOWN      0x02u /* data: the limit is the lower end; code: conforming */
#define DESC_CODE      0x04u
#define DESC_READ_ONLY 0x08u /* code: only to be run */
#define DESC_PAGES     0x10u /* the limit is in pages */
#define DESC_ABSENT    0x20u
#define DESC_USEABLE   0x40u /* a bit for the program */
#define DESC_FLAGS     0x7fu

/* The form of one that clears its entry. */
bool segment_is_empty(const struct user_desc *d);

/* Privilege 3, a segment of memory, marked as used, so that no load has to write it. */
#define DESC_ALWAYS 0x7100u

/* The CPU says "writable" and "present" instead. */
#define DESC_OPPOSITE (DESC_READ_ONLY | DESC_ABSENT)

/* Where each flag lies in the high word of a descriptor: so far to the left. */
#define DESC_EACH(move)                                                                     \
	(move(DESC_READ_ONLY, 6) | move(DESC_DOWN | DESC_CODE, 9) | move(DESC_ABSENT, 10) | \
	 move(DESC_USEABLE, 14) | move(DESC_PAGES, 19) | move(DESC_32BIT, 22))

QR_INLINE uint64_t segment_encode(const struct user_desc *d)
{
	uint32_t base = d->base_addr, limit = d->limit, flags = d->flags ^ DESC_OPPOSITE;
#define DESC_TO_CPU(mask, n) (flags & (mask)) << (n)
	uint32_t high = DESC_EACH(DESC_TO_CPU) | DESC_ALWAYS | (limit & 0xf0000);

	high |= (base >> 16 & 0xff) | (base & 0xff000000);
	return (uint64_t)high << 32 | base << 16 | (limit & 0xffff);
}

/* All but entry_number. */
QR_INLINE void segment_decode(uint64_t e, struct user_desc *out)
{
	uint32_t low = (uint32_t)e, high = (uint32_t)(e >> 32);
#define DESC_OF_CPU(mask, n) (high >> (n) & (mask))

	out->base_addr = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000);
	out->limit = (low & 0xffff) | (high & 0xf0000);
	out->flags = DESC_EACH(DESC_OF_CPU) ^ DESC_OPPOSITE;
}

#define LDT_ENTRIES 8192u
#define LDT_BIT     4u /* of a selector */

/* Not changed once it is loaded: replaced. */
struct ldt {
	uint32_t n; /* at least 1 */
	uint64_t entries[];
};

QR_INLINE size_t ldt_bytes(uint32_t n)
{
	return sizeof(struct ldt) + n * sizeof(uint64_t);
}

/* What is loaded; NULL: none. */
extern const struct ldt *ldt_loaded;
void ldt_load(const struct ldt *ldt);

#endif
