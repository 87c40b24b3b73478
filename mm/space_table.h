/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_table.h - one table: its runs, its descriptor, its children.
 *
 * What mm/space.h describes, as far as it needs no space: reading and changing the list of runs
 * (space_run.c), and finding one's way through entries (space_table.c).
 */
#ifndef MM_SPACE_TABLE_H
#define MM_SPACE_TABLE_H

#include <quire/space.h>

/* ---- runs ------------------------------------------------------------------------------ */

struct qr_run {
	uint16_t start, end;
	uint32_t attr; /* mapping id << RUN_ID_SHIFT | flags | rights */
};

#define RUN_R        QR_READ
#define RUN_W        QR_WRITE
#define RUN_X        QR_EXEC
#define RUN_RIGHTS   7u
#define RUN_LOCKED   0x08u
#define RUN_DONTFORK 0x10u
#define RUN_WIPE     0x20u /* empty in the child after fork */
#define RUN_HUGE     0x40u
#define RUN_NOHUGE   0x80u
#define RUN_CLEAN    0x100u /* since clear_refs: pages are written only if their entries say so */
#define RUN_UMISS    0x200u /* userfaultfd: first touches are the pager's */
#define RUN_UWP      0x400u /* ... and first writes to entries with SOFT_WP */
#define RUN_ONFAULT  0x800u /* with LOCKED: kept from the first touch on, not fetched */
#define RUN_DONTDUMP 0x1000u
#define RUN_FLAGS    0x3ef8u /* those that make regions different */
#define RUN_ID_SHIFT 14
#define RUN_IDS      (1u << 18)

#define RUN_INLINE 4

/* What is known about a table, beside its entries.  64 bytes where one CPU runs. */
struct qr_ptdesc {
	struct qr_run *runs; /* `in`, or an array; on the spare list: the next */
	uint32_t frame;      /* the table's */
	uint16_t nruns, cap;
	uint16_t npages;  /* entries that are not zero and not tables */
	uint16_t ntables; /* entries that are tables */
	uint32_t used;    /* a bit for each 1/32 of the table: some entry there may not be zero */
	uint8_t level;
	uint8_t flags;
	uint16_t nfile, nshared, nzero; /* of npages: FILE without and with SHARED, ZERO */
	struct qr_run in[RUN_INLINE];
#if QR_MAX_CPUS > 1
	struct qr_lock lock; /* S0: of a leaf that is borrowed; S1: the table's */
#endif
#if QR_SPACE_STAGE
	qr_word holder;                /* the address of the top it is held with; 0: not held */
	struct qr_ptdesc *next, *prev; /* what is held with it, the top first; in limbo: the next */
	qr_word retired;               /* in limbo: since when */
#endif
} __attribute__((aligned(64)));

#define PT_KEEP  1 /* never freed or folded before its space (PAE: right behind the root) */
#define PT_BLOCK 2 /* unlinked, and a huge page's block goes with it: its first frame in in[0] */
#define PT_STALE 4 /* unlinked */

_Static_assert(QR_MAX_CPUS > 1 || QR_SPACE_STAGE || sizeof(struct qr_ptdesc) == 64,
	       "a descriptor is a cache line");

/* ---- held tables (mm/space_lock.h) ------------------------------------------------------- */

QR_INLINE void table_lock(struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	qr_lock_acquire(&t->lock);
#else
	(void)t;
#endif
}

/* False: somebody else has it. */
QR_INLINE bool table_try(struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	return qr_lock_try(&t->lock);
#else
	(void)t;
	return true;
#endif
}

QR_INLINE void table_unlock(struct qr_ptdesc *t)
{
#if QR_MAX_CPUS > 1
	qr_lock_release(&t->lock);
#else
	(void)t;
#endif
}

/* Locked table t is from now on held together with `after`. */
QR_INLINE void table_join(struct qr_ptdesc *after, struct qr_ptdesc *t)
{
#if QR_SPACE_STAGE
	t->prev = after;
	t->next = after->next;
	if (t->next)
		t->next->prev = t;
	after->next = t;
	qr_store_word(&t->holder, after->holder);
#else
	(void)after;
	(void)t;
#endif
}

/* A table that is about to be hung below `parent` is born held, as that is. */
QR_INLINE void table_adopt(struct qr_ptdesc *parent, struct qr_ptdesc *t)
{
#if QR_SPACE_STAGE
	if (!parent->holder || t->holder == parent->holder)
		return;
	table_lock(t);
	table_join(parent, t);
#else
	(void)parent;
	(void)t;
#endif
}

