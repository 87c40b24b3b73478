/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_lock.c - stage S1: the tables of a range are found, locked, and let go; see space_lock.h.
 *
 * Cost, beside the locks: a fault finds its leaf with a load for each level, one exchange and one
 * load to verify.
 */
#include "mm/space.h"

void qr_space_unlock(struct qr_space *s)
{
	range_unlock(s, s->root, 0);
}

#if QR_SPACE_STAGE

/* Does entry e of a table of this level lead to a table of the space's own? */
static bool leads_down(const struct qr_memory *m, qr_entry e, unsigned level)
{
	return qr_entry_is_table(m->format, e, level) &&
	       (level > 1 || qr_entry_writable(m->format, e));
}

static bool one_entry(const struct qr_memory *m, uintptr_t lo, uintptr_t hi, unsigned level)
{
	return (lo ^ (hi - 1)) >> level_shift(m, level) == 0;
}

/* ---- finding ------------------------------------------------------------------------------- */

/* A table, and the entry that pointed to it. */
struct place {
	struct qr_ptdesc *t, *parent; /* the root's parent: null */
	unsigned i;
};

/* One step down, if the range lies there. */
static bool step_down(const struct qr_memory *m, struct place *p, uintptr_t lo, uintptr_t hi,
		      unsigned lowest)
{
	unsigned level = p->t->level, i;
	qr_entry e;

	if (level <= lowest || !one_entry(m, lo, hi, level))
		return false;
	i = index_at(m, lo, level);
	e = qr_entry_read_acq(m->format, table_window(m, p->t), i);
	if (!leads_down(m, e, level))
		return false;
	p->parent = p->t;
	p->i = i;
	p->t = ptdesc_of(m, qr_entry_frame(m->format, e));
	return true;
}

/* The table is locked: was it unhooked, moved or shared before it was? */
static bool still_there(const struct qr_memory *m, const struct place *p)
{
	qr_entry e;

	if (!p->parent)
		return true;
	e = qr_entry_read_acq(m->format, table_window(m, p->parent), p->i);
	return leads_down(m, e, p->parent->level) && qr_entry_frame(m->format, e).v == p->t->frame;
}

static bool lock_one(struct qr_ptdesc *t, bool wait)
{
	if (!wait)
		return table_try(t);
	table_lock(t);
	return true;
}

static struct qr_ptdesc *lock_top(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned lowest,
				  bool wait)
{
	struct qr_memory *m = s->memory;
	struct place p;
	bool got, there;

	do {
		p = (struct place){ .t = s->root };
		qr_epoch_enter(&m->epochs);
		while (step_down(m, &p, lo, hi, lowest))
			;
		got = lock_one(p.t, wait);
		there = got && still_there(m, &p);
		if (got && !there)
			table_unlock(p.t);
		qr_epoch_exit(&m->epochs);
	} while (got && !there);
	/* What has been hung below it meanwhile stays there as long as we have its parent. */
	while (got && step_down(m, &p, lo, hi, lowest)) {
		got = lock_one(p.t, wait);
		table_unlock(p.parent);
	}
	return got ? p.t : NULL;
}

/* ---- holding ------------------------------------------------------------------------------- */

/* The tables below t in the range, behind *last. */
static bool lock_below(const struct qr_memory *m, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
		       struct qr_ptdesc **last, bool wait)
{
	struct child k;

	for (uintptr_t at = lo; t->level && child_next(m, t, at, hi, &k); at = k.hi) {
		if (child_borrowed(m, t, k.i))
			continue;
		if (!lock_one(k.t, wait))
			return false;
		table_join(*last, k.t);
		*last = k.t;
		if (!lock_below(m, k.t, k.lo, k.hi, last, wait))
			return false;
	}
	return true;
}

static struct qr_ptdesc *lock_range(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned lowest,
				    bool wait)
{
	struct qr_ptdesc *top = lock_top(s, lo, hi, lowest, wait), *last = top;

	if (!top)
		return NULL;
	qr_store_word(&top->holder, (qr_word)top);
	if (lock_below(s->memory, top, lo, hi, &last, wait))
		return top;
	qr_tables_unlock(top);
	return NULL;
}

