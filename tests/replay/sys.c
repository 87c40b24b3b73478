/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sys.c - raw calls, and words for the transcript.
 *
 * The C library's own calls keep errno in thread storage and may map memory; these do neither.
 */
#include "tests/replay/replay.h"
#include "tests/lib/linux_call.h"
#include <string.h>

long sys(long nr, const long *a)
{
	return sys6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

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
