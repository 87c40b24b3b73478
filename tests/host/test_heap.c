/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heap over frames, as a kernel has it: sizes, alignments, wrong frees, no memory at any
 * point, random operations against a model, four threads.
 */
// test: threads
#include "heap_arena.h"
#include "plain_host.h"
#include "tap.h"

#include <pthread.h>
#include <string.h>

enum { LIVE = 2000, STEPS = 1000000 };

static void start(struct qr_heap *h)
{
	arena_heap(h, 4);
	qr_heap_set_report(h, note, NULL);
}

static bool checks(struct qr_heap *h)
{
	const char *broken = qr_heap_check(h);

	if (broken)
		diag("%s", broken);
	return !broken;
}

static void stop(struct qr_heap *h)
{
	must(checks(h), "invariants at the end");
	qr_heap_fini(h);
	arena_whole();
}

static void test_sizes(void)
{
	struct qr_heap h;

	start(&h);
	for (size_t n = 0; n <= 70000; n += n < 2100 ? 1 : 97) {
		unsigned char *p = qr_heap_zalloc(&h, n);
		size_t usable = qr_heap_usable(&h, p);

		must(p && (uintptr_t)p % 16 == 0, "size %zu", n);
		must(usable >= n && usable >= 16, "size %zu: %zu can be used", n, usable);
		must(n < 128 || n > QR_HEAP_MAX_SMALL || usable - n <= n / 8 + 1,
		     "size %zu: %zu is more than 12.5 %% off", n, usable);
		for (size_t i = 0; i < n; i++)
			must(p[i] == 0, "size %zu is zeroed", n);
		memset(p, 0xee, usable);
		must(qr_heap_free_sized(&h, p, n) == QR_OK, "sized free");
	}
	ok(true, "every size: aligned, zeroed, at most 12.5 %% more than asked for");
	ok(!qr_heap_alloc(&h, (size_t)PTRDIFF_MAX + 1), "more than PTRDIFF_MAX");
	ok(!qr_heap_alloc(&h, SIZE_MAX), "SIZE_MAX");
	ok(!qr_heap_alloc(&h, (size_t)PTRDIFF_MAX), "PTRDIFF_MAX");
	void *a = qr_heap_alloc(&h, 0), *b = qr_heap_alloc(&h, 0);
	ok(a && b && a != b, "size 0 is an object of its own");
	is(qr_heap_free(&h, a) | qr_heap_free(&h, b) | qr_heap_free(&h, NULL), QR_OK, "free");
	stop(&h);
}

/* The check of each class tells every multiple of its size in a span from every other offset. */
static void test_class_checks(void)
{
	struct qr_heap h;
	unsigned with = 0;

	start(&h);
	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++) {
		const struct qr_heap_class *c = &h.class[i];

		if (!c->check)
			continue;
		must(c->check % QR_HEAP_CLASSES == i, "class %u is in its check", i);
		/* In a class of whole pages, what may come is less than a page from an object. */
		for (uint32_t off = 0; off < c->npages * QR_PAGE_SIZE; off++)
			must((off * c->check < c->check) ==
				     (c->size < QR_PAGE_SIZE ? off % c->size == 0 : off == 0) ||
				 (c->size >= QR_PAGE_SIZE && off >= QR_PAGE_SIZE),
			     "class %u, offset %u", i, off);
		for (uint32_t off = 1; c->size >= QR_PAGE_SIZE && off < QR_PAGE_SIZE; off++)
			must(-off * c->check >= c->check, "class %u, offset -%u", i, off);
		with += c->size <= 2048 || c->size >= QR_PAGE_SIZE;
	}
	is(with, 40 + 17, "every size up to 2048, and of a page and more, has a check");
	stop(&h);
}

static void test_aligned(void)
{
	struct qr_heap h;

	start(&h);
	for (size_t align = 1; align <= 1u << 20; align *= 2)
		for (size_t n = 0; n < 40000; n = n * 3 / 2 + 1) {
			char *p = qr_heap_aligned(&h, align, n);

			must(p && (uintptr_t)p % align == 0, "align %zu size %zu", align, n);
			must(qr_heap_usable(&h, p) >= n, "align %zu size %zu", align, n);
			memset(p, 1, n);
			must(qr_heap_free(&h, p) == QR_OK, "free");
		}
	ok(true, "alignments of 1 byte to 1 MiB");
	ok(!qr_heap_aligned(&h, 0, 8) && !qr_heap_aligned(&h, 24, 8), "no alignment");
	ok(!qr_heap_aligned(&h, 64, SIZE_MAX - 4), "aligned: SIZE_MAX");
	ok(!qr_heap_aligned(&h, ~(SIZE_MAX >> 1), 8), "aligned to half of everything");
	stop(&h);
}

