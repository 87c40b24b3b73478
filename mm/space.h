/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space.h - the inside of address spaces: what mm/space*.c share.
 *
 * The page table is the address space.  Beside each table of entries stands a descriptor with
 * a short sorted list of runs: which entries were promised to the user, as what.
 *
 *	qr_space ── root descriptor             runs: what was asked for
 *	              │  runs [256,260) rw       entries: what is resident
 *	              ├─ entry 0 ─> descriptor ─ runs [5,9) r-x id 3
 *	              │              └─ entry 2 ─> leaf descriptor ─ runs [0,7) rw  [9,12) r--
 *	              │                              entries  ..AA...  ......F..
 *	              └─ ...
 *
 *	run       entries [start,end) of one table, and an attr: rights, flags, mapping id.
 *	          In an upper table each entry of it stands for a whole subtree, untouched so far.
 *	carve     take one index out of an upper run and hang a table there with one full run,
 *	          because a part of it becomes different (a page is touched, rights change)
 *	fold      the reverse, when a table is one full run again and nothing is resident
 *	settle    free or fold a table after a change, if it can be; one empty leaf a space is
 *	          kept (idle), for programs that map and unmap in turn
 *	mapping   what an id stands for: an object and an offset, or private memory with a
 *	          peculiarity (a stack, its own backing).  Id 0: plain private memory, no struct
 *	part      the piece of an operation that lies under one table: functions named _part call
 *	          themselves for the child tables, and stay inside a table for its pages
 *	borrowed  a leaf that fork has left to several spaces, descriptor and all, as seen from
 *	          one of them: the directory entry has no W.  What changes something behind it
 *	          owns the leaf first (space_share.c); reading, and filling in what a read finds
 *	          missing, is right for all who share it
 *
 * An operation is a cursor over [lo, hi): lock finds the lowest table that covers the range;
 * reserve carves at both ends, so that no run and no table lies across them, and makes room in
 * the run lists; from there on nothing can fail; unlock settles, flushes and frees.  If reserve
 * fails, it settles what it carved, and all is as before.
 *
 * Entries, beyond what the hardware says of them:
 *	soft bit 0  ZERO     the shared page of zeroes: not counted, no reference
 *	soft bit 1  FILE     an object's frame; else the frame is anonymous
 *	soft bit 2  SHARED   FILE, and writes go to it
 *	soft bits 52, 53     CLEAN, WP: the first write is to be noticed (64-bit formats)
 *	token RESIDENT       an anonymous frame whose run has no rights
 * run.W && !entry.W: the first write copies the page (or finds that nobody shares it).
 *
 * Invariants, verified by space_check.c (those of spaces.md section 9 that apply to stage S0):
 * I1. Runs are sorted, disjoint, in range, maximal: equal neighbours are one.
 * I2. Above the leaves an index is in a run or is a table, never both.
 * I3. An entry of a leaf that is not zero lies in a run.
 * I4. A descriptor's counters equal recounts; each entry in use is in a block marked so.
 * I5. An entry's rights are within its run's; a run without rights has no present entry.
 * I6. A writable entry on an anonymous frame: the frame has one reference.  References count
 *     tables: a shared leaf's once.
 * I7. Every frame referenced is of the type that its entry says, and has references.
 * I9. A mapping's page count equals its runs'; its hull holds them; every id in use has one.
 * I10. A table has as many references as parent entries: one, but for a leaf that is borrowed
 *      by all who have it.  Upper tables are never borrowed.
 * I11. A FILE entry is the object's frame for vpn + delta, or the object lost that page.
 * I13. No table on the spare list is reachable; spare tables are empty.
 * I15. The space's counters equal recounts.
 * I16 - I19: huge pages, in space_huge.c.
 * (I8 needs swap; I12, I14 the simulated CPUs: tests/host.)
 *
 * Locking: one lock per space (S0), held for a whole operation; an object's lock inside it, and
 * a leaf's where it is borrowed.  An object that wants to reach into spaces (truncate) tries
 * their locks, and gives way.
 *
 * Cost: see docs/performance.md.  Limits: descriptors lie in the first 256 GiB of low memory
 * (a frame word's link holds their address / 64); 2^18 mappings a space.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "mm/space_table.h"

/* ---- counters -------------------------------------------------------------------------- */

/* A counter of a space: n more, modulo the word. */
QR_INLINE void tally(size_t *count, size_t n)
{
	if (!QR_SPACE_STAGE)
		*count += n;
	else if (n)
		(void)qr_add_word(count, n);
}

QR_INLINE size_t tally_read(const size_t *count)
{
	return QR_SPACE_STAGE ? qr_load_word(count) : *count;
}

/* The counters of pages and faults that this CPU uses. */
QR_INLINE struct qr_space_pages *pages_here(struct qr_space *s)
{
	return &s->pages[QR_SPACE_STAGE ? qr_cpu() % QR_SPACE_SETS : 0];
}

QR_INLINE void tally_event(qr_events *count)
{
#if QR_SPACE_STAGE
	(void)qr_add_word(count, 1);
#else
	++*count;
#endif
}

QR_INLINE qr_events tally_event_read(const qr_events *count)
{
#if QR_SPACE_STAGE
	return qr_load_word(count);
#else
	return *count;
#endif
}

/* All sets together. */
struct qr_space_pages qr_space_pages_sum(const struct qr_space *s);

/* ---- mappings -------------------------------------------------------------------------- */

struct qr_mapping {
	struct qr_object *object; /* null: private memory with a peculiarity */
	int64_t delta;            /* page of the object = page of the space + delta */
	size_t npages;            /* promised under this id; at 0 it goes */
	uintptr_t lo, hi;         /* holds all of them */
	struct qr_space *space;
	struct qr_mapping *next, **prev; /* object's list */
	struct qr_mapping *next_stack;   /* of the space's stacks, or of its dead */
	uint32_t id;
	uint8_t shared, maxprot, growsdown, backing;
};

#define STACK_GAP 256u /* pages below a stack that no search for free addresses hands out */

/* A mapping as asked for, with npages 0 and a reference on its object; null: no memory. */
QR_MUST_CHECK enum qr_err qr_mapping_make(struct qr_space *s, const struct qr_mapping *like,
					  struct qr_mapping **out);
/* What another mapping like this one is made of; its place in lists is not for us to read. */
QR_INLINE struct qr_mapping mapping_like(const struct qr_mapping *mp)
{
	return (struct qr_mapping){ .object = mp->object,
				    .delta = mp->delta,
				    .lo = mp->lo,
				    .hi = mp->hi,
				    .id = mp->id,
				    .shared = mp->shared,
				    .maxprot = mp->maxprot,
				    .growsdown = mp->growsdown,
				    .backing = mp->backing };
}

/* No page is promised under it any more: out of the space and its object's list now, and freed
 * when the lock is released, since the last reference to an object does who knows what. */
void qr_mapping_drop(struct qr_space *s, struct qr_mapping *mp);
void qr_mappings_free(struct qr_space *s, struct qr_mapping *dead);

QR_INLINE void space_unlock(struct qr_space *s)
{
	struct qr_mapping *dead = s->dead;

	s->dead = NULL;
	qr_lock_release(&s->lock);
	if (QR_RARELY(dead))
		qr_mappings_free(s, dead);
}

QR_INLINE struct qr_mapping *mapping_of(const struct qr_space *s, uint32_t attr)
{
	return (struct qr_mapping *)qr_radix_get(&s->mappings, run_id(attr));
}

/* ---- entries --------------------------------------------------------------------------- */

#define SOFT_ZERO   (1u << 9)
#define SOFT_FILE   (1u << 10)
#define SOFT_SHARED (1u << 11)
#define SOFT_ALL    (SOFT_ZERO | SOFT_FILE | SOFT_SHARED)

/* Where entries have bits to spare (4 and 5 levels), as in Linux: a page is not writable, though
 * its run is, because the first write is to be noticed. */
#define SOFT_CLEAN (1ull << 52) /* not written since its space was told to forget */
#define SOFT_WP    (1ull << 53) /* userfaultfd wants to know */

#define soft_clean(f) (QR_FIXED(f)->soft & SOFT_CLEAN)
#define soft_wp(f)    (QR_FIXED(f)->soft & SOFT_WP)
#define soft_held(f)  (QR_FIXED(f)->soft & (SOFT_CLEAN | SOFT_WP))

/* The frame behind an entry that is not none: present, or a RESIDENT token. */
QR_INLINE qr_frame resident_frame(const struct qr_memory *m, qr_entry e)
{
	if (QR_LIKELY(qr_entry_present(m->format, e)))
		return qr_entry_frame(m->format, e);
	return qr_frame_of((uint32_t)qr_token_payload(m->format, e));
}

/* For loops over pages: the words of all frames, so that the word behind an entry is one load
 * away.  A present entry that is neither FILE nor ZERO passes entry_is_plain. */
QR_INLINE uintptr_t frame_words(const struct qr_memory *m)
{
	return (uintptr_t)m->frames->words -
	       (uintptr_t)m->frames->base * sizeof(struct qr_frame_word);
}

QR_INLINE struct qr_frame_word *entry_word(const struct qr_memory *m, uintptr_t words, qr_entry e)
{
	return (struct qr_frame_word *)(words + (uintptr_t)qr_entry_frame(m->format, e).v *
						    sizeof(struct qr_frame_word));
}

QR_INLINE bool entry_is_plain(const struct qr_memory *m, qr_entry e)
{
	return (e.v & (QR_FIXED(m->format)->present | SOFT_ALL)) == QR_FIXED(m->format)->present;
}

/* Has this frame one reference?  Who gave up another one has done with the frame before. */
QR_INLINE bool word_exclusive(const struct qr_frame_word *w)
{
	return (qr_load_acq32(&w->state) & QR_FRAME_REF_MASK) == 1;
}

/* May nobody else see this anonymous frame? */
QR_INLINE bool frame_exclusive(struct qr_memory *m, qr_frame f)
{
	return word_exclusive(qr_frame_word(m->frames, f));
}

/* Bits for entries of this format, no wider than they are: so the compiler knows it too. */
QR_INLINE uint64_t entry_bits(const struct qr_format *f, uint64_t v)
{
	return QR_FIXED(f)->entry_shift == 2 ? (uint32_t)v : v;
}

/* Present entries that the caller has just read are changed at once where nobody else can have
 * changed them since. */
QR_INLINE void entry_update(const struct qr_format *f, void *entries, unsigned i, qr_entry e,
			    uint64_t off, uint64_t on)
{
	if (QR_MAX_CPUS == 1)
		qr_entry_set(f, entries, i, qr_entry_of((e.v & ~off) | on));
	else
		(void)qr_entry_change(f, entries, i, off, on);
}

QR_INLINE qr_entry entry_take(const struct qr_format *f, void *entries, unsigned i, qr_entry e)
{
	if (QR_MAX_CPUS > 1 || (QR_FIXED(f)->entry_shift == 3 && QR_ENTRY_IN_HALVES))
		return qr_entry_clear(f, entries, i);
	qr_entry_set(f, entries, i, QR_ENTRY_NONE);
	return e;
}

/* Give up a page's frame: the entry is gone, TLBs may know it still.  With one CPU nobody runs
 * before the flush; so a reference that is not the last one can go at once. */
QR_INLINE void release_page(struct qr_gather *g, struct qr_frame_word *w, qr_frame f)
{
	if (QR_MAX_CPUS == 1 && qr_frame_refs(w) > 1)
		w->state--;
	else
		qr_gather_frame(g, f);
}

/* A leaf gets (n = 1) or loses (-1) a present page that is not plain: by kind. */
QR_INLINE void count_odd(struct qr_ptdesc *t, qr_entry e, int n)
{
	if (e.v & SOFT_SHARED)
		t->nshared = (uint16_t)(t->nshared + n);
	else if (e.v & SOFT_FILE)
		t->nfile = (uint16_t)(t->nfile + n);
	else
		t->nzero = (uint16_t)(t->nzero + n);
}

/* The same for a leaf that is the space's own. */
QR_INLINE void space_count_odd(struct qr_space *s, struct qr_ptdesc *t, qr_entry e, int n)
{
	if (e.v & SOFT_SHARED) {
		t->nshared = (uint16_t)(t->nshared + n);
		tally(&pages_here(s)->shared, (size_t)n);
	} else if (e.v & SOFT_FILE) {
		t->nfile = (uint16_t)(t->nfile + n);
		tally(&pages_here(s)->file, (size_t)n);
	} else {
		t->nzero = (uint16_t)(t->nzero + n);
	}
}

/* Put a page where none was.  Counts it. */
QR_INLINE void page_install(struct qr_space *s, struct qr_ptdesc *t, void *entries, unsigned i,
			    qr_entry e)
{
	qr_entry_set(s->memory->format, entries, i, e);
	t->npages++;
	mark_used(s->memory, t, i);
	if (QR_LIKELY(!(e.v & SOFT_ALL)))
		tally(&pages_here(s)->anon, 1);
	else
		space_count_odd(s, t, e, 1);
}

/* All pages of a leaf begin (n = 1) or cease (-1) to be counted as the space's own.  What changes
 * a borrowed leaf in place counts it for as long. */
QR_INLINE void space_count_leaf(struct qr_space *s, const struct qr_ptdesc *t, ptrdiff_t n)
{
	struct qr_space_pages *p = pages_here(s);

	tally(&p->anon, (size_t)(n * (t->npages - t->nfile - t->nshared - t->nzero)));
	tally(&p->file, (size_t)(n * t->nfile));
	tally(&p->shared, (size_t)(n * t->nshared));
}

/* The last page is gone. */
QR_INLINE void no_pages(struct qr_ptdesc *t)
{
	QR_ASSERT_DEBUG(!(t->npages | t->nfile | t->nshared | t->nzero), "pages are counted");
	t->used = 0;
}

/* ---- finding tables ---------------------------------------------------------------------- */

/* Do all addresses from a to b lie under one leaf table? */
QR_INLINE bool same_leaf(const struct qr_memory *m, uintptr_t a, uintptr_t b)
{
	return (a ^ b) >> level_shift(m, 1) == 0;
}

/* The lowest table on the way to va.  A leaf that is this space's own becomes s->near: so a
 * caller that finds another table there knows that it is a borrowed leaf, or none. */
struct qr_ptdesc *qr_table_walk(struct qr_space *s, uintptr_t va);

QR_INLINE void forget_near(struct qr_space *s)
{
	s->near = NULL;
	s->near_va = UINTPTR_MAX;
}

QR_INLINE struct qr_ptdesc *lowest_table(struct qr_space *s, uintptr_t va)
{
	return QR_LIKELY(same_leaf(s->memory, va, s->near_va)) ? s->near : qr_table_walk(s, va);
}

/* ---- the cursor ------------------------------------------------------------------------ */

struct cursor {
	struct qr_space *s;
	struct qr_memory *m;
	uintptr_t lo, hi;
	struct qr_ptdesc *t;    /* the lowest table that covers [lo,hi) and is not borrowed */
	struct qr_ptdesc *dead; /* tables unlinked, to be freed after the flush */
	uint32_t frames;        /* immediate backing: the frames to be mapped, a chain; 0: none */
	uint8_t room;           /* runs that reserve makes room for, in each table */
	bool deep;              /* all leaves of the range exist: keep them */
	bool hold;              /* map_part does not settle: somebody holds on to a table */
	struct qr_gather gather;
};

/* The table that covers [lo,hi), from the root down; not a borrowed leaf. */
struct qr_ptdesc *qr_table_covering(struct qr_space *s, uintptr_t lo, uintptr_t hi);

/* Settle from the covering table upwards, flush, free; the lock stays. */
void qr_cursor_end(struct cursor *c);
/* The empty leaf that was kept goes after all. */
void qr_settle_idle(struct cursor *c);
/* Flush, and free what was unlinked, but settle nothing. */
void qr_cursor_flush(struct cursor *c);

QR_INLINE void cursor_begin(struct cursor *c, struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	struct qr_memory *m = s->memory;

	c->s = s;
	c->m = m;
	c->lo = lo;
	c->hi = hi;
	c->dead = NULL;
	c->frames = 0;
	c->room = 2;
	c->deep = c->hold = false;
	qr_gather_init(&c->gather, &s->tlb, m->frames);
	c->t = same_leaf(m, lo, s->near_va) && same_leaf(m, lo, hi - 1)
		   ? s->near
		   : qr_table_covering(s, lo, hi);
}

QR_INLINE void cursor_lock(struct cursor *c, struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	qr_lock_acquire(&s->lock);
	cursor_begin(c, s, lo, hi);
}

QR_INLINE void cursor_unlock(struct cursor *c)
{
	qr_cursor_end(c);
	space_unlock(c->s);
}

/* Carve at both ends of the range and make room for two more runs in every table on the way;
 * leaves there are owned afterwards.  `create`: also make tables where nothing is promised.
 * Errors: QR_NOMEM, all is as before. */
QR_MUST_CHECK enum qr_err qr_cursor_reserve(struct cursor *c, bool create);
/* Settle all tables under t that the range touches. */
void qr_settle_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);
/* Is a table empty, or one full run with nothing resident? */
QR_INLINE bool may_settle(const struct qr_memory *m, const struct qr_ptdesc *t)
{
	if (QR_LIKELY(t->npages | t->ntables) || t->nruns > 1)
		return false;
	return !t->nruns ||
	       (unsigned)(t->runs[0].end - t->runs[0].start) == table_entries(m, t->level);
}

