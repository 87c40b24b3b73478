/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frame.S - clear and copy a page, sixteen bytes at a time.
 *
 * The registers belong to the running program: what is used here is saved first and put back
 * last, which costs two instructions each against hundreds saved.  An interrupt in between that
 * does the same nests.  Nobody switches tasks in between, and CR0.TS is never set.
 *
 *	frame_clear_sse(page)		256 stores instead of 512 (64 bits) or 1024 steps
 *	frame_copy_sse(to, from)	256 loads and 256 stores instead of 1024 steps (32 bits)
 *
 * CPUs with fast string instructions (ERMS) do better with those: see quire_host.c.
 */
#ifdef __x86_64__
#define TO   %rdi
#define FROM %rsi
#define END  %rcx
#define SP   %rsp
#else
#define TO   %eax
#define FROM %edx
#define END  %ecx
#define SP   %esp
#endif
#define STEP 512

	.text
	.globl	frame_clear_sse
	.type	frame_clear_sse, @function
frame_clear_sse:
	sub	$16, SP
	movups	%xmm0, (SP)
	xorps	%xmm0, %xmm0
	lea	4096(TO), END
1:	.set	at, 0
	.rept	STEP / 16
	movaps	%xmm0, at(TO)
	.set	at, at + 16
	.endr
	add	$STEP, TO
	cmp	END, TO
	jne	1b
	movups	(SP), %xmm0
	add	$16, SP
	ret

	.globl	frame_copy_sse
	.type	frame_copy_sse, @function
frame_copy_sse:
	sub	$32, SP
	movups	%xmm0, (SP)
	movups	%xmm1, 16(SP)
	lea	4096(TO), END
1:	.set	at, 0
	.rept	STEP / 32
	movaps	at(FROM), %xmm0
	movaps	at + 16(FROM), %xmm1
	movaps	%xmm0, at(TO)
	movaps	%xmm1, at + 16(TO)
	.set	at, at + 32
	.endr
	add	$STEP, FROM
	add	$STEP, TO
	cmp	END, TO
	jne	1b
	movups	(SP), %xmm0
	movups	16(SP), %xmm1
	add	$32, SP
	ret

	.section .note.GNU-stack, "", @progbits
