/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stubs.S (i686) - the ways into the kernel, and out of it.
 *
 * Each way in builds a struct regs (regs.h) and calls C; each way out restores it.  ds and es may
 * hold anything a program could load: they are saved and set.  fs and gs are not the kernel's
 * business (context.h).
 *
 *	syscall_entry	int 0x80
 *	user_resume	out of a call that has written the frame itself (sigreturn, execve)
 *	trap_N		exceptions and interrupts: error code (or 0), vector, then trap_common
 *	double_fault	a task of its own (tables.c)
 *	context_start	first instructions of a new task
 *	context_call	of one that has something to do before it goes on
 */
#include "arch/x86/asm.h"
#include "arch/x86/regs.h"

#define CLAC								\
	671: .byte 0x8d, 0x76, 0x00;					\
	.pushsection __smap_table, "a"; .balign 4;			\
	.long 671b - ., 0; .popsection

#define EXTABLE(insn, landing)						\
	.pushsection __ex_table, "a"; .balign 4;			\
	.long insn - ., landing - .; .popsection

	.macro	push_registers
	push	%es
	push	%ds
	push	%eax
	push	%ebp
	push	%edi
	push	%esi
	push	%edx
	push	%ecx
	push	%ebx
	mov	$KERNEL_DS, %edx
	mov	%edx, %ds
	mov	%edx, %es
	CLAC
	cld
	.endm

	.section .text.entry, "ax"

	.balign	16
	.globl	syscall_entry
	.type	syscall_entry, @function
syscall_entry:
	push	%eax
	push	$VECTOR_SYSCALL
	push_registers
	sti
	cmp	$SYSCALL_COUNT, %eax
	jae	no_call
	mov	syscall_table(, %eax, 4), %eax
	test	%eax, %eax
	jz	no_call
	push	%ebp			/* arguments 5, 4, 3 on the stack, 0 to 2 in registers */
	push	%edi
	push	%esi
	mov	%eax, %esi
	mov	%ebx, %eax
	mov	%ecx, %edx
	mov	12 + REGS_DX(%esp), %ecx
	call	*%esi
	add	$12, %esp
result:	mov	%eax, REGS_AX(%esp)
	cli
	mov	boot_cpu + CPU_TASK, %eax
	cmpl	$0, TASK_WORK(%eax)
	jne	syscall_work

	.globl	return_to_user
return_to_user:				/* interrupts off, %esp: struct regs */
	pop	%ebx
	pop	%ecx
	pop	%edx
	pop	%esi
	pop	%edi
	pop	%ebp
	pop	%eax
1:	pop	%ds
2:	pop	%es
	add	$8, %esp
3:	iret
	EXTABLE(1b, bad_segment_1)
	EXTABLE(2b, bad_segment_2)
	EXTABLE(3b, bad_iret)

no_call:
	mov	REGS_ORIG_AX(%esp), %eax
	call	syscall_unknown
	jmp	result

	.globl	user_resume
	.type	user_resume, @function
user_resume:
	mov	boot_cpu + CPU_KSTACK, %esp
	sub	$REGS_SIZE, %esp
	cli
	mov	boot_cpu + CPU_TASK, %eax
	cmpl	$0, TASK_WORK(%eax)
	je	return_to_user
syscall_work:
	mov	%esp, %eax
	call	user_return
	jmp	return_to_user

/* A program had put something into its frame that cannot be loaded.  A data segment becomes
 * null, and a use of it will fault in the program; a bad code or stack segment is a fault of the
 * program at once. */
bad_segment_1:
	movl	$0, (%esp)
	jmp	1b
bad_segment_2:
	movl	$0, (%esp)
	jmp	2b
bad_iret:
	push	$0
	push	$13

	.balign	16
trap_common:				/* vector, error code, ip, cs, flags, (sp, ss) */
	testl	$FLAG_VM, 16(%esp)
	jnz	from_vm86
	testb	$3, 12(%esp)
	jz	from_kernel
	push_registers
	mov	%esp, %eax
	call	trap_from_user
	jmp	return_to_user

from_kernel:
	push_registers
	mov	%esp, %eax
	call	trap_from_kernel
	pop	%ebx
	pop	%ecx
	pop	%edx
	pop	%esi
	pop	%edi
	pop	%ebp
	pop	%eax
	pop	%ds
	pop	%es
	add	$8, %esp
	iret

/* A program sets VM in the flags of an iret.  The processor ignores that (SDM volume 2, IRET: only
 * at privilege 0); QEMU 7 obeys, and enters virtual-8086 mode.  There es, ds, fs and gs are
 * pushed before ss: move the frame up over them, to where I1 of regs.h wants it, and have the
 * program go on, in protected mode, to the fault that it is due. */
from_vm86:
	.irp	offset, 24, 20, 16, 12, 8, 4, 0
	pushl	\offset(%esp)
	popl	\offset + 16(%esp)	/* of the stack pointer after the pop */
	.endr
	add	$16, %esp
	movl	$USER_CS, 12(%esp)
	andl	$~FLAG_VM, 16(%esp)
	movl	$USER_DS, 24(%esp)
	push	%eax
	mov	$USER_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	pop	%eax
	jmp	trap_common

double_fault:				/* on its own stack; the error code (0) is pushed */
	call	trap_double_fault

/* ---- first instructions of a task, and of a turn ---------------------------------------- */

	.globl	context_call
	.type	context_call, @function
context_call:
	pop	%edx
	pop	%eax
	jmp	*%edx

	.globl	context_start
	.type	context_start, @function
context_start:				/* on the stack: function or 0, its argument */
	pop	%edx
	pop	%eax
	test	%edx, %edx
	jz	1f
	sti
	call	*%edx
	cli
1:	mov	%esp, %eax
	call	user_return
	jmp	return_to_user

/* ---- one stub a vector ---------------------------------------------------------------------- */

/* The CPU pushes an error code for these: double fault, invalid TSS, segment not present, stack,
 * protection, page fault, alignment, control protection, VMM communication, security. */
#define WITH_ERROR_CODE ((1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30))

	.section .rodata, "a"
	.balign	4
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
	.if	vector == 8
	jmp	double_fault
	.else
	push	$vector
	jmp	trap_common
	.endif
	.section .rodata, "a"
	.long	1b
	.set	vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
