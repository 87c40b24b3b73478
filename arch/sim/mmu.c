/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmu.c - translation: the walk, the TLB, and accesses through them.
 *
 * Written from the hardware's side, with its bits as numbers: it shares nothing with format.h
 * but the geometry, so that the two check each other.
 *
 * Source: Intel SDM volume 3, chapter 4: walks 4.3-4.5, rights 4.6, faults 4.7, accessed and
 * dirty 4.8, TLB and paging-structure caches 4.10.
 */
#include "arch/sim/mmu.h"

#include <inttypes.h>
#include <string.h>

enum {
	P = 1 << 0,
	W = 1 << 1,
	U = 1 << 2,
	A = 1 << 5,
	D = 1 << 6,
	PS = 1 << 7,
	G = 1 << 8,
};
#define NX (1ull << 63)

struct walk {
	qr_frame table[QR_MAX_LEVELS]; /* passed through */
	unsigned lowest, from;         /* level of the page's entry; where the walk began */
	uint64_t entry;                /* the last one read */
	bool present, write, user, nx;
};

static struct sim_cpu *cpu_now(void)
{
	return &sim.cpu[sim.now];
}

/* ---- tables, as the hardware reads them ----------------------------------------------------- */

static uint8_t *entry_at(qr_frame table, unsigned i)
{
	struct qr_frame_word *w = qr_frame_lookup(&sim.frames, table);

	if (!w || table.v - sim.config.first >= sim.config.low)
		sim_broken("a walk finds a table outside of low memory: frame %#x", table.v);
	if (qr_frame_type(w) != QR_FRAME_TABLE)
		sim_broken("a walk finds a table that is none any more: frame %#x", table.v);
	return sim_bytes(table) + (i << sim.config.format->entry_shift);
}

static uint64_t read_entry(qr_frame table, unsigned i)
{
	uint64_t v = 0;

	memcpy(&v, entry_at(table, i), 1u << sim.config.format->entry_shift);
	return v;
}

/* The low 32 bits hold both flags that the hardware sets. */
static void mark_entry(qr_frame table, unsigned i, uint32_t flags)
{
	uint32_t v;

	memcpy(&v, entry_at(table, i), sizeof(v));
	if ((v & flags) == flags)
		return;
	v |= flags;
	memcpy(entry_at(table, i), &v, sizeof(v));
}

static uint64_t vpn_of(qr_virt va)
{
	return (uint64_t)va.v >> 12;
}

static unsigned index_of(uint64_t vpn, unsigned level)
{
	const struct qr_format *f = sim.config.format;

	return (unsigned)(vpn >> (level * f->bits)) & ((1u << f->bits) - 1);
}

static bool at_latched_root(unsigned level)
{
	return sim.config.format->bare_top && level == sim.config.format->levels - 1u;
}

static void check_absent(uint64_t e)
{
	const struct qr_format *f = sim.config.format;

	if (e && (e & (A | D)))
		sim_broken("a token has bits 5 or 6: %#" PRIx64, e);
	if (e && f->entry_shift == 3 && ((e & f->address) >> 12) - sim.config.first < sim.nframes)
		sim_broken("a token's address lies in RAM: %#" PRIx64, e);
}

static void check_reserved(uint64_t e, unsigned level, bool page)
{
	const struct qr_format *f = sim.config.format;
	uint64_t frame = (e & f->address) >> 12;
	uint64_t known = 0xfff | f->address | f->soft | f->nx;

	if (e & ~known)
		sim_broken("an entry has reserved bits: %#" PRIx64, e);
	if (at_latched_root(level) && (e & (W | U | PS | NX)))
		sim_broken("PAE's root has no rights: %#" PRIx64, e);
	if (page && level && (!(f->large >> level & 1) || frame & ((1u << level * f->bits) - 1)))
		sim_broken("a large page cannot be there: %#" PRIx64, e);
	if (!page && (e & (PS | G)) && level)
		sim_broken("a table entry looks like a page: %#" PRIx64, e);
	if (page && frame - sim.config.first >= sim.nframes)
		sim_broken("a page lies outside of RAM: %#" PRIx64, e);
}

/* Go down from `w->from`, whose table and rights so far are set. */
static void walk_down(struct walk *w, uint64_t vpn, const uint64_t *latched)
{
	const struct qr_format *f = sim.config.format;

	for (unsigned level = w->from;; level--) {
		unsigned i = index_of(vpn, level);
		uint64_t e =
		    latched && at_latched_root(level) ? latched[i] : read_entry(w->table[level], i);
		bool page = level == 0 || (e & PS);

		w->lowest = level;
		w->entry = e;
		w->present = e & P;
		if (!(e & P)) {
			check_absent(e);
			return;
		}
		check_reserved(e, level, page);
		if (!at_latched_root(level)) {
			w->write &= !!(e & W);
			w->user &= !!(e & U);
			w->nx |= !!(e & f->nx);
		}
		if (page)
			return;
		w->table[level - 1] = qr_frame_of((uint32_t)((e & f->address) >> 12));
	}
}

