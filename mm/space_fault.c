/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_fault.c - a CPU could not go on: find out why, and put the page there.
 *
 *	no run              nothing is mapped; a stack just above may grow
 *	run, no right       refused
 *	run in a table above the leaf: carve down to the leaf
 *	entry none          first touch: zero page, a zeroed frame, or the object's frame
 *	entry read-only     first write: copy, or find that nobody else shares the page
 *	entry fine          another CPU was faster, or a flush that was spared: nothing to do
 *
 * The walk reads one entry a level and the descriptor of the last table only.
 */
#include "mm/space.h"

/* Pages of an object that one read fault may map: 64 KiB, aligned in the object. */
#define AROUND 16u

/* A page of the run's rights; `write`: it may be written as far as the run says so. */
QR_INLINE qr_entry make_entry(const struct qr_memory *m, qr_frame f, uint32_t attr, bool write)
{
	unsigned rights = attr & (write ? RUN_RIGHTS : RUN_RIGHTS & ~RUN_W);

	return qr_entry_of((uint64_t)f.v << QR_PAGE_SHIFT | m->prot_bits[rights | QR_READ]);
}

QR_INLINE enum qr_err fresh_frame(struct qr_memory *m, qr_frame *out)
{
	return qr_frames_alloc(m->frames, 0, QR_FRAME_ANON, QR_ANY, out);
}

/* ---- first touch ------------------------------------------------------------------------ */

QR_INLINE enum qr_err touch_anon(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uint32_t attr,
				 uint8_t backing, bool write)
{
	struct qr_memory *m = s->memory;
	qr_entry e;
	qr_frame f;

	if (!write && backing == QR_BACK_FIRST_WRITE) {
		e = make_entry(m, m->zero, attr, false);
		e.v |= SOFT_ZERO;
	} else {
		if (QR_RARELY(fresh_frame(m, &f)))
			return QR_NOMEM;
		qr_host_frame_clear(f);
		e = make_entry(m, f, attr, true);
		tally_event(&pages_here(s)->zero);
	}
	page_install(s, t, table_window(m, t), i, qr_entry_touched(m->format, e, write));
	return QR_OK;
}

/* The first write to a private page of an object: straight to a copy.  A hole is filled for it, as
 * with Linux: others see by mincore that somebody has looked there. */
static enum qr_err touch_private_copy(struct qr_space *s, struct qr_ptdesc *t, unsigned i,
				      uint32_t attr, struct qr_object *o, uint64_t index)
{
	struct qr_memory *m = s->memory;
	qr_frame from, f;
	enum qr_err err = qr_object_page(o, index, true, &from);

	if (err)
		return err;
	err = fresh_frame(m, &f);
	if (!err)
		qr_host_frame_copy(f, from);
	qr_frame_put(m->frames, from);
	if (err)
		return err;
	tally_event(&pages_here(s)->copy);
	page_install(s, t, table_window(m, t), i,
		     qr_entry_touched(m->format, make_entry(m, f, attr, true), true));
	return QR_OK;
}

/* The pages around a page that was read, as far as the object has them: programs read on. */
static void touch_around(struct qr_space *s, struct qr_ptdesc *t, unsigned i,
			 const struct qr_run *run, const struct qr_mapping *mp, uint64_t index)
{
	struct qr_memory *m = s->memory;
	unsigned before = index & (AROUND - 1), after = AROUND - before;
	void *entries = table_window(m, t);
	qr_frame frames[AROUND];
	uint32_t want = 0, found;

	if (before > i - run->start)
		before = i - run->start;
	if (after > run->end - i)
		after = run->end - i;
	for (unsigned k = 0; k < before + after; k++)
		if (qr_entry_none(qr_entry_read(m->format, entries, i - before + k)))
			want |= 1u << k;
	found = qr_object_pages(mp->object, index - before, want, frames);
	for (unsigned k = 0; found; k++, found >>= 1) {
		qr_entry e;

		if (!(found & 1))
			continue;
		e = make_entry(m, frames[k], run->attr, mp->shared);
		e.v |= mp->shared ? SOFT_FILE | SOFT_SHARED : SOFT_FILE;
		page_install(s, t, entries, i - before + k, e);
	}
}

