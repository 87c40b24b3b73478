/* SPDX-License-Identifier: BSD-2-Clause
 *
 * backtrace.c - callers found on the stack, without frame pointers.
 *
 * A chain of frame pointers would cost each function three instructions and a register, of which
 * i686 has seven: a thirtieth of a system call (docs/design-notes.md).  So the kernel keeps none,
 * and a caller is known by what its return address must be: a word that points into the text, right
 * behind a call.
 *
 *	stack:	0000000000000007
 *		ffffffff80103a1c	behind `call qr_heap_free`: kfree+0x2c
 *		ffffffff8011200e	behind `call *%rax`: dispatch+0x1e ?
 *		0000000000000246
 *
 * Such a word may also lie in a part of the stack that a function took and did not write.  It is
 * believed if the call goes to a function that was printed since the last believed one; a call
 * through a pointer, and one to a function that went on by a jump, cannot be known and is printed
 * with `?`.
 */
#include "arch/x86/layout.h"
#include "arch/x86/tables.h"
#include "kernel/backtrace.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/symbols.h"

#define LINES_MAX 32
#define CALL_MAX  7 /* bytes of the longest call */

struct trace {
	uintptr_t starts[LINES_MAX]; /* functions printed since the last that was believed */
	unsigned nstarts, lines;
	uintptr_t last; /* printed last, and how often it came again */
	unsigned repeated;
};

static bool in_text(uintptr_t ip)
{
	return ip - (uintptr_t)image_text_start < (uintptr_t)(image_text_end - image_text_start);
}

/* Print the function that holds `ip`; or, `behind` 1, the byte before it, where a call ends, which
 * may be the last of its function.  Answers where the function begins. */
static uintptr_t print_place(uintptr_t ip, unsigned behind, const char *mark)
{
	char name[64];
	uintptr_t offset;

	if (in_text(ip - behind) && symbol_of(ip - behind, name, sizeof(name), &offset)) {
		kprintf("  %p  %s+%#lx%s\n", (void *)ip, name, (unsigned long)offset + behind,
			mark);
		return ip - behind - offset;
	}
	kprintf("  %p%s\n", (void *)ip, mark);
	return 0;
}

/* Length of an instruction with one byte of opcode whose next byte is `modrm` (SDM volume 2, 2.1). */
static unsigned length(const uint8_t *modrm)
{
	unsigned mod = modrm[0] >> 6, rm = modrm[0] & 7, n = 2;

	if (mod == 3)
		return n;
	if (rm == 4)
		rm = modrm[1] & 7, n++;
	return n + (mod == 1 ? 1 : mod == 2 || rm == 5 ? 4 : 0);
}

/* Whether a call ends at `ip`; its target then, 0 where a register or memory tells. */
static bool behind_call(uintptr_t ip, uintptr_t *target)
{
	const uint8_t *end = (const uint8_t *)ip;

	*target = 0;
	if (ip < (uintptr_t)image_text_start + CALL_MAX || !in_text(ip - 1))
		return false;
	if (end[-5] == 0xe8) {
		int32_t distance;

		memcpy(&distance, end - 4, sizeof(distance));
		*target = ip + (uintptr_t)(intptr_t)distance;
		if (in_text(*target))
			return true;
		*target = 0;
	}
	for (unsigned n = 2; n <= CALL_MAX; n++)
		if (end[-(int)n] == 0xff && (end[1 - (int)n] >> 3 & 7) == 2 &&
		    length(end + 1 - n) == n)
			return true;
	return false;
}

static void print_repeated(struct trace *t)
{
	if (t->repeated)
		kprintf("  ... %u times more\n", t->repeated);
	t->repeated = 0;
}

static void print_call(struct trace *t, uintptr_t ip, uintptr_t target)
{
	bool believed = false;

	for (unsigned i = 0; i < t->nstarts; i++)
		believed |= t->starts[i] == target;
	if (believed)
		t->nstarts = 0;
	t->starts[t->nstarts++] = print_place(ip, 1, believed ? "" : " ?");
	t->lines++;
	t->last = ip;
}

/* A recursion that filled the stack is one line, so that its beginning is still seen. */
static void print_calls(struct trace *t, const uintptr_t *sp, const uintptr_t *end)
{
	uintptr_t target;

	for (; sp < end && t->lines < LINES_MAX; sp++) {
		if (!behind_call(*sp, &target))
			continue;
		if (*sp == t->last) {
			t->repeated++;
			continue;
		}
		print_repeated(t);
		print_call(t, *sp, target);
	}
	print_repeated(t);
}

/* Where the stack ends on which `sp` lies: the task's, the boot's, or one of the image for
 * exceptions.  0: none.  Of a stack that ran over, `sp` is moved out of the guard page below. */
static uintptr_t stack_end(uintptr_t *sp)
{
	uintptr_t top = tss_stack(), size = KSTACK_SIZE;

	if (*sp - (uintptr_t)boot_stack_guard < (uintptr_t)(boot_stack_top - boot_stack_guard)) {
		top = (uintptr_t)boot_stack_top;
		size = (uintptr_t)(boot_stack_top - boot_stack);
	} else if (*sp - (uintptr_t)image_data_start < (uintptr_t)(image_end - image_data_start)) {
		return (uintptr_t)image_end;
	}
	if (*sp >= top || top - *sp > size + QR_PAGE_SIZE)
		return 0;
	if (*sp < top - size)
		*sp = top - size;
	return top;
}

void backtrace(uintptr_t ip, uintptr_t sp)
{
	struct trace t = { 0 };
	uintptr_t end;

	t.starts[t.nstarts++] = print_place(ip, 0, "");
	t.lines = 1;
	sp = (sp + sizeof(sp) - 1) & -sizeof(sp);
	end = stack_end(&sp);
	print_calls(&t, (const uintptr_t *)sp, (const uintptr_t *)end);
}
