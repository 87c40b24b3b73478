/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap.c - see tap.h.  One mutex guards the counters and the lines.
 */
#include "tap.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned count, failures;

static void result(bool good, const char *fmt, va_list args)
{
	count++;
	failures += !good;
	printf("%sok %u - ", good ? "" : "not ", count);
	vprintf(fmt, args);
	putchar('\n');
}

static void where(const char *text, const char *file, int line)
{
	printf("# %s:%d: %s\n", file, line, text);
}

bool tap_ok(bool cond, const char *text, const char *file, int line, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	va_start(args, fmt);
	result(cond, fmt, args);
	va_end(args);
	if (!cond)
		where(text, file, line);
	fflush(stdout);
	pthread_mutex_unlock(&lock);
	return cond;
}

bool tap_is(uint64_t got, uint64_t want, const char *text, const char *file, int line,
	    const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	va_start(args, fmt);
	result(got == want, fmt, args);
	va_end(args);
	if (got != want) {
		where(text, file, line);
		printf("# got %#" PRIx64 ", want %#" PRIx64 "\n", got, want);
	}
	fflush(stdout);
	pthread_mutex_unlock(&lock);
	return got == want;
}

void tap_die(const char *text, const char *file, int line, const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	va_start(args, fmt);
	result(false, fmt, args);
	va_end(args);
	where(text, file, line);
	fflush(stdout);
	_Exit(1);
}

void diag(const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	fputs("# ", stdout);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

void skip(const char *fmt, ...)
{
	va_list args;

	pthread_mutex_lock(&lock);
	printf("ok %u # SKIP ", ++count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&lock);
}

int done(void)
{
	printf("1..%u\n", count);
	fflush(stdout);
	return failures != 0;
}

uint64_t seed(void)
{
	static uint64_t value;
	static bool known;

	if (!known) {
		const char *text = getenv("QUIRE_SEED");
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		value = text ? strtoull(text, NULL, 0)
			     : (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
		known = true;
		diag("QUIRE_SEED=%" PRIu64, value);
	}
	return value;
}

uint64_t random64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t bound)
{
	return random64(state) % bound;
}
