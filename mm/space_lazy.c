/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_lazy.c - memory that a program has given up and may have back by writing (MADV_FREE).
 *
 *	            entry            frame
 *	written     present, dirty   -
 *	FREE        present, clean   LAZYFREE     reads see the old bytes; costs no fault
 *	written     present, dirty   LAZYFREE     the program has it back: the CPU's bit says so
 *	reclaimed   none             free         reads see zeroes
 *
 * So giving up and having back cost no fault as long as there is memory, and nobody keeps a list:
 * when memory is short, the kernel asks each space that has been given such advice (s->lazy) to
 * look through its tables once.
 *
 * Given up is what is nobody else's: a page that a fork shares stays as it is, as on Linux.  Gone
 * at once is what the dirty bit cannot speak for: huge pages, pages without rights, and regions
 * that are watched for writes, where that bit has another meaning.
 *
 * A write of the kernel's for the program (space_access.c) sets no bit, and clears LAZYFREE
 * instead.  CPUs remember that a page is dirty: the bits are cleared before the flush, and the
 * advice counts from then on.
 */
#include "mm/space.h"

static void give_up_leaf(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	const struct qr_memory *m = c->m;
	const struct qr_format *f = m->format;
	const uint64_t bits = entry_bits(f, QR_FIXED(f)->dirty | QR_FIXED(f)->accessed);
	const uintptr_t words = frame_words(m);
	void *entries = table_window(m, t);
	unsigned i = index_at(m, lo, 0), j = index_at(m, hi - 1, 0) + 1;
	uintptr_t va = lo - ((uintptr_t)i << QR_PAGE_SHIFT);

	for (; (i = next_used(m, t, entries, i, j)) < j; i++) {
		qr_entry e = qr_entry_read(f, entries, i);
		struct qr_frame_word *w;

		if (QR_RARELY(!entry_is_plain(m, e))) {
			if (!qr_entry_present(f, e))
				qr_zap_pages(c, t, i, i + 1, va + ((uintptr_t)i << QR_PAGE_SHIFT));
			continue;
		}
		w = entry_word(m, words, e);
		if (QR_RARELY(!word_exclusive(w)))
			continue;
		if (!(qr_load32(&w->state) & QR_FRAME_LAZYFREE))
			qr_frame_set(w, QR_FRAME_LAZYFREE);
		if (!(e.v & bits))
			continue;
		entry_update(f, entries, i, e, bits, 0);
		qr_gather_page(&c->gather, qr_virt_of(va + ((uintptr_t)i << QR_PAGE_SHIFT)));
	}
}

static void give_up_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;

	if (t->level == 0) {
		give_up_leaf(c, t, lo, hi);
		return;
	}
	if (t->npages)
		qr_huge_zap(c, t, lo, hi);
	for (uintptr_t at = lo; child_next(c->m, t, at, hi, &k); at = k.hi) {
		if (QR_RARELY(child_borrowed(c->m, t, k.i)))
			continue;
		give_up_part(c, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
}

void qr_lazy_free(struct qr_space *s, uintptr_t lo, uintptr_t hi)
{
	struct cursor c;

	__atomic_store_n(&s->lazy, true, __ATOMIC_RELAXED);
	cursor_begin(&c, s, lo, hi);
	give_up_part(&c, c.t, lo, hi);
	qr_cursor_end(&c);
}

/* ---- taking it ---------------------------------------------------------------------------- */

/* The page of entry i, if it was given up and not written since.  The entry is taken first: a
 * CPU that writes at this moment either has set the bit, or will fault and wait. */
static bool reclaim_page(struct cursor *c, struct qr_ptdesc *t, unsigned i, uintptr_t va)
{
	const struct qr_format *f = c->m->format;
	void *entries = table_window(c->m, t);
	qr_entry e = qr_entry_read(f, entries, i);
	struct qr_frame_word *w;

	if (!entry_is_plain(c->m, e) || qr_entry_dirty(f, e))
		return false;
	w = qr_frame_word(c->m->frames, qr_entry_frame(f, e));
	if (!(qr_load32(&w->state) & QR_FRAME_LAZYFREE) || !word_exclusive(w))
		return false;
	e = qr_entry_clear(f, entries, i);
	if (qr_entry_dirty(f, e)) {
		qr_entry_set(f, entries, i, e);
		return false;
	}
	qr_gather_page(&c->gather, qr_virt_of(va));
	release_page(&c->gather, w, qr_entry_frame(f, e));
	tally(&pages_here(c->s)->anon, -(size_t)1);
	if (--t->npages == 0)
		no_pages(t);
	return true;
}

static size_t reclaim_part(struct cursor *c, struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	struct child k;
	size_t n = 0;

	for (uintptr_t at = lo; t->level && child_next(c->m, t, at, hi, &k); at = k.hi) {
		if (child_borrowed(c->m, t, k.i)) {
			__atomic_store_n(
			    &c->s->lazy, true,
			    __ATOMIC_RELAXED); /* it may be this space's again: look anew then */
			continue;
		}
		n += reclaim_part(c, k.t, k.lo, k.hi);
		qr_pt_settle(c, t, k.i, k.t, k.lo);
	}
	for (unsigned r = 0; !t->level && r < t->nruns; r++) {
		const struct qr_run *run = &t->runs[r];

		for (unsigned i = run->start; !(run->attr & RUN_LOCKED) && i < run->end; i++)
			n += reclaim_page(c, t, i, entry_start(c->m, lo, 0, i));
	}
	return n;
}

size_t qr_space_reclaim(struct qr_space *s)
{
	const struct qr_memory *m = s->memory;
	struct cursor c;
	size_t n = 0;

	if (QR_LIKELY(!__atomic_load_n(&s->lazy, __ATOMIC_RELAXED)))
		return 0;
	cursor_lock(&c, s, m->user_start.v, m->user_end.v);
	c.t = s->root;
	__atomic_store_n(&s->lazy, false, __ATOMIC_RELAXED);
	n = reclaim_part(&c, s->root, m->user_start.v, m->user_end.v);
	cursor_unlock(&c);
	return n;
}
