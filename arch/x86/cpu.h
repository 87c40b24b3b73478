/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.h - the processor: its instructions as inline functions, its features, and what the kernel
 * keeps per CPU.
 *
 * One CPU runs today.  What belongs to a CPU is nevertheless in `struct cpu` and reached through
 * this_cpu(): on x86_64 by gs (one swapgs at each crossing), on i686, where loading a segment at
 * each crossing would cost more than it gives, as a plain variable.
 *
 * Context: every function here works in any context.
 */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include <quire/types.h>
#include "arch/x86/regs.h"

/* ---- ports ---------------------------------------------------------------------------- */

QR_INLINE void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

QR_INLINE void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

QR_INLINE void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

QR_INLINE uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

QR_INLINE uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

QR_INLINE uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* The same as assembly functions with an address (seeds B1), arch/x86/32|64/port.S. */
void port_out8(uint16_t port, uint8_t value);
void port_out16(uint16_t port, uint16_t value);
void port_out32(uint16_t port, uint32_t value);
uint8_t port_in8(uint16_t port);
uint16_t port_in16(uint16_t port);
uint32_t port_in32(uint16_t port);

/* ---- interrupts ----------------------------------------------------------------------- */

QR_INLINE uintptr_t flags_get(void)
{
	uintptr_t flags;

	__asm__ volatile("pushf\n\tpop %0" : "=r"(flags) : : "memory");
	return flags;
}

QR_INLINE void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

QR_INLINE void irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

QR_INLINE bool irq_enabled(void)
{
	return flags_get() & FLAG_IF;
}

/* Off, and what it was before; nests. */
QR_INLINE uintptr_t irq_save(void)
{
	uintptr_t flags = flags_get();

	irq_disable();
	return flags;
}

QR_INLINE void irq_restore(uintptr_t flags)
{
	if (flags & FLAG_IF)
		irq_enable();
}

/* Sleep until an interrupt; called with interrupts off, returns with them on.  No interrupt is
 * lost between the two instructions: sti takes effect after the next one. */
QR_INLINE void cpu_idle(void)
{
	__asm__ volatile("sti\n\thlt" : : : "memory");
}

QR_INLINE void cpu_relax(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* ---- control registers ---------------------------------------------------------------- */

#define CR0_PE 0x1u
#define CR0_MP 0x2u
#define CR0_EM 0x4u
#define CR0_TS 0x8u
#define CR0_NE 0x20u
#define CR0_WP 0x10000u
#define CR0_PG 0x80000000u

#define CR4_PSE        0x10u
#define CR4_PAE        0x20u
#define CR4_PGE        0x80u
#define CR4_OSFXSR     0x200u
#define CR4_OSXMMEXCPT 0x400u
#define CR4_UMIP       0x800u
#define CR4_LA57       0x1000u
#define CR4_OSXSAVE    0x40000u
#define CR4_SMEP       0x100000u
#define CR4_SMAP       0x200000u

#define CPU_CONTROL_REGISTER(n)                                                \
	QR_INLINE uintptr_t cr##n##_get(void)                                  \
	{                                                                      \
		uintptr_t v;                                                   \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory"); \
		return v;                                                      \
	}                                                                      \
	QR_INLINE void cr##n##_set(uintptr_t v)                                \
	{                                                                      \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory");     \
	}
CPU_CONTROL_REGISTER(0)
CPU_CONTROL_REGISTER(2)
CPU_CONTROL_REGISTER(3)
CPU_CONTROL_REGISTER(4)
#undef CPU_CONTROL_REGISTER

QR_INLINE void invlpg(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

#define MSR_APIC_BASE      0x1bu
#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_FMASK          0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define EFER_SCE           0x1u
#define EFER_LME           0x100u
#define EFER_NXE           0x800u

QR_INLINE uint64_t msr_get(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

QR_INLINE void msr_set(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

QR_INLINE uint64_t rdtsc(void)
{
	uintptr_t lo, hi; /* on 64 bits the upper halves are cleared */

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* ---- features ------------------------------------------------------------------------- */

struct cpuid_words {
	uint32_t a, b, c, d;
};
struct cpuid_words cpuid(uint32_t leaf, uint32_t sub);

struct cpu_features {
	bool pse, pae, pge, pat, tsc, msr, fxsr, sse, sse2, sep;
	bool nx, pages_1g, la57, long_mode;
	bool smep, smap, umip, erms, fsrm, pcid, fsgsbase, rdrand, rdseed;
	bool invariant_tsc, hypervisor, apic;
	bool xsave; /* with the leaf that tells of its layout */
	unsigned phys_bits, virt_bits;
	unsigned family, model, stepping;
	char vendor[13];
	char brand[49];
	struct cpuid_words leaf1, leaf7, ext1; /* raw, for /proc/cpuinfo and AT_HWCAP */
};

/* Filled by cpu_detect() early at boot; constant afterwards. */
extern struct cpu_features cpu_features;

void cpu_detect(void);

/* First thing in C: detect, make this_cpu() work, turn on what the CPU has (WP, PGE, SMEP, SMAP,
 * UMIP, NX, FPU), patch stac and clac in.  Text must still be writable. */
void cpu_init(void);

/* ---- per CPU -------------------------------------------------------------------------- */

struct task;

/* The first four are also reached by the stubs (arch/x86/asm.h; asserts in cpu.c). */
struct cpu {
	struct cpu *self;
	struct task *task;    /* who runs; the idle task when nobody */
	uintptr_t kstack_top; /* its stack, for the stubs */
	uintptr_t user_sp;    /* x86_64: scratch of the syscall stub */
	unsigned id;
	unsigned irq_depth; /* interrupt handlers now nested on this CPU */
#ifndef __x86_64__
	uintptr_t root;   /* what CR3 was last loaded with, for the double fault's task */
	unsigned windows; /* slots in use (quire_host.h) */
#endif
};

#ifdef __x86_64__

QR_INLINE struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* Not volatile: it is the same at any two places of one function, even with a switch in
 * between, because the stack is switched with it. */
QR_INLINE struct task *cpu_current(void)
{
	struct task *task;

	__asm__("movq %%gs:8, %0" : "=r"(task));
	return task;
}

/* Who runs from here on, and the stack that it enters the kernel on. */
QR_INLINE void cpu_run(struct task *task, uintptr_t kstack_top)
{
	__asm__ volatile("movq %0, %%gs:8\n\tmovq %1, %%gs:16"
			 :
			 : "r"(task), "r"(kstack_top)
			 : "memory");
}

#else

extern struct cpu boot_cpu;

QR_INLINE struct cpu *this_cpu(void)
{
	return &boot_cpu;
}

QR_INLINE struct task *cpu_current(void)
{
	return boot_cpu.task;
}

QR_INLINE void cpu_run(struct task *task, uintptr_t kstack_top)
{
	boot_cpu.task = task;
	boot_cpu.kstack_top = kstack_top;
}

#endif

/* The running task.  NULL only before the scheduler has adopted the boot stack. */
#define current (cpu_current())

/* True inside an interrupt handler: sleeping is forbidden. */
QR_INLINE bool in_interrupt(void)
{
	return this_cpu()->irq_depth != 0;
}

/* ---- leaving -------------------------------------------------------------------------- */

/* Power off / restart by every way the machine offers, then halt for ever.  power_exit tells a
 * test harness (`debugexit` on the command line) success or failure, else powers off. */
_Noreturn void power_off(void);
_Noreturn void power_restart(void);
_Noreturn void power_exit(bool success);
_Noreturn void cpu_halt(void);

#endif
