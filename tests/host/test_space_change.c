/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What can happen to memory that is mapped: rights change, it is forked, it moves, it is given
 * advice, it is locked, a stack grows.
 */
#include "space_machine.h"
#include "tap.h"

#include <string.h>

static void protect(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), base = 8 * leaf;
	size_t n = 3 * leaf / 4096;
	struct qr_space_stat st;
	struct qr_region r;

	machine_on(f);
	map_anon(&space, base, n, RW);
	poke(base + 2 * leaf, 1);
	for (unsigned i = 0; i < 10; i++)
		poke(base + i * 4096, (uint8_t)(i + 1));
	peek(base + 20 * 4096);
	must(!qr_space_protect(&space, qr_virt_of(base + 4096), 1, QR_READ), "protect");
	check();
	is(count_regions(&space), 3, "%s: a page with other rights makes three regions", f->name);
	ok(!touch(base + 4096, QR_ACCESS_WRITE) && refused == QR_ACCESS, "%s: read-only", f->name);
	is(peek(base + 4096), 2, "%s: and readable", f->name);
	must(!qr_space_protect(&space, qr_virt_of(base), n, QR_PROT_NONE), "protect");
	check();
	ok(!touch(base, QR_ACCESS_READ) && refused == QR_ACCESS, "%s: no rights", f->name);
	is(count_regions(&space), 1, "%s: one region again", f->name);
	must(!qr_space_protect(&space, qr_virt_of(base), n, RW), "protect");
	check();
	for (unsigned i = 0; i < 10; i++)
		must(peek(base + i * 4096) == i + 1, "the pages were kept");
	poke(base, 42);
	is(peek(base), 42, "%s: writable again", f->name);
	must(!qr_space_next(&space, qr_virt_of(base + 2 * leaf + 4096), &r), "a region");
	ok(r.start.v == base && r.end.v == base + 3 * leaf, "%s: one, from within a later leaf too",
	   f->name);
	must(!qr_space_unmap(&space, qr_virt_of(base + leaf), 1), "a hole");
	is(qr_space_protect(&space, qr_virt_of(base), n, QR_READ), QR_NOENT, "%s: hole", f->name);
	check();
	ok(!touch(base, QR_ACCESS_WRITE), "%s: what lies before the hole is changed", f->name);
	ok(touch(base + leaf + 4096, QR_ACCESS_WRITE), "%s: and not what lies behind", f->name);
	check();
	qr_space_stat(&space, &st);
	is(st.mapped, n - 1, "%s: counted", f->name);
	machine_off();
}

