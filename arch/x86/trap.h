/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trap.h - the ways into the kernel: what arch/x86 offers, and what it calls.
 *
 * The stubs (32|64/entry.S) push a struct regs and call trap.c, which sorts:
 *
 *	system call  ->	syscall_table[number](arguments)	 the kernel's
 *	page fault   -> page_fault(regs, address, error)	 the kernel's
 *	interrupt    -> the handler of its line (irq.h)
 *	exception    -> user: user_exception(); kernel: exception table, else panic
 *
 * and on the way back to user mode, with interrupts off, calls user_return_work() for as long
 * as the running task has work flags set.
 */
#ifndef ARCH_X86_TRAP_H
#define ARCH_X86_TRAP_H

#include <quire/types.h>
#include "arch/x86/regs.h"

enum trap_vector {
	TRAP_DE = 0,
	TRAP_DB,
	TRAP_NMI,
	TRAP_BP,
	TRAP_OF,
	TRAP_BR,
	TRAP_UD,
	TRAP_NM,
	TRAP_DF,
	TRAP_TS = 10,
	TRAP_NP,
	TRAP_SS,
	TRAP_GP,
	TRAP_PF,
	TRAP_MF = 16,
	TRAP_AC,
	TRAP_MC,
	TRAP_XM,
	TRAP_VE,
	TRAP_CP,
};

/* Bits of a page fault's error code. */
#define PF_PRESENT  0x1u /* the entry is there, its rights refuse */
#define PF_WRITE    0x2u
#define PF_USER     0x4u
#define PF_RESERVED 0x8u /* a reserved bit in a table entry: corrupt */
#define PF_FETCH    0x10u

/* ---- the kernel's, called from here ------------------------------------------------------ */

/* The table of system calls: the stub itself bounds the number, calls with the six argument words
 * and stores the result; a null entry and a number beyond the end go to syscall_unknown.
 * Interrupts on.  Declared in kernel/syscall/syscall.h. */
long syscall_unknown(unsigned long nr);

/* Resolve a fault, signal the program, or extable_fixup(r), or panic.  Interrupts are as the
 * interrupted code had them: on, from user mode. */
void page_fault(struct regs *r, uintptr_t address, unsigned error);

/* An exception in user mode: becomes a signal.  r->orig_ax: error code.  Interrupts on. */
void user_exception(struct regs *r, int vector);

/* Reschedule, deliver signals.  Called with interrupts off, returns so; may turn them on in
 * between.  Called again while there is work. */
void user_return_work(struct regs *r);

/* ---- offered ------------------------------------------------------------------------------ */

/* The end of a system call that has written the frame of the running task anew (sigreturn,
 * execve): to user mode with all that stands there.  Other calls answer by returning, and keep
 * their hands off the frame: the short way back restores only what C does not. */
_Noreturn void user_resume(void);

/* If the instruction at r->ip is a user access with a landing place: continue there, true. */
bool extable_fixup(struct regs *r);

/* "page fault", "divide error", ... */
const char *trap_name(unsigned vector);

#endif
