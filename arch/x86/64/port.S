/* SPDX-License-Identifier: BSD-2-Clause
 *
 * port.S (x86_64) - in and out as functions (seeds B1); cpu.h has them inline.
 */
	.text
	.macro	function name
	.globl	\name
	.type	\name, @function
\name:
	.endm

	function port_out8
	mov	%edi, %edx
	mov	%esi, %eax
	out	%al, %dx
	ret
	function port_out16
	mov	%edi, %edx
	mov	%esi, %eax
	out	%ax, %dx
	ret
	function port_out32
	mov	%edi, %edx
	mov	%esi, %eax
	out	%eax, %dx
	ret
	function port_in8
	mov	%edi, %edx
	xor	%eax, %eax
	in	%dx, %al
	ret
	function port_in16
	mov	%edi, %edx
	xor	%eax, %eax
	in	%dx, %ax
	ret
	function port_in32
	mov	%edi, %edx
	in	%dx, %eax
	ret

	.section .note.GNU-stack, "", @progbits
