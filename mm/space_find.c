/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_find.c - free addresses: the highest hole that is large enough.
 *
 * The search goes down through the tables, from run to run.  It does not begin at the top each
 * time: for each of four classes of size the space remembers an address above which there is no
 * hole of that class.  Taking a hole lowers it, unmapping raises it, so that map and unmap in
 * turn find the same place at once, however many runs there are.
 *
 *	class     0: 1 page    1: 2..16    2: 17..512    3: more
 *
 * The hint of a class is exact for its smallest size; for a larger one it is where to begin,
 * and a search that finds nothing begins again at the top before it says so.
 *
 * In stage S1 nothing is locked but the tables that are being looked at: what was found may be taken
 * by the time its own table is, and then the search begins again (qr_space_map).
 *
 * What covers an entry of an upper table is also aligned to that entry, if there is room: then
 * its promise is one run, and needs no table at all.
 */
#include "mm/space.h"

static const size_t class_min[QR_FIND_CLASSES] = { 1, 2, 17, 513 };

static unsigned class_of(size_t npages)
{
	return npages < 2 ? 0 : npages < 17 ? 1 : npages < 513 ? 2 : 3;
}

struct hunt {
	struct qr_space *s;
	const struct qr_memory *m;
	size_t bytes;
	uintptr_t align; /* mask */
	uintptr_t end;   /* the free stretch that is being measured ends here */
	uintptr_t found;
	bool look; /* nothing is locked: the tables on the way are, one below the other */
};

/* The free stretch reaches down to `low`: is it enough? */
static bool enough(struct hunt *h, uintptr_t low)
{
	uintptr_t at;

	if (h->end <= low || h->end - low < h->bytes)
		return false;
	at = (h->end - h->bytes) & ~h->align;
	if (at < low)
		return false;
	h->found = at;
	return true;
}

/* Something lies at `start`: a free stretch below ends there, or a gap before it. */
static void blocked(struct hunt *h, uintptr_t start, uint32_t attr)
{
	h->end = start;
	if (QR_RARELY(run_id(attr)) && mapping_of(h->s, attr)->growsdown) {
		uintptr_t gap = (uintptr_t)STACK_GAP << QR_PAGE_SHIFT;

		h->end = start > gap ? start - gap : 0;
	}
}

/* Entries below k, down to `stop`, that are neither runs nor tables: answers the lowest. */
static unsigned free_entries(const struct hunt *h, const struct qr_ptdesc *t, unsigned k,
			     unsigned stop)
{
	if (!t->ntables || k <= stop)
		return stop;
	while (k > stop && qr_entry_none(entry_of(h->m, t, k - 1))) {
		unsigned shift = block_shift(h->m), block = (k - 1) >> shift;

		k = t->used >> block & 1 ? k - 1 : block << shift;
	}
	return k > stop ? k : stop;
}

static bool hunt_part(struct hunt *h, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);

static bool hunt_child(struct hunt *h, const struct qr_ptdesc *t, const struct child *c)
{
	bool lock = QR_SPACE_STAGE && h->look && !child_borrowed(h->m, t, c->i), found;

	if (lock)
		table_lock(c->t);
	found = hunt_part(h, c->t, c->lo, c->hi);
	if (lock)
		table_unlock(c->t);
	return found;
}

static bool hunt_part(struct hunt *h, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	unsigned i = index_at(h->m, lo, t->level), k = index_at(h->m, hi - 1, t->level) + 1;
	uintptr_t base = entry_start(h->m, lo, t->level, i), start, end;
	unsigned shift = level_shift(h->m, t->level);

	while (k > i) {
		unsigned r = run_find(t, k - 1), stop;
		struct child c;

		if (r < t->nruns && t->runs[r].start < k) {
			k = t->runs[r].start;
			if (k <= i)
				k = i;
			blocked(h, base + ((uintptr_t)(k - i) << shift), t->runs[r].attr);
			continue;
		}
		start = base + ((uintptr_t)(k - 1 - i) << shift);
		end = start + ((uintptr_t)1 << shift);
		if (t->ntables &&
		    child_next(h->m, t, start < lo ? lo : start, end < hi ? end : hi, &c)) {
			if (hunt_child(h, t, &c))
				return true;
			k--;
			continue;
		}
		stop = r && t->runs[r - 1].end > i ? t->runs[r - 1].end : i;
		/* No need to know more than that it is enough. */
		if (h->end >= h->bytes && ((h->end - h->bytes) & ~h->align) >= base) {
			uintptr_t n = (((h->end - h->bytes) & ~h->align) - base) >> shift;

			stop = n > stop && n < k ? (unsigned)n : stop;
		}
		k = free_entries(h, t, k - 1, stop);
		start = base + ((uintptr_t)(k - i) << shift);
		if (enough(h, start < lo ? lo : start))
			return true;
	}
	return false;
}

