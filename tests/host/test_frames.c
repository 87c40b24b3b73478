/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames: shapes, refusals, limits, references, marks, injected failures; one CPU.
 * Random operations are in test_frames_model.c, several CPUs in test_frames_threads.c.
 */
#include "plain_host.h"
#include "tap.h"

#include <quire/frames.h>

#include <string.h>
#include <sys/mman.h>
#include <time.h>

struct machine {
	struct qr_frames f;
	void *meta;
	size_t bytes;
};

static void boot(struct machine *m, uint32_t first, uint32_t end, uint32_t low, unsigned ncpus)
{
	struct qr_frames_config c = { qr_frame_of(first), qr_frame_of(end), qr_frame_of(low), ncpus,
				      false };

	m->bytes = qr_frames_metadata_size(&c);
	must(m->bytes, "metadata size");
	m->meta = aligned_alloc(64, m->bytes);
	memset(m->meta, 0xa5, m->bytes); /* init may not rely on what was there */
	must(qr_frames_init(&m->f, &c, m->meta, m->bytes) == QR_OK, "init");
}

static void boot_ram(struct machine *m, uint32_t nframes)
{
	boot(m, 0, nframes, nframes, 1);
	must(qr_frames_add(&m->f, qr_frame_of(0), nframes) == QR_OK, "add");
}

static void halt(struct machine *m)
{
	const char *broken = qr_frames_check(&m->f);

	if (broken)
		diag("%s", broken);
	must(!broken, "invariants at the end");
	free(m->meta);
}

static bool checks(struct machine *m)
{
	const char *broken = qr_frames_check(&m->f);

	if (broken)
		diag("%s", broken);
	return !broken;
}

static void test_init(void)
{
	struct machine m;
	struct qr_frames_config c = { { 0 }, { 4096 }, { 4096 }, 1, false };
	struct qr_frames_config bad[] = {
		{ { 0 }, { 0 }, { 0 }, 1, false },
		{ { 5 }, { 4 }, { 4 }, 1, false },
		{ { 0 }, { 4096 }, { 4096 }, 0, false },
		{ { 0 }, { 4096 }, { 0 }, QR_MAX_CPUS + 1, 0 },
		{ { 0 }, { ~0u }, { 0 }, 1, false },
	};
	static _Alignas(64) char small[4096];
	qr_frame out = qr_frame_of(77);

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		is(qr_frames_metadata_size(&bad[i]), 0, "config %zu cannot be meant", i);
	is(qr_frames_init(&m.f, &c, small, sizeof(small)), QR_INVAL, "too little metadata");
	is(qr_frames_init(&m.f, &c, small + 8, qr_frames_metadata_size(&c)), QR_INVAL,
	   "metadata not aligned");

	boot(&m, 0, 4096, 4096, 1);
	is(qr_frames_free_count(&m.f), 0, "nothing is free before it is added");
	is(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out), QR_NOMEM, "nothing to give");
	is(out.v, 77, "out is untouched");
	is(qr_frames_add(&m.f, qr_frame_of(4000), 97), QR_INVAL, "a range outside");
	is(qr_frames_add(&m.f, qr_frame_of(0), 0), QR_INVAL, "an empty range");
	is(qr_frames_add(&m.f, qr_frame_of(1), (size_t)-1), QR_INVAL, "a wrapping range");
	is(qr_frames_add(&m.f, qr_frame_of(100), 1000), QR_OK, "a range");
	is(qr_frames_add(&m.f, qr_frame_of(1099), 2), QR_CORRUPT, "an overlapping range");
	is(qr_frames_add(&m.f, qr_frame_of(0), 101), QR_CORRUPT, "the same from below");
	is(qr_frames_free_count(&m.f), 1000, "all of it is free");
	is(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out), QR_OK, "one frame");
	is(qr_frames_add(&m.f, out, 1), QR_CORRUPT, "a frame in use is not added again");
	ok(checks(&m), "invariants");
	halt(&m);
}

