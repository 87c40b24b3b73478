/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.S (i686) - from the boot loader to C: check the CPU, map, higher half.
 *
 * Tables of large pages, in .bss.  Two-level: one directory, 4 MiB pages.  PAE: the directory of
 * the first GiB for the identity, that of the last for the kernel, 2 MiB pages.
 *
 *	00000000 -> first pages		identity, for the instructions below
 *	c0000000 -> 768 MiB		the direct map, which holds the image
 *	last table -> windows		entries filled by quire_host.c
 *
 * They are writable and executable; the memory manager replaces them (kernel/memory.c).
 */
#include "arch/x86/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)
#define TABLE	     0x03 /* present, writable */
#define PAGE_LARGE   0x83
#define PVH_MAGIC    0x336ec578
#define CPUID_PSE    (1 << 3)
#define CPUID_PAE    (1 << 6)
#define CPUID_CMOV   (1 << 15) /* the compiler was told i686 */
#define CR4_PSE	     0x10
#define CR4_PAE	     0x20

	.section .boot.text, "ax"
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
	jz	unfit
	push	%ebx
	mov	$1, %eax
	cpuid
	pop	%ebx
	test	$CPUID_CMOV, %edx
	jz	unfit
#ifdef QUIRE_PAE
	test	$CPUID_PAE, %edx
	jz	unfit

	movl	$PHYS(low_directory) + 1, PHYS(boot_root)
	movl	$PHYS(high_directory) + 1, PHYS(boot_root) + 3 * 8
	movl	$PAGE_LARGE, PHYS(low_directory)
	movl	$PAGE_LARGE + 0x200000, PHYS(low_directory) + 8
	mov	$PAGE_LARGE, %eax
	mov	$PHYS(high_directory), %edi
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	cmp	$LOW_END, %eax
	jb	1b
	movl	$PHYS(window_table) + TABLE, PHYS(high_directory) + 511 * 8
	mov	$CR4_PAE, %ecx
#else
	test	$CPUID_PSE, %edx
	jz	unfit

	movl	$PAGE_LARGE, PHYS(boot_root)
	mov	$PAGE_LARGE, %eax
	mov	$PHYS(boot_root) + 768 * 4, %edi
1:	mov	%eax, (%edi)
	add	$4, %edi
	add	$0x400000, %eax
	cmp	$LOW_END, %eax
	jb	1b
	movl	$PHYS(window_table) + TABLE, PHYS(boot_root) + 1023 * 4
	mov	$CR4_PSE, %ecx
#endif
	mov	%cr4, %eax
	or	%ecx, %eax
	mov	%eax, %cr4
	mov	$PHYS(boot_root), %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80010001, %eax	/* PG, WP, PE */
	mov	%eax, %cr0
	lgdt	boot_gdt_pointer
	ljmp	$0x60, $high

unfit:
	mov	$unfit_text, %esi
	jmp	boot_refuse

	.section .boot.rodata, "a"
unfit_text:
#ifdef QUIRE_PAE
	.asciz	"Quire (i686-pae) needs a CPU with PAE; boot the i686 kernel here.\r\n"
#else
	.asciz	"Quire (i686) needs a Pentium Pro or later: 4 MiB pages and CMOV.\r\n"
#endif
	/* The selectors are those of the final table, so that nothing must be reloaded twice. */
	.balign	8
boot_gdt:
	.fill	12, 8, 0
	.quad	0x00cf9a000000ffff	/* 0x60: code */
	.quad	0x00cf92000000ffff	/* 0x68: data */
boot_gdt_pointer:
	.word	. - boot_gdt - 1
	.long	boot_gdt

	.text
high:
	mov	$0x68, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$boot_stack_top, %esp
	mov	%ebp, %eax
	mov	%ebx, %edx
	push	$0
	call	boot_main
1:	hlt
	jmp	1b

	.section .bss.page_aligned, "aw", @nobits
	.balign	4096
	.globl	boot_root, window_table, boot_stack_guard, boot_stack, boot_stack_top
boot_root:
	.skip	4096
#ifdef QUIRE_PAE
low_directory:
	.skip	4096
high_directory:
	.skip	4096
#endif
window_table:
	.skip	4096
boot_stack_guard:
	.skip	4096
boot_stack:
	.skip	4 * 4096
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
