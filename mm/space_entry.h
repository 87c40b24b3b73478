/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_entry.h - what the entries of a space's tables mean, and how its pages are counted.
 */
#ifndef MM_SPACE_ENTRY_H
#define MM_SPACE_ENTRY_H

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

/* Remember the most that was, before npages go.  S0: the space is locked. */
void qr_note_borrowed(struct qr_space *s, size_t npages);

QR_INLINE void raise_to(size_t *most, size_t now)
{
	if (QR_RARELY(now > tally_read(most)))
		__atomic_store_n(most, now, __ATOMIC_RELAXED);
}

QR_INLINE void note_most(struct qr_space *s, size_t npages)
{
	const struct qr_space_pages *p = &s->pages[0];

	raise_to(&s->most_mapped, tally_read(&s->mapped));
	if (QR_SPACE_STAGE || QR_RARELY(s->borrowed))
		qr_note_borrowed(s, npages);
	else
		raise_to(&s->most_resident, p->anon + p->file + p->shared);
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

/* An anonymous frame without rights.  Of the entry that showed it, what holds its first write back
 * stays: a token has no other use for those bits. */
QR_INLINE qr_entry hidden_entry(const struct qr_memory *m, qr_frame f, qr_entry was)
{
	return qr_entry_of(qr_entry_token(m->format, QR_TOKEN_RESIDENT, f.v).v |
			   (was.v & soft_held(m->format)));
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

#endif
