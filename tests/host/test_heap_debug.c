/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The heap that watches its callers, over frames: each error is provoked, and the report names the
 * object, its sizes, and where it was allocated and freed.
 */
// test: threads
#include "heap_arena.h"
#include "plain_host.h"
#include "tap.h"

#include <quire/heap_debug.h>

#include <pthread.h>
#include <string.h>

enum { HOLD = 64 << 10, SITES = 40 };

static struct qr_heap heap;
static struct qr_heap_debug d;
static void start(void)
{
	arena_heap(&heap, 4);
	qr_heap_set_report(&heap, note, NULL);
	must(qr_heap_debug_init(&d, &heap, HOLD) == QR_OK, "init");
	faults = 0;
}

static void stop(void)
{
	qr_heap_debug_trim(&d);
	must(!d.nnotes && !d.held, "nothing is remembered");
	must(!qr_heap_check(&heap), "%s", qr_heap_check(&heap));
	qr_heap_debug_fini(&d);
	qr_heap_fini(&heap);
	arena_whole();
}

/* That the last thing said is this, of an object of 100 bytes. */
static bool said(enum qr_heap_wrong wrong, const void *object, const void *at, uintptr_t freed)
{
	bool good = faults == 1 && last.wrong == wrong && last.object == object &&
		    last.size == 144 && last.asked == 100 && last.at == at &&
		    last.alloc_site == 0xa110c && last.free_site == freed;

	if (!good)
		diag("%u faults; %p %s: object %p, %zu of %zu bytes, at %p, sites %#zx %#zx",
		     faults, last.p, qr_heap_wrong_words(last.wrong), last.object, last.asked,
		     last.size, last.at, (size_t)last.alloc_site, (size_t)last.free_site);
	faults = 0;
	return good;
}

static void test_frees(void)
{
	char *p, *q;
	int here;

	start();
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	is(qr_heap_debug_usable(&d, p), 100, "exactly what was asked for can be used");
	is(qr_heap_debug_free(&d, p + 16, 0xf4ee), QR_CORRUPT, "a free inside an object");
	ok(said(QR_HEAP_INTERIOR, p, NULL, 0), "is refused, with where it was allocated");
	is(qr_heap_debug_free(&d, p - 16, 0xf4ee), QR_CORRUPT, "one in front of it");
	ok(said(QR_HEAP_INTERIOR, p, NULL, 0), "too");
	is(qr_heap_debug_free(&d, &here, 0xf4ee), QR_CORRUPT, "one of the stack");
	is(last.wrong, QR_HEAP_FOREIGN, "too");
	faults = 0;
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_OK, "the right one");
	is(qr_heap_debug_free(&d, p, 0xbad), QR_CORRUPT, "again");
	ok(said(QR_HEAP_DOUBLE, p, NULL, 0xf4ee), "is refused, with where it was freed");
	ok(!qr_heap_debug_realloc(&d, p, 10, 0xbad), "realloc of what is free");
	ok(said(QR_HEAP_DOUBLE, p, NULL, 0xf4ee), "is refused");
	is(qr_heap_debug_usable(&d, p), 0, "and so is a look at its size");
	ok(said(QR_HEAP_DOUBLE, p, NULL, 0xf4ee), "in the same words");
	q = qr_heap_debug_alloc(&d, 100, 0xa110c);
	ok(q != p, "what was freed last is not given out next");
	is(qr_heap_debug_free(&d, q, 0xf4ee), QR_OK, "free");
	qr_heap_debug_trim(&d);
	is(qr_heap_debug_free(&d, p, 0xbad), QR_CORRUPT, "a free of what left the queue");
	ok(last.wrong == QR_HEAP_DOUBLE || last.wrong == QR_HEAP_FOREIGN, "is refused");
	stop();
}

static void test_overruns(void)
{
	char *p;

	start();
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	p[100] = 1;
	is(qr_heap_debug_check(&d), 1, "one byte behind an object is found");
	ok(said(QR_HEAP_BEHIND, p, p + 100, 0), "and which");
	is(qr_heap_debug_check(&d), 0, "once");
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_CORRUPT, "it is freed");
	is(faults, 0, "without another word");
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	p[-1] = 1;
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_CORRUPT, "one byte in front, found by free");
	ok(said(QR_HEAP_BEFORE, p, p - 1, 0xf4ee), "and which");
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_OK, "free");
	p[7] = 1;
	is(qr_heap_debug_check(&d), 1, "a byte written after that is found");
	ok(said(QR_HEAP_AFTER, p, p + 7, 0xf4ee), "and which");
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_OK, "free");
	p[99] ^= 1;
	for (unsigned i = 0; i < HOLD / 64; i++)
		must(qr_heap_debug_free(&d, qr_heap_debug_alloc(&d, 32, 1), 2) == QR_OK, "free");
	ok(said(QR_HEAP_AFTER, p, p + 99, 0xf4ee), "and without a look, when it leaves the queue");
	d.every = 10;
	p = qr_heap_debug_alloc(&d, 100, 0xa110c);
	p[100] = 0;
	for (unsigned i = 0; i < 6; i++)
		must(qr_heap_debug_free(&d, qr_heap_debug_alloc(&d, 32, 1), 2) == QR_OK, "free");
	ok(said(QR_HEAP_BEHIND, p, p + 100, 0), "every n-th call looks at everything, if told so");
	is(qr_heap_debug_free(&d, p, 0xf4ee), QR_CORRUPT, "free");
	stop();
}

