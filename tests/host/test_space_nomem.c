/* SPDX-License-Identifier: BSD-2-Clause
 *
 * No memory, at each possible moment: for every n the n-th allocation of an operation fails.
 * The operation says so, or succeeds; nothing is lost, nothing else changed, and it succeeds
 * once there is memory again.
 *
 * All of that also with a sibling that shares every leaf, and that must not see any of it.
 */
#include "space_machine.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uintptr_t leaf, base;
static size_t n;
static struct qr_object object;
static struct qr_space child, sibling;
static bool with_sibling;

/* All regions, as text: what must not change when an operation fails. */
static void describe(struct qr_space *s, char *text, size_t size)
{
	struct qr_region r;
	size_t len = 0;

	for (qr_virt at = qr_virt_of(0); !qr_space_next(s, at, &r); at = r.end)
		len += (size_t)snprintf(text + len, size - len, "%zx-%zx %x %x %x %zx\n",
					(size_t)r.start.v, (size_t)r.end.v, r.prot, r.flags,
					r.advice, (size_t)r.pgoff);
}

static enum qr_err op_map(void)
{
	qr_virt at;

	return map_at(&space, base + 100 * leaf + 4096, 3 * n, RW, QR_MAP_FIXED, &at);
}

static enum qr_err op_replace(void)
{
	qr_virt at;

	return map_at(&space, base + 5 * 4096, 3 * n, QR_READ, QR_MAP_FIXED, &at);
}

static enum qr_err op_map_object(void)
{
	struct qr_map req = { .at = qr_virt_of(base + 100 * leaf),
			      .npages = 3 * n,
			      .flags = QR_MAP_FIXED | QR_MAP_SHARED,
			      .prot = RW,
			      .maxprot = RW,
			      .object = &object };
	qr_virt at;

	return qr_space_map(&space, &req, &at);
}

static enum qr_err op_immediate(void)
{
	struct qr_map req = { .at = qr_virt_of(base + 100 * leaf),
			      .npages = 20,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = RW,
			      .backing = QR_BACK_IMMEDIATE };
	qr_virt at;

	return qr_space_map(&space, &req, &at);
}

static enum qr_err op_unmap(void)
{
	return qr_space_unmap(&space, qr_virt_of(base + 7 * 4096), 3 * n);
}

static enum qr_err op_protect(void)
{
	return qr_space_protect(&space, qr_virt_of(base + 7 * 4096), 3 * n, QR_READ);
}

/* Every second page, until the run list needs larger and larger arrays. */
static enum qr_err op_split(void)
{
	enum qr_err err = QR_OK;

	for (unsigned i = 1; i < n && !err; i += 2)
		err = qr_space_protect(&space, qr_virt_of(base + i * 4096), 1, QR_READ);
	return err;
}

static enum qr_err op_touch(void)
{
	return qr_space_fault(&space, qr_virt_of(base + 3 * leaf), QR_ACCESS_WRITE);
}

static enum qr_err op_touch_file(void)
{
	return qr_space_fault(&space, qr_virt_of(base + 20 * leaf + 4096), QR_ACCESS_WRITE);
}

static enum qr_err op_move(void)
{
	struct qr_remap req = { .from = qr_virt_of(base + 4096),
				.old_npages = 2 * n,
				.new_npages = 2 * n,
				.may_move = true,
				.fixed = true,
				.to = qr_virt_of(base + 60 * leaf + 7 * 4096) };
	qr_virt at;

	return qr_space_remap(&space, &req, &at);
}

static enum qr_err op_move_leaves(void)
{
	struct qr_remap req = { .from = qr_virt_of(base),
				.old_npages = 4 * n,
				.new_npages = 4 * n,
				.may_move = true,
				.fixed = true,
				.to = qr_virt_of(base + 60 * leaf) };
	qr_virt at;

	return qr_space_remap(&space, &req, &at);
}

static enum qr_err op_lock(void)
{
	return qr_space_advise(&space, qr_virt_of(base + 7 * 4096), 2 * n, QR_ADVISE_DONTFORK);
}

static enum qr_err op_drop(void)
{
	return qr_space_advise(&space, qr_virt_of(base + 7 * 4096), 3 * n, QR_ADVISE_DONTNEED);
}

static enum qr_err op_read(void)
{
	return qr_space_fault(&space, qr_virt_of(base + 2 * 4096), QR_ACCESS_READ);
}

static enum qr_err op_fork(void)
{
	enum qr_err err = qr_space_init(&child, &memory);