static void fork_tree(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), base = 8 * leaf - 4 * 4096;
	struct qr_space child;
	struct qr_object o;
	struct qr_space_stat st;

	machine_on(f);
	qr_object_init(&o, &memory, 8, NULL, NULL);
	map_anon(&space, base, 16, RW);
	map_anon(&space, base + 64 * leaf, 4 * leaf / 4096, RW);
	map_object(&space, base + 100 * 4096, 4, RW, QR_MAP_SHARED, &o, 0);
	map_object(&space, base + 200 * 4096, 4, RW, 0, &o, 0);
	map_anon(&space, base + 300 * 4096, 4, RW);
	map_anon(&space, base + 400 * 4096, 4, RW);
	must(!qr_space_advise(&space, qr_virt_of(base + 300 * 4096), 4, QR_ADVISE_DONTFORK), "a");
	must(!qr_space_advise(&space, qr_virt_of(base + 400 * 4096), 4, QR_ADVISE_WIPEONFORK), "a");
	for (unsigned i = 0; i < 8; i++)
		poke(base + i * 4096, (uint8_t)(i + 1));
	peek(base + 9 * 4096);
	poke(base + 100 * 4096, 50);
	poke(base + 200 * 4096, 60);
	poke(base + 300 * 4096, 70);
	poke(base + 400 * 4096, 80);
	must(!qr_space_protect(&space, qr_virt_of(base + 7 * 4096), 1, 0), "hide one");
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	check();
	is(peek(base), 1, "%s: the parent still reads", f->name);
	poke(base, 101);
	use(&child);
	check();
	is(peek(base), 1, "%s: the child sees what was", f->name);
	is(peek(base + 4096), 2, "%s: shared page", f->name);
	poke(base + 4096, 102);
	poke(base + 100 * 4096, 51);
	is(peek(base + 200 * 4096), 60, "%s: private copy of a file", f->name);
	ok(!touch(base + 300 * 4096, QR_ACCESS_READ), "%s: DONTFORK", f->name);
	is(peek(base + 400 * 4096), 0, "%s: WIPEONFORK", f->name);
	ok(!touch(base + 7 * 4096, QR_ACCESS_READ), "%s: no rights in the child", f->name);
	must(!qr_space_protect(&child, qr_virt_of(base + 7 * 4096), 1, RW), "show");
	is(peek(base + 7 * 4096), 8, "%s: the hidden page is there", f->name);
	poke(base + 7 * 4096, 9);
	check();
	use(&space);
	is(peek(base + 4096), 2, "%s: the child's write is its own", f->name);
	is(peek(base + 100 * 4096), 51, "%s: shared is shared", f->name);
	use(&child);
	use(&space);
	qr_space_fini(&child);
	check();
	qr_space_stat(&space, &st);
	for (unsigned i = 0; i < 7; i++)
		poke(base + i * 4096, (uint8_t)(i + 1));
	{
		uint64_t copies = st.faults_copy;

		qr_space_stat(&space, &st);
		is(st.faults_copy, copies, "%s: nothing is copied for the last owner", f->name);
	}
	check();
	must(!qr_space_unmap(&space, qr_virt_of(base), 204), "unmap the object");
	qr_object_put(&o);
	machine_off();
}

/* A child moves memory to where it has borrowed leaves: they are replaced for it, and not changed
 * for its parent. */
static void move_over_borrowed(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), from = 8 * leaf, to = 16 * leaf;
	size_t n = 2 * leaf / 4096;
	struct qr_space child;
	qr_virt at;

	for (unsigned aligned = 0; aligned < 2; aligned++) {
		uintptr_t start = from + (aligned ? 0 : 4096);
		struct qr_remap req = { .from = qr_virt_of(start),
					.to = qr_virt_of(to),
					.old_npages = n,
					.new_npages = n,
					.may_move = true,
					.fixed = true };

		machine_on(f);
		map_anon(&space, start, n, RW);
		map_anon(&space, to, n, RW);
		for (unsigned i = 0; i < 100; i++) {
			poke(to + i * 4096, 1);
			poke(to + leaf + i * 4096, 2);
		}
		must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
		use(&child);
		poke(start + 4096, 3);
		must(!qr_space_remap(&child, &req, &at), "remap");
		check();
		is(peek(to + 4096), 3, "%s: the page has moved", f->name);
		is(peek(to + leaf + 4096), 0, "%s: nothing of what was there is seen", f->name);
		use(&space);
		check();
		is(peek(to + 4096), 1, "%s: but by the parent, in the first leaf", f->name);
		is(peek(to + leaf + 99 * 4096), 2, "%s: and in the second", f->name);
		qr_space_fini(&child);
		machine_off();
	}
}

static qr_virt remap(uintptr_t from, size_t old, size_t new, uintptr_t to, bool keep)
{
	struct qr_remap req = { .from = qr_virt_of(from),
				.old_npages = old,
				.new_npages = new,
				.may_move = true,
				.fixed = to != 0,
				.keep_old = keep,
				.to = qr_virt_of(to) };
	qr_virt out = { 0 };
	enum qr_err err = qr_space_remap(&space, &req, &out);

	must(!err, "remap: error %d", err);
	check();
	return out;
}

