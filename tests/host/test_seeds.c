/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worked examples of the source documents, with their numbers, in all table formats.  The
 * numbers in brackets are those of docs/seeds.md.  (The bump and the block heap, examples 1 and
 * 2, are in test_heap_seeds.c.)
 */
#include "space_machine.h"
#include "tap.h"

#include "arch/sim/sim.h"

#include <string.h>

static size_t private_frames(void)
{
	struct qr_space_stat s;

	qr_space_stat(&space, &s);
	return s.resident_anon;
}

static uint64_t faults(void)
{
	struct qr_space_stat s;

	qr_space_stat(&space, &s);
	return s.faults;
}

/* ---- 3: alloc(5), alloc(10), alloc(100) on each backing --------------------------------------- */

struct object {
	uintptr_t at;
	size_t n;
};

/* The document's allocator: one behind the other, nothing kept about them. */
static void carve(uintptr_t base, struct object o[3])
{
	static const size_t size[3] = { 5, 10, 100 };

	for (unsigned i = 0; i < 3; i++) {
		o[i] = (struct object){ base, size[i] };
		base += size[i];
	}
}

static void read_all(const struct object o[3], const unsigned order[3])
{
	for (unsigned i = 0; i < 3; i++)
		for (size_t k = 0; k < o[order[i]].n; k++)
			must(peek(o[order[i]].at + k) == 0, "a fresh page is zero");
}

static void write_all(const struct object o[3], const unsigned order[3])
{
	for (unsigned i = 0; i < 3; i++)
		for (size_t k = 0; k < o[order[i]].n; k++)
			poke(o[order[i]].at + k, (uint8_t)(order[i] + 1));
}

static void three_objects(const struct qr_format *f, enum qr_backing backing,
			  const unsigned order[3], const char *name)
{
	struct object o[3];
	uint64_t before;
	bool immediate = backing == QR_BACK_IMMEDIATE, lazy = backing == QR_BACK_FIRST_WRITE;
	qr_virt page;

	machine_on(f);
	page = map_anon_backed(&space, 0, 1, RW, backing);
	carve(page.v, o);
	is(o[1].at, page.v + 5, "[3] %s: b = A + 5", name);
	is(o[2].at, page.v + 15, "[3] %s: c = A + 15", name);
	is(o[2].at + o[2].n - page.v, 115, "[3] %s: 115 bytes", name);
	is(private_frames(), immediate ? 1 : 0, "[3] %s: frames after the calls", name);

	before = faults();
	read_all(o, order);
	is(private_frames(), lazy ? 0 : 1, "[3] %s: frames after reading all", name);
	ok(faults() - before <= (immediate ? 0 : 1), "[3] %s: faults of reading all", name);
	before = faults();
	write_all(o, order);
	is(private_frames(), 1, "[3] %s: frames after writing all", name);
	is(faults() - before, lazy ? 1 : 0, "[3] %s: faults of writing all", name);
	check();
	machine_off();
}

static void backings(const struct qr_format *f)
{
	static const unsigned in_order[3] = { 0, 1, 2 }, b_first[3] = { 1, 2, 0 };

	three_objects(f, QR_BACK_IMMEDIATE, in_order, "immediate");
	three_objects(f, QR_BACK_DEMAND, in_order, "demand");
	three_objects(f, QR_BACK_DEMAND, b_first, "demand, b first");
	three_objects(f, QR_BACK_FIRST_WRITE, in_order, "first write");
	three_objects(f, QR_BACK_FIRST_WRITE, b_first, "first write, b first");
}

/* ---- 4: map N pages, touch k ------------------------------------------------------------------- */

static void n_and_k(const struct qr_format *f)
{
	enum { N = 100, K = 37 };
	static const enum qr_backing kind[2] = { QR_BACK_IMMEDIATE, QR_BACK_DEMAND };

	for (unsigned i = 0; i < 2; i++) {
		uint64_t before;
		qr_virt at;

		machine_on(f);
		at = map_anon_backed(&space, 0, N, RW, kind[i]);
		is(private_frames(), i ? 0 : N, "[4] %s: frames at map",
		   i ? "demand" : "immediate");
		before = faults();
		for (unsigned k = 0; k < K; k++)
			poke(at.v + (uintptr_t)k * 2 * QR_PAGE_SIZE, 1);
		is(private_frames(), i ? K : N, "[4] %s: frames after touching k",
		   i ? "demand" : "immediate");
		is(faults() - before, i ? K : 0, "[4] %s: faults", i ? "demand" : "immediate");
		machine_off();
	}
}

