/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/proc/text.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"

static char *more_room(struct text *t, size_t n)
{
	size_t size = t->size ? t->size : 1024;
	char *bytes;

	if (t->err)
		return NULL;
	while (size - t->n < n)
		size *= 2;
	bytes = krealloc(t->bytes, size);
	if (!bytes) {
		t->err = -ENOMEM;
		return NULL;
	}
	t->bytes = bytes;
	t->size = size;
	return bytes + t->n;
}

char *text_room(struct text *t, size_t n)
{
	return QR_LIKELY(t->size - t->n >= n && !t->err) ? t->bytes + t->n : more_room(t, n);
}

void text_put(struct text *t, const void *bytes, size_t n)
{
	char *to = text_room(t, n);

	if (to) {
		memcpy(to, bytes, n);
		t->n += n;
	}
}

void text_string(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args;
	size_t room = 128;
	char *to = text_room(t, room);
	int n = 0;

	if (to) {
		va_start(args, format);
		n = kvsnprintf(to, room, format, args);
		va_end(args);
	}
	if ((size_t)n >= room) {
		to = text_room(t, (size_t)n + 1);
		if (!to)
			return;
		va_start(args, format);
		kvsnprintf(to, (size_t)n + 1, format, args);
		va_end(args);
	}
	t->n += (size_t)n;
}

void text_pad(struct text *t, size_t line, size_t column)
{
	size_t n = t->n - line;
	char *to = n < column ? text_room(t, column - n) : NULL;

	if (to) {
		memset(to, ' ', column - n);
		t->n += column - n;
	}
}

/* As many digits at once as a word has bytes: a byte for each nibble, the highest first; 10 to 15
 * are letters. */
#define EACH_BYTE(b) (UINTPTR_MAX / 0xff * (b))
static void word_digits(char *to, uintptr_t x)
{
#if UINTPTR_MAX > UINT32_MAX
	x = (x | x << 16) & 0x0000ffff0000ffffu;
#endif
	x = (x | x << 8) & UINTPTR_MAX / 0xffff * 0xff;
	x = (x | x << 4) & EACH_BYTE(0x0f);
	x += EACH_BYTE('0') + ((x + EACH_BYTE(6)) >> 4 & EACH_BYTE(1)) * ('a' - '9' - 1);
	x = sizeof(x) == 8 ? (uintptr_t)__builtin_bswap64(x) : __builtin_bswap32((uint32_t)x);
	memcpy(to, &x, sizeof(x));
}

static void eight_digits(char *to, uint32_t v)
{
	if (sizeof(uintptr_t) == 8) {
		word_digits(to, v);
	} else {
		word_digits(to, v >> 16);
		word_digits(to + 4, v & 0xffff);
	}
}

/* The first digit to the top; what is written behind the last one does not matter. */
char *write_hex(char *to, uint64_t v, unsigned least)
{
	unsigned n = (67u - (unsigned)__builtin_clzll(v | 1)) / 4;

	if (n < least)
		n = least;
	if (sizeof(uintptr_t) == 4 && QR_LIKELY(n <= 8)) {
		eight_digits(to, (uint32_t)v << (32 - 4 * n));
		return to + n;
	}
	v <<= 64 - 4 * n;
	eight_digits(to, (uint32_t)(v >> 32));
	if (n > 8)
		eight_digits(to + 8, (uint32_t)v);
	return to + n;
}

/* At least `width` places, the first of them blank. */
static char *put_digits(char *to, uint64_t v, unsigned width)
{
	char digits[24], *end = digits + sizeof(digits), *at = end;
	uintptr_t low;
	size_t n;

	/* What a word holds is the common case: no 64-bit division on i686. */
	for (; QR_RARELY(v > UINTPTR_MAX); v /= 10)
		*--at = (char)('0' + v % 10);
	for (low = (uintptr_t)v; low > 9; low /= 10)
		*--at = (char)('0' + low % 10);
	*--at = (char)('0' + low);
	n = (size_t)(end - at);
	if (width > n) {
		memcpy(to, "        ", 8);
		to += width - n;
	}
	while (at < end)
		*to++ = *at++;
	return to;
}

char *write_number(char *to, uint64_t v)
{
	return put_digits(to, v, 0);
}

void text_number(struct text *t, uint64_t v)
{
	char *to = text_room(t, 32);

	if (to)
		t->n = (size_t)(put_digits(to, v, 0) - t->bytes);
}

void text_hex(struct text *t, uint64_t v, unsigned least)
{
	char *to = text_room(t, 32);

	if (to)
		t->n = (size_t)(write_hex(to, v, least) - t->bytes);
}

/* A line: its name, a number of at least so many places, its tail. */
static inline void named(struct text *t, const char *name, size_t n, uint64_t v, unsigned least,
			 const char *tail, size_t ntail)
{
	char *to = text_room(t, n + 36 + ntail);

	if (!to)
		return;
	memcpy(to, name, n);
	to += n;
	if (least && !v) { /* most of smaps */
		memcpy(to, "       0", 8);
		to += 8;
	} else {
		to = put_digits(to, v, least);
	}
	memcpy(to, tail, ntail);
	t->n = (size_t)(to + ntail - t->bytes);
}

void text_count(struct text *t, const char *name, size_t n, uint64_t v)
{
	named(t, name, n, v, 0, "\n", 1);
}

void text_kb(struct text *t, const char *name, size_t n, uint64_t kb)
{
	named(t, name, n, kb, 8, " kB\n", 4);
}

void text_free(struct text *t)
{
	kfree(t->bytes);
	*t = (struct text){ 0 };
}
