/* SPDX-License-Identifier: BSD-2-Clause
 *
 * restart.h - short sequences that an interrupt sends back to their beginning.
 *
 *	1:	load what the decision is made of
 *		...				an interrupt here returns to 1
 *		one instruction that commits
 *	2:
 *
 * Until its last instruction a sequence has changed nothing that matters, so beginning anew is
 * always right, and with one CPU whatever it read was true when it committed.  That costs nothing
 * where turning interrupts off and on costs six instructions, two of them slow ones.  A table
 * holds where sequences are; the entry of an interrupt looks into it when it came from the kernel.
 *
 * The heap's magazines use it: a pointer behind the last object, and a word below and above it.
 * Source: Bershad, Redell, Ellis: "Fast mutual exclusion for uniprocessors" (ASPLOS 1992).
 */
#ifndef ARCH_X86_RESTART_H
#define ARCH_X86_RESTART_H

#include <quire/atomic.h>

struct restart_range {
	int32_t start; /* relative to itself */
	uint32_t bytes;
};

#define RESTART_ENTRY                            \
	".pushsection __restart, \"a\"\n\t"      \
	".balign 4\n\t.long 1b - ., 2b - 1b\n\t" \
	".popsection\n"

#ifdef __x86_64__
#define RESTART_WORD   "8"
#define RESTART_SUFFIX "q"
#define RESTART_FULL   "$255" /* a magazine of 32 words ends at a multiple of its size */
#else
#define RESTART_WORD   "4"
#define RESTART_SUFFIX "l"
#define RESTART_FULL   "$127"
#endif

/* The object below *top, which moves down; or 0, and it stays. */
QR_INLINE uintptr_t restart_pop(qr_word **top)
{
	uintptr_t object;

	__asm__ volatile("1:	mov	%1, %0\n\t"
			 "mov	-" RESTART_WORD "(%0), %0\n\t"
			 "test	%0, %0\n\t"
			 "jz	2f\n\t"
			 "sub" RESTART_SUFFIX "	$" RESTART_WORD ", %1\n"
			 "2:\n\t" RESTART_ENTRY
			 : "=&r"(object), "+m"(*top)
			 :
			 : "memory", "cc");
	return object;
}

/* The object to *top, which moves up.  False: the magazine is full, or there is none. */
QR_INLINE bool restart_push(qr_word **top, uintptr_t object)
{
	uintptr_t at;
	bool put;

	__asm__ volatile("1:	mov	%2, %0\n\t"
			 "testl	" RESTART_FULL ", %k0\n\t"
			 "jz	2f\n\t"
			 "mov	%3, (%0)\n\t"
			 "add" RESTART_SUFFIX "	$" RESTART_WORD ", %2\n"
			 "2:\n\t" RESTART_ENTRY
			 : "=&r"(at), "=@ccnz"(put), "+m"(*top)
			 : "r"(object)
			 : "memory");
	return put;
}

/* Where to go on that was interrupted at ip. */
extern const struct restart_range restart_table_start[], restart_table_end[];

QR_INLINE uintptr_t restarted(uintptr_t ip)
{
	for (const struct restart_range *r = restart_table_start; r < restart_table_end; r++) {
		uintptr_t start = (uintptr_t)&r->start + (uintptr_t)(intptr_t)r->start;

		if (ip - start < r->bytes)
			return start;
	}
	return ip;
}

#endif
