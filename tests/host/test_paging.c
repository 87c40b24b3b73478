/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Page tables by hand, in all four formats, on the simulated machine: against a flat model, at
 * the edges of what can be addressed, without memory, with large pages split everywhere.
 */
#include "tap.h"

#include "arch/sim/sim.h"

#include <quire/paging.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 3072, WINDOWS = 2, TARGET = 4096, STEPS = 60000 };

struct page {
	bool mapped;
	uint32_t frame;
	uint8_t prot, cache;
};

static const struct qr_format *const formats[] = { &qr_format_two_level, &qr_format_pae,
						   &qr_format_4_level, &qr_format_5_level };

static struct qr_paging paging;
static struct qr_tlbs tlbs;
static qr_frame target; /* TARGET frames to map */
static struct page model[WINDOWS][WINDOW];
static uintptr_t window_at[WINDOWS]; /* page numbers */

static void machine(const struct qr_format *f, uint64_t machine_seed)
{
	sim_init(&(struct sim_config){ .format = f,
				       .first = 0x300,
				       .low = 3 * TARGET,
				       .seed = machine_seed,
				       .speculate = true });
	qr_tlbs_init(&tlbs);
	must(qr_frames_alloc_range(&sim.frames, TARGET, 1024, QR_FRAME_KERNEL, QR_ANY, &target) ==
		 QR_OK,
	     "frames to map");
}

static void make(const struct qr_format *f)
{
	struct qr_paging_config c = { .format = f, .frames = &sim.frames, .tlb = &tlbs.kernel };

	must(qr_paging_init(&paging, &c) == QR_OK, "init");
	qr_host_load_root(qr_frame_phys(paging.root));
}

static void unmake(size_t free_before)
{
	qr_host_load_root(qr_phys_of(0));
	qr_paging_fini(&paging);
	must(qr_frames_free_count(&sim.frames) == free_before, "every frame came back");
}

/* One window across a boundary of the highest level, one at the end of all addresses. */
static void place_windows(const struct qr_format *f)
{
	unsigned top = qr_format_top(f) * f->bits;

	memset(model, 0, sizeof(model));
	if (12 + top >= 8 * sizeof(uintptr_t))
		top = 18;
	window_at[0] = ((uintptr_t)3 << top) - 1000;
	if (f->address_bits == 32)
		window_at[1] = (1u << 20) - WINDOW;
	else
		window_at[1] = (UINTPTR_MAX >> 12) - WINDOW + 1;
}

static qr_virt address(unsigned w, unsigned i)
{
	return qr_virt_of((window_at[w] + i) << 12);
}

/* ---- the model ------------------------------------------------------------------------------ */

static unsigned effective(const struct qr_format *f, unsigned prot)
{
	return prot | QR_READ | (f->nx ? 0 : QR_EXEC);
}

static void compare_page(unsigned w, unsigned i, const char *when)
{
	const struct page *m = &model[w][i];
	struct qr_extent e;
	struct sim_view v;
	qr_virt va = address(w, i);
	enum qr_err err = qr_paging_query(&paging, va, &e);

	must(err == (m->mapped ? QR_OK : QR_NOENT), "%s: page %u of window %u", when, i, w);
	must(sim_look(qr_frame_phys(paging.root), va, &v) == m->mapped, "%s: the walk agrees",
	     when);
	if (!m->mapped)
		return;
	must((e.to.v >> 12) + ((va.v - e.at.v) >> 12) == m->frame, "%s: frame", when);
	must(e.prot == effective(paging.format, m->prot), "%s: rights %x", when, e.prot);
	must(e.cache == m->cache, "%s: caching", when);
	must(v.frame.v == m->frame && v.level == e.level, "%s: the walk's frame", when);
	must(v.write == !!(m->prot & QR_WRITE) && v.user == !!(m->prot & QR_USER) &&
		 v.exec == !!(effective(paging.format, m->prot) & QR_EXEC),
	     "%s: the walk's rights", when);
}

