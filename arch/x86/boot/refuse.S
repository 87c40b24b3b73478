/* SPDX-License-Identifier: BSD-2-Clause
 *
 * refuse.S - the machine cannot run this kernel: say so and stop.
 *
 * Runs before anything stands: 32-bit code without paging.  boot_refuse writes the string at
 * %esi to the first serial port and to the VGA text screen.
 */
	.section .boot.text, "ax"
	.code32
	.globl	boot_refuse
boot_refuse:
	mov	$0xb8000, %edi
next:
	lodsb
	test	%al, %al
	jz	stop
	mov	%al, (%edi)
	movb	$0x4f, 1(%edi)
	add	$2, %edi
	mov	%al, %bl
	mov	$0x3fd, %edx
	mov	$10000, %ecx	/* a port that is not there must not hang us */
busy:
	in	%dx, %al
	test	$0x20, %al
	loopz	busy
	mov	%bl, %al
	mov	$0x3f8, %edx
	out	%al, %dx
	jmp	next
stop:
	cli
	hlt
	jmp	stop

	/* Answers in %eax: highest basic CPUID leaf; 0 if the CPU has no CPUID. */
	.globl	boot_cpuid_max
boot_cpuid_max:
	pushf
	pop	%eax
	mov	%eax, %ecx
	xor	$0x200000, %eax
	push	%eax
	popf
	pushf
	pop	%eax
	xor	%ecx, %eax
	and	$0x200000, %eax
	jz	1f
	push	%ebx
	xor	%eax, %eax
	cpuid
	pop	%ebx
1:	ret

	.section .note.GNU-stack, "", @progbits
