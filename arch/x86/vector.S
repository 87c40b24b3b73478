/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vector.S - clear a page and copy many bytes by wide registers; see bulk.h.
 *
 *	clear_avx(page)			128 stores instead of 512 (64 bits) or 1024 steps
 *	clear_sse(page)			256
 *	copy_avx(to, from, n)		304 instructions a page instead of 512 (64 bits) or 1024 steps
 *	copy_sse(to, from, n)		560 (i686)
 *					n >= 256; both answer how many bytes are left over
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
#define FROM %rsi
#define N    %rdx
#define END  %rcx
#define LEFT %rax
#define SP   %rsp
#else
#define TO   %eax
#define FROM %edx
#define N    %ecx
#define END  %ecx
#define LEFT %eax
#define SP   %esp
#endif
#define STEP  512
#define BLOCK 256

	.text
.macro	clear name, wide, put, insn, a, empty:vararg
	.globl	\name
	.type	\name, @function
\name:
	sub	$\wide, SP
	\put	\a, (SP)
	\empty
	lea	4096(TO), END
1:	.set	at, 0
	.rept	STEP / \wide
	\insn	\a, at(TO)
	.set	at, at + \wide
	.endr
	add	$STEP, TO
	cmp	END, TO
	jne	1b
	\put	(SP), \a
	add	$\wide, SP
	ret
.endm

	clear	clear_avx, 32, vmovups, vmovaps, %ymm0, vxorps %xmm0, %xmm0, %xmm0
	clear	clear_sse, 16, movups, movaps, %xmm0, xorps %xmm0, %xmm0

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
9:	lea	BLOCK(N), LEFT
	\insn	(SP), \a
	\insn	\wide(SP), \b
	add	$2 * \wide, SP
	ret
.endm

	copy	copy_avx, 32, vmovups, %ymm0, %ymm1
#ifndef __x86_64__
	copy	copy_sse, 16, movups, %xmm0, %xmm1
#endif

	.section .note.GNU-stack, "", @progbits
