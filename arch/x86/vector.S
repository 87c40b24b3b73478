/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vector.S - clear a page, and on i686 copy many bytes, by wide registers; see bulk.h.
 *
 *	clear_sse(page)			256 stores instead of 512 (64 bits) or 1024 steps
 *	copy_avx(to, from, n)		304 instructions a page instead of 1024 steps (32 bits)
 *	copy_sse(to, from, n)		560; n >= 256; both answer how many bytes are left over
 *
 * The registers belong to the running program: what is used here is saved first and put back
 * last, which costs two instructions each against hundreds saved.  An interrupt or a page fault in
 * between that does the same nests.  CR0.TS is never set.
 *
 * Copies go by blocks of 256 bytes, and pointers move behind a block: where a program's memory
 * cannot be reached, what is left begins with the block, and who called goes on by bytes.
 */
#ifdef __x86_64__
#define TO   %rdi
#define END  %rcx
#define SP   %rsp
#else
#define TO   %eax
#define FROM %edx
#define N    %ecx
#define END  %ecx
#define SP   %esp
#endif
#define STEP  512
#define BLOCK 256

	.text
	.globl	clear_sse
	.type	clear_sse, @function
clear_sse:
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

#ifndef __x86_64__
/* Moves that may fault: then they go on at 9. */
.macro	may_fault
	.pushsection __ex_table, "a"
	.balign	4
	.long	8b - ., 9f - .
	.popsection
.endm
.macro	load insn, offset, reg
8:	\insn	\offset(FROM), \reg
	may_fault
.endm
.macro	store insn, reg, offset
8:	\insn	\reg, \offset(FROM, TO)
	may_fault
.endm

/* TO becomes its distance from FROM; offsets fit into a byte. */
.macro	copy name, wide, insn, a, b
	.globl	\name
	.type	\name, @function
\name:
	sub	$2 * \wide, SP
	\insn	\a, (SP)
	\insn	\b, \wide(SP)
	sub	FROM, TO
	sub	$-BLOCK / 2, FROM
	sub	$BLOCK, N
1:	.set	at, -BLOCK / 2
	.rept	BLOCK / \wide / 2
	load	\insn, at, \a
	load	\insn, "at + \wide", \b
	store	\insn, \a, at
	store	\insn, \b, "at + \wide"
	.set	at, at + 2 * \wide
	.endr
	add	$BLOCK, FROM
	sub	$BLOCK, N
	jae	1b
9:	lea	BLOCK(N), %eax
	\insn	(SP), \a
	\insn	\wide(SP), \b
	add	$2 * \wide, SP
	ret
.endm

	copy	copy_avx, 32, vmovups, %ymm0, %ymm1
	copy	copy_sse, 16, movups, %xmm0, %xmm1
#endif

	.section .note.GNU-stack, "", @progbits
