/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_protect.c - change rights: of runs, and of the pages that are there.
 *
 * Taking all rights away keeps anonymous pages, as RESIDENT tokens: not present, so that neither
 * the user nor the kernel on his behalf reaches them.  Pages of objects, and the zero page, are
 * dropped and come back by a fault.  A page that may be written again becomes writable at once
 * if nobody shares it.
 */
#include "mm/space.h"

struct change {
	struct cursor *c;
	uint32_t attr;  /* rights from now on */
	uint64_t on;    /* bits of an entry with these rights but W */
	uint64_t write; /* the bit that W adds, or 0 */
	bool shared;
};

/* A page that stays present.  Answers whether TLBs may know more rights than it has now. */
static bool change_present(const struct change *g, void *entries, unsigned i, qr_entry e)
{
	struct qr_memory *m = g->c->m;
	uint64_t mask = qr_prot_mask(m->format), now = g->on;

	if (g->write && !(e.v & SOFT_ZERO) &&
	    (e.v & SOFT_SHARED ||
	     (!(e.v & SOFT_FILE) && frame_exclusive(m, qr_entry_frame(m->format, e)))))
		now |= g->write;
	if ((e.v & mask) == now)
		return false;
	(void)qr_entry_change(m->format, entries, i, mask, now);
	return (e.v & m->format->write && !(now & m->format->write)) ||
	       (~e.v & now & m->format->nx);
}

/* All rights go. */
static void hide_page(const struct change *g, struct qr_ptdesc *t, unsigned i, uintptr_t va,
		      qr_entry e)
{
	struct qr_memory *m = g->c->m;

	if (e.v & (SOFT_FILE | SOFT_ZERO)) {
		qr_zap_pages(g->c, t, i, i + 1, va);
		return;
	}
	(void)qr_entry_swap(m->format, table_window(m, t), i,
			    qr_entry_token(m->format, QR_TOKEN_RESIDENT,
					   qr_entry_frame(m->format, e).v));
	qr_gather_page(&g->c->gather, qr_virt_of(va));
}

static void show_page(const struct change *g, void *entries, unsigned i, qr_entry e)
{
	struct qr_memory *m = g->c->m;
	qr_frame f = resident_frame(m, e);
	uint64_t bits = g->on | (frame_exclusive(m, f) ? g->write : 0);

	qr_entry_set(m->format, entries, i, qr_entry_of((uint64_t)f.v << QR_PAGE_SHIFT | bits));
}

static void change_pages(const struct change *g, struct qr_ptdesc *t, unsigned i, unsigned j,
			 uintptr_t va)
{
	struct qr_memory *m = g->c->m;
	void *entries = table_window(m, t);

	if (i < t->lo) {
		va += (uintptr_t)(t->lo - i) << QR_PAGE_SHIFT;
		i = t->lo;
	}
	if (j > t->hi)
		j = t->hi;
	for (; i < j; i++, va += QR_PAGE_SIZE) {
		qr_entry e = qr_entry_read(m->format, entries, i);

		if (qr_entry_none(e))
			continue;
		if (QR_RARELY(!qr_entry_present(m->format, e))) {
			if (g->attr)
				show_page(g, entries, i, e);
		} else if (!g->attr) {
			hide_page(g, t, i, va, e);
		} else if (change_present(g, entries, i, e)) {
			qr_gather_page(&g->c->gather, qr_virt_of(va));
		}
	}
}

static void recount(struct qr_space *s, const struct qr_ptdesc *t, unsigned i, unsigned j,
		    unsigned order, uint32_t attr)
{
	for (unsigned r = run_find(t, i); r < t->nruns && t->runs[r].start < j; r++) {
		unsigned a = t->runs[r].start > i ? t->runs[r].start : i;
		unsigned b = t->runs[r].end < j ? t->runs[r].end : j;
		uint32_t old = t->runs[r].attr;

		space_count(s, old, -((ptrdiff_t)(b - a) << order));
		space_count(s, (old & ~RUN_RIGHTS) | attr, (ptrdiff_t)(b - a) << order);
	}
}

static void protect_part(const struct change *g, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct cursor *c = g->c;
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	struct child k;

	if (t->nruns) {
		recount(c->s, t, i, j, qr_format_order(c->m->format, t->level), g->attr);
		c->s->regions -= t->nruns;
		qr_run_change(t, i, j, ~RUN_RIGHTS, g->attr);
		c->s->regions += t->nruns;
	}
	if (t->level == 0) {
		if (t->npages)
			change_pages(g, t, i, j, lo);
		return;
	}
	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		protect_part(g, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* How far the change may go: up to the first hole or refusal. */
static enum qr_err allowed_until(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned prot,
				 uintptr_t *out)
{
	struct found f;

	for (*out = lo; *out < hi; *out = f.hi) {
		if (!qr_run_next(s, *out, hi, &f) || f.lo > *out)
			return QR_NOENT;
		if (run_id(f.attr) && prot & ~mapping_of(s, f.attr)->maxprot)
			return QR_ACCESS;
	}
	*out = hi;
	return QR_OK;
}

static enum qr_err protect_locked(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned prot)
{
	const struct qr_format *f = s->memory->format;
	struct cursor c;
	struct change g = { .c = &c, .attr = prot };

	qr_cursor_begin(&c, s, lo, hi);
	if (qr_cursor_reserve(&c, false)) {
		qr_cursor_end(&c);
		return QR_NOMEM;
	}
	g.on = qr_prot_bits(f, (prot & ~RUN_W) | QR_USER | (prot ? QR_READ : 0));
	g.write = prot & RUN_W ? f->write : 0;
	protect_part(&g, c.t, lo, hi);
	qr_cursor_end(&c);
	return QR_OK;
}

enum qr_err qr_space_protect(struct qr_space *s, qr_virt at, size_t npages, unsigned prot)
{
	uintptr_t lo = at.v, hi = lo + (npages << QR_PAGE_SHIFT);
	enum qr_err err, reason;

	if (prot & ~RUN_RIGHTS)
		return QR_INVAL;
	if (!range_valid(s->memory, at, npages))
		return npages && !(lo & QR_PAGE_MASK) ? QR_NOENT : QR_INVAL;
	qr_lock_acquire(&s->lock);
	reason = allowed_until(s, lo, hi, prot, &hi);
	err = hi > lo ? protect_locked(s, lo, hi, prot) : QR_OK;
	qr_lock_release(&s->lock);
	return err ? err : reason;
}
