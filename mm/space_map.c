/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_map.c - promises: map.
 *
 * A promise is a run, and costs no page.  Mapping 1 GiB writes one run in an upper table; the
 * tables below come with the first touch.
 */
#include "mm/space.h"

/* ---- promising -------------------------------------------------------------------------- */

static void set_run(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t attr)
{
	size_t before = t->nruns;

	qr_run_set(t, i, j, attr);
	tally(&c->s->regions, (size_t)t->nruns - before);
}

/* Children that the range covers in part, and tables that are kept, stay and take their part;
 * the others go, and the runs of this table take all that is left.  What is borrowed is not to be
 * changed, so it goes where the leaves stay, too: one that is needed was made the space's own. */
static void map_children(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
			 uint32_t attr)
{
	uintptr_t span = (uintptr_t)1 << level_shift(c->m, t->level);
	unsigned from = index_at(c->m, lo, t->level);
	unsigned end = index_at(c->m, hi - 1, t->level) + 1;
	struct child k;

	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		if (k.hi - k.lo == span && !(k.t->flags & PT_KEEP) &&
		    (!c->deep || child_borrowed(c->m, t, k.i))) {
			qr_unmap_child(c, t, &k);
			continue;
		}
		qr_map_part(c, k.t, k.lo, k.hi, attr);
		if (from < k.i)
			set_run(c, t, from, k.i, attr);
		from = k.i + 1;
	}
	if (from < end)
		set_run(c, t, from, end, attr);
	for (uintptr_t at = lo; !c->hold && child_next(c->m, t, at, hi, &k); at = k.hi)
		qr_pt_settle(c, t, k.i, k.t, k.lo);
}

void qr_map_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi, uint32_t attr)
{
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	unsigned r = run_find(t, i);

	if (QR_RARELY(r < t->nruns && t->runs[r].start < j)) {
		if (t->level == 0 && t->npages)
			qr_zap_pages(c, t, i, j, lo);
		else if (t->npages)
			qr_huge_zap(c, t, lo, hi);
		qr_drop_runs(c, t, i, j, entry_start(c->m, lo, t->level, i));
	}
	if (QR_RARELY(t->ntables))
		map_children(c, t, lo, hi, attr);
	else
		set_run(c, t, i, j, attr);
}

bool qr_range_free(const struct qr_memory *m, const struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	unsigned r = run_find(t, index_at(m, lo, t->level));
	struct child k;

	if (r < t->nruns && t->runs[r].start <= index_at(m, hi - 1, t->level))
		return false;
	if (t->level == 0)
		return true;
	for (uintptr_t at = lo; child_next(m, t, at, hi, &k); at = k.hi)
		if (!qr_range_free(m, k.t, k.lo, k.hi))
			return false;
	return true;
}

/* ---- map -------------------------------------------------------------------------------- */

/* Does the request need a mapping of its own, or is it what id 0 means? */
static bool is_plain(const struct qr_space *s, const struct qr_map *req)
{
	return !req->object && !(req->flags & QR_MAP_GROWSDOWN) && req->maxprot == RUN_RIGHTS &&
	       (req->backing == QR_BACK_DEFAULT || req->backing == QR_BACK_IMMEDIATE ||
		req->backing == s->memory->backing);
}

/* What the pages on either side are mapped by: the ids, or 0.  In S1 nothing is locked. */
struct sides {
	uint32_t id[2];
};

static void look_aside(struct qr_space *s, uintptr_t lo, uintptr_t hi, struct sides *out)
{
	uintptr_t probe[2] = { lo - QR_PAGE_SIZE, hi };

	for (unsigned n = 0; n < 2; n++) {
		struct found f;

		out->id[n] = 0;
		if (probe[n] >= s->memory->user_start.v && probe[n] < s->memory->user_end.v &&
		    run_look(s, probe[n], probe[n] + QR_PAGE_SIZE, &f, NULL))
			out->id[n] = run_id(f.attr);
	}
}

/* A neighbour of the same object, offset and kind lends its mapping, so that the two regions are
 * one.  The pages count from now on, so that it stays even if its own ones go. */