/* ---- 5: an address taken apart, and which neighbours share its page ---------------------------- */

static void parts(const struct qr_format *f)
{
	qr_virt b = qr_virt_of(0x10010);
	uint64_t before;

	is(b.v & 0xfffffffffffff000u & UINTPTR_MAX, 0x10000, "[5] the page of 0x10010");
	is(b.v & QR_PAGE_MASK, 0x10, "[5] its offset");
	is(qr_format_index(f, b, 0), 16, "[5] %s: entry 16 of its table", f->name);
	for (unsigned l = 1; l < qr_format_levels(f); l++)
		is(qr_format_index(f, b, l), 0, "[5] %s: entry 0 of level %u", f->name, l);

	machine_on(f);
	map_anon(&space, 0x10000, 2, RW);
	before = faults();
	poke(0x10010, 1);
	is(faults() - before, 1, "[5] touching b costs one fault");
	poke(0x10005, 1);
	poke(0x1001a, 1);
	poke(0x1001a + 99, 1);
	is(faults() - before, 1, "[5] a and c cost none");
	is(private_frames(), 1, "[5] one frame for the three");
	machine_off();
}

/* The document lets c leave the page with a = 0x10985; it does not.  0x10ff0 does it. */
static void edge(const struct qr_format *f)
{
	static const uintptr_t start[2] = { 0x10985, 0x10ff0 };

	for (unsigned i = 0; i < 2; i++) {
		static const unsigned order[3] = { 0, 1, 2 };
		struct object o[3];

		machine_on(f);
		map_anon(&space, 0x10000, 2, RW);
		carve(start[i], o);
		write_all(o, order);
		is(private_frames(), i + 1, "[erratum] a = %#lx: %u page(s)",
		   (unsigned long)start[i], i + 1);
		machine_off();
	}
}

/* ---- C2: one address, two spaces ---------------------------------------------------------------- */

static void two_spaces(const struct qr_format *f)
{
	struct qr_space other;
	struct qr_object shared;

	machine_on(f);
	must(!qr_space_init(&other, &memory), "a second space");
	qr_object_init(&shared, &memory, 1, NULL, NULL);
	map_anon(&space, 0x100000, 1, RW);
	map_object(&space, 0x200000, 1, RW, QR_MAP_SHARED, &shared, 0);
	poke(0x100000, 'a');
	poke(0x200000, 's');
	use(&other);
	map_anon(&other, 0x100000, 1, RW);
	map_object(&other, 0x200000, 1, RW, QR_MAP_SHARED, &shared, 0);
	is(peek(0x100000), 0, "[C2] %s: the other space's page is its own", f->name);
	poke(0x100000, 'b');
	is(peek(0x200000), 's', "[C2] what is shared is seen");
	poke(0x200000, 't');
	use(&space);
	is(peek(0x100000), 'a', "[C2] and what is not, is not");
	is(peek(0x200000), 't', "[C2] both ways");
	check();
	qr_space_check(&other);
	qr_space_fini(&other);
	must(!qr_space_unmap(&space, qr_virt_of(0x200000), 1), "unmap the shared page");
	qr_object_put(&shared);
	machine_off();
}

/* ---- the erratum of S3: 0x123456 cannot be 0xF0B12345 ------------------------------------------- */

static void offsets_agree(const struct qr_format *f)
{
	struct qr_paging p;
	struct qr_paging_map req = { .npages = 1, .prot = RW };

	machine_on(f);
	must(!qr_paging_init(&p,
			     &(struct qr_paging_config){ .format = f, .frames = memory.frames }),
	     "a tree");
	req.at = qr_virt_of(0x70b12345);
	req.to = qr_phys_of(0x123456);
	is(qr_paging_map(&p, &req), QR_INVAL, "[erratum] %s: offsets that disagree", f->name);
	req.at = qr_virt_of(0x70b12000);
	is(qr_paging_map(&p, &req), QR_INVAL, "[erratum] half aligned");
	req.to = qr_phys_of(0x123000);
	is(qr_paging_map(&p, &req), QR_OK, "[erratum] what was meant");
	qr_paging_fini(&p);
	machine_off();
}

int main(void)
{
	FOR_FORMATS(f)
	{
		backings(f);
		n_and_k(f);
		parts(f);
		edge(f);
		two_spaces(f);
		offsets_agree(f);
	}
	return done();
}
