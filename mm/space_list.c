/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_list.c - what is mapped where: runs in order of address, and the regions they make.
 *
 * A region is what /proc/PID/maps shows: runs that touch and agree are one, even if they lie
 * in different tables, or belong to two mappings that say the same.
 */
#include "mm/space.h"

static bool next_part(const struct qr_memory *m, const struct qr_ptdesc *t, uintptr_t at,
		      uintptr_t end, struct found *out)
{
	while (at < end) {
		unsigned i = index_at(m, at, t->level), r = run_find(t, i);
		uintptr_t start = end;
		struct child k;

		if (r < t->nruns) {
			start = entry_start(m, at, t->level, t->runs[r].start);
			if (start > end)
				start = end;
		}
		if (t->level && child_next(m, t, at, start > at ? start : at, &k)) {
			if (next_part(m, k.t, k.lo, k.hi, out))
				return true;
			at = k.hi;
			continue;
		}
		if (start >= end)
			return false;
		out->lo = start;
		out->hi = entry_start(m, at, t->level, t->runs[r].end);
		out->attr = t->runs[r].attr;
		return true;
	}
	return false;
}

/* A run of a table of that level which holds `at`. */
QR_INLINE bool say_run(const struct qr_memory *m, const struct qr_run *run, unsigned level,
		       uintptr_t at, uintptr_t end, struct found *out)
{
	const unsigned shift = level_shift(m, level);
	const uintptr_t base = (at >> shift) - index_at(m, at, level); /* of entry 0, in entries */
	const uintptr_t lo = (base + run->start) << shift;

	if (lo >= end)
		return false;
	out->lo = lo;
	out->hi = (base + run->end) << shift;
	out->attr = run->attr;
	return true;
}

/* The same by way of the lowest table there, and from the root if that has no answer. */
static __attribute__((noinline)) bool next_far(const struct qr_space *s, uintptr_t at,
					       uintptr_t end, struct found *out)
{
	const struct qr_memory *m = s->memory;
	const struct qr_ptdesc *t = s->root;
	uintptr_t last = at;
	unsigned r;

	for (; t->level; t = ptdesc_of(m, qr_entry_frame(m->format, entry_of(m, t, r)))) {
		r = index_at(m, at, t->level);
		if (!qr_entry_is_table(m->format, entry_of(m, t, r), t->level))
			break;
	}
	r = run_find(t, index_at(m, at, t->level));
	if (r < t->nruns && (!t->level || t->runs[r].start <= index_at(m, at, t->level)))
		return say_run(m, &t->runs[r], t->level, at, end, out);
	if (!t->level)
		last |= ((uintptr_t)1 << level_shift(m, 1)) - 1;
	return last < end - 1 && next_part(m, s->root, t->level ? at : last + 1, end, out);
}

bool qr_run_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out)
{
	const struct qr_memory *m = s->memory;

	if (at >= end)
		return false;
	if (QR_LIKELY(is_near(s, at)) && QR_LIKELY(s->near->nruns <= 8)) {
		const struct qr_run *run = s->near->runs, *last = run + s->near->nruns;
		const unsigned i = index_at(m, at, 0);

		for (; run < last; run++)
			if (run->end > i)
				return say_run(m, run, 0, at, end, out);
	}
	return next_far(s, at, end, out);
}

bool qr_run_below(const struct qr_space *s, const struct qr_ptdesc *t, uintptr_t at, uintptr_t end,
		  struct found *out)
{
	return QR_SPACE_STAGE ? next_part(s->memory, t, at, end, out)
			      : qr_run_next(s, at, end, out);
}

void qr_mapping_describe(struct qr_space *s, uint32_t attr, struct qr_mapping *out)
{
	*out = (struct qr_mapping){ 0 };
	if (run_id(attr))
		*out = mapping_like(mapping_of(s, attr));
}

#if QR_SPACE_STAGE