static void test_realloc(void)
{
	struct qr_heap h;
	unsigned char *p = NULL;
	size_t had = 0;
	uint64_t state = seed();

	start(&h);
	for (unsigned step = 0; step < 3000; step++) {
		size_t n = 1 + random_below(&state, step % 3 ? 3000 : 100000);
		unsigned char *q = qr_heap_realloc(&h, p, n);

		must(q, "realloc to %zu", n);
		for (size_t i = 0; i < had && i < n; i++)
			must(q[i] == (unsigned char)(had + i), "byte %zu of %zu", i, had);
		for (size_t i = 0; i < n; i++)
			q[i] = (unsigned char)(n + i);
		p = q;
		had = n;
	}
	ok(true, "realloc keeps the contents");
	p = qr_heap_realloc(&h, p, 100000);
	ok(qr_heap_realloc(&h, p, 50000) == p, "a large object shrinks in place");
	is(qr_heap_usable(&h, p), 53248, "to whole pages");
	ok(!qr_heap_realloc(&h, p, SIZE_MAX), "SIZE_MAX: refused");
	is(qr_heap_usable(&h, p), 53248, "and the object is as it was");
	is(qr_heap_free(&h, p), QR_OK, "free");
	stop(&h);
}

static void refused(struct qr_heap *h, void *p, enum qr_heap_wrong wrong, void *object, size_t size,
		    const char *what)
{
	unsigned before = faults;
	bool good = qr_heap_free(h, p) == QR_CORRUPT && faults == before + 1 &&
		    last.wrong == wrong && last.p == p && last.object == object &&
		    last.size == size;

	ok(good && checks(h), "%s", what);
	ok(!qr_heap_realloc(h, p, 10) && !qr_heap_usable(h, p), "%s: nor realloc, nor usable",
	   what);
}

/* What is left over of a span's pages lies in front of its objects. */
static void test_waste(void)
{
	struct qr_heap h;

	start(&h);
	for (size_t n = 16; n < 4096; n += 16) {
		char *first = qr_heap_alloc(&h, n);
		size_t waste = (uintptr_t)first & QR_PAGE_MASK, size = qr_heap_usable(&h, first);

		if (waste >= size) /* of this class there was one already */
			continue;
		for (size_t i = 1; i <= waste; i++)
			must(qr_heap_free(&h, first - i) == QR_CORRUPT, "size %zu: -%zu", n, i);
	}
	ok(checks(&h), "no address in the waste of a span is an object");
	qr_heap_fini(&h);
}

