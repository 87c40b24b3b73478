/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb.h - translations that the CPUs remember, and how they are made to forget.
 *
 * A CPU keeps translations (and pieces of tables) in its TLB.  Taking a page away is therefore
 * three things: change the entry, make every CPU forget it, and only then free the frame.
 *
 *	struct qr_tlbs      all TLBs of the machine: which space each CPU has loaded
 *	struct qr_tlb       one table tree's side: its generation, and the set of CPUs on which
 *	                    it may be remembered
 *	struct qr_gather    one operation's: what to forget and what to free afterwards
 *
 * The protocol; each order in it is needed (tests/host/test_tlb.c breaks one after the other):
 *
 *	who takes away		who is asked			who switches in
 *	1 change the entries	1 read the generation		1 set own bit in the set
 *	2 generation + 1	2 forget			2 read the generation
 *	3 read the set		3 seen = what 1 read		3 load the root; forget unless
 *	4 interrupt those	4 acknowledge			  seen = generation
 *	5 wait for them						4 seen = what 2 read
 *	6 free			who switches out: load the other root, then clear own bit
 *
 * Granting (absent to present, read-only to writable) needs none of it: at worst a CPU faults
 * for nothing, and the fault handler finds that all is well.
 *
 * Cost.  With QR_MAX_CPUS = 1 a flush is a test of the set and an instruction per page, or one
 * for all beyond QR_GATHER_PAGES; a tree that is not loaded is not flushed at all.  With more:
 * two locked instructions, and nobody is interrupted if nobody else is in the set.
 *
 * Context.  enter, leave, serve: interrupts off.  flush: the caller stays on its CPU, holds no
 * lock that an interrupt handler or a CPU with interrupts off may wait for; while it waits it
 * serves what other CPUs ask of it, so two CPUs may flush each other with interrupts off.
 *
 * Limit: `seen` and generations are words.  On 32 bits they come round after 2^32 flushes, but
 * there nothing is kept over a switch (no PCID), so that no stale `seen` is ever believed.
 * Sources: Intel SDM volume 3, 4.10; Linux's and FreeBSD's accounts of their shootdowns.
 */
#ifndef QUIRE_TLB_H
#define QUIRE_TLB_H

#include <quire/frames.h>
#include <quire/lock.h>

#define QR_CPU_SET_WORDS ((QR_MAX_CPUS + QR_WORD_BITS - 1) / QR_WORD_BITS)

struct qr_tlbs;

struct qr_tlb {
	struct qr_tlbs *machine;
	qr_word generation;             /* shootdowns so far */
	qr_word cpus[QR_CPU_SET_WORDS]; /* where it may be remembered */
	bool global;                    /* the kernel's own: remembered everywhere, always */
	qr_word seen[QR_MAX_CPUS];      /* each CPU's: the generation it has caught up with */
};

/* One CPU's part, alone in its cache line. */
struct qr_tlb_cpu {
	struct qr_tlb *loaded; /* the space whose root it uses; null: the bare kernel root */
	uint32_t asked;        /* requests made to this CPU */
	uint32_t served;       /* requests it has answered; equal: nobody waits */
} __attribute__((aligned(64)));

struct qr_tlbs {
	struct qr_tlb kernel; /* of the mappings that all spaces share */
	/* Load a root and forget nothing (PCID), or null: this machine cannot.  Then
	 * qr_host_load_root must forget what belongs to that root alone. */
	void (*load_kept)(qr_phys root);
	struct qr_tlb_cpu cpu[QR_MAX_CPUS];
};

/* Make *m the machine's TLBs: no CPU is known yet. */
void qr_tlbs_init(struct qr_tlbs *m);
/* This CPU joins (leaves for good): from now on it is told of kernel mappings that go. */
void qr_tlbs_join(struct qr_tlbs *m);
void qr_tlbs_part(struct qr_tlbs *m);

/* The side of one space. */
void qr_tlb_init(struct qr_tlb *t, struct qr_tlbs *m);

/* Load `root`, t's tree, on this CPU in place of what is loaded.  Cheap if it is already. */
void qr_tlb_enter(struct qr_tlb *t, qr_phys root);
/* Load the bare kernel root. */
void qr_tlb_leave(struct qr_tlbs *m, qr_phys kernel_root);

/* What this CPU does when qr_host_tlb_ipi reaches it. */
void qr_tlb_serve(struct qr_tlbs *m, unsigned cpu);

/* ---- gathering ------------------------------------------------------------------------ */

#define QR_GATHER_PAGES  32
#define QR_GATHER_FRAMES 64

struct qr_gather {
	struct qr_tlb *tlb;
	struct qr_frames *frames;
	uint16_t npages; /* more than QR_GATHER_PAGES: forget everything */
	uint16_t nframes;
	qr_virt page[QR_GATHER_PAGES];
	qr_frame frame[QR_GATHER_FRAMES];
};

QR_INLINE void qr_gather_init(struct qr_gather *g, struct qr_tlb *tlb, struct qr_frames *frames)
{
	g->tlb = tlb;
	g->frames = frames;
	g->npages = g->nframes = 0;
}

/* Is this tree remembered by any CPU?  When not, nothing needs to be forgotten: answers false
 * also stay right for as long as the caller keeps the tree from being entered. */
bool qr_tlb_in_use(const struct qr_tlb *t);

/* The entry that translated `va` (of any level) was cleared or lost rights. */
QR_INLINE void qr_gather_page(struct qr_gather *g, qr_virt va)
{
	if (QR_LIKELY(g->npages < QR_GATHER_PAGES))
		g->page[g->npages++] = va;
	else
		g->npages = QR_GATHER_PAGES + 1;
}

/* Everything of this tree is to be forgotten. */
QR_INLINE void qr_gather_all(struct qr_gather *g)
{
	g->npages = QR_GATHER_PAGES + 1;
}

void qr_gather_flush_slow(struct qr_gather *g);

/* Forget now what was gathered, then give up the frames: one reference each.  The gather is
 * empty afterwards and can go on. */
QR_INLINE void qr_gather_flush(struct qr_gather *g)
{
	if (g->npages | g->nframes)
		qr_gather_flush_slow(g);
}

/* One reference to this frame goes once everybody has forgotten it.  Flushes when full, so the
 * entry must be gone by now, and be gathered; who has gathered everything goes on doing so, for
 * entries that are there still can be remembered again. */
QR_INLINE void qr_gather_frame(struct qr_gather *g, qr_frame f)
{
	g->frame[g->nframes++] = f;
	if (QR_RARELY(g->nframes == QR_GATHER_FRAMES)) {
		bool all = g->npages > QR_GATHER_PAGES;

		qr_gather_flush_slow(g);
		if (all)
			qr_gather_all(g);
	}
}

/* A table that was unlinked at `va`.  CPUs remember tables too: it is freed after a flush even
 * if no page behind it was present. */
QR_INLINE void qr_gather_table(struct qr_gather *g, qr_virt va, qr_frame table)
{
	qr_gather_page(g, va);
	qr_gather_frame(g, table);
}

#endif
