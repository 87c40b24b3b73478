/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random operations on address spaces, against pages in a flat array (lib/flat.h).
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
#include "flat.h"
#include "tap.h"

#include "arch/sim/sim.h"

#include <quire/space.h>

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPACES = 4, TRACE = 16 };

static struct qr_memory memory;
static struct qr_tlbs tlbs;
static struct qr_paging kernel;
static struct qr_object objects[FLAT_OBJECTS];
static struct flat_object flat_objects[FLAT_OBJECTS];
static struct flat_geometry geo;
static struct {
	bool live;
	struct qr_space space;
	struct flat_space flat;
} vm[SPACES];

static const struct qr_format *format;
static uint64_t rnd;
static unsigned step, scarce; /* scarce: memory may run out at any time */
static enum qr_err fault_err;
static unsigned nreleased;
static uint64_t ops_failed;

/* ---- the trace ------------------------------------------------------------------------------ */

static char trace[TRACE][160];
static unsigned ntrace;
static bool loud;
static unsigned check_every = 512;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
	char *line = trace[ntrace++ % TRACE];
	int n = snprintf(line, sizeof(trace[0]), "%u: ", step);
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + n, sizeof(trace[0]) - (size_t)n, fmt, args);
	va_end(args);
	if (loud)
		diag("%s", line);
}

static void show_trace(int sig)
{
	(void)sig;
	for (unsigned i = ntrace > TRACE ? ntrace - TRACE : 0; !loud && i < ntrace; i++)
		diag("%s", trace[i % TRACE]);
	diag("%s, QUIRE_SEED=%" PRIu64, format->name, seed());
}

#define expect(cond, ...)                        \
	do {                                     \
		if (!(cond)) {                   \
			show_trace(0);           \
			must(cond, __VA_ARGS__); \
		}                                \
	} while (0)

