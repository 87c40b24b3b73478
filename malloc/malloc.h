/* SPDX-License-Identifier: BSD-2-Clause
 *
 * malloc.h - what the files of libquire-malloc.so share.
 *
 *	malloc.c    the functions that programs call
 *	quick.c     malloc and free, as the release library has them
 *	process.c   the heap's begin, threads, forks, errors
 *	pages.c     where the heap's pages come from
 *	idle.c      giving memory back when nothing happens
 *	stats.c     what a program and its user can ask
 *
 * Three libraries are made of these:
 *
 *	libquire-malloc.so            MALLOC_QUICK
 *	libquire-malloc-debug.so      MALLOC_DEBUG: debug.c and mm/heap_debug.c, no quick.c
 *	libquire-malloc-hardened.so   QR_HEAP_HARDENED: guard.c and mm/heap_hardened.c, no quick.c
 */
#ifndef MALLOC_MALLOC_H
#define MALLOC_MALLOC_H

#include <quire/heap.h>

#define EXPORT __attribute__((visibility("default")))

extern struct qr_heap malloc_heap __attribute__((visibility("hidden")));

/* What the family is made of.  Debug: with the place that called, which must be the function that
 * the program called; so these are macros. */
#ifdef MALLOC_DEBUG
#include <quire/heap_debug.h>
extern struct qr_heap_debug malloc_debug __attribute__((visibility("hidden")));

#define SITE                   ((uintptr_t)__builtin_return_address(0))
#define heap_alloc(n)          qr_heap_debug_alloc(&malloc_debug, n, SITE)
#define heap_zalloc(n)         qr_heap_debug_zalloc(&malloc_debug, n, SITE)
#define heap_aligned(align, n) qr_heap_debug_aligned(&malloc_debug, align, n, SITE)
#define heap_realloc(p, n)     qr_heap_debug_realloc(&malloc_debug, p, n, SITE)
#define heap_free(p)           qr_heap_debug_free(&malloc_debug, p, SITE)
#define heap_usable(p)         qr_heap_debug_usable(&malloc_debug, p)
#define heap_trim()            qr_heap_debug_trim(&malloc_debug)

/* Behind malloc_heap's begin; what the environment wishes, once there is one. */
bool debug_begin(void);
void debug_set_up(void);
/* For fork. */
void debug_lock(void);
void debug_unlock(void);
void debug_reset_lock(void);
/* Where an object was allocated and freed. */
void debug_explain(const struct qr_heap_fault *fault);
#else
#define heap_alloc(n)          qr_heap_alloc(&malloc_heap, n)
#define heap_zalloc(n)         qr_heap_zalloc(&malloc_heap, n)
#define heap_aligned(align, n) qr_heap_aligned(&malloc_heap, align, n)
#define heap_realloc(p, n)     qr_heap_realloc(&malloc_heap, p, n)
#define heap_free(p)           qr_heap_free(&malloc_heap, p)
#define heap_usable(p)         qr_heap_usable(&malloc_heap, p)
#define heap_trim()            qr_heap_trim(&malloc_heap)

#define debug_begin()        true
#define debug_set_up()       ((void)0)
#define debug_lock()         ((void)0)
#define debug_unlock()       ((void)0)
#define debug_reset_lock()   ((void)0)
#define debug_explain(fault) ((void)0)
#endif

/* Guard pages (guard.c). */
#ifdef QR_HEAP_HARDENED
bool guard_source(struct qr_heap_source *src);
#else
#define guard_source(src) true
#endif

/* Of each thread.  Its magazines are closed until it has called malloc, and again when it ends. */
struct malloc_thread {
	struct qr_heap_local l;
	uint8_t class[1024 / 16]; /* of sizes, in steps of 16: near, where malloc needs it */
};

/* A pointer to it.  On x86-64 one relative to fs, so that the thread's base, which is a load and
 * an addition, need not be known. */
#if defined(__x86_64__) && !defined(MALLOC_PLAIN_TLS) /* which the thread sanitizer needs */
typedef struct malloc_thread __seg_fs *local_ref;

QR_INLINE local_ref my_local(void)
{
	uintptr_t offset;

	__asm__("movq malloc_thread@gottpoff(%%rip), %0" : "=r"(offset));
	return (local_ref)offset;
}

/* top[class] += by, in one instruction. */
#define move_top(local, class_, by)                                                            \
	__asm__ volatile("addq %2, %%fs:(%0,%1,8)"                                             \
			 :                                                                     \
			 : "r"(local), "r"((size_t)(class_)), "i"((by) * (int)sizeof(qr_word)) \
			 : "memory", "cc")
#else
typedef struct malloc_thread *local_ref;

QR_INLINE local_ref my_local(void)
{
	return &malloc_thread;
}

#ifdef MALLOC_PLAIN_TLS
#define move_top(local, class, by) \
	__atomic_store_n(&(local)->l.top[class], (local)->l.top[class] + (by), __ATOMIC_RELAXED)
#else
#define move_top(local, class, by) ((local)->l.top[class] += (by))
#endif
#endif

/* Before anything that is not quick: the heap is there, and so are this thread's magazines.
 * False: neither can be. */
bool malloc_join(void);

QR_INLINE bool malloc_prepare(void)
{
	return QR_LIKELY(!malloc_thread.l.closed) || malloc_join();
}

/* A call that leaves errno alone: it is the program's, or another thread's. */
QR_INLINE long quiet_call(long nr, long a, long b, long c, long d)
{
	long ret;

#ifdef __x86_64__
	register long r10 __asm__("r10") = d;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory");
#endif
	return ret;
}

/* errno is ENOMEM; null. */
void *malloc_no_memory(void);

/* printf to standard error, without buffers and without malloc: %p %s %d %zu. */
void malloc_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* It goes there also after the program has closed it, as those do that check their output. */
void malloc_keep_stderr(void);

/* $QUIRE_MALLOC_STATS: a table at exit. */
void stats_set_up(void);

/* After memory was freed: if much of it is unused, see that it goes back to the system soon.
 * whole: it was an object of whole pages, so that the depots need not be looked at. */
void idle_look(bool whole);
void idle_set_up(void);
/* In the child of a fork, which has no thread but its own. */
void idle_forget(void);

#endif
