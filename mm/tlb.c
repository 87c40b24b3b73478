/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tlb.c - making CPUs forget, in the order that the protocol of tlb.h needs.
 *
 * What has to be seen in one order by all CPUs is seq_cst: on x86 the locked instruction that
 * it becomes for a read-modify-write is the whole fence, and such a load is a plain one.
 *
 *	entries, generation | set	a CPU that joins the set after we have read it reads the
 *					generation after we have raised it, and forgets
 *	set | generation, root		the same from its side
 *
 * A CPU acknowledges requests by number: `asked` when the handler began.  So one run of the
 * handler answers everybody who asked before, and a request that arrives meanwhile is answered
 * by the next run.
 *
 * Invariants:
 * I1  served <= asked (as counters that come round).
 * I2  A CPU's bit is set in the tree that it has loaded, and in at most one other: the one that
 *     it is about to load or to leave.
 * I3  seen[cpu] <= generation; equal while the bit is set means: this CPU remembers nothing of
 *     the tree that its entries do not say now.
 */
#include <quire/tlb.h>

/* Where another CPU may come in between; the tests make it so. */
#ifndef QR_STEP
#define QR_STEP() ((void)0)
#endif

static qr_word bit_of(unsigned cpu)
{
	return (qr_word)1 << cpu % QR_WORD_BITS;
}

static void set_add(struct qr_tlb *t, unsigned cpu)
{
	qr_word *word = &t->cpus[cpu / QR_WORD_BITS];

	if (QR_MAX_CPUS > 1)
		__atomic_fetch_or(word, bit_of(cpu), __ATOMIC_SEQ_CST);
	else
		*word = 1;
}

static void set_remove(struct qr_tlb *t, unsigned cpu)
{
	qr_word *word = &t->cpus[cpu / QR_WORD_BITS];

	if (QR_MAX_CPUS > 1)
		__atomic_fetch_and(word, ~bit_of(cpu), __ATOMIC_SEQ_CST);
	else
		*word = 0;
}

static uint64_t set_read(const struct qr_tlb *t)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < QR_CPU_SET_WORDS; i++)
		set |= (uint64_t)__atomic_load_n(&t->cpus[i], __ATOMIC_SEQ_CST)
		       << (i * QR_WORD_BITS);
	return set;
}

static qr_word generation(const struct qr_tlb *t)
{
	return __atomic_load_n(&t->generation, __ATOMIC_SEQ_CST);
}

bool qr_tlb_in_use(const struct qr_tlb *t)
{
	return set_read(t) != 0;
}

/* ---- joining, entering, leaving -------------------------------------------------------- */

/* The first `seen` is older than the first generation: a tree is never believed to be clean on
 * a CPU that has not loaded it yet. */
void qr_tlb_init(struct qr_tlb *t, struct qr_tlbs *m)
{
	*t = (struct qr_tlb){ .machine = m, .generation = 1 };
}

void qr_tlbs_init(struct qr_tlbs *m)
{
	*m = (struct qr_tlbs){ 0 };
	qr_tlb_init(&m->kernel, m);
	m->kernel.global = true;
	qr_tlbs_join(m);
}

void qr_tlbs_join(struct qr_tlbs *m)
{
	unsigned cpu = qr_cpu();
	qr_word g;

	set_add(&m->kernel, cpu);
	g = generation(&m->kernel);
	qr_host_tlb_global();
	qr_store_word(&m->kernel.seen[cpu], g);
}

void qr_tlbs_part(struct qr_tlbs *m)
{
	unsigned cpu = qr_cpu();

	QR_ASSERT(!m->cpu[cpu].loaded, "a CPU that parts has left its space");
	qr_host_tlb_global();
	set_remove(&m->kernel, cpu);
}

QR_INLINE void entered(struct qr_tlbs *m, struct qr_tlb *t, unsigned cpu, struct qr_tlb *old)
{
	m->cpu[cpu].loaded = t;
	QR_STEP();
	if (old)
		set_remove(old, cpu);
}

/* What this CPU remembers of the space is still right. */
static __attribute__((noinline)) void enter_kept(struct qr_tlb *t, qr_phys root, unsigned cpu,
						 struct qr_tlb *old)
{
	t->machine->load_kept(root);
	QR_STEP();
	entered(t->machine, t, cpu, old);
}

