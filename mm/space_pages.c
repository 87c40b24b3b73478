/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_pages.c - which pages are resident, which were touched, which were written.
 *
 *	look      each entry of a range, with what its frame's word adds: who else shows it
 *	forget    accessed bits are cleared; a later look shows what was used since
 *	watch     every entry loses W and gets CLEAN, and every run gets RUN_CLEAN
 *	            first write to such an entry   -> a fault, CLEAN goes (write_page, space_fault.c)
 *	            a page that comes, or is copied -> has no CLEAN: its dirty bit tells
 *	            a region that is mapped later   -> no RUN_CLEAN: all of it counts as written
 *
 * So nothing watches before somebody has asked for it, and afterwards a page costs one fault.
 * Formats without a spare bit (32-bit entries, PAE) do not watch, as in Linux.
 *
 * Watching splits no run and joins some; joining needs no memory.
 */
#include "mm/space.h"

static uint32_t flags_of(const struct qr_memory *m, qr_entry e)
{
	const struct qr_format *f = m->format;
	bool written = soft_clean(f) && qr_entry_dirty(f, e) && !(e.v & soft_clean(f));

	if (!qr_entry_present(f, e))
		return (soft_clean(f) & ~e.v ? QR_PAGE_WRITTEN : 0) |
		       (e.v & soft_wp(f) ? QR_PAGE_UWP : 0);
	return QR_PAGE_PRESENT | (qr_entry_writable(f, e) ? QR_PAGE_WRITABLE : 0) |
	       (qr_entry_accessed(f, e) ? QR_PAGE_ACCESSED : 0) |
	       (qr_entry_dirty(f, e) ? QR_PAGE_DIRTY : 0) | (e.v & SOFT_FILE ? QR_PAGE_OBJECT : 0) |
	       (e.v & SOFT_ZERO ? QR_PAGE_ZERO : 0) | (written ? QR_PAGE_WRITTEN : 0) |
	       (e.v & soft_wp(f) ? QR_PAGE_UWP : 0);
}

/* What the frame's word adds.  An object holds one reference of its own; a table that `spaces`
 * share has one for all of them. */
static void ask_frame(const struct qr_memory *m, struct qr_page *p, uint32_t spaces)
{
	const struct qr_frame_word *w = qr_frame_word(m->frames, p->frame);
	uint32_t refs = qr_frame_refs(w);

	if (p->flags & QR_PAGE_ZERO)
		return;
	p->mappers =
	    refs - (p->flags & QR_PAGE_OBJECT && refs > 1) + (p->npages > 1 ? w->link : spaces - 1);
	if (qr_load32(&w->state) & QR_FRAME_LAZYFREE && !(p->flags & QR_PAGE_DIRTY))
		p->flags |= p->flags & QR_PAGE_PRESENT ? QR_PAGE_LAZY : 0;
}

/* From entry i of a leaf on: how many in a row differ in nothing but their frames? */
static unsigned alike(const struct qr_memory *m, const void *entries, unsigned i, unsigned j,
		      qr_entry e)
{
	const uint64_t same = entry_bits(m->format, ~QR_FIXED(m->format)->address);
	const uintptr_t words = frame_words(m);
	uint32_t state = qr_load32(&entry_word(m, words, e)->state);
	unsigned k = i + 1;

	for (; k < j; k++) {
		qr_entry next = qr_entry_read(m->format, entries, k);

		if (((next.v ^ e.v) & same) ||
		    qr_load32(&entry_word(m, words, next)->state) != state)
			break;
	}
	return k - i;
}

struct look {
	const struct qr_memory *m;
	qr_page_fn *fn;
	void *ctx;
	bool groups;
};

static bool look_part(const struct look *l, const struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	const struct qr_memory *m = l->m;
	unsigned i = index_at(m, lo, t->level), j = index_at(m, hi - 1, t->level) + 1;
	void *entries = table_window(m, t);
	struct qr_page p;

	for (; (i = next_used(m, t, entries, i, j)) < j; i += p.alike) {
		qr_entry e = qr_entry_read(m->format, entries, i);
		uintptr_t at = entry_start(m, lo, t->level, i);

		p = (struct qr_page){ .at = qr_virt_of(at), .alike = 1 };
		if (qr_entry_is_table(m->format, e, t->level)) {
			uintptr_t last = at + ((uintptr_t)1 << level_shift(m, t->level)) - 1;
			struct qr_ptdesc *child = ptdesc_of(m, qr_entry_frame(m->format, e));
			bool borrowed = QR_MAX_CPUS > 1 && child_borrowed(m, t, i), more;

			if (borrowed)
				table_lock(child);
			more =
			    look_part(l, child, at > lo ? at : lo, last < hi - 1 ? last + 1 : hi);
			if (borrowed)
				table_unlock(child);
			if (!more)
				return false;
			continue;
		}
		p.npages = 1u << qr_format_order(m->format, t->level);
		p.frame = qr_frame_of(resident_frame(m, e).v & ~(p.npages - 1));
		p.flags = flags_of(m, e);
		if (l->groups && t->level == 0 && p.flags & QR_PAGE_PRESENT)
			p.alike = alike(m, entries, i, j, e);
		ask_frame(m, &p, table_refs(m, t));
		if (!l->fn(l->ctx, &p))
			return false;
	}
	return true;
}