static unsigned below(uint64_t n)
{
	return (unsigned)random_below(&rnd, n);
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* ---- the machine ----------------------------------------------------------------------------- */

static struct qr_space *loaded; /* on the CPU */

static void load(unsigned s)
{
	if (loaded == &vm[s].space)
		return;
	qr_space_enter(&vm[s].space);
	loaded = &vm[s].space;
}

static bool on_fault(void *ctx, qr_virt va, unsigned error)
{
	enum qr_access access = error & SIM_FAULT_WRITE ? QR_ACCESS_WRITE : QR_ACCESS_READ;

	(void)ctx;
	if (error & SIM_FAULT_EXEC && format->nx)
		access = QR_ACCESS_EXEC;
	fault_err = qr_space_fault(loaded, va, access);
	return fault_err == QR_OK;
}

static void release(struct qr_object *o)
{
	(void)o;
	nreleased++;
}

/* The last page of all addresses is the kernel's, in every space. */
static qr_frame kernel_frame;

static qr_virt kernel_page(void)
{
	return qr_virt_of((format->address_bits == 32 ? 0xffffffffu : UINTPTR_MAX) &
			  ~(uintptr_t)QR_PAGE_MASK);
}

static void make_kernel_page(void)
{
	struct qr_paging_map req = { .at = kernel_page(), .npages = 1, .prot = QR_READ | QR_WRITE };

	must(qr_frames_alloc(&sim.frames, 0, QR_FRAME_KERNEL, QR_ANY, &kernel_frame) == QR_OK,
	     "a frame");
	req.to = qr_frame_phys(kernel_frame);
	must(qr_paging_map(&kernel, &req) == QR_OK, "the kernel's page");
	qr_paging_seal(&kernel);
}

static void check_kernel_page(void)
{
	uint64_t bytes = step;

	must(sim_kernel_write(kernel_page(), &bytes, 8), "the kernel reaches its page");
	fault_err = QR_OK;
	must(!sim_read(kernel_page(), &bytes, 8) && fault_err == QR_NOENT, "and the user does not");
}

static size_t machine_on(uint64_t machine_seed, uint32_t nframes)
{
	uint64_t end =
	    format->address_bits == 32 ? 0xc0000000u : 1ull << (format->address_bits - 1);
	struct qr_paging_config pc = { .format = format, .frames = &sim.frames };
	struct qr_memory_config mc = {
		.frames = &sim.frames,
		.format = format,
		.tlbs = &tlbs,
		.user_start = { 0x10000 },
		.user_end = { (uintptr_t)end },
		.backing = one_in(3) ? QR_BACK_DEMAND : QR_BACK_FIRST_WRITE,
	};
	size_t before;

	sim_init(&(struct sim_config){ .format = format,
				       .first = 0x400,
				       .low = nframes,
				       .high = nframes / 4,
				       .seed = machine_seed,
				       .speculate = one_in(2) });
	before = qr_frames_free_count(&sim.frames);
	qr_tlbs_init(&tlbs);
	sim.tlbs = &tlbs;
	pc.tlb = &tlbs.kernel;
	must(qr_paging_init(&kernel, &pc) == QR_OK, "kernel root");
	make_kernel_page();
	mc.kernel_root = qr_frame_phys(kernel.root);
	must(qr_memory_init(&memory, &mc) == QR_OK, "memory");
	flat_place(&geo, format, mc.user_start.v, end);
	sim_on_fault(on_fault, NULL);
	for (unsigned i = 0; i < FLAT_OBJECTS; i++) {
		flat_objects[i] = (struct flat_object){ .npages = 1 + below(FLAT_OBJECT_PAGES) };
		qr_object_init(&objects[i], &memory, flat_objects[i].npages, NULL, release);
	}
	return before;
}

static void leave_all(void)
{
	if (loaded)
		qr_space_leave(loaded);
	loaded = NULL;
	qr_host_load_root(qr_phys_of(0));
}

static void kill_space(unsigned s)
{
	leave_all();
	qr_space_fini(&vm[s].space);
	vm[s].live = false;
}

static void machine_off(size_t before)
{
	for (unsigned s = 0; s < SPACES; s++)
		if (vm[s].live)
			kill_space(s);
	nreleased = 0;
	for (unsigned i = 0; i < FLAT_OBJECTS; i++)
		qr_object_put(&objects[i]);
	expect(nreleased == FLAT_OBJECTS, "spaces hold no objects any more");
	qr_memory_fini(&memory);
	qr_paging_fini(&kernel);
	qr_frame_put(&sim.frames, kernel_frame);
	expect(qr_frames_free_count(&sim.frames) == before, "every frame came back: %zu of %zu",
	       qr_frames_free_count(&sim.frames), before);
	expect(!qr_frames_check(&sim.frames), "%s", qr_frames_check(&sim.frames));
	sim_fini();
}

static void make_space(unsigned s)
{
	unsigned i = geo.search;

	memset(&vm[s].flat, 0, sizeof(vm[s].flat));
	qr_space_window(&vm[s].space, flat_address(&geo, geo.island[i][0]),
			flat_address(&geo, geo.island[i][1]));
	vm[s].live = true;
}

/* ---- failing allocations ----------------------------------------------------------------------- */

static bool armed;

static void arm(void)
{
	armed = one_in(16);
	if (armed)
		qr_frames_fail_after(&sim.frames, 1 + below(one_in(4) ? 30 : 5));
}

/* Was QR_NOMEM to be expected?  Then the model stays as it is. */
static bool out_of_memory(enum qr_err err)
{
	bool failed = armed && qr_frames_failed(&sim.frames) != 0;

	if (armed)
		qr_frames_fail_after(&sim.frames, 0);
	armed = false;
	if (err != QR_NOMEM || !(failed || scarce))
		return false;
	ops_failed++;
	note("... out of memory");
	return true;
}

/* ---- choosing ------------------------------------------------------------------------------------ */

static unsigned any_space(void)
{
	for (;;) {
		unsigned s = below(SPACES);

		if (vm[s].live)
			return s;
	}
}

/* A range of cells: mostly within an island, sometimes across gaps. */
static void any_range(unsigned *a, unsigned *b)
{
	unsigned i = below(FLAT_ISLANDS), n;

	if (one_in(8)) {
		*a = below(geo.ncells);
		*b = *a + 1 + below(geo.ncells - *a);
		return;
	}
	n = geo.island[i][1] - geo.island[i][0];
	*a = geo.island[i][0] + below(n);
	n = geo.island[i][1] - *a;
	*b = *a + 1 + below(one_in(4) || n < 24 ? n : 24);
}

static unsigned any_page(void)
{
	unsigned i = below(FLAT_ISLANDS);

	return geo.island[i][0] + below(geo.island[i][1] - geo.island[i][0]);
}

static unsigned some_end(unsigned a, unsigned most)
{
	unsigned b = a + 1 + below(most);

	return b < geo.ncells ? b : geo.ncells;
}

static bool has_gap(unsigned a, unsigned b)
{
	return flat_npages(&geo, a, b) != b - a;
}

/* ---- map ------------------------------------------------------------------------------------------ */

static void fill_request(struct qr_map *req, unsigned npages_known)
{
	int object = one_in(2) ? (int)below(FLAT_OBJECTS) : -1;

	req->prot = (uint8_t)(one_in(4) ? below(8) : QR_READ | QR_WRITE);
	req->maxprot = one_in(8) ? req->prot | (uint8_t)below(8) : 7;
	if (object >= 0) {
		req->object = &objects[object];
		req->pgoff = below(FLAT_OBJECT_PAGES);
		if (one_in(2))
			req->flags |= QR_MAP_SHARED;
	} else if (npages_known && one_in(8)) {
		req->backing = QR_BACK_IMMEDIATE;
	} else if (one_in(4)) {
		req->backing = (uint8_t)(QR_BACK_DEMAND + below(2));
	}
	/* A private page of an object that is populated becomes a copy: the model does not say
	 * when.  So only where that cannot be seen. */
	if (npages_known && one_in(10) && (object < 0 || req->flags & QR_MAP_SHARED))
		req->flags |= one_in(2) ? QR_MAP_POPULATE : QR_MAP_LOCKED;
}

static void model_map(unsigned s, unsigned a, unsigned b, const struct qr_map *req)
{
	for (unsigned i = a; i < b; i++)
		vm[s].flat.page[i] = (struct flat_page){
			.mapped = true,
			.shared = req->flags & QR_MAP_SHARED,
			.locked = req->flags & QR_MAP_LOCKED,
			.prot = req->prot,
			.maxprot = req->maxprot,
			.backing =
			    req->backing == QR_BACK_DEFAULT || req->backing == QR_BACK_IMMEDIATE
				? (uint8_t)memory.backing
				: req->backing,
			.object = req->object ? (int8_t)(req->object - objects) : -1,
			.pgoff = req->object ? req->pgoff + flat_npages(&geo, a, i) : 0,
		};
}

static bool any_mapped(unsigned s, unsigned a, unsigned b, bool mapped)
{
	for (unsigned i = a; i < b; i++)
		if (vm[s].flat.page[i].mapped == mapped)
			return true;
	return false;
}

static void do_map_fixed(void)
{
	unsigned s = any_space(), a, b;
	struct qr_map req = { .flags = QR_MAP_FIXED };
	enum qr_err err, want = QR_OK;
	qr_virt out = { 1 };

	any_range(&a, &b);
	fill_request(&req, !has_gap(a, b) && b - a < 64);
	req.at = flat_address(&geo, a);
	req.npages = (size_t)flat_npages(&geo, a, b);
	if (one_in(3))
		req.flags |= QR_MAP_NOREPLACE;
	if (one_in(40))
		req.maxprot = (uint8_t)below(8);
	if (req.prot & ~req.maxprot)
		want = QR_ACCESS;
	else if (req.flags & QR_MAP_NOREPLACE && any_mapped(s, a, b, true))
		want = QR_EXISTS;
	note("map %u [%u,%u) flags %x prot %x max %x backing %u object %d pgoff %u", s, a, b,
	     req.flags, req.prot, req.maxprot, req.backing,
	     req.object ? (int)(req.object - objects) : -1, (unsigned)req.pgoff);
	arm();
	err = qr_space_map(&vm[s].space, &req, &out);
	if (out_of_memory(err))
		return;
	expect(err == want, "map: error %d, want %d", err, want);
	if (err == QR_OK) {
		expect(out.v == req.at.v, "fixed is fixed");
		model_map(s, a, b, &req);
	}
}

static bool room_for(unsigned s, unsigned n)
{
	unsigned run = 0;

	for (unsigned i = geo.island[geo.search][0]; i < geo.island[geo.search][1]; i++) {
		run = vm[s].flat.page[i].mapped ? 0 : run + 1;
		if (run == n)
			return true;
	}
	return false;
}

static void do_map_anywhere(void)
{
	unsigned s = any_space(), n = 1 + below(one_in(4) ? 700 : 20), cell;
	struct qr_map req = { .npages = n };
	qr_virt out = { 1 };
	enum qr_err err;

	fill_request(&req, n < 64);
	note("map %u anywhere: %u pages, flags %x prot %x backing %u object %d", s, n, req.flags,
	     req.prot, req.backing, req.object ? (int)(req.object - objects) : -1);
	arm();
	err = qr_space_map(&vm[s].space, &req, &out);
	if (err == QR_NOMEM && !room_for(s, n)) {
		out_of_memory(err);
		return;
	}
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "there is room for %u pages: error %d", n, err);
	cell = flat_cell(&geo, out.v >> 12);
	expect(cell >= geo.island[geo.search][0] && cell + n <= geo.island[geo.search][1],
	       "a place in the window: %#" PRIxPTR, out.v);
	expect(!any_mapped(s, cell, cell + n, true), "a free place: cell %u", cell);
	model_map(s, cell, cell + n, &req);
}