static __attribute__((noinline)) enum qr_err touch_mapped(struct qr_space *s, struct qr_ptdesc *t,
							  unsigned i, uint32_t attr, uintptr_t va,
							  bool write)
{
	struct qr_memory *m = s->memory;
	struct qr_mapping *mp;
	uint64_t index;
	enum qr_err err;
	qr_entry e;
	qr_frame f;

	mp = run_id(attr) ? mapping_of(s, attr) : NULL;
	if (!mp || !mp->object)
		return attr & RUN_UMISS
			   ? QR_PAGER
			   : touch_anon(s, t, i, attr, mp ? mp->backing : m->backing, write);
	index = (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) + mp->delta);
	if (QR_RARELY(attr & RUN_UMISS) && index < mp->object->npages &&
	    !qr_object_resident(mp->object, index))
		return QR_PAGER;
	if (write && !mp->shared)
		return touch_private_copy(s, t, i, attr, mp->object, index);
	err = qr_object_page(mp->object, index, true, &f);
	if (QR_RARELY(err))
		return err;
	e = make_entry(m, f, attr, mp->shared);
	e.v |= mp->shared ? SOFT_FILE | SOFT_SHARED : SOFT_FILE;
	page_install(s, t, table_window(m, t), i, qr_entry_touched(m->format, e, write));
	if (!write && (QR_MAX_CPUS > 1 || mp->object->nresident > 1))
		touch_around(s, t, i, run_at(t, i), mp, index);
	return QR_OK;
}

/* ---- first write ------------------------------------------------------------------------ */

static enum qr_err copy_page(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uint32_t attr,
			     uintptr_t va, qr_entry old)
{
	struct qr_memory *m = s->memory;
	qr_frame from = qr_entry_frame(m->format, old), f;
	struct qr_gather g;

	if (QR_RARELY(fresh_frame(m, &f)))
		return QR_NOMEM;
	if (old.v & SOFT_ZERO)
		qr_host_frame_clear(f);
	else
		qr_host_frame_copy(f, from);
	(void)qr_entry_swap(m->format, table_window(m, t), i,
			    qr_entry_touched(m->format, make_entry(m, f, attr, true), true));
	qr_gather_init(&g, &s->tlb, m->frames);
	qr_gather_page(&g, qr_virt_of(va));
	if (old.v & SOFT_ZERO) {
		tally_event(&pages_here(s)->zero);
	} else {
		tally_event(&pages_here(s)->copy);
		release_page(&g, qr_frame_word(m->frames, from), from);
	}
	if (QR_RARELY(old.v & SOFT_ALL)) {
		space_count_odd(s, t, old, -1);
		tally(&pages_here(s)->anon, 1);
	}
	qr_gather_flush(&g);
	return QR_OK;
}

/* The entry is present and read-only, and the run (or a debugger) lets write. */
static __attribute__((noinline)) enum qr_err write_page(struct qr_space *s, struct qr_ptdesc *t,
							unsigned i, uint32_t attr, uintptr_t va,
							qr_entry old)
{
	struct qr_memory *m = s->memory;
	bool ours = old.v & SOFT_SHARED || (!(old.v & (SOFT_ZERO | SOFT_FILE)) &&
					    frame_exclusive(m, qr_entry_frame(m->format, old)));

	if (QR_RARELY(old.v & soft_wp(m->format)) && attr & RUN_UWP)
		return QR_PAGER;
	if (!ours)
		return copy_page(s, t, i, attr, va, old);
	if (attr & RUN_W)
		(void)qr_entry_change(m->format, table_window(m, t), i, soft_held(m->format),
				      qr_prot_bits(m->format,
						   QR_READ | QR_WRITE | QR_EXEC | QR_USER) |
					  m->format->accessed | m->format->dirty);
	return QR_OK;
}

