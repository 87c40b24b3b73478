/* SPDX-License-Identifier: BSD-2-Clause
 *
 * malloc.c - libquire-malloc.so: the C library's allocation functions on the heap's engine.
 *
 *	LD_PRELOAD=libquire-malloc.so PROGRAM
 *
 * A call takes its magazine from the thread's own storage, which is there before the first
 * instruction of the thread and needs no look whether it is: until it has joined the heap it
 * stands for "no magazine" (heap_quick.h).  The first call that misses joins; the end of the thread
 * gives everything back, and what the C library still frees after that goes straight to the spans.
 *
 * What the heap refuses (a double free, say) is reported and ends the program: whatever it does
 * next would be done with memory that is not what it thinks.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"
#include "mm/heap_quick.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct qr_heap malloc_heap;

/* Classes of sizes up to 1 KiB in steps of 16, as mm/heap_class.c has them. */
#define EACH(first, c) [first] = c
#define TWO(first, c)  [first... first + 1] = c
#define FOUR(first, c) [first... first + 3] = c
#define EIGHT(x, f, n, c)                                                                        \
	x(f, c), x(f + n, c + 1), x(f + 2 * n, c + 2), x(f + 3 * n, c + 3), x(f + 4 * n, c + 4), \
	    x(f + 5 * n, c + 5), x(f + 6 * n, c + 6), x(f + 7 * n, c + 7)

__thread struct malloc_thread malloc_thread TLS_INITIAL = {
	.l = {
		.top = { [0 ... QR_HEAP_CLASSES - 1] = NOTHING },
		.spare = { [0 ... QR_HEAP_CLASSES - 1] = NOTHING },
		.closed = true,
	},
	.class = { EIGHT(EACH, 0, 1, 0), EIGHT(EACH, 8, 1, 8), EIGHT(TWO, 16, 2, 16),
		   EIGHT(FOUR, 32, 4, 24) },
};

static __thread bool ending TLS_INITIAL;
static pthread_key_t key;
static bool have_key;
static uint32_t started; /* 0: not, 1: somebody is about it, 2: yes */

void qr_host_relax(void)
{
	sched_yield();
}

_Noreturn void qr_host_panic(const char *rule, const char *file, int line)
{
	malloc_say("quire-malloc: %s (%s:%d)\n", rule, file, line);
	abort();
}

/* ---- beginning and end ------------------------------------------------------------------------ */

static void report(void *ctx, const struct qr_heap_fault *fault)
{
	static const char *const words[] = {
		[QR_HEAP_FOREIGN] = "not from malloc",
		[QR_HEAP_INTERIOR] = "not the begin of an object",
		[QR_HEAP_DOUBLE] = "free already",
		[QR_HEAP_SIZE] = "of another size",
	};

	(void)ctx;
	malloc_say("quire-malloc: %p is %s (object %p of %zu bytes)\n", fault->p,
		   words[fault->wrong], fault->object, fault->size);
	abort();
}

static void end_thread(void *unused)
{
	(void)unused;
	ending = true;
	qr_heap_leave(&malloc_heap, &malloc_thread.l);
}

/* A fork copies one thread.  Nobody may hold a lock then; but the others may be in the middle of
 * exchanging magazines, so what they had in these is lost to the child, some hundred objects. */
static void before_fork(void)
{
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		qr_lock_acquire(&malloc_heap.class[c].lock);
	qr_lock_acquire(&malloc_heap.lock);
	pages_lock();
}

static void after_fork(void)
{
	pages_unlock();
	qr_lock_release(&malloc_heap.lock);
	for (unsigned c = QR_HEAP_CLASSES; c--;)
		qr_lock_release(&malloc_heap.class[c].lock);
}

/* Who waited for a lock has a ticket, and will never come: the locks begin anew. */
static void after_fork_in_child(void)
{
	pages_reset_lock();
	qr_lock_init(&malloc_heap.lock, QR_RANK_HEAP);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		qr_lock_init(&malloc_heap.class[c].lock, QR_RANK_HEAP);
	idle_forget();
	malloc_heap.locals = NULL;
	if (!malloc_thread.l.closed) {
		malloc_thread.l.next = malloc_thread.l.prev = NULL;
		malloc_heap.locals = &malloc_thread.l;
	}
}

