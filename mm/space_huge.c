/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_huge.c - huge pages: one entry of a level-1 table in the place of a whole leaf.
 *
 *	level-1 table                                  kept: as many empty leaves as
 *	  runs     [4,7) rw                            the space has huge entries
 *	  entries  ..  4: T   5: H   6: .               ┌─┐ ┌─┐ ┌─┐
 *	                  │      │                      └─┘ └─┘ └─┘
 *	          leaf <──┘      └──> block: 512 (or 1024) frames, each of type ANON and with one
 *	                              reference for all huge entries that map it; the link of the
 *	                              first says how many those are, less one
 *
 * Made by the first write under a run that covers the whole entry - which is when the lowest
 * table on the way there is not a leaf, so that faults in leaves know nothing of this file - if
 * the policy wants it and there is a block.  Or from a leaf's pages: space_collapse.c.
 *
 *	split     the kept leaf takes the entry's place, and each of its entries a frame of the
 *	          block.  Needs no memory: the leaf is there, and so is room for a run more (below).
 *	          Done wherever a part of the page becomes different, and for the first write to
 *	          a page that others map too: it copies 4 KiB and not all of it.
 *	share     fork: W goes on both sides, and the count in the link is raised; O(1) a page.
 *	zap       the block goes with the kept leaf to the flush, and is freed behind it.
 *
 * An entry changes between huge and table by way of absent and a flush: a CPU never knows both.
 *
 * Invariants, also verified by space_check.c:
 * I16. A huge entry is at level 1, aligned, and lies in a run of private memory without object;
 *      without rights it is a RESIDENT token of the block's first frame.
 * I17. Each frame of its block is ANON and has references; it is writable only if the link is 0
 *      and each has one.
 * I18. The space keeps as many empty leaves as it has huge entries.
 * I19. A table's `cap` leaves out as many runs as it has huge entries: splitting finds room.
 *
 * Cost: a fault clears the block, some 50 instructions besides; a split writes a leaf; the first
 * write after a fork looks at each frame's word.  Memory: a kept leaf a page, 1/512.
 */
#include "mm/space.h"

QR_INLINE unsigned block_order(const struct qr_memory *m)
{
	return qr_format_order(m->format, 1);
}

