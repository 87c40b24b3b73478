/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.c - a trace on a heap.
 *
 * Twice: once observed, where each call is followed by a look at what it did, and once against the
 * clock, where nothing else is done; what the loop itself takes is measured with a heap that does
 * nothing, and subtracted.
 */
#include "heaplab/lab.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- observed ------------------------------------------------------------------------------- */

struct object {
	unsigned char *p;
	size_t n, given;
	size_t stay;
};

struct observer {
	const struct trace *t;
	struct heap h;
	struct result *r;
	struct stays *stays;
	struct object *objects;
	uint32_t step;
	size_t live;
	uint64_t asked, given, nalloc, waste;
	uint32_t *page_from; /* quire: 1 + the step at which a page was taken */
};

static size_t push_stay(struct stays *s, struct stay stay)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->all = must_grow(s->all, s->room * sizeof(stay));
	}
	s->all[s->n] = stay;
	return s->n++;
}

static void hold(struct observer *o, uint32_t from, uint32_t to, size_t at, size_t bytes)
{
	(void)push_stay(o->stays,
			(struct stay){
			    .from = from, .to = to, .at = at, .given = bytes, .held = true });
}

static void pages_gone(struct observer *o, size_t first, size_t end, uint32_t to)
{
	for (size_t i = first, run; i < end; i = run) {
		run = i + 1;
		while (run < end && o->page_from[run] == o->page_from[i])
			run++;
		if (o->page_from[i])
			hold(o, o->page_from[i] - 1, to, i * QR_PAGE_SIZE,
			     (run - i) * QR_PAGE_SIZE);
	}
	memset(o->page_from + first, 0, (end - first) * sizeof(*o->page_from));
}

static void saw_pages(void *ctx, size_t offset, size_t bytes, bool taken)
{
	struct observer *o = ctx;
	size_t first = offset / QR_PAGE_SIZE, end = first + bytes / QR_PAGE_SIZE;

	if (!taken)
		pages_gone(o, first, end, o->step);
	for (size_t i = first; taken && i < end; i++)
		o->page_from[i] = o->step + 1;
}

static void mark(struct object *x, uint32_t id)
{
	if (x->n) {
		x->p[0] = (unsigned char)id;
		x->p[x->n - 1] = (unsigned char)id;
	}
}

static void verify(struct observer *o, const struct object *x, uint32_t id, size_t n)
{
	if (n && (x->p[0] != (unsigned char)id || (n == x->n && x->p[n - 1] != (unsigned char)id)))
		die(heap_names[o->h.kind], "%s, call %u: object %u was overwritten", o->t->name,
		    o->step, id);
}

static void came(struct observer *o, struct object *x, uint32_t id, unsigned char *p, size_t n)
{
	uintptr_t high = o->h.high, at = (uintptr_t)p - (uintptr_t)o->h.arena->at;

	x->p = p;
	x->n = n;
	x->given = heap_given(&o->h, p, n);
	if (at >= o->h.arena->bytes || x->given > o->h.arena->bytes - at || x->given < n)
		die(heap_names[o->h.kind], "%s, call %u: an object outside of the arena",
		    o->t->name, o->step);
	mark(x, id);
	o->asked += n;
	o->given += x->given;
	o->waste += x->given - n;
	o->nalloc++;
	o->live++;
	if (!o->stays)
		return;
	if (o->h.high > high)
		hold(o, o->step, o->t->nsteps, high, o->h.high - high);
	x->stay = push_stay(o->stays, (struct stay){ .from = o->step,
						     .to = o->t->nsteps,
						     .at = at,
						     .given = x->given,
						     .head = (uint32_t)heap_header(&o->h),
						     .asked = (uint32_t)n,
						     .stays = true });
}

static void went(struct observer *o, struct object *x)
{
	o->asked -= x->n;
	o->given -= x->given;
	o->live--;
	if (o->stays) {
		o->stays->all[x->stay].to = o->step;
		o->stays->all[x->stay].stays = false;
	}
}

static void refused(struct observer *o)
{
	struct stays *s = o->stays;

	if (!o->r->refused++)
		o->r->first_refused = o->step;
	if (!s)
		return;
	s->refused = must_grow(s->refused, (s->nrefused + 1) * sizeof(*s->refused));
	s->refused[s->nrefused++] = o->step;
}

static void *resize(struct heap *h, void *p, size_t n)
{
	return h->kind == QUIRE ? qr_heap_realloc(&h->engine, p, n)
				: qr_allocator_realloc(&h->a, p, n);
}

static void observe_step(struct observer *o, const struct step *s)
{
	const struct qr_allocator *a = &o->h.a;
	struct object *x = &o->objects[s->id], old = *x;
	unsigned char *p;

	if (s->call == CALL_ALLOC) {
		p = a->ops->aligned(a->self, (size_t)1 << s->align_shift, s->size);
		if (!p)
			refused(o);
		else if ((uintptr_t)p & (((uintptr_t)1 << s->align_shift) - 1))
			die(a->ops->name, "call %u: not aligned", o->step);
		else
			came(o, x, s->id, p, s->size);
		return;
	}
	if (!x->p) /* it was refused */
		return;
	verify(o, x, s->id, x->n);
	if (s->call == CALL_FREE) {
		if (a->ops->free(a->self, x->p))
			die(a->ops->name, "call %u: free was refused", o->step);
		went(o, x);
		x->p = NULL;
		return;
	}
	p = resize(&o->h, x->p, s->size);
	if (!p) {
		refused(o);
		return;
	}
	old.p = p;
	verify(o, &old, s->id, s->size < old.n ? s->size : old.n);
	went(o, x);
	came(o, x, s->id, p, s->size);
}