/* ---- unmap, protect, advise -------------------------------------------------------------------------- */

static void do_unmap(void)
{
	unsigned s = any_space(), a, b;
	enum qr_err err;

	any_range(&a, &b);
	note("unmap %u [%u,%u)", s, a, b);
	arm();
	err = qr_space_unmap(&vm[s].space, flat_address(&geo, a), (size_t)flat_npages(&geo, a, b));
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "unmap: error %d", err);
	flat_unmap(&vm[s].flat, a, b);
}

/* The part of [a, b) before the first page that is not mapped. */
static unsigned mapped_part(unsigned s, unsigned a, unsigned b)
{
	unsigned i = a;

	while (i < b && vm[s].flat.page[i].mapped)
		i++;
	return i;
}

static void do_protect(void)
{
	unsigned s = any_space(), a, b, end, prot = one_in(3) ? QR_READ | QR_WRITE : below(8);
	enum qr_err err, want = QR_OK;

	any_range(&a, &b);
	if (!one_in(8)) {
		a = any_page();
		b = mapped_part(s, a, some_end(a, 16));
	}
	if (a >= b)
		return;
	end = mapped_part(s, a, b);
	if (end < b)
		want = QR_NOENT;
	for (unsigned i = a; i < end; i++)
		if (prot & ~vm[s].flat.page[i].maxprot) {
			want = QR_ACCESS;
			end = i;
		}
	note("protect %u [%u,%u) prot %x", s, a, b, prot);
	arm();
	err = qr_space_protect(&vm[s].space, flat_address(&geo, a), (size_t)flat_npages(&geo, a, b),
			       prot);
	if (out_of_memory(err))
		return;
	expect(err == want, "protect: error %d, want %d", err, want);
	for (unsigned i = a; i < end; i++)
		vm[s].flat.page[i].prot = (uint8_t)prot;
}

