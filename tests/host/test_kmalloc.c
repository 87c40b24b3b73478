/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kmalloc on a host: what it logs of wrong frees, in a release kernel and (the sanitizers' builds)
 * in a debug one.
 */
// sources: kernel/kmalloc.c kernel/kmalloc_debug.c
#include "heap_arena.h"
#include "plain_host.h"
#include "tap.h"

#include "kernel/kmalloc.h"
#include "kernel/memory.h"
#include "kernel/backtrace.h"
#include "kernel/panic.h"
#include "drivers/clock.h"
#include "kernel/symbols.h"
#include "kernel/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the kernel around it --------------------------------------------------------------------- */

static char said[4000];
static jmp_buf end;
static unsigned backtraces;

static void add(const char *format, va_list args)
{
	size_t n = strlen(said);

	(void)vsnprintf(said + n, sizeof(said) - n, format, args);
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	add(format, args);
	va_end(args);
}

int ksnprintf(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to, size, format, args);
	va_end(args);
	return n;
}

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(format, args);
	va_end(args);
	longjmp(end, 1);
}

void backtrace(uintptr_t ip, uintptr_t sp)
{
	(void)ip, (void)sp;
	backtraces++;
}

bool symbol_of(uintptr_t addr, char *name, size_t size, uintptr_t *offset)
{
	(void)addr;
	*offset = 4;
	return snprintf(name, size, "caller") > 0;
}

void kmalloc_choose(void)
{
}

static struct timer *armed;

void timer_add(struct timer *t, uint64_t expires)
{
	must(expires == 1000000000, "in a second");
	t->pending = true;
	armed = t;
}

uint64_t clock_ns(void)
{
	return 0;
}

/* ---- tests ------------------------------------------------------------------------------------ */

#ifdef QR_DEBUG
#define DEBUG 1
#define CLASS                                                                           \
	"class of 144 bytes\nkmalloc: 100 bytes were asked for\nkmalloc: allocated by " \
	"caller+0x4\n"
#define FREED "kmalloc: freed by caller+0x4\n"
#else
#define DEBUG 0
#define CLASS "class of 112 bytes\n"
#define FREED ""
#endif

/* That this, and nothing else, was logged. */
static void logged(const char *words, const void *p, const void *object, const char *more)
{
	char expected[500];

	(void)snprintf(expected, sizeof(expected), "kfree: %p %s\n", p, words);
	if (object) {
		size_t n = strlen(expected);

		(void)snprintf(expected + n, sizeof(expected) - n, "kfree: object %p, %s%s", object,
			       CLASS, more);
	}
	if (!ok(!strcmp(said, expected) && backtraces == 1, "%s: said, with the way to it", words))
		diag("%s", said);
	said[0] = 0;
	backtraces = 0;
}

static void test_wrong_frees(void)
{
	char *p = kmalloc(100);
	int here;

	kfree(p + 16);
	logged("is not the begin of an object", p + 16, p, "");
	kfree(&here);
	logged("is no address of the heap", &here, NULL, "");
	kfree(p);
	kfree(p);
	logged("is free already", p, p, FREED);
	p = kmalloc(100);
	ok(p != kmalloc(100), "the heap is as it was");
	ok(!kmalloc(SIZE_MAX) && !kcalloc(SIZE_MAX / 2, 3) && !kmalloc((size_t)PTRDIFF_MAX + 1),
	   "sizes that wrap are refused");
}

static void test_idle(void)
{
	static void *p[3000];
	struct qr_heap_stats st;
	size_t pages;

	for (unsigned i = 0; i < 3000; i++)
		p[i] = kmalloc(200);
	for (unsigned i = 0; i < 3000; i++)
		kfree(p[i]);
	kmalloc_settle();
	qr_heap_stats(&kernel_heap, &st);
	pages = st.pages;
	armed = NULL;
	kmalloc_idle();
	if (!DEBUG) {
		ok(armed && pages > 3000 * 200 / 2, "idle: freed memory is there, a timer is set");
		armed->pending = false;
		armed->fn(armed);
	}
	qr_heap_stats(&kernel_heap, &st);
	ok(st.pages < 16 * QR_PAGE_SIZE && !qr_heap_slack(&kernel_heap), "it went to the frames");
	armed = NULL;
	kmalloc_idle();
	ok(!armed, "and there is nothing more to do");
}

#ifdef QR_DEBUG

/* `object + i`, which is not the caller's to write to. */
static void write_at(char *object, long i)
{
	__asm__ volatile("" : "+r"(object));
	object[i] = 1;
}

static void panics_with(const char *words, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!ok(strstr(said, text) && strstr(said, "kmalloc: allocated by caller+0x4"), "%s",
		words))
		diag("%s", said);
	said[0] = 0;
}

static void test_watch(void)
{
	char *volatile p = kmalloc(100);

	write_at(p, 100);
	if (!setjmp(end))
		kfree(p);
	panics_with("a byte behind an object", "byte 100 of the object at %p was written to behind",
		    p);
	p = kstrdup("seven..");
	write_at(p, -1);
	if (!setjmp(end))
		kfree(p);
	panics_with("a byte in front", "byte -1 of the object at %p was written to in front", p);
	p = kzalloc(100);
	kfree(p);
	write_at(p, 50);
	if (!setjmp(end))
		kmalloc_settle();
	panics_with("a byte of a freed object",
		    "byte 50 of the object at %p was written to after it was freed", p);
	kmalloc_farewell();
	ok(strstr(said, "objects by caller+0x4"), "the farewell lists what is in use");
}

#else

static void test_watch(void)
{
}

#endif

int main(void)
{
	arena_boot();
	kmalloc_init();
	test_wrong_frees();
	test_idle();
	test_watch();
	return done();
}
