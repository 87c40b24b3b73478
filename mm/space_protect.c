/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_protect.c - change rights: of runs, and of the pages that are there.
 *
 * Taking all rights away keeps anonymous pages, as RESIDENT tokens: not present, so that neither
 * the user nor the kernel on his behalf reaches them; what holds their first write back stays in them.  Pages of objects, and the zero page, are
 * dropped and come back by a fault.  A page that may be written again becomes writable at once
 * if nobody shares it.
 */
#include "mm/space.h"

struct change {
	struct cursor *c;
	uint32_t attr;  /* rights from now on */
	uint64_t on;    /* bits of an entry with these rights but W */
	uint64_t write; /* the bit that W adds, or 0 */
};

/* All rights go. */
static void hide_page(const struct change *g, struct qr_ptdesc *t, unsigned i, uintptr_t va,
		      qr_entry e)
{
	struct qr_memory *m = g->c->m;

	if (e.v & SOFT_ALL) {
		qr_zap_pages(g->c, t, i, i + 1, va);
		return;
	}
	(void)qr_entry_swap(m->format, table_window(m, t), i,
			    hidden_entry(m, qr_entry_frame(m->format, e), e));
	qr_gather_page(&g->c->gather, qr_virt_of(va));
}

/* Is the first write to the page to be noticed still?  A mark that nobody looks at counts for nothing. */
static __attribute__((noinline)) bool is_held(const struct qr_memory *m, const struct qr_ptdesc *t,
					      unsigned i, qr_entry e)
{
	return e.v & soft_clean(m->format) ||
	       (e.v & soft_wp(m->format) && run_at(t, i)->attr & RUN_UWP);
}

static void show_page(const struct change *g, struct qr_ptdesc *t, unsigned i, qr_entry e)
{
	struct qr_memory *m = g->c->m;
	qr_frame f = resident_frame(m, e);
	bool now = frame_exclusive(m, f) && !is_held(m, t, i, e);
	/* Whether it was written the token did not remember: say yes. */
	uint64_t bits = g->on | (now ? g->write : 0) | (e.v & soft_held(m->format)) |
			QR_FIXED(m->format)->accessed | QR_FIXED(m->format)->dirty;

	qr_entry_set(m->format, table_window(m, t), i,
		     qr_entry_of((uint64_t)f.v << QR_PAGE_SHIFT | bits));
}

/* May the page of this entry be written without copying it? */
QR_INLINE bool writable_now(struct qr_memory *m, uintptr_t words, const struct qr_ptdesc *t,
			    unsigned i, qr_entry e)
{
	if (QR_RARELY(e.v & (SOFT_ALL | soft_held(m->format)))) {
		if (is_held(m, t, i, e))
			return false;
		if (e.v & SOFT_ALL)
			return e.v & SOFT_SHARED;
	}
	return word_exclusive(entry_word(m, words, e));
}

/* The loop of change_pages for entries of 4 bytes: a 32-bit machine has no registers to spare for
 * upper halves that are nothing.  Stops at the first entry that is not present. */
static __attribute__((noinline)) unsigned
change_words(const struct change *g, const struct qr_ptdesc *t, unsigned i, unsigned j, bool *stale)
{
	void *entries = table_window(g->c->m, t);
	struct qr_memory *m = g->c->m;
	const struct qr_format *f = m->format;
	const uint32_t mask = (uint32_t)qr_prot_mask(f), present = (uint32_t)QR_FIXED(f)->present;
	const uint32_t on = (uint32_t)g->on, write = (uint32_t)g->write;
	const uintptr_t words = frame_words(m);
	uint32_t lost = 0;

	for (; i < j; i++) {
		uint32_t e = qr_load32((uint32_t *)entries + i), now = (e & ~mask) | on;

		if (QR_RARELY(!(e & present)))
			break;
		if (write && writable_now(m, words, t, i, qr_entry_of(e)))
			now |= write;
		if (now == e)
			continue;
		entry_update(f, entries, i, qr_entry_of(e), mask, now & mask);
		lost |= e & ~now;
	}
	*stale |= (lost & QR_FIXED(f)->write) != 0;
	return i;
}

static void change_pages(const struct change *g, struct qr_ptdesc *t, unsigned i, unsigned j,
			 uintptr_t va)
{
	struct qr_memory *m = g->c->m;
	const struct qr_format *f = m->format;
	const uint64_t mask = qr_prot_mask(f), nx = mask & ~(uint64_t)UINT32_MAX;
	const uint64_t on = entry_bits(f, g->on), write = entry_bits(f, g->write);
	/* What TLBs may remember too much of: W that goes, NX that comes. */
	const uint64_t loss = (write ? 0 : QR_FIXED(f)->write) | (on & nx);
	const uintptr_t words = frame_words(m);
	void *entries = table_window(m, t);
	bool each = j - i <= QR_GATHER_PAGES, stale = false;

	for (; i < j; i++) {
		qr_entry e;
		uint64_t now = on;

		if (QR_FIXED(f)->entry_shift == 2 && !each)
			i = change_words(g, t, i, j, &stale);
		if (i == j)
			break;
		e = qr_entry_read(f, entries, i);
		if (QR_RARELY(!qr_entry_present(f, e))) {
			if (qr_entry_none(e))
				i = next_used(m, t, entries, i + 1, j) - 1;
			else
				show_page(g, t, i, e);
			continue;
		}
		if (write && writable_now(m, words, t, i, e))
			now |= write;
		now |= e.v & ~mask;
		if (now == e.v)
			continue;
		entry_update(f, entries, i, e, mask, now & mask);
		if (!((now ^ e.v) & loss))
			continue;
		stale = true;
		if (each)
			qr_gather_page(&g->c->gather,
				       qr_virt_of(va + ((uintptr_t)i << QR_PAGE_SHIFT)));
	}
	if (stale && !each)
		qr_gather_all(&g->c->gather);
}

