/* SPDX-License-Identifier: BSD-2-Clause
 *
 * five_levels.S - from four levels of tables to five.
 *
 *	void boot_five_levels(void)
 *
 * The CPU takes the change only with paging off, that is, outside of long mode.  So: 32 bits, in
 * the identity mapping; paging off; one more table on top, whose first entry is the identity and
 * whose last one the kernel's half; paging on, and back.  The addresses of the kernel's half are
 * the same with both.
 *
 * Context: boot; interrupts off, the tables of start.S in use.
 */
#include "arch/x86/layout.h"
#include "arch/x86/regs.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)
#define TABLE	     0x03 /* present, writable */
#define CR4_LA57     0x1000

	.section .text.boot_five_levels, "ax"
	.globl	boot_five_levels
	.type	boot_five_levels, @function
boot_five_levels:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, saved_sp
	sgdt	saved_gdt
	movl	$PHYS(boot_root) + TABLE, root
	movl	$PHYS(boot_root) + TABLE, root + 511 * 8
	lgdt	boot_gdt_pointer
	pushq	$0x20			/* its code of 32 bits */
	pushq	$unpaged
	lretq

paged:	mov	saved_sp, %rsp
	lgdt	saved_gdt
	pushq	$KERNEL_CS
	pushq	$1f
	lretq
1:	mov	$KERNEL_DS, %eax
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %ds
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.section .boot.text, "ax"
	.code32
unpaged:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	%cr0, %eax
	and	$0x7fffffff, %eax	/* PG */
	mov	%eax, %cr0
	mov	%cr4, %eax
	or	$CR4_LA57, %eax
	mov	%eax, %cr4
	mov	$PHYS(root), %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmp	$0x10, $1f
	.code64
1:	movabs	$paged, %rax
	jmp	*%rax

	.section .bss.page_aligned, "aw", @nobits
	.balign	4096
root:
	.skip	4096
	.section .bss.five_levels, "aw", @nobits
	.balign	8
saved_sp:
	.skip	8
saved_gdt:
	.skip	10

	.section .note.GNU-stack, "", @progbits