static void compare_all(const char *when)
{
	struct qr_extent e = { 0 };
	uint64_t listed = 0, mapped = 0;
	qr_virt at = { 0 };
	const char *rule = qr_paging_check(&paging);

	must(!rule, "%s: %s", when, rule);
	for (unsigned w = 0; w < WINDOWS; w++)
		for (unsigned i = 0; i < WINDOW; i++) {
			compare_page(w, i, when);
			mapped += model[w][i].mapped;
		}
	while (qr_paging_next(&paging, at, &e) == QR_OK) {
		listed += e.npages;
		at.v = e.at.v + (uintptr_t)(e.npages << 12);
		if (at.v == 0)
			break;
	}
	must(listed == mapped, "%s: %" PRIu64 " pages listed, %" PRIu64 " mapped", when, listed,
	     mapped);
	sim_check();
}

static bool any(unsigned w, unsigned i, unsigned n, bool mapped)
{
	for (unsigned k = i; k < i + n; k++)
		if (model[w][k].mapped == mapped)
			return true;
	return false;
}

/* ---- random operations ------------------------------------------------------------------------ */

static unsigned random_prot(uint64_t *state)
{
	unsigned prot = 1 + (unsigned)random_below(state, 7);

	return prot | (random_below(state, 2) ? QR_USER : 0);
}

/* Often aligned to large pages, often small. */
static void random_range(uint64_t *state, unsigned *w, unsigned *i, unsigned *n)
{
	*w = (unsigned)random_below(state, WINDOWS);
	*i = (unsigned)random_below(state, WINDOW);
	*n = 1 + (unsigned)random_below(state, random_below(state, 3) ? 40 : 1500);
	if (random_below(state, 3) == 0)
		*i -= (window_at[*w] + *i) % 512 <= *i ? (window_at[*w] + *i) % 512 : 0;
	if (*n > WINDOW - *i)
		*n = WINDOW - *i;
}

static void do_map(uint64_t *state)
{
	static qr_frame list[WINDOW];
	unsigned w, i, n, first;
	struct qr_paging_map req = { .large = random_below(state, 2) };
	enum qr_err err;

	random_range(state, &w, &i, &n);
	first = (unsigned)random_below(state, TARGET - n);
	if (random_below(state, 2)) /* so that large pages can fit */
		first =
		    (unsigned)((window_at[w] + i) % 1024 + n <= TARGET ? (window_at[w] + i) % 1024
								       : first);
	req.at = address(w, i);
	req.npages = n;
	req.to = qr_frame_phys(qr_frame_of(target.v + first));
	req.prot = (uint8_t)random_prot(state);
	req.cache = (uint8_t)random_below(state, 3);
	for (unsigned k = 0; k < n; k++)
		list[k] = qr_frame_of(target.v + (uint32_t)random_below(state, TARGET));
	if (random_below(state, 4) == 0)
		req.frames = list;
	err = qr_paging_map(&paging, &req);
	must(err == (any(w, i, n, true) ? QR_EXISTS : QR_OK), "map %u+%u: error %d", i, n, err);
	for (unsigned k = 0; err == QR_OK && k < n; k++)
		model[w][i + k] =
		    (struct page){ true, req.frames ? list[k].v : target.v + first + k, req.prot,
				   req.cache };
}

static void do_unmap(uint64_t *state)
{
	unsigned w, i, n;

	random_range(state, &w, &i, &n);
	must(qr_paging_unmap(&paging, address(w, i), n) == QR_OK, "unmap");
	memset(&model[w][i], 0, n * sizeof(struct page));
}

static void do_protect(uint64_t *state)
{
	unsigned w, i, n, prot = random_prot(state);
	enum qr_err err;

	random_range(state, &w, &i, &n);
	if (any(w, i, 1, false))
		n = 1;
	while (n > 1 && any(w, i, n, false) && random_below(state, 8))
		n /= 2;
	err = qr_paging_protect(&paging, address(w, i), n, prot);
	must(err == (any(w, i, n, false) ? QR_NOENT : QR_OK), "protect: error %d", err);
	for (unsigned k = 0; err == QR_OK && k < n; k++)
		model[w][i + k].prot = (uint8_t)prot;
}

