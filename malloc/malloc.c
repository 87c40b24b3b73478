/* SPDX-License-Identifier: BSD-2-Clause
 *
 * malloc.c - libquire-malloc.so: the C library's allocation functions on the heap's engine.
 *
 *	LD_PRELOAD=libquire-malloc.so PROGRAM
 *
 * The same functions stand for all libraries; malloc.h says what they are made of in each.
 * The release one's malloc, free, calloc, realloc and malloc_usable_size are in quick.c.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

void *malloc_no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

/* Inlined, as all that the functions below share: what they call is called from where they are. */
QR_INLINE void *resize(void *old, size_t n)
{
	void *p = NULL;

	if (malloc_prepare())
		p = old ? heap_realloc(old, n) : heap_alloc(n);
	return p ? p : malloc_no_memory();
}

#ifndef MALLOC_QUICK

EXPORT void *malloc(size_t n)
{
	void *p = malloc_prepare() ? heap_alloc(n) : NULL;

	return p ? p : malloc_no_memory();
}

EXPORT void free(void *p)
{
	int saved = errno;

	if (p && malloc_prepare()) {
		(void)heap_free(p);
		idle_look(false);
	}
	errno = saved;
}

EXPORT void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return malloc_no_memory();
	p = malloc_prepare() ? heap_zalloc(bytes) : NULL;
	return p ? p : malloc_no_memory();
}

EXPORT void *realloc(void *old, size_t n)
{
	if (old && n == 0) {
		if (malloc_prepare())
			(void)heap_free(old);
		return NULL;
	}
	return resize(old, n);
}

EXPORT size_t malloc_usable_size(void *p)
{
	return p && malloc_prepare() ? heap_usable(p) : 0;
}

#endif

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? malloc_no_memory() : resize(old, bytes);
}

/* ---- alignment -------------------------------------------------------------------------------- */

QR_INLINE void *aligned(size_t align, size_t n)
{
	void *p = malloc_prepare() ? heap_aligned(align, n) : NULL;

	return p ? p : malloc_no_memory();
}

EXPORT void *memalign(size_t align, size_t n)
{
	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (align & (align - 1)) /* any number is rounded up to a power of two, as glibc does */
		align = (align | (align - 1)) + 1;
	return aligned(align ? align : 1, n);
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
	if (align == 0 || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align, n);
}

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	int saved = errno;
	void *p;

	if (align < sizeof(void *) || align & (align - 1))
		return EINVAL;
	p = aligned(align, n);
	errno = saved;
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

EXPORT void *valloc(size_t n)
{
	return aligned(QR_PAGE_SIZE, n);
}

EXPORT void *pvalloc(size_t n)
{
	return n > SIZE_MAX - QR_PAGE_SIZE
		   ? malloc_no_memory()
		   : aligned(QR_PAGE_SIZE, (n + QR_PAGE_MASK) & ~(size_t)QR_PAGE_MASK);
}

/* ---- the rest of the family ------------------------------------------------------------------- */

EXPORT int malloc_trim(size_t pad)
{
	size_t npages;

	(void)pad;
	if (!malloc_prepare())
		return 0;
	npages = heap_trim();
	return pages_purge() || npages;
}

EXPORT int mallopt(int what, int value)
{
	(void)what, (void)value;
	return 1; /* nothing to tune, and nothing that a program could do about it */
}
