/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_copy.c - from one space's memory to another's, once: frame to frame; and pages that are lent.
 *
 *	from   [ ....PPPP|PPPPPPPP|PP.. ]       pieces end where either side's page ends;
 *	to     [ .PPPPPPP|PPPPPPP..     ]       a piece that is a page is one copy of a frame
 *
 * Each side keeps its place: the leaf, and how far the run goes whose rights allow it.  A page that
 * is there and lets it happen costs a look at its entry; others are faulted in as their user would.
 *
 * The CPU does not see these writes: the dirty bit is set by hand.
 * Locking: both spaces as wholes, the lower address first.
 */
#include "mm/space.h"

struct side {
	struct qr_space *s;
	uintptr_t va;
	uintptr_t lo, hi; /* what is known: one run of a leaf; hi 0: nothing */
	struct qr_ptdesc *t;
	bool write;
};

/* Where va lies now.  False: no right there; a stack does not grow for others. */
static bool find_place(struct side *x)
{
	const struct qr_memory *m = x->s->memory;
	struct qr_ptdesc *t;
	struct qr_run *r;

	x->hi = 0;
	if (x->va < m->user_start.v || x->va >= m->user_end.v)
		return false;
	t = lowest_table(x->s, x->va);
	/* With several CPUs another space could take an object's page out of a borrowed leaf. */
	if (QR_MAX_CPUS > 1 && t->level == 0 && !leaf_is_own(x->s, t) &&
	    qr_table_at(x->s, x->va, 0, &t))
		return false;
	r = run_at(t, index_at(m, x->va, t->level));
	if (!r || !(r->attr & (x->write ? RUN_W : RUN_R)))
		return false;
	if (t->level == 0 && (!x->write || QR_MAX_CPUS > 1 || leaf_is_own(x->s, t))) {
		x->t = t;
		x->lo = entry_start(m, x->va, 0, r->start);
		x->hi = entry_start(m, x->va, 0, r->end);
	}
	return true;
}

/* The frame, if nothing has to be done for it. */
QR_INLINE bool at_once(const struct side *x, qr_frame *out)
{
	const struct qr_memory *m = x->s->memory;
	const struct qr_format *f = m->format;
	unsigned i = index_at(m, x->va, 0);
	qr_entry e;

	if (x->va < x->lo || x->va >= x->hi)
		return false;
	e = entry_of(m, x->t, i);
	if (!qr_entry_present(f, e) || (x->write && !qr_entry_writable(f, e)))
		return false;
	if (x->write && !qr_entry_dirty(f, e))
		(void)qr_entry_change(f, table_window(m, x->t), i, 0,
				      QR_FIXED(f)->accessed | QR_FIXED(f)->dirty);
	*out = qr_entry_frame(f, e);
	return true;
}

/* It may lie in a huge page, whose frames have one reference for all of its entries: then it is split. */
static enum qr_err fetch_small(struct side *x, qr_frame *out)
{
	enum qr_err err = qr_frame_reach(x->s, x->va, QR_ACCESS_READ, false, out);
	struct qr_ptdesc *t;
	unsigned level;

	if (err)
		return err;
	(void)qr_entry_look(x->s, x->va, &level);
	return level ? qr_table_at(x->s, x->va, 0, &t) : QR_OK;
}

enum qr_err qr_space_lend(struct qr_space *s, qr_virt at, qr_frame *out)
{
	struct side x = { .s = s, .va = at.v };
	enum qr_err err = QR_ACCESS;

	(void)space_lock(s);
	if (find_place(&x))
		err = at_once(&x, out) ? QR_OK : fetch_small(&x, out);
	if (!err)
		err = qr_frame_get(s->memory->frames, *out);
	qr_space_unlock(s);
	return err;
}

static bool bring(struct side *x, struct side *other, qr_frame *out)
{
	if (!find_place(x))
		return false;
	if (at_once(x, out))
		return true;
	x->hi = other->hi = 0; /* tables may change */
	return !qr_frame_reach(x->s, x->va, x->write ? QR_ACCESS_WRITE : QR_ACCESS_READ, false,
			       out);
}

/* Both frames; what brings the second may put another in the place of the first. */
static __attribute__((noinline)) bool bring_both(struct side *in, struct side *out, qr_frame *f,
						 qr_frame *g)
{
	return bring(in, out, f) && bring(out, in, g) && (in->hi || bring(in, out, f));
}

QR_INLINE void copy_piece(qr_frame to, size_t at, qr_frame from, size_t start, size_t n)
{
	char *out, *in;

	if (QR_LIKELY(n == QR_PAGE_SIZE)) {
		qr_host_frame_copy(to, from);
		return;
	}
	out = qr_host_window_get(to);
	in = qr_host_window_get(from);
	__builtin_memmove(out + at, in + start, n);
	qr_host_window_put(in);
	qr_host_window_put(out);
}

static void lock_both(struct qr_space *a, struct qr_space *b)
{
	(void)space_lock(a < b ? a : b);
	if (a != b)
		(void)space_lock(a < b ? b : a);
}

size_t qr_space_copy(struct qr_space *to, qr_virt at, struct qr_space *from, qr_virt start,
		     size_t n)
{
	struct side in = { .s = from, .va = start.v }, out = { .s = to, .va = at.v, .write = true };
	size_t done = 0;

	lock_both(to, from);
	while (done < n) {
		size_t a = out.va & QR_PAGE_MASK, b = in.va & QR_PAGE_MASK;
		size_t part = QR_PAGE_SIZE - (a > b ? a : b);
		qr_frame f, g;

		part = part < n - done ? part : n - done;
		if (QR_RARELY(!at_once(&in, &f) || !at_once(&out, &g)) &&
		    !bring_both(&in, &out, &f, &g))
			break;
		copy_piece(g, a, f, b, part);
		in.va += part;
		out.va += part;
		done += part;
	}
	if (from != to)
		qr_space_unlock(from);
	qr_space_unlock(to);
	return done;
}