static void walk_from_root(struct walk *w, qr_phys root, uint64_t vpn, const uint64_t *latched)
{
	unsigned top = sim.config.format->levels - 1u;

	*w = (struct walk){ .from = top, .write = true, .user = true };
	w->table[top] = qr_phys_frame(root);
	walk_down(w, vpn, latched);
}

static qr_frame frame_of(const struct walk *w, uint64_t vpn)
{
	const struct qr_format *f = sim.config.format;
	uint64_t within = vpn & ((1ull << w->lowest * f->bits) - 1);

	return qr_frame_of((uint32_t)(((w->entry & f->address) >> 12) + within));
}

bool sim_look(qr_phys root, qr_virt va, struct sim_view *out)
{
	struct walk w;

	walk_from_root(&w, root, vpn_of(va), NULL);
	if (!w.present)
		return false;
	*out = (struct sim_view){
		.frame = frame_of(&w, vpn_of(va)),
		.level = w.lowest,
		.write = w.write,
		.user = w.user,
		.exec = !w.nx,
		.accessed = w.entry & A,
		.dirty = w.entry & D,
	};
	return true;
}

/* ---- the caches ------------------------------------------------------------------------------- */

static struct sim_translation *slot_of(struct sim_cpu *c, uint64_t vpn)
{
	return &c->tlb[(vpn ^ vpn >> 8 ^ vpn >> 17) % SIM_TLB_SIZE];
}

static void drop(struct sim_cpu *c, struct sim_translation *t)
{
	c->nlarge -= t->valid && t->level;
	t->valid = false;
}

void sim_forget_page(qr_virt va)
{
	const struct qr_format *f = sim.config.format;
	struct sim_cpu *c = cpu_now();
	uint64_t vpn = vpn_of(va);
	struct sim_translation *t = slot_of(c, vpn);

	sim.stats.page_flushes++;
	if (t->valid && t->vpn == vpn && (t->root == c->root.v || t->global))
		drop(c, t);
	for (unsigned i = 0; i < SIM_TLB_SIZE && c->nlarge; i++) {
		t = &c->tlb[i];
		if (t->valid && t->level && (t->root == c->root.v || t->global) &&
		    t->vpn >> t->level * f->bits == vpn >> t->level * f->bits)
			drop(c, t);
	}
	/* All pieces of tables go, whatever the address. */
	for (unsigned level = 0; level < QR_MAX_LEVELS; level++)
		for (unsigned i = 0; i < SIM_PSC_SIZE; i++)
			if (c->psc[level][i].root == c->root.v)
				c->psc[level][i].valid = false;
}

/* Forget what carries this tag (or any); global translations only if asked to. */
static void forget(struct sim_cpu *c, bool any_root, uint64_t root, bool global_too)
{
	for (unsigned i = 0; i < SIM_TLB_SIZE; i++) {
		struct sim_translation *t = &c->tlb[i];

		if (t->global ? global_too : any_root || t->root == root)
			drop(c, t);
	}
	for (unsigned level = 0; level < QR_MAX_LEVELS; level++)
		for (unsigned i = 0; i < SIM_PSC_SIZE; i++)
			if (any_root || c->psc[level][i].root == root)
				c->psc[level][i].valid = false;
}

void sim_forget(bool global_too)
{
	struct sim_cpu *c = cpu_now();

	sim.stats.full_flushes++;
	forget(c, global_too || !sim.config.keeps, c->root.v, global_too);
}

void sim_load_root(qr_phys root, bool keep)
{
	const struct qr_format *f = sim.config.format;
	struct sim_cpu *c = cpu_now();

	c->root = root;
	if (f->bare_top)
		for (unsigned i = 0; i < 4; i++)
			c->latched[i] = root.v ? read_entry(qr_phys_frame(root), i) : 0;
	if (!keep)
		forget(c, !sim.config.keeps, root.v, false);
}

void sim_load_root_kept(qr_phys root)
{
	if (!sim.config.keeps)
		sim_broken("this machine keeps nothing");
	sim_step();
	sim_load_root(root, true);
}