QR_INLINE uint32_t block_frames(const struct qr_memory *m)
{
	return 1u << block_order(m);
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Does nobody else map any of it? */
static bool block_exclusive(struct qr_memory *m, qr_frame first)
{
	const struct qr_frame_word *w = qr_frame_word(m->frames, first), *end = w + block_frames(m);

	if (qr_load_acq32(&w->link))
		return false;
	for (; w < end; w++)
		if (!word_exclusive(w))
			return false;
	return true;
}

/* One huge entry less maps the block, and no CPU remembers it. */
void qr_huge_put(struct qr_memory *m, qr_frame first)
{
	struct qr_frame_word *w = qr_frame_word(m->frames, first);

	if (qr_add32(&w->link, -1u))
		return;
	qr_store32(&w->link, 0);
	(void)qr_add32(&m->huge.blocks, -1u);
	if (!qr_frames_free(m->frames, first, block_order(m)))
		return;
	for (uint32_t k = 0; k < block_frames(m); k++)
		qr_frame_put(m->frames, qr_frame_of(first.v + k));
}

/* A huge entry is about to become small ones, which each need a reference.  True: they are the
 * block's own, and nobody else has a huge entry. */
static bool block_inherit(struct qr_memory *m, qr_frame first)
{
	struct qr_frame_word *w = qr_frame_word(m->frames, first);

	if (qr_load_acq32(&w->link) == 0) {
		(void)qr_add32(&m->huge.blocks, -1u);
		return true;
	}
	for (uint32_t k = 0; k < block_frames(m); k++)
		(void)qr_add32(&w[k].state, 1);
	qr_huge_put(m, first);
	return false;
}

enum qr_err qr_huge_alloc(struct qr_memory *m, qr_frame *out)
{
	enum { PAUSE = 32 }; /* faults that do not ask again when there was none */
	uint32_t pause = qr_load32(&m->huge.pause);

	if (pause) {
		qr_store32(&m->huge.pause, pause - 1);
		return QR_NOMEM;
	}
	if (!qr_frames_alloc(m->frames, block_order(m), QR_FRAME_ANON, QR_ANY, out))
		return QR_OK;
	qr_store32(&m->huge.pause, PAUSE);
	return QR_NOMEM;
}

/* ---- kept leaves ---------------------------------------------------------------------------- */

void qr_huge_keep(struct qr_space *s, struct qr_ptdesc *leaf)
{
	qr_lock_acquire(&s->memory->spare_lock);
	leaf->runs = (struct qr_run *)s->kept;
	s->kept = leaf;
	qr_lock_release(&s->memory->spare_lock);
}

static struct qr_ptdesc *take_kept(struct qr_space *s)
{
	struct qr_ptdesc *leaf;

	qr_lock_acquire(&s->memory->spare_lock);
	leaf = s->kept;
	s->kept = (struct qr_ptdesc *)leaf->runs;
	qr_lock_release(&s->memory->spare_lock);
	leaf->runs = leaf->in;
	return leaf;
}

/* ---- entries -------------------------------------------------------------------------------- */

qr_entry qr_huge_entry(const struct qr_memory *m, qr_frame first, uint32_t attr, bool write)
{
	unsigned rights = attr & (write ? RUN_RIGHTS : RUN_RIGHTS & ~RUN_W);

	if (!(attr & RUN_RIGHTS))
		return qr_entry_token(m->format, QR_TOKEN_RESIDENT, first.v);
	return qr_entry_of((uint64_t)first.v << QR_PAGE_SHIFT | m->prot_bits[rights | QR_READ] |
			   QR_FIXED(m->format)->page_size);
}

void qr_huge_install(struct qr_space *s, struct qr_ptdesc *t, unsigned i, qr_entry e)
{
	qr_entry_set(s->memory->format, table_window(s->memory, t), i, e);
	t->npages++;
	t->cap--;
	mark_used(s->memory, t, i);
	tally(&s->nhuge, 1);
	tally(&pages_here(s)->anon, block_frames(s->memory));
}

/* Take the entry out.  What CPUs remember of it is the caller's to flush. */
static qr_entry take_out(struct qr_space *s, struct qr_ptdesc *t, unsigned i)
{
	qr_entry e = qr_entry_clear(s->memory->format, table_window(s->memory, t), i);

	t->cap++;
	if (--t->npages == 0 && t->ntables == 0)
		t->used = 0;
	tally(&s->nhuge, -(size_t)1);
	tally(&pages_here(s)->anon, -(size_t)block_frames(s->memory));
	return e;
}

/* The first huge entry of [i,j); j: none. */
static unsigned next_huge(const struct qr_memory *m, struct qr_ptdesc *t, unsigned i, unsigned j)
{
	void *entries = table_window(m, t);

	for (; (i = next_used(m, t, entries, i, j)) < j; i++)
		if (!qr_entry_is_table(m->format, qr_entry_read(m->format, entries, i), t->level))
			return i;
	return j;
}

static void flush_entry(struct qr_space *s, uintptr_t va)
{
	struct qr_gather g;

	qr_gather_init(&g, &s->tlb, s->memory->frames);
	qr_gather_page(&g, qr_virt_of(va));
	qr_gather_flush(&g);
}

/* ---- split ----------------------------------------------------------------------------------- */

static void fill_leaf(const struct qr_memory *m, struct qr_ptdesc *leaf, qr_entry e, bool owned)
{
	const struct qr_format *f = m->format;
	void *entries = table_window(m, leaf);
	uint32_t n = block_frames(m), first = resident_frame(m, e).v;

	if (!qr_entry_present(f, e)) {
		for (uint32_t k = 0; k < n; k++)
			qr_entry_set(f, entries, k, hidden_entry(m, qr_frame_of(first + k), e));
		return;
	}
	e.v &= ~(QR_FIXED(f)->page_size | (owned ? 0 : QR_FIXED(f)->write));
	for (uint32_t k = 0; k < n; k++, e.v += QR_PAGE_SIZE)
		qr_entry_set(f, entries, k, e);
}

struct qr_ptdesc *qr_huge_split(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uintptr_t va)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *leaf = take_kept(s);
	uint32_t attr = run_at(t, i)->attr;
	qr_entry e = take_out(s, t, i);
	size_t before;

	fill_leaf(m, leaf, e, block_inherit(m, resident_frame(m, e)));
	flush_entry(s, va);
	leaf->in[0] = (struct qr_run){ 0, (uint16_t)block_frames(m), attr };
	leaf->nruns = 1;
	leaf->npages = (uint16_t)block_frames(m);
	leaf->used = UINT32_MAX;
	tally(&pages_here(s)->anon, block_frames(m));
	before = t->nruns;
	qr_run_clear(t, i, i + 1);
	tally(&s->regions, (size_t)t->nruns - before + 1);
	pt_link(m, t, i, leaf);
	(void)qr_add32(&m->huge.split, 1);
	return leaf;
}

