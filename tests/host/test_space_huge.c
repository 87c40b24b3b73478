/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Huge pages: made, split, shared, moved, collapsed, in all formats.  What a program sees is never
 * different from small pages; what is counted, and how many frames and faults it takes, is.
 */
#include "space_machine.h"
#include "tap.h"

#include <string.h>

static uintptr_t span, base;
static size_t n; /* small pages in a huge one */
static struct qr_space child;

static struct qr_space_stat stat_of(struct qr_space *s)
{
	struct qr_space_stat st;

	qr_space_stat(s, &st);
	return st;
}

static void on(const struct qr_format *f)
{
	machine_on(f);
	qr_memory_set_huge(&memory, QR_HUGE_ALWAYS);
	span = (uintptr_t)qr_format_span(f, 1);
	n = span / 4096;
	base = 8 * span;
}

/* One huge page at base, a few marks in it, and small ones around. */
static void with_one(const struct qr_format *f)
{
	on(f);
	map_anon(&space, base - 4096, n + 2, RW);
	poke(base - 4096, 1);
	poke(base + 5 * 4096, 5);
	poke(base + (n - 1) * 4096, 9);
	poke(base + n * 4096, 2);
	must(stat_of(&space).huge == 1, "a huge page");
	check();
}

static void marks(uintptr_t at)
{
	must(peek(at + 5 * 4096) == 5 && peek(at + (n - 1) * 4096) == 9, "contents");
	check();
}

static void made(const struct qr_format *f)
{
	struct qr_huge_stat hs;
	size_t before;

	with_one(f);
	is(stat_of(&space).resident_anon, n + 2, "%s: all its pages are resident", f->name);
	is(peek(base + 7 * 4096), 0, "%s: zeroes", f->name);
	is(qr_space_huge_count(&space, qr_virt_of(base), n), 1, "%s: counted in a range", f->name);
	is(qr_space_huge_count(&space, qr_virt_of(base + span), 1), 0, "%s: or not", f->name);
	qr_memory_huge_stat(&memory, &hs);
	ok(hs.fault == 1 && hs.npages == n && !hs.split, "%s: statistics", f->name);
	before = free_frames();
	must(!qr_space_unmap(&space, qr_virt_of(base), n), "unmap");
	check();
	ok(free_frames() >= before + n + 1, "%s: block and kept leaf came back", f->name);
	is(stat_of(&space).resident_anon, 2, "%s: the neighbours stay", f->name);

	map_anon(&space, base, n, RW);
	must(peek(base) == 0, "zero");
	poke(base + 4096, 3);
	is(stat_of(&space).huge, 0, "%s: who reads first gets small pages", f->name);
	machine_off();
}

static void wanted(const struct qr_format *f)
{
	on(f);
	qr_memory_set_huge(&memory, QR_HUGE_MADVISE);
	map_anon(&space, base, 4 * n, RW);
	must(!qr_space_advise(&space, qr_virt_of(base + span), n, QR_ADVISE_HUGEPAGE), "advise");
	must(!qr_space_advise(&space, qr_virt_of(base + 2 * span), n, QR_ADVISE_NOHUGEPAGE), "a");
	poke(base, 1);
	is(stat_of(&space).huge, 0, "%s: madvise: not unless asked", f->name);
	poke(base + span, 1);
	is(stat_of(&space).huge, 1, "%s: madvise: asked", f->name);
	qr_memory_set_huge(&memory, QR_HUGE_ALWAYS);
	poke(base + 2 * span, 1);
	is(stat_of(&space).huge, 1, "%s: always: but not there", f->name);
	qr_space_huge(&space, false);
	poke(base + 3 * span, 1);
	is(stat_of(&space).huge, 1, "%s: not in this space", f->name);
	check();
	machine_off();
}

static void no_block(const struct qr_format *f)
{
	qr_frame held[64];
	unsigned nheld = 0;
	unsigned order = qr_format_order(f, 1);
	struct qr_huge_stat hs;

	on(f);
	while (nheld < 64 &&
	       !qr_frames_alloc(&sim.frames, order, QR_FRAME_KERNEL, QR_ANY, &held[nheld]))
		nheld++;
	map_anon(&space, base, n, RW);
	poke(base, 1);
	qr_memory_huge_stat(&memory, &hs);
	ok(stat_of(&space).huge == 0 && stat_of(&space).resident_anon == 1 && hs.fallback == 1,
	   "%s: no block: a small page", f->name);
	check();
	while (nheld)
		must(!qr_frames_free(&sim.frames, held[--nheld], order), "free");
	machine_off();
}

