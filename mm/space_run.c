/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_run.c - the runs of one table: a short sorted list.
 *
 *	indices  0    5    9        20            512
 *	runs          [5,9) rw      [20,512) r--
 *
 * Everything here is about one list and nothing else: no entries, no counters.  Callers make
 * room first, so that a change cannot fail.  Up to four runs live in the descriptor, more in an
 * array from a pool, or in some frames; a table cannot have more runs than entries.
 *
 * What `cap` says is without the runs that are set aside for the splitting of huge pages, one each
 * (I19 of space_huge.c).
 *
 * Cost: linear in the runs of the table; find is binary beyond eight.
 */
#include "mm/space.h"

/* Runs that fit each kind of array: three pools, then whole frames. */
static const uint16_t caps[] = { 16, 64, 252, 512, 1024, 2048 };
#define NPOOLS 3
#define NCAPS  (sizeof(caps) / sizeof(caps[0]))

static void open_gap(struct qr_ptdesc *t, unsigned at, unsigned n)
{
	for (unsigned r = t->nruns; r-- > at;)
		t->runs[r + n] = t->runs[r];
	t->nruns = (uint16_t)(t->nruns + n);
}

static void close_gap(struct qr_ptdesc *t, unsigned at, unsigned n)
{
	t->nruns = (uint16_t)(t->nruns - n);
	for (unsigned r = at; r < t->nruns; r++)
		t->runs[r] = t->runs[r + n];
}

void qr_run_set(struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t attr)
{
	unsigned r = run_find(t, i);
	struct qr_run *next = &t->runs[r];
	bool joins_next = r < t->nruns && next->start == j && next->attr == attr;
	bool joins_prev = r > 0 && next[-1].end == i && next[-1].attr == attr;

	QR_ASSERT_DEBUG(i < j && (r == t->nruns || next->start >= j), "a run goes where none is");
	if (joins_prev && joins_next) {
		next[-1].end = next->end;
		close_gap(t, r, 1);
	} else if (joins_prev) {
		next[-1].end = (uint16_t)j;
	} else if (joins_next) {
		next->start = (uint16_t)i;
	} else {
		QR_ASSERT_DEBUG(t->nruns < t->cap, "room for a run was made before");
		open_gap(t, r, 1);
		t->runs[r] = (struct qr_run){ (uint16_t)i, (uint16_t)j, attr };
	}
}

/* Run r lies across index i: cut it in two. */
QR_INLINE void split(struct qr_ptdesc *t, unsigned r, unsigned i)
{
	QR_ASSERT_DEBUG(t->nruns < t->cap, "room for a run was made before");
	open_gap(t, r, 1);
	t->runs[r].end = (uint16_t)i;
	t->runs[r + 1].start = (uint16_t)i;
}

/* Cut the run in two that lies across index i, if one does; the first that begins at or above
 * i is answered. */
static unsigned cut(struct qr_ptdesc *t, unsigned i)
{
	unsigned r = run_find(t, i);

	if (r == t->nruns || t->runs[r].start >= i)
		return r;
	split(t, r, i);
	return r + 1;
}

void qr_run_clear(struct qr_ptdesc *t, unsigned i, unsigned j)
{
	unsigned r = run_find(t, i), end;

	if (r == t->nruns || t->runs[r].start >= j)
		return;
	if (t->runs[r].start < i && t->runs[r].end > j) {
		split(t, r, j);
		t->runs[r].end = (uint16_t)i;
		return;
	}
	if (t->runs[r].start < i)
		t->runs[r++].end = (uint16_t)i;
	for (end = r; end < t->nruns && t->runs[end].end <= j; end++)
		;
	if (end < t->nruns && t->runs[end].start < j)
		t->runs[end].start = (uint16_t)j;
	if (end > r)
		close_gap(t, r, end - r);
}