static void hide_pages(const struct change *g, struct qr_ptdesc *t, unsigned i, unsigned j,
		       uintptr_t va)
{
	struct qr_memory *m = g->c->m;

	for (; i < j; i++) {
		qr_entry e = entry_of(m, t, i);

		if (qr_entry_present(m->format, e))
			hide_page(g, t, i, va + ((uintptr_t)i << QR_PAGE_SHIFT), e);
	}
}

/* The pages that are there of [i,j), which begins at va. */
static void change_leaf(const struct change *g, struct qr_ptdesc *t, unsigned i, unsigned j,
			uintptr_t va)
{
	va -= (uintptr_t)i << QR_PAGE_SHIFT;
	i = next_used(g->c->m, t, table_window(g->c->m, t), i, j);
	if (g->attr)
		change_pages(g, t, i, j, va);
	else
		hide_pages(g, t, i, j, va);
}

static void recount(struct qr_space *s, const struct qr_ptdesc *t, unsigned i, unsigned j,
		    unsigned order, uint32_t attr)
{
	for (unsigned r = run_find(t, i); r < t->nruns && t->runs[r].start < j; r++) {
		unsigned a = t->runs[r].start > i ? t->runs[r].start : i;
		unsigned b = t->runs[r].end < j ? t->runs[r].end : j;
		uint32_t old = t->runs[r].attr;

		space_count(s, (old & ~RUN_RIGHTS) | attr, (ptrdiff_t)(b - a) << order);
		space_count(s, old, -((ptrdiff_t)(b - a) << order));
	}
}

static void protect_part(const struct change *g, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct cursor *c = g->c;
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	struct child k;
	size_t before;

	if (t->nruns) {
		recount(c->s, t, i, j, qr_format_order(c->m->format, t->level), g->attr);
		before = t->nruns;
		qr_run_change(t, i, j, ~RUN_RIGHTS, g->attr);
		tally(&c->s->regions, (size_t)t->nruns - before);
	}
	if (t->level == 0) {
		if (t->npages)
			change_leaf(g, t, i, j, lo);
		return;
	}
	if (t->npages)
		qr_huge_protect(c, t, i, j, lo);
	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		protect_part(g, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* How far the change may go: up to the first hole or refusal. */
static enum qr_err allowed_until(const struct cursor *c, unsigned prot, uintptr_t *out)
{
	struct qr_space *s = c->s;
	uintptr_t hi = c->hi;
	struct found f;

	for (*out = c->lo; *out < hi; *out = f.hi) {
		if (!qr_run_below(s, c->t, *out, hi, &f) || f.lo > *out)
			return QR_NOENT;
		if (run_id(f.attr) && prot & ~mapping_of(s, f.attr)->maxprot)
			return QR_ACCESS;
	}
	*out = hi;
	return QR_OK;
}

/* One run of plain memory holds the whole range: nothing can be in the way. */
static bool is_simple(const struct cursor *c)
{
	const struct qr_run *r;

	if (c->t->level)
		return false;
	r = run_at(c->t, index_at(c->m, c->lo, 0));
	return r && r->end > index_at(c->m, c->hi - 1, 0) && !run_id(r->attr);
}

static enum qr_err protect_locked(struct cursor *c, unsigned prot)
{
	const struct qr_format *f = c->m->format;
	struct change g = { .c = c, .attr = prot };

	if (qr_cursor_reserve(c, false) || qr_own_range(c, true))
		return QR_NOMEM;
	g.on = qr_prot_bits(f, (prot & ~RUN_W) | QR_USER | (prot ? QR_READ : 0));
	g.write = prot & RUN_W ? QR_FIXED(f)->write : 0;
	protect_part(&g, c->t, c->lo, c->hi);
	return QR_OK;
}

enum qr_err qr_space_protect(struct qr_space *s, qr_virt at, size_t npages, unsigned prot)
{
	uintptr_t lo = at.v, hi = lo + (npages << QR_PAGE_SHIFT);
	enum qr_err err = QR_OK, reason = QR_OK;
	struct cursor c;

	if (prot & ~RUN_RIGHTS)
		return QR_INVAL;
	if (!range_valid(s->memory, at, npages))
		return npages && !(lo & QR_PAGE_MASK) ? QR_NOENT : QR_INVAL;
	cursor_lock(&c, s, lo, hi);
	if (QR_RARELY(!is_simple(&c))) {
		reason = allowed_until(&c, prot, &hi);
		cursor_narrow(&c, hi > lo ? hi : lo + QR_PAGE_SIZE);
	}
	if (hi > lo)
		err = protect_locked(&c, prot);
	cursor_unlock(&c);
	return err ? err : reason;
}