static struct qr_mapping *lend(struct qr_space *s, const struct sides *sides,
			       const struct qr_mapping *like, size_t npages)
{
	struct qr_mapping *found = NULL;

	mappings_lock(s);
	for (unsigned n = 0; n < 2 && !found; n++) {
		uintptr_t v = sides->id[n] ? qr_radix_get(&s->mappings, sides->id[n]) : 0;
		struct qr_mapping *mp = (struct qr_mapping *)v;

		if (mp && mp->object == like->object && mp->delta == like->delta &&
		    mp->shared == like->shared && mp->maxprot == like->maxprot &&
		    mp->growsdown == like->growsdown && mp->backing == like->backing)
			found = mp;
	}
	if (found)
		found->npages += npages;
	mappings_unlock(s);
	return found;
}

/* Its pages are counted. */
static enum qr_err choose_mapping(struct qr_space *s, const struct qr_map *req,
				  const struct sides *sides, uintptr_t lo, uintptr_t hi,
				  struct qr_mapping **out)
{
	enum qr_err err;
	struct qr_mapping like = {
		.object = req->object,
		.delta = req->object ? (int64_t)(req->pgoff - (lo >> QR_PAGE_SHIFT)) : 0,
		.shared = !!(req->flags & QR_MAP_SHARED),
		.maxprot = req->maxprot,
		.growsdown = !!(req->flags & QR_MAP_GROWSDOWN),
		.backing = req->backing == QR_BACK_DEFAULT || req->backing == QR_BACK_IMMEDIATE
			       ? s->memory->backing
			       : req->backing,
		.lo = lo,
		.hi = hi,
	};

	*out = lend(s, sides, &like, req->npages);
	if (*out)
		return QR_OK;
	err = qr_mapping_make(s, &like, out);
	if (!err)
		(*out)->npages = req->npages;
	return err;
}

/* They are not mapped after all. */
static void give_back(struct qr_space *s, struct qr_mapping *mp, size_t npages)
{
	mappings_lock(s);
	mp->npages -= npages;
	if (!mp->npages)
		qr_mapping_drop(s, mp);
	mappings_unlock(s);
}

static enum qr_err check_request(const struct qr_space *s, const struct qr_map *req)
{
	const struct qr_memory *m = s->memory;

	if (!req->npages || req->npages > (m->user_end.v - m->user_start.v) >> QR_PAGE_SHIFT)
		return QR_NOMEM;
	if ((req->prot | req->maxprot) & ~RUN_RIGHTS || req->backing > QR_BACK_FIRST_WRITE)
		return QR_INVAL;
	if (req->prot & ~req->maxprot)
		return QR_ACCESS;
	if (req->flags & QR_MAP_FIXED && !range_valid(m, req->at, req->npages))
		return QR_INVAL;
	if ((req->flags & QR_MAP_SHARED && !req->object) ||
	    (req->backing && req->object)) /* an object's pages are its own */
		return QR_INVAL;
	if (req->object && req->pgoff + req->npages < req->pgoff)
		return QR_INVAL;
	return QR_OK;
}

/* Where the request goes, if it has a choice. */
static enum qr_err choose_place(struct qr_space *s, const struct qr_map *req, uintptr_t *out)
{
	uintptr_t wish = req->at.v & ~(uintptr_t)QR_PAGE_MASK;
	size_t bytes = req->npages << QR_PAGE_SHIFT;

	if (req->flags & QR_MAP_FIXED) {
		*out = req->at.v;
		return QR_OK;
	}
	if (wish && range_valid(s->memory, qr_virt_of(wish), req->npages) &&
	    wish + bytes <= s->memory->user_end.v) {
		uintptr_t got;

		if (!qr_find_between(s, req->npages, wish, wish + bytes, true, &got)) {
			*out = wish;
			return QR_OK;
		}
	}
	if (req->flags & QR_MAP_LOW)
		return qr_find_between(s, req->npages, s->bottom, 0x80000000u, true, out);
	if (req->flags & QR_MAP_HIGH &&
	    !qr_find_between(s, req->npages, s->top, s->memory->user_end.v - QR_PAGE_SIZE, true,
			     out))
		return QR_OK;
	return qr_find_free(s, req->npages, true, out);
}

/* Is what was promised and so many pages more too much, even without what has to go? */
static bool too_many(struct qr_space *s, const struct qr_map *req, size_t now, size_t max,
		     uint32_t flags)
{
	size_t n = req->npages;

	if (QR_LIKELY(n <= max && now <= max - n))
		return false;
	if (req->flags & QR_MAP_FIXED && !(req->flags & QR_MAP_NOREPLACE))
		now -=
		    qr_pages_promised(s, req->at.v, req->at.v + (n << QR_PAGE_SHIFT), flags, true);
	return n > max || now > max - n;
}

