/* SPDX-License-Identifier: BSD-2-Clause
 *
 * linux_call.h - one Linux call as one trap: `syscall` on x86-64, `int $0x80` on i386.
 *
 * No C library stands between, which would keep errno in thread storage, ask again or map memory:
 * for programs that measure calls, that make them on threads of their own, or that compare what
 * two kernels answer.  The answer is the kernel's own: below zero is a negative errno (syscall(2)).
 */
#ifndef TESTS_LIB_LINUX_CALL_H
#define TESTS_LIB_LINUX_CALL_H

static inline __attribute__((always_inline)) long sys6(long nr, long a, long b, long c, long d,
						       long e, long f)
{
#ifdef __x86_64__
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#else
	/* The sixth argument rides in ebp, which the compiler may hold as frame pointer. */
	long regs[2] = { a, f };
	long ret;

	__asm__ volatile("push %%ebx\n\tpush %%ebp\n\t"
			 "mov 4(%%ebx), %%ebp\n\tmov (%%ebx), %%ebx\n\t"
			 "int $0x80\n\t"
			 "pop %%ebp\n\tpop %%ebx"
			 : "=a"(ret)
			 : "a"(nr), "b"(regs), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return ret;
#endif
}

/* Up to three arguments: what most calls need, and on i386 cheaper than six. */
static inline __attribute__((always_inline)) long sys3(long nr, long a, long b, long c)
{
	long ret;

#ifdef __x86_64__
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
#endif
	return ret;
}

#endif