/* Free or fold child i of t.  True if it is gone. */
bool qr_pt_settle(struct cursor *c, struct qr_ptdesc *parent, unsigned i, struct qr_ptdesc *child,
		  uintptr_t va);
/* Hang a table with one full run in the place of index i of a run; or (attr unused) an empty
 * one where nothing is.  A huge page there is split.  va: under entry i.  Needs room for one run
 * in t.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_pt_carve(struct qr_space *s, struct qr_ptdesc *t, unsigned i,
				      uintptr_t va, struct qr_ptdesc **out);

/* The table of this level that holds va, carved out of what is promised there (or empty).
 * Errors: QR_NOMEM, with some tables carved already: settle. */
QR_MUST_CHECK enum qr_err qr_table_at(struct qr_space *s, uintptr_t va, unsigned level,
				      struct qr_ptdesc **out);

/* Count npages more (or less: negative) that are promised with this attr. */
void qr_space_count_slow(struct qr_space *s, uint32_t attr, ptrdiff_t npages);

QR_INLINE void space_count(struct qr_space *s, uint32_t attr, ptrdiff_t npages)
{
	tally(&s->mapped, (size_t)npages);
	if (QR_LIKELY((attr & ~(RUN_R | RUN_W)) == 0))
		tally(&s->data, attr & RUN_W ? (size_t)npages : 0);
	else
		qr_space_count_slow(s, attr, npages);
}

