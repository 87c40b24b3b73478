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
 * Invariants, verified by space_check.c:
 * I1. Runs are sorted, disjoint, in range, maximal: equal neighbours are one.
 * I2. Above the leaves an index is in a run or is a table, never both.
 * I3. An entry of a leaf that is not zero lies in a run.
 * I4. A descriptor's counters equal recounts; each entry in use is in a block marked so.
 * I5. An entry's rights are within its run's; a run without rights has no present entry.
 * I6. A writable entry on an anonymous frame: the frame has one reference, and those of who was lent
 *     it.  References count
 *     tables: a shared leaf's once.
 * I7. Every frame referenced is of the type that its entry says, and has references.
 * I9. A mapping's page count equals its runs'; its hull holds them; every id in use has one.
 * I10. A table has as many references as parent entries: one, but for a leaf that is borrowed
 *      by all who have it.  Upper tables are never borrowed.
 * I11. A FILE entry is the object's frame for vpn + delta, or the object lost that page.
 * I13. No table that was unhooked, or is on the spare list, is reachable; these are empty, and
 *      spares are full of zeroes, and not more than most_spare.
 * I14. A table is freed after the flush, and when every CPU that may have been looking at it
 *      has looked away (epoch.h).
 * I15. The space's counters equal recounts.
 * I16 - I19: huge pages, in space_huge.c.
 * I20. Locked as a whole, a space is all its tables but the borrowed, in pre-order; none is held
 *      by anybody who does not run.
 * (I8 needs swap; I12 the simulated CPUs: tests/host.)
 *
 * Locking: space_lock.h.  One lock per space, held for a whole operation (stage S0, for one CPU);
 * or those of the tables that it works on (S1).  An object that wants to reach into spaces
 * (truncate) tries their locks, and gives way.
 *
 * Cost: see docs/performance.md.  Limits: descriptors lie in the first 256 GiB of low memory
 * (a frame word's link holds their address / 64); 2^18 mappings a space.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "mm/space_entry.h"
#include "mm/space_lock.h"

/* ---- finding tables ---------------------------------------------------------------------- */

/* Do all addresses from a to b lie under one leaf table? */
QR_INLINE bool same_leaf(const struct qr_memory *m, uintptr_t a, uintptr_t b)
{
	return (a ^ b) >> level_shift(m, 1) == 0;
}

/* The lowest table on the way to va.  In S0 a leaf that is this space's own becomes s->near: so a
 * caller that finds another table there knows that it is a borrowed leaf, or none.  In S1 va lies
 * in a range that is locked, as everywhere here. */
struct qr_ptdesc *qr_table_walk(struct qr_space *s, uintptr_t va);

QR_INLINE void forget_near(struct qr_space *s)
{
	s->near = NULL;
	s->near_va = UINTPTR_MAX;
}

QR_INLINE bool is_near(const struct qr_space *s, uintptr_t va)
{
	return !QR_SPACE_STAGE && same_leaf(s->memory, va, s->near_va);
}

QR_INLINE struct qr_ptdesc *lowest_table(struct qr_space *s, uintptr_t va)
{
	return QR_LIKELY(is_near(s, va)) ? s->near : qr_table_walk(s, va);
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
#if QR_SPACE_STAGE
	struct qr_ptdesc *top; /* what cursor_lock has locked */
#endif
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
	c->t = is_near(s, lo) && same_leaf(m, lo, hi - 1) ? s->near : qr_table_covering(s, lo, hi);
}

/* The range ends earlier. */
QR_INLINE void cursor_narrow(struct cursor *c, uintptr_t hi)
{
	if (hi == c->hi)
		return;
	c->hi = hi;
	c->t = qr_table_covering(c->s, c->lo, hi);
}

/* As cursor_begin; in S0 the space is locked already, in S1 the range is now. */
QR_INLINE void cursor_take(struct cursor *c, struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
#if QR_SPACE_STAGE
	struct qr_ptdesc *top = qr_range_lock(s, lo, hi, 0);

	cursor_begin(c, s, lo, hi);
	c->top = top;
#else
	cursor_begin(c, s, lo, hi);
#endif
}

/* The same again: end, and in S1 unlock. */
QR_INLINE void cursor_drop(struct cursor *c)
{
	qr_cursor_end(c);
#if QR_SPACE_STAGE
	qr_range_unlock(c->s, c->top, c->lo);
#endif
}

QR_INLINE void cursor_lock(struct cursor *c, struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	space_begin(s);
	cursor_take(c, s, lo, hi);
}

QR_INLINE void cursor_unlock(struct cursor *c)
{
	cursor_drop(c);
	if (!QR_SPACE_STAGE)
		space_end(c->s);
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
/* The same without `mapped`, and without the mapping's own count. */
void qr_space_count_kind(struct qr_space *s, uint32_t attr, const struct qr_mapping *mp, size_t n);
/* npages less, which lay in [lo,hi): the mapping's hull shrinks, or it goes. */
void qr_space_uncount(struct qr_space *s, uint32_t attr, size_t npages, uintptr_t lo, uintptr_t hi);

QR_INLINE void space_count(struct qr_space *s, uint32_t attr, ptrdiff_t npages)
{
	tally(&s->mapped, (size_t)npages);
	if (QR_LIKELY((attr & ~(RUN_R | RUN_W)) == 0))
		tally(&s->data, attr & RUN_W ? (size_t)npages : 0);
	else
		qr_space_count_slow(s, attr, npages);
}

/* ---- sharing leaves (space_share.c) ------------------------------------------------------ */

/* Around a change of a borrowed leaf that is right for all who have it. */
QR_INLINE void borrowed_begin(struct qr_space *s, struct qr_ptdesc *t)
{
	table_lock(t);
	space_count_leaf(s, t, 1);
}

/* The same, if nobody has it locked. */
QR_INLINE bool borrowed_try(struct qr_space *s, struct qr_ptdesc *t)
{
	if (!table_try(t))
		return false;
	space_count_leaf(s, t, 1);
	return true;
}

QR_INLINE void borrowed_end(struct qr_space *s, struct qr_ptdesc *t)
{
	space_count_leaf(s, t, -1);
	table_unlock(t);
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

/* The first run that ends above `at` and begins below `end`.  All that lies there is locked. */
bool qr_run_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out);
/* The same below table t, which range_lock answered. */
bool qr_run_below(const struct qr_space *s, const struct qr_ptdesc *t, uintptr_t at, uintptr_t end,
		  struct found *out);
/* The same where nothing is locked, but in S0 the space.  `like`, if not null: what its mapping is
 * like (id 0: it has none), which may be gone by the time of the answer. */
bool qr_run_look(struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out,
		 struct qr_mapping *like);
void qr_mapping_describe(struct qr_space *s, uint32_t attr, struct qr_mapping *out);

QR_INLINE bool run_look(struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out,
			struct qr_mapping *like)
{
#if QR_SPACE_STAGE
	return qr_run_look(s, at, end, out, like);
#else
	if (!qr_run_next(s, at, end, out))
		return false;
	if (like)
		qr_mapping_describe(s, out->attr, like);
	return true;
#endif
}

/* qr_run_next, with the equal runs that follow it joined. */
bool qr_region_next(const struct qr_space *s, uintptr_t at, uintptr_t end, struct found *out);

/* Pages of [lo,hi) that are promised in runs with all of these flags.  `look`: as qr_find_free. */
size_t qr_pages_promised(struct qr_space *s, uintptr_t lo, uintptr_t hi, uint32_t flags, bool look);

/* Find npages free pages, as high as possible below `top`.  Either the space is locked, or `look`:
 * nothing is (but in S0), and the answer is good only if it is still true under a lock.
 * Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_find_free(struct qr_space *s, size_t npages, bool look,
				       uintptr_t *out);
QR_MUST_CHECK enum qr_err qr_find_between(struct qr_space *s, size_t npages, uintptr_t bottom,
					  uintptr_t top, bool look, uintptr_t *out);
/* [lo,hi) became free / was taken. */
void qr_find_freed(struct cursor *c, uintptr_t lo, uintptr_t hi);

/* Immediate backing: take all frames and make all leaves that [lo,hi) needs; after qr_map_part,
 * put them in.  Errors: QR_NOMEM, all is as before. */
QR_MUST_CHECK enum qr_err qr_back_reserve(struct cursor *c);
void qr_back_install(struct cursor *c, uint32_t attr);

/* Touch every page of [lo,hi): private writable ones by a write, others by a read; or all in one
 * way.  Stops at the first that cannot; holes are skipped.  Nothing is locked. */
enum populate { POPULATE_FIT, POPULATE_READ, POPULATE_WRITE };
QR_MUST_CHECK enum qr_err qr_populate(struct qr_space *s, uintptr_t lo, uintptr_t hi,
				      enum populate how);
/* Of the pages index + k for which bit k of `want` is set, those that the object has: answers
 * their bits, frames[k], each with one reference more.  All within one node of its tree. */
uint32_t qr_object_pages(struct qr_object *o, uint64_t index, uint32_t want, qr_frame *frames);

/* qr_space_fault where range_lock(at, at + a page) has answered `top`.  QR_NOENT in S1: a stack
 * may have to grow. */
QR_MUST_CHECK enum qr_err qr_fault_held(struct qr_space *s, uintptr_t at, enum qr_access access,
					bool force, struct qr_ptdesc *top);
/* In S0 a stack has grown by then.  In S1 afterwards, with nothing locked: was that answered, and has
 * a stack grown over it?  So it is to be done again.  Else *err says why not. */
bool qr_stack_grew(struct qr_space *s, uintptr_t at, enum qr_err *err);

/* With all of the space locked: is leaf t, the lowest table on a way just gone, its own? */
QR_INLINE bool leaf_is_own(const struct qr_space *s, const struct qr_ptdesc *t)
{
	return QR_SPACE_STAGE ? held_together(s->root, t) : t == s->near;
}

QR_INLINE bool stack_grew(struct qr_space *s, uintptr_t at, enum qr_err *err)
{
	return QR_SPACE_STAGE && qr_stack_grew(s, at, err);
}

/* The frame at va, faulted in; all of the space is locked, and keeps it there. */
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
