/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap.c - sort what came in: system call, interrupt, page fault, exception.
 *
 * Called by the stubs with interrupts off; returns to them with interrupts off.
 */
#include "arch/x86/asm.h"
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "arch/x86/restart.h"
#include "arch/x86/tables.h"
#include "arch/x86/trap.h"
#include "kernel/panic.h"

_Static_assert(sizeof(struct regs) == REGS_SIZE, "asm.h");
_Static_assert(offsetof(struct regs, vector) == REGS_VECTOR, "asm.h");
_Static_assert(offsetof(struct regs, ax) == REGS_AX, "asm.h");
_Static_assert(offsetof(struct regs, orig_ax) == REGS_ORIG_AX, "asm.h");
#ifndef __x86_64__
_Static_assert(offsetof(struct regs, dx) == REGS_DX, "asm.h");
#else
_Static_assert(offsetof(struct regs, bp) == REGS_BP, "asm.h");
_Static_assert(offsetof(struct regs, r10) == REGS_R10, "asm.h");
_Static_assert(offsetof(struct regs, r9) == REGS_R9, "asm.h");
_Static_assert(offsetof(struct regs, r8) == REGS_R8, "asm.h");
_Static_assert(offsetof(struct regs, dx) == REGS_DX, "asm.h");
_Static_assert(offsetof(struct regs, si) == REGS_SI, "asm.h");
_Static_assert(offsetof(struct regs, di) == REGS_DI, "asm.h");
_Static_assert(offsetof(struct regs, ip) == REGS_IP, "asm.h");
_Static_assert(offsetof(struct regs, flags) == REGS_FLAGS, "asm.h");
_Static_assert(offsetof(struct regs, sp) == REGS_SP, "asm.h");
#endif

/* Called by stubs.S only. */
void trap_from_user(struct regs *r);
void trap_from_kernel(struct regs *r);
void user_return(struct regs *r);
_Noreturn void trap_double_fault(void);

const char *trap_name(unsigned vector)
{
	static const char *const names[] = {
		"divide error",
		"debug",
		"non-maskable interrupt",
		"breakpoint",
		"overflow",
		"bound range exceeded",
		"invalid opcode",
		"no FPU",
		"double fault",
		"coprocessor segment overrun",
		"invalid TSS",
		"segment not present",
		"stack segment fault",
		"general protection",
		"page fault",
		"reserved vector 15",
		"x87 error",
		"alignment check",
		"machine check",
		"SIMD error",
		"virtualization",
		"control protection",
	};

	return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "unknown vector";
}

static bool has_work(const struct task *task)
{
	return *(const volatile uint32_t *)((uintptr_t)task + TASK_WORK);
}

void user_return(struct regs *r)
{
	while (QR_RARELY(has_work(current)))
		user_return_work(r);
}

static bool is_irq(const struct regs *r)
{
	return r->vector - VECTOR_IRQ0 < IRQ_LINES;
}

void trap_from_user(struct regs *r)
{
	if (r->vector == TRAP_PF) {
		uintptr_t address = cr2_get();

		irq_enable();
		page_fault(r, address, (unsigned)r->orig_ax);
	} else if (is_irq(r)) {
		irq_dispatch((unsigned)r->vector - VECTOR_IRQ0);
	} else if (r->vector < VECTOR_IRQ0) {
		irq_enable();
		user_exception(r, (int)r->vector);
	} else {
		irq_stray((unsigned)r->vector);
	}
	irq_disable();
	user_return(r);
}

/* A double fault near its own stack pointer: there was no room to push the first one. */
static _Noreturn void report_double_fault(const struct regs *r, uintptr_t sp)
{
	uintptr_t address = cr2_get();

	if (sp - address < 2 * QR_PAGE_SIZE || address - sp < QR_PAGE_SIZE)
		panic_regs(r, "kernel stack overflow (double fault at %p)", (void *)address);
	panic_regs(r, "double fault, cr2 %p", (void *)address);
}

#ifndef __x86_64__
/* On its own task: the state of the failed one was saved in the main TSS. */
_Noreturn void trap_double_fault(void)
{
	struct regs r = {
		.bx = tss.ebx,
		.cx = tss.ecx,
		.dx = tss.edx,
		.si = tss.esi,
		.di = tss.edi,
		.bp = tss.ebp,
		.ax = tss.eax,
		.ds = tss.ds,
		.es = tss.es,
		.vector = TRAP_DF,
		.ip = tss.eip,
		.flags = tss.eflags,
		.cs = tss.cs | 3, /* so that sp and ss count */
		.sp = tss.esp,
		.ss = tss.ss,
	};

	if (this_cpu()->root)
		cr3_set(this_cpu()->root);
	report_double_fault(&r, r.sp);
}
#endif

static void nmi(const struct regs *r)
{
	uint8_t reason = inb(0x61); /* system control port B */

	if (reason & 0x80)
		panic_regs(r, "NMI: memory parity error");
	if (reason & 0x40)
		panic_regs(r, "NMI: I/O channel check");
	log_warn("NMI without a reason ignored\n");
}

static void kernel_exception(struct regs *r)
{
	switch (r->vector) {
	case TRAP_NMI:
		nmi(r);
		return;
	case TRAP_DF:
		report_double_fault(r, regs_sp(r));
	case TRAP_DB:
		/* A program was stepping and came in through an instruction that keeps TF. */
		r->flags &= ~(uintptr_t)FLAG_TF;
		return;
	case TRAP_MC:
		panic_regs(r, "machine check");
	}
	if (!extable_fixup(r))
		panic_regs(r, "%s in the kernel, error %#lx", trap_name((unsigned)r->vector),
			   (unsigned long)r->orig_ax);
}

void trap_from_kernel(struct regs *r)
{
	if (is_irq(r)) {
		r->ip = restarted(r->ip);
		irq_dispatch((unsigned)r->vector - VECTOR_IRQ0);
	} else if (r->vector == TRAP_PF) {
		uintptr_t address = cr2_get();

		if (r->flags & FLAG_IF)
			irq_enable();
		page_fault(r, address, (unsigned)r->orig_ax);
		irq_disable();
	} else if (r->vector < VECTOR_IRQ0) {
		kernel_exception(r);
	} else {
		irq_stray((unsigned)r->vector);
	}
}

/* ---- exception table ---------------------------------------------------------------------- */

struct extable_entry {
	int32_t insn, landing; /* relative to themselves' entry words */
};
extern const struct extable_entry extable_start[], extable_end[];

/* A few dozen entries, looked at only when a program passed a bad pointer: linear. */
bool extable_fixup(struct regs *r)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++) {
		if ((uintptr_t)&e->insn + (intptr_t)e->insn == r->ip) {
			r->ip = (uintptr_t)&e->landing + (intptr_t)e->landing;
			r->flags &= ~(uintptr_t)FLAG_AC; /* the access ends here */
			return true;
		}
	}
	return false;
}
