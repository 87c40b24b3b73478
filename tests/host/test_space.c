/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces in all formats on the simulated machine: map, touch, unmap, the seeds' three
 * ways of backing, files, fork.  Every step is followed by a check of the whole space.
 */
#include "space_machine.h"
#include "tap.h"

#include "arch/sim/sim.h"

#include <quire/space.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- the seeds' worked example: n pages mapped, k touched -------------------------------- */

static void backing(const struct qr_format *f)
{
	static const struct {
		enum qr_backing backing;
		const char *name;
		unsigned at_map, after_read, after_write;
	} want[] = {
		{ QR_BACK_IMMEDIATE, "immediate", 8, 8, 8 },
		{ QR_BACK_DEMAND, "demand", 0, 5, 5 },
		{ QR_BACK_FIRST_WRITE, "first write", 0, 0, 3 },
	};

	for (unsigned n = 0; n < 3; n++) {
		struct qr_space_stat st;
		qr_virt at;

		machine_on(f);
		at = map_anon_backed(&space, 0, 8, RW, want[n].backing);
		qr_space_stat(&space, &st);
		is(st.resident_anon, want[n].at_map, "%s, %s: frames at map", f->name,
		   want[n].name);
		for (unsigned i = 0; i < 5; i++)
			must(peek(at.v + i * 4096) == 0, "zero");
		qr_space_stat(&space, &st);
		is(st.resident_anon, want[n].after_read, "%s, %s: frames after reading 5", f->name,
		   want[n].name);
		for (unsigned i = 0; i < 3; i++)
			poke(at.v + i * 4096, (uint8_t)(i + 1));
		qr_space_stat(&space, &st);
		is(st.resident_anon, want[n].after_write, "%s, %s: frames after writing 3", f->name,
		   want[n].name);
		for (unsigned i = 0; i < 3; i++)
			must(peek(at.v + i * 4096) == i + 1, "what was written");
		check();
		machine_off();
	}
}

/* ---- map, unmap, holes, replacing ------------------------------------------------------------ */

static void ranges(const struct qr_format *f)
{
	uintptr_t span = (uintptr_t)qr_format_span(f, 1), base = 16 * span;
	struct qr_space_stat st;
	qr_virt at;

	machine_on(f);
	at = map_anon(&space, base - 5 * 4096, (size_t)(3 * span / 4096) + 10, RW);
	is(at.v, base - 5 * 4096, "%s: mapped where asked", f->name);
	check();
	qr_space_stat(&space, &st);
	is(st.mapped, 3 * span / 4096 + 10, "%s: pages promised", f->name);
	poke(base + span + 4096, 7);
	poke(base - 4096, 8);
	check();
	must(!qr_space_unmap(&space, qr_virt_of(base + 4096), (size_t)(2 * span / 4096) - 2),
	     "unmap the middle");
	check();
	is(peek(base - 4096), 8, "%s: outside of the hole nothing changed", f->name);
	ok(!touch(base + span + 4096, QR_ACCESS_READ), "%s: the hole refuses", f->name);
	is(count_regions(&space), 2, "%s: two regions around the hole", f->name);
	map_anon(&space, base + 4096, (size_t)(2 * span / 4096) - 2, RW);
	check();
	is(count_regions(&space), 1, "%s: one region again", f->name);
	is(peek(base + span + 4096), 0, "%s: the hole was filled with zeroes", f->name);
	ok(map_at(&space, base, 1, RW, QR_MAP_FIXED | QR_MAP_NOREPLACE, &at) == QR_EXISTS,
	   "%s: noreplace refuses", f->name);
	must(!qr_space_unmap(&space, qr_virt_of(base - span), (size_t)(5 * span / 4096)), "all");
	check();
	qr_space_stat(&space, &st);
	is(st.mapped + st.regions + st.resident_anon, 0, "%s: nothing is left", f->name);
	machine_off();
}

static void reuse(const struct qr_format *f)
{
	struct qr_space_stat st;
	qr_virt a[100], b;

	machine_on(f);
	for (unsigned i = 0; i < 100; i++)
		a[i] = map_anon(&space, 0, 1 + i % 7, i % 2 ? RW : QR_READ);
	check();
	for (unsigned i = 0; i < 100; i += 3)
		must(!qr_space_unmap(&space, a[i], 1 + i % 7), "unmap");
	check();
	b = map_anon(&space, 0, 1, RW);
	ok(b.v >= a[3].v, "%s: a hole is used again", f->name);
	qr_space_stat(&space, &st);
	b = map_anon(&space, 0, (size_t)(qr_format_span(f, 1) / 4096) * 16, RW);
	{
		struct qr_space_stat now;

		qr_space_stat(&space, &now);
		is(now.tables, st.tables, "%s: a large promise needs no table", f->name);
	}
	check();
	machine_off();
}