/* The first run of [at,end): is it a stack's? */
static bool next_run(struct qr_space *s, bool look, uintptr_t at, uintptr_t end, struct found *f,
		     bool *stack)
{
	struct qr_mapping like;

	if (QR_SPACE_STAGE && look) {
		if (!run_look(s, at, end, f, &like))
			return false;
		*stack = like.growsdown;
		return true;
	}
	if (!qr_run_next(s, at, end, f))
		return false;
	*stack = run_id(f->attr) && mapping_of(s, f->attr)->growsdown;
	return true;
}

/* Where the search below `top` begins: a stack that is next above it keeps its gap free. */
static uintptr_t below_stacks(struct qr_space *s, uintptr_t top, bool look)
{
	const uintptr_t gap = (uintptr_t)STACK_GAP << QR_PAGE_SHIFT;
	struct found f;
	bool stack;

	if (QR_SPACE_STAGE) {
		if (!next_run(s, look, top, top + gap, &f, &stack) || !stack || f.lo < top)
			return top;
		return f.lo > gap && f.lo - gap < top ? f.lo - gap : 0;
	}
	for (const struct qr_mapping *mp = s->stacks; mp; mp = mp->next_stack) {
		if (QR_LIKELY(top > mp->hi || (top < mp->lo && mp->lo - top >= gap)))
			continue;
		if (qr_run_next(s, top, top + gap, &f) && run_id(f.attr) == mp->id && f.lo >= top)
			return f.lo > gap && f.lo - gap < top ? f.lo - gap : 0;
	}
	return top;
}

static bool hunt_down(struct qr_space *s, size_t npages, uintptr_t align, uintptr_t bottom,
		      uintptr_t top, bool look, uintptr_t *out)
{
	struct hunt h = { .s = s,
			  .m = s->memory,
			  .bytes = npages << QR_PAGE_SHIFT,
			  .align = align,
			  .end = below_stacks(s, top, look),
			  .look = look };
	bool found;

	if (h.end <= bottom || npages > (h.end - bottom) >> QR_PAGE_SHIFT)
		return false;
	if (QR_SPACE_STAGE && look)
		table_lock(s->root);
	found = hunt_part(&h, s->root, bottom, h.end);
	if (QR_SPACE_STAGE && look)
		table_unlock(s->root);
	if (found)
		*out = h.found;
	return found;
}

enum qr_err qr_find_between(struct qr_space *s, size_t npages, uintptr_t bottom, uintptr_t top,
			    bool look, uintptr_t *out)
{
	if (bottom >= top)
		return QR_NOMEM;
	return hunt_down(s, npages, 0, bottom, top, look, out) ? QR_OK : QR_NOMEM;
}

/* Mostly there is room right below the hint, in the leaf that was used last. */
QR_INLINE bool room_below(struct qr_space *s, const struct qr_ptdesc *t, size_t npages,
			  uintptr_t from, uintptr_t *out)
{
	unsigned k, r, stop;

	if (t->level)
		return false;
	k = index_at(s->memory, from - 1, 0) + 1;
	r = run_find(t, k - 1);
	if (r < t->nruns && t->runs[r].start < k)
		return false;
	stop = r ? t->runs[r - 1].end : 0;
	*out = from - (npages << QR_PAGE_SHIFT);
	return k - stop >= npages && *out >= s->bottom;
}

static bool find_below(struct qr_space *s, size_t npages, uintptr_t from, bool look, uintptr_t *out)
{
	bool room;

#if QR_SPACE_STAGE
	if (look) {
		struct qr_ptdesc *t = qr_range_lock(s, from - QR_PAGE_SIZE, from, 0);

		room = room_below(s, t, npages, from, out);
		qr_tables_unlock(t);
		return room && below_stacks(s, from, look) == from;
	}
#endif
	room = room_below(s, lowest_table(s, from - 1), npages, from, out);
	return room && below_stacks(s, from, look) == from;
}

