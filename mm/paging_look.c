/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging_look.c - reading a tree: one page, stretch by stretch, for a panic, and the check.
 */
#include "mm/paging.h"

/* The page that s ended at, with the rights that all levels grant together. */
static void describe(const struct qr_paging *p, qr_vpn v, struct qr_extent *out)
{
	const struct qr_format *f = p->format;
	unsigned prot = QR_READ | QR_WRITE | QR_EXEC | QR_USER;
	qr_frame table = p->root;
	unsigned level = qr_format_top(f);
	qr_entry e;

	for (;; level--) {
		e = qr_entry_read(f, qr_table_window(table),
				  qr_format_index(f, qr_vpn_virt(v), level));
		if (!(QR_FIXED(f)->bare_top && level == qr_format_top(f)))
			prot &= qr_entry_prot(f, e);
		if (!qr_entry_is_table(f, e, level))
			break;
		table = qr_entry_frame(f, e);
	}
	*out = (struct qr_extent){
		.at = qr_vpn_virt(v & ~(qr_span_pages(f, level) - 1)),
		.npages = qr_span_pages(f, level),
		.to = qr_frame_phys(qr_entry_page_frame(f, e, level)),
		.prot = (uint8_t)prot,
		.cache = (uint8_t)qr_entry_cache(f, e),
		.level = (uint8_t)level,
		.accessed = qr_entry_accessed(f, e),
		.dirty = qr_entry_dirty(f, e),
	};
}

enum qr_err qr_paging_query(const struct qr_paging *p, qr_virt at, struct qr_extent *out)
{
	struct qr_spot s;

	if (!qr_format_valid(p->format, at))
		return QR_INVAL;
	qr_paging_find(p, qr_vpn_of(at), &s);
	if (!qr_entry_present(p->format, s.entry))
		return QR_NOENT;
	describe(p, qr_vpn_of(at), out);
	return QR_OK;
}

/* Does `b` go on where `a` ends, alike in all that an extent tells? */
static bool continues(const struct qr_extent *a, const struct qr_extent *b)
{
	return b->to.v == a->to.v + (a->npages << QR_PAGE_SHIFT) && a->prot == b->prot &&
	       a->cache == b->cache && a->level == b->level;
}

/* The first page number at or above v, below end, that is mapped; `end` if none. */
static qr_vpn next_page(const struct qr_paging *p, qr_vpn v, qr_vpn end)
{
	struct qr_spot s;

	while (v < end) {
		qr_paging_find(p, v, &s);
		if (qr_entry_present(p->format, s.entry))
			return v;
		v = qr_span_end(p->format, v, s.level);
	}
	return end;
}

static enum qr_err next_extent(const struct qr_paging *p, qr_vpn v, qr_vpn end,
			       struct qr_extent *out)
{
	struct qr_extent more;

	v = next_page(p, v, end);
	if (v >= end)
		return QR_NOENT;
	describe(p, v, out);
	for (;;) {
		v = qr_vpn_of(out->at) + out->npages;
		if (next_page(p, v, v + 1) != v || v >= end)
			return QR_OK;
		describe(p, v, &more);
		if (!continues(out, &more))
			return QR_OK;
		out->npages += more.npages;
		out->accessed |= more.accessed;
		out->dirty |= more.dirty;
	}
}

enum qr_err qr_paging_next(struct qr_paging *p, qr_virt at, struct qr_extent *out)
{
	struct qr_vpn_bounds b = qr_vpn_bounds(p->format);
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);
	qr_vpn v = qr_vpn_of(at);
	enum qr_err err = QR_NOENT;

	if (v < b.low)
		err = next_extent(p, v, b.low, out);
	if (err == QR_NOENT)
		err = next_extent(p, v > b.high ? v : b.high, b.end, out);
	qr_lock_release_irq(&p->lock, irq);
	return err;
}

/* Is it a table whose window we may look through, even when everything else is in doubt? */
static bool readable(struct qr_frames *frames, qr_frame table)
{
	return qr_frame_lookup(frames, table) && table.v - frames->base < frames->low_end;
}

unsigned qr_paging_trace(const struct qr_format *f, struct qr_frames *frames, qr_frame root,
			 qr_virt at, qr_entry out[QR_MAX_LEVELS])
{
	qr_frame table = root;
	unsigned level = qr_format_top(f);

	for (;; level--) {
		if (!readable(frames, table)) {
			out[level] = QR_ENTRY_NONE;
			return level;
		}
		out[level] =
		    qr_entry_read(f, qr_table_window(table), qr_format_index(f, at, level));
		if (!qr_entry_is_table(f, out[level], level))
			return level;
		table = qr_entry_frame(f, out[level]);
	}
}

/* ---- check ------------------------------------------------------------------------------ */

static const char *check_page(const struct qr_format *f, qr_entry e, unsigned level)
{
	if (level == 0)
		return NULL;
	if (!qr_format_can_be_large(f, level))
		return "I3: large pages are at levels where the format has them";
	if (qr_entry_frame(f, e).v & (qr_span_pages(f, level) - 1))
		return "I3: a large page is aligned to its size";
	return NULL;
}

static const char *check_below(const struct qr_paging *p, qr_frame table, unsigned level,
			       uint32_t *ntables);

static const char *check_table(const struct qr_paging *p, qr_entry e, unsigned level,
			       uint32_t *ntables)
{
	const struct qr_format *f = p->format;
	unsigned all = QR_READ | QR_WRITE | QR_EXEC | QR_USER;
	struct qr_frame_word *w = qr_frame_lookup(p->frames, qr_entry_frame(f, e));
	bool bare = f->bare_top && level == qr_format_top(f);

	if (w && qr_frame_type(w) != QR_FRAME_TABLE && qr_frame_type(w) != QR_FRAME_RESERVED)
		return "I2: a table entry points to a table";
	if (w && qr_frame_type(w) == QR_FRAME_TABLE && qr_frame_refs(w) != 1)
		return "I2: a table has one reference";
	if (!bare && (qr_entry_prot(f, e) & all) != all)
		return "I5: table entries grant everything";
	return check_below(p, qr_entry_frame(f, e), level - 1, ntables);
}

static const char *check_below(const struct qr_paging *p, qr_frame table, unsigned level,
			       uint32_t *ntables)
{
	const struct qr_format *f = p->format;
	struct qr_frame_word *w = qr_frame_lookup(p->frames, table);

	*ntables += w && qr_frame_type(w) == QR_FRAME_TABLE;
	for (unsigned i = 0; i < qr_format_entries(f, level); i++) {
		qr_entry e = qr_entry_read(f, qr_table_window(table), i);
		const char *rule = NULL;

		if (qr_entry_none(e))
			continue;
		if (!qr_entry_present(f, e))
			rule = "I1: an entry is absent or present";
		else if (qr_entry_is_table(f, e, level))
			rule = check_table(p, e, level, ntables);
		else
			rule = check_page(f, e, level);
		if (rule)
			return rule;
	}
	return NULL;
}

const char *qr_paging_check(struct qr_paging *p)
{
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);
	uint32_t ntables = 0;
	const char *rule = check_below(p, p->root, qr_format_top(p->format), &ntables);

	if (!rule && ntables != p->ntables)
		rule = "I4: ntables counts the tables of the tree";
	qr_lock_release_irq(&p->lock, irq);
	return rule;
}