/* [i,j) lies in run r and gets another attr. */
static void change_one(struct qr_ptdesc *t, unsigned r, unsigned i, unsigned j, uint32_t attr)
{
	struct qr_run *run = &t->runs[r], old = *run;
	bool joins_prev = r > 0 && old.start == i && run[-1].end == i && run[-1].attr == attr;
	bool joins_next =
	    r + 1 < t->nruns && old.end == j && run[1].start == j && run[1].attr == attr;
	unsigned rest = (old.start < i) + (old.end > j);

	/* What stays of the old run, 0 to 2 pieces, and the new one if it joins neither side. */
	if (joins_prev && joins_next) {
		run[-1].end = run[1].end;
		close_gap(t, r, 2);
		return;
	}
	if (joins_prev || joins_next) {
		*(joins_prev ? &run[-1].end : &run[1].start) = (uint16_t)(joins_prev ? j : i);
		if (rest == 0)
			close_gap(t, r, 1);
		else
			*(joins_prev ? &run->start : &run->end) = (uint16_t)(joins_prev ? j : i);
		return;
	}
	QR_ASSERT_DEBUG(t->nruns + rest <= t->cap, "room for a run was made before");
	if (rest)
		open_gap(t, r, rest);
	run = &t->runs[r];
	if (old.start < i)
		*run++ = (struct qr_run){ old.start, (uint16_t)i, old.attr };
	*run++ = (struct qr_run){ (uint16_t)i, (uint16_t)j, attr };
	if (old.end > j)
		*run = (struct qr_run){ (uint16_t)j, old.end, old.attr };
}

static void change_many(struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t keep, uint32_t set)
{
	unsigned first = cut(t, i), end = cut(t, j), to;

	for (unsigned r = first; r < end; r++)
		t->runs[r].attr = (t->runs[r].attr & keep) | set;
	/* Join: from the run before the first to the one behind the last. */
	if (first)
		first--;
	if (end < t->nruns)
		end++;
	to = first;
	for (unsigned r = first + 1; r < end; r++) {
		if (t->runs[r].start == t->runs[to].end && t->runs[r].attr == t->runs[to].attr)
			t->runs[to].end = t->runs[r].end;
		else
			t->runs[++to] = t->runs[r];
	}
	if (end > to + 1)
		close_gap(t, to + 1, end - to - 1);
}

void qr_run_change(struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t keep, uint32_t set)
{
	unsigned r = run_find(t, i);
	const struct qr_run *run = &t->runs[r];

	if (r == t->nruns || run->start >= j)
		return;
	if (QR_RARELY(run->start > i || run->end < j))
		change_many(t, i, j, keep, set);
	else if (((run->attr & keep) | set) != run->attr)
		change_one(t, r, i, j, (run->attr & keep) | set);
}

static struct qr_run *array_alloc(struct qr_memory *m, unsigned kind)
{
	qr_frame f;

	if (kind < NPOOLS)
		return qr_pool_alloc(&m->runs[kind]);
	if (qr_frames_alloc(m->frames, kind - NPOOLS, QR_FRAME_KERNEL, QR_LOW, &f))
		return NULL;
	return qr_host_window_get(f);
}

static void array_free(struct qr_memory *m, struct qr_run *array, unsigned cap)
{
	unsigned kind = 0;
	qr_frame f;

	while (caps[kind] != cap)
		kind++;
	if (kind < NPOOLS) {
		qr_pool_free(&m->runs[kind], array);
		return;
	}
	f = qr_frame_of((uint32_t)(((uintptr_t)array - m->low_base) >> QR_PAGE_SHIFT));
	QR_ASSERT(!qr_frames_free(m->frames, f, kind - NPOOLS), "a run array is given back once");
}

static void move_to(struct qr_memory *m, struct qr_ptdesc *t, struct qr_run *array, unsigned cap)
{
	for (unsigned r = 0; r < t->nruns; r++)
		array[r] = t->runs[r];
	if (t->runs != t->in)
		array_free(m, t->runs, t->cap + runs_aside(t));
	t->runs = array;
	t->cap = (uint16_t)(cap - runs_aside(t));
}

enum qr_err qr_run_grow(struct qr_memory *m, struct qr_ptdesc *t, unsigned n)
{
	unsigned kind = 0, aside = runs_aside(t);
	struct qr_run *array;

	/* A table of 1024 entries with 1024 runs: a cut is impossible, room cannot be missing. */
	while (kind < NCAPS - 1 && caps[kind] < t->nruns + n + aside)
		kind++;
	if (caps[kind] <= t->cap + aside)
		return QR_OK;
	array = array_alloc(m, kind);
	if (!array)
		return QR_NOMEM;
	move_to(m, t, array, caps[kind]);
	return QR_OK;
}

void qr_run_shrink(struct qr_memory *m, struct qr_ptdesc *t)
{
	if (t->runs != t->in && t->nruns + runs_aside(t) <= RUN_INLINE / 2)
		move_to(m, t, t->in, RUN_INLINE);
}
