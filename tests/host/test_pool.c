/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Pools: every size, wrong frees, promises, no memory at any point, frames given back.
 */
// test: threads
#include "plain_host.h"
#include "plain_memory.h"
#include "tap.h"

#include <quire/pool.h>

#include <pthread.h>
#include <string.h>

enum { FRAMES = 4096 };

static struct qr_frames frames;

static void boot(void)
{
	struct qr_frames_config c = { { 0 }, { FRAMES }, { FRAMES }, 4, false };
	size_t bytes = qr_frames_metadata_size(&c);

	ram = aligned_alloc(QR_PAGE_SIZE, (size_t)FRAMES * QR_PAGE_SIZE);
	must(qr_frames_init(&frames, &c, aligned_alloc(64, bytes), bytes) == QR_OK, "init");
	must(qr_frames_add(&frames, qr_frame_of(0), FRAMES) == QR_OK, "add");
}

static bool checks(struct qr_pool *p)
{
	const char *broken = qr_pool_check(p);

	if (broken)
		diag("%s: %s", p->name, broken);
	return !broken;
}

/* Allocate and free at random; each object keeps a pattern of its own. */
static void churn(size_t size, size_t align, uint64_t *state)
{
	enum { LIVE = 600 };
	unsigned char *live[LIVE] = { 0 };
	struct qr_pool p;

	must(qr_pool_init(&p, &frames, "churn", size, align) == QR_OK, "init %zu", size);
	for (unsigned step = 0; step < 6000; step++) {
		unsigned k = (unsigned)random_below(state, LIVE);

		if (live[k]) {
			must(live[k][0] == (unsigned char)k &&
				 live[k][size - 1] == (unsigned char)k,
			     "size %zu: nobody else wrote to it", size);
			qr_pool_free(&p, live[k]);
			live[k] = NULL;
		} else {
			live[k] = qr_pool_alloc(&p);
			must(live[k] && ((uintptr_t)live[k] & (align - 1)) == 0, "alloc");
			memset(live[k], (int)k, size);
		}
		if (step % 1000 == 0)
			must(checks(&p), "size %zu step %u", size, step);
	}
	for (unsigned k = 0; k < LIVE; k++)
		qr_pool_free(&p, live[k]);
	must(checks(&p) && p.nslabs <= 2, "size %zu: few slabs are kept (%u)", size, p.nslabs);
	qr_pool_fini(&p);
	must(qr_frames_free_count(&frames) == FRAMES, "size %zu: all frames came back", size);
}

static void test_sizes(void)
{
	uint64_t state = seed();
	struct qr_pool p;

	for (size_t size = 1; size <= QR_POOL_MAX_SIZE; size += size < 140 ? 1 : 61)
		churn(size, 1u << random_below(&state, 7), &state);
	churn(QR_POOL_MAX_SIZE, 8, &state);
	ok(true, "objects of every size keep what is in them");
	is(qr_pool_init(&p, &frames, "bad", 0, 8), QR_INVAL, "size 0");
	is(qr_pool_init(&p, &frames, "bad", QR_POOL_MAX_SIZE + 1, 8), QR_INVAL, "too large");
	is(qr_pool_init(&p, &frames, "bad", 8, 3), QR_INVAL, "align 3");
	is(qr_pool_init(&p, &frames, "bad", 8, 4096), QR_INVAL, "align 4096");
}

static void test_wrong_frees(void)
{
	struct qr_pool p, q;
	char *a, *b;

	must(!qr_pool_init(&p, &frames, "p", 48, 0) && !qr_pool_init(&q, &frames, "q", 48, 0),
	     "init");
	a = qr_pool_zalloc(&p);
	b = qr_pool_alloc(&q);
	ok(a[0] == 0 && a[47] == 0, "zalloc clears");
	/* A panic leaves the lock held, so try each on its own copy of the state of the lock. */
#define REFUSED(pool, obj, what)                                               \
	do {                                                                   \
		struct qr_lock before = (pool)->lock;                          \
		ok(panics(qr_pool_free(pool, obj)), what ": %s", broken_rule); \
		(pool)->lock = before;                                         \
	} while (0)
	REFUSED(&p, a + 8, "a part of an object");
	REFUSED(&p, a + 48 * 100, "behind the last");
	REFUSED(&p, (char *)((uintptr_t)a & ~4095ul), "the header");
	REFUSED(&p, b, "another pool's");
	qr_pool_free(&p, a);
	REFUSED(&p, a, "twice");
	qr_pool_free(&q, b);
	qr_pool_free(&p, NULL);
	ok(checks(&p) && checks(&q), "and nothing was changed");
	ok(panics(qr_pool_take(&p)), "take without a promise: %s", broken_rule);
	qr_lock_init(&p.lock, QR_RANK_POOL);
	qr_pool_fini(&p);
	qr_pool_fini(&q);
	is(qr_frames_free_count(&frames), FRAMES, "wrong frees: nothing was lost");
}

