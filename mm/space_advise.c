/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_advise.c - what a program says about its memory: advice, and pages to keep.
 *
 * Advice that stays with a region is a flag of its runs.  Advice that acts at once takes pages
 * out, or puts them in.  Holes in the range do not stop it, but the answer says that there were
 * some, as Linux's does.
 *
 * FREE is space_lazy.c's.
 */
#include "mm/space.h"

/* ---- flags of runs ------------------------------------------------------------------------- */

static void recount(struct qr_space *s, const struct qr_ptdesc *t, unsigned i, unsigned j,
		    uint32_t keep, uint32_t set)
{
	unsigned order = qr_format_order(s->memory->format, t->level);

	for (unsigned r = run_find(t, i); r < t->nruns && t->runs[r].start < j; r++) {
		unsigned a = t->runs[r].start > i ? t->runs[r].start : i;
		unsigned b = t->runs[r].end < j ? t->runs[r].end : j;

		space_count(s, (t->runs[r].attr & keep) | set, (ptrdiff_t)(b - a) << order);
		space_count(s, t->runs[r].attr, -((ptrdiff_t)(b - a) << order));
	}
}

static void flag_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
		      uint32_t keep, uint32_t set)
{
	unsigned i = index_at(c->m, lo, t->level), j = index_at(c->m, hi - 1, t->level) + 1;
	size_t before = t->nruns;
	struct child k;

	if ((~keep | set) & (RUN_LOCKED | RUN_RIGHTS)) /* other flags are not counted */
		recount(c->s, t, i, j, keep, set);
	qr_run_change(t, i, j, keep, set);
	tally(&c->s->regions, (size_t)t->nruns - before);
	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		flag_part(c, k.t, k.lo, k.hi, keep, set);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

/* Usually all of it lies in the leaf at hand, and these flags are not counted: then nothing but
 * the runs has to be looked at.  False: it does not, or the leaf is to be settled; there is room to
 * do it all again. */
static bool flag_near(struct qr_space *s, uintptr_t lo, uintptr_t hi, uint32_t keep, uint32_t set)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->near;
	size_t before;

	if (!is_near(s, lo) || !same_leaf(m, lo, hi - 1) ||
	    (~keep | set) & (RUN_LOCKED | RUN_RIGHTS) || run_room(m, t, 2) || t->cap > 16)
		return false;
	before = t->nruns;
	qr_run_change(t, index_at(m, lo, 0), index_at(m, hi - 1, 0) + 1, keep, set);
	tally(&s->regions, (size_t)t->nruns - before);
	return QR_LIKELY(!may_settle(m, t));
}

enum qr_err qr_flag_range(struct qr_space *s, uintptr_t lo, uintptr_t hi, uint32_t keep,
			  uint32_t set)
{
	struct cursor c;
	enum qr_err err;

	if (flag_near(s, lo, hi, keep, set))
		return QR_OK;
	cursor_begin(&c, s, lo, hi);
	err = qr_cursor_reserve(&c, false);
	if (!err && c.t->level)
		err = qr_own_range(&c, true);
	if (!err)
		flag_part(&c, c.t, lo, hi, keep, set);
	qr_cursor_end(&c);
	return err;
}

/* ---- advice -------------------------------------------------------------------------------- */

/* May this advice be given to a region like that? */
static enum qr_err accepts(const struct qr_space *s, const struct found *f, enum qr_advice advice)
{
	const struct qr_mapping *mp = run_id(f->attr) ? mapping_of(s, f->attr) : NULL;
	bool locked = f->attr & RUN_LOCKED, object = mp && mp->object;

	switch (advice) {
	case QR_ADVISE_DONTNEED:
	case QR_ADVISE_COLD:
		return locked ? QR_INVAL : QR_OK;
	case QR_ADVISE_FREE:
		return locked || object ? QR_INVAL : QR_OK;
	case QR_ADVISE_WIPEONFORK:
		return object ? QR_INVAL : QR_OK;
	case QR_ADVISE_REMOVE:
		if (locked || !object)
			return QR_INVAL;
		return mp->shared && mp->maxprot & RUN_W ? QR_OK : QR_ACCESS;
	case QR_ADVISE_COLLAPSE:
		return qr_huge_eligible(s, f->attr) ? QR_OK : QR_INVAL;
	default:
		return QR_OK;
	}
}