/* The CPU must see what the model says, whatever it remembers. */
static void do_access(uint64_t *state)
{
	unsigned w = (unsigned)random_below(state, WINDOWS);
	unsigned i = (unsigned)random_below(state, WINDOW);
	const struct page *m = &model[w][i];
	uint8_t byte = (uint8_t)random_below(state, 256);
	qr_virt va = qr_virt_of(address(w, i).v + (uintptr_t)random_below(state, 4096));
	bool user = m->mapped && (m->prot & QR_USER);

	must(sim_read(va, &byte, 1) == user, "user read");
	must(sim_write(va, &byte, 1) == (user && (m->prot & QR_WRITE)), "user write");
	must(sim_kernel_read(va, &byte, 1) == m->mapped, "kernel read");
	must(sim_kernel_write(va, &byte, 1) == (m->mapped && (m->prot & QR_WRITE)), "kernel write");
	must(sim_exec(va) == (user && (effective(paging.format, m->prot) & QR_EXEC)), "fetch");
}

static void random_steps(const struct qr_format *f, uint64_t *state)
{
	size_t before;

	machine(f, random64(state));
	before = qr_frames_free_count(&sim.frames);
	make(f);
	place_windows(f);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned op = (unsigned)random_below(state, 16);

		if (op < 4)
			do_map(state);
		else if (op < 6)
			do_unmap(state);
		else if (op < 9)
			do_protect(state);
		else
			do_access(state);
		if (step % 500 == 0) {
			if (random_below(state, 2))
				qr_paging_trim(&paging);
			compare_all("a random step");
		}
	}
	for (unsigned w = 0; w < WINDOWS; w++)
		must(qr_paging_unmap(&paging, address(w, 0), WINDOW) == QR_OK, "unmap all");
	memset(model, 0, sizeof(model));
	compare_all("at the end");
	qr_paging_trim(&paging);
	is(paging.ntables, f->bare_top ? 5 : 1, "%s: %d random steps, then only the root is left",
	   f->name, STEPS);
	unmake(before);
	sim_fini();
}

/* ---- the n-th allocation fails ------------------------------------------------------------------ */

static enum qr_err map_simply(unsigned w, unsigned i, unsigned n, bool large)
{
	struct qr_paging_map req = {
		.at = address(w, i),
		.npages = n,
		.to = qr_frame_phys(qr_frame_of(target.v + (unsigned)((window_at[w] + i) % 1024))),
		.prot = QR_READ | QR_WRITE,
		.large = large,
	};
	enum qr_err err = qr_paging_map(&paging, &req);

	for (unsigned k = 0; err == QR_OK && k < n; k++)
		model[w][i + k] =
		    (struct page){ true, (uint32_t)(req.to.v >> 12) + k, req.prot, 0 };
	return err;
}

/* Run op until it succeeds, failing its first, second, ... allocation; nothing changes before. */
static unsigned fail_each(enum qr_err (*op)(void), const char *name)
{
	for (unsigned n = 1;; n++) {
		size_t free_before = qr_frames_free_count(&sim.frames);
		enum qr_err err;

		qr_frames_fail_after(&sim.frames, n);
		err = op();
		if (qr_frames_failed(&sim.frames) == 0) {
			qr_frames_fail_after(&sim.frames, 0);
			must(err == QR_OK, "%s succeeds", name);
			return n - 1;
		}
		qr_frames_fail_after(&sim.frames, 0);
		must(err == QR_NOMEM, "%s: allocation %u fails: error %d", name, n, err);
		must(qr_frames_free_count(&sim.frames) == free_before, "%s: frames are kept", name);
		compare_all(name);
	}
}

static enum qr_err op_map(void)
{
	return map_simply(0, 10, 2500, false);
}

static enum qr_err op_split_unmap(void)
{
	enum qr_err err = qr_paging_unmap(&paging, address(1, 1031), 500);

	if (err == QR_OK)
		memset(&model[1][1031], 0, 500 * sizeof(struct page));
	return err;
}

static enum qr_err op_split_protect(void)
{
	enum qr_err err = qr_paging_protect(&paging, address(1, 2051), 1, QR_READ | QR_EXEC);

	if (err == QR_OK)
		model[1][2051].prot = QR_READ | QR_EXEC;
	return err;
}

