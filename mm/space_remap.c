/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_remap.c - a region becomes longer, shorter, or moves with its pages.
 *
 *	shrink   unmap the tail
 *	grow     in place, if what follows is free; else move
 *	move     promise the new place, move the entries, unmap the old one (or leave it, empty)
 *	copy     old length 0: a second mapping of the same object
 *
 * Moving an entry neither copies the page nor touches its references.  Where old and new place
 * agree modulo a leaf table, whole leaves are unhooked here and hooked in there.
 *
 * All tables that the move will need are made under what is at the new place now; only then is
 * that replaced.  So running out of memory leaves it as it was, `fixed` or not.
 */
#include "mm/space.h"

struct move {
	struct qr_space *s;
	struct cursor from, to;
	uintptr_t shift; /* new address - old address, modulo the word */
	uint32_t attr;   /* at the new place */
};

/* What is at [lo, lo+n): one region, or QR_NOENT. */
static enum qr_err find_region(struct qr_space *s, uintptr_t lo, size_t npages, struct found *out)
{
	if (!qr_region_next(s, lo, lo + QR_PAGE_SIZE, out) || out->lo > lo ||
	    (out->hi - lo) >> QR_PAGE_SHIFT < npages)
		return QR_NOENT;
	return QR_OK;
}

/* A copy (keep_old) takes the room of what it replaces; what grows has to have room beside it, as
 * since Linux 6.17. */
static enum qr_err grow_limits(struct qr_space *s, const struct qr_remap *req, uint32_t attr,
			       size_t more)
{
	uintptr_t to = req->to.v, end = to + (req->new_npages << QR_PAGE_SHIFT);
	size_t mapped = tally_read(&s->mapped) + more, locked = tally_read(&s->locked) + more;
	bool replaces = req->fixed && req->keep_old;

	if (mapped < more)
		return QR_LIMIT;
	if (mapped > s->max_pages &&
	    (!replaces || mapped - qr_pages_promised(s, to, end, 0, false) > s->max_pages))
		return QR_LIMIT;
	if (attr & RUN_LOCKED && locked > s->max_locked &&
	    (!replaces ||
	     locked - qr_pages_promised(s, to, end, RUN_LOCKED, false) > s->max_locked))
		return QR_LIMIT;
	return QR_OK;
}

/* ---- in place ------------------------------------------------------------------------------- */

static enum qr_err unmap_locked(struct qr_space *s, struct cursor *c, uintptr_t lo, uintptr_t hi)
{
	enum qr_err err;

	cursor_begin(c, s, lo, hi);
	err = qr_cursor_reserve(c, false);
	if (!err) {
		qr_unmap_part(c, c->t, lo, hi);
		qr_find_freed(c, lo, hi);
	}
	qr_cursor_end(c);
	return err;
}

/* QR_EXISTS: there is no room. */
static enum qr_err grow_in_place(struct qr_space *s, struct cursor *c, uint32_t attr, uintptr_t end,
				 uintptr_t hi)
{
	struct found f;
	enum qr_err err;

	/* A stack above keeps its gap from what is new, not from what grows. */
	if (hi > s->memory->user_end.v || hi < end || qr_run_next(s, end, hi, &f))
		return QR_EXISTS;
	cursor_begin(c, s, end, hi);
	err = qr_cursor_reserve(c, true);
	if (!err) {
		struct qr_mapping *mp = run_id(attr) ? mapping_of(s, attr) : NULL;

		if (mp)
			qr_mapping_cover(s, mp, end, hi);
		space_count(s, attr, (ptrdiff_t)((hi - end) >> QR_PAGE_SHIFT));
		qr_map_part(c, c->t, end, hi, attr);
	}
	qr_cursor_end(c);
	return err;
}

/* ---- moving pages ---------------------------------------------------------------------------- */

/* A whole leaf of one run that lies the same way at both places? */
static bool relinks(const struct move *v, const struct qr_ptdesc *t, const struct child *k)
{
	const struct qr_memory *m = v->s->memory;

	return t->level == 1 && k->t->nruns == 1 && entry_aligned(m, v->shift, 1) &&
	       entry_aligned(m, k->lo, 1) && entry_aligned(m, k->hi, 1);
}

