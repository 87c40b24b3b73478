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

#include "mm/heap_quick.h"

#include <errno.h>
#include <stdlib.h>

/* An object of a class out of any magazine: loaded, spare or in the depot; or 0. */
static uintptr_t from_magazines(struct qr_heap_local *l, unsigned class)
{
	uintptr_t p = pop(l, class);

	if (!p && qr_heap_reload(&malloc_heap, l, class))
		p = pop(l, class);
	return p;
}

static __attribute__((noinline)) void *malloc_slow(size_t n)
{
	struct qr_heap_local *l = &malloc_thread.l;
	void *p;

	if (QR_LIKELY(n <= QR_HEAP_MAX_SMALL && !l->closed)) {
		unsigned class = class_of(&malloc_heap, n);
		uintptr_t at = from_magazines(l, class);

		if (at) {
			give_out(&malloc_heap, class, at);
			return (void *)at;
		}
	}
	p = malloc_prepare() ? qr_heap_alloc(&malloc_heap, n) : NULL;
	return p ? p : malloc_no_memory();
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
	size_t class;
	qr_word *top;
	uintptr_t p;

	if (QR_RARELY(step >= sizeof(l->class))) /* n = 0, too */
		return malloc_slow(n);
	class = l->class[step];
	top = l->l.top[class];
	p = top[-1];
	if (QR_RARELY(!p))
		return malloc_slow(n);
	move_top(l, class, -1);
	give_out(&malloc_heap, (unsigned)class, p);
	return (void *)p;
}

static __attribute__((noinline)) void free_odd(void *p)
{
	int saved = errno;

	if (p && malloc_prepare()) {
		(void)qr_heap_free(&malloc_heap, p);
		idle_look();
	}
	errno = saved;
}

/* No room, or an object of a class without a check, or something odd. */
static __attribute__((noinline)) void free_slow(void *ptr)
{
	struct qr_heap_local *l = &malloc_thread.l;
	uintptr_t p = (uintptr_t)ptr;
	struct qr_span *s = span_of(&malloc_heap, p);

	if (QR_RARELY(!s || s->class == CLASS_LARGE || !is_object(s, p) ||
		      is_marked(&malloc_heap, p) ||
		      !qr_heap_make_room(&malloc_heap, l, s->class))) {
		free_odd(ptr);
		return;
	}
	retire(&malloc_heap, s->class, p);
	push(l, s->class, p);
	idle_look();
}

EXPORT void free(void *ptr)
{
	uintptr_t p = (uintptr_t)ptr;
	local_ref l = my_local();
	qr_word *top;
	unsigned class;

	if (QR_RARELY(!quick_look(&malloc_heap, p, &class)))
		goto slow;
	top = l->l.top[class];
	if (QR_RARELY(is_full(top)))
		goto slow;
	retire(&malloc_heap, class, p);
	*top = p;
	move_top(l, class, 1);
	return;
slow:
	free_slow(ptr);
}