static void remember_tables(struct sim_cpu *c, const struct walk *w, uint64_t vpn)
{
	const struct qr_format *f = sim.config.format;
	bool write = true, user = true, nx = false;

	/* Only of walks that began at the root: the rights on the way are known then. */
	for (unsigned level = w->from; level > w->lowest && w->from == f->levels - 1u; level--) {
		uint64_t e = at_latched_root(level)
				 ? c->latched[index_of(vpn, level)]
				 : read_entry(w->table[level], index_of(vpn, level));
		uint64_t prefix = vpn >> level * f->bits;

		if (!at_latched_root(level)) {
			write &= !!(e & W);
			user &= !!(e & U);
			nx |= !!(e & f->nx);
		}
		c->psc[level - 1][prefix % SIM_PSC_SIZE] = (struct sim_shortcut){
			.prefix = prefix,
			.root = c->root.v,
			.table = w->table[level - 1],
			.level = (uint8_t)(level - 1),
			.valid = true,
			.write = write,
			.user = user,
			.nx = nx,
		};
	}
}

/* The lowest table that is remembered for vpn, or the root. */
static void walk_cached(struct sim_cpu *c, struct walk *w, uint64_t vpn)
{
	const struct qr_format *f = sim.config.format;

	for (unsigned level = 0; level + 1 < f->levels; level++) {
		uint64_t prefix = vpn >> (level + 1) * f->bits;
		const struct sim_shortcut *s = &c->psc[level][prefix % SIM_PSC_SIZE];

		if (!s->valid || s->prefix != prefix || s->root != c->root.v)
			continue;
		*w =
		    (struct walk){ .from = level, .write = s->write, .user = s->user, .nx = s->nx };
		w->table[level] = s->table;
		walk_down(w, vpn, c->latched);
		return;
	}
	walk_from_root(w, c->root, vpn, c->latched);
}

/* Accessed on the whole way, dirty in the page's entry: once the access is granted. */
static void mark_walk(const struct walk *w, uint64_t vpn, bool written)
{
	for (unsigned level = w->from; level > w->lowest; level--)
		if (!at_latched_root(level))
			mark_entry(w->table[level], index_of(vpn, level), A);
	mark_entry(w->table[w->lowest], index_of(vpn, w->lowest), written ? A | D : A);
}

static struct sim_translation *remember(struct sim_cpu *c, const struct walk *w, uint64_t vpn,
					bool dirty)
{
	struct sim_translation *t = slot_of(c, vpn);

	drop(c, t);
	*t = (struct sim_translation){
		.vpn = vpn,
		.root = c->root.v,
		.frame = frame_of(w, vpn),
		.level = (uint8_t)w->lowest,
		.valid = true,
		.write = w->write,
		.user = w->user,
		.nx = w->nx,
		.dirty = dirty,
		.global = w->entry & G,
	};
	c->nlarge += t->level != 0;
	remember_tables(c, w, vpn);
	return t;
}

void sim_speculate(unsigned cpu)
{
	struct sim_cpu *c = &sim.cpu[cpu];
	qr_virt near = { (uintptr_t)((c->recent + sim_random() % 16 - 8) << 12) };
	uint64_t vpn = vpn_of(near);
	struct walk w;

	if (!c->root.v || !qr_format_valid(sim.config.format, near))
		return;
	walk_cached(c, &w, vpn);
	if (!w.present || slot_of(c, vpn)->valid)
		return;
	mark_walk(&w, vpn, false);
	remember(c, &w, vpn, w.entry & D);
	sim.stats.speculated++;
}

/* ---- invariant 12 ------------------------------------------------------------------------------ */

static void check_in_use(const struct sim_translation *t)
{
	struct qr_frame_word *w = qr_frame_lookup(&sim.frames, t->frame);

	if (w && (qr_frame_type(w) == QR_FRAME_FREE || qr_frame_type(w) == QR_FRAME_POOL))
		sim_broken("page %#" PRIx64 " is remembered, but its frame %#x is %s", t->vpn,
			   t->frame.v, qr_frame_type(w) == QR_FRAME_FREE ? "free" : "a pool's");
}

/* What is remembered grants no more than the tables do.  Less is fine: grants need no flush. */
static void check_translation(const struct sim_cpu *c, const struct sim_translation *t)
{
	struct walk w;

	check_in_use(t);
	if (sim.unsettled)
		return;
	walk_from_root(&w, c->root, t->vpn, c->latched);
	if (!w.present)
		sim_broken("page %#" PRIx64 " is remembered, and gone", t->vpn);
	if (frame_of(&w, t->vpn).v != t->frame.v)
		sim_broken("page %#" PRIx64 " is remembered in frame %#x, but is in %#x", t->vpn,
			   t->frame.v, frame_of(&w, t->vpn).v);
	if (t->write > w.write || t->user > w.user || t->nx < w.nx)
		sim_broken("page %#" PRIx64 " is remembered with rights that it lost", t->vpn);
	if (t->dirty && !(w.entry & D) && w.write)
		sim_broken("page %#" PRIx64 " is remembered dirty, and was cleaned", t->vpn);
}

