/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_fork.c - a child that sees what its parent sees, and then goes its own way.
 *
 *	parent table                child table
 *	runs  ── copied ──────────> runs          (but DONTFORK)
 *	A rw  ── W cleared ───────> A r-          one reference more: the first write copies
 *	Z r-  ────────────────────> Z r-          zero page: no reference
 *	F r-  ── left out                         a fault finds it in its object again
 *	leaf  ── W cleared ───────> the leaf      if the child gets all its runs: space_share.c
 *
 * Tables are copied one by one, in order of address.  When memory runs out, the child is emptied
 * again; the parent keeps its pages, some of them read-only until its next write to them finds
 * that nobody shares them.
 *
 * With threads in the parent nothing more is needed than that all of it is locked, table by table
 * in S1, and that this is let go after the flush: nobody can own a leaf in between, in the parent
 * for want of the lock, in the child because it does not run yet; and who has had the leaf from
 * an earlier fork could not write to it before this one.
 *
 * Cost: about 110 instructions a table that is shared, 25 a page in those that are copied.
 */
#include "mm/space.h"

/* Flags that a child does not get. */
#define NOT_INHERITED (RUN_LOCKED | RUN_ONFAULT | RUN_UMISS | RUN_UWP)

struct fork {
	struct cursor *c; /* over the parent */
	struct cursor *d; /* over the child */
	struct qr_space *child;
};

/* The child's mapping for an id of the parent's: the same id, so that runs can be copied. */
static enum qr_err copy_mapping(struct fork *k, uint32_t id, uintptr_t lo, uintptr_t hi)
{
	struct qr_mapping *mp = (struct qr_mapping *)qr_radix_get(&k->child->mappings, id);

	if (!mp) {
		const struct qr_mapping *old =
		    (const struct qr_mapping *)qr_radix_get(&k->c->s->mappings, id);
		struct qr_mapping like = mapping_like(old);

		like.lo = lo;
		like.hi = hi;
		if (qr_mapping_make(k->child, &like, &mp))
			return QR_NOMEM;
	}
	qr_mapping_cover(k->child, mp, lo, hi);
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
		size_t npages = (size_t)(run.end - run.start) << order, before;

		if (run.attr & RUN_DONTFORK)
			continue;
		run.attr &= ~NOT_INHERITED;
		if (QR_RARELY(run_id(run.attr)) &&
		    copy_mapping(k, run_id(run.attr), entry_start(m, at, from->level, run.start),
				 entry_start(m, at, from->level, run.end)))
			return QR_NOMEM;
		before = to->nruns;
		qr_run_set(to, run.start, run.end, run.attr);
		tally(&k->child->regions, (size_t)to->nruns - before);
		space_count(k->child, run.attr, (ptrdiff_t)npages);
	}
	return QR_OK;
}

static enum qr_err copy_leaf(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to)
{
	enum qr_err err = QR_OK;
	bool lost = false;

	if (!from->npages)
		return QR_OK;
	for (unsigned r = 0; r < from->nruns && !err; r++) {
		const struct qr_run *run = &from->runs[r];

		if (QR_RARELY(run->attr & (RUN_DONTFORK | RUN_WIPE)) ||
		    (run_id(run->attr) && mapping_of(k->c->s, run->attr)->shared))
			continue;
		err = qr_leaf_copy(k->c->m, from, to, run->start, run->end, false, &lost);
	}
	if (lost)
		qr_gather_all(&k->c->gather);
	space_count_leaf(k->child, to, 1);
	return err;
}

/* May the child have this leaf, descriptor and all, as it is? */
static bool may_share(const struct fork *k, const struct qr_ptdesc *leaf, bool borrowed)
{
	if (borrowed)
		return table_refs(k->c->m, leaf) < QR_FRAME_REF_MAX;
	/* On its way to be kept, or to go (qr_range_unlock): nobody unhooks what is borrowed. */
	if (QR_SPACE_STAGE && !leaf->nruns)
		return false;
	for (unsigned r = 0; r < leaf->nruns; r++) {
		uint32_t attr = leaf->runs[r].attr;

		if (attr & (NOT_INHERITED | RUN_DONTFORK | RUN_WIPE) ||
		    (run_id(attr) && mapping_of(k->c->s, attr)->shared))
			return false;
	}
	return true;
}

/* The child promises what a leaf at `lo` promises. */
static enum qr_err share_runs(struct fork *k, const struct qr_ptdesc *leaf, uintptr_t lo)
{
	const struct qr_run *run = leaf->runs, *end = run + leaf->nruns;

	for (; run < end; run++)
		if (QR_RARELY(run_id(run->attr)) &&
		    copy_mapping(k, run_id(run->attr), entry_start(k->c->m, lo, 0, run->start),
				 entry_start(k->c->m, lo, 0, run->end)))
			return QR_NOMEM;
	for (run = leaf->runs; run < end; run++)
		space_count(k->child, run->attr, run->end - run->start);
	tally(&k->child->regions, leaf->nruns);
	return QR_OK;
}