/* ---- the fault --------------------------------------------------------------------------- */

static bool allowed(uint32_t attr, enum qr_access access)
{
	if (access == QR_ACCESS_WRITE)
		return attr & RUN_W;
	if (access == QR_ACCESS_EXEC)
		return attr & RUN_X;
	return attr & RUN_RIGHTS;
}

/* Fold what was carved for a page that then could not be had. */
static void fold_again(struct qr_space *s, uintptr_t va)
{
	struct cursor c;

	cursor_begin(&c, s, va, va + QR_PAGE_SIZE);
	qr_cursor_end(&c);
}

/* From a run of an upper table down to one of this level with one full run. */
static enum qr_err carve_down(struct qr_space *s, struct qr_ptdesc *t, uintptr_t va, unsigned level,
			      struct qr_ptdesc **out)
{
	struct qr_memory *m = s->memory;

	while (t->level > level) {
		if (run_room(m, t, 1) || qr_pt_carve(s, t, index_at(m, va, t->level), va, &t))
			return QR_NOMEM;
	}
	*out = t;
	return QR_OK;
}

/* Would the stack of mp that begins at lo, with n pages more, go beyond its limit?  What was cut off
 * it does not count. */
static bool stack_is_full(const struct qr_space *s, const struct qr_mapping *mp, uintptr_t lo,
			  size_t n)
{
	struct found f;

	if (QR_LIKELY(mp->npages + n <= s->max_stack))
		return false;
	return !qr_region_next(s, lo, lo + QR_PAGE_SIZE, &f) ||
	       ((f.hi - lo) >> QR_PAGE_SHIFT) + n > s->max_stack;
}

/* A stack begins above, and the hole is wide enough: extend it down to va.  All is locked. */
static enum qr_err grow_stack(struct qr_space *s, uintptr_t va)
{
	uintptr_t gap = (uintptr_t)STACK_GAP << QR_PAGE_SHIFT, low = va > gap ? va - gap : 0;
	struct found above, below;
	struct qr_mapping *mp;
	struct cursor c;
	size_t n;

	if (!qr_run_next(s, va, s->memory->user_end.v, &above) || !run_id(above.attr))
		return QR_NOENT;
	if (QR_SPACE_STAGE && above.lo <= va)
		return QR_OK; /* another fault was faster */
	mp = mapping_of(s, above.attr);
	n = (above.lo - va) >> QR_PAGE_SHIFT;
	if (!mp->growsdown || va < s->memory->stack_end.v || stack_is_full(s, mp, above.lo, n) ||
	    tally_read(&s->mapped) + n > s->max_pages)
		return QR_NOENT;
	if (low < s->memory->user_start.v)
		low = s->memory->user_start.v;
	/* Of what lies in the gap, the nearest counts. */
	below.attr = 0;
	while (low < va && qr_run_next(s, low, va, &below))
		low = below.hi;
	if (below.attr & RUN_RIGHTS &&
	    !(run_id(below.attr) && mapping_of(s, below.attr)->growsdown))
		return QR_NOENT;
	cursor_begin(&c, s, va, above.lo);
	if (qr_cursor_reserve(&c, true)) {
		qr_cursor_end(&c);
		return QR_NOMEM;
	}
	qr_mapping_cover(s, mp, va, above.lo);
	space_count(s, above.attr, (ptrdiff_t)n);
	qr_map_part(&c, c.t, va, above.lo, above.attr);
	qr_cursor_end(&c);
	return QR_OK;
}

