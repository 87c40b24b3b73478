/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging_tables.c - the tables of a tree: finding, making, freeing.
 */
#include "mm/paging.h"

struct qr_vpn_bounds qr_vpn_bounds(const struct qr_format *f)
{
	qr_vpn end = (UINTPTR_MAX >> QR_PAGE_SHIFT) + 1ull;
	qr_vpn half = 1ull << (f->address_bits - 1 - QR_PAGE_SHIFT);

	if (f->address_bits == 32)
		return (struct qr_vpn_bounds){ 2 * half, 2 * half, 2 * half };
	if (end <= half) /* a 64-bit format managed by a 32-bit program: the part it can name */
		return (struct qr_vpn_bounds){ end, end, end };
	return (struct qr_vpn_bounds){ half, end - half, end };
}

enum qr_err qr_paging_range(const struct qr_format *f, qr_virt at, size_t npages)
{
	struct qr_vpn_bounds b = qr_vpn_bounds(f);
	qr_vpn first = qr_vpn_of(at);

	if (at.v & QR_PAGE_MASK || npages == 0)
		return QR_INVAL;
	if (first < b.low)
		return npages <= b.low - first ? QR_OK : QR_INVAL;
	return first >= b.high && first < b.end && npages <= b.end - first ? QR_OK : QR_INVAL;
}

void qr_paging_find(const struct qr_paging *p, qr_vpn v, struct qr_spot *s)
{
	const struct qr_format *f = p->format;
	qr_virt va = qr_vpn_virt(v);
	qr_frame table = p->root;
	unsigned level = qr_format_top(f);

	for (;; level--) {
		s->table = qr_table_window(table);
		s->index = qr_format_index(f, va, level);
		s->entry = qr_entry_read(f, s->table, s->index);
		if (!qr_entry_is_table(f, s->entry, level))
			break;
		table = qr_entry_frame(f, s->entry);
	}
	s->level = level;
}

void qr_paging_grow(struct qr_paging *p, qr_vpn v, struct qr_spot *s, struct qr_table_stock *stock)
{
	const struct qr_format *f = p->format;
	qr_frame table = qr_stock_take(stock);

	qr_entry_set(f, s->table, s->index, qr_entry_table(f, table, s->level, true));
	p->ntables++;
	s->table = qr_table_window(table);
	s->level--;
	s->index = qr_format_index(f, qr_vpn_virt(v), s->level);
	s->entry = QR_ENTRY_NONE;
}

void qr_table_copy(const struct qr_format *f, qr_frame to, qr_frame from, unsigned first,
		   unsigned end)
{
	void *dst = qr_table_window(to);
	const void *src = qr_table_window(from);

	for (unsigned i = first; i < end; i++)
		qr_entry_set(f, dst, i, qr_entry_read(f, src, i));
}

/* ---- stock ------------------------------------------------------------------------------ */

enum qr_err qr_stock_fill(struct qr_table_stock *s, unsigned n)
{
	while (s->n < n) {
		qr_frame table;
		enum qr_err err = qr_table_alloc(s->frames, &table);

		if (err != QR_OK)
			return err;
		qr_frame_word(s->frames, table)->link = s->head.v;
		s->head = table;
		s->n++;
	}
	return QR_OK;
}

qr_frame qr_stock_take(struct qr_table_stock *s)
{
	qr_frame table = s->head;
	struct qr_frame_word *w = qr_frame_word(s->frames, table);

	QR_ASSERT(s->n, "a change takes no more tables than it counted");
	s->head = qr_frame_of(w->link);
	s->n--;
	w->link = 0;
	return table;
}

void qr_stock_fini(struct qr_table_stock *s)
{
	while (s->n)
		qr_table_free(s->frames, qr_stock_take(s));
}

/* ---- init and fini ------------------------------------------------------------------------ */

/* Tables that came from frames are ours to free; those that boot laid out are not. */
static bool from_frames(const struct qr_paging *p, qr_frame table)
{
	struct qr_frame_word *w = qr_frame_lookup(p->frames, table);

	return w && qr_frame_type(w) == QR_FRAME_TABLE;
}

static uint32_t count_tables(const struct qr_paging *p, qr_frame table, unsigned level)
{
	const struct qr_format *f = p->format;
	uint32_t n = from_frames(p, table);

	for (unsigned i = 0; level && i < qr_format_entries(f, level); i++) {
		qr_entry e = qr_entry_read(f, qr_table_window(table), i);

		if (qr_entry_is_table(f, e, level))
			n += count_tables(p, qr_entry_frame(f, e), level - 1);
	}
	return n;
}

