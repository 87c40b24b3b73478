/* SPDX-License-Identifier: BSD-2-Clause
 *
 * string.c - copying, filling and comparing memory.
 *
 * Up to two words: overlapping loads and stores, no loop.  Longer: one string instruction, plus
 * one unaligned word that covers the rest, so that no tail loop is needed; copies of many bytes by
 * blocks first (arch/x86/bulk.h).  The loops are
 * assembly, because the compiler would turn a loop in C into a call of the very function.
 */
#include <stdint.h>

#define STRING_FUNCTIONS_ONLY
#include "arch/x86/bulk.h"
#include "kernel/lib/string.h"

#define WORD sizeof(word)
#ifdef __x86_64__
#define COPY "rep movsq"
#define FILL "rep stosq"
#else
#define COPY "rep movsl"
#define FILL "rep stosl"
#endif

/* Words of memory at any alignment and of any type. */
typedef uintptr_t word __attribute__((may_alias, aligned(1)));
typedef uint32_t half __attribute__((may_alias, aligned(1)));
typedef uint16_t quarter __attribute__((may_alias, aligned(1)));

/* n <= 2 words.  All is read before anything is written: the two may overlap. */
static inline __attribute__((always_inline)) void copy_short(char *to, const char *from, size_t n)
{
	if (n >= WORD) {
		word a = *(const word *)from, b = *(const word *)(from + n - WORD);

		*(word *)to = a;
		*(word *)(to + n - WORD) = b;
	} else if (WORD == 8 && n >= 4) {
		half a = *(const half *)from, b = *(const half *)(from + n - 4);

		*(half *)to = a;
		*(half *)(to + n - 4) = b;
	} else if (n >= 2) {
		quarter a = *(const quarter *)from, b = *(const quarter *)(from + n - 2);

		*(quarter *)to = a;
		*(quarter *)(to + n - 2) = b;
	} else if (n) {
		*to = *from;
	}
}

void *memcpy(void *to, const void *from, size_t n)
{
	char *di = to;
	const char *si = from;

	if (n <= 2 * WORD) {
		copy_short(di, si, n);
		return to;
	}
	/* On 64 bits what the kernel copies within itself is short: asking would cost more than it gives. */
	if (sizeof(word) == 4 && QR_RARELY(bulk_pays(n))) {
		size_t left = bulk.copy(di, si, n);

		memcpy(di + (n - left), si + (n - left), left);
		return to;
	}
	word last = *(const word *)(si + n - WORD);
	word *end = (word *)(di + n - WORD);
	size_t count = (n - 1) / WORD;

	__asm__ volatile(COPY : "+D"(di), "+S"(si), "+c"(count) : : "memory");
	*end = last;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *di = to;
	const char *si = from;

	if (n <= 2 * WORD) {
		copy_short(di, si, n);
		return to;
	}
	if ((uintptr_t)di - (uintptr_t)si >= n)
		return memcpy(to, from, n);

	/* `to` begins inside `from`: backwards, the first word last. */
	word first = *(const word *)si;
	size_t count = (n - 1) / WORD;

	di += n - WORD;
	si += n - WORD;
	__asm__ volatile("std\n\t" COPY "\n\tcld" : "+D"(di), "+S"(si), "+c"(count) : : "memory");
	*(word *)to = first;
	return to;
}

void *memset(void *to, int byte, size_t n)
{
	uintptr_t pattern = (uint8_t)byte * (UINTPTR_MAX / 0xff);
	char *di = to;

	if (n < WORD) {
		if (n >= 4) {
			*(half *)di = (uint32_t)pattern;
			*(half *)(di + n - 4) = (uint32_t)pattern;
		} else if (n) {
			di[0] = (char)byte;
			di[n / 2] = (char)byte;
			di[n - 1] = (char)byte;
		}
		return to;
	}
	*(word *)(di + n - WORD) = pattern;
	size_t count = (n - 1) / WORD;

	__asm__ volatile(FILL : "+D"(di), "+c"(count) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n >= WORD; n -= WORD, p += WORD, q += WORD)
		if (*(const word *)p != *(const word *)q)
			break;
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	for (const unsigned char *p = s; n; n--, p++)
		if (*p == (unsigned char)byte)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end) {
		end++;
		__asm__("" : "+r"(end)); /* or the compiler makes a call of strlen of it */
	}
	return (size_t)(end - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s || !n; s++)
		if (!strncmp(s, what, n))
			return (char *)s;
	return NULL;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t n = strlen(from);

	if (size) {
		size_t take = n < size ? n : size - 1;

		memcpy(to, from, take);
		to[take] = 0;
	}
	return n;
}
