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
	uint32_t seg_32bit : 1, contents : 2, read_exec_only : 1, limit_in_pages : 1,
	    seg_not_present : 1, useable : 1, lm : 1;
};
_Static_assert(sizeof(struct user_desc) == 16, "struct user_desc");

enum { CONTENTS_DATA, CONTENTS_DOWN, CONTENTS_CODE, CONTENTS_CONFORMING };

/* The form of one that clears its entry. */
bool segment_is_empty(const struct user_desc *d);
uint64_t segment_encode(const struct user_desc *d);
/* All but entry_number. */
void segment_decode(uint64_t descriptor, struct user_desc *out);

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
