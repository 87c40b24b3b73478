/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kmalloc_debug.c - see kmalloc_debug.h; nothing of it is in a release kernel.
 */
#include "kernel/kmalloc_debug.h"

#ifdef QR_DEBUG

#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/symbols.h"

#define PLACES 16u

struct qr_heap_debug kernel_watch;

void kmalloc_watch(void)
{
	size_t hold = (size_t)frames.total * QR_PAGE_SIZE / 64;

	if (!kernel_heap.other && qr_heap_debug_init(&kernel_watch, &kernel_heap, hold) != QR_OK)
		panic("not enough memory to start: the heap's watch");
}

static void say_place(const char *what, uintptr_t site)
{
	char name[64];
	uintptr_t offset;

	if (symbol_of(site, name, sizeof(name), &offset))
		log_error("%s %s+%#lx\n", what, name, (unsigned long)offset);
	else
		log_error("%s %p\n", what, (void *)site);
}

void kmalloc_explain(const struct qr_heap_fault *fault)
{
	if (fault->alloc_site) {
		log_error("kmalloc: %zu bytes were asked for\n", fault->asked);
		say_place("kmalloc: allocated by", fault->alloc_site);
		if (fault->free_site)
			say_place("kmalloc: freed by", fault->free_site);
	}
	if (fault->at)
		panic("byte %ld of the object at %p %s",
		      (long)((char *)fault->at - (char *)fault->object), fault->object,
		      qr_heap_wrong_words(fault->wrong));
}

void kmalloc_settle(void)
{
	if (kernel_watch.heap)
		qr_heap_debug_trim(&kernel_watch);
}

void kmalloc_farewell(void)
{
	struct qr_heap_group top[PLACES], all;
	char what[64];
	size_t n;

	if (!kernel_watch.heap)
		return;
	(void)qr_heap_debug_check(&kernel_watch);
	n = qr_heap_debug_groups(&kernel_watch, top, PLACES, &all);
	log_error("kmalloc: in use at the end: %zu bytes in %zu objects, from %zu places\n",
		  all.bytes, all.objects, n);
	for (size_t i = 0; i < n && i < PLACES; i++) {
		ksnprintf(what, sizeof(what), "kmalloc: %8zu bytes in %5zu objects by",
			  top[i].bytes, top[i].objects);
		say_place(what, top[i].site);
	}
}

#endif
