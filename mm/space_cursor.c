/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_cursor.c - operations on a range: lock, reserve, settle, unlock.
 *
 *	        root
 *	         │                     the covering table is the lowest under which all of
 *	    ┌─ covering ─┐             [lo,hi) lies; reserve goes down both of its edges:
 *	  ..x  [a,b)     y..
 *	   / \          / \            x, y: carved, so that what lies outside of the range
 *	  ..[lo,..)  ..,hi)..          keeps its run; [a,b): whole entries, no need to go down
 *
 * Reserve only changes how things are written down: a full run in a child table means what one
 * entry of the parent's run meant.  So giving up half-way is settling, which needs no memory.
 */
#include "mm/space.h"

struct qr_ptdesc *qr_table_walk(struct qr_space *s, uintptr_t va)
{
	const struct qr_memory *m = s->memory;
	const struct qr_format *f = m->format;
	unsigned level = qr_format_top(f), shift = level_shift(m, level);
	uintptr_t table = (uintptr_t)s->root->frame << QR_PAGE_SHIFT;
	struct qr_ptdesc *t;
	qr_entry e = QR_ENTRY_NONE;

	for (; level; level--, shift -= QR_FIXED(f)->bits) {
		unsigned i = (unsigned)(va >> shift) & ((1u << QR_FIXED(f)->bits) - 1);

		e = qr_entry_read(f, (void *)(m->low_base + table), i);
		if (QR_RARELY(!qr_entry_is_table(f, e, level)))
			break;
		table = (uintptr_t)(e.v & QR_FIXED(f)->address);
	}
	t = ptdesc_of(m, qr_frame_of((uint32_t)(table >> QR_PAGE_SHIFT)));
	if (!QR_SPACE_STAGE && !level && QR_LIKELY(qr_entry_writable(f, e))) {
		s->near = t;
		s->near_va = va;
	}
	return t;
}

struct qr_ptdesc *qr_table_covering(struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->root;

	if (!QR_SPACE_STAGE && same_leaf(m, lo, hi - 1)) {
		t = qr_table_walk(s, lo);
		if (QR_LIKELY(t->level || t == s->near))
			return t;
		t = s->root;
	}
	while (t->level && (lo ^ (hi - 1)) >> level_shift(m, t->level) == 0) {
		qr_entry e = entry_of(m, t, index_at(m, lo, t->level));

		if (!qr_entry_is_table(m->format, e, t->level) ||
		    (t->level == 1 && !qr_entry_writable(m->format, e)))
			break;
		t = ptdesc_of(m, qr_entry_frame(m->format, e));
	}
	return t;
}