static void test_promises(void)
{
	enum { PROMISED = 100 };
	struct qr_pool p;
	void *obj[PROMISED], *hog[1000];
	unsigned n = 0;

	must(!qr_pool_init(&p, &frames, "promise", 200, 0), "init");
	is(qr_pool_reserve(&p, PROMISED), QR_OK, "promise 100");
	qr_frames_fail_after(&frames, 1);
	while (n < 1000 && (hog[n] = qr_pool_alloc(&p)))
		n++;
	ok(n < p.perslab, "others get only what was not promised (%u)", n);
	for (unsigned i = 0; i < PROMISED - 10; i++)
		obj[i] = qr_pool_take(&p);
	ok(checks(&p), "90 taken while nothing can be had from frames");
	qr_frames_fail_after(&frames, 0);
	qr_pool_unreserve(&p, 10);
	while (n)
		qr_pool_free(&p, hog[--n]);
	for (unsigned i = 0; i < PROMISED - 10; i++)
		qr_pool_free(&p, obj[i]);
	is(p.reserved, 0, "no promise is left");

	/* No memory at the n-th frame: reserve fails whole. */
	qr_pool_trim(&p);
	for (uint32_t k = 1;; k++) {
		enum qr_err e;

		qr_frames_fail_after(&frames, k);
		e = qr_pool_reserve(&p, PROMISED);
		bool failed = qr_frames_failed(&frames);
		qr_frames_fail_after(&frames, 0);
		must(failed == (e == QR_NOMEM), "frame %u", k);
		must(p.reserved == (e ? 0 : PROMISED) && checks(&p), "frame %u", k);
		if (e == QR_OK)
			break;
		qr_pool_trim(&p);
		must(qr_frames_free_count(&frames) == FRAMES, "frame %u", k);
	}
	qr_pool_unreserve(&p, PROMISED);
	ok(true, "reserve is all or nothing, whichever frame fails");
	qr_pool_fini(&p);
	is(qr_frames_free_count(&frames), FRAMES, "promises: nothing was lost");
}

static struct qr_pool shared;

static void *worker(void *arg)
{
	enum { LIVE = 50 };
	unsigned *live[LIVE] = { 0 };
	uint64_t state = (uintptr_t)arg * 77;

	host_cpu = (unsigned)(uintptr_t)arg;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned k = (unsigned)random_below(&state, LIVE);

		if (live[k]) {
			must(*live[k] == host_cpu * 1000 + k, "an object has one owner");
			qr_pool_free(&shared, live[k]);
			live[k] = NULL;
		} else {
			live[k] = qr_pool_alloc(&shared);
			*live[k] = host_cpu * 1000 + k;
		}
	}
	for (unsigned k = 0; k < LIVE; k++)
		qr_pool_free(&shared, live[k]);
	return NULL;
}

static void test_threads(void)
{
	pthread_t t[4];

	must(!qr_pool_init(&shared, &frames, "shared", 40, 0), "init");
	for (uintptr_t i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, worker, (void *)i), "thread");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(checks(&shared), "four threads on one pool");
	qr_pool_fini(&shared);
	qr_frames_drain_all(&frames);
	is(qr_frames_free_count(&frames), FRAMES, "threads: nothing was lost");
	ok(!qr_frames_check(&frames), "frames hold too");
}

int main(void)
{
	boot();
	test_sizes();
	test_wrong_frees();
	test_promises();
	test_threads();
	return done();
}