static bool start(void)
{
	struct qr_heap_source source;
	uint32_t no = 0;

	if (qr_load_acq32(&started) == 2)
		return true;
	if (!qr_cas32(&started, &no, 1)) {
		while (qr_load_acq32(&started) == 1)
			qr_host_relax();
		return qr_load_acq32(&started) == 2;
	}
	if (!pages_init(&source) || qr_heap_init(&malloc_heap, &source, 0) != QR_OK) {
		qr_store_rel32(&started, 0);
		return false;
	}
	qr_heap_set_report(&malloc_heap, report, NULL);
	qr_store_rel32(&started, 2);
	return true;
}

static __attribute__((constructor)) void set_up(void)
{
	if (!start())
		return;
	have_key = pthread_key_create(&key, end_thread) == 0;
	if (have_key && !malloc_thread.l.closed)
		pthread_setspecific(key, &key);
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
	stats_set_up();
	idle_set_up();
}

/* Before anything that is not quick: the heap is there, and so are this thread's magazines. */
static bool prepare(void)
{
	if (QR_LIKELY(!malloc_thread.l.closed))
		return true;
	if (!start())
		return false;
	if (ending)
		return true;
	qr_heap_join(&malloc_heap, &malloc_thread.l);
	if (have_key)
		pthread_setspecific(key, &key);
	return true;
}

/* ---- malloc, free ----------------------------------------------------------------------------- */

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

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
			poison(&malloc_heap, class, at, FRESH);
			*mark_at(at) = 0;
			return (void *)at;
		}
	}
	p = prepare() ? qr_heap_alloc(&malloc_heap, n) : NULL;
	return p ? p : no_memory();
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
	poison(&malloc_heap, (unsigned)class, p, FRESH);
	*mark_at(p) = 0;
	return (void *)p;
}

static __attribute__((noinline)) void free_odd(void *p)
{
	int saved = errno;

	if (p && prepare()) {
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

	if (QR_RARELY(!s || s->class == CLASS_LARGE || !is_object(s, p) || *mark_at(p) == MARK ||
		      !qr_heap_make_room(&malloc_heap, l, s->class))) {
		free_odd(ptr);
		return;
	}
	poison(&malloc_heap, s->class, p, FREED);
	*mark_at(p) = MARK;
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
	poison(&malloc_heap, class, p, FREED);
	*mark_at(p) = MARK;
	*top = p;
	move_top(l, class, 1);
	return;
slow:
	free_slow(ptr);
}

EXPORT void *calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return no_memory();
	if (bytes <= 1024) {
		p = malloc(bytes);
		return p ? memset(p, 0, bytes) : NULL;
	}
	p = prepare() ? qr_heap_zalloc(&malloc_heap, bytes) : NULL;
	return p ? p : no_memory();
}

EXPORT void *realloc(void *old, size_t n)
{
	void *p;

	if (!old)
		return malloc(n);
	if (n == 0) {
		free(old);
		return NULL;
	}
	p = prepare() ? qr_heap_realloc(&malloc_heap, old, n) : NULL;
	return p ? p : no_memory();
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? no_memory() : realloc(old, bytes);
}

/* ---- alignment -------------------------------------------------------------------------------- */

static void *aligned(size_t align, size_t n)
{
	return prepare() ? qr_heap_aligned(&malloc_heap, align, n) : NULL;
}

EXPORT void *memalign(size_t align, size_t n)
{
	void *p;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (align & (align - 1)) /* any number is rounded up to a power of two, as glibc does */
		align = (align | (align - 1)) + 1;
	p = aligned(align ? align : 1, n);
	return p ? p : no_memory();
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
	if (align == 0 || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return memalign(align, n);
}

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	void *p;

	if (align < sizeof(void *) || align & (align - 1))
		return EINVAL;
	p = aligned(align, n);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

EXPORT void *valloc(size_t n)
{
	return memalign(QR_PAGE_SIZE, n);
}

EXPORT void *pvalloc(size_t n)
{
	return n > SIZE_MAX - QR_PAGE_SIZE
		   ? no_memory()
		   : memalign(QR_PAGE_SIZE, (n + QR_PAGE_MASK) & ~(size_t)QR_PAGE_MASK);
}

/* ---- the rest of the family ------------------------------------------------------------------- */

EXPORT size_t malloc_usable_size(void *p)
{
	return p && prepare() ? qr_heap_usable(&malloc_heap, p) : 0;
}

EXPORT int malloc_trim(size_t pad)
{
	size_t npages;

	(void)pad;
	if (!prepare())
		return 0;
	npages = qr_heap_trim(&malloc_heap);
	return pages_purge() || npages;
}

EXPORT int mallopt(int what, int value)
{
	(void)what, (void)value;
	return 1; /* nothing to tune, and nothing that a program could do about it */
}