/* The run lets the access happen: put the page there. */
QR_INLINE enum qr_err resolve(struct qr_space *s, struct qr_ptdesc *t, uint32_t attr, uintptr_t va,
			      bool write)
{
	struct qr_memory *m = s->memory;
	unsigned i = index_at(m, va, 0);
	qr_entry e = entry_of(m, t, i);

	if (QR_LIKELY(qr_entry_none(e)))
		return QR_LIKELY(run_is_plain(attr)) ? touch_anon(s, t, i, attr, m->backing, write)
						     : touch_mapped(s, t, i, attr, va, write);
	if (write && !qr_entry_writable(m->format, e))
		return write_page(s, t, i, attr, va, e);
	return QR_OK;
}

/* A run covers the whole entry of an upper table, and would like a huge page there. */
static enum qr_err resolve_huge(struct qr_space *s, struct qr_ptdesc *t, uint32_t attr,
				uintptr_t va)
{
	enum qr_err err = carve_down(s, t, va, 1, &t);

	return err ? err : qr_huge_touch(s, t, index_at(s->memory, va, 1), attr);
}

static bool touches(const struct qr_space *s, uint32_t attr, bool write)
{
	uint8_t backing = run_id(attr) ? mapping_of(s, attr)->backing : s->memory->backing;

	return attr & RUN_W && (write || backing == QR_BACK_DEMAND);
}

/* No leaf is there: a run of an upper table, or a huge page. */
static enum qr_err resolve_deep(struct qr_space *s, struct qr_ptdesc *t, uint32_t attr,
				uintptr_t va, bool write)
{
	unsigned i = index_at(s->memory, va, t->level);
	enum qr_err err = QR_OK;

	if (t->npages && !qr_entry_none(entry_of(s->memory, t, i))) {
		if (!write || qr_huge_write(s, t, i))
			return QR_OK;
		t = qr_huge_split(s, t, i, va);
	} else if (QR_RARELY(qr_huge_wanted(s, attr)) && touches(s, attr, write)) {
		if (!resolve_huge(s, t, attr, va))
			return QR_OK;
		t = qr_table_walk(s, va); /* some tables are there now */
	}
	err = carve_down(s, t, va, 0, &t);
	if (!err)
		err = resolve(s, t, attr, va, write);
	if (err)
		fold_again(s, va);
	return err;
}

/* A leaf that is borrowed: a write owns it; what a read finds missing, it finds for all. */
static enum qr_err resolve_borrowed(struct qr_space *s, struct qr_ptdesc *t, uint32_t attr,
				    uintptr_t va, bool write)
{
	struct qr_ptdesc *leaf = t;
	enum qr_err err;

	if (write) {
		err = qr_table_at(s, va, 0, &t);
		return err ? err : resolve(s, t, attr, va, true);
	}
	borrowed_begin(s, leaf);
	err = resolve(s, leaf, attr, va, false);
	borrowed_end(s, leaf);
	return err;
}

/* There is no leaf, or it is not this space's own. */
static __attribute__((noinline)) enum qr_err resolve_slow(struct qr_space *s, struct qr_ptdesc *t,
							  uint32_t attr, uintptr_t va, bool write)
{
	return t->level ? resolve_deep(s, t, attr, va, write)
			: resolve_borrowed(s, t, attr, va, write);
}

/* The lowest table over va: `top`, or a borrowed leaf below it. */
QR_INLINE struct qr_ptdesc *table_for(struct qr_space *s, struct qr_ptdesc *top, uintptr_t va)
{
	return QR_SPACE_STAGE && top->level != 1 ? top : lowest_table(s, va);
}

/* Is it a leaf of the space's own? */
QR_INLINE bool own_leaf(const struct qr_space *s, const struct qr_ptdesc *top,
			const struct qr_ptdesc *t)
{
	return QR_SPACE_STAGE ? t == top && t->level == 0 : t == s->near;
}