/* ---- sharing leaves (space_share.c) ------------------------------------------------------ */

QR_INLINE void leaf_lock(struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	qr_lock_acquire(&t->lock);
#else
	(void)t;
#endif
}

QR_INLINE void leaf_unlock(struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	qr_lock_release(&t->lock);
#else
	(void)t;
#endif
}

/* Around a change of a borrowed leaf that is right for all who have it. */
QR_INLINE void borrowed_begin(struct qr_space *s, struct qr_ptdesc *t)
{
	leaf_lock(t);
	space_count_leaf(s, t, 1);
}

/* The same, if nobody has it locked. */
QR_INLINE bool borrowed_try(struct qr_space *s, struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	if (!qr_lock_try(&t->lock))
		return false;
#endif
	space_count_leaf(s, t, 1);
	return true;
}

QR_INLINE void borrowed_end(struct qr_space *s, struct qr_ptdesc *t)
{
	space_count_leaf(s, t, -1);
	leaf_unlock(t);
}

/* Child i of dir, a borrowed leaf that holds va, becomes this space's own: because nobody else
 * has it any more, or by a copy; *out: what hangs there now.  `pages`: with its pages; else only
 * what is promised.  Errors: QR_NOMEM, it is as before. */
QR_MUST_CHECK enum qr_err qr_leaf_own(struct qr_space *s, struct qr_ptdesc *dir, unsigned i,
				      uintptr_t va, bool pages, struct qr_ptdesc **out);