static void test_patterns(void)
{
	bool good = true;

	start();
	for (size_t n = 0; n < 50000; n = n * 5 / 4 + 1)
		for (size_t align = 1; align <= 8192; align *= 4) {
			unsigned char *p = qr_heap_debug_aligned(&d, align, n, 1);

			must(p && (uintptr_t)p % align == 0, "align %zu, %zu bytes", align, n);
			for (size_t i = 0; i < n; i++)
				good &= p[i] == 0xa7;
			must(qr_heap_debug_free(&d, p, 2) == QR_OK, "free");
			for (size_t i = 0; i < n; i += 4096)
				good &= p[i] == 0x5f || n > HOLD / 2;
		}
	ok(good, "fresh bytes and freed bytes hold their patterns, every size and alignment");
	unsigned char *z = qr_heap_debug_zalloc(&d, 70000, 1);
	for (size_t i = 0; i < 70000; i++)
		good &= z[i] == 0;
	ok(good, "zalloc: zeroes");
	z[0] = z[99] = 7;
	unsigned char *y = qr_heap_debug_realloc(&d, z, 100, 1);
	ok(y && y != z && y[0] == 7 && y[99] == 7, "realloc moves, and keeps the contents");
	is(qr_heap_debug_free(&d, y, 2), QR_OK, "free");
	ok(!qr_heap_debug_alloc(&d, SIZE_MAX, 1) && !qr_heap_debug_alloc(&d, PTRDIFF_MAX, 1) &&
	       !qr_heap_debug_aligned(&d, 24, 8, 1) && !qr_heap_debug_aligned(&d, 0, 8, 1) &&
	       !qr_heap_debug_aligned(&d, (size_t)1 << (sizeof(size_t) * 8 - 1), 8, 1),
	   "sizes and alignments that are none");
	is(faults, 0, "no error where none was made");
	stop();
}

static void test_groups(void)
{
	static void *p[SITES][SITES];
	struct qr_heap_group top[3], all;

	start();
	for (size_t site = 1; site < SITES; site++)
		for (size_t i = 0; i < site; i++)
			p[site][i] = qr_heap_debug_alloc(&d, 64 + site, site << 12);
	is(qr_heap_debug_groups(&d, top, 3, &all), SITES - 1, "sites with objects in use");
	is(all.objects, SITES * (SITES - 1) / 2, "their objects");
	ok(top[0].site == (SITES - 1) << 12 && top[0].objects == SITES - 1 &&
	       top[0].bytes == (SITES - 1) * (64 + SITES - 1) && top[2].objects == SITES - 3,
	   "those with the most bytes first");
	for (size_t site = 1; site < SITES; site++)
		for (size_t i = 0; i < site; i++)
			must(qr_heap_debug_free(&d, p[site][i], 1) == QR_OK, "free");
	is(qr_heap_debug_groups(&d, top, 3, &all), 0, "freed ones are no leak");
	stop();
}

/* Frames fail at each point of a script; the caller learns it, and nothing is lost. */
static void test_no_memory(void)
{
	unsigned n, refused = 0;

	for (n = 1;; n++) {
		void *p[120] = { 0 };
		bool failed;

		arena_heap(&heap, 1);
		qr_frames_fail_after(&frames, n);
		if (qr_heap_debug_init(&d, &heap, HOLD) != QR_OK) {
			qr_frames_fail_after(&frames, 0);
			qr_heap_fini(&heap);
			continue;
		}
		for (size_t i = 0; i < 120; i++) {
			void *q;

			p[i] = qr_heap_debug_alloc(&d, i * 61, 1);
			q = p[i] ? qr_heap_debug_realloc(&d, p[i], i * 30, 2) : NULL;
			refused += !q;
			p[i] = q ? q : p[i];
		}
		for (size_t i = 0; i < 120; i++)
			must(qr_heap_debug_free(&d, p[i], 3) == QR_OK, "free");
		failed = qr_frames_failed(&frames);
		qr_frames_fail_after(&frames, 0);
		stop();
		if (!failed)
			break;
	}
	ok(n > 50 && refused, "no memory at each of %u points, %u times said", n, refused);
}

static void *exchange[4][64];
static pthread_barrier_t meeting;

static void *worker(void *arg)
{
	uint64_t state = (uintptr_t)arg + 7;

	host_cpu = (unsigned)(uintptr_t)arg;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < 64; i++) {
			size_t n = random_below(&state, 2000);

			exchange[host_cpu][i] = qr_heap_debug_alloc(&d, n, host_cpu + 1);
			memset(exchange[host_cpu][i], 1, n);
		}
		pthread_barrier_wait(&meeting);
		for (unsigned i = 0; i < 64; i++)
			must(qr_heap_debug_free(&d, exchange[(host_cpu + 1) % 4][i], 9) == QR_OK,
			     "free");
		if (host_cpu == round % 4)
			must(!qr_heap_debug_check(&d), "nothing is wrong");
		pthread_barrier_wait(&meeting);
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[4];

	start();
	pthread_barrier_init(&meeting, NULL, 4);
	for (uintptr_t i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, worker, (void *)i), "thread");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	is(faults, 0, "four threads that free each other's objects, while one looks");
	stop();
}

int main(void)
{
	arena_boot();
	test_threads();
	if (ARENA_THREADS_ONLY)
		return done();
	test_frees();
	test_overruns();
	test_patterns();
	test_groups();
	test_no_memory();
	return done();
}
