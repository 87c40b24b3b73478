/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_fork.c - a child that sees what its parent sees, and then goes its own way.
 *
 *	parent table                child table
 *	runs  ── copied ──────────> runs          (but DONTFORK)
 *	A rw  ── W cleared ───────> A r-          one reference more: the first write copies
 *	Z r-  ────────────────────> Z r-          zero page: no reference
 *	F r-  ── left out                         a fault finds it in its object again
 *
 * Tables are copied one by one, in order of address.  When memory runs out, the child is emptied
 * again; the parent keeps its pages, some of them read-only until its next write to them finds
 * that nobody shares them.
 *
 * Cost: about 12 instructions a page in the parent's tables.
 */
#include "mm/space.h"

struct fork {
	struct cursor *c; /* over the parent */
	struct qr_space *child;
};

/* The child's mapping for an id of the parent's: the same id, so that runs can be copied. */
static enum qr_err copy_mapping(struct fork *k, uint32_t id, uintptr_t lo, uintptr_t hi)
{
	struct qr_mapping *mp = (struct qr_mapping *)qr_radix_get(&k->child->mappings, id);

	if (!mp) {
		const struct qr_mapping *old =
		    (const struct qr_mapping *)qr_radix_get(&k->c->s->mappings, id);
		struct qr_mapping like = *old;

		like.lo = lo;
		like.hi = hi;
		if (qr_mapping_make(k->child, &like, &mp))
			return QR_NOMEM;
	}
	if (lo < mp->lo)
		mp->lo = lo;
	if (hi > mp->hi)
		mp->hi = hi;
	return QR_OK;
}

static enum qr_err copy_runs(struct fork *k, const struct qr_ptdesc *from, struct qr_ptdesc *to,
			     uintptr_t at)
{
	struct qr_memory *m = k->c->m;
	unsigned order = qr_format_order(m->format, from->level);

	if (run_room(m, to, from->nruns))
		return QR_NOMEM;
	for (unsigned r = 0; r < from->nruns; r++) {
		struct qr_run run = from->runs[r];
		size_t npages = (size_t)(run.end - run.start) << order;

		if (run.attr & RUN_DONTFORK)
			continue;
		run.attr &= ~RUN_LOCKED;
		if (QR_RARELY(run_id(run.attr)) &&
		    copy_mapping(k, run_id(run.attr), entry_start(m, at, from->level, run.start),
				 entry_start(m, at, from->level, run.end)))
			return QR_NOMEM;
		k->child->regions -= to->nruns;
		qr_run_set(to, run.start, run.end, run.attr);
		k->child->regions += to->nruns;
		space_count(k->child, run.attr, (ptrdiff_t)npages);
	}
	return QR_OK;
}

/* The pages of one run, [i,j) of a leaf.  Answers how many it shared, or what stopped it. */
static enum qr_err share_pages(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to,
			       unsigned i, unsigned j)
{
	struct qr_memory *m = k->c->m;
	const struct qr_format *f = m->format;
	void *source = table_window(m, from), *dest = table_window(m, to);
	unsigned first = UINT16_MAX, last = 0, n = 0, zero = 0;
	enum qr_err err = QR_OK;

	for (; i < j; i++) {
		qr_entry e = qr_entry_read(f, source, i);

		if (qr_entry_none(e) || (e.v & SOFT_FILE && qr_entry_present(f, e)))
			continue;
		if (QR_RARELY(e.v & SOFT_ZERO && qr_entry_present(f, e))) {
			zero++;
		} else {
			err = qr_frame_get(m->frames, resident_frame(m, e));
			if (QR_RARELY(err))
				break;
			if (qr_entry_present(f, e) && qr_entry_writable(f, e)) {
				e = qr_entry_read_only(f, e);
				(void)qr_entry_change(f, source, i, f->write, 0);
				qr_gather_all(&k->c->gather);
			}
		}
		qr_entry_set(f, dest, i, e);
		if (!n++)
			first = i;
		last = i + 1;
	}
	if (n) {
		to->npages = (uint16_t)(to->npages + n);
		to->lo = (uint16_t)(first < to->lo ? first : to->lo);
		to->hi = (uint16_t)(last > to->hi ? last : to->hi);
		k->child->anon += n - zero;
	}
	return err ? QR_NOMEM : QR_OK;
}

