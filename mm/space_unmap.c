/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_unmap.c - pages taken out, and promises taken back.
 *
 * Order: entries are cleared and gathered, promises dropped, tables settled; then one flush, and
 * only after it frames and tables are free (the cursor's end).  A reference that is not the
 * frame's last one may go before the flush where only one CPU runs.
 *
 * A borrowed leaf that goes as a whole only loses a reference.  What an object loses goes out of a
 * borrowed leaf where it is, for all who share it; since nobody knows who they are, all CPUs
 * forget everything then.
 */
#include "mm/space.h"

/* ---- taking pages out ------------------------------------------------------------------- */

/* A page that is an object's, or zero, or a token for one without rights. */
static __attribute__((noinline)) void zap_odd(struct cursor *c, struct qr_ptdesc *t, qr_entry e)
{
	bool present = qr_entry_present(c->m->format, e);
	qr_frame f;

	if (present) {
		space_count_odd(c->s, t, e, -1);
		if (e.v & SOFT_ZERO)
			return;
	} else {
		tally(&pages_here(c->s)->anon, -(size_t)1);
	}
	f = resident_frame(c->m, e);
	release_page(&c->gather, qr_frame_word(c->m->frames, f), f);
}

void qr_zap_pages(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t va)
{
	const struct qr_memory *m = c->m;
	const struct qr_format *f = m->format;
	const uintptr_t words = frame_words(m);
	const unsigned first = i;
	void *entries = table_window(m, t);
	unsigned left = t->npages, odd = 0;
	bool each = left <= QR_GATHER_PAGES || j - i <= QR_GATHER_PAGES;

	va -= (uintptr_t)i << QR_PAGE_SHIFT;
	i = next_used(m, t, entries, i, j);
	if (!each && i < j)
		qr_gather_all(&c->gather);
	for (; i < j && left; i++) {
		qr_entry e = qr_entry_read(f, entries, i);

		if (QR_RARELY(qr_entry_none(e))) {
			i = next_used(m, t, entries, i + 1, j) - 1;
			continue;
		}
		left--;
		e = entry_take(f, entries, i, e);
		if (each)
			qr_gather_page(&c->gather,
				       qr_virt_of(va + ((uintptr_t)i << QR_PAGE_SHIFT)));
		if (QR_LIKELY(entry_is_plain(m, e))) {
			release_page(&c->gather, entry_word(m, words, e), qr_entry_frame(f, e));
		} else {
			odd++;
			zap_odd(c, t, e);
		}
	}
	tally(&pages_here(c->s)->anon, -(size_t)(t->npages - left - odd));
	t->npages = (uint16_t)left;
	if (!left)
		no_pages(t);
	else
		unmark_used_range(m, t, first, j);
}

void qr_zap_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;

	if (t->level == 0) {
		unsigned i = index_at(c->m, lo, 0);

		if (t->npages)
			qr_zap_pages(c, t, i, index_at(c->m, hi - 1, 0) + 1, lo);
		return;
	}
	if (t->npages)
		qr_huge_zap(c, t, lo, hi);
	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		qr_zap_part(c, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* Pages of one leaf run that are the object's, one by one: copies between them stay. */
static void zap_file_pages(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j,
			   uintptr_t va)
{
	for (; i < j; i++, va += QR_PAGE_SIZE) {
		qr_entry e = entry_of(c->m, t, i);

		if (qr_entry_present(c->m->format, e) && e.v & SOFT_FILE)
			qr_zap_pages(c, t, i, i + 1, va);
	}
}

/* False: a borrowed leaf was locked, and is as it was. */
static bool zap_object_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
			    uint32_t id, bool copies)
{
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	struct child k;

	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		bool shared = child_borrowed(c->m, t, k.i), done;

		if (QR_RARELY(shared) && !borrowed_try(c->s, k.t))
			return false;
		done = zap_object_part(c, k.t, k.lo, k.hi, id, copies);
		if (QR_RARELY(shared))
			borrowed_end(c->s, k.t);
		else
			qr_pt_settle(c, t, k.i, k.t, k.lo);
		if (!done)
			return false;
	}
	for (unsigned r = run_find(t, i); !t->level && r < t->nruns && t->runs[r].start < j; r++) {
		unsigned a = t->runs[r].start > i ? t->runs[r].start : i;
		unsigned b = t->runs[r].end < j ? t->runs[r].end : j;
		uintptr_t va = entry_start(c->m, lo, 0, a);

		if (run_id(t->runs[r].attr) != id)
			continue;
		if (copies)
			qr_zap_pages(c, t, a, b, va);
		else
			zap_file_pages(c, t, a, b, va);
	}
	return true;
}