void qr_huge_split_range(struct qr_space *s, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	unsigned i = index_at(s->memory, lo, 1), j = index_at(s->memory, hi - 1, 1) + 1, k = i;

	for (; (k = next_huge(s->memory, t, k, j)) < j; k++)
		qr_huge_split(s, t, k, entry_start(s->memory, lo, 1, k));
}

/* ---- the fault -------------------------------------------------------------------------------- */

bool qr_huge_eligible(const struct qr_space *s, uint32_t attr)
{
	const struct qr_mapping *mp = run_id(attr) ? mapping_of(s, attr) : NULL;

	return !s->no_huge && !(attr & (RUN_NOHUGE | RUN_UMISS | RUN_UWP)) && attr & RUN_RIGHTS &&
	       !(mp && (mp->object || mp->growsdown)) &&
	       qr_format_can_be_large(s->memory->format, 1);
}

bool qr_huge_wanted(const struct qr_space *s, uint32_t attr)
{
	unsigned policy = qr_load32(&s->memory->huge.policy);

	return policy != QR_HUGE_NEVER && (policy == QR_HUGE_ALWAYS || attr & RUN_HUGE) &&
	       qr_huge_eligible(s, attr);
}

enum qr_err qr_huge_touch(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uint32_t attr)
{
	struct qr_memory *m = s->memory;
	struct qr_ptdesc *leaf;
	qr_frame first;

	if (run_room(m, t, 1) || qr_pt_alloc(m, 0, &leaf))
		return QR_NOMEM;
	if (qr_huge_alloc(m, &first)) {
		qr_pt_free(m, leaf);
		(void)qr_add32(&m->huge.fallback, 1);
		return QR_NOMEM;
	}
	for (uint32_t k = 0; k < block_frames(m); k++)
		qr_host_frame_clear(qr_frame_of(first.v + k));
	qr_huge_keep(s, leaf);
	tally(&s->tables, 1);
	qr_huge_install(s, t, i,
			qr_entry_touched(m->format, qr_huge_entry(m, first, attr, true), true));
	tally_event(&pages_here(s)->zero);
	(void)qr_add32(&m->huge.blocks, 1);
	(void)qr_add32(&m->huge.fault, 1);
	return QR_OK;
}

bool qr_huge_write(struct qr_space *s, struct qr_ptdesc *t, unsigned i)
{
	struct qr_memory *m = s->memory;
	qr_entry e = entry_of(m, t, i);

	if (qr_entry_writable(m->format, e))
		return true;
	if (!(run_at(t, i)->attr & RUN_W) || !block_exclusive(m, qr_entry_frame(m->format, e)))
		return false;
	(void)qr_entry_change(m->format, table_window(m, t), i, soft_held(m->format),
			      QR_FIXED(m->format)->write | QR_FIXED(m->format)->accessed |
				  QR_FIXED(m->format)->dirty);
	return true;
}

/* ---- operations on ranges ---------------------------------------------------------------------- */