static void test_wrong_frees(void)
{
	struct qr_heap h;
	int on_stack;
	char *a, *b, *large;

	start(&h);
	a = qr_heap_alloc(&h, 100);
	b = qr_heap_alloc(&h, 100);
	large = qr_heap_alloc(&h, 20000);
	refused(&h, &on_stack, QR_HEAP_FOREIGN, NULL, 0, "an address of the stack");
	refused(&h, (void *)1, QR_HEAP_FOREIGN, NULL, 0, "address 1");
	refused(&h, (void *)UINTPTR_MAX, QR_HEAP_FOREIGN, NULL, 0, "the last address");
	refused(&h, arena_ram + ARENA_FRAMES / 2 * QR_PAGE_SIZE, QR_HEAP_FOREIGN, NULL, 0,
		"a free page");
	refused(&h, a + 1, QR_HEAP_INTERIOR, a, 112, "inside an object");
	refused(&h, a + 16, QR_HEAP_INTERIOR, a, 112, "inside, aligned");
	refused(&h, large + 4096, QR_HEAP_INTERIOR, large, 20480, "inside a large object");
	refused(&h, (char *)((uintptr_t)a & ~(uintptr_t)4095), QR_HEAP_INTERIOR, NULL, 112,
		"in front of the first object of a span");
	is(qr_heap_free_sized(&h, a, 113), QR_CORRUPT, "sized free with a larger size");
	is(last.wrong, QR_HEAP_SIZE, "is reported as that");
	is(qr_heap_free_sized(&h, large, 100), QR_CORRUPT, "sized free of a large object as small");
	must(qr_heap_free(&h, a) == QR_OK, "free");
	refused(&h, a, QR_HEAP_DOUBLE, a, 112, "twice, from the magazine");
	must(qr_heap_free(&h, b) == QR_OK, "free");
	refused(&h, a, QR_HEAP_DOUBLE, a, 112, "twice, another in between");
	void *keep = qr_heap_alloc(&h, 100); /* so that the span stays */
	qr_heap_trim(&h);
	refused(&h, keep == a ? b : a, QR_HEAP_DOUBLE, keep == a ? b : a, 112,
		"twice, from the span");
	must(qr_heap_free(&h, large) == QR_OK, "free");
	refused(&h, large, QR_HEAP_FOREIGN, NULL, 0, "a large object twice");

	/* Use after free that hides the mark: found when the object reaches its span. */
	a = qr_heap_alloc(&h, 48);
	must(qr_heap_free(&h, a) == QR_OK, "free");
	memset(a, 0x55, 48);
	must(qr_heap_free(&h, a) == QR_OK, "the second free is not seen at once");
	unsigned before = faults;
	qr_heap_trim(&h);
	ok(faults == before + 1 && last.wrong == QR_HEAP_DOUBLE && last.p == a,
	   "but when its magazine is emptied");

	/* Data that looks like the mark is no error. */
	a = qr_heap_alloc(&h, 64);
	must(qr_heap_free(&h, a) == QR_OK, "free");
	uintptr_t mark = ((uintptr_t *)a)[1];
	must(qr_heap_alloc(&h, 64) == a, "the same again");
	((uintptr_t *)a)[1] = mark;
	is(qr_heap_free(&h, a), QR_OK, "a user's word that looks like a mark does no harm");
	is(qr_heap_free(&h, keep), QR_OK, "free");
	stop(&h);
}

/* Fail the n-th request for frames, for every n, in a script of all operations. */
static bool script(struct qr_heap *h)
{
	void *p[8] = { 0 };
	size_t size[8] = { 10, 500, 5000, 20000, 100000, 16, 3000, 70000 };
	bool all = true;

	for (unsigned i = 0; i < 8; i++)
		all &= (p[i] = qr_heap_alloc(h, size[i])) != NULL;
	for (unsigned i = 0; i < 8; i++)
		if (p[i]) {
			void *q = qr_heap_realloc(h, p[i], size[7 - i]);

			all &= q != NULL;
			p[i] = q ? q : p[i];
		}
	for (unsigned i = 0; i < 8; i++)
		must(qr_heap_free(h, p[i]) == QR_OK, "free");
	return all;
}

static void test_no_memory(void)
{
	struct qr_heap_source src;
	struct qr_heap h;
	unsigned n;

	qr_heap_source_frames(&src, &frames);
	for (n = 1;; n++) {
		bool failed, all;

		qr_frames_fail_after(&frames, n);
		if (qr_heap_init(&h, &src, 1) == QR_NOMEM) {
			qr_frames_fail_after(&frames, 0);
			continue;
		}
		all = script(&h);
		failed = qr_frames_failed(&frames);
		qr_frames_fail_after(&frames, 0);
		/* A failure may be made good by giving something back and trying again. */
		must(failed || all, "n %u: fails only if frames failed", n);
		must(checks(&h), "n %u", n);
		stop(&h);
		if (!failed)
			break;
	}
	ok(n > 10, "no memory at each of %u points: nothing lost, nothing broken", n - 1);

	start(&h);
	void *all[ARENA_FRAMES];
	unsigned got = 0;
	while ((all[got] = qr_heap_alloc(&h, 4096)))
		got++;
	ok(got > ARENA_FRAMES * 9 / 10, "all memory as pages (%u of %u)", got, ARENA_FRAMES);
	while (got)
		must(qr_heap_free(&h, all[--got]) == QR_OK, "free");
	ok(qr_heap_trim(&h) && checks(&h), "and back");
	struct qr_heap_stats st;
	qr_heap_stats(&h, &st);
	is(st.used + st.objects + st.pages + st.cached, 0, "an empty heap holds no pages");
	stop(&h);
}

