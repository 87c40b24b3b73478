/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trace_make.c - traces that are made from a seed, and recorded ones that are built in.
 */
#include "heaplab/lab.h"

#include <stdlib.h>
#include <string.h>

struct maker {
	struct trace *t;
	uint32_t nsteps;
	uint64_t state;
};

/* splitmix64 */
static uint32_t below(struct maker *m, uint32_t bound)
{
	uint64_t z = (m->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

static bool more(const struct maker *m)
{
	return m->t->nsteps < m->nsteps;
}

/* Objects come and go at random, at most `most` at a time, low to high bytes each. */
static void churn(struct maker *m, uint32_t most, uint32_t low, uint32_t high)
{
	uint32_t *slot = must_alloc(most * sizeof(*slot));

	memset(slot, 0xff, most * sizeof(*slot));
	while (more(m)) {
		uint32_t k = below(m, most);

		if (slot[k] == UINT32_MAX) {
			slot[k] = trace_alloc(m->t, low + below(m, high - low + 1), 0);
		} else {
			(void)trace_free(m->t, slot[k]);
			slot[k] = UINT32_MAX;
		}
	}
	free(slot);
}

static uint32_t live_at_a_time(const struct maker *m)
{
	return m->nsteps / 10 + 10;
}

static void make_same(struct maker *m)
{
	churn(m, live_at_a_time(m), 64, 64);
}

static void make_churn(struct maker *m)
{
	churn(m, live_at_a_time(m), 16, 1024);
}

static void make_pages(struct maker *m)
{
	churn(m, live_at_a_time(m) / 10, 1, 4 * QR_PAGE_SIZE);
}

static void batches(struct maker *m, bool last_first)
{
	while (more(m)) {
		uint32_t n = 20 + below(m, 180), first = m->t->nobjects;

		for (uint32_t i = 0; i < n; i++)
			(void)trace_alloc(m->t, 16 + below(m, 497), 0);
		for (uint32_t i = 0; i < n; i++)
			(void)trace_free(m->t, last_first ? first + n - 1 - i : first + i);
	}
}

static void make_lifo(struct maker *m)
{
	batches(m, true);
}

static void make_fifo(struct maker *m)
{
	batches(m, false);
}

/* Buffers that grow by half, some side by side, until they are given up. */
static void make_grow(struct maker *m)
{
	enum { BUFFERS = 16 };
	uint32_t id[BUFFERS], size[BUFFERS] = { 0 };

	while (more(m)) {
		uint32_t k = below(m, BUFFERS);

		if (!size[k]) {
			size[k] = 24 + below(m, 40);
			id[k] = trace_alloc(m->t, size[k], 0);
		} else if (size[k] > 32768) {
			(void)trace_free(m->t, id[k]);
			size[k] = 0;
		} else {
			size[k] += size[k] / 2;
			(void)trace_resize(m->t, id[k], size[k]);
		}
	}
}

/* Each round leaves one object in eight behind, and asks for larger ones than the one before. */
static void make_scatter(struct maker *m)
{
	uint32_t nrounds = 6, a_round = m->nsteps / (nrounds * 15 / 8) + 8;

	for (uint32_t round = 0; round < nrounds; round++) {
		uint32_t size = 48u << round, n = a_round, first = m->t->nobjects;

		for (uint32_t i = 0; i < n; i++)
			(void)trace_alloc(m->t, size - below(m, size / 4), 0);
		for (uint32_t i = 0; i < n; i++)
			if (i % 8)
				(void)trace_free(m->t, first + i);
	}
}

/* ---- recorded ------------------------------------------------------------------------------ */

/* recorded.S */
extern const char recorded_bash[], recorded_bash_end[];
extern const char recorded_perl[], recorded_perl_end[];
extern const char recorded_sqlite[], recorded_sqlite_end[];

static const struct {
	const char *name, *what;
	void (*make)(struct maker *);
	const char *text, *end;
} traces[] = {
	{ "same", "64 bytes each, come and go at random", make_same, NULL, NULL },
	{ "churn", "16 to 1024 bytes, come and go at random", make_churn, NULL, NULL },
	{ "pages", "up to 16 KiB, at random: half a page of waste each (D4)", make_pages, NULL,
	  NULL },
	{ "lifo", "batches, the last one freed first", make_lifo, NULL, NULL },
	{ "fifo", "batches, the first one freed first", make_fifo, NULL, NULL },
	{ "grow", "buffers that are resized, by half each time", make_grow, NULL, NULL },
	{ "scatter", "one in eight stays, then larger ones are wanted (B9)", make_scatter, NULL,
	  NULL },
	{ "bash", "recorded: bash counts words in an associative array", NULL, recorded_bash,
	  recorded_bash_end },
	{ "perl", "recorded: perl counts and sorts words", NULL, recorded_perl, recorded_perl_end },
	{ "sqlite", "recorded: sqlite3 fills a table, indexes and groups it", NULL, recorded_sqlite,
	  recorded_sqlite_end },
};

#define NTRACES (sizeof(traces) / sizeof(traces[0]))

const char *trace_name(unsigned i)
{
	return i < NTRACES ? traces[i].name : NULL;
}

void trace_list(void)
{
	for (unsigned i = 0; i < NTRACES; i++)
		printf("  %-9s %s\n", traces[i].name, traces[i].what);
	printf("and, no trace:\n  %-9s %s\n", "b9",
	       "is memory that was freed here and there of use?");
}

bool trace_make(struct trace *t, const char *name, uint32_t nsteps, uint64_t seed)
{
	struct maker m = { t, nsteps, seed };
	unsigned i = 0;

	while (i < NTRACES && strcmp(traces[i].name, name))
		i++;
	if (i == NTRACES)
		return false;
	trace_init(t, traces[i].name);
	if (traces[i].make) {
		traces[i].make(&m);
		trace_finish(t);
	} else {
		trace_parse(t, name, traces[i].text, (size_t)(traces[i].end - traces[i].text));
	}
	return true;
}
