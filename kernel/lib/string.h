/* SPDX-License-Identifier: BSD-2-Clause
 *
 * string.h - the functions of C's <string.h> that the kernel (and the compiler) needs.
 *
 * Context: any.
 */
#ifndef KERNEL_LIB_STRING_H
#define KERNEL_LIB_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);

/* Copy as much as fits, always end it.  The answer is strlen(from): >= size means cut. */
size_t strlcpy(char *to, const char *from, size_t size);

/* Freestanding code gets no builtins by name: ask for them, so that copies of a few bytes become
 * a few moves.  string.c itself, which defines the functions, does not. */
#ifndef STRING_FUNCTIONS_ONLY
#define memcpy(to, from, n)  __builtin_memcpy(to, from, n)
#define memmove(to, from, n) __builtin_memmove(to, from, n)
#define memset(to, byte, n)  __builtin_memset(to, byte, n)
#define memcmp(a, b, n)      __builtin_memcmp(a, b, n)
#define strlen(s)            __builtin_strlen(s)
#endif

#endif