static void split(const struct qr_format *f)
{
	with_one(f);
	must(!qr_space_unmap(&space, qr_virt_of(base + 7 * 4096), 3), "unmap");
	is(stat_of(&space).huge, 0, "%s: a hole splits it", f->name);
	is(stat_of(&space).resident_anon, n + 2 - 3, "%s: and takes three pages", f->name);
	ok(!touch(base + 8 * 4096, QR_ACCESS_READ), "%s: there is nothing", f->name);
	marks(base);
	machine_off();

	with_one(f);
	must(!qr_space_protect(&space, qr_virt_of(base + 5 * 4096), 1, QR_READ), "protect");
	ok(stat_of(&space).huge == 0 && !touch(base + 5 * 4096, QR_ACCESS_WRITE),
	   "%s: other rights split it", f->name);
	marks(base);
	must(!qr_space_protect(&space, qr_virt_of(base + 5 * 4096), 1, RW), "protect");
	poke(base + 5 * 4096, 5);
	must(!qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_HUGEPAGE), "advise");
	is(stat_of(&space).huge, 1, "%s: and when it is one again, it is promoted in place",
	   f->name);
	marks(base);
	must(!qr_space_advise(&space, qr_virt_of(base + 5 * 4096), 1, QR_ADVISE_DONTNEED), "a");
	is(peek(base + 5 * 4096), 0, "%s: a page given up reads as zero", f->name);
	is(stat_of(&space).resident_anon, n + 1, "%s: one less", f->name);
	must(!qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_DONTNEED), "a");
	is(stat_of(&space).resident_anon, 2, "%s: all given up", f->name);
	machine_off();
}

static void rights(const struct qr_format *f)
{
	with_one(f);
	must(!qr_space_protect(&space, qr_virt_of(base), n, QR_READ), "protect");
	ok(stat_of(&space).huge == 1 && !touch(base, QR_ACCESS_WRITE), "%s: read-only", f->name);
	marks(base);
	must(!qr_space_protect(&space, qr_virt_of(base), n, QR_PROT_NONE), "protect");
	ok(stat_of(&space).huge == 1 && !touch(base, QR_ACCESS_READ), "%s: no rights", f->name);
	check();
	must(!qr_space_unmap(&space, qr_virt_of(base), 1), "unmap");
	is(stat_of(&space).huge, 0, "%s: split without rights", f->name);
	check();
	must(!qr_space_protect(&space, qr_virt_of(base + 4096), n - 1, RW), "protect");
	marks(base);
	poke(base + 4096, 1);
	machine_off();

	with_one(f);
	must(!qr_space_protect(&space, qr_virt_of(base), n, QR_PROT_NONE), "protect");
	must(!qr_space_protect(&space, qr_virt_of(base), n, RW), "protect");
	is(stat_of(&space).huge, 1, "%s: rights came back", f->name);
	poke(base + 3 * 4096, 7);
	marks(base);
	machine_off();
}

static void forked(const struct qr_format *f)
{
	size_t before;

	with_one(f);
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	check();
	before = qr_frames_free_count(&sim.frames);
	is(stat_of(&child).huge, 1, "%s: the child has it too", f->name);
	use(&child);
	must(peek(base + 5 * 4096) == 5, "contents");
	is(stat_of(&child).huge, 1, "%s: reading shares", f->name);
	poke(base + 5 * 4096, 6);
	check();
	ok(stat_of(&child).huge == 0 && before - qr_frames_free_count(&sim.frames) <= 40,
	   "%s: a write splits the writer's and copies a page", f->name);
	use(&space);
	is(stat_of(&space).huge, 1, "%s: not the other's", f->name);
	marks(base);
	qr_space_fini(&child);
	poke(base + 6 * 4096, 6);
	is(stat_of(&space).huge, 1, "%s: alone again: writes in place", f->name);
	marks(base);

	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	must(!qr_space_unmap(&space, qr_virt_of(base), n), "unmap");
	use(&child);
	poke(base + 7 * 4096, 7);
	is(stat_of(&child).huge, 1, "%s: the parent let go: the child writes in place", f->name);
	marks(base);
	use(&space);
	qr_space_fini(&child);
	machine_off();
}