/* A new root.  Where the CPU keeps the root's entries (PAE), all of them exist from now on. */
static enum qr_err make_root(struct qr_paging *p)
{
	const struct qr_format *f = p->format;
	unsigned top = qr_format_top(f);
	unsigned nchildren = f->bare_top ? qr_format_entries(f, top) : 0;
	struct qr_table_stock stock;
	enum qr_err err;

	qr_stock_init(&stock, p->frames);
	err = qr_stock_fill(&stock, 1 + nchildren);
	if (err != QR_OK) {
		qr_stock_fini(&stock);
		return err;
	}
	p->root = qr_stock_take(&stock);
	for (unsigned i = 0; i < nchildren; i++)
		qr_entry_set(f, qr_table_window(p->root), i,
			     qr_entry_table(f, qr_stock_take(&stock), top, true));
	p->ntables = 1 + nchildren;
	return QR_OK;
}

enum qr_err qr_paging_init(struct qr_paging *p, const struct qr_paging_config *c)
{
	struct qr_paging new = {
		.format = c->format, .frames = c->frames, .tlb = c->tlb, .root = c->root
	};
	enum qr_err err = QR_OK;

	qr_lock_init(&new.lock, QR_RANK_TABLE);
	if (c->adopt)
		new.ntables = count_tables(&new, new.root, qr_format_top(c->format));
	else
		err = make_root(&new);
	if (err == QR_OK)
		*p = new;
	return err;
}

static void free_tables(struct qr_paging *p, qr_frame table, unsigned level)
{
	const struct qr_format *f = p->format;

	for (unsigned i = 0; level && i < qr_format_entries(f, level); i++) {
		qr_entry e = qr_entry_read(f, qr_table_window(table), i);

		if (qr_entry_is_table(f, e, level))
			free_tables(p, qr_entry_frame(f, e), level - 1);
	}
	if (from_frames(p, table)) {
		qr_table_free(p->frames, table);
		p->ntables--;
	}
}

void qr_paging_fini(struct qr_paging *p)
{
	free_tables(p, p->root, qr_format_top(p->format));
	QR_ASSERT(p->ntables == 0, "a tree frees exactly the tables that it took");
}

void qr_paging_seal(struct qr_paging *p)
{
	p->sealed = true;
}

/* ---- trim --------------------------------------------------------------------------------- */

/* Unlink the empty tables below `table`, as many as the gather takes; true if `table` itself
 * holds nothing afterwards. */
static bool trim_below(struct qr_paging *p, qr_frame table, unsigned level, qr_vpn v,
		       struct qr_gather *g)
{
	const struct qr_format *f = p->format;
	bool keep_children = level == qr_format_top(f) && (p->sealed || f->bare_top);
	void *window = qr_table_window(table);
	bool empty = true;

	for (unsigned i = 0; i < qr_format_entries(f, level); i++) {
		qr_entry e = qr_entry_read(f, window, i);
		qr_vpn at = v + i * qr_span_pages(f, level);

		if (qr_entry_none(e))
			continue;
		if (!qr_entry_is_table(f, e, level) ||
		    !trim_below(p, qr_entry_frame(f, e), level - 1, at, g) || keep_children ||
		    !from_frames(p, qr_entry_frame(f, e)) || g->nframes == QR_GATHER_FRAMES - 1) {
			empty = false;
			continue;
		}
		qr_entry_clear(f, window, i);
		qr_gather_table(g, qr_vpn_virt(at), qr_entry_frame(f, e));
		p->ntables--;
	}
	return empty;
}

void qr_paging_trim(struct qr_paging *p)
{
	struct qr_gather g;
	bool more;

	do {
		uintptr_t irq = qr_lock_acquire_irq(&p->lock);

		qr_gather_init(&g, p->tlb, p->frames);
		/* A root index says nothing of an address's sign, and a flush for a table needs
		 * none: everything is forgotten. */
		trim_below(p, p->root, qr_format_top(p->format), 0, &g);
		if (g.nframes)
			qr_gather_all(&g);
		more = g.nframes == QR_GATHER_FRAMES - 1;
		qr_lock_release_irq(&p->lock, irq);
		qr_gather_flush(&g);
	} while (more);
}