struct model {
	unsigned char *p[LIVE];
	size_t size[LIVE];
	size_t seen, bytes;
};

static bool visit(void *ctx, void *object, size_t size)
{
	struct model *m = ctx;

	(void)object;
	m->seen++;
	m->bytes += size;
	return true;
}

static size_t random_size(uint64_t *state)
{
	switch (random_below(state, 16)) {
	case 0:
		return random_below(state, 60000);
	case 1:
	case 2:
		return random_below(state, 4096);
	default:
		return random_below(state, 400);
	}
}

static void test_random(void)
{
	static struct model m;
	struct qr_heap h;
	struct qr_heap_stats st;
	uint64_t state = seed();
	unsigned steps = ARENA_THREADS_ONLY ? STEPS / 10 : STEPS, live = 0;
	size_t sum = 0;

	start(&h);
	for (unsigned step = 0; step < steps; step++) {
		unsigned k = (unsigned)random_below(&state, LIVE);
		unsigned char *p = m.p[k];

		if (p) {
			must(p[0] == (unsigned char)k && p[m.size[k] - 1] == (unsigned char)k,
			     "step %u: nobody else wrote to it", step);
			must(qr_heap_free(&h, p) == QR_OK, "step %u: free", step);
			m.p[k] = NULL;
		} else {
			m.size[k] = random_size(&state) + 1;
			m.p[k] = p = qr_heap_alloc(&h, m.size[k]);
			if (!p) /* all frames in use: a right answer here */
				continue;
			p[0] = p[m.size[k] - 1] = (unsigned char)k;
		}
		if (step % (steps / 20) == 0)
			must(checks(&h), "step %u", step);
	}
	for (unsigned k = 0; k < LIVE; k++)
		if (m.p[k]) {
			live++;
			sum += qr_heap_usable(&h, m.p[k]);
		}
	qr_heap_stats(&h, &st);
	qr_heap_walk(&h, visit, &m);
	is(m.seen, live, "walk finds every object");
	is(m.bytes, sum, "and their sizes");
	is(st.objects, live, "stats count the same");
	is(st.used, sum, "and the same bytes");
	for (unsigned k = 0; k < LIVE; k++)
		must(qr_heap_free(&h, m.p[k]) == QR_OK, "free");
	stop(&h);
	ok(true, "%u random steps", steps);
}

static struct qr_heap shared;
static void *exchange[4][64]; /* objects that the next thread frees */
static pthread_barrier_t meeting;

static void *worker(void *arg)
{
	enum { MINE = 100 };
	unsigned *live[MINE] = { 0 };
	uint64_t state = (uintptr_t)arg + 99;

	host_cpu = (unsigned)(uintptr_t)arg;
	for (unsigned round = 0; round < 30; round++) {
		for (unsigned step = 0; step < 1000; step++) {
			unsigned k = (unsigned)random_below(&state, MINE);

			if (live[k]) {
				must(*live[k] == host_cpu * 1000 + k, "one owner");
				must(qr_heap_free(&shared, live[k]) == QR_OK, "free");
				live[k] = NULL;
			} else {
				live[k] = qr_heap_alloc(&shared, 4 + random_below(&state, 3000));
				must(live[k], "alloc");
				*live[k] = host_cpu * 1000 + k;
			}
		}
		for (unsigned i = 0; i < 64; i++)
			exchange[host_cpu][i] = qr_heap_alloc(&shared, 16 * i);
		pthread_barrier_wait(&meeting);
		for (unsigned i = 0; i < 64; i++)
			must(qr_heap_free(&shared, exchange[(host_cpu + 1) % 4][i]) == QR_OK,
			     "free");
		pthread_barrier_wait(&meeting);
	}
	for (unsigned k = 0; k < MINE; k++)
		must(qr_heap_free(&shared, live[k]) == QR_OK, "free");
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[4];

	start(&shared);
	pthread_barrier_init(&meeting, NULL, 4);
	for (uintptr_t i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, worker, (void *)i), "thread");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(checks(&shared), "four threads that free each other's objects");
	stop(&shared);
}

int main(void)
{
	arena_boot();
	test_sizes();
	test_class_checks();
	test_aligned();
	test_realloc();
	test_waste();
	test_wrong_frees();
	test_no_memory();
	test_random();
	test_threads();
	is(faults > 0, true, "wrong frees were reported");
	return done();
}
