/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_fork.c - a child that sees what its parent sees, and then goes its own way.
 *
 *	parent table                child table
 *	runs  ── copied ──────────> runs          (but DONTFORK)
 *	A rw  ── W cleared ───────> A r-          one reference more: the first write copies
 *	Z r-  ────────────────────> Z r-          zero page: no reference
 *	F r-  ── left out                         a fault finds it in its object again
 *
 * Tables are copied one by one, in order of address.  When memory runs out, the child is emptied
 * again; the parent keeps its pages, some of them read-only until its next write to them finds
 * that nobody shares them.
 *
 * Cost: about 30 instructions a page in the parent's tables, on x86-64.
 */
#include "mm/space.h"

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
		struct qr_mapping like = *old;

		like.lo = lo;
		like.hi = hi;
		if (qr_mapping_make(k->child, &like, &mp))
			return QR_NOMEM;
	}
	if (lo < mp->lo)
		mp->lo = lo;
	if (hi > mp->hi)
		mp->hi = hi;
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
		size_t npages = (size_t)(run.end - run.start) << order;

		if (run.attr & RUN_DONTFORK)
			continue;
		run.attr &= ~(RUN_LOCKED | RUN_ONFAULT | RUN_UMISS | RUN_UWP);
		if (QR_RARELY(run_id(run.attr)) &&
		    copy_mapping(k, run_id(run.attr), entry_start(m, at, from->level, run.start),
				 entry_start(m, at, from->level, run.end)))
			return QR_NOMEM;
		k->child->regions -= to->nruns;
		qr_run_set(to, run.start, run.end, run.attr);
		k->child->regions += to->nruns;
		space_count(k->child, run.attr, (ptrdiff_t)npages);
	}
	return QR_OK;
}

/* A page that is not an ordinary present anonymous one.  *e becomes what the child gets.
 * Errors: QR_NOMEM, too many share it, and a page without rights is not copied early. */
static __attribute__((noinline)) enum qr_err share_odd(struct fork *k, qr_entry *e)
{
	struct qr_memory *m = k->c->m;

	if (qr_entry_present(m->format, *e)) {
		if (!(e->v & SOFT_ZERO))
			*e = QR_ENTRY_NONE;
		return QR_OK;
	}
	if (qr_frame_get(m->frames, resident_frame(m, *e)))
		return QR_NOMEM;
	k->child->anon++;
	return QR_OK;
}

/* Too many share the frame for its word to count them: the child gets a copy.  None: no memory. */
static __attribute__((noinline)) qr_entry copy_now(const struct fork *k, qr_entry e)
{
	struct qr_memory *m = k->c->m;
	qr_frame to;

	if (qr_frames_alloc(m->frames, 0, QR_FRAME_ANON, QR_ANY, &to))
		return QR_ENTRY_NONE;
	qr_host_frame_copy(to, qr_entry_frame(m->format, e));
	return qr_entry_of((e.v & ~m->format->address) | (uint64_t)to.v << QR_PAGE_SHIFT);
}

QR_INLINE bool share_frame(struct qr_frame_word *w)
{
	uint32_t state = qr_load32(&w->state);

	if (QR_RARELY((state & QR_FRAME_REF_MASK) >= QR_FRAME_REF_MAX))
		return false;
	if (QR_MAX_CPUS > 1)
		(void)qr_add32(&w->state, 1);
	else
		w->state = state + 1;
	return true;
}

/* The pages [i,j) of a leaf, all of one run.  The loop is what fork costs. */
static __attribute__((noinline)) enum qr_err
share_pages(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to, unsigned i, unsigned j)
{
	struct qr_memory *m = k->c->m;
	const struct qr_format *f = m->format;
	const uintptr_t words = frame_words(m);
	const uint64_t file = QR_FIXED(f)->present | SOFT_FILE, write = QR_FIXED(f)->write;
	void *source = table_window(m, from), *dest = table_window(m, to);
	unsigned plain = 0, odd = 0;
	enum qr_err err = QR_OK;
	uint64_t rights = 0;

	for (i = next_used(m, from, source, i, j); i < j; i++) {
		qr_entry e = qr_entry_read(f, source, i);

		if (QR_LIKELY(entry_is_plain(m, e))) {
			rights |= e.v;
			if (e.v & write)
				entry_update(f, source, i, e, write, 0);
			e.v &= ~write;
			plain++;
			if (QR_RARELY(!share_frame(entry_word(m, words, e)))) {
				e = copy_now(k, e);
				if (qr_entry_none(e)) {
					plain--;
					err = QR_NOMEM;
					break;
				}
			}
			qr_entry_set(f, dest, i, e);
		} else if (qr_entry_none(e)) {
			i = next_used(m, from, source, i + 1, j) - 1;
		} else if ((e.v & file) != file) { /* a fault finds what is an object's */
			err = share_odd(k, &e);
			if (QR_RARELY(err))
				break;
			odd += !qr_entry_none(e);
			qr_entry_set(f, dest, i, e);
		}
	}
	if (rights & write)
		qr_gather_all(&k->c->gather);
	k->child->anon += plain;
	to->npages = (uint16_t)(to->npages + plain + odd);
	return err;
}

static enum qr_err copy_leaf(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to)
{
	enum qr_err err = QR_OK;

	if (!from->npages)
		return QR_OK;
	for (unsigned r = 0; r < from->nruns && !err; r++) {
		const struct qr_run *run = &from->runs[r];

		if (QR_RARELY(run->attr & (RUN_DONTFORK | RUN_WIPE)) ||
		    (run_id(run->attr) && mapping_of(k->c->s, run->attr)->shared))
			continue;
		err = share_pages(k, from, to, run->start, run->end);
	}
	if (to->npages)
		to->used = from->used;
	return err;
}

static enum qr_err copy_table(struct fork *k, struct qr_ptdesc *from, struct qr_ptdesc *to,
			      uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = k->c->m;
	struct child x;

	if (copy_runs(k, from, to, lo))
		return QR_NOMEM;
	if (from->level == 0)
		return copy_leaf(k, from, to);
	if (QR_RARELY(from->npages) && qr_huge_share(k->c, k->child, from, to, lo, hi))
		return QR_NOMEM;
	for (uintptr_t at = lo; child_next(m, from, at, hi, &x); at = x.hi) {
		qr_entry e = entry_of(m, to, x.i); /* kept tables are there already */
		struct qr_ptdesc *t;

		if (qr_entry_none(e)) {
			if (qr_pt_alloc(m, x.t->level, &t))
				return QR_NOMEM;
			pt_link(m, to, x.i, t);
			k->child->tables++;
		} else {
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		}
		if (copy_table(k, x.t, t, x.lo, x.hi))
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

		if (!mp->npages)
			qr_mapping_drop(s, mp);
	}
}

static void inherit(struct qr_space *child, const struct qr_space *parent)
{
	child->bottom = parent->bottom;
	child->top = parent->top;
	child->up = parent->up;
	for (unsigned class = 0; class < QR_FIND_CLASSES; class ++)
		child->find_from[class] = parent->find_from[class];
	child->no_huge = parent->no_huge;
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
	cursor_lock(&c, parent, lo, hi);
	cursor_lock(&d, child, lo, hi);
	c.t = parent->root;
	d.t = child->root;
	qr_settle_idle(&c);
	err = copy_table(&k, parent->root, child->root, lo, hi);
	inherit(child, parent);
	if (err) {
		qr_unmap_part(&d, child->root, lo, hi);
		drop_unused_mappings(child);
	}
	cursor_unlock(&c);
	cursor_unlock(&d);
	return err;
}
