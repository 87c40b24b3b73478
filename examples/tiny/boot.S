/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot.S - from a Multiboot loader to C at 0xC0000000, and the two ways into ring 3 and back.
 *
 * The first tables are one page directory of 4 MiB pages: 64 MiB of RAM, once where it is (until
 * the jump) and once at 0xC0000000 (the direct map, which paging takes over in kernel.c).
 */
#include "tiny.h"

#define LARGE 0x400000 /* one entry of the page directory */

	.section .multiboot, "a"
	.align	4
	.long	0x1badb002, 2, -(0x1badb002 + 2) /* 2: tell what memory there is */

	.section .boot, "ax"
	.global	_start
_start:
	mov	$directory - BASE, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$0x10, %eax			/* 4 MiB pages */
	mov	%eax, %cr4
	mov	%cr0, %eax
	or	$0x80010000, %eax		/* paging; read-only means the kernel too */
	mov	%eax, %cr0
	mov	$high, %eax
	jmp	*%eax

	.text
high:
	mov	$stack_top, %esp
	lgdt	gdt_pointer
	ljmp	$KERNEL_CS, $1f
1:	mov	$USER_DS, %eax			/* flat, and ring 0 may use it too: never changed */
	mov	%eax, %ds
	mov	%eax, %es
	mov	$KERNEL_DS, %eax
	mov	%eax, %ss
	push	%ebx				/* what Multiboot says */
	call	kernel_main
2:	hlt
	jmp	2b

/* Ring 3 at the address given, until it makes a system call: its %ebx is the answer. */
	.global	user_run
user_run:
	push	%ebx
	push	%esi
	push	%edi
	push	%ebp
	mov	20(%esp), %eax
	mov	%esp, user_from
	mov	%esp, tss + 4			/* traps go on below */
	push	$USER_DS
	push	$0				/* it has no stack */
	push	$2				/* interrupts off: there is no handler */
	push	$USER_CS
	push	%eax
	iret

/* user_run answers what is given here. */
	.global	user_leave
user_leave:
	mov	4(%esp), %eax
	mov	user_from, %esp
	pop	%ebp
	pop	%edi
	pop	%esi
	pop	%ebx
	ret

	.global	page_fault, system_call
page_fault:					/* the CPU has pushed the error code */
	pusha
	push	32(%esp)
	mov	%cr2, %eax
	push	%eax
	call	on_page_fault
	add	$8, %esp
	popa
	add	$4, %esp
	iret
system_call:
	push	%ebx
	call	user_leave

/* The program: adds 1 to the first word of 16 pages, and leaves with what is in the first. */
	.global	program, program_end
program:
	mov	$DATA, %ebx
	mov	$16, %ecx
1:	incl	(%ebx)
	add	$4096, %ebx
	loop	1b
	mov	DATA, %ebx
	int	$0x80
program_end:

	.data
	.align	4096
	.global	directory
directory:
	.set	at, 0
	.rept	DIRECT / LARGE
	.long	at + 0x83		/* present, writable, large */
	.set	at, at + LARGE
	.endr
	.fill	BASE / LARGE - DIRECT / LARGE, 4, 0
	.set	at, 0
	.rept	DIRECT / LARGE
	.long	at + 0x83
	.set	at, at + LARGE
	.endr
	.fill	1024 - BASE / LARGE - DIRECT / LARGE, 4, 0

	.align	8
	.global	gdt_tss
gdt:	.quad	0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00cffa000000ffff, 0x00cff2000000ffff
gdt_tss:
	.quad	0
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt
	.global	tss
	.align	8
tss:	.long	0, 0, KERNEL_DS		/* the second word: the stack of traps */
	.fill	22, 4, 0
	.word	0, 104

	.bss
user_from:
	.skip	4
	.align	16
	.skip	16384
stack_top:

	.section .note.GNU-stack, "", @progbits