static void moved(const struct qr_format *f)
{
	struct qr_remap req = { .may_move = true, .fixed = true };
	qr_virt at;

	with_one(f);
	req.from = qr_virt_of(base - 4096);
	req.old_npages = req.new_npages = n + 2;
	req.to = qr_virt_of(base + 20 * span - 4096);
	must(!qr_space_remap(&space, &req, &at), "remap");
	is(stat_of(&space).huge, 1, "%s: moves whole by its own size", f->name);
	marks(base + 20 * span);
	is(peek(base + 20 * span - 4096), 1, "%s: and its neighbours", f->name);
	req.from = req.to;
	req.to = qr_virt_of(base + 30 * span);
	must(!qr_space_remap(&space, &req, &at), "remap");
	is(stat_of(&space).huge, 0, "%s: in pieces otherwise", f->name);
	marks(base + 30 * span + 4096);
	/* Onto another huge page, and a leaf. */
	map_anon(&space, base, 2 * n, RW);
	poke(base, 1);
	poke(base + span, 2);
	map_anon(&space, base + 40 * span, 2 * n, RW);
	must(peek(base + 40 * span) == 0, "a leaf");
	poke(base + 41 * span, 3);
	is(stat_of(&space).huge, 3, "%s: three", f->name);
	req = (struct qr_remap){ .from = qr_virt_of(base),
				 .to = qr_virt_of(base + 40 * span),
				 .old_npages = 2 * n,
				 .new_npages = 2 * n,
				 .may_move = true,
				 .fixed = true };
	must(!qr_space_remap(&space, &req, &at), "remap");
	check();
	ok(stat_of(&space).huge == 2 && peek(base + 40 * span) == 1 && peek(base + 41 * span) == 2,
	   "%s: over what was there", f->name);
	machine_off();
}

static void collapsed(const struct qr_format *f)
{
	size_t before;

	on(f);
	qr_memory_set_huge(&memory, QR_HUGE_NEVER);
	map_anon(&space, base, 3 * n, RW);
	is(qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_COLLAPSE), QR_INVAL,
	   "%s: nothing to collapse", f->name);
	for (unsigned i = 0; i < 40; i++)
		poke(base + i * 4096, (uint8_t)i);
	must(peek(base + 100 * 4096) == 0, "zero");
	poke(base + (n - 1) * 4096, 9);
	must(!qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_COLLAPSE), "collapse");
	ok(stat_of(&space).huge == 1 && stat_of(&space).resident_anon == n, "%s: collapsed",
	   f->name);
	marks(base);
	must(peek(base + 39 * 4096) == 39 && peek(base + 100 * 4096) == 0, "contents");
	is(qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_COLLAPSE), QR_OK,
	   "%s: is huge already", f->name);

	must(!qr_space_protect(&space, qr_virt_of(base), 1, QR_READ), "protect");
	must(!qr_space_protect(&space, qr_virt_of(base), 1, RW), "protect");
	must(stat_of(&space).huge == 0, "split");
	before = free_frames();
	must(!qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_COLLAPSE), "collapse");
	ok(stat_of(&space).huge == 1 && free_frames() == before, "%s: in place, without a frame",
	   f->name);
	marks(base);

	/* Of pages that a child shares, copies are made. */
	poke(base + span, 4);
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	must(!qr_space_advise(&space, qr_virt_of(base + span), n, QR_ADVISE_COLLAPSE), "collapse");
	is(stat_of(&space).huge, 2, "%s: collapsed while shared", f->name);
	poke(base + span, 5);
	use(&child);
	is(peek(base + span), 4, "%s: the child does not see it", f->name);
	check();
	use(&space);
	is(peek(base + span), 5, "%s: and the parent does", f->name);
	qr_space_fini(&child);
	machine_off();
}

static bool count_page(void *ctx, const struct qr_page *p)
{
	*(size_t *)ctx += p->npages;
	return true;
}

