/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_share.c - leaves that several spaces have: how fork leaves them, how one becomes free.
 *
 *	directories     parent [ .. L ..]      [.. L ..] child      L without W in both
 *	                             \          /
 *	leaf                     [A A . Z F A . . A]                 two references
 *
 * The CPU grants a write only if every level does, so that clearing W in the directory entries
 * makes a whole leaf read-only: fork of a large space costs some instructions a table, not a page,
 * and so does exit.  The descriptor goes with the table: what is promised there is the same for
 * all who have the leaf, under the same mapping ids.
 *
 * Whoever changes something behind such an entry owns the leaf first:
 *
 *	nobody else has it    W comes back, and that is all: its pages are as they were
 *	others have it        a copy takes its place, copy-on-write page by page; no flush is owed
 *	                      to the others, who could not write either
 *
 * What needs no owner: reading; a page that a read finds missing, since it is the same page for
 * all of them (zeroes, or the object's); and a page that an object loses, which it loses for all.
 * Resident pages are therefore counted in the descriptor too, and the space's counters leave out
 * what it borrows.
 *
 * A leaf with runs that the child does not get as they are, or that shows shared memory, is copied
 * at once.
 *
 * Locking: the leaf's, inside its space's, or of its directory (S1).  A leaf's references change
 * under it, or are taken by somebody who has one.  This space's other CPUs have forgotten the leaf before its reference goes.
 * Cost: own: some 40 instructions, or about 12 a page; let go: about 70.
 * Source: Zhao et al., "On-demand-fork" (EuroSys 2021).
 */
#include "mm/space.h"

/* ---- copying pages ---------------------------------------------------------------------- */

/* Too many share the frame for its word to count them: a frame of its own.  None: no memory. */
static __attribute__((noinline)) qr_entry copy_now(struct qr_memory *m, qr_entry e)
{
	qr_frame to;

	if (qr_frames_alloc(m->frames, 0, QR_FRAME_ANON, QR_ANY, &to))
		return QR_ENTRY_NONE;
	qr_host_frame_copy(to, qr_entry_frame(m->format, e));
	return qr_entry_of((e.v & ~m->format->address) | (uint64_t)to.v << QR_PAGE_SHIFT);
}

/* A page that is not an ordinary present anonymous one.  *e becomes what the copy gets.
 * Errors: QR_NOMEM, too many share it, and a page without rights is not copied early. */
static __attribute__((noinline)) enum qr_err share_odd(struct qr_memory *m, struct qr_ptdesc *to,
						       bool files, qr_entry *e)
{
	bool present = qr_entry_present(m->format, *e);
	qr_frame f;

	if (!present || !(e->v & SOFT_ZERO)) {
		f = resident_frame(m, *e);
		if (present && !files) {
			*e = QR_ENTRY_NONE;
		} else if (!share_frame(qr_frame_word(m->frames, f))) {
			if (!present)
				return QR_NOMEM;
			*e = QR_ENTRY_NONE;
		}
	}
	if (qr_entry_present(m->format, *e))
		count_odd(to, *e, 1);
	return QR_OK;
}

/* The loop is what copying a leaf costs. */
enum qr_err qr_leaf_copy(struct qr_memory *m, struct qr_ptdesc *from, struct qr_ptdesc *to,
			 unsigned i, unsigned j, bool files, bool *lost)
{
	const struct qr_format *f = m->format;
	const uintptr_t words = frame_words(m);
	const uint64_t write = QR_FIXED(f)->write;
	void *source = table_window(m, from), *dest = table_window(m, to);
	enum qr_err err = QR_OK;
	uint64_t rights = 0;
	unsigned n = 0;

	for (i = next_used(m, from, source, i, j); i < j; i++) {
		qr_entry e = qr_entry_read(f, source, i);

		if (QR_LIKELY(entry_is_plain(m, e))) {
			rights |= e.v;
			if (e.v & write)
				entry_update(f, source, i, e, write, 0);
			e.v &= ~write;
			if (QR_RARELY(!share_frame(entry_word(m, words, e)))) {
				e = copy_now(m, e);
				err = qr_entry_none(e) ? QR_NOMEM : QR_OK;
			}
		} else if (qr_entry_none(e)) {
			i = next_used(m, from, source, i + 1, j) - 1;
			continue;
		} else {
			err = share_odd(m, to, files, &e);
		}
		if (QR_RARELY(err))
			break;
		qr_entry_set(f, dest, i, e);
		n += !qr_entry_none(e);
	}
	*lost |= (rights & write) != 0;
	to->npages = (uint16_t)(to->npages + n);
	if (n)
		to->used |= from->used;
	return err;
}

/* Of a copy that was not finished. */
static void put_pages(struct qr_memory *m, struct qr_ptdesc *t)
{
	void *entries = table_window(m, t);
	unsigned end = table_entries(m, 0);

	for (unsigned i = 0; (i = next_used(m, t, entries, i, end)) < end; i++) {
		qr_entry e = qr_entry_clear(m->format, entries, i);

		if (!qr_entry_present(m->format, e) || !(e.v & SOFT_ZERO))
			qr_frame_put(m->frames, resident_frame(m, e));
	}
	t->npages = t->nfile = t->nzero = t->nshared = 0;
}

/* ---- owning ----------------------------------------------------------------------------- */

static void grant(struct qr_memory *m, struct qr_ptdesc *dir, unsigned i, struct qr_ptdesc *leaf)
{
	(void)qr_entry_swap(m->format, table_window(m, dir), i,
			    qr_entry_table(m->format, qr_frame_of(leaf->frame), 1, true));
}

/* One of several references goes. */
static void unref(struct qr_memory *m, struct qr_ptdesc *leaf)
{
	struct qr_frame_word *w = qr_frame_word(m->frames, qr_frame_of(leaf->frame));

	if (QR_MAX_CPUS > 1)
		(void)qr_add32(&w->state, -1u);
	else
		w->state--;
}

/* A leaf that promises the same, and has the same pages if it is to have them. */
static enum qr_err duplicate(struct qr_memory *m, struct qr_ptdesc *old, bool pages,
			     struct qr_ptdesc **out)
{
	struct qr_ptdesc *t;
	bool lost = false;

	if (qr_pt_alloc(m, 0, &t))
		return QR_NOMEM;
	if (run_room(m, t, old->nruns)) {
		qr_pt_free(m, t);
		return QR_NOMEM;
	}
	if (pages && old->npages && qr_leaf_copy(m, old, t, 0, table_entries(m, 0), true, &lost)) {
		put_pages(m, t);
		qr_pt_free(m, t);
		return QR_NOMEM;
	}
	for (unsigned r = 0; r < old->nruns; r++)
		t->runs[r] = old->runs[r];
	t->nruns = old->nruns;
	*out = t;
	return QR_OK;
}

static enum qr_err replace(struct qr_space *s, struct qr_ptdesc *dir, unsigned i, uintptr_t va,
			   bool pages, struct qr_ptdesc **leaf)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *old = *leaf;
	struct qr_gather g;

	if (duplicate(m, old, pages, leaf))
		return QR_NOMEM;
	table_adopt(dir, *leaf);
	grant(m, dir, i, *leaf);
	/* Pages are where they were, but CPUs remember the table as well; forgetting any page
	 * forgets that. */
	qr_gather_init(&g, &s->tlb, m->frames);
	qr_gather_page(&g, qr_virt_of(va));
	if (!pages)
		qr_gather_all(&g);
	qr_gather_flush(&g);
	unref(m, old);
	return QR_OK;
}