static enum qr_err copy_leaf(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to)
{
	if (!from->npages)
		return QR_OK;
	for (unsigned r = run_find(from, from->lo); r < from->nruns; r++) {
		const struct qr_run *run = &from->runs[r];
		unsigned i = run->start > from->lo ? run->start : from->lo;
		unsigned j = run->end < from->hi ? run->end : from->hi;
		const struct qr_mapping *mp;

		if (i >= from->hi)
			break;
		if (run->attr & (RUN_DONTFORK | RUN_WIPE))
			continue;
		mp = run_id(run->attr) ? mapping_of(k->c->s, run->attr) : NULL;
		if (mp && mp->shared)
			continue;
		if (share_pages(k, from, to, i, j))
			return QR_NOMEM;
	}
	return QR_OK;
}

static enum qr_err copy_table(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to,
			      uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = k->c->m;
	struct child x;

	if (copy_runs(k, from, to, lo))
		return QR_NOMEM;
	if (from->level == 0)
		return copy_leaf(k, from, to);
	for (uintptr_t at = lo; child_next(m, from, at, hi, &x); at = x.hi) {
		qr_entry e = entry_of(m, to, x.i); /* kept tables are there already */
		struct qr_ptdesc *t;

		if (qr_entry_none(e)) {
			if (qr_pt_alloc(m, x.t->level, &t))
				return QR_NOMEM;
			pt_link(k->child, to, x.i, t);
		} else {
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		}
		if (copy_table(k, x.t, t, x.lo, x.hi))
			return QR_NOMEM;
	}
	return QR_OK;
}

/* Tables of the child may be empty, or one full run: DONTFORK, pages of objects. */
static void tidy_child(struct qr_space *child, bool undo)
{
	struct qr_memory *m = child->memory;
	struct cursor c;

	qr_cursor_begin(&c, child, m->user_start.v, m->user_end.v);
	c.t = child->root;
	if (undo)
		qr_unmap_part(&c, child->root, m->user_start.v, m->user_end.v);
	else
		qr_settle_part(&c, child->root, m->user_start.v, m->user_end.v);
	qr_cursor_end(&c);
}

/* Mappings made for a run that then found no room have no pages, and nobody who would drop
 * them. */
static void drop_unused_mappings(struct qr_space *s)
{
	uint64_t id = 0;
	uintptr_t v;

	for (; (v = qr_radix_next(&s->mappings, &id)); id++) {
		struct qr_mapping *mp = (struct qr_mapping *)v;

		if (!mp->npages)
			qr_mapping_drop(s, mp);
	}
}

enum qr_err qr_space_fork(struct qr_space *parent, struct qr_space *child)
{
	struct qr_memory *m = parent->memory;
	struct cursor c;
	struct fork k = { .c = &c, .child = child };
	enum qr_err err;

	QR_ASSERT(!child->mapped, "the child of a fork is fresh");
	cursor_lock(&c, parent, m->user_start.v, m->user_end.v);
	c.t = parent->root;
	err = copy_table(&k, parent->root, child->root, m->user_start.v, m->user_end.v);
	child->bottom = parent->bottom;
	child->top = parent->top;
	for (unsigned class = 0; class < QR_FIND_CLASSES; class ++)
		child->find_from[class] = parent->find_from[class];
	child->max_pages = parent->max_pages;
	child->max_locked = parent->max_locked;
	child->max_stack = parent->max_stack;
	cursor_unlock(&c);
	qr_lock_acquire(&child->lock);
	tidy_child(child, err);
	if (err)
		drop_unused_mappings(child);
	space_unlock(child);
	return err;
}
