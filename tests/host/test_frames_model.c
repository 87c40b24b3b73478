/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Frames against a naive model: an array that knows who owns each frame.  Every answer must be
 * one that the model allows, and a refusal one that the model cannot refute.
 */
#include "plain_host.h"
#include "tap.h"

#include <quire/frames.h>

#include <string.h>

enum { FRAMES = 5 * 4096 + 700, LOW_END = 3 * 4096, STEPS = 1200000, BLOCKS = 4000 };

struct block {
	uint32_t first, n;
	unsigned order; /* 99: a range */
};

static struct qr_frames f;
static unsigned char owned[FRAMES]; /* 0 a hole, 1 free, 2 in use */
static struct block blocks[BLOCKS];
static unsigned nblocks;
static size_t nfree;

static const uint32_t ends[] = { FRAMES, LOW_END, FRAMES, 4096, 256 };

static void boot(void)
{
	struct qr_frames_config c = { { 0 }, { FRAMES }, { LOW_END }, 2, false };
	static const uint32_t ram[][2] = {
		{ 1, 0x9f }, { 0x100, 2000 }, { 2111, 9000 }, { 12000, FRAMES - 5 }
	};
	size_t bytes = qr_frames_metadata_size(&c);
	void *meta = aligned_alloc(64, bytes);

	must(qr_frames_init(&f, &c, meta, bytes) == QR_OK, "init");
	for (unsigned i = 0; i < 4; i++) {
		uint32_t n = ram[i][1] - ram[i][0];

		must(qr_frames_add(&f, qr_frame_of(ram[i][0]), n) == QR_OK, "add");
		memset(owned + ram[i][0], 1, n);
		nfree += n;
	}
}

/* Whether the model has such a block: what a refusal is measured by. */
static bool there_is(uint32_t n, uint32_t align, uint32_t end)
{
	for (uint32_t i = 0; i + n <= end; i += align)
		if (!memchr(owned + i, 2, n) && !memchr(owned + i, 0, n))
			return true;
	return false;
}

static void take(uint32_t first, uint32_t n, unsigned order, enum qr_limit limit, unsigned step)
{
	must(first + n <= ends[limit], "step %u: limit %u: %u + %u", step, limit, first, n);
	for (uint32_t i = first; i < first + n; i++) {
		must(owned[i] == 1, "step %u: frame %u was free", step, i);
		owned[i] = 2;
	}
	nfree -= n;
	blocks[nblocks++] = (struct block){ first, n, order };
}

static void alloc_block(uint64_t *state, unsigned step)
{
	unsigned order = random_below(state, 4) ? 0 : (unsigned)random_below(state, 11);
	enum qr_limit limit = (enum qr_limit)(random_below(state, 3) ? random_below(state, 2)
								     : random_below(state, 5));
	qr_frame out;
	enum qr_err e = qr_frames_alloc(&f, order, QR_FRAME_ANON, limit, &out);

	if (e == QR_OK) {
		must(out.v % (1u << order) == 0, "step %u: aligned", step);
		take(out.v, 1u << order, order, limit, step);
	} else {
		/* Another CPU's magazine may hide what is missing; they are empty after this. */
		qr_frames_drain_all(&f);
		e = qr_frames_alloc(&f, order, QR_FRAME_ANON, limit, &out);
		if (e == QR_OK)
			take(out.v, 1u << order, order, limit, step);
		else
			must(!there_is(1u << order, 1u << order, ends[limit]),
			     "step %u: order %u limit %u was refused", step, order, limit);
	}
}

static void alloc_range(uint64_t *state, unsigned step)
{
	uint32_t n = 1 + (uint32_t)random_below(state, 1500);
	uint32_t align = 1u << random_below(state, 12);
	enum qr_limit limit = (enum qr_limit)random_below(state, 5);
	qr_frame out;

	qr_frames_drain_all(&f);
	if (qr_frames_alloc_range(&f, n, align, QR_FRAME_ANON, limit, &out) == QR_OK) {
		must(out.v % align == 0, "step %u: range aligned", step);
		take(out.v, n, 99, limit, step);
	} else {
		must(!there_is(n, align, ends[limit]), "step %u: range of %u at %u, limit %u", step,
		     n, align, limit);
	}
}

static void free_block(uint64_t *state, unsigned step)
{
	unsigned k = (unsigned)random_below(state, nblocks);
	struct block b = blocks[k];

	if (b.order == 99) {
		must(qr_frames_free_range(&f, qr_frame_of(b.first), b.n) == QR_OK, "step %u", step);
	} else if (b.order && random_below(state, 2)) { /* in two halves */
		must(!qr_frames_free(&f, qr_frame_of(b.first), b.order - 1), "step %u", step);
		must(!qr_frames_free(&f, qr_frame_of(b.first + b.n / 2), b.order - 1), "step %u",
		     step);
	} else {
		must(qr_frames_free(&f, qr_frame_of(b.first), b.order) == QR_OK, "step %u", step);
	}
	memset(owned + b.first, 1, b.n);
	nfree += b.n;
	blocks[k] = blocks[--nblocks];
}

/* A free that the model knows to be wrong. */
static void free_wrongly(uint64_t *state, unsigned step)
{
	uint32_t i = (uint32_t)random_below(state, FRAMES + 100);
	unsigned order = (unsigned)random_below(state, 12);

	for (uint32_t k = i; k < FRAMES && k < i + (1u << order); k++)
		if (owned[k] != 2) {
			must(qr_frames_free(&f, qr_frame_of(i), order) == QR_CORRUPT,
			     "step %u: free of %u order %u", step, i, order);
			return;
		}
	if (i >= FRAMES)
		must(qr_frames_free(&f, qr_frame_of(i), 0) == QR_CORRUPT, "step %u", step);
}

int main(void)
{
	uint64_t state = seed();

	boot();
	for (unsigned step = 0; step < STEPS; step++) {
		/* Breathe: long phases that fill, long phases that empty. */
		bool filling = step / 20000 % 2 == 0;
		unsigned dice = (unsigned)random_below(&state, 1000);

		host_cpu = (unsigned)random_below(&state, 2);
		if (dice < 10)
			free_wrongly(&state, step);
		else if (dice < 12 && nblocks < BLOCKS)
			alloc_range(&state, step);
		else if (nblocks < BLOCKS && (!nblocks || dice % 10 < (filling ? 6 : 4)))
			alloc_block(&state, step);
		else
			free_block(&state, step);
		if (step % 10000 == 0) {
			const char *broken = qr_frames_check(&f);

			must(!broken, "step %u: %s", step, broken);
			must(qr_frames_free_count(&f) == nfree, "step %u: the count", step);
		}
	}
	while (nblocks)
		free_block(&state, STEPS);
	qr_frames_drain_all(&f);
	is(qr_frames_free_count(&f), nfree, "all frames are free at the end");
	ok(!qr_frames_check(&f), "invariants");
	ok(true, "%u random steps agree with the model", STEPS);
	free(f.local);
	return done();
}
