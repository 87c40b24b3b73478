/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames with four CPUs: blocks of all orders, references, drains; each owner writes his name
 * into the frame's link and finds it there again.
 */
// test: threads
#include "plain_host.h"
#include "tap.h"

#include <quire/frames.h>

#include <pthread.h>

enum { FRAMES = 3 * 4096, CPUS = 4, STEPS = 60000, LIVE = 120, SHARED = 64 };

static struct qr_frames f;
static qr_frame shared[SHARED]; /* frames with a reference for each CPU */

struct held {
	qr_frame first;
	unsigned order;
	bool used;
};

static void own(struct held *h)
{
	for (uint32_t i = 0; i < 1u << h->order; i++) {
		struct qr_frame_word *w = qr_frame_word(&f, qr_frame_of(h->first.v + i));

		must(qr_frame_type(w) == QR_FRAME_ANON && qr_frame_refs(w) == 1, "handed out once");
		w->link = host_cpu + 1;
	}
}

static void give_up(struct held *h)
{
	for (uint32_t i = 0; i < 1u << h->order; i++)
		must(qr_frame_word(&f, qr_frame_of(h->first.v + i))->link == host_cpu + 1,
		     "nobody else had it");
	must(qr_frames_free(&f, h->first, h->order) == QR_OK, "free");
	h->used = false;
}

static void *cpu(void *arg)
{
	struct held held[LIVE] = { 0 };
	uint64_t state;
	unsigned refused = 0;

	host_cpu = (unsigned)(uintptr_t)arg;
	state = seed() + host_cpu;
	for (unsigned step = 0; step < STEPS; step++) {
		struct held *h = &held[random_below(&state, LIVE)];

		if (h->used) {
			give_up(h);
			continue;
		}
		h->order = random_below(&state, 8) ? 0 : (unsigned)random_below(&state, 11);
		if (qr_frames_alloc(&f, h->order, QR_FRAME_ANON, QR_ANY, &h->first) == QR_OK) {
			h->used = true;
			own(h);
		} else {
			refused++;
		}
		if (step % 5000 == 0)
			qr_frames_drain(&f);
	}
	for (unsigned i = 0; i < LIVE; i++)
		if (held[i].used)
			give_up(&held[i]);
	for (unsigned i = 0; i < SHARED; i++) {
		must(qr_frame_get(&f, shared[i]) == QR_OK, "get");
		qr_frame_put(&f, shared[i]);
	}
	qr_frames_put_many(&f, shared, SHARED);
	must(refused < STEPS / 2, "most allocations succeed");
	return NULL;
}

int main(void)
{
	struct qr_frames_config c = { { 0 }, { FRAMES }, { FRAMES }, CPUS, false };
	size_t bytes = qr_frames_metadata_size(&c);
	void *meta = aligned_alloc(64, bytes);
	pthread_t threads[CPUS];
	const char *broken;

	(void)seed();
	must(qr_frames_init(&f, &c, meta, bytes) == QR_OK, "init");
	must(qr_frames_add(&f, qr_frame_of(0), FRAMES) == QR_OK, "add");
	must(qr_frames_alloc_many(&f, QR_FRAME_CACHE, QR_ANY, SHARED, shared) == SHARED, "shared");
	for (unsigned i = 0; i < SHARED; i++)
		for (unsigned k = 1; k < CPUS; k++)
			must(qr_frame_get(&f, shared[i]) == QR_OK, "get");
	for (uintptr_t i = 0; i < CPUS; i++)
		must(!pthread_create(&threads[i], NULL, cpu, (void *)i), "thread");
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
	broken = qr_frames_check(&f);
	ok(!broken, "invariants (%s)", broken ? broken : "all hold");
	is(qr_frames_free_count(&f), FRAMES, "every frame came back");
	qr_frames_drain_all(&f);
	struct qr_frames_stats st;
	qr_frames_stats(&f, &st);
	is(st.free_areas, FRAMES / 512, "and whole areas with them");
	free(meta);
	return done();
}
