/* SPDX-License-Identifier: BSD-2-Clause
 *
 * syscall.h - how a system call is written down.
 *
 *	SYSCALL3(read, int, fd, char __user *, buf, size_t, n)
 *	{
 *		...
 *		return done;		or -EBADF
 *	}
 *
 * defines sys_read, which takes six machine words as the dispatcher has them and calls the body
 * with arguments of their types: what does not fit an argument's type is cut off, as Linux does
 * it.  The tables (table_x86_64.c, table_i386.c) name it by number; what they do not name answers
 * ENOSYS.
 *
 * One name, one set of structures:
 *	name		native structures of the ABI; times with 64-bit seconds
 *	name_time32	i386: struct timespec of two longs
 *	name64		i386: 64-bit offsets or struct stat64; offsets come as two words, low first
 *	name16		i386: 16-bit user and group ids
 * Where the two ABIs agree there is one function.
 *
 * Context: the running task, interrupts on, may sleep.
 */
#ifndef KERNEL_SYSCALL_SYSCALL_H
#define KERNEL_SYSCALL_SYSCALL_H

#include <quire/types.h>
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/task.h"

#define SYSCALL_WORDS \
	uintptr_t w0, uintptr_t w1, uintptr_t w2, uintptr_t w3, uintptr_t w4, uintptr_t w5

typedef long syscall_fn(SYSCALL_WORDS);

/* The user registers of the running system call. */
QR_INLINE struct regs *syscall_regs(void)
{
	return context_regs(&current->context);
}

/* Two words of an i386 call that are one 64-bit argument. */
QR_INLINE uint64_t syscall_u64(uint32_t low, uint32_t high)
{
	return (uint64_t)high << 32 | low;
}

/* clang-format off */
#define SYSCALL_(name, params, args)                                                           \
	QR_INLINE long call_##name params;                                                     \
	long sys_##name(SYSCALL_WORDS);                                                        \
	long sys_##name(SYSCALL_WORDS)                                                         \
	{                                                                                      \
		return call_##name args;                                                       \
	}                                                                                      \
	QR_INLINE long call_##name params

#define SYSCALL0(name) SYSCALL_(name, (void), ())
#define SYSCALL1(name, t0, a0) SYSCALL_(name, (t0 a0), ((t0)w0))
#define SYSCALL2(name, t0, a0, t1, a1) SYSCALL_(name, (t0 a0, t1 a1), ((t0)w0, (t1)w1))
#define SYSCALL3(name, t0, a0, t1, a1, t2, a2)                                                 \
	SYSCALL_(name, (t0 a0, t1 a1, t2 a2), ((t0)w0, (t1)w1, (t2)w2))
#define SYSCALL4(name, t0, a0, t1, a1, t2, a2, t3, a3)                                         \
	SYSCALL_(name, (t0 a0, t1 a1, t2 a2, t3 a3), ((t0)w0, (t1)w1, (t2)w2, (t3)w3))
#define SYSCALL5(name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4)                                 \
	SYSCALL_(name, (t0 a0, t1 a1, t2 a2, t3 a3, t4 a4),                                    \
		 ((t0)w0, (t1)w1, (t2)w2, (t3)w3, (t4)w4))
#define SYSCALL6(name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                         \
	SYSCALL_(name, (t0 a0, t1 a1, t2 a2, t3 a3, t4 a4, t5 a5),                             \
		 ((t0)w0, (t1)w1, (t2)w2, (t3)w3, (t4)w4, (t5)w5))
/* clang-format on */

/* ---- the tables ------------------------------------------------------------------------- */

/* Of this machine's ABI; a call that does not exist is NULL. */
extern syscall_fn *const syscall_table[];
/* Linux's calls that are not here: strings "NUMBER NAME", one behind the other; an empty one ends
 * them. */
extern const char syscall_names[];

/* How often the call was answered with ENOSYS for want of a function, since boot; for
 * /proc/quire/enosys.  Numbers at or beyond SYSCALL_COUNT (arch/x86/asm.h) are counted together,
 * as that number.  syscall_missing answers the count of number nr. */
uint32_t syscall_missing(unsigned nr);

#endif