static void moves(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), base = 8 * leaf;
	size_t n = leaf / 4096;
	struct qr_object o;
	qr_virt at;

	machine_on(f);
	qr_object_init(&o, &memory, 64, NULL, NULL);
	/* In place, then away because something is in the way. */
	map_anon(&space, base, 4, RW);
	poke(base, 1);
	at = remap(base, 4, 8, 0, false);
	is(at.v, base, "%s: grown in place", f->name);
	map_anon(&space, base + 8 * 4096, 1, QR_READ);
	at = remap(base, 8, 16, 0, false);
	ok(at.v != base, "%s: moved", f->name);
	is(peek(at.v), 1, "%s: with its page", f->name);
	ok(!touch(base, QR_ACCESS_READ), "%s: the old place is empty", f->name);
	at = remap(at.v, 16, 2, 0, false);
	ok(!touch(at.v + 2 * 4096, QR_ACCESS_READ), "%s: shrunk", f->name);
	/* Whole leaves, aligned and not, kept and not. */
	map_anon(&space, base + 16 * leaf, 3 * n, RW);
	for (unsigned i = 0; i < 3 * n; i += 100)
		poke(base + 16 * leaf + i * 4096, (uint8_t)(i / 100 + 1));
	at = remap(base + 16 * leaf, 3 * n, 3 * n, base + 32 * leaf, false);
	for (unsigned i = 0; i < 3 * n; i += 100)
		must(peek(at.v + i * 4096) == i / 100 + 1, "aligned move");
	at = remap(at.v, 3 * n, 3 * n, base + 48 * leaf + 5 * 4096, true);
	for (unsigned i = 0; i < 3 * n; i += 100)
		must(peek(at.v + i * 4096) == i / 100 + 1, "move by 5 pages");
	is(peek(base + 32 * leaf), 0, "%s: the kept place is empty and zero", f->name);
	check();
	at = remap(at.v + 3 * 4096, 2 * n, 2 * n + 7, base + 64 * leaf + 3 * 4096, false);
	check();
	/* Objects: offsets survive, a second mapping of the same pages. */
	at = map_object(&space, base + 100 * leaf, 16, RW, QR_MAP_SHARED, &o, 3);
	poke(at.v + 5 * 4096, 77);
	at = remap(at.v + 4 * 4096, 4, 8, base + 110 * leaf, false);
	is(peek(at.v + 4096), 77, "%s: the object's page at its new place", f->name);
	at = remap(at.v, 0, 8, 0, false);
	is(peek(at.v + 4096), 77, "%s: and at a second one", f->name);
	qr_object_resize(&o, 4);
	check();
	ok(!touch(at.v + 4096, QR_ACCESS_READ) && refused == QR_BEYOND, "%s: truncated", f->name);
	must(!qr_space_unmap(&space, memory.user_start,
			     (memory.user_end.v - memory.user_start.v) / 4096),
	     "unmap all");
	qr_object_put(&o);
	machine_off();
}

/* A space with a limit: what is replaced makes room, for a map and for a copy that moves. */
static void limits(uintptr_t base, const char *name)
{
	struct qr_map req = {
		.at = { base }, .npages = 8, .flags = QR_MAP_FIXED, .prot = RW, .maxprot = RW
	};
	struct qr_remap move = { .from = { base },
				 .old_npages = 4,
				 .new_npages = 4,
				 .may_move = true,
				 .fixed = true,
				 .keep_old = true };
	struct qr_space_stat st;
	qr_virt at;

	must(!qr_space_unmap(&space, qr_virt_of(base), 64), "unmap");
	qr_space_stat(&space, &st);
	qr_space_limit(&space, st.mapped + 8, SIZE_MAX);
	must(!qr_space_map(&space, &req, &at), "map");
	is(qr_space_mapped(&space, qr_virt_of(base - 4096), 16), 8, "%s: so many are mapped", name);
	is(qr_space_map(&space, &req, &at), QR_OK, "%s: the same again", name);
	req.at.v = base + 4096;
	is(qr_space_map(&space, &req, &at), QR_LIMIT, "%s: one page too many", name);
	req.npages = SIZE_MAX >> 13;
	is(qr_space_map(&space, &req, &at) == QR_OK, false, "%s: far too many", name);
	move.to.v = base + 4 * 4096;
	is(qr_space_remap(&space, &move, &at), QR_OK, "%s: a copy over others", name);
	move.to.v = base + 5 * 4096;
	is(qr_space_remap(&space, &move, &at), QR_LIMIT, "%s: a copy that is too much", name);
	qr_space_limit(&space, SIZE_MAX, SIZE_MAX);
	check();
}