bool qr_zap_object(struct qr_space *s, struct qr_mapping *mp, uintptr_t lo, uintptr_t hi,
		   bool copies)
{
	struct cursor c;
	bool done;
#if QR_SPACE_STAGE
	struct qr_ptdesc *top = qr_range_try(s, lo, hi);

	if (!top)
		return false;
#endif
	note_most(s, (hi - lo) >> QR_PAGE_SHIFT);
	cursor_begin(&c, s, lo, hi);
	if (QR_RARELY(tally_read(&s->borrowed))) {
		c.gather.tlb = &c.m->tlbs->kernel;
		qr_gather_all(&c.gather);
	}
	done = zap_object_part(&c, c.t, lo, hi, mp->id, copies);
	qr_cursor_end(&c);
#if QR_SPACE_STAGE
	/* Promises are all still there: a table that could be folded stays as it is. */
	qr_tables_unlock(top);
#endif
	return done;
}

/* ---- taking promises back --------------------------------------------------------------- */

void qr_uncount_runs(struct cursor *c, const struct qr_ptdesc *t, unsigned i, unsigned j,
		     uintptr_t lo)
{
	unsigned order = qr_format_order(c->m->format, t->level);

	for (unsigned r = run_find(t, i); r < t->nruns && t->runs[r].start < j; r++) {
		const struct qr_run *run = &t->runs[r];
		unsigned a = run->start > i ? run->start : i, b = run->end < j ? run->end : j;
		uintptr_t va = lo + ((uintptr_t)(a - i) << order << QR_PAGE_SHIFT);
		size_t n = (size_t)(b - a) << order;

		if (QR_RARELY(run_id(run->attr)))
			qr_space_uncount(c->s, run->attr, n, va, va + (n << QR_PAGE_SHIFT));
		else
			space_count(c->s, run->attr, -(ptrdiff_t)n);
	}
}

void qr_drop_runs(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t lo)
{
	unsigned before = t->nruns;

	qr_uncount_runs(c, t, i, j, lo);
	qr_run_clear(t, i, j);
	tally(&c->s->regions, (size_t)t->nruns - before);
}

/* A borrowed leaf that lies in the range in part only was made the space's own by reserve. */
QR_INLINE void unmap_child(struct cursor *c, struct qr_ptdesc *t, const struct child *k)
{
	if (QR_RARELY(tally_read(&c->s->borrowed)) && child_borrowed(c->m, t, k->i) &&
	    qr_leaf_let_go(c, t, k))
		return;
	qr_unmap_part(c, k->t, k->lo, k->hi);
	qr_pt_settle(c, t, k->i, k->t, k->lo);
}

void qr_unmap_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	struct child k;

	if (t->level == 0) {
		if (t->npages)
			qr_zap_pages(c, t, i, j, lo);
		if (t->nruns)
			qr_drop_runs(c, t, i, j, lo);
		return;
	}
	if (t->npages)
		qr_huge_zap(c, t, lo, hi);
	if (t->nruns)
		qr_drop_runs(c, t, i, j, entry_start(c->m, lo, t->level, i));
	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi)
		unmap_child(c, t, &k);
}

void qr_unmap_child(struct cursor *c, struct qr_ptdesc *t, const struct child *k)
{
	unmap_child(c, t, k);
}

enum qr_err qr_space_unmap(struct qr_space *s, qr_virt at, size_t npages)
{
	const struct qr_memory *m = s->memory;
	uintptr_t lo = at.v, hi = lo + (npages << QR_PAGE_SHIFT);
	struct cursor c;

	if (lo & QR_PAGE_MASK || !npages || lo >= m->user_end.v ||
	    npages > (m->user_end.v - lo) >> QR_PAGE_SHIFT)
		return QR_INVAL;
	if (QR_RARELY(lo < m->user_start.v))
		lo = m->user_start.v;
	if (QR_RARELY(lo >= hi))
		return QR_OK;
	cursor_lock(&c, s, lo, hi);
	note_most(s, npages);
	if (QR_RARELY(qr_cursor_reserve(&c, false))) {
		cursor_unlock(&c);
		return QR_NOMEM;
	}
	qr_unmap_part(&c, c.t, lo, hi);
	qr_find_freed(&c, lo, hi);
	cursor_unlock(&c);
	return QR_OK;
}
