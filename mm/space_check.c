/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_check.c - the invariants of mm/space.h, recounted from the tables up.
 *
 * Each broken one is a panic that names it.  O(all runs and entries); the mappings are
 * recounted one by one over all runs.
 */
#include "mm/space.h"

struct recount {
	struct qr_space *s;
	size_t mapped, locked, data, stack, exec;
	size_t anon, file, shared, tables, regions, huge, borrowed;
	unsigned nfile, nshared, nzero; /* of the leaf at hand */
	const struct qr_ptdesc *next;   /* S1: the table that is held next */
};

#define HOLDS(cond, rule) QR_ASSERT(cond, rule)

static void check_runs(const struct qr_memory *m, const struct qr_ptdesc *t)
{
	HOLDS(t->nruns <= t->cap && (t->cap + runs_aside(t) > RUN_INLINE) == (t->runs != t->in),
	      "I1, I19: a run list is within its array");
	for (unsigned r = 0; r < t->nruns; r++) {
		const struct qr_run *run = &t->runs[r];

		HOLDS(run->start < run->end && run->end <= table_entries(m, t->level),
		      "I1: a run is not empty and within its table");
		if (r == 0)
			continue;
		HOLDS(run[-1].end <= run->start, "I1: runs are sorted and disjoint");
		HOLDS(run[-1].end < run->start || run[-1].attr != run->attr,
		      "I1: equal neighbours are one run");
	}
}

static void count_run(struct recount *y, const struct qr_run *run, unsigned order)
{
	size_t n = (size_t)(run->end - run->start) << order;
	const struct qr_mapping *mp = NULL;

	if (run_id(run->attr)) {
		mp = mapping_of(y->s, run->attr);
		HOLDS(mp && mp->id == run_id(run->attr) && mp->space == y->s,
		      "I9: every id in use has its mapping");
		HOLDS(!(run->attr & RUN_RIGHTS & ~mp->maxprot), "I9: rights are within maxprot");
	}
	y->mapped += n;
	y->locked += run->attr & RUN_LOCKED ? n : 0;
	y->exec += run->attr & RUN_X ? n : 0;
	if (mp && mp->growsdown)
		y->stack += n;
	else if (run->attr & RUN_W && !(mp && mp->shared))
		y->data += n;
}

/* An object's frame is the one it has at that index, unless it has lost that page since. */
static void check_file_page(const struct recount *y, uint32_t attr, uintptr_t va, qr_frame f)
{
	const struct qr_mapping *mp = run_id(attr) ? mapping_of(y->s, attr) : NULL;
	uintptr_t v;

	HOLDS(mp && mp->object, "I11: a page of an object lies in a run that maps it");
	v = qr_radix_get(&mp->object->pages,
			 (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) + mp->delta));
	HOLDS(v == (uintptr_t)f.v + 1, "I11: a page of an object is the one that the object has");
}

static void check_page(struct recount *y, const struct qr_run *run, uintptr_t va, qr_entry e)
{
	struct qr_memory *m = y->s->memory;
	bool present = qr_entry_present(m->format, e);
	const struct qr_frame_word *w;
	unsigned prot;

	HOLDS(run, "I3: an entry lies in a run");
	HOLDS(present == !!(run->attr & RUN_RIGHTS), "I5: without rights, not present");
	if (present && e.v & SOFT_ZERO) {
		HOLDS(qr_entry_frame(m->format, e).v == m->zero.v, "I7: ZERO is the zero page");
		HOLDS(!qr_entry_writable(m->format, e), "I6: the zero page is read-only");
		y->nzero++;
		return;
	}
	w = qr_frame_lookup(m->frames, resident_frame(m, e));
	HOLDS(w && qr_frame_refs(w), "I7: a resident frame has references");
	if (!present || !(e.v & SOFT_FILE)) {
		HOLDS(qr_frame_type(w) == QR_FRAME_ANON, "I7: a page without FILE is anonymous");
		HOLDS(!present || !qr_entry_writable(m->format, e) || qr_frame_refs(w) == 1,
		      "I6: a writable anonymous page is nobody else's");
	} else {
		HOLDS(qr_frame_type(w) == QR_FRAME_CACHE, "I7: a FILE page is an object's");
		check_file_page(y, run->attr, va, resident_frame(m, e));
		*(e.v & SOFT_SHARED ? &y->nshared : &y->nfile) += 1;
	}
	prot = qr_entry_prot(m->format, e);
	HOLDS(!present || !(prot & QR_WRITE) || run->attr & RUN_W, "I5: W is within the run's W");
	HOLDS(!present || !m->format->nx || !(prot & QR_EXEC) || run->attr & RUN_X,
	      "I5: X is within the run's X");
}