struct qr_ptdesc *qr_range_lock(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned lowest)
{
	return lock_range(s, lo, hi, lowest, true);
}

struct qr_ptdesc *qr_range_try(struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	return lock_range(s, lo, hi, 0, false);
}

void qr_tables_unlock(struct qr_ptdesc *top)
{
	while (top) {
		struct qr_ptdesc *t = top;

		top = t->next;
		t->next = t->prev = NULL;
		qr_store_word(&t->holder, 0);
		table_unlock(t);
	}
}

/* ---- what remains above the top -------------------------------------------------------------- */

/* Settle the table of this level on the way to va, and those above it that become empty. */
static void settle_above(struct qr_space *s, uintptr_t va, unsigned level)
{
	struct qr_ptdesc *t;
	struct cursor c;
	bool more;

	do {
		t = qr_range_lock(s, va, va + QR_PAGE_SIZE, level + 1);
		cursor_begin(&c, s, va, va + QR_PAGE_SIZE);
		qr_settle_part(&c, t, va, va + QR_PAGE_SIZE);
		qr_cursor_flush(&c);
		level = t->level;
		more = t != s->root && !(t->flags & PT_KEEP) && may_settle(s->memory, t);
		qr_tables_unlock(t);
	} while (more);
}

/* One empty leaf of a space stays where it is; the one before goes, if it is empty still. */
static void keep_empty_leaf(struct qr_space *s, uintptr_t va)
{
	uintptr_t old = qr_xchg_word(&s->idle_va, va);

	if (old != UINTPTR_MAX && !same_leaf(s->memory, old, va))
		settle_above(s, old, 0);
}

void qr_range_unlock(struct qr_space *s, struct qr_ptdesc *top, uintptr_t va)
{
	bool settles = top != s->root && !(top->flags & PT_KEEP) && may_settle(s->memory, top);
	bool empty = !top->nruns;
	unsigned level = top->level;

	qr_tables_unlock(top);
	if (QR_RARELY(settles)) {
		if (level == 0 && empty)
			keep_empty_leaf(s, va);
		else
			settle_above(s, va, level);
	}
	space_end(s);
}

/* ---- limbo ------------------------------------------------------------------------------------ */

static struct qr_ptdesc *limbo_take(struct qr_memory *m)
{
	struct qr_ptdesc *t;

	qr_lock_acquire(&m->spare_lock);
	t = m->limbo;
	if (t && !qr_epoch_passed(&m->epochs, t->retired))
		t = NULL;
	if (t)
		m->limbo = t->next;
	qr_lock_release(&m->spare_lock);
	return t;
}

bool qr_tables_reclaim(struct qr_memory *m)
{
	struct qr_ptdesc *t;
	bool none;

	while ((t = limbo_take(m))) {
		QR_ASSERT_DEBUG(t->flags & PT_STALE && !t->holder,
				"I14: a freed table was unhooked, and nobody holds it");
		t->next = NULL;
		qr_pt_free(m, t);
	}
	qr_lock_acquire(&m->spare_lock);
	none = !m->limbo;
	qr_lock_release(&m->spare_lock);
	return none;
}

void qr_tables_retire(struct qr_memory *m, struct qr_ptdesc *list)
{
	qr_word retired = qr_epoch_retire(&m->epochs);

	qr_lock_acquire(&m->spare_lock);
	while (list) {
		struct qr_ptdesc *t = list;

		list = (struct qr_ptdesc *)t->runs;
		t->runs = t->in;
		t->retired = retired;
		t->next = NULL;
		if (m->limbo)
			m->limbo_last->next = t;
		else
			m->limbo = t;
		m->limbo_last = t;
	}
	qr_lock_release(&m->spare_lock);
	(void)qr_tables_reclaim(m);
}

#endif