/* The kernel's ways to a page. */
static void reached(const struct qr_format *f)
{
	uint8_t there[8], buf[8192], got[8192];
	size_t done, pages = 0;

	with_one(f);
	must(!qr_space_residency(&space, qr_virt_of(base), 8, there), "residency");
	ok(!memchr(there, 0, 8), "%s: resident", f->name);
	memset(buf, 0x5a, sizeof(buf));
	must(!qr_space_write(&space, qr_virt_of(base + 20 * 4096 + 100), buf, 8192, false, &done),
	     "write");
	must(!qr_space_read(&space, qr_virt_of(base + 20 * 4096 + 100), got, 8192, false, &done),
	     "read");
	ok(!memcmp(buf, got, 8192) && peek(base + 21 * 4096) == 0x5a, "%s: copied in and out",
	   f->name);
	qr_space_pages(&space, qr_virt_of(base), qr_virt_of(base + span), count_page, &pages);
	is(pages, n, "%s: told of", f->name);
	must(!qr_space_protect(&space, qr_virt_of(base), n, QR_PROT_NONE), "protect");
	must(!qr_space_read(&space, qr_virt_of(base + 21 * 4096), got, 8, true, &done), "read");
	must(!qr_space_write(&space, qr_virt_of(base + 5 * 4096), buf, 8, true, &done), "write");
	is(got[0], 0x5a, "%s: without rights too", f->name);
	must(!qr_space_protect(&space, qr_virt_of(base), n, RW), "protect");
	is(peek(base + 5 * 4096), 0x5a, "%s: written without rights", f->name);
	check();
	must(!qr_space_advise(&space, qr_virt_of(base), n, QR_ADVISE_DONTNEED), "dontneed");
	map_anon(&space, base + 4 * span, 2 * n, RW);
	must(!qr_space_advise(&space, qr_virt_of(base + 4 * span), 2 * n, QR_ADVISE_POPULATE_WRITE),
	     "populate");
	ok(stat_of(&space).huge == 2 && stat_of(&space).faults < 60, "%s: populated at once",
	   f->name);
	check();
	machine_off();
}

/* ---- no memory ------------------------------------------------------------------------------- */

static enum qr_err op_touch(void)
{
	return qr_space_fault(&space, qr_virt_of(base + 30 * span), QR_ACCESS_WRITE);
}

static enum qr_err op_hole(void)
{
	return qr_space_unmap(&space, qr_virt_of(base + 4096), 1);
}

static enum qr_err op_dontneed(void)
{
	return qr_space_advise(&space, qr_virt_of(base + 4096), 1, QR_ADVISE_DONTNEED);
}

static enum qr_err op_collapse(void)
{
	return qr_space_advise(&space, qr_virt_of(base + 50 * span), n, QR_ADVISE_COLLAPSE);
}

static enum qr_err op_fork(void)
{
	enum qr_err err = qr_space_init(&child, &memory);

	if (err)
		return err;
	err = qr_space_fork(&space, &child);
	qr_space_fini(&child);
	return err;
}

static enum qr_err op_move(void)
{
	struct qr_remap req = { .from = qr_virt_of(base - 4096),
				.old_npages = n + 2,
				.new_npages = n + 2,
				.may_move = true,
				.fixed = true,
				.to = qr_virt_of(base + 60 * span - 4096) };
	qr_virt at;

	return qr_space_remap(&space, &req, &at);
}

static void fail_each(const struct qr_format *f, const char *name, enum qr_err (*op)(void),
		      bool never)
{
	unsigned nth = 0, failures = 0;
	bool failed;

	do {
		size_t before;
		enum qr_err err;

		with_one(f);
		map_anon(&space, base + 30 * span, n, RW);
		map_anon(&space, base + 50 * span, n, RW);
		qr_memory_set_huge(&memory, QR_HUGE_NEVER);
		poke(base + 50 * span + 4096, 4);
		qr_memory_set_huge(&memory, QR_HUGE_ALWAYS);
		before = free_frames();
		qr_frames_fail_after(&sim.frames, ++nth);
		err = op();
		failed = qr_frames_failed(&sim.frames) != 0;
		qr_frames_fail_after(&sim.frames, 0);
		qr_space_check(&space);
		if (err) {
			must(failed && err == QR_NOMEM && !never, "%s: %s: error %d at %u", f->name,
			     name, err, nth);
			must(free_frames() == before, "%s: %s: frames lost at %u", f->name, name,
			     nth);
			must(!op(), "%s: %s: with memory", f->name, name);
			failures++;
		}
		check();
		machine_off();
	} while (failed);
	ok(true, "%s: no memory, %s: %u allocations, %u failures", f->name, name, nth - 1,
	   failures);
}

int main(void)
{
	FOR_FORMATS(f)
	{
		made(f);
		wanted(f);
		no_block(f);
		split(f);
		rights(f);
		forked(f);
		moved(f);
		collapsed(f);
		reached(f);
		fail_each(f, "touch", op_touch, true);
		fail_each(f, "hole", op_hole, false);
		fail_each(f, "give up", op_dontneed, true);
		fail_each(f, "collapse", op_collapse, false);
		fail_each(f, "fork", op_fork, false);
		fail_each(f, "move", op_move, false);
	}
	return done();
}
