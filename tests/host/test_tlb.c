/* SPDX-License-Identifier: BSD-2-Clause
 *
 * TLB shootdown on several simulated CPUs that switch at every step: programs never see a page
 * that was taken away, and each order that the protocol asks for is needed - with any of them
 * broken, the machine notices.
 *
 * mm/tlb.c is included, so that its steps are switching points and its parts can be put
 * together wrongly.
 */
#include "arch/sim/sim.h"

void real_enter(struct qr_tlb *t, qr_phys root);
void real_serve(struct qr_tlbs *m, unsigned cpu);
void real_flush(struct qr_gather *g);

#define QR_STEP()            sim_step()
#define qr_tlb_enter         real_enter
#define qr_tlb_serve         real_serve
#define qr_gather_flush_slow real_flush
#include "mm/tlb.c"
#undef qr_tlb_enter
#undef qr_tlb_serve
#undef qr_gather_flush_slow

#include "tap.h"

#include <quire/paging.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPUS = 4, SPACES = 2, PAGES = 12, STEPS = 2500, BASE = 0x10000000 };

/* The model's six, and two of our own. */
enum bug {
	NO_BUG,
	BUG1_GENERATION_BEFORE_SET,
	BUG2_SET_BEFORE_CLEARING,
	BUG3_FREE_BEFORE_ANSWER,
	BUG4_NO_COMPARISON,
	BUG5_GENERATION_AFTER_FLUSH,
	BUG6_ROOT_BEFORE_SET,
	BUG7_LEAVE_BEFORE_ROOT,
	BUG8_TABLE_WITHOUT_FLUSH,
	BUGS
};

static enum bug bug;
static struct qr_tlbs tlbs;

static struct {
	struct qr_tlb tlb;
	struct qr_paging paging;
	uint64_t early_set; /* BUG2 */
} spaces[SPACES];
static qr_frame kernel_root;

/* Broken code dawdles where it must not be interrupted. */
static void dawdle(void)
{
	for (unsigned i = 0; i < 24; i++)
		sim_step();
}

/* ---- the protocol, right or wrong ----------------------------------------------------------- */

static bool enter_wrongly(struct qr_tlb *t, qr_phys root)
{
	unsigned cpu = qr_cpu();
	struct qr_tlb *old = tlbs.cpu[cpu].loaded;
	qr_word g;

	if (old == t || (bug != BUG1_GENERATION_BEFORE_SET && bug != BUG4_NO_COMPARISON &&
			 bug != BUG6_ROOT_BEFORE_SET))
		return false;
	if (bug == BUG6_ROOT_BEFORE_SET) {
		qr_host_load_root(root);
		dawdle();
	}
	g = generation(t);
	dawdle();
	set_add(t, cpu);
	sim_step();
	if (bug == BUG4_NO_COMPARISON)
		g = generation(t);
	if (bug == BUG4_NO_COMPARISON ? qr_load_word(&t->seen[cpu]) != 0
				      : tlbs.load_kept && qr_load_word(&t->seen[cpu]) == g)
		sim_load_root_kept(root);
	else if (bug != BUG6_ROOT_BEFORE_SET)
		qr_host_load_root(root);
	qr_store_word(&t->seen[cpu], g);
	tlbs.cpu[cpu].loaded = t;
	sim_step();
	if (old)
		set_remove(old, cpu);
	return true;
}

void qr_tlb_enter(struct qr_tlb *t, qr_phys root)
{
	unsigned cpu = qr_cpu();

	if (bug == BUG7_LEAVE_BEFORE_ROOT && tlbs.cpu[cpu].loaded)
		set_remove(tlbs.cpu[cpu].loaded, cpu);
	if (!enter_wrongly(t, root))
		real_enter(t, root);
}

void qr_tlb_serve(struct qr_tlbs *m, unsigned cpu)
{
	struct qr_tlb_cpu *c = &m->cpu[cpu];

	if (bug == BUG5_GENERATION_AFTER_FLUSH && c->loaded) {
		uint32_t asked = qr_load32(&c->asked);

		if (qr_load_word(&c->loaded->seen[cpu]) != generation(c->loaded))
			qr_host_tlb_all();
		dawdle();
		qr_store_word(&c->loaded->seen[cpu], generation(c->loaded));
		qr_store_rel32(&c->served, asked);
		return;
	}
	real_serve(m, cpu);
}

