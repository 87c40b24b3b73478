/* SPDX-License-Identifier: BSD-2-Clause
 *
 * model.c - random calls of the malloc family, by several threads, against what each thread
 * remembers of its objects: that they are where they were, aligned, and hold what was written.
 *
 *	model STEPS THREADS
 *
 * A tenth of the objects goes to other threads, which look at them and free them.  Each thread ends
 * after an eighth of its steps, with what it had in its magazines, and another one takes its
 * place.  When all is freed, the heap says that nothing is in use.  QUIRE_SEED chooses the calls.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVE = 512, LIVES = 8, THREADS = 16 };

struct object {
	unsigned char *p;
	size_t size;
	uint64_t stamp;
};

struct worker {
	pthread_t thread;
	uint64_t random;
	size_t steps;
	struct object live[LIVE];
	struct object *inbox; /* from another thread; its record is an object too */
};

static struct worker workers[THREADS];
static unsigned nworkers;

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static _Noreturn void fail(const char *what, const struct object *o)
{
	fprintf(stderr, "model: %s: %p, %zu bytes\n", what, (void *)o->p, o->size);
	abort();
}

/* ---- contents: the stamp at both ends --------------------------------------------------------- */

static void write_ends(const struct object *o)
{
	size_t n = o->size < 8 ? o->size : 8;

	memcpy(o->p, &o->stamp, n);
	memcpy(o->p + o->size - n, &o->stamp, n);
}

static void check_begin(const struct object *o, size_t size)
{
	if (memcmp(o->p, &o->stamp, size < 8 ? size : 8))
		fail("its begin was written over", o);
}

static void check(const struct object *o)
{
	size_t n = o->size < 8 ? o->size : 8;

	if (memcmp(o->p + o->size - n, &o->stamp, n))
		fail("its end was written over", o);
	if (o->size >= 16)
		check_begin(o, o->size);
}

/* ---- steps ------------------------------------------------------------------------------------ */

static size_t random_size(uint64_t *r)
{
	switch (next(r) % 32) {
	case 0:
		return next(r) % 200000;
	case 1:
	case 2:
	case 3:
		return next(r) % 16384;
	default:
		return next(r) % 400;
	}
}

static void make(struct worker *w, struct object *o)
{
	size_t align = 16;
	void *p;

	*o = (struct object){ .size = random_size(&w->random), .stamp = next(&w->random) };
	switch (next(&w->random) % 8) {
	case 0:
		p = calloc(1, o->size);
		for (size_t i = 0; p && i < o->size; i++)
			if (((char *)p)[i])
				fail("calloc's bytes are not zero", o);
		break;
	case 1:
		align = (size_t)16 << next(&w->random) % 10;
		p = memalign(align, o->size);
		break;
	default:
		p = malloc(o->size);
	}
	o->p = p;
	if (!p || (uintptr_t)p % align || malloc_usable_size(p) < o->size)
		fail("no object, or a bad one", o);
	write_ends(o);
}

static void change(struct worker *w, struct object *o)
{
	size_t size = random_size(&w->random) + 1, had = o->size;

	check(o);
	o->p = realloc(o->p, size);
	o->size = size;
	if (!o->p)
		fail("realloc", o);
	if (had >= 16 && size >= 8)
		check_begin(o, size);
	write_ends(o);
}

static void drop(struct object *o)
{
	check(o);
	free(o->p);
	o->p = NULL;
}

static void empty(struct worker *w)
{
	struct object *got = __atomic_exchange_n(&w->inbox, NULL, __ATOMIC_ACQ_REL);

	if (got) {
		drop(got);
		free(got);
	}
}

/* To another thread; what that one had not looked at comes back here. */
static void send(struct worker *w, struct object *o)
{
	struct object *parcel = malloc(sizeof(*parcel));

	if (!parcel)
		fail("no memory", o);
	*parcel = *o;
	o->p = NULL;
	parcel = __atomic_exchange_n(&workers[next(&w->random) % nworkers].inbox, parcel,
				     __ATOMIC_ACQ_REL);
	if (parcel) {
		drop(parcel);
		free(parcel);
	}
}

static void step(struct worker *w)
{
	struct object *o = &w->live[next(&w->random) % LIVE];

	if (!o->p)
		make(w, o);
	else if (next(&w->random) % 8 == 0)
		change(w, o);
	else if (next(&w->random) % 8 == 0)
		send(w, o);
	else
		drop(o);
}

static void *live(void *arg)
{
	struct worker *w = arg;

	for (size_t i = 0; i < w->steps / LIVES; i++) {
		step(w);
		if (i % 16 == 0)
			empty(w);
	}
	return NULL;
}

/* Threads end and begin; objects outlive them. */
static void *lives(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < LIVES; i++) {
		pthread_t t;

		if (pthread_create(&t, NULL, live, w))
			fail("no thread", &w->live[0]);
		pthread_join(t, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *seed = getenv("QUIRE_SEED");
	uint64_t random = seed ? strtoull(seed, NULL, 0) : 1;
	size_t steps = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, before, after;

	nworkers = argc > 2 ? (unsigned)atoi(argv[2]) % (THREADS + 1) : 1;
	before = mallinfo2().uordblks;
	for (unsigned i = 0; i < nworkers; i++) {
		workers[i].random = next(&random);
		workers[i].steps = steps / nworkers;
		if (pthread_create(&workers[i].thread, NULL, lives, &workers[i]))
			fail("no thread", &workers[i].live[0]);
	}
	for (unsigned i = 0; i < nworkers; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < nworkers; i++) {
		empty(&workers[i]);
		for (unsigned k = 0; k < LIVE; k++)
			if (workers[i].live[k].p)
				drop(&workers[i].live[k]);
	}
	malloc_trim(0);
	after = mallinfo2().uordblks;
	printf("%zu steps by %u threads, seed %s; in use before %zu, after %zu\n", steps, nworkers,
	       seed ? seed : "1", before, after);
	return after > before + 65536; /* stdio's, and the threads' in the C library */
}