/* Huge pages move whole if they lie the same way at both places, else as small ones. */
static enum qr_err prepare_huge(struct move *v, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = v->s->memory;
	uintptr_t span = (uintptr_t)1 << level_shift(m, 1), va;
	struct qr_ptdesc *to;
	unsigned i;

	if (!entry_aligned(m, v->shift, 1)) {
		qr_huge_split_range(v->s, t, lo, hi);
		return QR_OK;
	}
	for (uintptr_t at = lo; qr_huge_next(m, t, at, hi, &va, &i); at = va + span)
		if (qr_table_at(v->s, va + v->shift, 1, &to))
			return QR_NOMEM;
	return QR_OK;
}

/* Each huge page takes room for a run along, whatever else its new table will need. */
static enum qr_err room_huge(struct move *v, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = v->s->memory;
	struct child k;

	if (!tally_read(&v->s->nhuge) || t->level == 0)
		return QR_OK;
	if (t->npages && entry_aligned(m, v->shift, 1)) {
		uintptr_t span = (uintptr_t)1 << level_shift(m, 1), va;
		size_t n = tally_read(&v->s->nhuge);
		struct qr_ptdesc *to;
		unsigned i;

		n = n < table_entries(m, 1) ? n : table_entries(m, 1);
		for (uintptr_t at = lo; qr_huge_next(m, t, at, hi, &va, &i); at = va + span)
			if (qr_table_at(v->s, va + v->shift, 1, &to) ||
			    run_room(m, to, (unsigned)n + to->ntables + t->ntables + 8))
				return QR_NOMEM;
	}
	for (uintptr_t at = lo; child_next(m, t, at, hi, &k); at = k.hi)
		if (room_huge(v, k.t, k.lo, k.hi))
			return QR_NOMEM;
	return QR_OK;
}

/* The leaf of what was at the new place becomes a run again. */
static void fold_target(struct move *v, struct qr_ptdesc *to, uintptr_t va)
{
	struct qr_memory *m = v->s->memory;
	unsigned i = index_at(m, va, 1);
	qr_entry e = entry_of(m, to, i);

	if (qr_entry_is_table(m->format, e, 1))
		(void)qr_pt_settle(&v->to, to, i, ptdesc_of(m, qr_entry_frame(m->format, e)), va);
}

static void move_huge(struct move *v, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = v->s->memory;
	uintptr_t span = (uintptr_t)1 << level_shift(m, 1), va;
	struct qr_ptdesc *to;
	unsigned i;

	for (uintptr_t at = lo; qr_huge_next(m, t, at, hi, &va, &i); at = va + span) {
		QR_ASSERT(!qr_table_at(v->s, va + v->shift, 1, &to), "directories were prepared");
		fold_target(v, to, va + v->shift);
		qr_huge_move(&v->from, t, i, va, to, index_at(m, va + v->shift, 1));
	}
}

/* Make the tables that the pages of [lo,hi) will need at the new place, and room for runs. */
static enum qr_err prepare_part(struct move *v, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = v->s->memory;
	struct qr_ptdesc *to;
	struct child k;

	if (t->level == 0) {
		if (!t->npages)
			return QR_OK;
		return qr_table_at(v->s, lo + v->shift, 0, &to) ||
			       qr_table_at(v->s, hi - QR_PAGE_SIZE + v->shift, 0, &to)
			   ? QR_NOMEM
			   : QR_OK;
	}
	if (t->npages && prepare_huge(v, t, lo, hi))
		return QR_NOMEM;
	if (t->level == 1 && run_room(m, t, t->ntables))
		return QR_NOMEM;
	for (uintptr_t at = lo; child_next(m, t, at, hi, &k); at = k.hi) {
		bool failed = relinks(v, t, &k) ? qr_table_at(v->s, k.lo + v->shift, 1, &to) ||
						      run_room(m, to, t->ntables)
						: prepare_part(v, k.t, k.lo, k.hi);

		if (failed)
			return QR_NOMEM;
	}
	return QR_OK;
}

/* The tables that now lie at the new place stay when it is promised anew: each of them may leave a
 * run of its parent on either side. */
static enum qr_err room_between(struct qr_memory *m, struct qr_ptdesc *t, uintptr_t lo,
				uintptr_t hi)
{
	struct child k;

	if (t->level && run_room(m, t, t->ntables + 4u))
		return QR_NOMEM;
	for (uintptr_t at = lo; t->level && child_next(m, t, at, hi, &k); at = k.hi)
		if (room_between(m, k.t, k.lo, k.hi))
			return QR_NOMEM;
	return QR_OK;
}