static void advice(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), base = 8 * leaf;
	struct qr_space_stat st;
	uint8_t there[8];
	struct qr_object o;

	machine_on(f);
	map_anon(&space, base, leaf / 4096, RW);
	poke(base, 1);
	poke(base + 5 * 4096, 1);
	must(!qr_space_residency(&space, qr_virt_of(base), 8, there), "residency");
	is(there[0] + there[1] + there[5], 2, "%s: what is resident", f->name);
	must(!qr_space_advise(&space, qr_virt_of(base), leaf / 4096, QR_ADVISE_DONTNEED), "a");
	check();
	qr_space_stat(&space, &st);
	is(st.resident_anon, 0, "%s: DONTNEED takes the pages", f->name);
	is(peek(base), 0, "%s: zero again", f->name);
	must(!qr_space_lock(&space, qr_virt_of(base), 4, QR_LOCK), "lock");
	check();
	qr_space_stat(&space, &st);
	is(st.locked, 4, "%s: locked", f->name);
	is(st.resident_anon, 4, "%s: and there", f->name);
	is(qr_space_advise(&space, qr_virt_of(base), 4, QR_ADVISE_DONTNEED), QR_INVAL,
	   "%s: locked pages stay", f->name);
	qr_space_limit(&space, SIZE_MAX, 5);
	is(qr_space_lock(&space, qr_virt_of(base), 6, QR_LOCK), QR_LIMIT, "%s: too many", f->name);
	must(!qr_space_lock(&space, qr_virt_of(base), 5, QR_LOCK), "lock");
	must(!qr_space_lock(&space, qr_virt_of(base), 100, QR_UNLOCK), "unlock");
	is(count_regions(&space), 1, "%s: one region again", f->name);
	is(qr_space_advise(&space, qr_virt_of(base - 4096), 4, QR_ADVISE_DONTNEED), QR_NOENT,
	   "%s: a hole is told", f->name);
	limits(base, f->name);
	qr_object_init(&o, &memory, 8, NULL, NULL);
	map_object(&space, base + 4 * leaf, 8, RW, QR_MAP_SHARED, &o, 0);
	poke(base + 4 * leaf, 1);
	must(!qr_space_advise(&space, qr_virt_of(base + 4 * leaf), 1, QR_ADVISE_REMOVE), "remove");
	is(o.nresident, 0, "%s: REMOVE punches the object", f->name);
	check();
	must(!qr_space_unmap(&space, qr_virt_of(base + 4 * leaf), 8), "unmap");
	qr_object_put(&o);
	machine_off();
}

static void stack(const struct qr_format *f)
{
	uintptr_t leaf = (uintptr_t)qr_format_span(f, 1), top = 16 * leaf;
	qr_virt at;

	machine_on(f);
	must(!map_at(&space, top - 4 * 4096, 4, RW, QR_MAP_FIXED | QR_MAP_GROWSDOWN, &at), "stack");
	poke(top - 1, 1);
	poke(top - 100 * 4096, 2);
	check();
	is(count_regions(&space), 1, "%s: the stack grew", f->name);
	qr_space_limit_stack(&space, 120);
	ok(!touch(top - 121 * 4096, QR_ACCESS_WRITE), "%s: not beyond its limit", f->name);
	must(!qr_space_unmap(&space, qr_virt_of(top - 10 * 4096), 1), "cut it in two");
	ok(touch(top - 121 * 4096, QR_ACCESS_WRITE), "%s: what was cut off does not count",
	   f->name);
	ok(!touch(top - 131 * 4096, QR_ACCESS_WRITE), "%s: nor more than that", f->name);
	qr_space_limit_stack(&space, SIZE_MAX);
	map_anon(&space, top - 400 * 4096, 1, RW);
	ok(!touch(top - 200 * 4096, QR_ACCESS_WRITE), "%s: not into the gap", f->name);
	ok(touch(top - 143 * 4096, QR_ACCESS_WRITE), "%s: as far as the gap", f->name);
	check();
	machine_off();
}

int main(void)
{
	FOR_FORMATS(f)
	{
		protect(f);
		fork_tree(f);
		move_over_borrowed(f);
		moves(f);
		advice(f);
		stack(f);
	}
	return done();
}
