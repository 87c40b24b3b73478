/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_table.c - tables and their descriptors: made, carved, settled.
 *
 * An empty table is full of zeroes, so a table that became empty is as good as a fresh one
 * without the clearing.  So they are kept, descriptor and all, on a list of the memory, the last
 * one first: up to a thousandth of low memory, and until somebody asks for frames in vain
 * (qr_memory_trim).  A table then comes and goes for some twenty instructions.
 */
#include "mm/space.h"

static struct qr_ptdesc *spare_take(struct qr_memory *m)
{
	struct qr_ptdesc *t;

	qr_lock_acquire(&m->spare_lock);
	t = m->spare;
	if (t) {
		m->spare = (struct qr_ptdesc *)t->runs;
		m->nspare--;
	}
	qr_lock_release(&m->spare_lock);
	return t;
}

static struct qr_ptdesc *fresh(struct qr_memory *m)
{
	struct qr_ptdesc *t = qr_pool_alloc(&m->descs);
	uint64_t link;
	qr_frame f;

	if (!t)
		return NULL;
	link = ((uintptr_t)t - m->low_base) >> 6;
	if (link > UINT32_MAX || qr_table_alloc(m->frames, &f)) {
		qr_pool_free(&m->descs, t);
		return NULL;
	}
	qr_frame_word(m->frames, f)->link = (uint32_t)link;
	t->frame = f.v;
	t->nruns = t->npages = t->ntables = 0;
	t->nfile = t->nshared = t->nzero = 0;
	t->cap = RUN_INLINE;
	t->flags = 0;
	t->used = 0;
#if QR_MAX_CPUS > 1
	qr_lock_init(&t->lock, QR_RANK_TABLE);
#endif
#if QR_SPACE_STAGE
	t->holder = 0;
	t->next = t->prev = NULL;
#endif
	return t;
}

enum qr_err qr_pt_alloc(struct qr_memory *m, unsigned level, struct qr_ptdesc **out)
{
	struct qr_ptdesc *t = QR_MAX_CPUS > 1 || m->spare ? spare_take(m) : NULL;

	if (!t)
		t = fresh(m);
	if (!t)
		return QR_NOMEM;
	t->runs = t->in;
	t->level = (uint8_t)level;
	*out = t;
	return QR_OK;
}

static void destroy(struct qr_memory *m, struct qr_ptdesc *t)
{
	qr_frame f = qr_frame_of(t->frame);

	qr_pool_free(&m->descs, t);
	qr_table_free(m->frames, f);
}

void qr_pt_free(struct qr_memory *m, struct qr_ptdesc *t)
{
	bool full;

	QR_ASSERT_DEBUG(!t->nruns && !t->npages && !t->ntables, "a freed table is empty");
	QR_ASSERT_DEBUG(table_refs(m, t) == 1, "a freed table is nobody else's");
	if (QR_RARELY(t->runs != t->in))
		qr_run_shrink(m, t);
	t->flags = 0;
	t->used = 0;
	qr_lock_acquire(&m->spare_lock);
	full = m->nspare >= m->most_spare;
	if (!full) {
		t->runs = (struct qr_run *)m->spare;
		m->spare = t;
		m->nspare++;
	}
	qr_lock_release(&m->spare_lock);
	if (full)
		destroy(m, t);
}

/* May be called from fresh(), by way of frames: so no list is in between here. */
size_t qr_memory_trim(struct qr_memory *m)
{
	size_t n = 0;
	struct qr_ptdesc *t;

	qr_memory_drop_roots(m);
#if QR_SPACE_STAGE
	(void)qr_tables_reclaim(m);
#endif
	while ((t = spare_take(m))) {
		t->runs = t->in;
		destroy(m, t);
		n++;
	}
	n += qr_pool_trim(&m->descs) + qr_pool_trim(&m->mappings) + qr_pool_trim(&m->nodes);
	for (unsigned k = 0; k < sizeof(m->runs) / sizeof(m->runs[0]); k++)
		n += qr_pool_trim(&m->runs[k]);
	return n;
}

/* Are the first four entries here zero? */
QR_INLINE bool four_unused(const struct qr_format *f, const void *at)
{
	return !(qr_entry_read(f, at, 0).v | qr_entry_read(f, at, 1).v | qr_entry_read(f, at, 2).v |
		 qr_entry_read(f, at, 3).v);
}

/* The first entry of [i,j) that is not zero, looked for one behind the other. */
QR_INLINE unsigned scan(const struct qr_format *f, const void *entries, unsigned i, unsigned j)
{
	const unsigned shift = QR_FIXED(f)->entry_shift;
	const char *at = (const char *)entries + ((size_t)i << shift);
	const char *end = (const char *)entries + ((size_t)j << shift);

	while (end - at >= (ptrdiff_t)4 << shift && four_unused(f, at))
		at += (size_t)4 << shift;
	while (at < end && qr_entry_none(qr_entry_read(f, at, 0)))
		at += (size_t)1 << shift;
	return (unsigned)((size_t)(at - (const char *)entries) >> shift);
}