/* Limits count what is promised, not what is resident. */
static enum qr_err check_limits(struct qr_space *s, const struct qr_map *req)
{
	if (too_many(s, req, tally_read(&s->mapped), s->max_pages, 0) ||
	    (req->flags & QR_MAP_LOCKED &&
	     too_many(s, req, tally_read(&s->locked), s->max_locked, RUN_LOCKED)))
		return QR_LIMIT;
	return QR_OK;
}

/* The range is held.  `sides`: null for what id 0 means. */
QR_INLINE enum qr_err map_held(struct cursor *c, const struct qr_map *req,
			       const struct sides *sides)
{
	struct qr_space *s = c->s;
	struct qr_mapping *mp = NULL;
	uint32_t attr = req->prot | (req->flags & QR_MAP_LOCKED ? RUN_LOCKED : 0) |
			(req->flags & QR_MAP_ONFAULT ? RUN_ONFAULT : 0);

	if (sides) {
		if (choose_mapping(s, req, sides, c->lo, c->hi, &mp))
			return QR_NOMEM;
		attr |= mp->id << RUN_ID_SHIFT;
	}
	if (qr_cursor_reserve(c, true) ||
	    (QR_RARELY(req->backing == QR_BACK_IMMEDIATE && req->prot) && qr_back_reserve(c))) {
		if (mp)
			give_back(s, mp, req->npages);
		return QR_NOMEM;
	}
	/* Counted first: replacing the last page of a neighbour must not take its mapping away;
	 * its hull last: replacing its own pages makes it shorter. */
	if (mp) {
		tally(&s->mapped, req->npages);
		qr_space_count_kind(s, attr, mp, req->npages);
	} else {
		space_count(s, attr, (ptrdiff_t)req->npages);
	}
	qr_map_part(c, c->t, c->lo, c->hi, attr);
	if (mp)
		qr_mapping_cover(s, mp, c->lo, c->hi);
	if (QR_RARELY(c->deep))
		qr_back_install(c, attr);
	return QR_OK;
}

/* *lost: somebody was faster. */
QR_INLINE enum qr_err map_at(struct qr_space *s, const struct qr_map *req, uintptr_t lo, bool *lost)
{
	const unsigned careful = QR_MAP_FIXED | QR_MAP_NOREPLACE;
	uintptr_t hi = lo + (req->npages << QR_PAGE_SHIFT);
	const bool plain = is_plain(s, req);
	struct sides sides;
	enum qr_err err;
	struct cursor c;

	/* In S0 all is locked already, and what the cursor has found is near. */
	if (QR_SPACE_STAGE && !plain)
		look_aside(s, lo, hi, &sides);
	cursor_take(&c, s, lo, hi);
	if (!QR_SPACE_STAGE && QR_RARELY(!plain))
		look_aside(s, lo, hi, &sides);
	*lost = QR_SPACE_STAGE && !(req->flags & QR_MAP_FIXED) && !qr_range_free(c.m, c.t, lo, hi);
	if (*lost)
		err = QR_OK;
	else if ((req->flags & careful) == careful && !qr_range_free(c.m, c.t, lo, hi))
		err = QR_EXISTS;
	else
		err = map_held(&c, req, plain ? NULL : &sides);
	cursor_drop(&c);
	return err;
}

enum qr_err qr_space_map(struct qr_space *s, const struct qr_map *req, qr_virt *out)
{
	enum qr_err err = check_request(s, req);
	uintptr_t lo;
	bool lost;

	if (QR_RARELY(err))
		return err;
	space_begin(s);
	if (QR_RARELY(req->flags & QR_MAP_FIXED))
		note_most(s, req->npages);
	err = check_limits(s, req);
	do {
		lost = false;
		if (QR_LIKELY(!err))
			err = choose_place(s, req, &lo);
		if (QR_LIKELY(!err))
			err = map_at(s, req, lo, &lost);
	} while (lost);
	if (!QR_SPACE_STAGE)
		space_end(s);
	if (QR_RARELY(err))
		return err;
	if (QR_RARELY(req->flags & (QR_MAP_POPULATE | QR_MAP_LOCKED)) &&
	    !(req->flags & QR_MAP_ONFAULT))
		(void)!qr_populate(s, lo, lo + (req->npages << QR_PAGE_SHIFT),
				   POPULATE_FIT); /* as far as it goes */
	out->v = lo;
	return QR_OK;
}
