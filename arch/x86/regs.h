/* SPDX-License-Identifier: BSD-2-Clause
 *
 * regs.h - the registers of an interrupted context, as the entry stubs push them.
 *
 * Every way into the kernel (system call, exception, interrupt) builds the same frame at the top
 * of the task's kernel stack; what is in it is what the way out restores.  So the kernel changes
 * a program's registers by writing here (return values, signal frames, exec, ptrace).
 *
 *	kstack_top ->	ss sp flags cs ip	pushed by the CPU (or by the syscall stub)
 *			orig_ax			system call: its number; exception: error code
 *			vector			0-255, or VECTOR_SYSCALL
 *			general registers	pushed by the stub
 *	regs ->
 *
 * I1  A frame from user mode begins exactly at kstack_top - sizeof(struct regs).
 * I2  i686: a frame from kernel mode has no sp and ss (the CPU does not push them): use regs_sp().
 * I3  i686: fs and gs are not in the frame.  The kernel does not use them; the user's stay loaded
 *     and are exchanged by context_exchange (see context.h).
 *
 * The rest of the kernel uses the neutral accessors below, never the names of registers.
 */
#ifndef ARCH_X86_REGS_H
#define ARCH_X86_REGS_H

#define VECTOR_SYSCALL 0x80 /* also on x86_64, where the instruction has no vector of its own */
#define VECTOR_IRQ0    0x20
#define VECTOR_PF      14

/* Selectors: Linux's values, since programs see them in signal frames. */
#ifdef __x86_64__
#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_DS   0x2b
#define USER_CS   0x33
#else
#define KERNEL_CS 0x60
#define KERNEL_DS 0x68
#define USER_CS   0x73
#define USER_DS   0x7b
#endif

#define FLAG_CF 0x1
#define FLAG_TF 0x100
#define FLAG_IF 0x200
#define FLAG_DF 0x400
#define FLAG_RF 0x10000
#define FLAG_VM 0x20000
#define FLAG_AC 0x40000
/* What sigreturn and ptrace may set: CF PF AF ZF SF TF DF OF AC. */
#define FLAGS_USER 0x40dd5

#ifndef __ASSEMBLY__
#include <quire/types.h>

#ifdef __x86_64__
struct regs {
	uintptr_t r15, r14, r13, r12, bp, bx;
	uintptr_t r11, r10, r9, r8, ax, cx, dx, si, di;
	uintptr_t vector;
	uintptr_t orig_ax;
	uintptr_t ip, cs, flags, sp, ss;
};
#else
struct regs {
	uintptr_t bx, cx, dx, si, di, bp, ax;
	uintptr_t ds, es;
	uintptr_t vector;
	uintptr_t orig_ax;
	uintptr_t ip, cs, flags;
	uintptr_t sp, ss; /* only from user mode */
};
#endif

QR_INLINE bool regs_from_user(const struct regs *r)
{
	return (r->cs & 3) != 0;
}

/* Came by a system call, and still counts as one (see regs_forget_syscall). */
QR_INLINE bool regs_from_syscall(const struct regs *r)
{
	return r->vector == VECTOR_SYSCALL && (intptr_t)r->orig_ax >= 0;
}

QR_INLINE uintptr_t regs_ip(const struct regs *r)
{
	return r->ip;
}

QR_INLINE void regs_set_ip(struct regs *r, uintptr_t ip)
{
	r->ip = ip;
}

QR_INLINE uintptr_t regs_sp(const struct regs *r)
{
#ifndef __x86_64__
	if (!regs_from_user(r))
		return (uintptr_t)&r->sp;
#endif
	return r->sp;
}

QR_INLINE void regs_set_sp(struct regs *r, uintptr_t sp)
{
	r->sp = sp;
}

QR_INLINE uintptr_t regs_flags(const struct regs *r)
{
	return r->flags;
}

/* Only the bits a program may set; the rest stay as they are.  For sigreturn and ptrace. */
QR_INLINE void regs_set_user_flags(struct regs *r, uintptr_t flags)
{
	r->flags = (r->flags & ~(uintptr_t)FLAGS_USER) | (flags & FLAGS_USER);
}

/* Segments from a signal frame: never a privileged one.  One that cannot be loaded is a fault of
 * the program when it returns. */
QR_INLINE void regs_set_user_segments(struct regs *r, uint16_t cs, uint16_t ss)
{
	r->cs = cs | 3u;
	r->ss = ss | 3u;
}

/* Number of the system call: kept while ax is overwritten by the result, for restarts.
 * -1 if the frame is not from a system call. */
QR_INLINE long regs_syscall(const struct regs *r)
{
	return r->vector == VECTOR_SYSCALL ? (long)r->orig_ax : -1;
}

/* After a restart was decided, or a sigreturn: the frame must not be taken for an interrupted
 * system call a second time. */
QR_INLINE void regs_forget_syscall(struct regs *r)
{
	r->orig_ax = (uintptr_t)-1;
}

/* Argument n of the system call, n = 0 .. 5. */
QR_INLINE uintptr_t regs_arg(const struct regs *r, unsigned n)
{
#ifdef __x86_64__
	return n == 0   ? r->di
	       : n == 1 ? r->si
	       : n == 2 ? r->dx
	       : n == 3 ? r->r10
	       : n == 4 ? r->r8
			: r->r9;
#else
	return n == 0   ? r->bx
	       : n == 1 ? r->cx
	       : n == 2 ? r->dx
	       : n == 3 ? r->si
	       : n == 4 ? r->di
			: r->bp;
#endif
}

QR_INLINE long regs_result(const struct regs *r)
{
	return (long)r->ax;
}

QR_INLINE void regs_set_result(struct regs *r, long value)
{
	r->ax = (uintptr_t)value;
}

/* Execute the system call again when the task returns to user mode: ip goes back over the
 * two bytes of `syscall` or `int $0x80`, and ax gets the number `nr`. */
QR_INLINE void regs_restart(struct regs *r, long nr)
{
	r->ip -= 2;
	r->ax = (uintptr_t)nr;
}

/* A frame that starts a program: all registers zero, interrupts on. */
void regs_init_user(struct regs *r, uintptr_t ip, uintptr_t sp);

#endif /* __ASSEMBLY__ */
#endif