/* Every borrowed leaf in the cursor's range that there is.  Errors: QR_NOMEM, some are. */
QR_MUST_CHECK enum qr_err qr_own_range(struct cursor *c, bool pages);
/* Borrowed leaf k of dir leaves this space, promises and all; false: now it is its own. */
bool qr_leaf_let_go(struct cursor *c, struct qr_ptdesc *dir, const struct child *k);

/* Take a reference to the frame of a page; false: it has too many. */
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

/* Pages [i,j) of a leaf into the same places of another one, which has none there: copy-on-write
 * in both.  `files`: also pages of objects; else a fault finds them again.  *lost: a page of
 * `from` lost W.  Errors: QR_NOMEM, some are there. */
QR_MUST_CHECK enum qr_err qr_leaf_copy(struct qr_memory *m, struct qr_ptdesc *from,
				       struct qr_ptdesc *to, unsigned i, unsigned j, bool files,
				       bool *lost);

/* ---- parts ----------------------------------------------------------------------------- */

/* Take pages [i,j) of a leaf out; va: where entry i begins. */
void qr_zap_pages(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t va);
/* Take all pages of [lo,hi) out, runs stay; settles. */
void qr_zap_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);
/* Take out what [lo,hi) shows of mp's object: its frames, and with `copies` private copies too.
 * The caller has the object's lock.  False: somebody has a leaf; try again without that lock. */