/* Split the huge page across whose middle `at` lies, if there is one at `inside`. */
static void split_edge(struct qr_space *s, struct qr_ptdesc *t, uintptr_t at, uintptr_t inside)
{
	if (!entry_aligned(s->memory, at, 1))
		qr_huge_split_range(s, t, inside, inside + 1);
}

void qr_huge_zap(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = c->m;
	unsigned i = index_at(m, lo, 1), j = index_at(m, hi - 1, 1) + 1;

	split_edge(c->s, t, lo, lo);
	split_edge(c->s, t, hi, hi - 1);
	for (; (i = next_huge(m, t, i, j)) < j; i++) {
		struct qr_ptdesc *leaf = take_kept(c->s);
		qr_entry e = take_out(c->s, t, i);

		qr_gather_page(&c->gather, qr_virt_of(entry_start(m, lo, 1, i)));
		tally(&c->s->tables, -(size_t)1);
		leaf->flags = PT_BLOCK | PT_STALE;
		leaf->in[0].attr = resident_frame(m, e).v;
		leaf->runs = (struct qr_run *)c->dead;
		c->dead = leaf;
	}
}

void qr_huge_protect(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t lo)
{
	struct qr_memory *m = c->m;
	const struct qr_format *f = m->format;

	for (; (i = next_huge(m, t, i, j)) < j; i++) {
		qr_entry old = entry_of(m, t, i), e;
		qr_frame first = resident_frame(m, old);
		uint32_t attr = run_at(t, i)->attr;
		uint64_t held = old.v & soft_held(f);

		e = qr_huge_entry(m, first, attr,
				  attr & RUN_W && !held && block_exclusive(m, first));
		/* Whether it was written a token did not remember: say yes. */
		if (qr_entry_present(f, e))
			e = qr_entry_of(
			    qr_entry_touched(f, e,
					     !qr_entry_present(f, old) || qr_entry_dirty(f, old))
				.v);
		e.v |= held;
		(void)qr_entry_swap(f, table_window(m, t), i, e);
		if (qr_entry_present(f, old))
			qr_gather_page(&c->gather, qr_virt_of(entry_start(m, lo, 1, i)));
	}
}

enum qr_err qr_huge_share(struct cursor *c, struct qr_space *child, struct qr_ptdesc *from,
			  struct qr_ptdesc *to, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = c->m;
	unsigned i = index_at(m, lo, 1), j = index_at(m, hi - 1, 1) + 1;
	const uint64_t write = QR_FIXED(m->format)->write;
	struct qr_ptdesc *leaf;

	for (; (i = next_huge(m, from, i, j)) < j; i++) {
		qr_entry e = entry_of(m, from, i);

		if (run_at(from, i)->attr & (RUN_DONTFORK | RUN_WIPE))
			continue;
		if (run_room(m, to, 1) || qr_pt_alloc(m, 0, &leaf))
			return QR_NOMEM;
		qr_huge_keep(child, leaf);
		tally(&child->tables, 1);
		(void)qr_add32(&qr_frame_word(m->frames, resident_frame(m, e))->link, 1);
		if (qr_entry_present(m->format, e) && e.v & write) {
			(void)qr_entry_change(m->format, table_window(m, from), i, write, 0);
			qr_gather_page(&c->gather, qr_virt_of(entry_start(m, lo, 1, i)));
			e.v &= ~write;
		}
		qr_huge_install(child, to, i, e);
	}
	return QR_OK;
}

void qr_huge_move(struct cursor *c, struct qr_ptdesc *from, unsigned i, uintptr_t va,
		  struct qr_ptdesc *to, unsigned j)
{
	qr_entry e = take_out(c->s, from, i);

	qr_gather_page(&c->gather, qr_virt_of(va));
	qr_huge_install(c->s, to, j, e);
}

bool qr_huge_next(const struct qr_memory *m, struct qr_ptdesc *t, uintptr_t at, uintptr_t hi,
		  uintptr_t *va, unsigned *i)
{
	unsigned j;

	if (at >= hi)
		return false;
	j = index_at(m, hi - 1, 1) + 1;
	*i = next_huge(m, t, index_at(m, at, 1), j);
	*va = entry_start(m, at, 1, *i);
	return *i < j;
}
