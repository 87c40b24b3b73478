/* SPDX-License-Identifier: BSD-2-Clause
 *
 * port.S (i686) - in and out as functions (seeds B1); cpu.h has them inline.
 */
	.text
	.macro	function name
	.globl	\name
	.type	\name, @function
\name:
	.endm

	function port_out8
	xchg	%eax, %edx
	out	%al, %dx
	ret
	function port_out16
	xchg	%eax, %edx
	out	%ax, %dx
	ret
	function port_out32
	xchg	%eax, %edx
	out	%eax, %dx
	ret
	function port_in8
	mov	%eax, %edx
	xor	%eax, %eax
	in	%dx, %al
	ret
	function port_in16
	mov	%eax, %edx
	xor	%eax, %eax
	in	%dx, %ax
	ret
	function port_in32
	mov	%eax, %edx
	in	%dx, %eax
	ret

	.section .note.GNU-stack, "", @progbits