void sim_check(void)
{
	for (unsigned i = 0; i < sim.config.ncpus; i++) {
		struct sim_cpu *c = &sim.cpu[i];

		for (unsigned j = 0; j < SIM_TLB_SIZE && c->root.v; j++)
			if (c->tlb[j].valid && (c->tlb[j].root == c->root.v || c->tlb[j].global))
				check_translation(c, &c->tlb[j]);
	}
}

/* ---- access -------------------------------------------------------------------------------------- */

static bool grants(bool write, bool user, bool nx, enum sim_kind kind, bool as_user)
{
	if (as_user && !user)
		return false;
	if (kind == SIM_WRITE && !write && (as_user || cpu_now()->wp))
		return false;
	return !(kind == SIM_EXEC && nx);
}

/* One try: the translation, or the error code of the fault. */
static struct sim_translation *translate(uint64_t vpn, enum sim_kind kind, bool as_user,
					 unsigned *error)
{
	struct sim_cpu *c = cpu_now();
	struct sim_translation *t = slot_of(c, vpn);
	struct walk w;

	*error = (as_user ? SIM_FAULT_USER : 0) | (kind == SIM_WRITE ? SIM_FAULT_WRITE : 0) |
		 (kind == SIM_EXEC ? SIM_FAULT_EXEC : 0) | SIM_FAULT_PRESENT;
	if (t->valid && t->vpn == vpn && (t->root == c->root.v || t->global)) {
		check_translation(c, t);
		if (!grants(t->write, t->user, t->nx, kind, as_user)) {
			sim_forget_page(qr_virt_of((uintptr_t)(vpn << 12))); /* as a fault does */
			return NULL;
		}
		if (kind != SIM_WRITE || t->dirty)
			return t;
	}
	sim.stats.walks++;
	walk_cached(c, &w, vpn);
	if (!w.present) {
		*error &= ~(unsigned)SIM_FAULT_PRESENT;
		return NULL;
	}
	if (!grants(w.write, w.user, w.nx, kind, as_user)) {
		/* The rights of tables that it remembers, too (SDM 4.10.4.1). */
		sim_forget_page(qr_virt_of((uintptr_t)(vpn << 12)));
		return NULL;
	}
	mark_walk(&w, vpn, kind == SIM_WRITE);
	t = remember(c, &w, vpn, kind == SIM_WRITE || (w.entry & D));
	check_translation(c, t);
	return t;
}

/* The frame behind va for this access, faults handled.  False: refused. */
static bool reach(qr_virt va, enum sim_kind kind, bool as_user, qr_frame *out)
{
	unsigned error;

	for (unsigned tries = 0; tries < 64; tries++) {
		struct sim_translation *t;

		sim_step();
		t = translate(vpn_of(va), kind, as_user, &error);
		sim.cpu[sim.now].recent = vpn_of(va);
		if (t) {
			*out = t->frame;
			return true;
		}
		sim.stats.faults++;
		if (!sim.fault || !sim.fault(sim.fault_ctx, va, error))
			return false;
	}
	sim_broken("the access at %#" PRIxPTR " faults again and again (error %#x)", va.v, error);
}

static bool access_bytes(qr_virt va, void *bytes, size_t n, enum sim_kind kind, bool as_user)
{
	uint8_t *p = bytes;

	while (n) {
		unsigned offset = va.v & QR_PAGE_MASK;
		size_t here = QR_PAGE_SIZE - offset < n ? QR_PAGE_SIZE - offset : n;
		qr_frame f;

		sim.stats.accesses++;
		if (!reach(va, kind, as_user, &f))
			return false;
		sim_copy(f, offset, p, here, kind == SIM_WRITE);
		va.v += here;
		p += here;
		n -= here;
	}
	return true;
}

void sim_on_fault(sim_fault_fn *fn, void *ctx)
{
	sim.fault = fn;
	sim.fault_ctx = ctx;
}

bool sim_read(qr_virt va, void *to, size_t n)
{
	return access_bytes(va, to, n, SIM_READ, true);
}

bool sim_write(qr_virt va, const void *from, size_t n)
{
	return access_bytes(va, (void *)(uintptr_t)from, n, SIM_WRITE, true);
}

bool sim_exec(qr_virt va)
{
	qr_frame f;

	return reach(va, SIM_EXEC, true, &f);
}

bool sim_kernel_read(qr_virt va, void *to, size_t n)
{
	return access_bytes(va, to, n, SIM_READ, false);
}

bool sim_kernel_write(qr_virt va, const void *from, size_t n)
{
	return access_bytes(va, (void *)(uintptr_t)from, n, SIM_WRITE, false);
}