/* The pages [i,j) that are not plain: from now on counted in the other leaf. */
static __attribute__((noinline)) void move_counts(const struct qr_memory *m, struct qr_ptdesc *from,
						  struct qr_ptdesc *to, unsigned i, unsigned j)
{
	for (; i < j; i++) {
		qr_entry e = entry_of(m, from, i);

		if (!qr_entry_present(m->format, e) || !(e.v & SOFT_ALL))
			continue;
		count_odd(from, e, -1);
		count_odd(to, e, 1);
	}
}

/* Up to n entries, as far as there are any; answers how many. */
static __attribute__((noinline)) unsigned move_entries(const struct qr_format *f, void *source,
						       void *dest, unsigned n)
{
	unsigned k;

	for (k = 0; k < n; k++) {
		qr_entry e = qr_entry_read(f, source, k);

		if (qr_entry_none(e))
			break;
		e = entry_take(f, source, k, e);
		qr_entry_set(f, dest, k, e);
	}
	return k;
}

/* Pages [i, i + n) of one leaf become pages [j, j + n) of another, or of the same. */
static void move_some(struct move *v, struct qr_ptdesc *from, unsigned i, struct qr_ptdesc *to,
		      unsigned j, unsigned n, uintptr_t va)
{
	struct qr_memory *m = v->s->memory;
	const struct qr_format *f = m->format;
	char *source = table_window(m, from), *dest = table_window(m, to);
	unsigned end = i + n, moved = 0, shift = j - i, some;

	if (QR_RARELY(from->nfile | from->nshared | from->nzero) && from != to)
		move_counts(m, from, to, i, end);
	i = next_used(m, from, source, i, end);
	if (i < end)
		mark_used_range(m, to, i + shift, end + shift);
	for (; i < end; i = next_used(m, from, source, i + some, end)) {
		some =
		    move_entries(f, source + ((size_t)i << QR_FIXED(f)->entry_shift),
				 dest + ((size_t)(i + shift) << QR_FIXED(f)->entry_shift), end - i);
		moved += some;
	}
	to->npages = (uint16_t)(to->npages + moved); /* first: it may be the same table */
	from->npages = (uint16_t)(from->npages - moved);
	if (!from->npages)
		no_pages(from);
	if (moved > QR_GATHER_PAGES)
		qr_gather_all(&v->from.gather);
	else if (moved)
		for (unsigned k = 0; k < n; k++)
			qr_gather_page(&v->from.gather,
				       qr_virt_of(va + ((uintptr_t)k << QR_PAGE_SHIFT)));
}

static void move_pages(struct move *v, struct qr_ptdesc *from, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = v->s->memory;
	unsigned entries = table_entries(m, 0), n;

	for (uintptr_t va = lo; va < hi && from->npages; va += (uintptr_t)n << QR_PAGE_SHIFT) {
		unsigned j = index_at(m, va + v->shift, 0);
		struct qr_ptdesc *to;

		n = (unsigned)((hi - va) >> QR_PAGE_SHIFT);
		if (n > entries - j)
			n = entries - j;
		QR_ASSERT(!qr_table_at(v->s, va + v->shift, 0, &to), "leaves were prepared");
		move_some(v, from, index_at(m, va, 0), to, j, n, va);
	}
}

/* Take leaf k of `parent` out, and hang it in at the new place, where a run covers it.  The old
 * promise stays behind as a run of the parent. */
static void relink(struct move *v, struct qr_ptdesc *parent, const struct child *k)
{
	struct qr_memory *m = v->s->memory;
	struct qr_space *s = v->s;
	struct qr_run *full = &k->t->runs[0];
	unsigned i = index_at(m, k->lo + v->shift, 1);
	struct qr_ptdesc *to;
	size_t before;

	QR_ASSERT(!qr_table_at(s, k->lo + v->shift, 1, &to), "directories were prepared");
	fold_target(v, to, k->lo + v->shift);
	(void)qr_entry_clear(m->format, table_window(m, parent), k->i);
	if (--parent->ntables == 0 && parent->npages == 0)
		parent->used = 0;
	forget_near(s);
	if (s->idle == k->t)
		s->idle = NULL;
	qr_gather_all(&v->from.gather);
	before = (size_t)parent->nruns + to->nruns;
	qr_run_set(parent, k->i, k->i + 1, full->attr);
	qr_run_clear(to, i, i + 1);
	tally(&s->regions, (size_t)parent->nruns + to->nruns - before);
	full->attr = v->attr;
	pt_link(m, to, i, k->t);
}