static enum qr_err model_advise(unsigned s, unsigned i, enum qr_advice advice)
{
	struct flat_page *p = &vm[s].flat.page[i];

	if (advice == QR_ADVISE_DONTNEED) {
		p->own = p->freed = false;
	} else if (advice == QR_ADVISE_FREE) {
		p->freed = p->own;
	} else if (advice == QR_ADVISE_DONTFORK || advice == QR_ADVISE_DOFORK) {
		p->dontfork = advice == QR_ADVISE_DONTFORK;
	} else if (advice == QR_ADVISE_WIPEONFORK || advice == QR_ADVISE_KEEPONFORK) {
		p->wipe = advice == QR_ADVISE_WIPEONFORK;
	} else if (advice == QR_ADVISE_HUGEPAGE || advice == QR_ADVISE_NOHUGEPAGE) {
		p->huge = advice == QR_ADVISE_HUGEPAGE ? 1 : 2;
	}
	return QR_OK;
}

static void do_advise(void)
{
	static const enum qr_advice all[] = {
		QR_ADVISE_DONTNEED,   QR_ADVISE_DONTNEED,   QR_ADVISE_FREE,
		QR_ADVISE_WILLNEED,   QR_ADVISE_DONTFORK,   QR_ADVISE_DOFORK,
		QR_ADVISE_WIPEONFORK, QR_ADVISE_KEEPONFORK, QR_ADVISE_HUGEPAGE,
		QR_ADVISE_NOHUGEPAGE,
	};
	unsigned s = any_space(), a = any_page(), b;
	enum qr_advice advice = all[below(sizeof(all) / sizeof(all[0]))];
	enum qr_err err;

	b = mapped_part(s, a, some_end(a, 20));
	/* What the advice may not be given for is tested elsewhere. */
	for (unsigned i = a; i < b; i++) {
		const struct flat_page *p = &vm[s].flat.page[i];
		bool anon = p->object < 0 && !p->shared;

		if (p->locked || !flat_is_page(&geo, i) ||
		    ((advice == QR_ADVISE_FREE || advice == QR_ADVISE_WIPEONFORK) && !anon))
			b = i;
	}
	if (a >= b)
		return;
	note("advise %u [%u,%u) advice %u", s, a, b, advice);
	arm();
	err = qr_space_advise(&vm[s].space, flat_address(&geo, a), b - a, advice);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "advise: error %d", err);
	for (unsigned i = a; i < b; i++)
		model_advise(s, i, advice);
}

static void do_lock(void)
{
	unsigned s = any_space(), a = any_page(), b, locked = below(2);
	enum qr_err err;

	b = mapped_part(s, a, some_end(a, 10));
	for (unsigned i = a; i < b; i++)
		if (!flat_is_page(&geo, i) ||
		    flat_access(&vm[s].flat.page[i], flat_objects, QR_ACCESS_READ) ||
		    (vm[s].flat.page[i].object >= 0 && !vm[s].flat.page[i].shared))
			b = i;
	if (a >= b)
		return;
	note("lock %u [%u,%u) %u", s, a, b, locked);
	arm();
	err = qr_space_lock(&vm[s].space, flat_address(&geo, a), b - a, locked);
	if (armed && qr_frames_failed(&sim.frames) && err == QR_NOMEM)
		locked = 2; /* the promise may stand though the pages do not: ask */
	out_of_memory(err);
	if (locked == 2 || err == QR_NOMEM) {
		struct qr_region r;

		expect(qr_space_next(&vm[s].space, flat_address(&geo, a), &r) == QR_OK, "next");
		locked = !!(r.flags & QR_MAP_LOCKED);
	} else {
		expect(err == QR_OK, "lock: error %d", err);
	}
	for (unsigned i = a; i < b; i++)
		vm[s].flat.page[i].locked = locked;
}