QR_MUST_CHECK bool qr_zap_object(struct qr_space *s, struct qr_mapping *mp, uintptr_t lo,
				 uintptr_t hi, bool copies);
/* What is promised by the runs of t in [i,j) is counted no more; lo: where entry i begins. */
void qr_uncount_runs(struct cursor *c, const struct qr_ptdesc *t, unsigned i, unsigned j,
		     uintptr_t lo);
/* It goes. */
void qr_drop_runs(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t lo);
void qr_unmap_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);
/* The same for child k of t, which then settles. */
void qr_unmap_child(struct cursor *c, struct qr_ptdesc *t, const struct child *k);
/* Promise [lo,hi), replacing what is there.  Reserved; not counted. */
void qr_map_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi, uint32_t attr);

/* attr = (attr & keep) | set for all runs of [lo,hi).  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_flag_range(struct qr_space *s, uintptr_t lo, uintptr_t hi,
					uint32_t keep, uint32_t set);

/* The pages of [lo,hi), private memory, may go when memory is short; until written. */
void qr_lazy_free(struct qr_space *s, uintptr_t lo, uintptr_t hi);

/* Nothing is promised in [lo,hi)? */
bool qr_range_free(const struct qr_memory *m, const struct qr_ptdesc *t, uintptr_t lo,
		   uintptr_t hi);

