/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tables.c - descriptor tables: flat segments, one task state, 256 gates.
 *
 * Segments are flat: base 0, everything.  Selectors are Linux's, since programs see them.
 * Every gate is an interrupt gate (entered with interrupts off); trap.c turns them on where the
 * interrupted code had them.  Only breakpoint, overflow and, on i686, int 0x80 may be called by
 * programs.
 *
 * Own stacks: an exception that may come while the kernel stack is unusable or while gs is still
 * the user's (double fault, NMI, machine check, debug) gets one by IST on x86_64.  On i686 the
 * double fault is a task of its own.
 *
 * Sources: Intel SDM volume 3, chapters 3, 6 and 7.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/tables.h"
#include "arch/x86/trap.h"
#include "kernel/lib/string.h"

#define CODE32_0 0x00cf9a000000ffffull
#define DATA_0   0x00cf92000000ffffull
#define CODE32_3 0x00cffa000000ffffull
#define DATA_3   0x00cff2000000ffffull
#define CODE64_0 0x00af9a000000ffffull
#define CODE64_3 0x00affa000000ffffull

struct table_pointer {
	uint16_t limit;
	uintptr_t base;
} __attribute__((packed));

#ifdef __x86_64__
uint64_t gdt[GDT_ENTRIES] = {
	[1] = CODE32_0, [KERNEL_CS / 8] = CODE64_0, [KERNEL_DS / 8] = DATA_0,
	[4] = CODE32_3, [USER_DS / 8] = DATA_3,     [USER_CS / 8] = CODE64_3,
};
struct gate {
	uint16_t offset0, selector;
	uint8_t ist, type;
	uint16_t offset1;
	uint32_t offset2, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate of x86_64");
#else
uint64_t gdt[GDT_ENTRIES] = {
	[KERNEL_CS / 8] = CODE32_0,
	[KERNEL_DS / 8] = DATA_0,
	[USER_CS / 8] = CODE32_3,
	[USER_DS / 8] = DATA_3,
};
struct gate {
	uint16_t offset0, selector;
	uint8_t reserved, type;
	uint16_t offset1;
};
_Static_assert(sizeof(struct gate) == 8, "gate of i686");
#endif

#define GATE_INTERRUPT 0x8e
#define GATE_USER      0xee
#define GATE_TASK      0x85

#define VECTORS 256

struct tss tss;
static struct gate idt[VECTORS];

/* stubs.S: one entry a vector. */
extern const uintptr_t trap_stubs[VECTORS];
void syscall_entry(void);
void syscall_entry_32(void);

#define STACK_SIZE 4096
static _Alignas(16) char double_fault_stack[2 * STACK_SIZE];

void set_system_descriptor(unsigned index, const void *at, uint64_t limit, uint64_t type)
{
	uint64_t base = (uintptr_t)at;

	gdt[index] = limit | (base & 0xffffff) << 16 | type << 40 | (base >> 24 & 0xff) << 56;
#ifdef __x86_64__
	gdt[index + 1] = base >> 32;
#endif
}

static void set_tss_descriptor(unsigned index, const struct tss *t)
{
	set_system_descriptor(index, t, sizeof(*t) - 1, SYSTEM_TSS);
}

static void set_gate(unsigned vector, uintptr_t entry, uint8_t type)
{
	struct gate *g = &idt[vector];

	g->offset0 = (uint16_t)entry;
	g->selector = KERNEL_CS;
	g->type = type;
	g->offset1 = (uint16_t)(entry >> 16);
#ifdef __x86_64__
	g->offset2 = (uint32_t)(entry >> 32);
#endif
}

#ifdef __x86_64__

static _Alignas(16) char debug_stack[STACK_SIZE], nmi_stack[STACK_SIZE], check_stack[STACK_SIZE];

static void set_special_stacks(void)
{
	tss.ist[0] = (uintptr_t)double_fault_stack + sizeof(double_fault_stack);
	tss.ist[1] = (uintptr_t)nmi_stack + sizeof(nmi_stack);
	tss.ist[2] = (uintptr_t)check_stack + sizeof(check_stack);
	tss.ist[3] = (uintptr_t)debug_stack + sizeof(debug_stack);
	idt[TRAP_DF].ist = 1;
	idt[TRAP_NMI].ist = 2;
	idt[TRAP_MC].ist = 3;
	idt[TRAP_DB].ist = 4;
}

/* STAR: `syscall` loads KERNEL_CS and the next as stack; `sysret` loads USER_DS = base + 8 and
 * USER_CS = base + 16.  FMASK clears what the kernel must not inherit. */
static void set_syscall(void)
{
	_Static_assert(KERNEL_DS == KERNEL_CS + 8 && USER_CS == USER_DS + 8, "order of segments");
	msr_set(MSR_STAR, (uint64_t)(USER_DS - 8) << 48 | (uint64_t)KERNEL_CS << 32);
	msr_set(MSR_LSTAR, (uintptr_t)syscall_entry);
	msr_set(MSR_CSTAR, (uintptr_t)syscall_entry_32);
	msr_set(MSR_FMASK, FLAG_IF | FLAG_DF | FLAG_TF | FLAG_AC | 0x4000 | FLAG_RF | 0x3000);
	msr_set(MSR_EFER, msr_get(MSR_EFER) | EFER_SCE);
}

#else

static struct tss double_fault_tss;

/* The task that a double fault switches to: everything it needs is in its own state. */
static void set_special_stacks(void)
{
	struct tss *t = &double_fault_tss;

	t->cr3 = (uint32_t)cr3_get();
	t->eip = (uint32_t)trap_stubs[TRAP_DF];
	t->eflags = 2;
	t->esp = (uint32_t)double_fault_stack + sizeof(double_fault_stack);
	t->cs = KERNEL_CS;
	t->ss = t->ds = t->es = KERNEL_DS;
	t->io_map = sizeof(*t);
	set_tss_descriptor(GDT_DOUBLE_FAULT, t);
	idt[TRAP_DF] = (struct gate){ .selector = GDT_DOUBLE_FAULT * 8, .type = GATE_TASK };
}

static void set_syscall(void)
{
	set_gate(VECTOR_SYSCALL, (uintptr_t)syscall_entry, GATE_USER);
}

#endif

void tables_init(void)
{
	struct table_pointer gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt };
	struct table_pointer idtr = { sizeof(idt) - 1, (uintptr_t)idt };

	for (unsigned v = 0; v < VECTORS; v++)
		set_gate(v, trap_stubs[v],
			 v == TRAP_BP || v == TRAP_OF ? GATE_USER : GATE_INTERRUPT);
	set_special_stacks();
	set_syscall();

	tss.io_map = sizeof(tss);
#ifndef __x86_64__
	tss.ss0 = KERNEL_DS;
#endif
	tss_set_stack((uintptr_t)boot_stack_top);
	set_tss_descriptor(GDT_TSS, &tss);

	/* The selectors in use are the same in the loader's table of start.S. */
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(GDT_TSS * 8));
	/* Reset leaves a table of 64 KiB at address 0 behind: descriptors of a program's own. */
	__asm__ volatile("lldt %w0" : : "r"(0));
}
