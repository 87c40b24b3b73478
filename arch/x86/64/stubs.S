/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stubs.S (x86_64) - the ways into the kernel, and out of it.
 *
 * Each way in builds a struct regs (regs.h) and calls C; each way out restores it.  gs belongs to
 * the user exactly while the CPU is in user mode and in the few instructions around swapgs here;
 * the exceptions that can come just there (debug, NMI, double fault, machine check) use stacks of
 * their own and find out from the gs base itself.
 *
 *	syscall_entry	`syscall`: no stack, no vector; rcx and r11 hold ip and flags
 *	syscall_entry_32	`syscall` in a code segment of 32 bits: there are no calls for it
 *	user_resume	out of a call that has written the frame itself (sigreturn, execve)
 *	trap_N		exceptions and interrupts: error code (or 0), vector, then trap_common
 *	paranoid	the four above
 *	context_start	first instructions of a new task
 *	context_call	of one that has something to do before it goes on
 */
#include "arch/x86/asm.h"
#include "arch/x86/regs.h"

#define CLAC								\
	671: .byte 0x0f, 0x1f, 0x00;					\
	.pushsection __smap_table, "a"; .balign 4;			\
	.long 671b - ., 0; .popsection

	.macro	push_registers
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%rax
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm

	.macro	pop_registers
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rsi
	pop	%rdi
	.endm

	.section .text.entry, "ax"

/* ---- system calls ------------------------------------------------------------------------- */

	.balign	64
	.globl	syscall_entry
	.type	syscall_entry, @function
syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_USER_SP
	mov	%gs:CPU_KSTACK, %rsp
	push	$USER_DS
	push	%gs:CPU_USER_SP
	push	%r11
	push	$USER_CS
	push	%rcx
	push	%rax
	push	$VECTOR_SYSCALL
	push_registers
	sti
	cmp	$SYSCALL_COUNT, %rax
	jae	no_call
	mov	syscall_table(, %rax, 8), %rax
	test	%rax, %rax
	jz	no_call
	mov	%r10, %rcx		/* the other arguments are where C wants them */
	call	*%rax
result:	cli
	mov	%gs:CPU_TASK, %rcx
	cmpl	$0, TASK_WORK(%rcx)
	jne	syscall_work

	/* Back by sysret: ip and flags go by rcx and r11, as the program expects of a call, and
	 * what C preserves is still the program's.  It does not restore RF, and traps too early
	 * with TF. */
	mov	REGS_FLAGS(%rsp), %r11
	test	$FLAG_RF | FLAG_TF, %r11d
	jnz	slow_return
	mov	REGS_R10(%rsp), %r10
	mov	REGS_R9(%rsp), %r9
	mov	REGS_R8(%rsp), %r8
	mov	REGS_DX(%rsp), %rdx
	mov	REGS_SI(%rsp), %rsi
	mov	REGS_DI(%rsp), %rdi
	mov	REGS_IP(%rsp), %rcx
	mov	REGS_SP(%rsp), %rsp
	swapgs
	sysretq

slow_return:
	mov	%rax, REGS_AX(%rsp)
	jmp	return_to_user

no_call:
	mov	REGS_ORIG_AX(%rsp), %rdi
	call	syscall_unknown
	jmp	result

	.globl	user_resume
	.type	user_resume, @function
user_resume:
	mov	%gs:CPU_KSTACK, %rsp
	sub	$REGS_SIZE, %rsp
	cli
	mov	%gs:CPU_TASK, %rcx
	cmpl	$0, TASK_WORK(%rcx)
	je	return_to_user
	jmp	1f

syscall_work:
	mov	%rax, REGS_AX(%rsp)
1:	mov	%rsp, %rdi
	call	user_return
	jmp	return_to_user

/* Stack and gs are the user's still: nothing here may fault or be interrupted but by what has a
 * stack of its own. */
	.globl	syscall_entry_32
	.type	syscall_entry_32, @function
syscall_entry_32:
	mov	$-38, %eax		/* ENOSYS */
	sysretl

/* ---- exceptions and interrupts ------------------------------------------------------------ */

	.balign	16
trap_common:				/* vector, error code, ip, cs, flags, sp, ss */
	testb	$3, 24(%rsp)
	jz	from_kernel
	swapgs
from_user:
	push_registers
	CLAC
	cld
	mov	%rsp, %rdi
	call	trap_from_user

	.globl	return_to_user
return_to_user:				/* interrupts off, %rsp: struct regs */
	pop_registers
	add	$16, %rsp
	swapgs
iret_to_user:
	iretq

from_kernel:
	cmpq	$iret_to_user, 16(%rsp)
	je	iret_failed
	push_registers
	CLAC
	cld
	mov	%rsp, %rdi
	call	trap_from_kernel
	pop_registers
	add	$16, %rsp
	iretq

/* iretq to user mode refused its frame (a bad ip or selector that a program had set): the frame
 * is still there, and the registers are the user's.  Take it as a fault of the program. */
iret_failed:
	swapgs
	mov	40(%rsp), %rsp
	push	$0
	push	$13
	jmp	from_user

/* Debug exceptions from user mode become signals: they need the task's own stack. */
debug_entry:
	testb	$3, 24(%rsp)
	jz	paranoid
	swapgs
	push	%rdi
	mov	%rsp, %rdi
	mov	%gs:CPU_KSTACK, %rsp
	push	56(%rdi)		/* ss, sp, flags, cs, ip, error code, vector */
	push	48(%rdi)
	push	40(%rdi)
	push	32(%rdi)
	push	24(%rdi)
	push	16(%rdi)
	push	8(%rdi)
	mov	(%rdi), %rdi
	jmp	from_user

paranoid:
	push_registers
	CLAC
	cld
	mov	$0xc0000101, %ecx	/* gs base: the kernel's is negative */
	rdmsr
	xor	%ebx, %ebx
	test	%edx, %edx
	js	1f
	swapgs
	inc	%ebx
1:	mov	%rsp, %rdi
	call	trap_from_kernel
	test	%ebx, %ebx
	jz	1f
	swapgs
1:	pop_registers
	add	$16, %rsp
	iretq

/* ---- first instructions of a task, and of a turn ---------------------------------------- */

	.globl	context_call
	.type	context_call, @function
context_call:
	pop	%rax
	pop	%rdi
	jmp	*%rax

	.globl	context_start
	.type	context_start, @function
context_start:				/* on the stack: function or 0, its argument */
	pop	%rax
	pop	%rdi
	test	%rax, %rax
	jz	1f
	sti
	call	*%rax
	cli
1:	mov	%rsp, %rdi
	call	user_return
	jmp	return_to_user

/* ---- one stub a vector ---------------------------------------------------------------------- */

/* The CPU pushes an error code for these: double fault, invalid TSS, segment not present, stack,
 * protection, page fault, alignment, control protection, VMM communication, security. */
#define WITH_ERROR_CODE ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30))
#define OWN_STACK	((1 << 2) | (1 << 8) | (1 << 18))

	.section .rodata, "a"
	.balign	8
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	256
	.section .text.entry, "ax"
	.balign	8
1:	.if	vector >= 32
	push	$0
	.else
	.ifeq	(WITH_ERROR_CODE >> vector) & 1
	push	$0
	.endif
	.endif
	push	$vector
	.if	vector == 1
	jmp	debug_entry
	.else
	.if	vector < 32 && ((OWN_STACK >> (vector & 31)) & 1)
	jmp	paranoid
	.else
	jmp	trap_common
	.endif
	.endif
	.section .rodata, "a"
	.quad	1b
	.set	vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
