/* SPDX-License-Identifier: BSD-2-Clause
 *
 * patterns.c - what programs do with malloc, one pattern at a time, for whoever counts.
 *
 *	patterns NAME PAIRS [null]
 *
 * does PAIRS pairs of malloc and free; with `null`, everything but these, so that the difference
 * of two runs is what they cost.  The sizes and the order are the same in each run.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*take)(size_t) = malloc;
static void (*give)(void *) = free;

static __attribute__((noinline)) void *null_take(size_t n)
{
	return (void *)n;
}

static __attribute__((noinline)) void null_give(void *p)
{
	__asm__ volatile("" : : "r"(p));
}

static uint32_t state = 2463534242u;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* ---- the patterns ----------------------------------------------------------------------------- */

/* One object at a time. */
static void same(long pairs, size_t size, long unused)
{
	(void)unused;
	for (long i = 0; i < pairs; i++)
		give(take(size));
}

/* `live` objects are taken, then all given back, in the same order. */
static void batch(long pairs, size_t size, long live)
{
	void **p = calloc((size_t)live, sizeof(*p));

	for (long done = 0; done < pairs; done += live) {
		for (long i = 0; i < live; i++)
			p[i] = take(size);
		for (long i = 0; i < live; i++)
			give(p[i]);
	}
	free(p);
}

/* `live` objects of random sizes; a random one is replaced by another. */
static void churn(long pairs, size_t most, long live)
{
	void **p = calloc((size_t)live, sizeof(*p));

	for (long i = 0; i < live; i++)
		p[i] = take(16 + next() % (most - 15));
	for (long i = 0; i < pairs; i++) {
		long k = next() % live;
		size_t size = 16 + next() % (most - 15);

		give(p[k]);
		p[k] = take(size);
	}
	for (long i = 0; i < live; i++)
		give(p[i]);
	free(p);
}

/* ---- freed by another thread ------------------------------------------------------------------- */

enum { RING = 1024 };

static struct {
	void *slot[RING];
	pthread_mutex_t mutex;
	pthread_cond_t turn;
	int full;
} ring = { .mutex = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER };

static void wait_until(int full)
{
	pthread_mutex_lock(&ring.mutex);
	while (ring.full != full)
		pthread_cond_wait(&ring.turn, &ring.mutex);
	pthread_mutex_unlock(&ring.mutex);
}

static void turn_over(int full)
{
	pthread_mutex_lock(&ring.mutex);
	ring.full = full;
	pthread_cond_signal(&ring.turn);
	pthread_mutex_unlock(&ring.mutex);
}

static void *consumer(void *rounds)
{
	for (long r = 0; r < (long)rounds; r++) {
		wait_until(1);
		for (int i = 0; i < RING; i++)
			give(ring.slot[i]);
		turn_over(0);
	}
	return NULL;
}

static void remote(long pairs, size_t size, long unused)
{
	long rounds = pairs / RING;
	pthread_t t;

	(void)unused;
	pthread_create(&t, NULL, consumer, (void *)rounds);
	for (long r = 0; r < rounds; r++) {
		wait_until(0);
		for (int i = 0; i < RING; i++)
			ring.slot[i] = take(size);
		turn_over(1);
	}
	pthread_join(t, NULL);
}

/* ---- which ------------------------------------------------------------------------------------- */

static const struct pattern {
	const char *name;
	void (*run)(long pairs, size_t size, long live);
	size_t size;
	long live;
} patterns[] = {
	{ "same-16", same, 16, 0 },
	{ "same-64", same, 64, 0 },
	{ "same-256", same, 256, 0 },
	{ "same-1024", same, 1024, 0 },
	{ "batch-64", batch, 64, 1000 },
	{ "batch-1024", batch, 1024, 1000 },
	{ "batch-64-100000", batch, 64, 100000 },
	{ "churn-1000", churn, 1024, 1000 },
	{ "churn-50000", churn, 1024, 50000 },
	{ "churn-100000", churn, 1024, 100000 },
	{ "churn-to-16k", churn, 16384, 1000 },
	{ "churn-to-128k", churn, 131072, 200 },
	{ "remote-64", remote, 64, 0 },
	{ "remote-512", remote, 512, 0 },
};

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[3], "null")) {
		take = null_take;
		give = null_give;
	}
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (argc == 1)
			puts(patterns[i].name);
		else if (argc > 2 && !strcmp(argv[1], patterns[i].name)) {
			patterns[i].run(atol(argv[2]), patterns[i].size, patterns[i].live);
			return 0;
		}
	return argc == 1 ? 0 : 2;
}
