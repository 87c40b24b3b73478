/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stats.c - numbers: mallinfo2, malloc_stats, and with QUIRE_MALLOC_STATS=1 a table at exit.
 *
 * The heap counts nothing while it works.  These walk over its spans, and what other threads do
 * meanwhile may be counted twice or not at all.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"
#include "mm/heap_impl.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int error_fd = STDERR_FILENO;

void malloc_say(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		(void)!write(error_fd, line,
			     (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void malloc_keep_stderr(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);

	if (error_fd == STDERR_FILENO && fd >= 0)
		error_fd = fd;
}

EXPORT struct mallinfo2 mallinfo2(void)
{
	struct qr_heap_stats st = { 0 };

	if (malloc_heap.map_pages)
		qr_heap_stats(&malloc_heap, &st);
	return (struct mallinfo2){
		.arena = st.pages - st.large + st.metadata,
		.hblks = 0,
		.hblkhd = st.large,
		.fsmblks = st.cached,
		.uordblks = st.used,
		.fordblks = st.pages - st.used + pages_dirty(),
		.keepcost = pages_dirty(),
	};
}

static int clamp(size_t n)
{
	return n > 0x7fffffff ? 0x7fffffff : (int)n;
}

EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 m = mallinfo2();

	return (struct mallinfo){
		.arena = clamp(m.arena),
		.hblkhd = clamp(m.hblkhd),
		.fsmblks = clamp(m.fsmblks),
		.uordblks = clamp(m.uordblks),
		.fordblks = clamp(m.fordblks),
		.keepcost = clamp(m.keepcost),
	};
}

struct census {
	size_t spans[QR_HEAP_CLASSES], used[QR_HEAP_CLASSES];
	size_t nlarge, large;
};

static void take_census(struct census *c)
{
	struct qr_span *s;

	for (size_t page = 0; (s = qr_heap_span_next(&malloc_heap, &page));) {
		if (s->class == CLASS_LARGE) {
			c->nlarge += !s->nfree;
			c->large += s->nfree ? 0 : s->limit;
		} else {
			c->spans[s->class]++;
			c->used[s->class] += s->nobj - s->nfree;
		}
	}
}

static void count_cached(void *ctx, const struct qr_heap_magazine *m, uintptr_t p)
{
	(void)m, (void)p;
	++*(size_t *)ctx;
}

static void print_class(unsigned class, const struct census *c)
{
	const struct qr_heap_class *k = &malloc_heap.class[class];
	size_t cached = 0, bytes = c->spans[class] * k->npages * QR_PAGE_SIZE;

	qr_heap_cached(&malloc_heap, class, count_cached, &cached);
	malloc_say("%8u %9zu %9zu %9zu KiB %9zu KiB %5zu %%\n", k->size, c->used[class] - cached,
		   cached, (c->used[class] - cached) * k->size >> 10, bytes >> 10,
		   bytes ? (c->used[class] - cached) * k->size * 100 / bytes : 0);
}

EXPORT void malloc_stats(void)
{
	struct census c = { 0 };
	struct qr_heap_stats st;

	if (!malloc_heap.map_pages)
		return;
	qr_lock_acquire(&malloc_heap.lock);
	take_census(&c);
	qr_lock_release(&malloc_heap.lock);
	qr_heap_stats(&malloc_heap, &st);
	malloc_say("quire-malloc, process %d\n", (int)getpid());
	malloc_say("%8s %9s %9s %13s %13s %7s\n", "size", "in use", "cached", "bytes in use",
		   "of pages", "used");
	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++)
		if (c.spans[i])
			print_class(i, &c);
	malloc_say("%8s %9zu %9s %9zu KiB\n", "large", c.nlarge, "", c.large >> 10);
	malloc_say(
	    "in use %zu KiB in %zu objects; pages %zu KiB, most ever %zu KiB; free pages with "
	    "memory %zu KiB; metadata %zu KiB\n",
	    st.used >> 10, st.objects, pages_used() >> 10, pages_peak() >> 10, pages_dirty() >> 10,
	    st.metadata >> 10);
}

void stats_set_up(void)
{
	const char *wish = getenv("QUIRE_MALLOC_STATS");

	if (!wish || !*wish || !strcmp(wish, "0"))
		return;
	malloc_keep_stderr();
	atexit(malloc_stats);
}
