/* SPDX-License-Identifier: BSD-2-Clause
 *
 * asm.h - what the assembly stubs know of C's structures.  trap.c and cpu.c assert that it is so.
 *
 * Calls between the two: the usual convention on x86_64; on i686 the whole kernel is compiled with
 * -mregparm=3, so the first three arguments are in eax, edx and ecx.
 */
#ifndef ARCH_X86_ASM_H
#define ARCH_X86_ASM_H

#ifdef __x86_64__
/* struct cpu, by gs */
#define CPU_TASK    8
#define CPU_KSTACK  16
#define CPU_USER_SP 24
/* struct regs */
#define REGS_BP      32
#define REGS_R10     56
#define REGS_R9      64
#define REGS_R8      72
#define REGS_AX      80
#define REGS_DX      96
#define REGS_SI      104
#define REGS_DI      112
#define REGS_VECTOR  120
#define REGS_ORIG_AX 128
#define REGS_IP      136
#define REGS_FLAGS   152
#define REGS_SP      160
#define REGS_SIZE    176
#else
/* struct cpu */
#define CPU_TASK     4
#define CPU_KSTACK   8
/* struct regs */
#define REGS_DX      8
#define REGS_AX      24
#define REGS_VECTOR  36
#define REGS_ORIG_AX 40
#define REGS_SIZE    64
#endif

/* struct task begins with its work flags (kernel/task.h asserts it): all that the way back to
 * user mode knows of one. */
#define TASK_WORK 0

/* System calls that Linux has given numbers, 0 included; kernel/syscall/table_*.c. */
#define SYSCALL_COUNT 451

#endif