/* A run, and where it lies; runs of different tables are different even if they are equal. */
struct found {
	uintptr_t lo, hi;
	uint32_t attr;
};

/* The first run that ends above `at` and begins below `end`. */
bool qr_run_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out);
/* The same, with the equal runs that follow it joined. */
bool qr_region_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out);

/* Find npages free pages, as high as possible below `top`.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_find_free(struct qr_space *s, size_t npages, uintptr_t *out);
QR_MUST_CHECK enum qr_err qr_find_between(struct qr_space *s, size_t npages, uintptr_t bottom,
					  uintptr_t top, uintptr_t *out);
/* [lo,hi) became free / was taken. */
void qr_find_freed(struct cursor *c, uintptr_t lo, uintptr_t hi);

/* Immediate backing: take all frames and make all leaves that [lo,hi) needs; after qr_map_part,
 * put them in.  Errors: QR_NOMEM, all is as before. */
QR_MUST_CHECK enum qr_err qr_back_reserve(struct cursor *c);
void qr_back_install(struct cursor *c, uint32_t attr);

/* Touch every page of [lo,hi): private writable ones by a write, others by a read; or all in one
 * way.  Stops at the first that cannot; holes are skipped; the lock is held. */
enum populate { POPULATE_FIT, POPULATE_READ, POPULATE_WRITE };
QR_MUST_CHECK enum qr_err qr_populate(struct qr_space *s, uintptr_t lo, uintptr_t hi,
				      enum populate how);
/* Of the pages index + k for which bit k of `want` is set, those that the object has: answers
 * their bits, frames[k], each with one reference more.  All within one node of its tree. */
uint32_t qr_object_pages(struct qr_object *o, uint64_t index, uint32_t want, qr_frame *frames);