	if (err)
		return err;
	err = qr_space_fork(&space, &child);
	is(child.mapped, err ? 0 : space.mapped, "the child has all or nothing");
	qr_space_fini(&child);
	return err;
}

/* What the sibling has is what it was born with. */
static void check_sibling(void)
{
	uint8_t byte;
	size_t done;

	if (!with_sibling)
		return;
	qr_space_check(&sibling);
	for (unsigned i = 0; i < 30; i++)
		must(!qr_space_read(&sibling, qr_virt_of(base + i * 61 * 4096), &byte, 1, false,
				    &done) &&
			 byte == i + 1,
		     "page %u of the sibling", i * 61);
}

static void prepare(const struct qr_format *f)
{
	size_t done;

	machine_on(f);
	leaf = (uintptr_t)qr_format_span(f, 1);
	n = leaf / 4096;
	base = 8 * leaf;
	qr_object_init(&object, &memory, 100000, NULL, NULL);
	must(!qr_object_write(&object, 0, "abc", 3, &done), "contents");
	map_anon(&space, base, 4 * n, RW);
	for (unsigned i = 0; i < 30; i++)
		poke(base + i * 61 * 4096, (uint8_t)(i + 1));
	map_object(&space, base + 20 * leaf, 16, RW, QR_MAP_SHARED, &object, 0);
	map_object(&space, base + 21 * leaf, 16, RW, 0, &object, 0);
	poke(base + 20 * leaf, 1);
	poke(base + 21 * leaf, 2);
	use(NULL);
	(void)qr_memory_trim(&memory);
	if (!with_sibling)
		return;
	must(!qr_space_init(&sibling, &memory) && !qr_space_fork(&space, &sibling), "a sibling");
	must(space.borrowed >= 3, "it shares leaves");
}

static void fail_each(const struct qr_format *f, const char *name, enum qr_err (*op)(void),
		      bool partial)
{
	static char before[100000], after[100000];
	unsigned nth = 0, failures = 0;
	enum qr_err err;

	do {
		size_t free_before;

		prepare(f);
		describe(&space, before, sizeof(before));
		free_before = free_frames();
		qr_frames_fail_after(&sim.frames, ++nth);
		err = op();
		bool failed = qr_frames_failed(&sim.frames) != 0;
		qr_frames_fail_after(&sim.frames, 0);
		qr_space_check(&space);
		check_sibling();
		if (err) {
			must(failed && err == QR_NOMEM, "%s: %s: error %d at %u", f->name, name,
			     err, nth);
			failures++;
			describe(&space, after, sizeof(after));
			if (!partial) {
				must(!strcmp(before, after),
				     "%s: %s: changed by failure %u:\n%s\n%s", f->name, name, nth,
				     before, after);
				must(with_sibling || free_frames() == free_before,
				     "%s: %s: %zu frames before failure %u, %zu after", f->name,
				     name, free_before, nth, free_frames());
			}
			err = op();
			must(!err, "%s: %s: error %d with memory", f->name, name, err);
			qr_space_check(&space);
			check_sibling();
			err = QR_NOMEM;
		} else if (failed) {
			err = QR_NOMEM; /* it could do without */
		}
		use(&space);
		if (with_sibling)
			qr_space_fini(&sibling);
		must(!qr_space_unmap(&space, memory.user_start,
				     (memory.user_end.v - memory.user_start.v) / 4096),
		     "unmap all");
		qr_object_put(&object);
		machine_off();
	} while (err);
	ok(true, "%s: %s%s: %u allocations, %u failures", f->name, name,
	   with_sibling ? ", shared" : "", nth - 1, failures);
}

static void fail_all(const struct qr_format *f)
{
	fail_each(f, "map", op_map, false);
	fail_each(f, "replace", op_replace, false);
	fail_each(f, "map an object", op_map_object, false);
	fail_each(f, "immediate backing", op_immediate, false);
	fail_each(f, "unmap", op_unmap, false);
	fail_each(f, "protect", op_protect, false);
	fail_each(f, "split", op_split, true);
	fail_each(f, "touch", op_touch, false);
	fail_each(f, "touch a file", op_touch_file, false);
	fail_each(f, "read", op_read, false);
	fail_each(f, "move", op_move, false);
	fail_each(f, "move leaves", op_move_leaves, false);
	fail_each(f, "advise", op_lock, false);
	fail_each(f, "drop pages", op_drop, false);
	fail_each(f, "fork", op_fork, false);
}

int main(void)
{
	FOR_FORMATS(f)
	{
		with_sibling = false;
		fail_all(f);
		with_sibling = true;
		fail_all(f);
	}
	return done();
}
