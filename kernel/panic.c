/* SPDX-License-Identifier: BSD-2-Clause
 *
 * panic.c - the last words.
 *
 * Everything here must work on a kernel of which nothing else may: no allocation, no lock, no
 * trust in a pointer that was not checked against the kernel's own half.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/regs.h"
#include "arch/x86/trap.h"
#include "drivers/clock.h"
#include "drivers/console.h"
#include "kernel/backtrace.h"
#include "kernel/boot_info.h"
#include "kernel/panic.h"

void (*panic_explain_address)(uintptr_t address);

static bool in_panic;

static void print_registers(const struct regs *r)
{
#define REG(name) (unsigned long)r->name
#ifdef __x86_64__
	kprintf("rip %016lx  rsp %016lx  rflags %08lx  cs %02lx ss %02lx\n", REG(ip),
		(unsigned long)regs_sp(r), REG(flags), REG(cs), REG(ss));
	kprintf("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", REG(ax), REG(bx), REG(cx),
		REG(dx));
	kprintf("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", REG(si), REG(di), REG(bp),
		REG(r8));
	kprintf("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", REG(r9), REG(r10), REG(r11),
		REG(r12));
	kprintf("r13 %016lx  r14 %016lx  r15 %016lx\n", REG(r13), REG(r14), REG(r15));
#else
	kprintf("eip %08lx  esp %08lx  eflags %08lx  cs %02lx\n", REG(ip),
		(unsigned long)regs_sp(r), REG(flags), REG(cs));
	kprintf("eax %08lx  ebx %08lx  ecx %08lx  edx %08lx\n", REG(ax), REG(bx), REG(cx), REG(dx));
	kprintf("esi %08lx  edi %08lx  ebp %08lx  ds %02lx es %02lx\n", REG(si), REG(di), REG(bp),
		REG(ds), REG(es));
#endif
	kprintf("cr0 %08lx  cr2 %lx  cr3 %lx  cr4 %08lx\n", (unsigned long)cr0_get(),
		(unsigned long)cr2_get(), (unsigned long)cr3_get(), (unsigned long)cr4_get());
}

static void print_fault(const struct regs *r)
{
	uintptr_t address = cr2_get();
	unsigned error = (unsigned)r->orig_ax;

	if (r->vector == VECTOR_PF)
		kprintf("%s of %p by %s: %s\n",
			error & PF_FETCH   ? "execution"
			: error & PF_WRITE ? "write"
					   : "read",
			(void *)address, error & PF_USER ? "the program" : "the kernel",
			error & PF_RESERVED  ? "a reserved bit is set in a table"
			: error & PF_PRESENT ? "the page is there, its rights refuse"
					     : "no page is there");
	if ((r->vector == VECTOR_PF || r->vector == TRAP_DF) && panic_explain_address)
		panic_explain_address(address);
}

static _Noreturn void finish(void)
{
	console_flush();
	if (boot_has_option("debugexit"))
		power_exit(false);
	uint64_t seconds = boot_option_number("panic", 0);

	if (!seconds)
		cpu_halt();
	kprintf("restart in %u seconds\n", (unsigned)seconds);
	for (uint64_t i = 0; i < seconds * 1000 && seconds < 86400; i++)
		clock_spin_us(1000);
	power_restart();
}

static void begin(const char *format, va_list args)
{
	char text[256];

	irq_disable();
	if (in_panic) {
		kprintf("\npanic inside a panic\n");
		finish();
	}
	in_panic = true;
	kvsnprintf(text, sizeof(text), format, args);
	kprintf("\n\nQUIRE PANIC: %s\n", text);
}

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(format, args);
	va_end(args);
	backtrace((uintptr_t)__builtin_return_address(0) - 1,
		  (uintptr_t)__builtin_frame_address(0) + 2 * sizeof(uintptr_t));
	finish();
}

void panic_regs(const struct regs *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin(format, args);
	va_end(args);
	print_fault(r);
	print_registers(r);
	backtrace(regs_ip(r), regs_sp(r));
	finish();
}