/* The child gets leaf x of `from`; none of the two may write to it from now on. */
static enum qr_err share_leaf(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to,
			      const struct child *x)
{
	struct qr_memory *m = k->c->m;
	void *entries = table_window(m, from);
	qr_entry e = qr_entry_read(m->format, entries, x->i);

	if (share_runs(k, x->t, x->lo))
		return QR_NOMEM;
	QR_ASSERT(!qr_frame_get(m->frames, qr_frame_of(x->t->frame)), "a leaf has few spaces");
	if (qr_entry_writable(m->format, e)) {
		entry_update(m->format, entries, x->i, e, QR_FIXED(m->format)->write, 0);
		tally(&k->c->s->borrowed, 1);
		space_count_leaf(k->c->s, x->t, -1);
		table_leave(x->t);
		qr_gather_all(&k->c->gather);
	}
	qr_entry_set(m->format, table_window(m, to), x->i, qr_entry_read_only(m->format, e));
	to->ntables++;
	mark_used(m, to, x->i);
	tally(&k->child->borrowed, 1);
	tally(&k->child->tables, 1);
	return QR_OK;
}

static enum qr_err copy_table(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to,
			      uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = k->c->m;
	unsigned left = from->ntables; /* of the root: the user's half */
	enum qr_err err;
	struct child x;

	if (copy_runs(k, from, to, lo))
		return QR_NOMEM;
	if (from->level == 0)
		return copy_leaf(k, from, to);
	if (QR_RARELY(from->npages) && qr_huge_share(k->c, k->child, from, to, lo, hi))
		return QR_NOMEM;
	for (uintptr_t at = lo; left && child_next(m, from, at, hi, &x); at = x.hi, left--) {
		qr_entry e = entry_of(m, to, x.i); /* kept tables are there already */
		bool borrowed = child_borrowed(m, from, x.i);
		struct qr_ptdesc *t;

		if (from->level == 1 && may_share(k, x.t, borrowed)) {
			if (share_leaf(k, from, to, &x))
				return QR_NOMEM;
			continue;
		}
		if (qr_entry_none(e)) {
			if (qr_pt_alloc(m, x.t->level, &t))
				return QR_NOMEM;
			pt_link(m, to, x.i, t);
			tally(&k->child->tables, 1);
		} else {
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		}
		if (QR_RARELY(borrowed))
			table_lock(x.t);
		err = copy_table(k, x.t, t, x.lo, x.hi);
		if (QR_RARELY(borrowed))
			table_unlock(x.t);
		if (err)
			return QR_NOMEM;
		/* Empty, or one full run: DONTFORK, pages of objects. */
		if (QR_RARELY(may_settle(m, t)))
			qr_pt_settle(k->d, to, x.i, t, x.lo);
	}
	return QR_OK;
}

/* Mappings made for a run that then found no room have no pages, and nobody who would drop
 * them. */
static void drop_unused_mappings(struct qr_space *s)
{
	uint64_t id = 0;
	uintptr_t v;

	for (; (v = qr_radix_next(&s->mappings, &id)); id++) {
		struct qr_mapping *mp = (struct qr_mapping *)v;

		if (!mp->npages) {
			mappings_lock(s);
			qr_mapping_drop(s, mp);
			mappings_unlock(s);
		}
	}
}

static void inherit(struct qr_space *child, const struct qr_space *parent)
{
	child->bottom = parent->bottom;
	child->top = parent->top;
	child->up = parent->up;
	for (unsigned i = 0; i < QR_FIND_CLASSES; i++)
		child->find_from[i] = qr_load_word(&parent->find_from[i]);
	child->no_huge = parent->no_huge;
	child->lazy = parent->lazy;
	child->max_pages = parent->max_pages;
	child->max_locked = parent->max_locked;
	child->max_stack = parent->max_stack;
}

enum qr_err qr_space_fork(struct qr_space *parent, struct qr_space *child)
{
	const uintptr_t lo = parent->memory->user_start.v, hi = parent->memory->user_end.v;
	struct cursor c, d;
	struct fork k = { .c = &c, .d = &d, .child = child };
	enum qr_err err;

	QR_ASSERT(!child->mapped, "the child of a fork is fresh");
	(void)space_lock(parent);
	(void)space_lock(child);
	cursor_begin(&c, parent, lo, hi);
	cursor_begin(&d, child, lo, hi);
	c.t = parent->root;
	d.t = child->root;
	qr_settle_idle(&c);
	forget_near(parent);
	err = copy_table(&k, parent->root, child->root, lo, hi);
	inherit(child, parent);
	if (err) {
		qr_unmap_part(&d, child->root, lo, hi);
		drop_unused_mappings(child);
	}
	qr_cursor_end(&c);
	qr_cursor_end(&d);
	qr_space_unlock(parent);
	qr_space_unlock(child);
	return err;
}