/* Table t is the lowest over *at, and locked.  True: the run is found; else *at: where to go on. */
static bool look_here(const struct qr_space *s, const struct qr_ptdesc *t, uintptr_t *at,
		      uintptr_t end, struct found *out)
{
	const struct qr_memory *m = s->memory;
	uintptr_t stop = end;

	if (t != s->root) {
		uintptr_t last = *at | (((uintptr_t)1 << level_shift(m, t->level + 1u)) - 1);

		stop = last < end - 1 ? last + 1 : end;
	}
	while (*at < stop) {
		unsigned r = run_find(t, index_at(m, *at, t->level));
		uintptr_t start = stop;
		struct child k;

		if (r < t->nruns)
			start = entry_start(m, *at, t->level, t->runs[r].start);
		if (start > stop)
			start = stop;
		if (t->level && child_next(m, t, *at, start > *at ? start : *at, &k)) {
			bool borrowed = child_borrowed(m, t, k.i);

			if (borrowed && next_part(m, k.t, k.lo, k.hi, out))
				return true;
			*at = borrowed ? k.hi : k.lo;
			if (!borrowed)
				return false;
			continue;
		}
		*at = stop;
		if (start >= stop)
			return false;
		out->lo = start;
		out->hi = entry_start(m, start, t->level, t->runs[r].end);
		out->attr = t->runs[r].attr;
		return true;
	}
	return false;
}

bool qr_run_look(struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out,
		 struct qr_mapping *like)
{
	bool found = false;

	while (at < end && !found) {
		struct qr_ptdesc *t = qr_range_lock(s, at, at + QR_PAGE_SIZE, 0);

		found = look_here(s, t, &at, end, out);
		if (found && like)
			qr_mapping_describe(s, out->attr, like);
		qr_tables_unlock(t);
	}
	return found;
}

#endif

static bool agree(const struct qr_space *s, uint32_t a, uint32_t b)
{
	const struct qr_mapping *x, *y;

	if (!((a ^ b) & ~RUN_CLEAN))
		return true;
	if (((a ^ b) & (RUN_RIGHTS | RUN_FLAGS)) || !run_id(a) || !run_id(b))
		return false;
	x = mapping_of(s, a);
	y = mapping_of(s, b);
	return x->object == y->object && x->delta == y->delta && x->shared == y->shared &&
	       x->maxprot == y->maxprot && x->growsdown == y->growsdown && x->backing == y->backing;
}

bool qr_region_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out)
{
	struct found f;

	if (!qr_run_next(s, at, end, out))
		return false;
	while (out->lo > s->memory->user_start.v &&
	       qr_run_next(s, out->lo - QR_PAGE_SIZE, out->lo, &f) && agree(s, f.attr, out->attr))
		out->lo = f.lo;
	while (out->hi < s->memory->user_end.v &&
	       qr_run_next(s, out->hi, out->hi + QR_PAGE_SIZE, &f) && f.lo == out->hi &&
	       agree(s, out->attr, f.attr))
		out->hi = f.hi;
	return true;
}

static unsigned advice_of(uint32_t attr)
{
	return (attr & RUN_DONTFORK ? 1u << QR_ADVISE_DONTFORK : 0) |
	       (attr & RUN_WIPE ? 1u << QR_ADVISE_WIPEONFORK : 0) |
	       (attr & RUN_HUGE ? 1u << QR_ADVISE_HUGEPAGE : 0) |
	       (attr & RUN_NOHUGE ? 1u << QR_ADVISE_NOHUGEPAGE : 0) |
	       (attr & RUN_DONTDUMP ? 1u << QR_ADVISE_DONTDUMP : 0);
}

static void describe(const struct qr_space *s, const struct found *f, struct qr_region *out)
{
	const struct qr_mapping *mp = run_id(f->attr) ? mapping_of(s, f->attr) : NULL;

	if (QR_LIKELY(!mp && !(f->attr & RUN_FLAGS))) {
		*out = (struct qr_region){
			.start = qr_virt_of(f->lo),
			.end = qr_virt_of(f->hi),
			.prot = f->attr & RUN_RIGHTS,
			.maxprot = RUN_RIGHTS,
		};
		return;
	}
	*out = (struct qr_region){
		.start = qr_virt_of(f->lo),
		.end = qr_virt_of(f->hi),
		.prot = f->attr & RUN_RIGHTS,
		.maxprot = mp ? mp->maxprot : RUN_RIGHTS,
		.flags = (f->attr & RUN_LOCKED ? QR_MAP_LOCKED : 0) |
			 (f->attr & RUN_UMISS ? QR_MAP_UMISS : 0) |
			 (f->attr & RUN_UWP ? QR_MAP_UWP : 0) |
			 (f->attr & RUN_ONFAULT ? QR_MAP_ONFAULT : 0) |
			 (mp && mp->shared ? QR_MAP_SHARED : 0) |
			 (mp && mp->growsdown ? QR_MAP_GROWSDOWN : 0),
		.advice = advice_of(f->attr),
		.object = mp ? mp->object : NULL,
		.pgoff = mp && mp->object
			     ? (uint64_t)((int64_t)(f->lo >> QR_PAGE_SHIFT) + mp->delta)
			     : 0,
	};
}

