/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quick.c - malloc and free of the release library: the few instructions that most calls are.
 *
 * A call takes its magazine from the thread's own storage, which is there before the first
 * instruction of the thread and needs no look whether it is: until it has joined the heap it
 * stands for "no magazine" (heap_quick.h).  The first call that misses joins.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "mm/heap_kept.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static __attribute__((noinline)) void *malloc_slower(size_t n)
{
	void *p = NULL;

	if (malloc_prepare())
		p = n > QR_HEAP_MAX_SMALL ? qr_heap_alloc_large(&malloc_heap, n, 1)
					  : qr_heap_alloc(&malloc_heap, n);
	return p ? p : malloc_no_memory();
}

/* The loaded magazine is empty. */
static __attribute__((noinline)) void *malloc_slow(size_t n, size_t class)
{
	struct qr_heap_local *l = &malloc_thread.l;
	uintptr_t p;

	if (!qr_heap_reload(&malloc_heap, l, (unsigned)class))
		return malloc_slower(n);
	p = pop(l, (unsigned)class);
	give_out(&malloc_heap, (unsigned)class, p);
	return (void *)p;
}

/* An object of a class out of the loaded magazine. */
QR_INLINE void *quick_alloc(local_ref l, size_t class, size_t n)
{
	qr_word *top = l->l.top[class];
	uintptr_t p = top[-1];

	if (QR_RARELY(!p))
		return malloc_slow(n, class);
	move_top(l, class, -1);
	give_out(&malloc_heap, (unsigned)class, p);
	return (void *)p;
}

/* Whole pages, or 0. */
static __attribute__((noinline)) void *malloc_large(size_t n)
{
	size_t npages = rounded(pages_for(n));
	struct qr_span *s = NULL;

	if (n - 1 < LOCAL_MOST)
		s = from_local(&malloc_heap, &malloc_thread.l, npages);
	return QR_LIKELY(s) ? (void *)s->start : malloc_slower(n);
}

/* More than 1 KiB, or 0. */
static __attribute__((noinline)) void *malloc_medium(size_t n)
{
	if (QR_RARELY(n - 1 >= QR_HEAP_MAX_SMALL))
		return malloc_large(n);
	return quick_alloc(my_local(), CLASS_OF(n), n);
}

/* As it is: the compiler compares it before it divides, otherwise, and needs two copies. */
QR_INLINE size_t plain(size_t n)
{
	__asm__("" : "+r"(n));
	return n;
}

EXPORT void *malloc(size_t n)
{
	size_t step = plain((n - 1) / 16);
	local_ref l = my_local();

	if (QR_RARELY(step >= sizeof(l->class)))
		return malloc_medium(n);
	return quick_alloc(l, l->class[step], n);
}

/* Large, or null, or without a check, or wrong. */
static __attribute__((noinline)) void free_odd(void *p)
{
	struct qr_span *s;
	int saved;

	if (!p)
		return;
	s = large_of(&malloc_heap, (uintptr_t)p);
	if (s && to_local(&malloc_heap, &malloc_thread.l, s))
		return;
	saved = errno;
	if (malloc_prepare()) {
		if (s)
			qr_heap_free_large(&malloc_heap, s);
		else
			(void)qr_heap_free(&malloc_heap, p);
		idle_look(true);
	}
	errno = saved;
}

static uint32_t exchanges; /* with the depots; it does not matter if some are not counted */

/* The loaded magazine, which is full, has room again. */
QR_INLINE bool make_room(struct qr_heap_local *l, unsigned class)
{
	uint32_t nth;

	if (!qr_heap_make_room(&malloc_heap, l, class))
		return false;
	nth = qr_load32(&exchanges) + 1;
	qr_store32(&exchanges, nth);
	if (nth % 64 == 0)
		idle_look(false);
	return true;
}

/* A good object, but the magazine is full. */
static __attribute__((noinline)) void free_slow(void *p, size_t class)
{
	struct qr_heap_local *l = &malloc_thread.l;

	if (QR_RARELY(!make_room(l, (unsigned)class))) {
		free_odd(p);
		return;
	}
	retire(&malloc_heap, (unsigned)class, (uintptr_t)p);
	push(l, (unsigned)class, (uintptr_t)p);
}

EXPORT void free(void *ptr)
{
	uintptr_t p = (uintptr_t)ptr;
	local_ref l = my_local();
	qr_word *top;
	unsigned class;

	if (QR_RARELY(!quick_look(&malloc_heap, p, &class))) {
		free_odd(ptr);
		return;
	}
	top = l->l.top[class];
	if (QR_RARELY(is_full(top))) {
		free_slow(ptr, class);
		return;
	}
	retire(&malloc_heap, class, p);
	qr_store_word(top, p);
	move_top(l, class, 1);
}

EXPORT size_t malloc_usable_size(void *p)
{
	unsigned class;

	if (QR_LIKELY(quick_look(&malloc_heap, (uintptr_t)p, &class)))
		return malloc_heap.class[class].size;
	return p && malloc_prepare() ? qr_heap_usable(&malloc_heap, p) : 0;
}

EXPORT void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return malloc_no_memory();
	if (bytes <= QR_HEAP_MAX_SMALL) {
		p = malloc(bytes);
		return p ? memset(p, 0, bytes) : NULL;
	}
	p = malloc_prepare() ? qr_heap_zalloc(&malloc_heap, bytes) : NULL;
	return p ? p : malloc_no_memory();
}

/* What is larger than a class, or odd. */
static __attribute__((noinline)) void *realloc_slow(void *old, size_t n)
{
	void *p;

	if (!old)
		return malloc(n);
	if (n == 0) {
		free(old);
		return NULL;
	}
	p = malloc_prepare() ? qr_heap_realloc(&malloc_heap, old, n) : NULL;
	return p ? p : malloc_no_memory();
}

/* As qr_heap_realloc does it, for small objects. */
EXPORT void *realloc(void *old, size_t n)
{
	unsigned class;
	size_t have;
	void *p;

	if (QR_RARELY(!quick_look(&malloc_heap, (uintptr_t)old, &class) || n - 1 >= PTRDIFF_MAX))
		return realloc_slow(old, n);
	have = malloc_heap.class[class].size;
	if (n <= have && (n > have / 2 || have == QR_HEAP_ALIGN))
		return old;
	p = malloc(n);
	if (!p)
		return n <= have ? old : NULL;
	memcpy(p, old, n < have ? n : have);
	free(old);
	return p;
}
