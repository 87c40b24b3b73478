/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bulk.c - string instructions, and who does better.
 */
#include "arch/x86/bulk.h"
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"

#ifdef __x86_64__
#define FILL "rep stosq"
#define COPY "rep movsq"
#else
#define FILL "rep stosl"
#define COPY "rep movsl"
#endif
#define WORD  sizeof(uintptr_t)
#define LEAST 512

void clear_avx(void *page);
void clear_sse(void *page);
size_t copy_avx(void *to, const void *from, size_t n);
size_t copy_sse(void *to, const void *from, size_t n);

static void clear_words(void *page)
{
	size_t n = QR_PAGE_SIZE / WORD;

	__asm__ volatile(FILL : "+D"(page), "+c"(n) : "a"((uintptr_t)0) : "memory");
}

static size_t copy_words(void *to, const void *from, size_t n)
{
	size_t words = n / WORD;

	__asm__ volatile(COPY : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	return n % WORD;
}

struct bulk bulk = { clear_words, copy_words, SIZE_MAX };

void bulk_init(void)
{
	if (cpu_features.erms || !cpu_features.sse)
		return;
	bulk.clear = clear_sse;
#ifndef __x86_64__
	bulk.copy = copy_sse;
	bulk.least = LEAST;
#endif
	if (fpu.features & FPU_AVX)
		bulk = (struct bulk){ clear_avx, copy_avx, LEAST };
}
