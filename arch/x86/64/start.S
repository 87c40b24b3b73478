/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.S (x86_64) - from the boot loader to C: check the CPU, map, long mode, higher half.
 *
 * Tables, all 2 MiB pages, in .bss; the three uses share them:
 *
 *	boot_root[0]	-> direct[0..3] -> 4 GiB	identity, for the instructions below
 *	boot_root[256]	-> the same			the direct map
 *	boot_root[511]	-> kernel[510] -> first GiB	the image
 *
 * Four levels; five_levels.S puts a fifth on top, if the CPU has it and the command line does not
 * say `no5lvl`.  They are writable and executable throughout; the memory manager replaces them by strict ones
 * (kernel/memory.c) before anything but the kernel runs.
 */
#include "arch/x86/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)
#define TABLE	     0x03 /* present, writable */
#define PAGE_2M	     0x83
#define PVH_MAGIC    0x336ec578

	.section .boot.text, "ax"
	.code32
	.globl	boot_multiboot, boot_pvh
boot_pvh:
	mov	$PVH_MAGIC, %eax
boot_multiboot:
	cli
	cld
	mov	%eax, %ebp		/* who loaded us; %ebx: where its information is */
	mov	$PHYS(boot_stack_top), %esp

	mov	$PHYS(image_bss_start), %edi
	mov	$PHYS(image_end), %ecx
	sub	%edi, %ecx
	shr	$2, %ecx
	xor	%eax, %eax
	rep stosl

	call	boot_cpuid_max
	test	%eax, %eax
	jz	no_long_mode
	push	%ebx
	mov	$0x80000000, %eax
	cpuid
	xor	%edx, %edx
	cmp	$0x80000001, %eax
	jb	1f
	mov	$0x80000001, %eax
	cpuid
1:	pop	%ebx
	test	$1 << 29, %edx
	jz	no_long_mode

	movl	$PHYS(direct) + TABLE, PHYS(boot_root)
	movl	$PHYS(direct) + TABLE, PHYS(boot_root) + 256 * 8
	movl	$PHYS(kernel) + TABLE, PHYS(boot_root) + 511 * 8
	movl	$PHYS(directories) + TABLE, PHYS(kernel) + 510 * 8
	mov	$PHYS(directories) + TABLE, %eax
	mov	$PHYS(direct), %edi
1:	mov	%eax, (%edi)
	add	$4096, %eax
	add	$8, %edi
	cmp	$PHYS(direct) + 4 * 8, %edi
	jne	1b
	mov	$PAGE_2M, %eax
	mov	$PHYS(directories), %edi
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b			/* until 4 GiB */

	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$PHYS(boot_root), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80010001, %eax	/* PG, WP, PE */
	mov	%eax, %cr0
	lgdt	boot_gdt_pointer
	ljmp	$0x10, $1f

	.code64
1:	movabs	$high, %rax
	jmp	*%rax

	.code32
no_long_mode:
	mov	$no_long_mode_text, %esi
	jmp	boot_refuse

	.section .boot.rodata, "a"
no_long_mode_text:
	.asciz	"Quire (x86_64) needs a 64-bit CPU; boot the i686 kernel here.\r\n"
	.balign	8
boot_gdt:
	.quad	0, 0
	.quad	0x00af9a000000ffff	/* 0x10: code, long */
	.quad	0x00cf92000000ffff	/* 0x18: data */
	.quad	0x00cf9a000000ffff	/* 0x20: code, 32 bits, for five_levels.S */
	.globl	boot_gdt_pointer
boot_gdt_pointer:
	.word	. - boot_gdt - 1
	.quad	boot_gdt

	.text
	.code64
high:
	mov	$0x18, %eax
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$boot_stack_top, %rsp
	mov	%ebp, %edi
	mov	%ebx, %esi
	push	$0
	push	$0
	call	boot_main
1:	hlt
	jmp	1b

	.section .bss.page_aligned, "aw", @nobits
	.balign	4096
	.globl	boot_root, boot_stack_guard, boot_stack, boot_stack_top
boot_root:
	.skip	4096
direct:
	.skip	4096
kernel:
	.skip	4096
directories:
	.skip	4 * 4096
boot_stack_guard:
	.skip	4096
boot_stack:
	.skip	4 * 4096
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
