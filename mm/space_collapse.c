/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_collapse.c - many small pages become a huge one; and what is said of huge pages.
 *
 *	in place   all pages of the leaf sit in one aligned block, in order, and nobody else maps
 *	           them: its entry becomes a huge one, and nothing is copied
 *	copied     else a block is taken, filled with what the pages hold and with zeroes between
 *	           them, and the pages go
 *
 * Everything that can fail comes first.  Then the leaf is unhooked and forgotten by all CPUs, so
 * that nobody writes to its pages any more; it stays as the huge page's kept leaf.
 */
#include "mm/space.h"

struct collapse {
	struct qr_space *s;
	struct qr_memory *m;
	struct qr_ptdesc *t; /* level 1 */
	unsigned i;
	uintptr_t va;
	struct qr_ptdesc *leaf;
};

/* The block in which the leaf's pages lie in order, alone. */
static bool find_block(struct collapse *c, qr_frame *first)
{
	const struct qr_format *f = c->m->format;
	unsigned n = table_entries(c->m, 0);
	uintptr_t words = frame_words(c->m);

	if (c->leaf->npages < n)
		return false;
	*first = qr_entry_frame(f, entry_of(c->m, c->leaf, 0));
	if (first->v & (n - 1))
		return false;
	for (unsigned k = 0; k < n; k++) {
		qr_entry e = entry_of(c->m, c->leaf, k);

		if (!entry_is_plain(c->m, e) || qr_entry_frame(f, e).v != first->v + k ||
		    !word_exclusive(entry_word(c->m, words, e)))
			return false;
	}
	return true;
}

/* Copy what is there, and give it up; nobody can reach it. */
static void copy_pages(struct collapse *c, qr_frame to)
{
	const struct qr_format *f = c->m->format;

	for (unsigned k = 0; k < table_entries(c->m, 0); k++, to.v++) {
		qr_entry e = entry_of(c->m, c->leaf, k);

		if (qr_entry_none(e) || e.v & SOFT_ZERO) {
			qr_host_frame_clear(to);
			continue;
		}
		qr_host_frame_copy(to, qr_entry_frame(f, e));
		qr_frame_put(c->m->frames, qr_entry_frame(f, e));
		tally(&pages_here(c->s)->anon, -(size_t)1);
	}
}

/* The leaf out of the tree, and out of every CPU's memory. */
static void unhook(struct collapse *c)
{
	struct qr_gather g;

	(void)qr_entry_clear(c->m->format, table_window(c->m, c->t), c->i);
	c->t->ntables--;
	table_leave(c->leaf);
	forget_near(c->s);
	if (c->s->idle == c->leaf)
		c->s->idle = NULL;
	qr_gather_init(&g, &c->s->tlb, c->m->frames);
	qr_gather_all(&g);
	qr_gather_flush(&g);
}

static void hook_huge(struct collapse *c, qr_frame first)
{
	uint32_t attr = c->leaf->in[0].attr;
	size_t before;

	c->leaf->nruns = c->leaf->npages = c->leaf->nzero = 0;
	c->leaf->used = 0;
	qr_host_frame_clear(qr_frame_of(c->leaf->frame));
	qr_huge_keep(c->s, c->leaf);
	before = c->t->nruns;
	qr_run_set(c->t, c->i, c->i + 1, attr);
	tally(&c->s->regions, (size_t)c->t->nruns - before - 1);
	qr_huge_install(c->s, c->t, c->i,
			qr_entry_touched(c->m->format, qr_huge_entry(c->m, first, attr, true),
					 true));
	(void)qr_add32(&c->m->huge.blocks, 1);
	(void)qr_add32(&c->m->huge.collapse, 1);
}

static enum qr_err collapse_leaf(struct collapse *c, bool copy)
{
	bool in_place;
	qr_frame first;