unsigned qr_next_used(const struct qr_memory *m, const struct qr_ptdesc *t, unsigned i, unsigned j)
{
	const unsigned shift = block_shift(m);
	const struct qr_format *f = m->format;
	const void *entries = table_window(m, t);

	while (i < j) {
		unsigned block = i >> shift, end = (block + 1) << shift;
		uint32_t used = t->used >> block;

		if (!used)
			return j;
		if (!(used & 1)) {
			i = (block + (unsigned)__builtin_ctz(used)) << shift;
			continue;
		}
		end = end < j ? end : j;
		i = scan(f, entries, i, end);
		if (i < end)
			return i;
	}
	return j;
}

enum qr_err qr_pt_carve(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uintptr_t va,
			struct qr_ptdesc **out)
{
	struct qr_memory *m = s->memory;
	struct qr_run *r = run_at(t, i);
	struct qr_ptdesc *child;
	size_t before;

	if (QR_RARELY(t->npages) && !qr_entry_none(entry_of(m, t, i))) {
		*out = qr_huge_split(s, t, i, va);
		return QR_OK;
	}
	if (qr_pt_alloc(m, t->level - 1u, &child))
		return QR_NOMEM;
	if (r) {
		child->in[0] =
		    (struct qr_run){ 0, (uint16_t)table_entries(m, child->level), r->attr };
		child->nruns = 1;
		before = t->nruns;
		qr_run_clear(t, i, i + 1);
		tally(&s->regions, (size_t)t->nruns - before + 1);
	}
	pt_link(m, t, i, child);
	tally(&s->tables, 1);
	*out = child;
	return QR_OK;
}

enum qr_err qr_table_at(struct qr_space *s, uintptr_t va, unsigned level, struct qr_ptdesc **out)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->root;

	while (t->level > level) {
		unsigned i = index_at(m, va, t->level);
		qr_entry e = entry_of(m, t, i);

		if (qr_entry_is_table(m->format, e, t->level)) {
			if (QR_RARELY(child_borrowed(m, t, i))) {
				if (qr_leaf_own(s, t, i, va, true, &t))
					return QR_NOMEM;
				continue;
			}
			t = ptdesc_of(m, qr_entry_frame(m->format, e));
		} else if (run_room(m, t, 5) ||
			   qr_pt_carve(s, t, i, va, &t)) { /* 4 stay: space_remap.c */
			return QR_NOMEM;
		}
	}
	*out = t;
	return QR_OK;
}

/* Tables of a range go one after another: with the last entry of a block, has all of it gone? */
static __attribute__((noinline)) void unmark_block(const struct qr_memory *m, struct qr_ptdesc *t,
						   unsigned i)
{
	unsigned shift = block_shift(m), first = i >> shift << shift;

	if (qr_next_used(m, t, first, i + 1) > i)
		t->used &= ~(1u << (i >> shift));
}

static void unlink_child(struct cursor *c, struct qr_ptdesc *parent, unsigned i,
			 struct qr_ptdesc *child, uintptr_t va)
{
	struct qr_memory *m = c->m;

	(void)qr_entry_clear(m->format, table_window(m, parent), i);
	if (--parent->ntables == 0 && parent->npages == 0)
		parent->used = 0;
	else if (QR_RARELY(!((i + 1) & ((1u << block_shift(m)) - 1))))
		unmark_block(m, parent, i);
	tally(&c->s->tables, -(size_t)1);
	if (child == c->s->near)
		forget_near(c->s);
	if (child == c->s->idle)
		c->s->idle = NULL;
	child->flags |= PT_STALE;
	table_leave(child);
	qr_gather_page(&c->gather, qr_virt_of(va));
	/* Reachable for the hardware until the flush: the list goes through `in`. */
	QR_ASSERT_DEBUG(!child->npages && !child->ntables, "an unlinked table is empty");
	child->nruns = 0;
	if (QR_RARELY(child->runs != child->in))
		qr_run_shrink(m, child);
	child->runs = (struct qr_run *)c->dead;
	c->dead = child;
}

bool qr_pt_settle(struct cursor *c, struct qr_ptdesc *parent, unsigned i, struct qr_ptdesc *child,
		  uintptr_t va)
{
	struct qr_run full;
	size_t before;

	/* Others may be filling it in. */
	if (QR_MAX_CPUS > 1 && child_borrowed(c->m, parent, i))
		return false;
	if (!may_settle(c->m, child) || child->flags & PT_KEEP) {
		if (QR_RARELY(child->runs != child->in) && !child_borrowed(c->m, parent, i))
			qr_run_shrink(c->m, child);
		return false;
	}
	if (QR_RARELY(child_borrowed(c->m, parent, i)))
		return false;
	if (child->nruns == 0) {
		unlink_child(c, parent, i, child, va);
		return true;
	}
	full = child->runs[0];
	if (run_room(c->m, parent, 1))
		return false;
	unlink_child(c, parent, i, child, va);
	before = parent->nruns;
	qr_run_set(parent, i, i + 1, full.attr);
	tally(&c->s->regions, (size_t)parent->nruns - before - 1);
	return true;
}
