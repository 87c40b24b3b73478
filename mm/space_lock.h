/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_lock.h - what an operation locks.
 *
 *	stage S0   the space, for the whole operation
 *	stage S1   the lowest table under which its range lies, and the tables of the range below
 *	           that one, in pre-order
 *
 *	            root             A fault locks its leaf, c.  A change of a range across d and e
 *	          a      b           locks b, d, e: c and f are not waited for.  What is about
 *	         c      d e f        all of the space locks the root and all that is below it.
 *
 * Who holds a table may change its runs and entries and hang tables below it; a table is unhooked
 * by who holds it and its parent.  So with its top somebody holds the whole range: a table that
 * another one looks for there cannot appear beside, since each new one is born locked.
 *
 *	find   go down from the root without a lock (epoch.h), lock what is found, and read the
 *	       entry through which one came again: if it still points there, the table is in the
 *	       tree, since who has a child is not unhooked.  If not, begin again.
 *	hold   `holder` of each table that is locked is the top's address; they are a list that
 *	       begins with the top.  A new table joins it behind its parent.
 *	settle goes up as far as the parents have the same holder; what remains to be done above
 *	       the top is done afterwards, under the lock of its parent (qr_range_unlock).
 *
 * A leaf that is borrowed (space_share.c) is not in that list: its directory is the lowest table
 * then, and its own lock is taken for as long as somebody changes it for all.
 *
 * Order of locks: tables in pre-order; for a fork the child's behind the parent's; a borrowed
 * leaf's; the space's, which in S1 guards its mappings: ids, page counts, hulls, stacks; an
 * object's; pools and frames.  An object that reaches into spaces only tries tables.
 *
 * Where a look is enough (the next run, a free hole) tables are locked one by one, or those of one
 * path; who acts on what he saw looks again under his lock.
 */
#ifndef MM_SPACE_LOCK_H
#define MM_SPACE_LOCK_H

#include "mm/space_mapping.h"

/* Do the same hands hold both?  One of them is the caller's. */
QR_INLINE bool held_together(const struct qr_ptdesc *a, const struct qr_ptdesc *b)
{
#if QR_SPACE_STAGE
	return qr_load_word(&a->holder) == qr_load_word(&b->holder);
#else
	(void)a;
	(void)b;
	return true;
#endif
}

#if QR_SPACE_STAGE

/* Lock the lowest table over [lo,hi), but none of a lower level than `lowest`, and all below it in
 * the range; answers it. */
struct qr_ptdesc *qr_range_lock(struct qr_space *s, uintptr_t lo, uintptr_t hi, unsigned lowest);
/* The same, if nobody holds any of them; else null. */
struct qr_ptdesc *qr_range_try(struct qr_space *s, uintptr_t lo, uintptr_t hi);
/* Let go of all that is held with this top; nothing settles. */
void qr_tables_unlock(struct qr_ptdesc *top);
/* Unhooked tables, chained by `runs`, wait until nobody can look at them. */
void qr_tables_retire(struct qr_memory *m, struct qr_ptdesc *list);
/* Free those that have waited long enough; answers whether none is left. */
bool qr_tables_reclaim(struct qr_memory *m);
/* As qr_tables_unlock, and what the change has left to settle above the top, on the way to va, is
 * settled. */
void qr_range_unlock(struct qr_space *s, struct qr_ptdesc *top, uintptr_t va);

#endif /* QR_SPACE_STAGE */

/* ---- both stages -------------------------------------------------------------------------- */

/* Around an operation: in S0 its lock. */
QR_INLINE void space_begin(struct qr_space *s)
{
	if (!QR_SPACE_STAGE)
		qr_lock_acquire(&s->lock);
}

/* No lock is held any more; mappings without pages are freed. */
QR_INLINE void space_end(struct qr_space *s)
{
	struct qr_mapping *dead;

	if (QR_SPACE_STAGE && QR_LIKELY(!__atomic_load_n(&s->dead, __ATOMIC_RELAXED)))
		return;
	mappings_lock(s);
	dead = s->dead;
	__atomic_store_n(&s->dead, NULL, __ATOMIC_RELAXED);
	qr_lock_release(&s->lock);
	if (QR_RARELY(dead))
		qr_mappings_free(s, dead);
}

/* The same after a look, which leaves no mapping without pages. */
QR_INLINE void space_looked(struct qr_space *s)
{
	if (!QR_SPACE_STAGE)
		qr_lock_release(&s->lock);
}

/* [lo,hi): what may change there is locked, all else perhaps not.  In S1 answers the top. */
QR_INLINE struct qr_ptdesc *range_lock(struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
#if QR_SPACE_STAGE
	return qr_range_lock(s, lo, hi, 0);
#else
	(void)lo;
	(void)hi;
	qr_lock_acquire(&s->lock);
	return NULL;
#endif
}

/* va: an address of the range. */
QR_INLINE void range_unlock(struct qr_space *s, struct qr_ptdesc *top, uintptr_t va)
{
#if QR_SPACE_STAGE
	qr_range_unlock(s, top, va);
#else
	(void)top;
	(void)va;
	space_end(s);
#endif
}

/* A page: what a fault changes, which leaves nothing to settle above it. */
QR_INLINE struct qr_ptdesc *page_lock(struct qr_space *s, uintptr_t va)
{
	return range_lock(s, va & ~(uintptr_t)QR_PAGE_MASK, (va | QR_PAGE_MASK) + 1);
}

QR_INLINE void page_unlock(struct qr_space *s, struct qr_ptdesc *top)
{
#if QR_SPACE_STAGE
	(void)s;
	qr_tables_unlock(top);
#else
	(void)top;
	qr_lock_release(&s->lock);
#endif
}

/* All of it: for what is rare.  In S1 answers the root, as range_lock would. */
QR_INLINE struct qr_ptdesc *space_lock(struct qr_space *s)
{
#if QR_SPACE_STAGE
	return qr_range_lock(s, 0, s->memory->user_end.v, s->root->level);
#else
	qr_lock_acquire(&s->lock);
	return NULL;
#endif
}

void qr_space_unlock(struct qr_space *s);

#endif