void qr_gather_flush_slow(struct qr_gather *g)
{
	if (bug == BUG3_FREE_BEFORE_ANSWER && g->nframes) {
		qr_frames_put_many(g->frames, g->frame, g->nframes);
		g->nframes = 0;
	}
	if (bug == BUG2_SET_BEFORE_CLEARING && g->npages) {
		uint64_t cpus = spaces[g->tlb == &spaces[1].tlb].early_set;

		__atomic_fetch_add(&g->tlb->generation, 1, __ATOMIC_SEQ_CST);
		if (cpus >> qr_cpu() & 1)
			forget_here(g);
		cpus &= ~(1ull << qr_cpu());
		if (cpus)
			ask(&tlbs, cpus);
		g->npages = 0;
	}
	if (bug == BUG8_TABLE_WITHOUT_FLUSH && g->nframes && g->npages > QR_GATHER_PAGES)
		g->npages = 0; /* as if a table without pages needed no flush */
	real_flush(g);
}

/* ---- what the CPUs do ------------------------------------------------------------------------ */

static qr_virt address(unsigned page)
{
	/* One table for every three pages, so that tables come and go too. */
	return qr_virt_of(BASE + (uintptr_t)(page / 3) * 0x400000 + page % 3 * 4096);
}

static uint64_t stamp(unsigned space, unsigned page)
{
	return 0x5157495245000000u + space * 256 + page;
}

static void map_new(unsigned space, unsigned page)
{
	struct qr_paging_map req = { .at = address(page),
				     .npages = 1,
				     .prot = QR_USER | QR_READ | QR_WRITE };
	uint64_t s = stamp(space, page);
	qr_frame f;

	if (qr_frames_alloc(&sim.frames, 0, QR_FRAME_ANON, QR_ANY, &f) != QR_OK)
		sim_broken("frames ran out");
	sim_copy(f, 0, &s, sizeof(s), true);
	req.to = qr_frame_phys(f);
	if (qr_paging_map(&spaces[space].paging, &req) != QR_OK)
		qr_frame_put(&sim.frames, f);
}

static void change(unsigned space, unsigned page)
{
	struct qr_paging *p = &spaces[space].paging;
	enum qr_err err = QR_OK;

	sim_unsettled(true);
	spaces[space].early_set = set_read(&spaces[space].tlb);
	if (bug == BUG2_SET_BEFORE_CLEARING)
		dawdle();
	switch (sim_random() % 8) {
	case 0:
		qr_paging_trim(p);
		break;
	case 1:
		err = qr_paging_protect(p, address(page), 1, QR_USER | QR_READ);
		break;
	case 2:
		err = qr_paging_protect(p, address(page), 1, QR_USER | QR_READ | QR_WRITE);
		break;
	case 3:
	case 4:
		err = qr_paging_unmap_put(p, address(page), 1 + sim_random() % (3 - page % 3));
		break;
	default:
		map_new(space, page);
	}
	if (err != QR_OK && err != QR_NOENT)
		sim_broken("error %d", err);
	sim_unsettled(false);
}

static void use(unsigned space, unsigned page)
{
	uint64_t got, want = stamp(space, page);

	if (sim_read(address(page), &got, sizeof(got)) && got != want)
		sim_broken("page %u of space %u has another page's contents", page, space);
	if (sim_random() % 2)
		(void)sim_write(address(page), &want, sizeof(want));
}

static void cpu_task(unsigned cpu, void *ctx)
{
	unsigned space = SPACES;

	qr_tlbs_join(&tlbs);
	for (unsigned step = 0; step < *(unsigned *)ctx; step++) {
		unsigned what = (unsigned)(sim_random() % 8);
		uintptr_t irq;

		if (what == 0) {
			irq = qr_host_irq_save();
			space = (unsigned)(sim_random() % SPACES);
			qr_tlb_enter(&spaces[space].tlb, qr_frame_phys(spaces[space].paging.root));
			qr_host_irq_restore(irq);
		} else if (what == 1) {
			irq = qr_host_irq_save();
			space = SPACES;
			qr_tlb_leave(&tlbs, qr_frame_phys(kernel_root));
			qr_host_irq_restore(irq);
		} else if (what < 5) {
			change((unsigned)(sim_random() % SPACES), (unsigned)(sim_random() % PAGES));
		} else if (space != SPACES) {
			use(space, (unsigned)(sim_random() % PAGES));
		}
	}
	qr_tlb_leave(&tlbs, qr_frame_phys(kernel_root));
	(void)cpu;
}