static void move_part(struct move *v, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;

	if (t->level == 0) {
		if (t->npages)
			move_pages(v, t, lo, hi);
		return;
	}
	if (t->npages)
		move_huge(v, t, lo, hi);
	for (uintptr_t at = lo; child_next(v->s->memory, t, at, hi, &k); at = k.hi) {
		if (relinks(v, t, &k))
			relink(v, t, &k);
		else
			move_part(v, k.t, k.lo, k.hi);
	}
}

/* ---- moving the region ------------------------------------------------------------------------ */

static enum qr_err new_mapping(struct move *v, uintptr_t to, uintptr_t hi)
{
	struct qr_mapping like, *mp;

	if (!run_id(v->attr))
		return QR_OK;
	like = mapping_like(mapping_of(v->s, v->attr));
	like.id = 0;
	like.lo = to;
	like.hi = hi;
	if (like.object)
		like.delta +=
		    (int64_t)((to - v->shift) >> QR_PAGE_SHIFT) - (int64_t)(to >> QR_PAGE_SHIFT);
	if (qr_mapping_make(v->s, &like, &mp))
		return QR_NOMEM;
	v->attr = (v->attr & ((1u << RUN_ID_SHIFT) - 1)) | mp->id << RUN_ID_SHIFT;
	return QR_OK;
}

/* The tables of the two places may be the same ones, so none is settled while a cursor still
 * holds on to it; afterwards each range is visited anew. */
static void settle_range(struct qr_space *s, uintptr_t lo, size_t npages)
{
	struct cursor c;

	if (!npages)
		return;
	cursor_begin(&c, s, lo, lo + (npages << QR_PAGE_SHIFT));
	qr_settle_part(&c, c.t, c.lo, c.hi);
	qr_cursor_end(&c);
}

/* All that can fail, and the promise at the new place. */
static enum qr_err take_place(struct move *v, uintptr_t from, size_t old, uintptr_t to, size_t new)
{
	struct qr_space *s = v->s;
	uintptr_t end = to + (new << QR_PAGE_SHIFT), old_end = from + (old << QR_PAGE_SHIFT);
	enum qr_err err;

	if (new_mapping(v, to, end))
		return QR_NOMEM;
	/* One table may belong to both places, and be changed at both edges of each. */
	v->to.room = v->from.room = 4;
	err = qr_cursor_reserve(&v->to, true);
	if (!err && old) {
		cursor_begin(&v->from, s, from, old_end);
		v->from.room = 4;
		err = qr_cursor_reserve(&v->from, false);
		if (!err)
			err = qr_own_range(&v->from, true);
	}
	if (!err && old)
		err = prepare_part(v, v->from.t, from, old_end);
	if (!err)
		err = room_between(s->memory, v->to.t, to, end);
	if (!err && old)
		err = room_huge(v, v->from.t, from, old_end);
	if (err) {
		if (run_id(v->attr)) {
			struct qr_mapping *mp = mapping_of(s, v->attr);

			mappings_lock(s);
			qr_mapping_drop(s, mp);
			mappings_unlock(s);
		}
		return err;
	}
	v->to.deep = true;
	space_count(s, v->attr, (ptrdiff_t) new);
	qr_map_part(&v->to, v->to.t, to, end, v->attr);
	return QR_OK;
}

static enum qr_err move_region(struct move *v, const struct qr_remap *req, uintptr_t to)
{
	uintptr_t from = req->from.v, old_end;
	size_t old = req->old_npages, new = req->new_npages;
	struct qr_space *s = v->s;
	enum qr_err err;

	if (old > new)
		old = new; /* the tail is gone already */
	old_end = from + (old << QR_PAGE_SHIFT);
	v->shift = to - from;
	cursor_begin(&v->to, s, to, to + (new << QR_PAGE_SHIFT));
	cursor_begin(&v->from, s, from, old ? old_end : from + QR_PAGE_SIZE);
	v->to.hold = v->from.hold = true;
	err = take_place(v, from, old, to, new);
	if (!err && old) {
		move_part(v, v->from.t, from, old_end);
		if (!req->keep_old) {
			qr_unmap_part(&v->from, v->from.t, from, old_end);
			qr_find_freed(&v->from, from, old_end);
		}
	}
	qr_cursor_flush(&v->from);
	qr_cursor_flush(&v->to);
	settle_range(s, from, old);
	settle_range(s, to, new);
	return err;
}

