/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random operations on address spaces, against pages in a flat array (space_model/flat.h).
 *
 * Up to four spaces and three objects live on a simulated machine.  Each step maps, unmaps,
 * protects, moves, forks, advises, truncates, or reads and writes as a program would, and what
 * it answers and what is read afterwards must be what the model says.  Often the n-th allocation
 * of a step fails: then it answers QR_NOMEM and nothing has changed.  Every so often everything
 * is compared: the listing, every page, every invariant, the sum of the frames.
 *
 *	QUIRE_SEED=n	the same run again
 *	QUIRE_STEPS=n	steps per format
 *	QUIRE_CHECK=n	compare everything every n steps (512), to find the one that went wrong
 *	QUIRE_WITHOUT=op,op...	leave these out (names in all_ops)
 *	QUIRE_TRACE=1	print every step; otherwise the last ones are printed when one fails
 */
// sources: tests/host/space_model/machine.c tests/host/space_model/map.c
// sources: tests/host/space_model/access.c tests/host/space_model/move.c
// sources: tests/host/space_model/huge.c tests/host/space_model/compare.c
// sources: tests/host/space_model/flat.c
#include "tests/host/space_model/model.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static unsigned check_every;

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned weight;
} all_ops[] = {
	{ "read", do_read, 20 },
	{ "write", do_write, 20 },
	{ "exec", do_exec, 3 },
	{ "copy", do_copy, 8 },
	{ "force", do_force, 2 },
	{ "residency", do_residency, 2 },
	{ "map_fixed", do_map_fixed, 12 },
	{ "map_anywhere", do_map_anywhere, 6 },
	{ "unmap", do_unmap, 6 },
	{ "protect", do_protect, 10 },
	{ "advise", do_advise, 6 },
	{ "lock", do_lock, 2 },
	{ "object_bytes", do_object_bytes, 4 },
	{ "object_size", do_object_size, 1 },
	{ "fork", do_fork, 2 },
	{ "remap", do_remap, 5 },
	{ "huge_policy", do_huge_policy, 1 },
	{ "huge_map", do_huge_map, 2 },
	{ "huge_collapse", do_huge_collapse, 1 },
};
enum { NOPS = sizeof(all_ops) / sizeof(all_ops[0]) };

static unsigned weight[NOPS];
static size_t nhuge, nsplit;

static void random_step(void)
{
	unsigned total = 0, n;

	for (unsigned i = 0; i < NOPS; i++)
		total += weight[i];
	n = below(total);
	for (unsigned i = 0;; i++) {
		if (n < weight[i]) {
			all_ops[i].fn();
			break;
		}
		n -= weight[i];
	}
	armed = false;
	qr_frames_fail_after(&sim.frames, 0);
}

static void run(unsigned nsteps, uint32_t nframes)
{
	size_t before = machine_on(random64(&rnd), nframes);
	enum qr_err err = qr_space_init(&vm[0].space, &memory);

	expect(err == QR_OK, "init: error %d", err);
	make_space(0);
	for (step = 0; step < nsteps; step++) {
		random_step();
		if (step % check_every == 0)
			compare_all(step % (8 * check_every) == 0);
	}
	compare_all(true);
	nhuge += memory.huge.fault + memory.huge.collapse;
	nsplit += memory.huge.split;
	machine_off(before);
}

int main(void)
{
	static const struct qr_format *const formats[] = { &qr_format_two_level, &qr_format_pae,
							   &qr_format_4_level, &qr_format_5_level };
	const char *text = getenv("QUIRE_STEPS");
	unsigned nsteps = text ? (unsigned)strtoul(text, NULL, 0) : 250000;

	loud = getenv("QUIRE_TRACE") != NULL;
	text = getenv("QUIRE_CHECK");
	check_every = text ? (unsigned)strtoul(text, NULL, 0) : 512;
	signal(SIGABRT, show_trace);
	text = getenv("QUIRE_WITHOUT");
	for (unsigned i = 0; i < NOPS; i++)
		weight[i] = text && strstr(text, all_ops[i].name) ? 0 : all_ops[i].weight;
	rnd = seed();
	for (unsigned i = 0; i < 4; i++) {
		format = formats[i];
		if (format->address_bits > 8 * sizeof(uintptr_t))
			continue;
		ops_failed = nhuge = nsplit = 0;
		for (unsigned n = 0; n < 4; n++) {
			scarce = n == 3;
			run(nsteps / 4, scarce ? 700 : 8192);
		}
		ok(true,
		   "%s: %u steps agree with the model, %" PRIu64 " without memory; huge pages: "
		   "%zu made, %zu split",
		   format->name, nsteps / 4 * 4, ops_failed, nhuge, nsplit);
	}
	return done();
}
