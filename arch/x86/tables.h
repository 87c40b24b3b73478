/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tables.h - descriptor tables of the CPU: segments, task state, gates.
 */
#ifndef ARCH_X86_TABLES_H
#define ARCH_X86_TABLES_H

#include <quire/types.h>

#define GDT_ENTRIES 32
#ifdef __x86_64__
#define GDT_TSS 8  /* and 9 */
#define GDT_LDT 10 /* and 11 */
#else
#define GDT_TSS          16
#define GDT_LDT          17
#define GDT_DOUBLE_FAULT 31
#endif

#ifdef __x86_64__
struct tss {
	uint32_t reserved0;
	uint64_t sp[3]; /* stacks of the inner rings */
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "task state of x86_64");
#else
struct tss {
	uint32_t link;
	uint32_t esp0, ss0, esp1, ss1, esp2, ss2;
	uint32_t cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs;
	uint32_t ldt;
	uint16_t trap, io_map;
};
_Static_assert(sizeof(struct tss) == 104, "task state of i686");
#endif

extern uint64_t gdt[GDT_ENTRIES];
extern struct tss tss;

/* The stack that an entry from user mode begins on. */
QR_INLINE void tss_set_stack(uintptr_t top)
{
#ifdef __x86_64__
	tss.sp[0] = top;
#else
	tss.esp0 = top;
#endif
}

QR_INLINE uintptr_t tss_stack(void)
{
#ifdef __x86_64__
	return tss.sp[0];
#else
	return tss.esp0;
#endif
}

enum { SYSTEM_LDT = 0x82, SYSTEM_TSS = 0x89 };
/* An entry, on x86_64 two, that tells where a table or a task state lies. */
void set_system_descriptor(unsigned index, const void *base, uint64_t limit, uint64_t type);

/* Fill and load all tables of this CPU, and the registers of the syscall instruction. */
void tables_init(void);

#endif