static enum qr_err check(struct qr_space *s, const struct qr_remap *req, struct found *f)
{
	const struct qr_memory *m = s->memory;
	uintptr_t from = req->from.v, to = req->to.v;
	size_t old = req->old_npages, new = req->new_npages;

	if (!new || !range_valid(m, req->from, old ? old : 1))
		return QR_INVAL;
	if (new > (m->user_end.v - m->user_start.v) >> QR_PAGE_SHIFT)
		return QR_NOMEM;
	if (req->fixed &&
	    (!range_valid(m, req->to, new) || !req->may_move ||
	     (from < to + (new << QR_PAGE_SHIFT) && to < from + (old << QR_PAGE_SHIFT))))
		return QR_INVAL;
	if (req->keep_old && (!req->may_move || old != new))
		return QR_INVAL;
	if (find_region(s, from, old ? old : 1, f))
		return QR_NOENT;
	if (!old && (!req->may_move || !run_id(f->attr) || !mapping_of(s, f->attr)->shared))
		return QR_INVAL;
	return grow_limits(s, req, f->attr, new > old ? new - old : req->keep_old ? new : 0);
}

/* Anywhere, or where it is wished for. */
static enum qr_err find_place(struct qr_space *s, const struct qr_remap *req, uintptr_t *to)
{
	uintptr_t wish = req->to.v;

	if (req->keep_old && range_valid(s->memory, req->to, req->new_npages) &&
	    !qr_find_between(s, req->new_npages, wish, wish + (req->new_npages << QR_PAGE_SHIFT),
			     false, to))
		return QR_OK;
	return qr_find_free(s, req->new_npages, false, to);
}

static enum qr_err remap_locked(struct move *v, const struct qr_remap *req, const struct found *f,
				uintptr_t *to)
{
	struct qr_space *s = v->s;
	uintptr_t from = req->from.v, end = from + (req->old_npages << QR_PAGE_SHIFT);
	uintptr_t new_end = from + (req->new_npages << QR_PAGE_SHIFT);
	enum qr_err err = QR_EXISTS;

	if (req->old_npages > req->new_npages) {
		err = unmap_locked(s, &v->from, new_end, end);
		if (err || !req->fixed)
			return err;
	} else if (!req->fixed && !req->keep_old && req->old_npages) {
		if (end == new_end)
			return QR_OK;
		if (f->hi == end)
			err = grow_in_place(s, &v->from, f->attr, end, new_end);
		if (err != QR_EXISTS)
			return err;
	}
	if (!req->may_move)
		return QR_NOMEM;
	if (!req->fixed && find_place(s, req, to))
		return QR_NOMEM;
	v->attr = f->attr & ~(RUN_CLEAN | RUN_UMISS | RUN_UWP);
	return move_region(v, req, *to);
}

enum qr_err qr_space_remap(struct qr_space *s, const struct qr_remap *req, qr_virt *out)
{
	struct move v = { .s = s };
	uintptr_t to = req->fixed ? req->to.v : req->from.v;
	struct found f;
	enum qr_err err;

	(void)space_lock(s);
	note_most(s, req->old_npages);
	err = check(s, req, &f);
	if (!err)
		err = remap_locked(&v, req, &f, &to);
	if (!err && f.attr & RUN_LOCKED && req->keep_old)
		(void)!qr_flag_range(s, req->from.v,
				     req->from.v + (req->old_npages << QR_PAGE_SHIFT),
				     ~(RUN_LOCKED | RUN_ONFAULT), 0);
	qr_space_unlock(s);
	/* What moves stays as it is: only what is new comes in. */
	if (!err && (f.attr & (RUN_LOCKED | RUN_ONFAULT)) == RUN_LOCKED &&
	    req->new_npages > req->old_npages)
		(void)!qr_populate(s, to + (req->old_npages << QR_PAGE_SHIFT),
				   to + (req->new_npages << QR_PAGE_SHIFT), POPULATE_FIT);
	if (!err)
		out->v = to;
	return err;
}