static void out_of_memory(const struct qr_format *f, uint64_t *state)
{
	size_t before;
	unsigned n;

	machine(f, random64(state));
	before = qr_frames_free_count(&sim.frames);
	place_windows(f);
	for (n = 1;; n++) {
		struct qr_paging_config c = { .format = f, .frames = &sim.frames };

		qr_frames_fail_after(&sim.frames, n);
		if (qr_paging_init(&paging, &c) == QR_OK)
			break;
		must(qr_frames_free_count(&sim.frames) == before, "init gives back");
	}
	qr_frames_fail_after(&sim.frames, 0);
	qr_paging_fini(&paging);
	make(f);
	must(map_simply(1, 0, WINDOW, true) == QR_OK, "large pages");
	n = fail_each(op_map, "map");
	n += fail_each(op_split_unmap, "unmap of a part of a large page");
	n += fail_each(op_split_protect, "protect of a part of a large page");
	compare_all("after failures");
	ok(n >= 3, "%s: each of %u allocations fails, and nothing changes", f->name, n);
	unmake(before);
	sim_fini();
}

/* ---- edges ----------------------------------------------------------------------------------------- */

static enum qr_err map_at(uint64_t va, size_t npages, uint64_t to, unsigned prot)
{
	struct qr_paging_map req = {
		.at = { (uintptr_t)va }, .npages = npages, .to = { to }, .prot = (uint8_t)prot
	};

	return qr_paging_map(&paging, &req);
}

static void edges(const struct qr_format *f)
{
	uint64_t t, end = f->address_bits == 32 ? 1ull << 32 : (uint64_t)UINTPTR_MAX + 1;
	struct qr_extent e;
	qr_entry trace[QR_MAX_LEVELS];
	size_t before;

	machine(f, 1);
	t = qr_frame_phys(target).v;
	before = qr_frames_free_count(&sim.frames);
	make(f);
	/* The seeds' impossible example: virtual 0xF0B12345 cannot be physical 0x123456. */
	is(map_at(0xF0B12345, 1, 0x123456, QR_READ), QR_INVAL, "%s: offsets that disagree",
	   f->name);
	is(map_at(0xF0B12000, 1, 0x123456, QR_READ), QR_INVAL, "unaligned target");
	is(map_at(0x1000, 0, t, QR_READ), QR_INVAL, "no pages");
	is(map_at(0x1000, 1, t, 0), QR_INVAL, "no rights");
	is(map_at(0x1000, 1, t, QR_USER), QR_INVAL, "no rights for the user either");
	is(map_at(end - 4096, 2, t, QR_READ), QR_INVAL, "a range that wraps");
	is(map_at(end - 4096, SIZE_MAX, t, QR_READ), QR_INVAL, "a range that wraps far");
	is(map_at(0x1000, SIZE_MAX / 2, t, QR_READ), QR_INVAL, "more than can be addressed");
	is(map_at(0x1000, 2, f->address & ~4095ull, QR_READ), QR_INVAL, "a target that wraps");
	is(map_at(0x1000, 1, 1ull << 52, QR_READ), QR_INVAL, "a target beyond all formats");
	if (f->address_bits > 32 && sizeof(uintptr_t) == 8) {
		uint64_t half = 1ull << (f->address_bits - 1);

		is(map_at(half, 1, t, QR_READ), QR_INVAL, "not canonical");
		is(map_at(half - 4096, 2, t, QR_READ), QR_INVAL, "across the hole");
		is(map_at(-half - 4096, 1, t, QR_READ), QR_INVAL, "just below the upper half");
		is(map_at(half - 4096, 1, t, QR_READ), QR_OK, "the last page of the lower half");
		is(map_at(-half, 1, t, QR_READ), QR_OK, "the first page of the upper half");
		is(qr_paging_query(&paging, qr_virt_of((uintptr_t)half), &e), QR_INVAL,
		   "query there");
		is(qr_paging_next(&paging, qr_virt_of((uintptr_t)half), &e), QR_OK,
		   "next finds the upper");
		is(e.at.v, -half, "at its start");
	}
	is(map_at(end - 4096, 1, t, QR_READ | QR_WRITE), QR_OK, "the last page of all");
	is(map_at(end - 4096, 1, t, QR_READ), QR_EXISTS, "is taken");
	is(qr_paging_protect(&paging, qr_virt_of((uintptr_t)end - 8192), 2, QR_READ), QR_NOENT,
	   "protect wants every page");
	is(qr_paging_trace(f, &sim.frames, paging.root, qr_virt_of((uintptr_t)end - 4096), trace),
	   0, "a trace reaches the page");
	ok(qr_entry_is_page(f, trace[0], 0), "and has its entry");
	is(qr_paging_unmap(&paging, qr_virt_of((uintptr_t)end - 4096), 1), QR_OK, "unmap it");
	is(qr_paging_unmap(&paging, qr_virt_of((uintptr_t)end - 4096), 1), QR_OK, "twice");
	ok(!qr_paging_check(&paging), "check");
	unmake(before);
	sim_fini();
}