/* An entry of an upper table that is not a table. */
static void check_huge(struct recount *y, const struct qr_run *run, unsigned level, qr_entry e)
{
	struct qr_memory *m = y->s->memory;
	uint32_t n = table_entries(m, 0);
	const struct qr_mapping *mp;
	const struct qr_frame_word *w;
	bool write;

	HOLDS(run && level == 1 && qr_format_can_be_large(m->format, 1),
	      "I16: a huge entry is at level 1 and lies in a run");
	mp = run_id(run->attr) ? mapping_of(y->s, run->attr) : NULL;
	HOLDS(!(mp && mp->object) && !(resident_frame(m, e).v & (n - 1)) &&
		  (!qr_entry_present(m->format, e) || !(e.v & SOFT_ALL)),
	      "I16: a huge page is private memory, and aligned");
	HOLDS(qr_entry_present(m->format, e) == !!(run->attr & RUN_RIGHTS),
	      "I5: without rights, not present");
	write = qr_entry_present(m->format, e) && qr_entry_writable(m->format, e);
	HOLDS(!write || run->attr & RUN_W, "I5: W is within the run's W");
	w = qr_frame_lookup(m->frames, resident_frame(m, e));
	HOLDS(w && !(write && w->link), "I17: a writable huge page is nobody else's");
	for (uint32_t k = 0; k < n; k++)
		HOLDS(qr_frame_type(&w[k]) == QR_FRAME_ANON && qr_frame_refs(&w[k]) &&
			  (!write || qr_frame_refs(&w[k]) == 1),
		      "I17: a block's frames are anonymous, and if written nobody else's");
	y->anon += n;
	y->huge++;
}

static void check_kept(const struct recount *y)
{
	size_t n = 0;

	for (const struct qr_ptdesc *t = y->s->kept; t; t = (const struct qr_ptdesc *)t->runs) {
		HOLDS(!t->nruns && !t->npages && t->level == 0, "I18: a kept leaf is empty");
		for (unsigned i = 0; i < table_entries(y->s->memory, 0); i++)
			HOLDS(qr_entry_none(entry_of(y->s->memory, t, i)),
			      "I18: a kept leaf is full of zeroes");
		n++;
	}
	HOLDS(n == y->huge && n == y->s->nhuge, "I18: a leaf is kept for each huge page");
}

static void check_part(struct recount *y, struct qr_ptdesc *t, uintptr_t base);

static bool is_idle(const struct qr_space *s, const struct qr_ptdesc *t, uintptr_t base)
{
	return QR_SPACE_STAGE ? t->level == 0 && same_leaf(s->memory, s->idle_va, base)
			      : t == s->idle;
}

/* What is locked as a whole is held in the order of the tree. */
static void check_held(struct recount *y, const struct qr_ptdesc *t)
{
#if QR_SPACE_STAGE
	HOLDS(t == y->next && t->holder == (qr_word)y->s->root,
	      "I20: all tables are held, in pre-order");
	y->next = t->next;
#else
	(void)y;
	(void)t;
#endif
}

/* Entry e of t points to `child`. */
static void check_child(struct recount *y, const struct qr_ptdesc *t, qr_entry e,
			struct qr_ptdesc *child, uintptr_t base)
{
	const struct qr_memory *m = y->s->memory;
	bool borrowed = t->level == 1 && !qr_entry_writable(m->format, e);

	HOLDS(child->level + 1 == t->level, "I4: levels go down one by one");
	HOLDS(child->flags & PT_KEEP || child->nruns || child->ntables ||
		  is_idle(y->s, child, base),
	      "I4: an empty table is gone, but for the idle leaf");
	HOLDS(!(child->flags & PT_STALE), "I13: no table that was unhooked is reachable");
	HOLDS(table_refs(m, child) == 1 || (borrowed && table_refs(m, child)),
	      "I10: only a leaf that is borrowed has more than one reference");
	HOLDS(!borrowed || (child != y->s->near && child != y->s->idle),
	      "I10: what is kept in mind of a space is its own");
	y->borrowed += borrowed;
	if (borrowed)
		table_lock(child);
	else
		check_held(y, child);
	check_part(y, child, base);
	if (borrowed)
		table_unlock(child);
	if (t->level > 1 || borrowed)
		return;
	y->anon += (size_t)child->npages - child->nfile - child->nshared - child->nzero;
	y->file += child->nfile;
	y->shared += child->nshared;
}