/* ---- access --------------------------------------------------------------------------------------------- */

static void settle_freed(struct flat_page *p, uint64_t got)
{
	if (p->freed && got == 0)
		p->own = false;
	p->freed = false;
}

/* Both ends of the page hold its number. */
static void check_read(unsigned s, unsigned i)
{
	struct flat_page *p = &vm[s].flat.page[i];
	qr_virt at = flat_address(&geo, i);
	enum qr_err want = flat_access(p, flat_objects, QR_ACCESS_READ);
	uint64_t low = 0, high = 0;
	bool done =
	    sim_read(at, &low, 8) && sim_read(qr_virt_of(at.v + QR_PAGE_SIZE - 8), &high, 8);

	if (!done && out_of_memory(fault_err))
		return;
	expect(done == (want == QR_OK), "read %u of space %u: error %d, want %d", i, s, fault_err,
	       want);
	expect(done || fault_err == want, "read %u of space %u: error %d, want %d", i, s, fault_err,
	       want);
	if (!done)
		return;
	settle_freed(p, low);
	expect(low == flat_value(p, flat_objects) && high == low,
	       "page %u of space %u reads %" PRIx64 " and %" PRIx64 ", want %x", i, s, low, high,
	       flat_value(p, flat_objects));
}

static void do_read(void)
{
	unsigned s = any_space(), i = any_page();

	load(s);
	note("read %u page %u", s, i);
	arm();
	check_read(s, i);
	out_of_memory(QR_OK);
}

static void model_write(unsigned s, unsigned i, uint32_t value)
{
	struct flat_page *p = &vm[s].flat.page[i];

	if (p->shared) {
		flat_objects[p->object].value[p->pgoff] = value;
	} else {
		p->own = true;
		p->freed = false;
		p->value = value;
	}
}

static void do_write(void)
{
	unsigned s = any_space(), i = any_page();
	struct flat_page *p = &vm[s].flat.page[i];
	enum qr_err want = flat_access(p, flat_objects, QR_ACCESS_WRITE);
	qr_virt at = flat_address(&geo, i);
	uint64_t value = 1 + below(0xfffffff), low = 0;
	bool done;

	load(s);
	note("write %u page %u value %x", s, i, (unsigned)value);
	if (p->freed && want == QR_OK) { /* know what a half-done write would leave */
		if (sim_read(at, &low, 8))
			settle_freed(p, low);
	}
	arm();
	done = sim_write(at, &value, 8);
	if (!done && out_of_memory(fault_err))
		return;
	out_of_memory(QR_OK);
	expect(done == (want == QR_OK) && (done || fault_err == want),
	       "write %u of space %u: error %d, want %d", i, s, done ? 0 : fault_err, want);
	if (!done)
		return;
	expect(sim_write(qr_virt_of(at.v + QR_PAGE_SIZE - 8), &value, 8), "the page is there");
	model_write(s, i, (uint32_t)value);
}

static void do_exec(void)
{
	unsigned s = any_space(), i = any_page();
	enum qr_err want = flat_access(&vm[s].flat.page[i], flat_objects,
				       format->nx ? QR_ACCESS_EXEC : QR_ACCESS_READ);
	bool done;

	load(s);
	note("exec %u page %u", s, i);
	arm();
	done = sim_exec(flat_address(&geo, i));
	if (!done && out_of_memory(fault_err))
		return;
	out_of_memory(QR_OK);
	expect(done == (want == QR_OK) && (done || fault_err == want),
	       "exec %u of space %u: error %d, want %d", i, s, done ? 0 : fault_err, want);
}

