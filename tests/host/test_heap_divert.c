/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The engine as a door to each of the textbook heaps, as a kernel with heap= on its command line
 * has it: the whole interface, wrong frees, the n-th allocation failing for every n, pools whose
 * slabs come through it; random operations against a model that knows every byte; four threads.
 */
// test: threads
#define ARENA_FRAMES 1024u
#include "heap_arena.h"
#include "plain_host.h"
#include "tap.h"

#include <quire/heap_seeds.h>
#include <quire/pool.h>

#include <pthread.h>
#include <string.h>

enum { ARENA = 1 << 20, LIVE = 128 };

static char *arena;
static uint8_t table[ARENA / 128 + 1];

static union {
	struct qr_bump bump;
	struct qr_block block;
	struct qr_list list;
} heap;

static const struct qr_allocator_ops *const all[] = { &qr_bump_ops, &qr_block_ops, &qr_list_ops };
#define FOR_HEAPS(o) for (unsigned i_ = 0; i_ < 3 && (o = all[i_]); i_++)

static struct qr_allocator fresh(const struct qr_allocator_ops *o)
{
	if (o == &qr_bump_ops)
		must(!qr_bump_init(&heap.bump, arena, ARENA, 16, table, sizeof(table)), "bump");
	else if (o == &qr_block_ops)
		must(!qr_block_init(&heap.block, arena, ARENA, table, sizeof(table)), "block");
	else
		must(!qr_list_init(&heap.list, arena, ARENA, 5), "list");
	return (struct qr_allocator){ o, &heap };
}

static struct qr_heap *door(struct qr_heap *h, const struct qr_allocator *to)
{
	struct qr_heap_source src;

	qr_heap_source_frames(&src, &frames);
	must(!qr_heap_init(h, &src, 1), "heap init");
	qr_heap_set_report(h, note, NULL);
	qr_heap_divert(h, to);
	return h;
}

static bool inside(const void *p)
{
	return (const char *)p >= arena && (const char *)p < arena + ARENA;
}

static void test_interface(const struct qr_allocator_ops *o)
{
	struct qr_allocator to = fresh(o);
	struct qr_heap h;
	unsigned char *a, *b, *large;
	bool zero = true;

	door(&h, &to);
	memset(arena, 0xaa, o == &qr_list_ops ? 0 : ARENA);
	a = qr_heap_alloc(&h, 100);
	b = qr_heap_zalloc(&h, 1000);
	large = qr_heap_zalloc(&h, 100000);
	ok(inside(a) && inside(b) && inside(large), "%s: objects lie in its arena", o->name);
	for (unsigned i = 0; i < 100000; i++)
		zero &= large[i] == 0 && (i >= 1000 || b[i] == 0);
	ok(zero, "%s: zalloc", o->name);
	ok(!((uintptr_t)a % 16) && !((uintptr_t)b % 16), "%s: aligned to 16", o->name);
	for (size_t align = 1; align <= 65536; align *= 2) {
		void *p = qr_heap_aligned(&h, align, 24);

		must(p && !((uintptr_t)p & (align - 1)) && !o->check(&heap), "align %zu", align);
		must(!qr_heap_free(&h, p) && !o->check(&heap), "align %zu: free", align);
	}
	ok(!qr_heap_aligned(&h, 24, 8) && !qr_heap_aligned(&h, 0, 8), "%s: no alignment", o->name);
	ok(!o->aligned(&heap, 24, 8) && !o->aligned(&heap, 0, 8), "%s: nor directly", o->name);
	ok(!o->aligned(&heap, (size_t)PTRDIFF_MAX + 1, 8), "%s: half of everything", o->name);
	ok(!o->aligned(&heap, 4096, SIZE_MAX - 100), "%s: a size that wraps", o->name);
	memset(a, 7, 100);
	a = qr_heap_realloc(&h, a, 9000);
	ok(a && a[0] == 7 && a[99] == 7, "%s: realloc keeps the contents", o->name);
	ok(qr_heap_usable(&h, a) >= 9000, "%s: usable", o->name);
	ok(!qr_heap_realloc(&h, a, SIZE_MAX) && a[99] == 7, "%s: realloc refused", o->name);
	ok(!qr_heap_alloc(&h, SIZE_MAX) && !qr_heap_alloc(&h, (size_t)PTRDIFF_MAX), "%s: sizes",
	   o->name);
	is(qr_heap_free(&h, a) | qr_heap_free(&h, b) | qr_heap_free_sized(&h, large, 100000) |
	       qr_heap_free(&h, NULL),
	   QR_OK, "%s: free", o->name);
	ok(!o->check(&heap) && !qr_heap_check(&h), "%s: invariants", o->name);
	qr_heap_fini(&h);
}