void qr_settle_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;

	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		qr_settle_part(c, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* From table t, which is on the way to va, upwards, as far as the tables are ours; usually nobody
 * needs to know the way. */
static void settle_path(struct cursor *c, const struct qr_ptdesc *last, uintptr_t va)
{
	struct qr_ptdesc *path[QR_MAX_LEVELS], *t = c->s->root;
	struct qr_memory *m = c->m;

	for (path[t->level] = t; t != last; path[t->level] = t)
		t = ptdesc_of(m,
			      qr_entry_frame(m->format, entry_of(m, t, index_at(m, va, t->level))));
	for (unsigned level = t->level; level < c->s->root->level; level++)
		if (!held_together(path[level + 1], path[level]) ||
		    !qr_pt_settle(c, path[level + 1], index_at(m, va, level + 1), path[level], va))
			break;
}

void qr_settle_idle(struct cursor *c)
{
	struct qr_space *s = c->s;
	struct qr_ptdesc *idle = s->idle;
	uintptr_t va = s->idle_va;

#if QR_SPACE_STAGE
	va = qr_xchg_word(&s->idle_va, UINTPTR_MAX);
	if (va == UINTPTR_MAX)
		return;
	idle = qr_table_walk(s, va);
	if (idle->level || idle->nruns || !held_together(idle, s->root))
		return;
#endif
	s->idle = NULL;
	if (idle)
		settle_path(c, idle, va);
}

/* One empty leaf of a space stays where it is: a program that maps and unmaps, again and again,
 * a page without neighbours would otherwise make three tables each time.  (In S1: the leaf is the
 * top, and qr_range_unlock sees to it.) */
static bool keep_idle(struct cursor *c, struct qr_ptdesc *t)
{
	if (QR_SPACE_STAGE || t->level || t->nruns)
		return false;
	if (t != c->s->idle) {
		qr_settle_idle(c);
		c->s->idle = t;
		c->s->idle_va = c->lo;
	}
	return true;
}

void qr_cursor_end(struct cursor *c)
{
	struct qr_ptdesc *t = c->t;

	/* Usually the covering table goes on living, and a leaf keeps its small array of runs:
	 * ask before calling. */
	if (QR_RARELY(may_settle(c->m, t)) && !keep_idle(c, t))
		settle_path(c, t, c->lo);
	else if (QR_RARELY(t->runs != t->in && (t->level || t->cap > 16)))
		qr_run_shrink(c->m, t);
	if (QR_RARELY(c->gather.npages | c->gather.nframes) || c->dead)
		qr_cursor_flush(c);
}

void qr_cursor_flush(struct cursor *c)
{
	struct qr_ptdesc *dead = c->dead;

	qr_gather_flush(&c->gather);
	c->dead = NULL;
#if QR_SPACE_STAGE
	for (struct qr_ptdesc *t = dead; t; t = (struct qr_ptdesc *)t->runs)
		if (t->flags & PT_BLOCK)
			qr_huge_put(c->m, qr_frame_of(t->in[0].attr));
	if (QR_RARELY(dead))
		qr_tables_retire(c->m, dead);
#else
	while (QR_RARELY(dead)) {
		struct qr_ptdesc *t = dead;

		dead = (struct qr_ptdesc *)t->runs;
		t->runs = t->in;
		if (t->flags & PT_BLOCK)
			qr_huge_put(c->m, qr_frame_of(t->in[0].attr));
		qr_pt_free(c->m, t);
	}
#endif
}

/* One end: down to the table where `at` begins an entry; `inside` is an address of the range
 * beside it. */
static enum qr_err reserve_edge(struct cursor *c, uintptr_t at, uintptr_t inside, bool create)
{
	struct qr_memory *m = c->m;
	struct qr_ptdesc *t = c->t;

	for (;;) {
		unsigned i;
		qr_entry e;

		if (run_room(m, t, c->room))
			return QR_NOMEM;
		if (t->level == 0 || entry_aligned(m, at, t->level)) {
			/* Tables that are kept are in the way of whole entries, too. */
			if (t->level == 0 || !m->format->bare_top || t->level != c->s->root->level)
				return QR_OK;
		}
		i = index_at(m, inside, t->level);
		e = entry_of(m, t, i);
		if (qr_entry_is_table(m->format, e, t->level)) {
			if (QR_RARELY(tally_read(&c->s->borrowed)) && child_borrowed(m, t, i)) {
				if (qr_leaf_own(c->s, t, i, inside, true, &t))
					return QR_NOMEM;
				continue;
			}
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		} else if (!create && !run_at(t, i)) {
			return QR_OK;
		} else if (qr_pt_carve(c->s, t, i, inside, &t)) {
			return QR_NOMEM;
		}
	}
}

enum qr_err qr_cursor_reserve(struct cursor *c, bool create)
{
	if (QR_LIKELY(c->t->level == 0))
		return run_room(c->m, c->t, c->room);
	if (reserve_edge(c, c->lo, c->lo, create) || reserve_edge(c, c->hi, c->hi - 1, create)) {
		qr_settle_part(c, c->t, c->lo, c->hi);
		return QR_NOMEM;
	}
	return QR_OK;
}