static void test_big(void)
{
	struct qr_frames_config c = { { 0 }, { 16u << 20 }, { 16u << 20 }, 1, true };
	struct qr_frames f;
	size_t bytes = qr_frames_metadata_size(&c);
	struct timespec a, b;
	void *meta;
	qr_frame out;
	double ms;

	ok(bytes < (size_t)134 << 20, "64 GiB: %zu KiB of metadata", bytes >> 10);
	meta = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (meta == MAP_FAILED) {
		skip("64 GiB: no room for the metadata here");
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	must(qr_frames_init(&f, &c, meta, bytes) == QR_OK, "init");
	must(qr_frames_add(&f, qr_frame_of(0x100), 0xc0000 - 0x100) == QR_OK, "below the hole");
	must(qr_frames_add(&f, qr_frame_of(0x100000), (16u << 20) - 0x100000) == QR_OK, "above");
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	ok(ms < 1000, "64 GiB: init and add in %.1f ms", ms);
	is(qr_frames_alloc_range(&f, 1u << 18, 1u << 18, QR_FRAME_ANON, QR_ANY, &out), QR_OK,
	   "64 GiB: a gigabyte page");
	is(out.v & ((1u << 18) - 1), 0, "64 GiB: it is aligned");
	is(qr_frames_free_range(&f, out, 1u << 18), QR_OK, "64 GiB: and goes back");
	munmap(meta, bytes);
}

static void test_orders(void)
{
	struct machine m;

	boot_ram(&m, 8192);
	for (unsigned order = 0; order <= QR_MAX_ORDER; order++) {
		unsigned n = 0, most = 8192u >> order;
		qr_frame *got = calloc(most, sizeof(*got));
		bool aligned = true, words = true;

		while (n < most &&
		       qr_frames_alloc(&m.f, order, QR_FRAME_KERNEL, QR_ANY, &got[n]) == QR_OK) {
			aligned &= (got[n].v & ((1u << order) - 1)) == 0;
			for (uint32_t i = 0; i < 1u << order; i++) {
				struct qr_frame_word *w =
				    qr_frame_word(&m.f, qr_frame_of(got[n].v + i));
				words &= qr_frame_type(w) == QR_FRAME_KERNEL &&
					 qr_frame_refs(w) == 1 && w->link == 0;
			}
			n++;
		}
		is(n, most, "order %u: every block there is", order);
		ok(aligned && words, "order %u: aligned, and words written", order);
		qr_frame none;
		is(qr_frames_alloc(&m.f, 0, QR_FRAME_KERNEL, QR_ANY, &none), QR_NOMEM,
		   "order %u: nothing is left", order);
		ok(checks(&m), "order %u: invariants when empty", order);
		while (n--)
			must(qr_frames_free(&m.f, got[n], order) == QR_OK, "free");
		is(qr_frames_free_count(&m.f), 8192, "order %u: all came back", order);
		free(got);
	}
	qr_frames_drain_all(&m.f);
	ok(checks(&m), "orders: invariants");
	halt(&m);
}

/* A block that was taken whole is given back in parts, and the other way round. */
static void test_parts(void)
{
	struct machine m;
	qr_frame block, again;

	boot_ram(&m, 4096);
	is(qr_frames_alloc(&m.f, 10, QR_FRAME_ANON, QR_ANY, &block), QR_OK, "4 MiB");
	for (uint32_t i = 0; i < 512; i++)
		must(qr_frames_free(&m.f, qr_frame_of(block.v + i), 0) == QR_OK, "one");
	is(qr_frames_free(&m.f, block, 10), QR_CORRUPT, "the whole is no longer whole");
	is(qr_frames_free(&m.f, qr_frame_of(block.v + 512), 9), QR_OK, "the other half at once");
	qr_frames_drain(&m.f);
	is(qr_frames_alloc_range(&m.f, 4096, 1, QR_FRAME_ANON, QR_ANY, &again), QR_OK,
	   "everything as one range");
	is(qr_frames_free(&m.f, again, 10), QR_OK, "its first quarter");
	is(qr_frames_free_range(&m.f, qr_frame_of(1024), 3072), QR_OK, "and the rest");
	ok(checks(&m), "parts: invariants");
	halt(&m);
}

static void test_refusals(void)
{
	struct machine m;
	qr_frame a, b, none;

	boot(&m, 0, 4096, 4096, 1);
	must(qr_frames_add(&m.f, qr_frame_of(512), 3000) == QR_OK, "add");
	must(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &a) == QR_OK, "a");
	must(qr_frames_alloc(&m.f, 3, QR_FRAME_ANON, QR_ANY, &b) == QR_OK, "b");
	is(qr_frames_free(&m.f, a, 0), QR_OK, "free");
	is(qr_frames_free(&m.f, a, 0), QR_CORRUPT, "free again");
	is(qr_frames_free(&m.f, qr_frame_of(b.v + 1), 3), QR_CORRUPT, "misaligned");
	is(qr_frames_free(&m.f, b, 4), QR_CORRUPT, "larger than it was");
	is(qr_frames_free(&m.f, qr_frame_of(0), 0), QR_CORRUPT, "reserved");
	is(qr_frames_free(&m.f, qr_frame_of(4096), 0), QR_CORRUPT, "outside");
	is(qr_frames_free(&m.f, qr_frame_of(~0u), 0), QR_CORRUPT, "far outside");
	is(qr_frames_free(&m.f, qr_frame_of(3072), 10), QR_CORRUPT, "half outside");
	is(qr_frames_free(&m.f, b, 11), QR_CORRUPT, "order 11");
	is(qr_frames_free(&m.f, b, 64), QR_CORRUPT, "order 64");
	is(qr_frames_free_range(&m.f, b, 0), QR_CORRUPT, "an empty range");
	is(qr_frames_free_range(&m.f, b, (size_t)-1), QR_CORRUPT, "an endless range");
	is(qr_frames_alloc(&m.f, 11, QR_FRAME_ANON, QR_ANY, &none), QR_INVAL, "alloc of order 11");
	is(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_LIMITS, &none), QR_INVAL, "no such limit");
	is(qr_frames_alloc_range(&m.f, 0, 1, QR_FRAME_ANON, QR_ANY, &none), QR_INVAL, "range of 0");
	is(qr_frames_alloc_range(&m.f, 3, 3, QR_FRAME_ANON, QR_ANY, &none), QR_INVAL, "align 3");
	is(qr_frames_alloc_range(&m.f, 3001, 1, QR_FRAME_ANON, QR_ANY, &none), QR_NOMEM,
	   "more than there is");
	qr_frame_set(qr_frame_word(&m.f, b), QR_FRAME_PINNED);
	is(qr_frames_free(&m.f, b, 3), QR_CORRUPT, "pinned");
	qr_frame_clear(qr_frame_word(&m.f, b), QR_FRAME_PINNED);
	is(qr_frames_free(&m.f, b, 3), QR_OK, "no longer pinned");
	is(qr_frames_free_count(&m.f), 3000, "nothing was lost");
	ok(checks(&m), "refusals: invariants");
	halt(&m);
}

