/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The kernel's printf: against the C library's, conversion by conversion and at random.
 */
// sources: kernel/format.c
#include "tap.h"

#include "kernel/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#endif

/* Both into the same size; the whole buffer must agree, so that nothing is written behind it. */
#define SAME(size, ...)                                                                    \
	do {                                                                               \
		char a[128], b[128];                                                       \
		size_t room = (size);                                                      \
		memset(a, 'x', sizeof(a));                                                 \
		memset(b, 'x', sizeof(b));                                                 \
		int na = ksnprintf(a, room, __VA_ARGS__);                                  \
		int nb = snprintf(b, room, __VA_ARGS__);                                   \
		must(na == nb && !memcmp(a, b, sizeof(a)), "\"%s\" against \"%s\"", a, b); \
	} while (0)

static void fixed(void)
{
	SAME(100, "plain, 100 %%");
	SAME(100, "%d %i %u", INT_MIN, INT_MAX, UINT_MAX);
	SAME(100, "%ld %lu %lld %llu", LONG_MIN, ULONG_MAX, LLONG_MIN, ULLONG_MAX);
	SAME(100, "%hhd %hd %hhu %hu", 0x1ff, 0x1ffff, 0x1ff, 0x1ffff);
	SAME(100, "%zu %zd %td %jd", (size_t)-1, (size_t)5, (ptrdiff_t)-5, (intmax_t)-1);
	SAME(100, "%s|%10s|%-10s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
	SAME(100, "%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME(100, "%.0d|%.0u|%5.0d|", 0, 0, 0);
	SAME(0, "%d", 5);
	SAME(1, "%d", 5);
	SAME(4, "%s", "abcdef");
	SAME(100, "%*d|%-*d|%*d", 6, 5, 6, 5, -6, 5);
	ok(true, "conversions as C's");
	char text[32];
	is(ksnprintf(text, sizeof(text), "%s", (char *)NULL), 6, "a null string");
	ok(!strcmp(text, "(null)"), "is named");
	is(ksnprintf(text, sizeof(text), "%p", (void *)(uintptr_t)0x12ab), 2 * sizeof(void *),
	   "a pointer has all its digits");
}

static void random_numbers(void)
{
	uint64_t state = seed();

	for (int i = 0; i < 200000; i++) {
		static const char *const flags[] = {
			"", "-", "0", "+", " ", "#", "-#", "0#", "+0"
		};
		static const char letters[] = "dux";
		char format[32], letter = letters[random_below(&state, 3)];
		const char *flag = flags[random_below(&state, letter == 'd' ? 5 : 3)];
		uint64_t value = random64(&state) >> random_below(&state, 64);

		if (letter == 'x' && random_below(&state, 2))
			flag = flags[5 + random_below(&state, 3)];
		if (random_below(&state, 2))
			snprintf(format, sizeof(format), "%%%s%dll%c", flag,
				 (int)random_below(&state, 30), letter);
		else
			snprintf(format, sizeof(format), "%%%s%d.%dll%c", flag,
				 (int)random_below(&state, 30), (int)random_below(&state, 30),
				 letter);
		SAME(random_below(&state, 60), format, (long long)value);
	}
	ok(true, "random numbers, widths, precisions and sizes");
}

int main(void)
{
	fixed();
	random_numbers();
	return done();
}
