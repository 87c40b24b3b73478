/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's memory and string functions, and its divisions on 32 bits: against the C library
 * and the compiler, at random sizes, offsets and overlaps.
 */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "arch/x86/bulk.h"

/* What vector.S does: whole blocks, by pieces that are read before they are written. */
static size_t copy_blocks(void *to, const void *from, size_t n)
{
	size_t done = 0;

	for (; n - done >= 256; done += 256)
		for (size_t at = done; at < done + 256; at += 32) {
			char piece[32];

			memcpy(piece, (const char *)from + at, sizeof(piece));
			memcpy((char *)to + at, piece, sizeof(piece));
		}
	return n - done;
}

struct bulk bulk = { .copy = copy_blocks, .least = 512 };

/* The kernel's under names of their own. */
#define memcpy        kernel_memcpy
#define memmove       kernel_memmove
#define memset        kernel_memset
#define memcmp        kernel_memcmp
#define memchr        kernel_memchr
#define strlen        kernel_strlen
#define strnlen       kernel_strnlen
#define strcmp        kernel_strcmp
#define strncmp       kernel_strncmp
#define strchr        kernel_strchr
#define strrchr       kernel_strrchr
#define strstr        kernel_strstr
#define strlcpy       kernel_strlcpy
#define __popcountsi2 kernel_popcount32
#define __popcountdi2 kernel_popcount64
#define __ctzdi2      kernel_ctz64
#define __clzdi2      kernel_clz64
#include "kernel/lib/bits.c"
#include "kernel/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr
#undef strlcpy

#ifdef __i386__
#define __udivmoddi4 kernel_udivmod
#define __udivdi3    kernel_udiv
#define __umoddi3    kernel_umod
#define __divmoddi4  kernel_divmod
#define __divdi3     kernel_div
#define __moddi3     kernel_mod
#include "kernel/lib/div64.c"
#endif

#define SIZE 512

static uint64_t state;

static void fill(char *p)
{
	for (size_t i = 0; i < SIZE; i++)
		p[i] = (char)random64(&state);
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void memory(void)
{
	char a[SIZE], b[SIZE], other[SIZE];

	for (int i = 0; i < 100000; i++) {
		size_t n = random_below(&state, random_below(&state, 2) ? 40 : SIZE / 2);
		size_t to = random_below(&state, SIZE - n), from = random_below(&state, SIZE - n);

		if (!(i % 64)) {
			fill(a);
			fill(other);
		}
		memcpy(b, a, SIZE);
		switch (random_below(&state, 3)) {
		case 0:
			must(kernel_memcpy(a + to, other + from, n) == a + to, "memcpy's answer");
			memcpy(b + to, other + from, n);
			break;
		case 1:
			must(kernel_memmove(a + to, a + from, n) == a + to, "memmove's answer");
			memmove(b + to, b + from, n);
			break;
		case 2:
			kernel_memset(a + to, (int)from, n);
			memset(b + to, (int)from, n);
		}
		must(!memcmp(a, b, SIZE), "%zu bytes to %zu from %zu", n, to, from);
		b[random_below(&state, SIZE)]++;
		must(sign(kernel_memcmp(a + to, b + to, n)) == sign(memcmp(a + to, b + to, n)),
		     "memcmp of %zu bytes", n);
		must(kernel_memchr(a + to, 7, n) == memchr(a + to, 7, n), "memchr");
	}
	ok(true, "copy, move, set, compare, find");
}

static void make_string(char *s, size_t max)
{
	size_t n = random_below(&state, max);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)('a' + random_below(&state, 3));
	s[n] = 0;
}

static void strings(void)
{
	char a[20], b[6], c[12];

	for (int i = 0; i < 100000; i++) {
		make_string(a, sizeof(a));
		make_string(b, sizeof(b));
		size_t n = random_below(&state, sizeof(c));

		must(kernel_strlen(a) == strlen(a), "strlen");
		must(kernel_strnlen(a, n) == strnlen(a, n), "strnlen");
		must(sign(kernel_strcmp(a, b)) == sign(strcmp(a, b)), "strcmp");
		must(sign(kernel_strncmp(a, b, n)) == sign(strncmp(a, b, n)), "strncmp");
		must(kernel_strstr(a, b) == strstr(a, b), "strstr %s %s", a, b);
		must(kernel_strchr(a, *b) == strchr(a, *b), "strchr");
		must(kernel_strrchr(a, *b) == strrchr(a, *b), "strrchr");
		must(kernel_strlcpy(c, a, n) == strlen(a), "strlcpy");
		must(!n || (strlen(c) == (strlen(a) < n ? strlen(a) : n - 1) &&
			    !strncmp(a, c, strlen(c))),
		     "strlcpy copies");
	}
	ok(true, "strings");
}

static void numbers(void)
{
	for (int i = 0; i < 100000; i++) {
		uint64_t n = random64(&state) >> random_below(&state, 64);

		must(!n || (kernel_ctz64(n) == __builtin_ctzll(n) &&
			    kernel_clz64(n) == __builtin_clzll(n)),
		     "zeroes of %llx", (unsigned long long)n);
		must(kernel_popcount64(n) == __builtin_popcountll(n), "bits of %llx",
		     (unsigned long long)n);
#ifdef __i386__
		uint64_t d = random64(&state) >> random_below(&state, 64) | 1;

		/* The compiler's division is its library's, not the one under test. */
		must(kernel_udiv(n, d) == n / d && kernel_umod(n, d) == n % d, "%llx / %llx",
		     (unsigned long long)n, (unsigned long long)d);
		must(kernel_div((int64_t)n, (int64_t)d) == (int64_t)n / (int64_t)d &&
			 kernel_mod((int64_t)n, (int64_t)d) == (int64_t)n % (int64_t)d,
		     "%llx / %llx with sign", (unsigned long long)n, (unsigned long long)d);
#endif
	}
	ok(true, "bits and divisions");
}

int main(void)
{
	state = seed();
	memory();
	strings();
	numbers();
	return done();
}