/* The kernel's way in, to spaces that are not loaded. */
static void do_copy(void)
{
	unsigned s = any_space(), i = any_page();
	struct flat_page *p = &vm[s].flat.page[i];
	bool write = one_in(2);
	enum qr_err err,
	    want = flat_access(p, flat_objects, write ? QR_ACCESS_WRITE : QR_ACCESS_READ);
	uint8_t page[QR_PAGE_SIZE] = { 0 };
	uint64_t value = 1 + below(0xfffffff), low, high;
	size_t n = 12345;

	note("%s %u page %u from outside, value %x", write ? "write" : "read", s, i,
	     (unsigned)value);
	memcpy(page, &value, 8);
	memcpy(page + QR_PAGE_SIZE - 8, &value, 8);
	arm();
	if (write)
		err = qr_space_write(&vm[s].space, flat_address(&geo, i), page, sizeof(page), false,
				     &n);
	else
		err = qr_space_read(&vm[s].space, flat_address(&geo, i), page, sizeof(page), &n);
	if (out_of_memory(err))
		return;
	expect(err == want, "copy: error %d, want %d", err, want);
	if (err)
		return;
	expect(n == sizeof(page), "all of it: %zu", n);
	memcpy(&low, page, 8);
	memcpy(&high, page + QR_PAGE_SIZE - 8, 8);
	if (write) {
		model_write(s, i, (uint32_t)value);
		return;
	}
	settle_freed(p, low);
	expect(low == flat_value(p, flat_objects) && high == low, "reads %" PRIx64 ", want %x", low,
	       flat_value(p, flat_objects));
}

/* ---- objects ------------------------------------------------------------------------------------------------ */

static void do_object_bytes(void)
{
	unsigned o = below(FLAT_OBJECTS);
	uint64_t page = below(flat_objects[o].npages ? flat_objects[o].npages : 1);
	uint8_t bytes[QR_PAGE_SIZE] = { 0 };
	uint64_t value = 1 + below(0xfffffff), low;
	size_t n = 0;
	enum qr_err err;

	if (page >= flat_objects[o].npages)
		return;
	if (one_in(2)) {
		note("object %u page %u reads", o, (unsigned)page);
		expect(qr_object_read(&objects[o], page << 12, bytes, sizeof(bytes)) == QR_OK,
		       "read");
		memcpy(&low, bytes, 8);
		expect(low == flat_objects[o].value[page], "the object's page is %" PRIx64, low);
		return;
	}
	note("object %u page %u = %x", o, (unsigned)page, (unsigned)value);
	memcpy(bytes, &value, 8);
	memcpy(bytes + QR_PAGE_SIZE - 8, &value, 8);
	arm();
	err = qr_object_write(&objects[o], page << 12, bytes, sizeof(bytes), &n);
	if (out_of_memory(err) || (err == QR_OK && n == 0))
		return;
	expect(err == QR_OK && n == sizeof(bytes), "write: error %d, %zu bytes", err, n);
	flat_objects[o].value[page] = (uint32_t)value;
}

/* Private copies go with what lies beyond the new end; a hole leaves them. */
static void model_cut(unsigned o, uint64_t first, uint64_t end, bool copies)
{
	for (uint64_t i = first; i < end && i < FLAT_OBJECT_PAGES; i++)
		flat_objects[o].value[i] = 0;
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; copies && vm[s].live && i < geo.ncells; i++) {
			struct flat_page *p = &vm[s].flat.page[i];

			if (p->mapped && p->object == (int)o && p->pgoff >= first)
				p->own = p->freed = false;
		}
}

static void do_object_size(void)
{
	unsigned o = below(FLAT_OBJECTS);
	uint64_t n = below(FLAT_OBJECT_PAGES + 1), first = below(FLAT_OBJECT_PAGES);

	if (one_in(2)) {
		note("object %u: resize %u -> %u", o, (unsigned)flat_objects[o].npages,
		     (unsigned)n);
		qr_object_resize(&objects[o], n);
		if (n < flat_objects[o].npages)
			model_cut(o, n, FLAT_OBJECT_PAGES, true);
		flat_objects[o].npages = n;
	} else {
		n = 1 + below(8);
		note("object %u: punch [%u,%u)", o, (unsigned)first, (unsigned)(first + n));
		qr_object_punch(&objects[o], first, n);
		model_cut(o, first, first + n, false);
	}
}

/* ---- fork, exit ------------------------------------------------------------------------------------------------ */

static void do_fork(void)
{
	unsigned s = any_space(), child = below(SPACES);
	enum qr_err err;

	if (vm[child].live) {
		unsigned live = 0;

		for (unsigned i = 0; i < SPACES; i++)
			live += vm[i].live;
		if (live > 1 && !one_in(3)) {
			note("kill %u", child);
			kill_space(child);
		}
		return;
	}
	note("fork %u -> %u", s, child);
	load(s);
	arm();
	err = qr_space_init(&vm[child].space, &memory);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "init: error %d", err);
	make_space(child);
	arm();
	err = qr_space_fork(&vm[s].space, &vm[child].space);
	if (out_of_memory(err)) {
		struct qr_region r;

		expect(qr_space_next(&vm[child].space, qr_virt_of(0), &r) == QR_NOENT,
		       "a child that failed is empty");
		kill_space(child);
		return;
	}
	expect(err == QR_OK, "fork: error %d", err);
	flat_fork(&geo, &vm[s].flat, &vm[child].flat);
}

