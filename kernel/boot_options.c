/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot_options.c - words of the command line.
 */
#include "kernel/boot_info.h"
#include "kernel/lib/string.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

const char *boot_option(const char *name, size_t *len)
{
	size_t n = strlen(name);
	const char *found = NULL;

	for (const char *p = boot_info.cmdline; *p;) {
		while (is_blank(*p))
			p++;
		const char *word = p;

		while (*p && !is_blank(*p))
			p++;
		if ((size_t)(p - word) < n || strncmp(word, name, n))
			continue;
		if (word + n == p)
			found = p;
		else if (word[n] == '=')
			found = word + n + 1;
		else
			continue;
		*len = (size_t)(p - found);
	}
	return found;
}

bool boot_has_option(const char *name)
{
	size_t len;

	return boot_option(name, &len) != NULL;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static int suffix_shift(char c)
{
	switch (c | 0x20) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	}
	return -1;
}

uint64_t boot_option_number(const char *name, uint64_t otherwise)
{
	size_t len;
	const char *p = boot_option(name, &len), *end = p + len;
	unsigned base = 10;
	uint64_t value = 0;

	if (!p || !len)
		return otherwise;
	if (len > 2 && p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	for (; p < end && digit_value(*p) < (int)base; p++)
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (unsigned)digit_value(*p), &value))
			return otherwise;
	if (p < end) {
		int shift = suffix_shift(*p++);

		if (shift < 0 || p != end || value << shift >> shift != value)
			return otherwise;
		value <<= shift;
	}
	return value;
}
