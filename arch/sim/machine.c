/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - RAM, windows, and the hooks of quire/host.h.
 */
#include "arch/sim/sim.h"
#include "arch/sim/mmu.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(p)   __asan_poison_memory_region(p, QR_PAGE_SIZE)
#define UNHIDE(p) __asan_unpoison_memory_region(p, QR_PAGE_SIZE)
#else
#define HIDE(p)   ((void)(p))
#define UNHIDE(p) ((void)(p))
#endif

struct sim sim;

/* ---- on and off --------------------------------------------------------------------------- */

static void start_frames(void)
{
	const struct sim_config *c = &sim.config;
	struct qr_frames_config fc = {
		.first = { c->first },
		.end = { c->first + sim.nframes },
		.low_end = { c->first + c->low },
		.ncpus = c->ncpus,
	};
	size_t nbytes = qr_frames_metadata_size(&fc);

	nbytes = (nbytes + 63) / 64 * 64;
	sim.metadata = aligned_alloc(64, nbytes);
	if (!sim.metadata || qr_frames_init(&sim.frames, &fc, sim.metadata, nbytes) != QR_OK ||
	    qr_frames_add(&sim.frames, qr_frame_of(c->first + 1), sim.nframes - 1) != QR_OK)
		sim_broken("RAM of this size cannot be");
}

void sim_init(const struct sim_config *config)
{
	sim = (struct sim){ .config = *config, .random = config->seed };
	if (sim.config.ncpus == 0)
		sim.config.ncpus = 1;
	sim.nframes = config->low + config->high;
	sim.ram = mmap(NULL, (size_t)sim.nframes * QR_PAGE_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sim.ram == MAP_FAILED)
		sim_broken("no memory for RAM");
	for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
		sim.cpu[i].wp = true;
	start_frames();
	for (uint32_t i = config->low; i < sim.nframes; i++)
		HIDE(sim.ram + (size_t)i * QR_PAGE_SIZE);
}

void sim_fini(void)
{
	for (uint32_t i = sim.config.low; i < sim.nframes; i++)
		UNHIDE(sim.ram + (size_t)i * QR_PAGE_SIZE);
	munmap(sim.ram, (size_t)sim.nframes * QR_PAGE_SIZE);
	free(sim.metadata);
	sim.ram = NULL;
	sim.metadata = NULL;
}

void sim_broken(const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	printf("Bail out! ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (%s, CPU %u, machine seed %" PRIu64 ")\n",
	       sim.config.format ? sim.config.format->name : "no format", sim.now, sim.config.seed);
	fflush(stdout);
	abort();
}

uint64_t sim_random(void)
{
	uint64_t z = sim.random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* ---- RAM ------------------------------------------------------------------------------------ */

uint8_t *sim_bytes(qr_frame f)
{
	if (f.v - sim.config.first >= sim.nframes)
		sim_broken("frame %#x lies outside of RAM", f.v);
	return sim.ram + (size_t)(f.v - sim.config.first) * QR_PAGE_SIZE;
}

/* High memory is hidden again unless a window onto it is open. */
static void hide_again(uint8_t *p)
{
	for (unsigned i = 0; i < sim.nwindows; i++)
		if (sim.window[i] == p)
			return;
	HIDE(p);
}

static bool is_high(const void *p)
{
	return (size_t)((const uint8_t *)p - sim.ram) / QR_PAGE_SIZE >= sim.config.low;
}

__attribute__((weak)) void *qr_host_window_get(qr_frame f)
{
	uint8_t *p = sim_bytes(f);

	if (is_high(p)) {
		if (sim.nwindows == 4)
			sim_broken("at most 4 windows are open");
		sim.window[sim.nwindows++] = p;
		UNHIDE(p);
	}
	return p;
}

__attribute__((weak)) void qr_host_window_put(void *window)
{
	uint8_t *p = sim.ram + ((size_t)((uint8_t *)window - sim.ram) & ~(size_t)QR_PAGE_MASK);

	if (!is_high(p))
		return;
	if (sim.nwindows == 0 || sim.window[sim.nwindows - 1] != p)
		sim_broken("windows are given back in reverse order");
	sim.nwindows--;
	hide_again(p);
}

void sim_copy(qr_frame f, unsigned offset, void *bytes, size_t n, bool write)
{
	uint8_t *p = sim_bytes(f);

	if (is_high(p))
		UNHIDE(p);
	if (write)
		memcpy(p + offset, bytes, n);
	else
		memcpy(bytes, p + offset, n);
	if (is_high(p))
		hide_again(p);
}

__attribute__((weak)) void qr_host_frame_clear(qr_frame f)
{
	void *p = qr_host_window_get(f);

	memset(p, 0, QR_PAGE_SIZE);
	qr_host_window_put(p);
}

__attribute__((weak)) void qr_host_frame_copy(qr_frame to, qr_frame from)
{
	void *dst = qr_host_window_get(to), *src = qr_host_window_get(from);

	memcpy(dst, src, QR_PAGE_SIZE);
	qr_host_window_put(src);
	qr_host_window_put(dst);
}

/* ---- CPU, interrupts -------------------------------------------------------------------------- */

__attribute__((weak)) unsigned qr_host_cpu(void)
{
	return sim.now;
}

__attribute__((weak)) uintptr_t qr_host_irq_save(void)
{
	bool off = sim.cpu[sim.now].irq_off;

	sim_step();
	sim.cpu[sim.now].irq_off = true;
	return off;
}

__attribute__((weak)) void qr_host_irq_restore(uintptr_t state)
{
	sim.cpu[sim.now].irq_off = state;
	sim_step();
}

__attribute__((weak)) void qr_host_relax(void)
{
	sim_step();
}

__attribute__((weak)) void qr_host_panic(const char *rule, const char *file, int line)
{
	sim_broken("%s:%d: a rule was broken: %s", file, line, rule);
}

/* ---- TLB ---------------------------------------------------------------------------------------- */

__attribute__((weak)) void qr_host_tlb_page(qr_virt va)
{
	sim_step();
	sim_forget_page(va);
}

__attribute__((weak)) void qr_host_tlb_all(void)
{
	sim_step();
	sim_forget(false);
}

__attribute__((weak)) void qr_host_tlb_global(void)
{
	sim_step();
	sim_forget(true);
}

__attribute__((weak)) void qr_host_load_root(qr_phys root)
{
	sim_step();
	sim_load_root(root, false);
}

__attribute__((weak)) void qr_host_tlb_ipi(uint64_t cpus)
{
	if (cpus >> sim.now & 1)
		sim_broken("a CPU sends no interrupt to itself");
	for (unsigned i = 0; i < SIM_MAX_CPUS; i++)
		if (cpus >> i & 1)
			sim.cpu[i].ipi = true;
	sim.stats.ipis++;
	sim_step();
}