/* ---- runs --------------------------------------------------------------------------------------- */

static void run(const struct qr_format *f, bool keeps, uint64_t machine_seed, unsigned steps)
{
	size_t before;

	sim_init(&(struct sim_config){ .format = f,
				       .first = 0x100,
				       .low = 1024,
				       .ncpus = CPUS,
				       .seed = machine_seed,
				       .speculate = true,
				       .keeps = keeps });
	before = qr_frames_free_count(&sim.frames);
	qr_tlbs_init(&tlbs);
	sim.tlbs = &tlbs;
	tlbs.load_kept = keeps ? sim_load_root_kept : NULL;
	must(qr_table_alloc(&sim.frames, &kernel_root) == QR_OK, "kernel root");
	for (unsigned i = 0; i < SPACES; i++) {
		struct qr_paging_config c = { .format = f,
					      .frames = &sim.frames,
					      .tlb = &spaces[i].tlb };

		qr_tlb_init(&spaces[i].tlb, &tlbs);
		must(qr_paging_init(&spaces[i].paging, &c) == QR_OK, "init");
	}
	sim_run(CPUS, cpu_task, &steps);
	for (unsigned i = 0; i < SPACES; i++) {
		must(!qr_tlb_in_use(&spaces[i].tlb), "everybody has left");
		must(qr_paging_unmap_put(&spaces[i].paging, address(0), 0x2000) == QR_OK, "unmap");
		must(!qr_paging_check(&spaces[i].paging), "check");
		qr_paging_fini(&spaces[i].paging);
	}
	for (unsigned i = 0; i < CPUS; i++)
		must(tlbs.cpu[i].asked == tlbs.cpu[i].served, "everybody was answered");
	for (sim.now = 0; sim.now < CPUS; sim.now++)
		qr_host_load_root(qr_phys_of(0));
	sim.now = 0;
	qr_table_free(&sim.frames, kernel_root);
	must(qr_frames_free_count(&sim.frames) == before, "every frame came back");
	sim_fini();
}

/* Does the machine notice within some runs?  Each is a process, since it ends by abort. */
static unsigned runs_until_noticed(enum bug which, uint64_t *state)
{
	bug = which;
	for (unsigned i = 1; i <= 40; i++) {
		uint64_t machine_seed = random64(state);
		int status;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			if (!freopen("/dev/null", "w", stdout) ||
			    !freopen("/dev/null", "w", stderr))
				_exit(2);
			run(&qr_format_4_level, true, machine_seed, STEPS);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (status != 0)
			return i;
	}
	return 0;
}

static const char *const bug_names[BUGS] = {
	"",
	"reading the generation before joining the set",
	"reading the set before clearing the entries",
	"freeing before everybody has answered",
	"switching in without comparing generations",
	"reading the generation after the flush",
	"loading the root before joining the set",
	"leaving the set before loading the other root",
	"freeing a table without a flush",
};

int main(void)
{
	static const struct qr_format *const formats[] = { &qr_format_two_level, &qr_format_pae,
							   &qr_format_4_level, &qr_format_5_level };
	uint64_t state = seed();

	for (unsigned i = 0; i < 4; i++)
		for (unsigned keeps = 0; keeps < 2; keeps++) {
			for (unsigned n = 0; n < 3; n++)
				run(formats[i], keeps, random64(&state), STEPS);
			ok(true, "%s: %u CPUs, %s", formats[i]->name, CPUS,
			   keeps ? "translations kept over switches" : "forgotten at each switch");
		}
	for (unsigned b = NO_BUG + 1; b < BUGS; b++) {
		unsigned n = runs_until_noticed((enum bug)b, &state);

		ok(n != 0, "noticed (run %u): %s", n, bug_names[b]);
	}
	return done();
}