/* A table that its holder has unhooked, or shares from now on; not the top. */
QR_INLINE void table_leave(struct qr_ptdesc *t)
{
#if QR_SPACE_STAGE
	t->prev->next = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = t->prev = NULL;
	qr_store_word(&t->holder, 0);
	table_unlock(t);
#else
	(void)t;
#endif
}

QR_INLINE uint32_t run_id(uint32_t attr)
{
	return attr >> RUN_ID_SHIFT;
}

/* Private anonymous memory whose first touch needs no second look. */
QR_INLINE bool run_is_plain(uint32_t attr)
{
	return !(attr & ~0xffu);
}

/* The first run that ends above index i: the one that holds i, or the next; may be nruns. */
QR_INLINE unsigned run_find(const struct qr_ptdesc *t, unsigned i)
{
	unsigned lo = 0, hi = t->nruns;

	while (QR_RARELY(hi - lo > 8)) {
		unsigned mid = (lo + hi) / 2;

		if (t->runs[mid].end > i)
			hi = mid + 1;
		else
			lo = mid + 1;
	}
	while (lo < hi && t->runs[lo].end <= i)
		lo++;
	return lo;
}

/* The run that holds index i, or null. */
QR_INLINE struct qr_run *run_at(const struct qr_ptdesc *t, unsigned i)
{
	unsigned r = run_find(t, i);

	return r < t->nruns && t->runs[r].start <= i ? &t->runs[r] : NULL;
}

/* Room for runs that `cap` does not speak of: huge pages find it when they are split. */
QR_INLINE unsigned runs_aside(const struct qr_ptdesc *t)
{
	return t->level == 1 ? t->npages : 0;
}

/* Promise the free indices [i,j).  Needs room for one run.  Joins equal neighbours. */
void qr_run_set(struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t attr);
/* Take back what is promised in [i,j).  Needs room for one run. */
void qr_run_clear(struct qr_ptdesc *t, unsigned i, unsigned j);
/* attr = (attr & keep) | set for what is promised in [i,j).  Needs room for two runs. */
void qr_run_change(struct qr_ptdesc *t, unsigned i, unsigned j, uint32_t keep, uint32_t set);
/* Make room for n more runs.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_run_grow(struct qr_memory *m, struct qr_ptdesc *t, unsigned n);
/* Give a run array up that is not needed any more. */
void qr_run_shrink(struct qr_memory *m, struct qr_ptdesc *t);

QR_INLINE QR_MUST_CHECK enum qr_err run_room(struct qr_memory *m, struct qr_ptdesc *t, unsigned n)
{
	return QR_LIKELY(t->nruns + n <= t->cap) ? QR_OK : qr_run_grow(m, t, n);
}

/* ---- geometry -------------------------------------------------------------------------- */

QR_INLINE unsigned level_shift(const struct qr_memory *m, unsigned level)
{
	return qr_format_shift(m->format, level);
}

QR_INLINE unsigned index_at(const struct qr_memory *m, uintptr_t va, unsigned level)
{
	return qr_format_index(m->format, qr_virt_of(va), level);
}

QR_INLINE unsigned table_entries(const struct qr_memory *m, unsigned level)
{
	return qr_format_entries(m->format, level);
}

/* The address where entry i begins, in the table of this level that holds va. */
QR_INLINE uintptr_t entry_start(const struct qr_memory *m, uintptr_t va, unsigned level, unsigned i)
{
	unsigned shift = level_shift(m, level);

	return (va >> shift << shift) + (((uintptr_t)i - index_at(m, va, level)) << shift);
}

/* Does an address lie where an entry of this level begins? */
QR_INLINE bool entry_aligned(const struct qr_memory *m, uintptr_t va, unsigned level)
{
	return (va & (((uintptr_t)1 << level_shift(m, level)) - 1)) == 0;
}

/* ---- tables ---------------------------------------------------------------------------- */

QR_INLINE void *table_window(const struct qr_memory *m, const struct qr_ptdesc *t)
{
	return (void *)(m->low_base + ((uintptr_t)t->frame << QR_PAGE_SHIFT));
}

QR_INLINE struct qr_ptdesc *ptdesc_of(const struct qr_memory *m, qr_frame table)
{
	return (struct qr_ptdesc *)(m->low_base +
				    ((uintptr_t)qr_frame_word(m->frames, table)->link << 6));
}

