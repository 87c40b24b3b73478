/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Memory objects by themselves: holes, sparse indices up to the end of what 64 bits can number,
 * sizes, short writes when memory runs out; and the tree under them against a plain array.
 */
#include "space_machine.h"
#include "tap.h"

#include <string.h>

static unsigned released;

static void on_release(struct qr_object *o)
{
	released += o->owner == &released;
}

static void contents(void)
{
	static uint8_t in[5 * 4096], out[sizeof(in)];
	struct qr_object o;
	qr_frame f;
	size_t done;

	qr_object_init(&o, &memory, 1ull << 52, &released, on_release);
	for (unsigned i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + i / 4096);
	must(!qr_object_write(&o, 100, in, sizeof(in), &done), "write");
	is(done, sizeof(in), "all written");
	must(!qr_object_read(&o, 100, out, sizeof(out)), "read");
	ok(!memcmp(in, out, sizeof(in)), "what was written is read, across pages");
	must(!qr_object_read(&o, 1ull << 50, out, 4096), "read");
	ok(!out[0] && !out[4095], "a hole reads as zeroes");
	is(o.nresident, 6, "and fills nothing");
	is(qr_object_page(&o, 1ull << 40, false, &f), QR_NOENT, "a hole has no frame");
	must(!qr_object_page(&o, (1ull << 52) - 1, true, &f), "the last page");
	qr_frame_put(&sim.frames, f);
	is(qr_object_page(&o, 1ull << 52, true, &f), QR_BEYOND, "nothing beyond the end");
	is(o.nresident, 7, "seven pages");
	qr_object_punch(&o, 1, 2);
	must(!qr_object_read(&o, 4096, out, 2 * 4096), "read");
	ok(!out[0] && !out[8191], "punched");
	qr_object_resize(&o, 4);
	is(o.nresident, 2, "shrunk: pages 0 and 3 stay");
	qr_object_resize(&o, 1ull << 30);
	must(!qr_object_read(&o, 5 * 4096, out, 100), "read");
	ok(!out[0], "grown again: what was cut off is gone");
	qr_object_get(&o);
	qr_object_put(&o);
	is(released, 0, "still owned");
	qr_object_put(&o);
	is(released, 1, "released with its last reference");
}

static void no_memory(void)
{
	static uint8_t in[8 * 4096];
	struct qr_object o;
	size_t before, done = 99;

	qr_object_init(&o, &memory, 1000, NULL, NULL);
	before = free_frames();
	qr_frames_fail_after(&sim.frames, 1);
	is(qr_object_write(&o, 0, in, sizeof(in), &done), QR_NOMEM, "nothing could be written");
	is(done, 99, "and `out` is untouched");
	qr_frames_fail_after(&sim.frames, 4);
	ok(!qr_object_write(&o, 0, in, sizeof(in), &done) && done < sizeof(in) && done % 4096 == 0,
	   "a short write when memory runs out");
	qr_frames_fail_after(&sim.frames, 0);
	qr_object_put(&o);
	is(free_frames(), before, "all frames are back");
}

static void tree(void)
{
	enum { NUMBERS = 300 };
	uint64_t number[NUMBERS], state = seed(), at;
	uintptr_t value[NUMBERS] = { 0 };
	struct qr_radix r = { 0 };
	unsigned n = 0;

	for (unsigned i = 0; i < NUMBERS; i++)
		number[i] = random64(&state) >> random_below(&state, 64);
	number[0] = UINT64_MAX;
	number[1] = 0;
	for (unsigned i = 0; i < NUMBERS; i++) /* each number once */
		for (unsigned k = 0; k < i; k++)
			if (number[k] == number[i])
				number[i] = random64(&state), k = -1u;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)random_below(&state, NUMBERS);

		if (random_below(&state, 2)) {
			value[i] = 1 + step;
			must(!qr_radix_set(&r, &memory.nodes, number[i], value[i]), "set");
		} else {
			must(qr_radix_clear(&r, &memory.nodes, number[i]) == value[i], "clear");
			value[i] = 0;
		}
		i = (unsigned)random_below(&state, NUMBERS);
		must(qr_radix_get(&r, number[i]) == value[i], "get, step %u", step);
	}
	ok(true, "20000 steps agree with an array");
	for (unsigned i = 0; i < NUMBERS; i++)
		n += value[i] != 0;
	for (at = 0; qr_radix_next(&r, &at); at++) {
		n--;
		if (at == UINT64_MAX)
			break;
	}
	is(n, 0, "next visits each value once");
	for (unsigned i = 0; i < NUMBERS; i++)
		must(qr_radix_clear(&r, &memory.nodes, number[i]) == value[i], "clear");
	ok(!r.root && !r.height, "an empty tree has no node");
}

int main(void)
{
	machine_bare(space_formats[0]);
	contents();
	no_memory();
	tree();
	machine_off();
	return done();
}