enum qr_err qr_leaf_own(struct qr_space *s, struct qr_ptdesc *dir, unsigned i, uintptr_t va,
			bool pages, struct qr_ptdesc **out)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *old = ptdesc_of(m, qr_entry_frame(m->format, entry_of(m, dir, i)));
	enum qr_err err = QR_OK;

	*out = old;
	table_lock(old);
	if (table_refs(m, old) == 1)
		grant(m, dir, i, old);
	else
		err = replace(s, dir, i, va, pages, out);
	/* What the space owns is held as its directory is. */
	if (QR_SPACE_STAGE && !err && *out == old)
		table_join(dir, old);
	else
		table_unlock(old);
	if (!err) {
		tally(&s->borrowed, -(size_t)1);
		space_count_leaf(s, *out, 1);
	}
	return err;
}

static enum qr_err own_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
			    bool pages)
{
	uintptr_t span = (uintptr_t)1 << level_shift(c->m, t->level);
	struct child k;

	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		enum qr_err err = QR_OK;

		if (t->level > 1)
			err = own_part(c, k.t, k.lo, k.hi, pages);
		else if (child_borrowed(c->m, t, k.i))
			err = qr_leaf_own(c->s, t, k.i, k.lo, pages || k.hi - k.lo < span, &k.t);
		if (err)
			return err;
	}
	return QR_OK;
}

enum qr_err qr_own_range(struct cursor *c, bool pages)
{
	return tally_read(&c->s->borrowed) && c->t->level ? own_part(c, c->t, c->lo, c->hi, pages)
							  : QR_OK;
}

/* ---- letting go ------------------------------------------------------------------------- */

bool qr_leaf_let_go(struct cursor *c, struct qr_ptdesc *dir, const struct child *k)
{
	struct qr_memory *m = c->m;
	struct qr_space *s = c->s;
	struct qr_ptdesc *leaf = k->t;
	bool others;

	table_lock(leaf);
	others = table_refs(m, leaf) > 1;
	if (others) {
		qr_uncount_runs(c, leaf, 0, table_entries(m, 0), k->lo);
		tally(&s->regions, -(size_t)leaf->nruns);
		tally(&s->tables, -(size_t)1);
		(void)qr_entry_clear(m->format, table_window(m, dir), k->i);
		if (--dir->ntables == 0 && dir->npages == 0)
			dir->used = 0;
		qr_gather_all(&c->gather);
		if (QR_MAX_CPUS > 1)
			qr_gather_flush(&c->gather);
		unref(m, leaf);
	} else {
		grant(m, dir, k->i, leaf);
		space_count_leaf(s, leaf, 1);
	}
	if (QR_SPACE_STAGE && !others)
		table_join(dir, leaf);
	else
		table_unlock(leaf);
	tally(&s->borrowed, -(size_t)1);
	return others;
}
