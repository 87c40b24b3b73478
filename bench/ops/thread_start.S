/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread_start.S - long thread_start(int *tid, void *top, void (*f)(void *), void *arg)
 *
 * clone's child comes back on a stack of its own, where only assembly can live.
 */
	/* VM FS FILES SIGHAND THREAD SYSVSEM PARENT_SETTID CHILD_CLEARTID */
#define FLAGS 0x350f00

	.text
	.globl	thread_start
thread_start:
#ifdef __x86_64__
	mov	%rdx, -8(%rsi)		/* f */
	mov	%rcx, -16(%rsi)		/* arg */
	sub	$16, %rsi
	mov	%rdi, %rdx		/* where its number goes, */
	mov	%rdi, %r10		/* and is cleared again */
	mov	$FLAGS, %edi
	xor	%r8d, %r8d
	mov	$56, %eax
	syscall
	test	%rax, %rax
	jnz	1f
	pop	%rdi
	pop	%rax
	call	*%rax
	xor	%edi, %edi
	mov	$60, %eax
	syscall
1:	ret
#else
	push	%ebx
	push	%esi
	push	%edi
	mov	16(%esp), %edx		/* tid */
	mov	20(%esp), %ecx		/* top */
	mov	24(%esp), %eax
	mov	%eax, -16(%ecx)		/* f */
	mov	28(%esp), %eax
	mov	%eax, -12(%ecx)		/* arg */
	sub	$16, %ecx
	mov	%edx, %edi
	mov	$FLAGS, %ebx
	xor	%esi, %esi
	mov	$120, %eax
	int	$0x80
	test	%eax, %eax
	jnz	1f
	pop	%eax			/* f; arg is its argument */
	call	*%eax
	xor	%ebx, %ebx
	mov	$1, %eax
	int	$0x80
1:	pop	%edi
	pop	%esi
	pop	%ebx
	ret
#endif

	.section .note.GNU-stack, "", @progbits