/* The largest entry that fits into the request, as a mask; on 32 bits, where addresses are
 * scarce, no more than an entry of level 1. */
static uintptr_t alignment(const struct qr_memory *m, size_t npages)
{
	uintptr_t mask = 0;
	unsigned top = sizeof(uintptr_t) == 4 ? 1 : qr_format_top(m->format);

	for (unsigned level = 1; level <= top; level++) {
		if (npages >> qr_format_order(m->format, level) == 0)
			break;
		mask = ((uintptr_t)1 << level_shift(m, level)) - 1;
	}
	return mask;
}

/* Where the search goes when there is nothing below: the lowest hole above s->up. */
static bool find_up(struct qr_space *s, size_t npages, bool look, uintptr_t *out)
{
	uintptr_t at = s->up, end = s->memory->window_end.v, gap = STACK_GAP << QR_PAGE_SHIFT;

	while (at && at < end) {
		struct found f = { .lo = end, .hi = end };
		bool stack = false;
		uintptr_t limit;

		(void)next_run(s, look, at, end, &f, &stack);
		limit = f.lo;
		if (stack)
			limit = f.lo > gap ? f.lo - gap : 0;
		if (limit > at && npages <= (limit - at) >> QR_PAGE_SHIFT) {
			*out = at;
			return true;
		}
		at = f.hi;
	}
	return false;
}

/* What is found is about to be taken; unless something above it became free meanwhile. */
static void lower_hint(uintptr_t *hint, uintptr_t seen, uintptr_t to)
{
	if (QR_SPACE_STAGE)
		(void)qr_cas_word(hint, &seen, to);
	else
		*hint = to;
}

static void raise_hint(uintptr_t *hint, uintptr_t to)
{
	uintptr_t seen = QR_SPACE_STAGE ? qr_load_word(hint) : *hint;

	if (QR_SPACE_STAGE) {
		while (seen < to && !qr_cas_word(hint, &seen, to))
			;
	} else if (seen < to) {
		*hint = to;
	}
}

enum qr_err qr_find_free(struct qr_space *s, size_t npages, bool look, uintptr_t *out)
{
	uintptr_t *hint = &s->find_from[class_of(npages)], from = qr_load_word(hint), align;

	if (QR_LIKELY(npages < table_entries(s->memory, 0) &&
		      find_below(s, npages, from, look, out))) {
		lower_hint(hint, from, *out);
		return QR_OK;
	}
	align = alignment(s->memory, npages);
	if (QR_LIKELY(hunt_down(s, npages, align, s->bottom, from, look, out)) ||
	    hunt_down(s, npages, align, s->bottom, s->top, look, out)) {
		lower_hint(hint, from, *out);
		return QR_OK;
	}
	if (align && hunt_down(s, npages, 0, s->bottom, s->top, look, out))
		return QR_OK;
	return find_up(s, npages, look, out) ? QR_OK : QR_NOMEM;
}

/* The hole that [lo,hi) is a part of counts; neighbours in the covering table are seen, and
 * what lies beyond it may be free. */
void qr_find_freed(struct cursor *c, uintptr_t lo, uintptr_t hi)
{
	struct qr_space *s = c->s;
	const struct qr_ptdesc *t = c->t;
	unsigned i = index_at(c->m, lo, t->level), r = run_find(t, i);
	size_t hole = SIZE_MAX;

	if (t->level == 0 && r < t->nruns && r > 0) {
		hole = (size_t)t->runs[r].start - t->runs[r - 1].end;
		hi = entry_start(c->m, lo, 0, t->runs[r].start);
	}
	if (hi > s->top)
		hi = s->top;
	for (unsigned class = 0; class < QR_FIND_CLASSES && class_min[class] <= hole; class ++)
		raise_hint(&s->find_from[class], hi);
}

void qr_space_window(struct qr_space *s, qr_virt bottom, qr_virt top)
{
	space_begin(s);
	s->bottom = bottom.v < s->memory->user_start.v ? s->memory->user_start.v : bottom.v;
	s->top = top.v > s->memory->user_end.v ? s->memory->user_end.v : top.v;
	for (unsigned class = 0; class < QR_FIND_CLASSES; class ++)
		qr_store_word(&s->find_from[class], s->top);
	space_looked(s);
}

void qr_space_window_up(struct qr_space *s, qr_virt from)
{
	s->up = from.v & ~(uintptr_t)QR_PAGE_MASK;
}
