/* SPDX-License-Identifier: BSD-2-Clause
 *
 * guard.c - pages.c's pages, with a page that nobody can access behind each run.
 *
 *	| span | guard | large object ........ | guard | free, not accessible | span | guard |
 *
 * A run that is given back loses its memory at once and cannot be accessed until it is given out
 * again: who still writes to it is stopped there and then.
 *
 * Linux gives a process 65 530 mappings, and each guarded run takes two.  So at most GUARDS runs
 * at a time have a guard; when there are more, the others are plain.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define GUARDS 24000u

static struct qr_heap_source plain;
static uint32_t nguards;
static uint8_t *guarded; /* by number of the first page: 1 if that run is */

static void *get(void *ctx, size_t npages, size_t align, bool *zeroed)
{
	char *p = plain.pages(ctx, npages + 1, align, zeroed);
	size_t bytes = npages << QR_PAGE_SHIFT;
	bool guard = qr_add32(&nguards, 1) < GUARDS;

	if (!p || mprotect(p, guard ? bytes : bytes + QR_PAGE_SIZE, PROT_READ | PROT_WRITE)) {
		if (p)
			plain.free(ctx, p, npages + 1);
		qr_add32(&nguards, -1u);
		return NULL;
	}
	guard = guard && !mprotect(p + bytes, QR_PAGE_SIZE, PROT_NONE);
	if (!guard)
		qr_add32(&nguards, -1u);
	guarded[(uintptr_t)p >> QR_PAGE_SHIFT] = guard;
	return p;
}

static void give(void *ctx, void *p, size_t npages)
{
	uint8_t *guard = &guarded[(uintptr_t)p >> QR_PAGE_SHIFT];
	size_t bytes = npages << QR_PAGE_SHIFT;

	if (madvise(p, bytes, MADV_DONTNEED)) /* locked in memory */
		memset(p, 0, bytes);
	if (*guard) {
		(void)mprotect(p, bytes, PROT_NONE);
		*guard = 0;
		qr_add32(&nguards, -1u);
	}
	plain.free(ctx, p, npages + 1);
}

static void *grow(void *ctx, void *p, size_t npages, size_t more)
{
	(void)ctx, (void)p, (void)npages, (void)more;
	return NULL;
}

/* With a page on either side that is none. */
static void *reserve(void *ctx, size_t bytes)
{
	char *p = plain.reserve(ctx, bytes + 2 * QR_PAGE_SIZE);

	if (!p)
		return NULL;
	(void)mprotect(p, QR_PAGE_SIZE, PROT_NONE);
	(void)mprotect(p + QR_PAGE_SIZE + bytes, QR_PAGE_SIZE, PROT_NONE);
	return p + QR_PAGE_SIZE;
}

static uint64_t random64(void *ctx)
{
	uint64_t value =
	    (uintptr_t)&ctx ^ (uintptr_t)&plain; /* where it is, should there be no more */

	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value;
}

bool guard_source(struct qr_heap_source *src)
{
	plain = *src;
	guarded = reserve(src->ctx, src->nbytes >> QR_PAGE_SHIFT);
	src->pages = get;
	src->free = give;
	src->grow = grow;
	src->reserve = reserve;
	src->random = random64;
	return guarded != NULL;
}