enum qr_err qr_fault_held(struct qr_space *s, uintptr_t va, enum qr_access access, bool force,
			  struct qr_ptdesc *top)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *t;
	struct qr_run *r;
	uint32_t attr;

	va &= ~(uintptr_t)QR_PAGE_MASK;
	tally_event(&pages_here(s)->faults);
	t = table_for(s, top, va);
	r = run_at(t, index_at(m, va, t->level));
	if (QR_RARELY(!r)) {
		enum qr_err err = QR_SPACE_STAGE ? QR_NOENT : grow_stack(s, va);

		if (err)
			return err;
		t = table_for(s, top, va);
		r = run_at(t, index_at(m, va, t->level));
	}
	attr = r->attr;
	if (QR_RARELY(!allowed(attr, access)) &&
	    !(force && attr & RUN_RIGHTS && !(run_id(attr) && mapping_of(s, attr)->shared)))
		return QR_ACCESS;
	if (QR_RARELY(!own_leaf(s, top, t)))
		return resolve_slow(s, t, attr, va, access == QR_ACCESS_WRITE);
	return resolve(s, t, attr, va, access == QR_ACCESS_WRITE);
}

#if QR_SPACE_STAGE
bool qr_stack_grew(struct qr_space *s, uintptr_t va, enum qr_err *err)
{
	if (*err != QR_NOENT)
		return false;
	(void)space_lock(s);
	*err = grow_stack(s, va & ~(uintptr_t)QR_PAGE_MASK);
	qr_space_unlock(s);
	return !*err;
}
#endif

QR_INLINE enum qr_err fault(struct qr_space *s, uintptr_t va, enum qr_access access)
{
	enum qr_err err;

	do {
		struct qr_ptdesc *top = page_lock(s, va);

		err = qr_fault_held(s, va, access, false, top);
		page_unlock(s, top);
	} while (stack_grew(s, va, &err));
	return err;
}

enum qr_err qr_space_fault(struct qr_space *s, qr_virt at, enum qr_access access)
{
	if (QR_RARELY(at.v < s->memory->user_start.v || at.v >= s->memory->user_end.v))
		return QR_NOENT;
	return fault(s, at.v, access);
}

/* ---- many pages --------------------------------------------------------------------------- */

static enum qr_access populate_access(const struct found *f, const struct qr_mapping *like,
				      enum populate how)
{
	if (how == POPULATE_FIT)
		return f->attr & RUN_W && !like->shared ? QR_ACCESS_WRITE : QR_ACCESS_READ;
	return how == POPULATE_WRITE ? QR_ACCESS_WRITE : QR_ACCESS_READ;
}

/* The last page of the huge page that holds va, if one does. */
static uintptr_t huge_last(struct qr_space *s, uintptr_t va)
{
	struct qr_ptdesc *top = page_lock(s, va);
	unsigned level;
	qr_entry e = qr_entry_look(s, va, &level);

	page_unlock(s, top);
	if (level != 1 || qr_entry_none(e))
		return va;
	return va | (((uintptr_t)1 << level_shift(s->memory, 1)) - QR_PAGE_SIZE);
}

static bool next_to_populate(struct qr_space *s, uintptr_t lo, uintptr_t hi, struct found *f,
			     struct qr_mapping *like)
{
	bool found;

	space_begin(s);
	found = lo < hi && run_look(s, lo, hi, f, like);
	space_looked(s);
	return found;
}

enum qr_err qr_populate(struct qr_space *s, uintptr_t lo, uintptr_t hi, enum populate how)
{
	struct qr_mapping like;
	struct found f;

	while (next_to_populate(s, lo, hi, &f, &like)) {
		enum qr_access access = populate_access(&f, &like, how);
		uintptr_t end = f.hi < hi ? f.hi : hi;

		for (lo = f.lo > lo ? f.lo : lo; lo < end; lo += QR_PAGE_SIZE) {
			enum qr_err err = fault(s, lo, access);

			if (err)
				return err;
			if (tally_read(&s->nhuge))
				lo = huge_last(s, lo);
		}
	}
	return QR_OK;
}
