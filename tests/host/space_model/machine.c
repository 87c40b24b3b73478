/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - the world of the model test: the machine, spaces and objects, chance, the trace.
 */
#include "tests/host/space_model/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qr_memory memory;
struct qr_object objects[FLAT_OBJECTS];
struct flat_object flat_objects[FLAT_OBJECTS];
struct flat_geometry geo;
struct vm vm[SPACES];
const struct qr_format *format;
uint64_t rnd;
unsigned step;
bool scarce, loud, armed;
enum qr_err fault_err;
uint64_t ops_failed;

static struct qr_tlbs tlbs;
static struct qr_paging kernel;
static unsigned nreleased;

/* ---- the trace ------------------------------------------------------------------------------- */

enum { TRACE = 16 };
static char trace[TRACE][160];
static unsigned ntrace;

void note(const char *fmt, ...)
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

void show_trace(int sig)
{
	(void)sig;
	for (unsigned i = ntrace > TRACE ? ntrace - TRACE : 0; !loud && i < ntrace; i++)
		diag("%s", trace[i % TRACE]);
	diag("%s, QUIRE_SEED=%" PRIu64, format->name, seed());
}

unsigned below(uint64_t n)
{
	return (unsigned)random_below(&rnd, n);
}

bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* ---- the machine ----------------------------------------------------------------------------- */

static struct qr_space *loaded; /* on the CPU */

void load(unsigned s)
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

void check_kernel_page(void)
{
	uint64_t bytes = step;

	must(sim_kernel_write(kernel_page(), &bytes, 8), "the kernel reaches its page");
	fault_err = QR_OK;
	must(!sim_read(kernel_page(), &bytes, 8) && fault_err == QR_NOENT, "and the user does not");
}

size_t machine_on(uint64_t machine_seed, uint32_t nframes)
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
		.huge = (enum qr_huge_policy)below(QR_HUGE_ALWAYS + 1),
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

void leave_all(void)
{
	if (loaded)
		qr_space_leave(loaded);
	loaded = NULL;
	qr_host_load_root(qr_phys_of(0));
}

void kill_space(unsigned s)
{
	leave_all();
	qr_space_fini(&vm[s].space);
	vm[s].live = false;
}

void machine_off(size_t before)
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

void make_space(unsigned s)
{
	unsigned i = geo.search;

	memset(&vm[s].flat, 0, sizeof(vm[s].flat));
	qr_space_window(&vm[s].space, flat_address(&geo, geo.island[i][0]),
			flat_address(&geo, geo.island[i][1]));
	vm[s].live = true;
}

/* ---- failing allocations --------------------------------------------------------------------- */

void arm(void)
{
	armed = one_in(16);
	if (armed)
		qr_frames_fail_after(&sim.frames, 1 + below(one_in(4) ? 30 : 5));
}

/* Was QR_NOMEM to be expected?  Then the model stays as it is. */
bool out_of_memory(enum qr_err err)
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

/* ---- choosing -------------------------------------------------------------------------------- */

unsigned any_space(void)
{
	for (;;) {
		unsigned s = below(SPACES);

		if (vm[s].live)
			return s;
	}
}

/* A range of cells: mostly within an island, sometimes across gaps. */
void any_range(unsigned *a, unsigned *b)
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

unsigned any_page(void)
{
	unsigned i = below(FLAT_ISLANDS);

	return geo.island[i][0] + below(geo.island[i][1] - geo.island[i][0]);
}

unsigned some_end(unsigned a, unsigned most)
{
	unsigned b = a + 1 + below(most);

	return b < geo.ncells ? b : geo.ncells;
}

bool has_gap(unsigned a, unsigned b)
{
	return flat_npages(&geo, a, b) != b - a;
}