/* ---- remap ---------------------------------------------------------------------------------------------------- */

/* Pages that one region holds, as Linux demands. */
static unsigned region_part(unsigned s, unsigned a, unsigned most)
{
	unsigned n = 1;

	while (n < most && flat_is_page(&geo, a + n) && flat_agree(&geo, &vm[s].flat, a + n - 1))
		n++;
	return n;
}

static void model_move(unsigned s, unsigned from, unsigned nold, unsigned to, unsigned nnew)
{
	static struct flat_page old[FLAT_CELLS];
	unsigned n = nold < nnew ? nold : nnew;

	memcpy(old, &vm[s].flat.page[from], nold * sizeof(old[0]));
	flat_unmap(&vm[s].flat, from, from + nold);
	flat_unmap(&vm[s].flat, to, to + nnew);
	for (unsigned i = 0; i < nnew; i++) {
		struct flat_page *p = &vm[s].flat.page[to + i];

		*p = old[i < n ? i : 0];
		if (p->object >= 0)
			p->pgoff = old[0].pgoff + i;
		if (i >= n)
			p->own = p->freed = false;
	}
}

static bool lists_any(unsigned s, unsigned a, unsigned b)
{
	struct qr_region r;

	return qr_space_next(&vm[s].space, flat_address(&geo, a), &r) == QR_OK &&
	       r.start.v >> 12 < geo.vpn[b];
}

static void do_remap(void)
{
	unsigned s = any_space(), a = any_page(), nold, nnew, to = 0;
	struct qr_remap req = { .from = flat_address(&geo, a) };
	qr_virt out = { 1 };
	enum qr_err err;
	bool room;

	if (!vm[s].flat.page[a].mapped || !flat_is_page(&geo, a))
		return;
	nold = region_part(s, a, 1 + below(20));
	nnew = one_in(3) ? nold : 1 + below(30);
	req.old_npages = nold;
	req.new_npages = nnew;
	req.may_move = one_in(2);
	if (one_in(3)) {
		to = any_page();
		if (to + nnew > geo.ncells || has_gap(to, to + nnew) ||
		    (to < a + nold && a < to + nnew))
			return;
		req.may_move = req.fixed = true;
		req.to = flat_address(&geo, to);
	}
	note("remap %u [%u,%u) -> %u pages%s%s at %u", s, a, a + nold, nnew,
	     req.may_move ? ", may move" : "", req.fixed ? ", fixed" : "", to);
	/* Growing in place needs free pages behind, which must be in this island. */
	room = nnew <= nold;
	if (!room && a + nnew <= geo.ncells && !has_gap(a, a + nnew))
		room = !any_mapped(s, a + nold, a + nnew, true);
	else if (!room && !req.fixed)
		return;
	arm();
	err = qr_space_remap(&vm[s].space, &req, &out);
	if (err == QR_NOMEM && !req.fixed && !room && !(req.may_move && room_for(s, nnew))) {
		out_of_memory(QR_OK);
		return;
	}
	if (out_of_memory(err)) {
		/* As with Linux, what was at a fixed place, and the tail, may be gone by then. */
		if (req.fixed && !lists_any(s, to, to + nnew))
			flat_unmap(&vm[s].flat, to, to + nnew);
		if (req.fixed && nnew < nold && !lists_any(s, a + nnew, a + nold))
			flat_unmap(&vm[s].flat, a + nnew, a + nold);
		return;
	}
	expect(err == QR_OK, "remap: error %d", err);
	to = flat_cell(&geo, out.v >> 12);
	if (req.fixed)
		expect(out.v == req.to.v, "where it was told to");
	else if (room)
		expect(to == a, "in place");
	else
		expect(!any_mapped(s, to, to + nnew, true), "a free place");
	if (to == a && nnew > nold)
		for (unsigned i = a + nold; i < a + nnew; i++) {
			struct flat_page *p = &vm[s].flat.page[i];

			*p = vm[s].flat.page[a];
			if (p->object >= 0)
				p->pgoff += i - a;
			p->own = p->freed = false;
		}
	else if (to == a)
		flat_unmap(&vm[s].flat, a + nnew, a + nold);
	else
		model_move(s, a, nold, to, nnew);
}

/* ---- comparing everything ------------------------------------------------------------------------------------- */