/* Punching visits the mappings of the object, this space's too: the lock is let go for it. */
static void remove_pages(struct qr_space *s, const struct found *f)
{
	struct qr_mapping *mp = mapping_of(s, f->attr);
	struct qr_object *o = mp->object;
	uint64_t first = (uint64_t)((int64_t)(f->lo >> QR_PAGE_SHIFT) + mp->delta);

	qr_object_get(o);
	qr_space_unlock(s);
	qr_object_punch(o, first, (f->hi - f->lo) >> QR_PAGE_SHIFT);
	qr_object_put(o);
	(void)space_lock(s);
}

static enum qr_err zap_range(struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	struct cursor c;
	enum qr_err err;

	cursor_begin(&c, s, lo, hi);
	err = qr_own_range(&c, false);
	if (!err)
		qr_zap_part(&c, c.t, lo, hi);
	qr_cursor_end(&c);
	return err;
}

/* Advice that stays with a region: which flags it clears and sets. */
static const struct flags {
	uint16_t clear, set;
} flags_of[QR_ADVISE_COLLAPSE + 1] = {
	[QR_ADVISE_DONTFORK] = { 0, RUN_DONTFORK },
	[QR_ADVISE_DOFORK] = { RUN_DONTFORK, 0 },
	[QR_ADVISE_WIPEONFORK] = { 0, RUN_WIPE },
	[QR_ADVISE_KEEPONFORK] = { RUN_WIPE, 0 },
	[QR_ADVISE_HUGEPAGE] = { RUN_NOHUGE, RUN_HUGE },
	[QR_ADVISE_NOHUGEPAGE] = { RUN_HUGE, RUN_NOHUGE },
	[QR_ADVISE_DONTDUMP] = { 0, RUN_DONTDUMP },
	[QR_ADVISE_DODUMP] = { RUN_DONTDUMP, 0 },
};

/* What advice does at once. */
static enum qr_err advise_run(struct qr_space *s, const struct found *f, enum qr_advice advice)
{
	enum qr_err err = accepts(s, f, advice);

	if (err)
		return err;
	switch (advice) {
	case QR_ADVISE_DONTNEED:
	case QR_ADVISE_DONTNEED_LOCKED:
		return zap_range(s, f->lo, f->hi);
	case QR_ADVISE_FREE:
		if (f->attr & RUN_CLEAN)
			return zap_range(s, f->lo, f->hi);
		qr_lazy_free(s, f->lo, f->hi);
		return QR_OK;
	case QR_ADVISE_REMOVE:
		remove_pages(s, f);
		return QR_OK;
	default:
		return QR_OK; /* WILLNEED: what a file has in memory is all there is of it */
	}
}

/* As if each page were touched, in order: a hole stops it. */
static enum qr_err populate_range(struct qr_space *s, uintptr_t va, uintptr_t end, bool write)
{
	enum qr_err err = QR_OK;
	struct found f;
	bool there;

	for (; va < end && !err; va = f.hi) {
		space_begin(s);
		there = run_look(s, va, end, &f, NULL) && f.lo <= va;
		space_looked(s);
		if (!there)
			return QR_NOENT;
		f.hi = f.hi < end ? f.hi : end;
		err = f.attr & (write ? RUN_W : RUN_R)
			  ? qr_populate(s, va, f.hi, write ? POPULATE_WRITE : POPULATE_READ)
			  : QR_INVAL;
	}
	return err;
}

/* Does it only act on what is resident in its range? */
static bool acts(enum qr_advice advice)
{
	return advice == QR_ADVISE_DONTNEED || advice == QR_ADVISE_DONTNEED_LOCKED ||
	       advice == QR_ADVISE_FREE || advice == QR_ADVISE_WILLNEED || advice == QR_ADVISE_COLD;
}

/* The flags change as far as the advice is accepted. */
static enum qr_err advise_flags(struct qr_space *s, uintptr_t lo, uintptr_t end,
				enum qr_advice advice, struct flags flags)
{
	enum qr_err err = QR_OK, hole = QR_OK, late = QR_OK;
	uintptr_t va = lo;
	struct found f;