QR_INLINE qr_entry entry_of(const struct qr_memory *m, const struct qr_ptdesc *t, unsigned i)
{
	return qr_entry_read(m->format, table_window(m, t), i);
}

/* Entries are looked for in blocks: a large and sparse table costs what is in it. */
QR_INLINE unsigned block_shift(const struct qr_memory *m)
{
	return QR_FIXED(m->format)->bits - 5u;
}

QR_INLINE void mark_used(const struct qr_memory *m, struct qr_ptdesc *t, unsigned i)
{
	t->used |= 1u << (i >> block_shift(m));
}

/* The same for all blocks of [i,j), i < j: those that stay empty only cost a look later. */
QR_INLINE void mark_used_range(const struct qr_memory *m, struct qr_ptdesc *t, unsigned i,
			       unsigned j)
{
	t->used |= (2u << ((j - 1) >> block_shift(m))) - (1u << (i >> block_shift(m)));
}

/* Nothing is left in [i,j): its whole blocks need no look any more. */
QR_INLINE void unmark_used_range(const struct qr_memory *m, struct qr_ptdesc *t, unsigned i,
				 unsigned j)
{
	unsigned shift = block_shift(m), from = (i + (1u << shift) - 1) >> shift, to = j >> shift;

	if (from < to)
		t->used &= ~((2u << (to - 1)) - (1u << from));
}

/* The same for one that is likely far away; space_table.c. */
unsigned qr_next_used(const struct qr_memory *m, const struct qr_ptdesc *t, unsigned i, unsigned j);

/* The first entry of [i,j) that is not zero; j: none. */
QR_INLINE unsigned next_used(const struct qr_memory *m, const struct qr_ptdesc *t,
			     const void *entries, unsigned i, unsigned j)
{
	if (i >= j || !qr_entry_none(qr_entry_read(m->format, entries, i)))
		return i;
	return qr_next_used(m, t, i, j);
}

/* An empty table, all entries zero, linked nowhere.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_pt_alloc(struct qr_memory *m, unsigned level, struct qr_ptdesc **out);
void qr_memory_drop_roots(struct qr_memory *m);
/* Give one back that is empty, and that no CPU remembers. */
void qr_pt_free(struct qr_memory *m, struct qr_ptdesc *t);

QR_INLINE void pt_link(struct qr_memory *m, struct qr_ptdesc *parent, unsigned i,
		       struct qr_ptdesc *t)
{
	table_adopt(parent, t);
	qr_entry_set(m->format, table_window(m, parent), i,
		     qr_entry_table(m->format, qr_frame_of(t->frame), parent->level, true));
	parent->ntables++;
	mark_used(m, parent, i);
}

/* The references to a table: its parent entries. */
QR_INLINE uint32_t table_refs(const struct qr_memory *m, const struct qr_ptdesc *t)
{
	return qr_frame_refs(qr_frame_word(m->frames, qr_frame_of(t->frame)));
}

/* Is child i of t a leaf that this space only borrows? */
QR_INLINE bool child_borrowed(const struct qr_memory *m, const struct qr_ptdesc *t, unsigned i)
{
	return t->level == 1 && !qr_entry_writable(m->format, entry_of(m, t, i));
}

/* One child table within a range, and the part of the range under it. */
struct child {
	struct qr_ptdesc *t;
	unsigned i;
	uintptr_t lo, hi;
};

/* The first child of t under [at, hi). */
QR_INLINE bool child_next(const struct qr_memory *m, const struct qr_ptdesc *t, uintptr_t at,
			  uintptr_t hi, struct child *out)
{
	void *entries = table_window(m, t);
	unsigned a, i, j;

	if (at >= hi || !t->ntables)
		return false;
	a = i = index_at(m, at, t->level);
	j = index_at(m, hi - 1, t->level) + 1;
	for (; (i = next_used(m, t, entries, i, j)) < j; i++) {
		qr_entry e = qr_entry_read(m->format, entries, i);
		uintptr_t start, last;

		if (QR_RARELY(!qr_entry_is_table(m->format, e, t->level)))
			continue;
		start = i == a ? at : entry_start(m, at, t->level, i);
		last = start | (((uintptr_t)1 << level_shift(m, t->level)) - 1);
		out->t = ptdesc_of(m, qr_entry_frame(m->format, e));
		out->i = i;
		out->lo = start;
		out->hi = last < hi - 1 ? last + 1 : hi;
		return true;
	}
	return false;
}

#endif