static void note_peak(struct observer *o)
{
	struct result *r = o->r;
	size_t footprint = heap_footprint(&o->h);

	if (footprint <= r->peak)
		return;
	r->peak = footprint;
	r->asked = o->asked;
	r->rounding = o->given - o->asked;
	r->tables = heap_tables(&o->h, o->live);
	r->holes = footprint - o->given - r->tables;
}

void run_observe(struct arena *a, unsigned kind, const struct trace *t, struct result *r,
		 struct stays *stays)
{
	size_t npages = a->bytes / QR_PAGE_SIZE;
	struct observer o = { .t = t, .r = r, .stays = stays };
	const char *broken;

	*r = (struct result){ 0 };
	o.objects = must_alloc(t->nobjects * sizeof(*o.objects));
	memset(o.objects, 0, t->nobjects * sizeof(*o.objects));
	o.page_from = must_alloc(npages * sizeof(*o.page_from));
	memset(o.page_from, 0, npages * sizeof(*o.page_from));
	heap_open(&o.h, kind, a, stays && kind == QUIRE ? saw_pages : NULL, &o);
	for (o.step = 0; o.step < t->nsteps; o.step++) {
		observe_step(&o, &t->steps[o.step]);
		note_peak(&o);
	}
	if (stays)
		pages_gone(&o, 0, npages, t->nsteps);
	broken = o.h.a.ops->check(o.h.a.self);
	if (broken)
		die(heap_names[kind], "%s: an invariant does not hold: %s", t->name, broken);
	r->waste = o.nalloc ? o.waste * 10 / o.nalloc : 0;
	free(o.objects);
	free(o.page_from);
}

void stays_fini(struct stays *s)
{
	free(s->all);
	free(s->refused);
}

/* ---- clocks --------------------------------------------------------------------------------- */

const char *const clock_units[] = { "-", "ns", "cycles", "instr" };

static int open_counter(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_HARDWARE,
					.config = PERF_COUNT_HW_INSTRUCTIONS,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		die("--clock=insn", "this machine does not let a program count: %s",
		    strerror(errno));
	return fd;
}

static uint64_t now(enum clock clock)
{
	static int counter = -1;
	struct timespec ts;
	uint32_t lo, hi;
	uint64_t n = 0;

	switch (clock) {
	case CLOCK_NS:
		clock_gettime(CLOCK_MONOTONIC, &ts);
		return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	case CLOCK_TSC:
		__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
		return (uint64_t)hi << 32 | lo;
	case CLOCK_INSN:
		if (counter < 0)
			counter = open_counter();
		if (read(counter, &n, sizeof(n)) != sizeof(n))
			die("--clock=insn", "the counter cannot be read");
		return n;
	case CLOCK_NONE:
		break;
	}
	return 0;
}

/* ---- against the clock ------------------------------------------------------------------------ */

static void *no_alloc(void *self, size_t n)
{
	(void)n;
	return self;
}

static void *no_aligned(void *self, size_t align, size_t n)
{
	(void)align, (void)n;
	return self;
}

static enum qr_err no_free(void *self, void *p)
{
	(void)self, (void)p;
	return QR_OK;
}

static const struct qr_allocator_ops nothing_ops = {
	.name = "nothing", .alloc = no_alloc, .aligned = no_aligned, .free = no_free
};

static uint64_t replay(struct heap *h, const struct trace *t, void **p, enum clock clock)
{
	const struct qr_allocator_ops *ops = h->a.ops;
	void *self = h->a.self, *q;
	uint64_t start = now(clock);

	for (const struct step *s = t->steps, *end = s + t->nsteps; s < end; s++) {
		switch (s->call) {
		case CALL_ALLOC:
			p[s->id] = s->align_shift
				       ? ops->aligned(self, (size_t)1 << s->align_shift, s->size)
				       : ops->alloc(self, s->size);
			break;
		case CALL_FREE:
			if (p[s->id])
				(void)ops->free(self, p[s->id]);
			break;
		case CALL_RESIZE:
			q = p[s->id] && ops != &nothing_ops ? resize(h, p[s->id], s->size) : NULL;
			if (q)
				p[s->id] = q;
			break;
		}
	}
	return now(clock) - start;
}

void run_timed(struct arena *a, unsigned kind, const struct trace *t, enum clock clock,
	       struct result *r)
{
	enum { RUNS = 9, LONG = 300 /* ms */ };
	void **p = must_alloc(t->nobjects * sizeof(*p));
	uint64_t best = UINT64_MAX, empty = UINT64_MAX, begun = now(CLOCK_NS), took;
	struct heap h;

	r->tenths = 0;
	for (unsigned run = 0; clock != CLOCK_NONE && run < RUNS; run++) {
		h.a = (struct qr_allocator){ &nothing_ops, &h };
		took = replay(&h, t, p, clock);
		empty = took < empty ? took : empty;
		heap_open(&h, kind, a, NULL, NULL);
		took = replay(&h, t, p, clock);
		best = took < best ? took : best;
		if (now(CLOCK_NS) - begun > LONG * 1000000ull)
			break;
	}
	if (clock != CLOCK_NONE && best > empty)
		r->tenths = (best - empty) * 10 / t->nsteps;
	free(p);
}