static void refused(struct qr_heap *h, void *p, const char *heap_name, const char *what)
{
	unsigned before = faults;
	bool good = qr_heap_free(h, p) == QR_CORRUPT && faults == before + 1 &&
		    last.wrong == QR_HEAP_NO_OBJECT && last.p == p;

	ok(good && !qr_heap_usable(h, p) && !qr_heap_realloc(h, p, 5), "%s: %s is refused",
	   heap_name, what);
}

static void test_wrong(const struct qr_allocator_ops *o)
{
	struct qr_allocator to = fresh(o);
	struct qr_heap h;
	char *a, *b;

	door(&h, &to);
	a = qr_heap_alloc(&h, 5000);
	b = qr_heap_alloc(&h, 64);
	refused(&h, a + 1, o->name, "inside");
	refused(&h, a + 16, o->name, "inside, aligned");
	refused(&h, a + 4096, o->name, "inside, at a page");
	refused(&h, &h, o->name, "foreign");
	refused(&h, arena - 4096, o->name, "below");
	refused(&h, arena + ARENA, o->name, "above");
	refused(&h, (void *)16, o->name, "address 16");
	must(!qr_heap_free(&h, a), "free");
	refused(&h, a, o->name, "twice");
	must(!qr_heap_free(&h, b), "free");
	refused(&h, b, o->name, "twice, the last one");
	ok(!o->check(&heap), "%s: and nothing was changed", o->name);
	qr_heap_fini(&h);
}

/* ---- the n-th allocation fails ----------------------------------------------------------------- */

static bool script(struct qr_heap *h)
{
	static const size_t size[] = { 10, 500, 5000, 20000, 16, 70000 };
	void *p[6] = { 0 }, *q;
	bool every = true;

	for (unsigned i = 0; i < 6; i++)
		every &= (p[i] = i % 2 ? qr_heap_alloc(h, size[i])
				       : qr_heap_aligned(h, 4096, size[i])) != NULL;
	for (unsigned i = 0; i < 6; i++) {
		if (!p[i])
			continue;
		q = qr_heap_realloc(h, p[i], size[5 - i]);
		every &= q != NULL;
		must(!qr_heap_free(h, q ? q : p[i]), "free");
	}
	return every;
}

static void test_fail(const struct qr_allocator_ops *o)
{
	struct qr_arena_stats st;
	struct qr_heap h;
	unsigned n;

	for (n = 1;; n++) {
		struct qr_allocator to = fresh(o);
		bool every;

		door(&h, &to);
		qr_heap_fail_after(&h, n);
		every = script(&h);
		must(every == !qr_heap_failed(&h), "%s, n %u: fails if told to", o->name, n);
		o->stats(&heap, &st);
		must(!o->check(&heap) && st.objects == 0, "%s, n %u", o->name, n);
		qr_heap_fini(&h);
		if (every)
			break;
	}
	ok(n >= 7, "%s: each of %u allocations may fail", o->name, n - 1);
}

/* ---- pools ------------------------------------------------------------------------------------- */

static void *slab(void *ctx)
{
	return qr_heap_aligned(ctx, QR_PAGE_SIZE, QR_PAGE_SIZE);
}

static void slab_free(void *ctx, void *page)
{
	must(!qr_heap_free(ctx, page), "a slab goes back");
}

static void test_pool(const struct qr_allocator_ops *o)
{
	struct qr_allocator to = fresh(o);
	struct qr_heap h;
	struct qr_pool_source source = { slab, slab_free, door(&h, &to) };
	uint64_t state = seed();
	unsigned char *live[LIVE] = { 0 };
	unsigned refusals = 0;
	struct qr_arena_stats st;
	struct qr_pool p;

	must(!qr_pool_init(&p, &frames, "behind a door", 200, 0), "init");
	qr_pool_set_source(&p, &source);
	for (unsigned step = 0; step < (ARENA_THREADS_ONLY ? 2000 : 20000); step++) {
		unsigned k = (unsigned)random_below(&state, LIVE);

		if (live[k]) {
			must(live[k][0] == k && live[k][199] == k, "step %u", step);
			qr_pool_free(&p, live[k]);
			live[k] = NULL;
		} else if ((live[k] = qr_pool_alloc(&p))) {
			must(inside(live[k]), "from the arena");
			memset(live[k], (int)k, 200);
		} else {
			refusals++;
		}
		if (step % 1000 == 0)
			qr_heap_fail_after(&h, 1);
		if (step % 1000 == 500)
			must(!qr_pool_check(&p) && !o->check(&heap), "step %u", step);
	}
	for (unsigned k = 0; k < LIVE; k++)
		qr_pool_free(&p, live[k]);
	ok(panics(qr_pool_set_source(&p, NULL)), "%s: a pool with slabs keeps its source", o->name);
	qr_pool_fini(&p);
	o->stats(&heap, &st);
	ok(st.objects == 0 && !o->check(&heap), "%s: slabs went back (%u refused)", o->name,
	   refusals);
	qr_heap_fini(&h);
}