/* ---- files ------------------------------------------------------------------------------------ */

static void files(const struct qr_format *f)
{
	struct qr_object o;
	qr_virt shared, private, tail;
	uint8_t bytes[4096 * 3];
	size_t done;

	machine_on(f);
	qr_object_init(&o, &memory, 8, NULL, NULL);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i / 4096 + 1);
	must(!qr_object_write(&o, 4096, bytes, sizeof(bytes), &done) && done == sizeof(bytes), "w");
	shared = map_object(&space, 0, 4, RW, QR_MAP_SHARED, &o, 1);
	private = map_object(&space, 0, 4, RW, 0, &o, 1);
	tail = map_object(&space, 0, 4, QR_READ, QR_MAP_SHARED, &o, 6);
	check();
	is(peek(shared.v), 1, "%s: the file's bytes, shared", f->name);
	is(peek(private.v + 4096), 2, "%s: and private", f->name);
	poke(shared.v + 4096, 77);
	is(peek(private.v + 4096), 77, "%s: unwritten private pages follow the file", f->name);
	poke(private.v + 4096, 55);
	is(peek(shared.v + 4096), 77, "%s: private writes stay private", f->name);
	must(!qr_object_read(&o, 2 * 4096, bytes, 1), "read");
	is(bytes[0], 77, "%s: read agrees with the shared mapping", f->name);
	is(qr_space_fault(&space, qr_virt_of(tail.v + 2 * 4096), QR_ACCESS_READ), QR_BEYOND,
	   "%s: beyond the end", f->name);
	check();
	qr_object_resize(&o, 2);
	check();
	ok(!touch(shared.v + 4096, QR_ACCESS_READ), "%s: truncated away", f->name);
	ok(!touch(private.v + 4096, QR_ACCESS_READ), "%s: the private copy too", f->name);
	is(peek(shared.v), 1, "%s: the rest stays", f->name);
	qr_object_punch(&o, 1, 1);
	check();
	is(peek(shared.v), 0, "%s: a hole reads as zeroes", f->name);
	must(!qr_space_unmap(&space, shared, 4) && !qr_space_unmap(&space, private, 4) &&
		 !qr_space_unmap(&space, tail, 4),
	     "unmap");
	is(o.ref, 1, "%s: mappings gave their references back", f->name);
	check();
	qr_object_put(&o);
	machine_off();
}

/* ---- tables that are kept -------------------------------------------------------------------- */

static size_t trim(void *ctx, size_t want, enum qr_limit limit)
{
	(void)want;
	(void)limit;
	return qr_memory_trim(ctx);
}

/* A page in each of many leaves, and gone again: clean tables stay, but nobody goes without. */
static void spares(const struct qr_format *f)
{
	enum { LEAVES = 24 };
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), base = 8 * leaf;
	size_t got = 0;
	qr_frame *all;

	machine_on(f);
	all = malloc(sim.frames.total * sizeof(*all));
	for (unsigned round = 0; round < 3; round++) {
		map_anon(&space, base, LEAVES * leaf / 4096, RW);
		for (unsigned i = 0; i < LEAVES; i++)
			poke(base + i * leaf, 1);
		check();
		must(!qr_space_unmap(&space, qr_virt_of(base), LEAVES * leaf / 4096), "unmap");
		check();
	}
	is(qr_memory_clean(&memory), memory.most_spare, "%s: empty tables are kept, up to the most",
	   f->name);
	qr_frames_set_reclaim(&sim.frames, trim, &memory);
	while (!qr_frames_alloc(&sim.frames, 0, QR_FRAME_KERNEL, QR_LOW, &all[got]))
		got++;
	is(qr_memory_clean(&memory), 0, "%s: who asks for all frames gets them too", f->name);
	check();
	must(qr_memory_trim(&memory) == 0, "nothing is left to trim");
	while (got)
		qr_frame_put(&sim.frames, all[--got]);
	qr_frames_set_reclaim(&sim.frames, NULL, NULL);
	poke(map_anon(&space, 0, 1, RW).v, 1);
	check();
	machine_off();
	free(all);
}

int main(void)
{
	FOR_FORMATS(f)
	{
		backing(f);
		ranges(f);
		reuse(f);
		files(f);
		spares(f);
	}
	return done();
}