void qr_tlb_enter(struct qr_tlb *t, qr_phys root)
{
	struct qr_tlbs *m = t->machine;
	unsigned cpu = qr_cpu();
	struct qr_tlb *old = m->cpu[cpu].loaded;
	qr_word g;

	if (old == t)
		return;
	set_add(t, cpu);
	if (QR_MAX_CPUS == 1 && QR_LIKELY(!m->load_kept)) {
		qr_host_load_root(root); /* nobody asks, nothing is kept: `seen` is for those */
		entered(m, t, cpu, old);
		return;
	}
	QR_STEP();
	g = generation(t);
	QR_STEP();
	if (QR_RARELY(m->load_kept && qr_load_word(&t->seen[cpu]) == g)) {
		enter_kept(t, root, cpu, old);
		return;
	}
	qr_host_load_root(root);
	QR_STEP();
	qr_store_word(&t->seen[cpu], g);
	entered(m, t, cpu, old);
}

void qr_tlb_leave(struct qr_tlbs *m, qr_phys kernel_root)
{
	unsigned cpu = qr_cpu();
	struct qr_tlb *old = m->cpu[cpu].loaded;

	if (!old)
		return;
	qr_host_load_root(kernel_root);
	QR_STEP();
	m->cpu[cpu].loaded = NULL;
	set_remove(old, cpu);
}

/* ---- serving --------------------------------------------------------------------------- */

void qr_tlb_serve(struct qr_tlbs *m, unsigned cpu)
{
	struct qr_tlb_cpu *c = &m->cpu[cpu];
	struct qr_tlb *t = c->loaded;
	uint32_t asked = __atomic_load_n(&c->asked, __ATOMIC_SEQ_CST);
	qr_word g = t ? generation(t) : 0, gk = generation(&m->kernel);

	QR_STEP();
	if (qr_load_word(&m->kernel.seen[cpu]) != gk)
		qr_host_tlb_global();
	else if (t && qr_load_word(&t->seen[cpu]) != g)
		qr_host_tlb_all();
	QR_STEP();
	if (t)
		qr_store_word(&t->seen[cpu], g);
	qr_store_word(&m->kernel.seen[cpu], gk);
	QR_STEP();
	qr_store_rel32(&c->served, asked);
}

/* While waiting: what the interrupt would do, should it be unable to come. */
static void serve_here(struct qr_tlbs *m)
{
	uintptr_t state = qr_host_irq_save();
	unsigned cpu = qr_cpu();
	struct qr_tlb_cpu *c = &m->cpu[cpu];

	if (qr_load32(&c->asked) != qr_load32(&c->served))
		qr_tlb_serve(m, cpu);
	qr_host_irq_restore(state);
}

/* Ask these CPUs and wait until each has answered. */
static void ask(struct qr_tlbs *m, uint64_t cpus)
{
	uint32_t ticket[QR_MAX_CPUS];

	for (unsigned n = 0; n < QR_MAX_CPUS; n++)
		if (cpus >> n & 1)
			ticket[n] = __atomic_add_fetch(&m->cpu[n].asked, 1, __ATOMIC_SEQ_CST);
	QR_STEP();
	qr_host_tlb_ipi(cpus);
	for (unsigned n = 0; n < QR_MAX_CPUS; n++) {
		if (!(cpus >> n & 1))
			continue;
		while ((int32_t)(qr_load_acq32(&m->cpu[n].served) - ticket[n]) < 0) {
			serve_here(m);
			qr_host_relax();
		}
	}
}

/* ---- flushing -------------------------------------------------------------------------- */

static void forget_here(const struct qr_gather *g)
{
	if (g->npages > QR_GATHER_PAGES) {
		if (g->tlb->global)
			qr_host_tlb_global();
		else
			qr_host_tlb_all();
		return;
	}
	for (unsigned i = 0; i < g->npages; i++)
		qr_host_tlb_page(g->page[i]);
}

static void forget_everywhere(const struct qr_gather *g)
{
	struct qr_tlb *t = g->tlb;
	qr_word before = __atomic_fetch_add(&t->generation, 1, __ATOMIC_SEQ_CST);
	uintptr_t state;
	uint64_t cpus;
	unsigned cpu;

	QR_STEP();
	state = qr_host_irq_save();
	cpu = qr_cpu();
	cpus = set_read(t);
	if (cpus >> cpu & 1) {
		forget_here(g);
		/* Up to date before, so up to date now; otherwise the next switch in or the
		 * request that is under way catches up. */
		if (qr_load_word(&t->seen[cpu]) == before)
			qr_store_word(&t->seen[cpu], before + 1);
	}
	qr_host_irq_restore(state);
	QR_STEP();
	cpus &= ~(1ull << cpu);
	if (cpus)
		ask(t->machine, cpus);
}

void qr_gather_flush_slow(struct qr_gather *g)
{
	if (g->npages && g->tlb) {
		if (QR_MAX_CPUS > 1)
			forget_everywhere(g);
		else if (g->tlb->cpus[0])
			forget_here(g);
	}
	if (g->nframes)
		qr_frames_put_many(g->frames, g->frame, g->nframes);
	g->npages = g->nframes = 0;
}
