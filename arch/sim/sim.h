/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim.h - a simulated machine inside a test process.
 *
 * The same sources that manage memory in the kernels are linked with this in place of the
 * hardware.  It is a strict machine: what real hardware forgives by luck is an error here.
 *
 *	RAM	an array; frames are numbered from `first`, so that a number is not an index.
 *		Frames above low memory are reached through at most 4 windows, given back in
 *		reverse order; under ASan they cannot be touched without one.
 *	MMU	walks any format: write and user rights ANDed over the levels, NX ORed, WP
 *		honoured, accessed and dirty set, reserved bits refused, PAE's root latched.
 *	TLB	per CPU: translations and pieces of the tables, filled by each access and, when
 *		`speculate` is set, at random by nobody's; forgotten only when told.
 *	CPUs	take turns at every hook and step, in an order drawn from the seed (sim_run);
 *		interrupts between them are pending until the target has interrupts on.
 *
 * Checked at every access: a translation from the TLB is in the table too, or a flush that will
 * take it away is under way (a CPU is inside sim_run's task and the test said sim_unsettled);
 * its frame is in use.  A violation ends the process with a message and the seed.
 *
 * There is one machine per process: the hooks of quire/host.h have no context argument.  They
 * are weak, so that a test without a machine may define its own.
 */
#ifndef ARCH_SIM_H
#define ARCH_SIM_H

#include <quire/format.h>
#include <quire/frames.h>
#include <quire/tlb.h>

#define SIM_MAX_CPUS 8
#define SIM_TLB_SIZE 256
#define SIM_PSC_SIZE 16

struct sim_config {
	const struct qr_format *format;
	uint32_t first;     /* number of the first frame of RAM */
	uint32_t low, high; /* frames of low and of high memory */
	unsigned ncpus;     /* 0: one */
	uint64_t seed;
	bool speculate; /* TLBs fill on their own */
	bool keeps;     /* TLBs keep translations of other roots (PCID) */
};

/* One translation of 4 KiB, perhaps out of a large page. */
struct sim_translation {
	uint64_t vpn, root; /* root: the tag */
	qr_frame frame;
	uint8_t level; /* of the entry it came from */
	bool valid, write, user, nx, dirty, global;
};

/* A table that is remembered: what walks of `prefix` find after the upper levels. */
struct sim_shortcut {
	uint64_t prefix, root;
	qr_frame table;
	uint8_t level; /* of the table */
	bool valid, write, user, nx;
};

struct sim_cpu {
	qr_phys root;
	uint64_t latched[4]; /* PAE */
	bool irq_off, ipi, wp;
	unsigned nlarge; /* large pages' translations: flushing a page must look for them */
	struct sim_translation tlb[SIM_TLB_SIZE];
	struct sim_shortcut psc[QR_MAX_LEVELS][SIM_PSC_SIZE];
	uint64_t recent; /* last page number used: where speculation looks */
};

/* What the fault handler is told: x86's error code. */
enum sim_fault_bits {
	SIM_FAULT_PRESENT = 1,
	SIM_FAULT_WRITE = 2,
	SIM_FAULT_USER = 4,
	SIM_FAULT_EXEC = 16,
};

enum sim_kind { SIM_READ, SIM_WRITE, SIM_EXEC };

/* True: try again.  False: the access fails, and sim_read and so on answer false. */
typedef bool sim_fault_fn(void *ctx, qr_virt va, unsigned error);

struct sim_stats {
	uint64_t accesses, walks, faults, page_flushes, full_flushes, ipis, switches, speculated;
};

struct sim {
	struct sim_config config;
	uint8_t *ram;
	uint32_t nframes;
	struct qr_frames frames; /* all of RAM but its first frame */
	void *metadata;
	struct sim_cpu cpu[SIM_MAX_CPUS];
	unsigned now;      /* the CPU that runs */
	uint64_t random;   /* the stream of the seed */
	unsigned nwindows; /* high windows that are open, in order */
	void *window[4];
	unsigned unsettled;   /* changes under way: stale translations are no error */
	struct qr_tlbs *tlbs; /* who serves interrupts */
	sim_fault_fn *fault;
	void *fault_ctx;
	struct sim_stats stats;
};

extern struct sim sim;

/* Switch the machine on, and off.  After init CPU 0 runs, with no root. */
void sim_init(const struct sim_config *config);
void sim_fini(void);

/* The machine has found an error: say so, with the seed, and end the process. */
_Noreturn void sim_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A random number of the machine's own stream. */
uint64_t sim_random(void);

/* ---- programs' view: the CPU that runs accesses memory ----------------------------------- */

void sim_on_fault(sim_fault_fn *fn, void *ctx);

/* Access n bytes at va as user code.  False: the fault handler refused; what was before the
 * refused page has been done. */
bool sim_read(qr_virt va, void *to, size_t n);
bool sim_write(qr_virt va, const void *from, size_t n);
/* Fetch an instruction at va. */
bool sim_exec(qr_virt va);
/* The same with the kernel's rights. */
bool sim_kernel_read(qr_virt va, void *to, size_t n);
bool sim_kernel_write(qr_virt va, const void *from, size_t n);

/* What the tables say now, without TLB and without leaving a trace. */
struct sim_view {
	qr_frame frame;
	unsigned level;
	bool write, user, exec, accessed, dirty;
};
/* What qr_tlbs.load_kept wants, on a machine that keeps. */
void sim_load_root_kept(qr_phys root);
bool sim_look(qr_phys root, qr_virt va, struct sim_view *out);

/* ---- the inside ---------------------------------------------------------------------------- */

/* Copy out of or into a frame, window or not: for oracles, never for code under test. */
void sim_copy(qr_frame f, unsigned offset, void *bytes, size_t n, bool write);
/* Where its bytes are; they may be hidden. */
uint8_t *sim_bytes(qr_frame f);

/* No CPU remembers what the tables of its root do not say (invariant 12).  At rest only. */
void sim_check(void);

/* ---- several CPUs ---------------------------------------------------------------------------- */

/* Run task n on CPU n until all have returned, switching at random at every step. */
void sim_run(unsigned ntasks, void (*task)(unsigned cpu, void *ctx), void *ctx);
/* A place where another CPU may come in between.  Every hook is one. */
void sim_step(void);
/* A change begins (ends) during which TLBs may be stale. */
void sim_unsettled(bool begins);

#endif
