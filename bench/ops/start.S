/* SPDX-License-Identifier: BSD-2-Clause
 *
 * start.S - the first user instruction reads the counter: what it holds is the length of the
 * boot.  Then the stack as the kernel laid it out goes to ops_main.
 */
	.section .note.GNU-stack, "", @progbits

	.text
	.globl	_start
	.globl	ops_sigreturn
#ifdef __x86_64__
_start:
	rdtsc
	mov	%eax, ops_first(%rip)
	mov	%edx, ops_first + 4(%rip)
	mov	%rsp, %rdi
	and	$-16, %rsp
	call	ops_main

ops_sigreturn:
	mov	$15, %eax
	syscall
#else
_start:
	rdtsc
	mov	%eax, ops_first
	mov	%edx, ops_first + 4
	mov	%esp, %eax
	and	$-16, %esp
	sub	$12, %esp
	push	%eax
	call	ops_main

ops_sigreturn:
	mov	$173, %eax
	int	$0x80
#endif

	.bss
	.globl	ops_first
	.balign	8
ops_first:
	.skip	8