static void check_part(struct recount *y, struct qr_ptdesc *t, uintptr_t base)
{
	struct qr_memory *m = y->s->memory;
	unsigned npages = 0, ntables = 0, end = table_entries(m, t->level);

	if (t->level == qr_format_top(m->format))
		end = index_at(m, m->user_end.v - 1, t->level) + 1;
	check_runs(m, t);
	y->tables++;
	y->nfile = y->nshared = y->nzero = 0;
	y->regions += t->nruns;
	HOLDS(ptdesc_of(m, qr_frame_of(t->frame)) == t, "I4: a table and its descriptor agree");
	for (unsigned r = 0; r < t->nruns; r++)
		count_run(y, &t->runs[r], qr_format_order(m->format, t->level));
	for (unsigned i = 0; i < end; i++) {
		qr_entry e = entry_of(m, t, i);

		if (qr_entry_none(e))
			continue;
		HOLDS(t->used >> (i >> block_shift(m)) & 1, "I4: blocks in use are marked");
		if (!qr_entry_is_table(m->format, e, t->level)) {
			npages++;
			if (t->level)
				check_huge(y, run_at(t, i), t->level, e);
			else
				check_page(y, run_at(t, i), entry_start(m, base, t->level, i), e);
			continue;
		}
		ntables++;
		HOLDS(!run_at(t, i), "I2: an index is in a run or is a table");
		check_child(y, t, e, ptdesc_of(m, qr_entry_frame(m->format, e)),
			    entry_start(m, base, t->level, i));
	}
	HOLDS(npages == t->npages && ntables == t->ntables, "I4: a table's counters are right");
	HOLDS(t->level ||
		  (y->nfile == t->nfile && y->nshared == t->nshared && y->nzero == t->nzero),
	      "I4: a leaf's pages are counted by kind");
}

static size_t pages_of(const struct qr_space *s, const struct qr_mapping *mp)
{
	const struct qr_memory *m = s->memory;
	struct found f;
	size_t n = 0;

	for (uintptr_t at = m->user_start.v;
	     at < m->user_end.v && qr_run_next(s, at, m->user_end.v, &f); at = f.hi) {
		if (run_id(f.attr) != mp->id)
			continue;
		HOLDS(mp->lo <= f.lo && f.hi <= mp->hi, "I9: a mapping's hull holds its runs");
		n += (f.hi - f.lo) >> QR_PAGE_SHIFT;
	}
	return n;
}

static void check_spares(struct qr_memory *m)
{
	unsigned n = 0;

	for (const struct qr_ptdesc *t = m->spare; t; t = (const struct qr_ptdesc *)t->runs) {
		HOLDS(!t->nruns && !t->npages && !t->ntables && !t->flags, "I13: a spare is empty");
		HOLDS(table_refs(m, t) == 1, "I13: a spare is nobody's");
		for (unsigned i = 0; i < table_entries(m, 0); i++)
			HOLDS(qr_entry_none(entry_of(m, t, i)), "I13: a spare is full of zeroes");
		n++;
	}
	HOLDS(n == m->nspare && n <= m->most_spare, "I13: spares are counted, and not too many");
#if QR_SPACE_STAGE
	for (const struct qr_ptdesc *t = m->limbo; t; t = t->next)
		HOLDS(t->flags & PT_STALE && !t->nruns && !t->npages && !t->ntables && !t->holder,
		      "I13: what was unhooked is empty, and nobody holds it");
#endif
}

void qr_space_check(struct qr_space *s)
{
	struct recount y = { .s = s, .next = s->root };
	struct qr_space_pages pages;
	uint64_t id = 0;
	uintptr_t v;

	(void)space_lock(s);
	pages = qr_space_pages_sum(s);
	check_held(&y, s->root);
	check_part(&y, s->root, 0);
	HOLDS(!QR_SPACE_STAGE || !y.next, "I20: nothing else is held");
	check_kept(&y);
	HOLDS(y.mapped == s->mapped && y.locked == s->locked && y.data == s->data &&
		  y.stack == s->stack && y.exec == s->exec,
	      "I15: counters of promises equal recounts");
	HOLDS(y.anon == pages.anon && y.file == pages.file && y.shared == pages.shared,
	      "I15: counters of resident pages equal recounts");
	HOLDS(y.tables + y.huge == s->tables && y.regions == s->regions &&
		  y.borrowed == s->borrowed,
	      "I15: tables, runs and borrowed leaves equal recounts");
	for (; (v = qr_radix_next(&s->mappings, &id)); id++) {
		const struct qr_mapping *mp = (const struct qr_mapping *)v;

		HOLDS(mp->npages && mp->npages == pages_of(s, mp),
		      "I9: a mapping's page count equals its runs'");
	}
	check_spares(s->memory);
	qr_space_unlock(s);
}