	(void)space_lock(s);
	for (; va < end; va = f.hi) {
		if (!qr_run_next(s, va, end, &f))
			f = (struct found){ end, end, 0 };
		if (f.lo > va)
			hole = QR_NOENT;
		if (QR_RARELY(run_id(f.attr)) && (err = accepts(s, &f, advice)))
			end = f.lo > va ? f.lo : va;
	}
	if (lo < end)
		late = qr_flag_range(s, lo, end, ~(uint32_t)flags.clear, flags.set);
	if (advice == QR_ADVISE_HUGEPAGE && !late)
		(void)!qr_huge_collapse(s, lo, end, false);
	qr_space_unlock(s);
	return late ? late : err ? err : hole;
}

enum qr_err qr_space_advise(struct qr_space *s, qr_virt at, size_t npages, enum qr_advice advice)
{
	uintptr_t va = at.v, end = va + (npages << QR_PAGE_SHIFT);
	enum qr_err err = QR_OK, hole = QR_OK;
	struct qr_ptdesc *top;
	struct found f;

	if ((unsigned)advice > QR_ADVISE_COLLAPSE || va & QR_PAGE_MASK)
		return QR_INVAL;
	if (!range_valid(s->memory, at, npages))
		return QR_NOENT;
	if (flags_of[advice].clear | flags_of[advice].set)
		return advise_flags(s, va, end, advice, flags_of[advice]);
	if (advice == QR_ADVISE_POPULATE_READ || advice == QR_ADVISE_POPULATE_WRITE)
		return populate_range(s, va, end, advice == QR_ADVISE_POPULATE_WRITE);
	top = acts(advice) ? range_lock(s, va, end) : space_lock(s);
	note_most(s, npages);
	for (; va < end && !err; va = f.hi) {
		if (!qr_run_below(s, top, va, end, &f)) {
			hole = QR_NOENT;
			break;
		}
		if (f.lo > va)
			hole = QR_NOENT;
		f.lo = f.lo > va ? f.lo : va;
		f.hi = f.hi < end ? f.hi : end;
		err = advise_run(s, &f, advice);
		if (err)
			end = f.lo;
	}
	if (advice == QR_ADVISE_COLLAPSE && end > at.v) {
		enum qr_err late = qr_huge_collapse(s, at.v, end, true);

		err = late ? late : err;
	}
	range_unlock(s, top, at.v);
	return err ? err : hole;
}

/* ---- locked pages -------------------------------------------------------------------------- */

/* How far the range is mapped without a hole, and how many pages of that are locked already. */
static uintptr_t mapped_until(const struct qr_space *s, uintptr_t lo, uintptr_t hi, size_t *locked)
{
	struct found f;

	*locked = 0;
	while (lo < hi && qr_run_next(s, lo, hi, &f) && f.lo <= lo) {
		uintptr_t end = f.hi < hi ? f.hi : hi;

		*locked += f.attr & RUN_LOCKED ? (end - lo) >> QR_PAGE_SHIFT : 0;
		lo = end;
	}
	return lo;
}

enum qr_err qr_space_lock(struct qr_space *s, qr_virt at, size_t npages, enum qr_locking how)
{
	const uint32_t set = how == QR_UNLOCK ? 0
			     : how == QR_LOCK ? RUN_LOCKED
					      : RUN_LOCKED | RUN_ONFAULT;
	uintptr_t lo = at.v, hi = lo + (npages << QR_PAGE_SHIFT), end;
	enum qr_err err = QR_OK;
	size_t already;

	if (lo & QR_PAGE_MASK)
		return QR_INVAL;
	if (!range_valid(s->memory, at, npages))
		return QR_NOENT;
	(void)space_lock(s);
	end = mapped_until(s, lo, hi, &already);
	if (set &&
	    tally_read(&s->locked) + (((end - lo) >> QR_PAGE_SHIFT) - already) > s->max_locked)
		err = QR_LIMIT;
	if (!err && end > lo)
		err = qr_flag_range(s, lo, end, ~(RUN_LOCKED | RUN_ONFAULT), set);
	qr_space_unlock(s);
	if (!err && end < hi)
		err = QR_NOENT;
	if (!err && how == QR_LOCK) /* locked all the same, as far as there are pages */
		err = qr_populate(s, lo, end, POPULATE_FIT);
	return err;
}
