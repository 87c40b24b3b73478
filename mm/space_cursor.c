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

void qr_cursor_begin(struct cursor *c, struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->root;
	unsigned level = t->level, shift = level_shift(m, level);
	void *entries = table_window(m, t);

	c->s = s;
	c->m = m;
	c->lo = lo;
	c->hi = hi;
	c->dead = NULL;
	c->frames = 0;
	c->room = 2;
	c->deep = c->hold = false;
	qr_gather_init(&c->gather, &s->tlb, m->frames);
	c->path[level] = t;
	while (level && (lo ^ (hi - 1)) >> shift == 0) {
		qr_entry e = qr_entry_read(m->format, entries, index_at(m, lo, level));

		if (!qr_entry_is_table(m->format, e, level))
			break;
		t = ptdesc_of(m, qr_entry_frame(m->format, e));
		entries = table_window(m, t);
		c->path[--level] = t;
		shift -= m->format->bits;
	}
	c->t = t;
}

void qr_settle_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;

	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		qr_settle_part(c, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* From the covering table upwards. */
static void settle_path(struct cursor *c)
{
	struct qr_memory *m = c->m;

	for (unsigned level = c->t->level; level < c->s->root->level; level++) {
		struct qr_ptdesc *parent = c->path[level + 1];

		if (!qr_pt_settle(c, parent, index_at(m, c->lo, level + 1), c->path[level], c->lo))
			break;
	}
}

void qr_cursor_end(struct cursor *c)
{
	struct qr_ptdesc *t = c->t;

	/* Usually the covering table goes on living; ask before calling. */
	if (QR_RARELY(!(t->npages | t->ntables) && t->nruns <= 1))
		settle_path(c);
	else if (QR_RARELY(t->runs != t->in))
		qr_run_shrink(c->m, t);
	qr_cursor_flush(c);
}

void qr_cursor_flush(struct cursor *c)
{
	qr_gather_flush(&c->gather);
	while (QR_RARELY(c->dead)) {
		struct qr_ptdesc *t = c->dead;

		c->dead = (struct qr_ptdesc *)t->runs;
		t->runs = t->in;
		qr_pt_free(c->m, t);
	}
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
		if (qr_entry_is_table(m->format, e, t->level))
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		else if (!create && !run_at(t, i))
			return QR_OK;
		else if (qr_pt_carve(c->s, t, i, &t))
			return QR_NOMEM;
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