static void test_limits(void)
{
	/* 4 GiB + 64 MiB, low memory up to 768 MiB, the usual holes. */
	struct machine m;
	static const uint32_t ends[] = {
		[QR_LOW] = 0x30000, [QR_4G] = 0x100000, [QR_16M] = 0x1000, [QR_1M] = 0x100
	};
	qr_frame out, list[300];
	unsigned n;

	boot(&m, 0, 0x104000, 0x30000, 1);
	must(qr_frames_add(&m.f, qr_frame_of(1), 0x9e) == QR_OK, "below 640 KiB");
	must(qr_frames_add(&m.f, qr_frame_of(0x100), 0xbff00) == QR_OK, "below 3 GiB");
	must(qr_frames_add(&m.f, qr_frame_of(0x100000), 0x4000) == QR_OK, "above 4 GiB");

	for (unsigned order = 0; order <= QR_MAX_ORDER; order++)
		for (unsigned limit = QR_LOW; limit <= QR_1M; limit++) {
			enum qr_err e = qr_frames_alloc(&m.f, order, QR_FRAME_KERNEL,
							(enum qr_limit)limit, &out);
			if (limit == QR_1M && order > 6) {
				must(e == QR_NOMEM, "1 MiB, order %u", order);
				continue;
			}
			must(e == QR_OK && out.v + (1u << order) <= ends[limit],
			     "limit %u order %u: %#x", limit, order, out.v);
			must(qr_frames_free(&m.f, out, order) == QR_OK, "free");
		}
	ok(true, "every block lies below its limit");
	must(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out) == QR_OK, "any");
	ok(out.v >= 0x100000, "any: from above 4 GiB first (%#x)", out.v);
	must(qr_frames_alloc_range(&m.f, 1000, 1, QR_FRAME_ANON, QR_LOW, &out) == QR_OK, "range");
	ok(out.v + 1000 <= 0x30000, "a range obeys its limit too");

	for (n = 0; n < 300; n++)
		if (qr_frames_alloc(&m.f, 0, QR_FRAME_KERNEL, QR_1M, &list[n]) != QR_OK)
			break;
	is(n, 0x9e, "1 MiB: each frame of it can be had, and no other");
	while (n--)
		must(qr_frames_free(&m.f, list[n], 0) == QR_OK, "free");

	/* Eat everything: high memory, then low, nothing is forgotten in between. */
	size_t all = qr_frames_free_count(&m.f), got = 0;
	uint32_t last_high = 0;
	while (qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out) == QR_OK) {
		got++;
		if (out.v >= 0x30000)
			last_high = (uint32_t)got;
	}
	is(got, all, "any: in the end every frame");
	ok(last_high >= 0x94000 - 2 * QR_MAGAZINE_CAP, "any: high memory went first");
	ok(checks(&m), "limits: invariants");
	halt(&m);
}