/* qr_space_fault under the lock. */
QR_MUST_CHECK enum qr_err qr_fault_locked(struct qr_space *s, uintptr_t at, enum qr_access access,
					  bool force);

/* The frame at va, faulted in; the lock keeps it there. */
QR_MUST_CHECK enum qr_err qr_frame_reach(struct qr_space *s, uintptr_t va, enum qr_access access,
					 bool force, qr_frame *out);

/* ---- huge pages ------------------------------------------------------------------------ */

/* An entry of a level-1 table that is neither none nor a table (space_huge.c draws it).  Functions
 * that take a table here take a level-1 one with such entries. */

/* May memory of this attr be in huge pages at all; and does the policy want it on a fault? */
bool qr_huge_eligible(const struct qr_space *s, uint32_t attr);
bool qr_huge_wanted(const struct qr_space *s, uint32_t attr);
/* The first write under entry i, where nothing is.  Errors: QR_NOMEM: use small pages. */
QR_MUST_CHECK enum qr_err qr_huge_touch(struct qr_space *s, struct qr_ptdesc *t, unsigned i,
					uint32_t attr);
/* A write to huge page i.  False: it has to be split first, since others map it or the run is
 * read-only. */
bool qr_huge_write(struct qr_space *s, struct qr_ptdesc *t, unsigned i);
/* The kept leaf takes the place of huge entry i, which begins at va.  Cannot fail. */
struct qr_ptdesc *qr_huge_split(struct qr_space *s, struct qr_ptdesc *t, unsigned i, uintptr_t va);
/* Split all huge entries that [lo,hi) touches. */
void qr_huge_split_range(struct qr_space *s, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);
/* Take out what lies in [lo,hi); what lies there in part is split. */
void qr_huge_zap(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi);
/* The runs of [i,j) have their new rights: so do the entries now.  lo: in entry i. */
void qr_huge_protect(struct cursor *c, struct qr_ptdesc *t, unsigned i, unsigned j, uintptr_t lo);
/* Fork: the child's table, which has its runs, gets the huge entries too.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_huge_share(struct cursor *c, struct qr_space *child,
					struct qr_ptdesc *from, struct qr_ptdesc *to, uintptr_t lo,
					uintptr_t hi);
/* Entry i of `from`, which begins at va, becomes entry j of `to`, which has room for a run. */
void qr_huge_move(struct cursor *c, struct qr_ptdesc *from, unsigned i, uintptr_t va,
		  struct qr_ptdesc *to, unsigned j);
/* The first huge entry in [at,hi): its index and address. */
bool qr_huge_next(const struct qr_memory *m, struct qr_ptdesc *t, uintptr_t at, uintptr_t hi,
		  uintptr_t *va, unsigned *i);
/* Make one of the leaf behind each whole entry of [lo,hi): in place, if its pages are a block
 * already; or (copy) by copying.  Errors: the last one's: QR_NOMEM, QR_INVAL. */
QR_MUST_CHECK enum qr_err qr_huge_collapse(struct qr_space *s, uintptr_t lo, uintptr_t hi,
					   bool copy);

/* For the two files of huge pages. */
QR_MUST_CHECK enum qr_err qr_huge_alloc(struct qr_memory *m, qr_frame *out);
void qr_huge_put(struct qr_memory *m, qr_frame first);
void qr_huge_keep(struct qr_space *s, struct qr_ptdesc *leaf);
qr_entry qr_huge_entry(const struct qr_memory *m, qr_frame first, uint32_t attr, bool write);
void qr_huge_install(struct qr_space *s, struct qr_ptdesc *t, unsigned i, qr_entry e);

/* The entry that maps va, and its level: 0, or 1 for a huge page.  None: nothing is resident. */
qr_entry qr_entry_look(const struct qr_space *s, uintptr_t va, unsigned *level);

/* Is [at, at + npages) whole pages that a user may have? */
QR_INLINE bool range_valid(const struct qr_memory *m, qr_virt at, size_t npages)
{
	return !(at.v & QR_PAGE_MASK) && npages && at.v >= m->user_start.v &&
	       at.v < m->user_end.v && npages <= (m->user_end.v - at.v) >> QR_PAGE_SHIFT;
}

#endif