	if (c->leaf->nruns != 1 || !c->leaf->npages ||
	    (unsigned)(c->leaf->runs[0].end - c->leaf->runs[0].start) != table_entries(c->m, 0) ||
	    !qr_huge_eligible(c->s, c->leaf->runs[0].attr))
		return QR_INVAL;
	in_place = find_block(c, &first);
	if (!in_place && !copy)
		return QR_INVAL;
	if (run_room(c->m, c->t, 2))
		return QR_NOMEM;
	qr_run_shrink(c->m, c->leaf);
	if (!in_place) {
		qr_store32(&c->m->huge.pause, 0);
		if (qr_huge_alloc(c->m, &first))
			return QR_NOMEM;
	}
	unhook(c);
	if (in_place)
		tally(&pages_here(c->s)->anon, -(size_t)c->leaf->npages);
	else
		copy_pages(c, first);
	hook_huge(c, first);
	return QR_OK;
}

/* The level-1 table that holds va, or null. */
static struct qr_ptdesc *directory_of(const struct qr_space *s, uintptr_t va)
{
	const struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->root;

	while (t->level > 1) {
		qr_entry e = entry_of(m, t, index_at(m, va, t->level));

		if (!qr_entry_is_table(m->format, e, t->level))
			return NULL;
		t = ptdesc_of(m, qr_entry_frame(m->format, e));
	}
	return t;
}

enum qr_err qr_huge_collapse(struct qr_space *s, uintptr_t lo, uintptr_t hi, bool copy)
{
	struct qr_memory *m = s->memory;
	uintptr_t span = (uintptr_t)1 << level_shift(m, 1), end = hi & ~(span - 1);
	enum qr_err err = QR_OK;

	lo = (lo + span - 1) & ~(span - 1);
	for (uintptr_t va = lo; va < end && va >= lo; va += span) {
		struct qr_ptdesc *t = directory_of(s, va);
		unsigned i = index_at(m, va, 1);
		qr_entry e = t ? entry_of(m, t, i) : QR_ENTRY_NONE;
		enum qr_err one = QR_INVAL;

		if (qr_entry_is_table(m->format, e, 1)) {
			struct collapse c = { .s = s, .m = m, .t = t, .i = i, .va = va };

			c.leaf = ptdesc_of(m, qr_entry_frame(m->format, e));
			one = child_borrowed(m, t, i) ? qr_leaf_own(s, t, i, va, true, &c.leaf)
						      : QR_OK;
			if (!one)
				one = collapse_leaf(&c, copy);
		} else if (!qr_entry_none(e)) {
			one = QR_OK; /* is huge */
		}
		if (one == QR_NOMEM)
			return one;
		err = one ? one : err;
	}
	return err;
}

/* ---- policy and numbers ------------------------------------------------------------------------ */

void qr_memory_set_huge(struct qr_memory *m, enum qr_huge_policy policy)
{
	qr_store32(&m->huge.policy, policy);
	qr_store32(&m->huge.pause, 0);
}

void qr_memory_huge_stat(const struct qr_memory *m, struct qr_huge_stat *out)
{
	*out = (struct qr_huge_stat){
		.policy = (enum qr_huge_policy)qr_load32(&m->huge.policy),
		.npages = table_entries(m, 0),
		.blocks = qr_load32(&m->huge.blocks),
		.fault = qr_load32(&m->huge.fault),
		.fallback = qr_load32(&m->huge.fallback),
		.split = qr_load32(&m->huge.split),
		.collapse = qr_load32(&m->huge.collapse),
	};
}

void qr_space_huge(struct qr_space *s, bool allow)
{
	s->no_huge = !allow;
}

bool qr_space_huge_allowed(const struct qr_space *s)
{
	return !s->no_huge;
}

static size_t count_part(const struct qr_memory *m, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	uintptr_t span = (uintptr_t)1 << level_shift(m, 1), va;
	struct child k;
	unsigned i;
	size_t n = 0;

	if (t->level == 1) {
		for (uintptr_t at = lo; t->npages && qr_huge_next(m, t, at, hi, &va, &i);
		     at = va + span)
			n++;
		return n;
	}
	for (uintptr_t at = lo; t->level && child_next(m, t, at, hi, &k); at = k.hi)
		n += count_part(m, k.t, k.lo, k.hi);
	return n;
}

size_t qr_space_huge_count(struct qr_space *s, qr_virt at, size_t npages)
{
	size_t n = 0;

	(void)space_lock(s);
	if (tally_read(&s->nhuge) && range_valid(s->memory, at, npages))
		n = count_part(s->memory, s->root, at.v, at.v + (npages << QR_PAGE_SHIFT));
	qr_space_unlock(s);
	return n;
}