/* ---- a model that knows every byte ------------------------------------------------------------- */

static struct {
	unsigned char *p;
	size_t n;
} model[LIVE];

static bool overlaps(unsigned k)
{
	for (unsigned i = 0; i < LIVE; i++)
		if (i != k && model[i].p && model[i].p < model[k].p + model[k].n &&
		    model[k].p < model[i].p + model[i].n)
			return true;
	return false;
}

static bool intact(unsigned k)
{
	for (size_t i = 0; i < model[k].n; i++)
		if (model[k].p[i] != (unsigned char)(k * 7 + i))
			return false;
	return true;
}

static void take(const struct qr_allocator_ops *o, unsigned k, uint64_t *state)
{
	size_t n = random_below(state, random_below(state, 8) ? 300 : 20000);
	size_t align = (size_t)1 << random_below(state, random_below(state, 4) ? 5 : 14);

	model[k].n = n;
	model[k].p = o->aligned(&heap, align, n);
	if (!model[k].p)
		return;
	must(inside(model[k].p) && model[k].p + n <= (unsigned char *)arena + ARENA, "inside");
	must(!((uintptr_t)model[k].p & (align - 1)), "at a multiple of %zu", align);
	must(!overlaps(k), "apart from all others");
	for (size_t i = 0; i < n; i++)
		model[k].p[i] = (unsigned char)(k * 7 + i);
}

static void give_all(const struct qr_allocator_ops *o)
{
	for (unsigned k = 0; k < LIVE; k++) {
		must(!o->free(&heap, model[k].p), "free");
		model[k].p = NULL;
	}
}

static void test_model(const struct qr_allocator_ops *o)
{
	enum { STEPS = ARENA_THREADS_ONLY ? 2000 : 60000 };
	uint64_t state = seed();
	struct qr_arena_stats st;
	unsigned live = 0;

	(void)fresh(o);
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = (unsigned)random_below(&state, LIVE);

		if (o == &qr_bump_ops && step % 500 == 499) { /* used up by then */
			give_all(o);
			(void)fresh(o);
			live = 0;
		}
		if (model[k].p) {
			must(intact(k), "%s step %u: contents", o->name, step);
			must(o->usable(&heap, model[k].p) >= model[k].n, "usable");
			must(!o->free(&heap, model[k].p), "free");
			must(o->free(&heap, model[k].p) == QR_CORRUPT, "twice");
			model[k].p = NULL;
			live--;
		} else {
			take(o, k, &state);
			live += model[k].p != NULL;
		}
		if (step % 200 == 0) {
			o->stats(&heap, &st);
			must(!o->check(&heap), "%s step %u: %s", o->name, step, o->check(&heap));
			must(st.objects == live, "objects are counted");
		}
	}
	give_all(o);
	o->stats(&heap, &st);
	ok(st.objects == 0 && !o->check(&heap), "%s: %u random steps as the model says", o->name,
	   STEPS);
	if (o != &qr_bump_ops)
		ok(st.largest == st.free && o->alloc(&heap, st.largest), "%s: one piece again",
		   o->name);
}

/* ---- threads ----------------------------------------------------------------------------------- */

static const struct qr_allocator_ops *shared;

static void *worker(void *arg)
{
	enum { MINE = 20, STEPS = 4000 };
	unsigned char *live[MINE] = { 0 }, id = (unsigned char)(uintptr_t)arg;
	uint64_t state = id;

	host_cpu = id;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned k = (unsigned)random_below(&state, MINE);

		if (!live[k]) {
			live[k] = shared->alloc(&heap, 64);
			if (live[k])
				memset(live[k], id, 64);
			continue;
		}
		must(live[k][0] == id && live[k][63] == id, "one owner");
		must(shared->usable(&heap, live[k]) >= 64, "usable");
		must(!shared->free(&heap, live[k]), "free");
		live[k] = NULL;
	}
	for (unsigned k = 0; k < MINE; k++)
		must(!shared->free(&heap, live[k]), "free");
	return NULL;
}

static void test_threads(const struct qr_allocator_ops *o)
{
	struct qr_arena_stats st;
	pthread_t t[4];

	(void)fresh(o);
	shared = o;
	for (uintptr_t i = 0; i < 4; i++)
		must(!pthread_create(&t[i], NULL, worker, (void *)i), "thread");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	o->stats(&heap, &st);
	ok(!o->check(&heap) && st.objects == 0, "%s: four threads", o->name);
}

int main(void)
{
	const struct qr_allocator_ops *o;

	arena_boot();
	arena = aligned_alloc(65536, ARENA);
	FOR_HEAPS(o)
	{
		test_interface(o);
		test_wrong(o);
		test_fail(o);
		test_pool(o);
		test_model(o);
		test_threads(o);
	}
	qr_frames_drain_all(&frames);
	is(qr_frames_free_count(&frames), ARENA_FRAMES, "every frame came back");
	return done();
}