enum qr_err qr_space_next(struct qr_space *s, qr_virt at, struct qr_region *out)
{
	uintptr_t from = at.v < s->memory->user_start.v ? s->memory->user_start.v : at.v;
	struct found f;
	bool found;

	(void)space_lock(s);
	found = from < s->memory->user_end.v && qr_region_next(s, from, s->memory->user_end.v, &f);
	if (found)
		describe(s, &f, out);
	qr_space_unlock(s);
	return found ? QR_OK : QR_NOENT;
}

/* ---- many regions, by one way through the tables --------------------------------------------- */

struct walk {
	const struct qr_space *s;
	struct qr_region *out;
	size_t n, max;
	struct found f; /* the region that is being put together; hi 0: none */
};

/* False: there is no room for more. */
static bool walk_run(struct walk *w, uintptr_t lo, uintptr_t hi, uint32_t attr)
{
	if (w->f.hi == lo && agree(w->s, w->f.attr, attr)) {
		w->f.hi = hi;
		return true;
	}
	if (w->f.hi)
		describe(w->s, &w->f, &w->out[w->n++]);
	w->f = (struct found){ lo, w->n < w->max ? hi : 0, attr };
	return w->n < w->max;
}

static bool walk_part(struct walk *w, const struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);

/* Child k, as far as it lies in [lo,hi). */
static bool walk_child(struct walk *w, const struct qr_ptdesc *t, unsigned k, uintptr_t lo,
		       uintptr_t hi)
{
	const struct qr_memory *m = w->s->memory;
	uintptr_t from = entry_start(m, lo, t->level, k);
	uintptr_t last = from | (((uintptr_t)1 << level_shift(m, t->level)) - 1);

	return walk_part(w, ptdesc_of(m, qr_entry_frame(m->format, entry_of(m, t, k))),
			 from > lo ? from : lo, last < hi ? last + 1 : hi);
}

static bool walk_part(struct walk *w, const struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	const struct qr_memory *m = w->s->memory;
	const unsigned shift = level_shift(m, t->level);
	const unsigned i = index_at(m, lo, t->level), j = index_at(m, hi - 1, t->level) + 1;
	const uintptr_t base = (lo >> shift) - i; /* of entry 0, in entries */
	const struct qr_run *run = &t->runs[run_find(t, i)], *last = &t->runs[t->nruns];
	unsigned left = t->ntables, k = i;

	for (; run < last && run->start < j; k = run++->end) {
		/* The tables before the run; inside of it, what is not none is a huge page. */
		for (;
		     left && (k = next_used(m, t, table_window(m, t), k, run->start)) < run->start;
		     k++, left--)
			if (!walk_child(w, t, k, lo, hi))
				return false;
		if (!walk_run(w, (base + run->start) << shift, (base + run->end) << shift,
			      run->attr))
			return false;
	}
	for (; left && (k = next_used(m, t, table_window(m, t), k, j)) < j; k++, left--)
		if (!walk_child(w, t, k, lo, hi))
			return false;
	return true;
}

size_t qr_space_regions(struct qr_space *s, qr_virt at, struct qr_region *out, size_t max)
{
	uintptr_t from = at.v < s->memory->user_start.v ? s->memory->user_start.v : at.v;
	struct walk w = { .s = s, .out = out, .max = max };

	(void)space_lock(s);
	if (from < s->memory->user_end.v && max)
		(void)walk_part(&w, s->root, from, s->memory->user_end.v);
	if (w.f.hi)
		describe(s, &w.f, &out[w.n++]);
	qr_space_unlock(s);
	return w.n;
}

enum qr_err qr_space_whose(struct qr_space *s, qr_virt at, const struct qr_object **object,
			   uint64_t *offset)
{
	const struct qr_mapping *mp = NULL;
	const struct qr_ptdesc *t;
	const struct qr_run *run;

	if (at.v >= s->memory->user_end.v)
		return QR_NOENT;
	qr_lock_acquire(&s->lock);
	t = lowest_table(s, at.v);
	run = run_at(t, index_at(s->memory, at.v, t->level));
	if (run && run_id(run->attr))
		mp = mapping_of(s, run->attr);
	*object = mp && mp->shared ? mp->object : NULL;
	if (*object)
		*offset = at.v + ((uint64_t)mp->delta << QR_PAGE_SHIFT);
	qr_lock_release(&s->lock);
	return run ? QR_OK : QR_NOENT;
}

