/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_words.c - what is behind each page of a range, as one word: /proc/PID/pagemap.
 *
 *	runs      [ rw          )      [ rw, clean )
 *	entries     A  A  .  Z            A  .
 *	words     0 w  w  s  w  0  0  0   w  0          s: "written", since nobody watches
 *
 * One way through the tables, from run to run; every page of the range gets its word, and a page
 * that is plain memory costs some twenty instructions.
 */
#include "mm/space.h"

struct words {
	const struct qr_memory *m;
	uintptr_t at; /* the page of the next word */
	uint64_t *out;
	uint32_t show; /* all bits of a frame's number, or none */
};

/* A word is a frame, and flags: they are all in its upper half. */
#define WRITTEN   ((uint32_t)(QR_WORD_WRITTEN >> 32))
#define EXCLUSIVE ((uint32_t)(QR_WORD_EXCLUSIVE >> 32))
#define UWP       ((uint32_t)(QR_WORD_UWP >> 32))
#define OBJECT    ((uint32_t)(QR_WORD_OBJECT >> 32))
#define PRESENT   ((uint32_t)(QR_WORD_PRESENT >> 32))

QR_INLINE void put_word(uint64_t *out, uint32_t flags, uint32_t frame)
{
	const uint32_t halves[2] = { frame, flags };

	__builtin_memcpy(out, halves, sizeof(*out));
}

static void put_same(struct words *w, uintptr_t end, uint32_t flags)
{
	for (; w->at < end; w->at += QR_PAGE_SIZE)
		put_word(w->out++, flags, 0);
}

/* Frame f is seen through e, and by `others` more than its references say. */
static __attribute__((noinline)) uint32_t flags_of(const struct words *w, qr_entry e, qr_frame f,
						   uint32_t others)
{
	const struct qr_format *fmt = w->m->format;
	uint32_t refs = qr_frame_refs(qr_frame_word(w->m->frames, f)) + others, flags = PRESENT;

	flags |= e.v & soft_wp(fmt) ? UWP : 0;
	if (!qr_entry_present(fmt, e)) /* without rights: it was written once */
		return flags | (soft_clean(fmt) & ~e.v ? WRITTEN : 0) | (refs == 1 ? EXCLUSIVE : 0);
	flags |= e.v & SOFT_FILE ? OBJECT : 0;
	if (soft_clean(fmt) && qr_entry_dirty(fmt, e) && !(e.v & soft_clean(fmt)))
		flags |= WRITTEN;
	if (e.v & SOFT_ZERO)
		return flags;
	refs -= e.v & SOFT_FILE && refs > 1; /* the object's own */
	return flags | (refs == 1 ? EXCLUSIVE : 0);
}

/* Entries of a leaf within one run; `flags`: of pages that are not there. */
static void leaf_words(struct words *w, const struct qr_ptdesc *t, unsigned i, unsigned j,
		       uint32_t flags)
{
	const struct qr_memory *m = w->m;
	const struct qr_format *f = m->format;
	const void *entries = table_window(m, t);
	const uintptr_t words = frame_words(m);
	const uint32_t others = table_refs(m, t) - 1, alone = 1 - others, show = w->show;
	const uint32_t written = flags | PRESENT | (soft_clean(f) ? WRITTEN : 0);
	/* Nearly all pages are memory that was written: present, dirty, and nothing else. */
	const uint64_t plain = QR_FIXED(f)->present | QR_FIXED(f)->dirty;
	const uint64_t mask = entry_bits(f, plain | soft_held(f) | SOFT_ALL);
	uint64_t *out = w->out;

	w->at += (uintptr_t)(j - i) << QR_PAGE_SHIFT;
	w->out += j - i;
	for (; i < j; i++, out++) {
		qr_entry e = qr_entry_read(f, entries, i);
		qr_frame at;

		if (QR_LIKELY((e.v & mask) == plain)) {
			bool sole = qr_frame_refs(entry_word(m, words, e)) == alone;

			put_word(out, sole ? written | EXCLUSIVE : written,
				 qr_entry_frame(f, e).v & show);
		} else if (qr_entry_none(e)) {
			put_word(out, flags, 0);
		} else {
			at = resident_frame(m, e);
			put_word(out, flags | flags_of(w, e, at, others), at.v & show);
		}
	}
}