static void test_references(void)
{
	struct machine m;
	qr_frame a, list[500];
	struct qr_frame_word *w;

	boot_ram(&m, 1024);
	must(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &a) == QR_OK, "a");
	w = qr_frame_word(&m.f, a);
	is(qr_frame_get(&m.f, a), QR_OK, "get");
	is(qr_frames_free(&m.f, a, 0), QR_CORRUPT, "a shared frame cannot be freed");
	qr_frame_put(&m.f, a);
	is(qr_frame_refs(w), 1, "put");
	w->state += QR_FRAME_REF_MAX - 1;
	is(qr_frame_get(&m.f, a), QR_LIMIT, "a million references are enough");
	is(qr_frame_refs(w), QR_FRAME_REF_MAX, "and the refused one was not counted");
	w->state -= QR_FRAME_REF_MAX - 1;
	qr_frame_put(&m.f, a);
	is(qr_frames_free_count(&m.f), 1024, "the last put frees");
	ok(panics(qr_frame_put(&m.f, a)), "a put too many is a broken rule: %s", broken_rule);
	ok(panics(qr_frame_put(&m.f, qr_frame_of(5000))), "so is a put of no frame");
	ok(!qr_frame_lookup(&m.f, qr_frame_of(1024)), "no word outside");

	is(qr_frames_alloc_many(&m.f, QR_FRAME_CACHE, QR_ANY, 500, list), 500, "500 at once");
	for (unsigned i = 0; i < 500; i += 2)
		must(qr_frame_get(&m.f, list[i]) == QR_OK, "get");
	qr_frames_put_many(&m.f, list, 500);
	is(qr_frames_free_count(&m.f), 1024 - 250, "put_many frees those with one reference");
	for (unsigned i = 0; i < 250; i++)
		list[i] = list[2 * i];
	qr_frames_put_many(&m.f, list, 250);
	is(qr_frames_free_count(&m.f), 1024, "and then the rest");
	ok(checks(&m), "references: invariants");
	halt(&m);
}

struct hoard {
	struct qr_frames *f;
	qr_frame kept[256];
	unsigned n, calls;
};

static size_t give_some(void *ctx, size_t want, enum qr_limit limit)
{
	struct hoard *h = ctx;
	size_t n = 0;

	(void)limit;
	h->calls++;
	while (n < want && h->n) {
		must(qr_frames_free(h->f, h->kept[--h->n], 0) == QR_OK, "free");
		n++;
	}
	return n;
}

