/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sys.c - raw calls, and words for the transcript.
 *
 * The C library's own calls keep errno in thread storage and may map memory; these do neither.
 */
#include "tests/replay/replay.h"
#include <string.h>

#ifdef __x86_64__
long sys(long nr, const long *a)
{
	register long r10 __asm__("r10") = a[3], r8 __asm__("r8") = a[4], r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#else
/* ebx may hold the library's tables and ebp the frame: both are saved by hand. */
long sys(long nr, const long *a)
{
	long ret;

	__asm__ volatile("push %%ebx\n\t"
			 "push %%ebp\n\t"
			 "mov 0(%%edi), %%ebx\n\t"
			 "mov 4(%%edi), %%ecx\n\t"
			 "mov 8(%%edi), %%edx\n\t"
			 "mov 12(%%edi), %%esi\n\t"
			 "mov 20(%%edi), %%ebp\n\t"
			 "mov 16(%%edi), %%edi\n\t"
			 "int $0x80\n\t"
			 "pop %%ebp\n\t"
			 "pop %%ebx"
			 : "=a"(ret), "+D"(a)
			 : "a"(nr)
			 : "ecx", "edx", "esi", "memory", "cc");
	return ret;
}
#endif

/* ---- words ---------------------------------------------------------------------------- */

/* The hash is of lines, whoever said them: FNV-1a. */
void say(const char *words)
{
	struct board *b = board;
	uint64_t h = b->hash;

	for (; *words; words++) {
		h = (h ^ (uint8_t)*words) * 0x100000001b3;
		if (b->loud && b->length < sizeof(b->text) - 1)
			b->text[b->length++] = *words;
	}
	b->hash = h;
}

static void say_digits(uint64_t n, unsigned radix, bool minus)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = 0;
	do
		*--p = "0123456789abcdef"[n % radix];
	while (n /= radix);
	if (minus)
		*--p = '-';
	say(p);
}

void say_number(int64_t n)
{
	say_digits(n < 0 ? -(uint64_t)n : (uint64_t)n, 10, n < 0);
}

void say_hex(uint64_t n)
{
	say("0x");
	say_digits(n, 16, false);
}