static void compare_region(unsigned s, const struct qr_region *r)
{
	unsigned a = flat_cell(&geo, r->start.v >> 12),
		 b = flat_cell(&geo, (r->end.v >> 12) - 1) + 1;
	const struct flat_page *p = &vm[s].flat.page[a];

	expect(flat_address(&geo, a).v == r->start.v && geo.vpn[b] == r->end.v >> 12,
	       "a region ends where cells end: [%u,%u)", a, b);
	expect(p->mapped && p->prot == r->prot && p->maxprot == r->maxprot &&
		   p->shared == !!(r->flags & QR_MAP_SHARED) &&
		   p->locked == !!(r->flags & QR_MAP_LOCKED),
	       "region [%u,%u) of space %u: prot %x, flags %x", a, b, s, r->prot, r->flags);
	expect(p->dontfork == !!(r->advice & 1u << QR_ADVISE_DONTFORK) &&
		   p->wipe == !!(r->advice & 1u << QR_ADVISE_WIPEONFORK) &&
		   (p->huge == 1) == !!(r->advice & 1u << QR_ADVISE_HUGEPAGE) &&
		   (p->huge == 2) == !!(r->advice & 1u << QR_ADVISE_NOHUGEPAGE),
	       "region [%u,%u) of space %u: advice %x", a, b, s, r->advice);
	expect(p->object < 0 ? !r->object
			     : r->object == &objects[p->object] && r->pgoff == p->pgoff,
	       "region [%u,%u): its object", a, b);
	for (unsigned i = a; i + 1 < b; i++)
		expect(flat_agree(&geo, &vm[s].flat, i), "region [%u,%u): %u differs", a, b, i + 1);
	expect(b == geo.ncells || !flat_agree(&geo, &vm[s].flat, b - 1), "region [%u,%u) goes on",
	       a, b);
	expect(a == 0 || !flat_agree(&geo, &vm[s].flat, a - 1), "region [%u,%u) begins before", a,
	       b);
}

static void compare_listing(unsigned s)
{
	qr_virt at = { 0 };
	struct qr_region r;
	uint64_t npages = 0, mapped = 0;

	while (qr_space_next(&vm[s].space, at, &r) == QR_OK) {
		compare_region(s, &r);
		npages += (r.end.v - r.start.v) >> 12;
		at = r.end;
	}
	for (unsigned i = 0; i < geo.ncells; i++)
		if (vm[s].flat.page[i].mapped)
			mapped += flat_npages(&geo, i, i + 1);
	expect(npages == mapped, "space %u lists %" PRIu64 " pages, the model has %" PRIu64, s,
	       npages, mapped);
}

/* References to frames are exactly those that spaces and objects count. */
static void compare_references(void)
{
	uint64_t anon = 0, cache = 0, stat_anon = 0, stat_cache = 0;

	for (uint32_t i = 0; i < sim.frames.nframes; i++) {
		const struct qr_frame_word *w = &sim.frames.words[i];

		if (qr_frame_type(w) == QR_FRAME_ANON)
			anon += qr_frame_refs(w);
		if (qr_frame_type(w) == QR_FRAME_CACHE)
			cache += qr_frame_refs(w);
	}
	for (unsigned s = 0; s < SPACES; s++) {
		struct qr_space_stat st;

		if (!vm[s].live)
			continue;
		qr_space_stat(&vm[s].space, &st);
		stat_anon += st.resident_anon;
		stat_cache += st.resident_file + st.resident_shared;
	}
	for (unsigned o = 0; o < FLAT_OBJECTS; o++)
		stat_cache += objects[o].nresident;
	expect(anon == stat_anon, "anonymous frames: %" PRIu64 " references, %" PRIu64 " counted",
	       anon, stat_anon);
	expect(cache == stat_cache, "objects' frames: %" PRIu64 " references, %" PRIu64 " counted",
	       cache, stat_cache);
}

static void compare_all(bool read_all)
{
	const char *rule = qr_frames_check(&sim.frames);

	expect(!rule, "%s", rule);
	for (unsigned s = 0; s < SPACES; s++) {
		if (!vm[s].live)
			continue;
		qr_space_check(&vm[s].space);
		compare_listing(s);
		if (!read_all)
			continue;
		load(s);
		check_kernel_page();
		for (unsigned i = 0; i < geo.ncells; i++)
			if (flat_is_page(&geo, i))
				check_read(s, i);
	}
	compare_references();
	sim_check();
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned weight;
} all_ops[] = {
	{ "read", do_read, 20 },
	{ "write", do_write, 20 },
	{ "exec", do_exec, 3 },
	{ "copy", do_copy, 8 },
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
};
enum { NOPS = sizeof(all_ops) / sizeof(all_ops[0]) };

static unsigned weight[NOPS];

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
			compare_all(step % 4096 == 0);
	}
	compare_all(true);
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
		ops_failed = 0;
		for (unsigned n = 0; n < 4; n++) {
			scarce = n == 3;
			run(nsteps / 4, scarce ? 700 : 8192);
		}
		ok(true, "%s: %u steps agree with the model, %" PRIu64 " without memory",
		   format->name, nsteps / 4 * 4, ops_failed);
	}
	return done();
}