static void test_pressure(void)
{
	struct machine m;
	struct hoard h = { .f = &m.f };
	size_t got = 0, census[QR_FRAME_TYPES];
	qr_frame out;

	boot_ram(&m, 1024);
	h.n = (unsigned)qr_frames_alloc_many(&m.f, QR_FRAME_CACHE, QR_ANY, 256, h.kept);
	qr_frames_set_reclaim(&m.f, give_some, &h);
	while (qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out) == QR_OK)
		got++;
	is(got, 1024, "reclaim gives everything it has, then it is over");
	ok(h.calls > 1, "it was asked %u times", h.calls);
	qr_frames_census(&m.f, census);
	is(census[QR_FRAME_ANON], 1024, "the census agrees");
	is(census[QR_FRAME_FREE] + census[QR_FRAME_CACHE] + census[QR_FRAME_RESERVED], 0,
	   "and counts nothing else");
	halt(&m);

	boot_ram(&m, 1024);
	qr_frames_set_marks(&m.f, 100, 0);
	for (got = 0; qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out) == QR_OK;)
		got++;
	ok(got >= 1024 - 100 - QR_MAGAZINE_CAP && got <= 1024 - 100 + QR_MAGAZINE_CAP,
	   "the min mark stops processes (after %zu)", got);
	for (; qr_frames_alloc(&m.f, 0, QR_FRAME_TABLE, QR_ANY, &out) == QR_OK;)
		got++;
	is(got, 1024, "but not the kernel");
	halt(&m);
}

static void test_injection(void)
{
	struct machine m;
	qr_frame out[8];

	boot_ram(&m, 1024);
	must(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_ANY, &out[7]) == QR_OK, "fill");
	for (unsigned n = 1; n <= 6; n++) {
		unsigned got = 0;

		qr_frames_fail_after(&m.f, n);
		for (unsigned i = 0; i < 5; i++) {
			enum qr_err e = i == 3 ? qr_frames_alloc_range(&m.f, 3, 1, QR_FRAME_ANON,
								       QR_ANY, &out[got])
					       : qr_frames_alloc(&m.f, i == 2, QR_FRAME_ANON,
								 QR_ANY, &out[got]);
			must((e == QR_NOMEM) == (i + 1 == n), "n %u, allocation %u: %d", n, i, e);
			if (e == QR_OK)
				must(qr_frames_free_range(&m.f, out[got],
							  i == 3 ? 3 : 1 + (i == 2)) == QR_OK,
				     "free");
		}
		is(qr_frames_failed(&m.f), n <= 5, "the %u-th fails, only that, once", n);
		qr_frames_fail_after(&m.f, 0);
	}
	must(qr_frames_free(&m.f, out[7], 0) == QR_OK, "free");
	is(qr_frames_free_count(&m.f), 1024, "nothing was lost");
	halt(&m);
}

/* A base that is not 0: the library inside of a kernel that manages only a part. */
static void test_base(void)
{
	struct machine m;
	qr_frame out;

	boot(&m, 0x123456, 0x128000, 0x128000, 1);
	must(qr_frames_add(&m.f, qr_frame_of(0x123456), 0x128000 - 0x123456) == QR_OK, "add");
	is(qr_frames_alloc(&m.f, 10, QR_FRAME_ANON, QR_ANY, &out), QR_OK, "base: 4 MiB");
	ok(out.v >= 0x123456 && out.v % 1024 == 0, "base: inside, aligned: %#x", out.v);
	is(qr_frames_free(&m.f, out, 10), QR_OK, "base: back");
	is(qr_frames_alloc(&m.f, 0, QR_FRAME_ANON, QR_4G, &out), QR_NOMEM, "base: nothing so low");
	is(qr_frames_free(&m.f, qr_frame_of(0x10), 0), QR_CORRUPT, "base: below is outside");
	is(qr_frames_alloc_range(&m.f, 512, 8192, QR_FRAME_ANON, QR_ANY, &out), QR_OK,
	   "base: a range aligned to more than a tree");
	is(out.v % 8192, 0, "base: it is aligned in frame numbers");
	ok(checks(&m), "base: invariants");
	halt(&m);
}

int main(void)
{
	test_init();
	test_big();
	test_orders();
	test_parts();
	test_refusals();
	test_limits();
	test_references();
	test_pressure();
	test_injection();
	test_base();
	return done();
}