/* The pages of leaves that are shared.  Not `wait`: less those of leaves that somebody holds.  A leaf
 * that nobody else has any more is owned on the way in S0, so that it is looked for once. */
static void count_borrowed(struct qr_space *s, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi,
			   bool wait, struct qr_space_stat *out)
{
	struct qr_memory *m = s->memory;
	struct child k;

	for (uintptr_t at = lo; child_next(m, t, at, hi, &k); at = k.hi) {
		if (t->level > 1) {
			count_borrowed(s, k.t, k.lo, k.hi, wait, out);
			continue;
		}
		if (!child_borrowed(m, t, k.i))
			continue;
		if (wait)
			table_lock(k.t);
		else if (!table_try(k.t))
			continue;
		out->resident_anon += (size_t)k.t->npages - k.t->nfile - k.t->nshared - k.t->nzero;
		out->resident_file += k.t->nfile;
		out->resident_shared += k.t->nshared;
		table_unlock(k.t);
		if (!QR_SPACE_STAGE && wait && table_refs(m, k.t) == 1 &&
		    qr_leaf_own(s, t, k.i, k.lo, true, &k.t))
			continue; /* never: a copy is not made */
	}
}

struct qr_space_pages qr_space_pages_sum(const struct qr_space *s)
{
	struct qr_space_pages sum = { 0 };

	for (unsigned k = 0; k < QR_SPACE_SETS; k++) {
		const struct qr_space_pages *p = &s->pages[k];

		sum.anon += tally_read(&p->anon);
		sum.file += tally_read(&p->file);
		sum.shared += tally_read(&p->shared);
		sum.faults += tally_event_read(&p->faults);
		sum.zero += tally_event_read(&p->zero);
		sum.copy += tally_event_read(&p->copy);
	}
	return sum;
}

/* Leaves that are shared are looked through only where about as much goes.  The caller may have an
 * object's lock, and who has a leaf may wait for that. */
void qr_note_borrowed(struct qr_space *s, size_t npages)
{
	struct qr_space_pages sum;
	struct qr_space_stat all = { 0 };

	if (!QR_SPACE_STAGE) {
		if (npages < QR_PAGE_SIZE / sizeof(qr_word))
			return;
		count_borrowed(s, s->root, 0, s->memory->user_end.v, false, &all);
	}
	sum = qr_space_pages_sum(s);
	raise_to(&s->most_resident, all.resident_anon + all.resident_file + all.resident_shared +
					sum.anon + sum.file + sum.shared);
}

void qr_space_forget_most(struct qr_space *s)
{
	__atomic_store_n(&s->most_resident, 0, __ATOMIC_RELAXED);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

void qr_space_stat(struct qr_space *s, struct qr_space_stat *out)
{
	const struct qr_space_pages pages = qr_space_pages_sum(s);

	space_begin(s);
	*out = (struct qr_space_stat){
		.mapped = tally_read(&s->mapped),
		.resident_anon = pages.anon,
		.resident_file = pages.file,
		.resident_shared = pages.shared,
		.locked = tally_read(&s->locked),
		.data = tally_read(&s->data),
		.stack = tally_read(&s->stack),
		.exec = tally_read(&s->exec),
		.tables = tally_read(&s->tables),
		.regions = tally_read(&s->regions),
		.huge = tally_read(&s->nhuge),
		.faults = pages.faults,
		.faults_zero = pages.zero,
		.faults_copy = pages.copy,
	};
	if (tally_read(&s->borrowed)) {
		if (QR_SPACE_STAGE)
			(void)space_lock(s);
		count_borrowed(s, s->root, 0, s->memory->user_end.v, true, out);
		if (QR_SPACE_STAGE)
			qr_space_unlock(s);
	}
	space_looked(s);
	out->most_mapped = larger(out->mapped, tally_read(&s->most_mapped));
	out->most_resident = larger(out->resident_anon + out->resident_file + out->resident_shared,
				    tally_read(&s->most_resident));
}
