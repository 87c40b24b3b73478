/* SPDX-License-Identifier: BSD-2-Clause
 *
 * misuse.c - a program that does one thing wrong with malloc, named by its argument: to see what
 * the library in front of it says.  Linked with -rdynamic, so that its functions have names.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The compiler knows malloc, and would leave out what it knows to be wrong. */
static char *volatile sink;

char *make(size_t n);
void drop(char *p);

__attribute__((noinline)) char *make(size_t n)
{
	sink = malloc(n);
	return sink;
}

__attribute__((noinline)) void drop(char *p)
{
	sink = p;
	free(sink);
	__asm__ volatile(""); /* this call is no jump */
}

static void double_free(void)
{
	char *p = make(100);

	drop(p);
	drop(p);
}

/* What was written in between hides that it is free. */
static void hidden_double_free(void)
{
	char *p = make(100);

	drop(p);
	memset(sink, 0x55, 100);
	drop(p);
	malloc_trim(0);
	free(make(100));
	free(make(100));
}

static void interior(void)
{
	drop(make(100) + 16);
}

static void foreign(void)
{
	static char here[100];

	drop(here + 32);
}

static void large_double_free(void)
{
	char *p = make(1000000);

	drop(p);
	drop(p);
}

/* As long as those that are kept for another caller. */
static void kept_double_free(void)
{
	char *p = make(100000);

	drop(p);
	drop(p);
}

static void overrun(void)
{
	char *p = make(100);

	p[100] = 1;
	drop(p);
}

static void underrun(void)
{
	char *p = make(100);

	p[-1] = 1;
	drop(p);
}

static void overrun_at_exit(void)
{
	make(100)[100] = 1;
}

static void use_after_free(void)
{
	char *p = make(100);

	drop(p);
	sink[50] = 1;
	for (int i = 0; i < 100000; i++) /* until it would be somebody else's */
		drop(make(100));
}

static void realloc_freed(void)
{
	char *p = make(100);

	drop(p);
	p = sink;
	sink = realloc(p, 300);
}

static void large_overrun(void)
{
	char *p = make(1000000);

	memset(p, 1, malloc_usable_size(p) + 1);
}

static void large_after_free(void)
{
	char *p = make(1000000);

	drop(p);
	sink[500000] = 1;
}

/* To the end of its span, whatever that is. */
static void long_overrun(void)
{
	memset(make(100), 1, 65536);
}

/* No misuse: in which order do objects come? */
static void order(void)
{
	int up = 0;

	for (char *before = make(100), *p; (p = make(100)) && up >= 0; before = p)
		if (p < before || ++up == 30)
			break;
	fprintf(stderr, "%s\n", up == 30 ? "in order" : "by chance");
}

static void leak(void)
{
	for (int i = 0; i < 10; i++)
		make(1000);
}

static void nothing(void)
{
	drop(make(100));
}

static const struct {
	const char *name;
	void (*run)(void);
} all[] = {
	{ "double-free", double_free },
	{ "hidden-double-free", hidden_double_free },
	{ "interior", interior },
	{ "foreign", foreign },
	{ "large-double-free", large_double_free },
	{ "kept-double-free", kept_double_free },
	{ "overrun", overrun },
	{ "underrun", underrun },
	{ "overrun-at-exit", overrun_at_exit },
	{ "use-after-free", use_after_free },
	{ "realloc-freed", realloc_freed },
	{ "large-overrun", large_overrun },
	{ "large-after-free", large_after_free },
	{ "long-overrun", long_overrun },
	{ "order", order },
	{ "leak", leak },
	{ "nothing", nothing },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (argc > 1 && !strcmp(argv[1], all[i].name)) {
			all[i].run();
			return 0;
		}
	fprintf(stderr, "%s: no such misuse\n", argc > 1 ? argv[1] : "");
	return 2;
}