static void look_at(struct qr_space *s, qr_virt lo, qr_virt hi, const struct look *l)
{
	const struct qr_memory *m = s->memory;
	uintptr_t a = lo.v < m->user_start.v ? m->user_start.v : lo.v;
	uintptr_t b = hi.v > m->user_end.v ? m->user_end.v : hi.v;
	struct qr_ptdesc *top;

	if (a >= b)
		return;
	top = range_lock(s, a, b);
	look_part(l, QR_SPACE_STAGE ? top : qr_table_covering(s, a, b), a, b);
	range_unlock(s, top, a);
}

void qr_space_pages(struct qr_space *s, qr_virt lo, qr_virt hi, qr_page_fn *fn, void *ctx)
{
	look_at(s, lo, hi, &(struct look){ s->memory, fn, ctx, false });
}

void qr_space_page_groups(struct qr_space *s, qr_virt lo, qr_virt hi, qr_page_fn *fn, void *ctx)
{
	look_at(s, lo, hi, &(struct look){ s->memory, fn, ctx, true });
}

bool qr_space_written(struct qr_space *s, qr_virt at, qr_virt *end)
{
	struct found f = { .lo = s->memory->user_end.v, .hi = s->memory->user_end.v };
	bool there;

	space_begin(s);
	there = run_look(s, at.v, s->memory->user_end.v, &f, NULL) && f.lo <= at.v;
	space_looked(s);
	*end = qr_virt_of(there ? f.hi : f.lo);
	return there && soft_clean(s->memory->format) && !(f.attr & RUN_CLEAN);
}

/* ---- forgetting ---------------------------------------------------------------------------- */

static bool concerns(const struct qr_space *s, uint32_t attr, enum qr_forget what)
{
	bool object = run_id(attr) && mapping_of(s, attr)->object;

	return what == QR_FORGET_ANON ? !object : what == QR_FORGET_OBJECTS ? object : true;
}

static void forget_entries(struct cursor *c, const struct qr_ptdesc *t, unsigned i, unsigned j,
			   uint64_t off, uint64_t on)
{
	const struct qr_format *f = c->m->format;
	void *entries = table_window(c->m, t);

	for (; (i = next_used(c->m, t, entries, i, j)) < j; i++) {
		qr_entry e = qr_entry_read(f, entries, i);

		if (qr_entry_is_page(f, e, t->level))
			(void)qr_entry_change(f, entries, i, off, on);
		else if (qr_entry_is_token(f, e))
			(void)qr_entry_change(f, entries, i, 0, on);
	}
}

static void forget_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
			enum qr_forget what)
{
	const struct qr_format *f = c->m->format;
	bool writes = what == QR_FORGET_WRITES;
	uint64_t off = writes ? QR_FIXED(f)->write : QR_FIXED(f)->accessed;
	struct child k;
	size_t before;

	for (unsigned r = 0; r < t->nruns; r++)
		if (t->npages && concerns(c->s, t->runs[r].attr, what))
			forget_entries(c, t, t->runs[r].start, t->runs[r].end, off,
				       writes ? soft_clean(f) : 0);
	if (writes && t->nruns) {
		before = t->nruns;
		qr_run_change(t, t->runs[0].start, t->runs[t->nruns - 1].end, ~0u, RUN_CLEAN);
		tally(&c->s->regions, (size_t)t->nruns - before);
	}
	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		bool borrowed = QR_MAX_CPUS > 1 && child_borrowed(c->m, t, k.i);

		if (borrowed)
			table_lock(k.t);
		forget_part(c, k.t, k.lo, k.hi, what);
		if (borrowed)
			table_unlock(k.t);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

enum qr_err qr_space_forget(struct qr_space *s, enum qr_forget what)
{
	const struct qr_memory *m = s->memory;
	enum qr_err err = QR_OK;
	struct cursor c;

	if (what == QR_FORGET_WRITES && !soft_clean(m->format))
		return QR_OK;
	(void)space_lock(s);
	cursor_begin(&c, s, m->user_start.v, m->user_end.v);
	c.t = s->root;
	qr_settle_idle(&c);
	qr_gather_all(&c.gather);
	if (what == QR_FORGET_WRITES)
		err = qr_own_range(&c, true);
	if (!err)
		forget_part(&c, s->root, m->user_start.v, m->user_end.v, what);
	qr_cursor_end(&c);
	qr_space_unlock(s);
	return err;
}