/* A run of an upper table, up to `end`: huge pages may lie in it.  The references of all of one
 * are those of its first frame; that one's link counts the tables. */
static void upper_words(struct words *w, const struct qr_ptdesc *t, uintptr_t end, uint32_t flags)
{
	const struct qr_memory *m = w->m;
	const uint32_t mask = (1u << qr_format_order(m->format, t->level)) - 1;

	while (w->at < end) {
		qr_entry e = entry_of(m, t, index_at(m, w->at, t->level));
		uintptr_t last = w->at | (((uintptr_t)1 << level_shift(m, t->level)) - 1);
		uintptr_t stop = last < end ? last + 1 : end;
		qr_frame f;

		if (QR_LIKELY(qr_entry_none(e))) {
			put_same(w, stop, flags);
			continue;
		}
		f = qr_frame_of(resident_frame(m, e).v & ~mask);
		for (; w->at < stop; w->at += QR_PAGE_SIZE) {
			uint32_t others = qr_frame_word(m->frames, f)->link;
			uint32_t at = f.v + ((uint32_t)(w->at >> QR_PAGE_SHIFT) & mask);

			put_word(w->out++, flags | flags_of(w, e, f, others), at & w->show);
		}
	}
}

static void put_words(struct words *w, const struct qr_ptdesc *t, uintptr_t lo, uintptr_t hi)
{
	const struct qr_memory *m = w->m;
	const unsigned i = index_at(m, lo, t->level), j = index_at(m, hi - 1, t->level) + 1;
	const struct qr_run *run = &t->runs[run_find(t, i)], *last = &t->runs[t->nruns];
	struct child k = { .hi = lo };
	bool more = t->level != 0, borrowed;

	for (;;) {
		uintptr_t start =
		    run < last && run->start < j ? entry_start(m, lo, t->level, run->start) : hi;
		uintptr_t end;
		uint32_t flags;

		start = start > lo ? start : lo;
		while (more && k.hi < start && (more = child_next(m, t, k.hi, start, &k))) {
			put_same(w, k.lo, 0);
			borrowed = QR_MAX_CPUS > 1 && child_borrowed(m, t, k.i);
			if (borrowed)
				table_lock(k.t);
			put_words(w, k.t, k.lo, k.hi);
			if (borrowed)
				table_unlock(k.t);
		}
		put_same(w, start, 0);
		if (start == hi)
			return;
		end = entry_start(m, lo, t->level, run->end);
		end = end < hi ? end : hi;
		flags = soft_clean(m->format) && !(run->attr & RUN_CLEAN) ? WRITTEN : 0;
		if (t->level)
			upper_words(w, t, end, flags);
		else
			leaf_words(w, t, index_at(m, start, 0), index_at(m, end - 1, 0) + 1, flags);
		if (end == hi)
			return;
		k.hi = end;
		more = t->level != 0;
		run++;
	}
}

void qr_space_words(struct qr_space *s, qr_virt at, size_t npages, bool frames, uint64_t *out)
{
	const struct qr_memory *m = s->memory;
	uintptr_t hi = at.v + (npages << QR_PAGE_SHIFT);
	struct qr_ptdesc *top;
	struct words w = { .m = m, .at = at.v, .out = out, .show = frames ? UINT32_MAX : 0 };

	QR_ASSERT_DEBUG(at.v <= hi && hi <= m->user_end.v, "the words of a user's pages");
	if (at.v >= hi)
		return;
	top = range_lock(s, at.v, hi);
	put_same(&w, m->user_start.v < hi ? m->user_start.v : hi, 0);
	if (w.at < hi)
		put_words(&w, qr_table_covering(s, w.at, hi), w.at, hi);
	range_unlock(s, top, at.v);
}