/* Frames that lose their reference with the mapping; a sealed root. */
static void ownership(const struct qr_format *f)
{
	qr_frame list[300];
	struct qr_paging_map req = {
		.at = { 0xc0000000u }, .npages = 300, .frames = list, .prot = QR_READ | QR_WRITE
	};
	size_t before;

	machine(f, 2);
	before = qr_frames_free_count(&sim.frames);
	make(f);
	must(qr_frames_alloc_many(&sim.frames, QR_FRAME_HEAP, QR_ANY, 300, list) == 300, "frames");
	is(qr_paging_reserve(&paging, req.at, 300), QR_OK, "%s: reserve", f->name);
	qr_paging_seal(&paging);
	is(qr_paging_map(&paging, &req), QR_OK, "map scattered frames");
	for (unsigned i = 0; i < 300; i++)
		must(sim_kernel_write(qr_virt_of(req.at.v + i * 4096), &i, sizeof(i)), "write");
	is(qr_paging_unmap_put(&paging, req.at, 300), QR_OK, "unmap, frames go");
	is(qr_paging_map(&paging, &(struct qr_paging_map){ .at = { 0x40000000 },
							   .npages = 1,
							   .to = qr_frame_phys(target),
							   .prot = QR_READ }),
	   f->bare_top ||
		   (f->address_bits > 32 && qr_format_index(f, req.at, qr_format_top(f)) == 0)
	       ? QR_OK
	       : QR_LIMIT,
	   "a sealed root grows no table");
	qr_paging_trim(&paging);
	is(qr_paging_reserve(&paging, req.at, 300), QR_OK, "what was reserved stays");
	paging.sealed = false;
	unmake(before);
	sim_fini();
}

/* 1 GiB pages, and all the way down to 4 KiB. */
static void huge(const struct qr_format *f)
{
	struct qr_paging_map req = { .at = { 0x40000000 },
				     .npages = 0x40000,
				     .to = { 0x80000000 },
				     .prot = QR_READ | QR_WRITE,
				     .large = true };
	struct qr_extent e;
	size_t before;

	machine(f, 3);
	before = qr_frames_free_count(&sim.frames);
	make(f);
	is(qr_paging_map(&paging, &req), QR_OK, "%s: map 1 GiB", f->name);
	must(qr_paging_query(&paging, qr_virt_of(0x40000000), &e) == QR_OK, "query");
	is(e.npages,
	   f->levels >= 4  ? 0x40000
	   : f->bits == 10 ? 1024
			   : 512,
	   "the largest page it has");
	is(qr_paging_protect(&paging, qr_virt_of(0x40201000), 1, QR_READ), QR_OK, "one page of it");
	must(qr_paging_next(&paging, qr_virt_of(0x40201000), &e) == QR_OK, "next");
	ok(e.npages == 1 && e.to.v == 0x80201000 && !(e.prot & QR_WRITE), "is its own now");
	must(qr_paging_query(&paging, qr_virt_of(0x7fffffff), &e) == QR_OK, "the end");
	ok((e.prot & QR_WRITE) && e.to.v + (e.npages << 12) == 0xc0000000u, "is as it was");
	is(qr_paging_unmap(&paging, req.at, req.npages), QR_OK, "unmap all");
	is(qr_paging_next(&paging, qr_virt_of(0), &e), QR_NOENT, "nothing is left");
	unmake(before);
	sim_fini();
}

int main(void)
{
	uint64_t state = seed();

	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		edges(formats[i]);
		ownership(formats[i]);
		huge(formats[i]);
		out_of_memory(formats[i], &state);
		random_steps(formats[i], &state);
	}
	return done();
}
