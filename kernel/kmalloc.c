/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kmalloc.c - one qr_heap over low frames.
 *
 * The heap's pages are frames of the direct map: an object's address is its physical address plus
 * a constant, and no page table changes.  Large objects are frames in a row; where no such row is
 * free, the allocation fails, and who needs more than a few pages has to live with that.
 */
#include <quire/heap.h>
#include "kernel/backtrace.h"
#include "kernel/kmalloc.h"
#include "kernel/kmalloc_debug.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/log.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "kernel/timer.h"

struct qr_heap kernel_heap;

/* The heap has refused it and is as it was: the kernel goes on. */
static void wrong_free(void *ctx, const struct qr_heap_fault *fault)
{
	(void)ctx;
	log_error("kfree: %p %s\n", fault->p, qr_heap_wrong_words(fault->wrong));
	if (fault->size)
		log_error("kfree: object %p, class of %zu bytes\n", fault->object, fault->size);
	backtrace((uintptr_t)wrong_free, (uintptr_t)__builtin_frame_address(0));
	kmalloc_explain(fault);
}

void kmalloc_init(void)
{
	struct qr_heap_source source;

	qr_heap_source_frames(&source, &frames);
	if (qr_heap_init(&kernel_heap, &source, 1) != QR_OK)
		panic("not enough memory to start: the heap");
	qr_heap_set_report(&kernel_heap, wrong_free, NULL);
	kmalloc_choose();
	kmalloc_watch();
}

/* What nobody needed for a second goes back to the frames. */
static void settle(struct timer *t)
{
	(void)t;
	(void)qr_heap_trim(&kernel_heap);
}

void kmalloc_idle(void)
{
	static struct timer timer = { .fn = settle };

	if (!timer_pending(&timer) && qr_heap_slack(&kernel_heap))
		timer_add(&timer, now_ns() + NS_PER_SEC);
}

void *kmalloc(size_t n)
{
	return heap_alloc(n);
}

void *kzalloc(size_t n)
{
	return heap_zalloc(n);
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : heap_zalloc(bytes);
}

void *krealloc(void *p, size_t n)
{
	return heap_realloc(p, n);
}

void kfree(void *p)
{
	(void)heap_free(p);
}

QR_INLINE char *duplicate(const char *s, size_t len)
{
	char *copy = heap_alloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = 0;
	}
	return copy;
}

char *kstrndup(const char *s, size_t n)
{
	return duplicate(s, strnlen(s, n));
}

char *kstrdup(const char *s)
{
	return duplicate(s, strlen(s));
}
