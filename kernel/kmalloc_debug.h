/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kmalloc_debug.h - what kmalloc is made of: the engine, or in a kernel built with DEBUG=1 the heap
 * that watches its callers, in front of it.
 *
 * A debug kernel panics when it finds that somebody wrote where he should not have; it says by
 * whom the object was allocated and freed.  At the end it lists what is in use, by callers.
 */
#ifndef KERNEL_KMALLOC_DEBUG_H
#define KERNEL_KMALLOC_DEBUG_H

#include <quire/heap_debug.h>
#include "kernel/kmalloc.h"

#ifdef QR_DEBUG

extern struct qr_heap_debug kernel_watch; /* its heap is null if kernel_heap is diverted */

#define SITE ((uintptr_t)__builtin_return_address(0))

#define watched(watching, plain) (kernel_watch.heap ? (watching) : (plain))

#define heap_alloc(n) \
	watched(qr_heap_debug_alloc(&kernel_watch, n, SITE), qr_heap_alloc(&kernel_heap, n))
#define heap_zalloc(n) \
	watched(qr_heap_debug_zalloc(&kernel_watch, n, SITE), qr_heap_zalloc(&kernel_heap, n))
#define heap_realloc(p, n)                                        \
	watched(qr_heap_debug_realloc(&kernel_watch, p, n, SITE), \
		qr_heap_realloc(&kernel_heap, p, n))
#define heap_free(p) \
	watched(qr_heap_debug_free(&kernel_watch, p, SITE), qr_heap_free(&kernel_heap, p))

void kmalloc_watch(void);
/* Where an object was allocated and freed.  Panics if bytes of it were written by nobody who may. */
void kmalloc_explain(const struct qr_heap_fault *fault);

#else

#define heap_alloc(n)      qr_heap_alloc(&kernel_heap, n)
#define heap_zalloc(n)     qr_heap_zalloc(&kernel_heap, n)
#define heap_realloc(p, n) qr_heap_realloc(&kernel_heap, p, n)
#define heap_free(p)       qr_heap_free(&kernel_heap, p)

#define kmalloc_watch()        ((void)0)
#define kmalloc_explain(fault) ((void)0)

#endif

#endif
