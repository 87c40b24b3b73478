/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging.c - mapping by hand, and the steps of every change.
 *
 * Every change goes through the same steps, so that it happens whole or not at all:
 *
 *	look	  under the lock: may it be done, and how many tables does it need?
 *	stock	  with the lock released: get them (or QR_NOMEM; nothing has changed)
 *	look	  again, because others could change the tree meanwhile; until it suffices
 *	commit	  under the same lock: write entries; there is no way to fail
 *	flush	  with the lock released: CPUs forget, frames go
 *
 * Here: map and reserve.  paging_change.c: unmap and protect.  paging_tables.c: the tables.
 * paging_look.c: dumps and checks.
 *
 * Cost: map and unmap go down the tree once per table and then from entry to entry, twice (look
 * and commit): about 25 instructions a page.
 *
 * Invariants (qr_paging_check):
 * I1  An entry is absent or present; tokens are for spaces.
 * I2  A table entry points to a frame of type TABLE with one reference, or to a table of boot's.
 * I3  Large pages are at levels where the format has them, and aligned.
 * I4  ntables counts the TABLE frames of the tree.
 * I5  Table entries grant everything: a page's own entry decides.
 */
#include "mm/paging.h"

/* ---- look: map ----------------------------------------------------------------------------- */

static uint64_t target_of(const struct qr_paging_map *req, qr_vpn v)
{
	return (req->to.v >> QR_PAGE_SHIFT) + (v - qr_vpn_of(req->at));
}

/* May one entry of this level map [v, ...) of the request up to `end`? */
static bool large_fits(const struct qr_format *f, const struct qr_paging_map *req, qr_vpn v,
		       qr_vpn end, unsigned level)
{
	return req->large && !req->frames && qr_format_can_be_large(f, level) &&
	       qr_span_aligned(f, v, level) && end - v >= qr_span_pages(f, level) &&
	       qr_span_aligned(f, target_of(req, v), level);
}

/* Tables for [v, end), which lies within one absent entry of this level; counting stops above
 * `most`, which is more than there is. */
static unsigned tables_below(const struct qr_format *f, const struct qr_paging_map *req, qr_vpn v,
			     qr_vpn end, unsigned level, unsigned most)
{
	unsigned n = 1;

	if (level == 0 || large_fits(f, req, v, end, level))
		return 0;
	while (level > 1 && v < end && n <= most) {
		qr_vpn next = qr_span_end(f, v, level - 1);

		next = next < end ? next : end;
		n += tables_below(f, req, v, next, level - 1, most);
		v = next;
	}
	return n;
}

static struct qr_need look_map(const struct qr_paging *p, const struct qr_paging_map *req)
{
	const struct qr_format *f = p->format;
	qr_vpn v = qr_vpn_of(req->at), end = v + req->npages;
	struct qr_need need = { QR_OK, 0 };
	struct qr_spot s;

	for (qr_paging_find(p, v, &s);; qr_paging_step(p, v, &s)) {
		qr_vpn next = qr_span_end(f, v, s.level);

		next = next < end ? next : end;
		if (!qr_entry_none(s.entry))
			return (struct qr_need){ QR_EXISTS, 0 };
		if (p->sealed && s.level == qr_format_top(f))
			return (struct qr_need){ QR_LIMIT, 0 };
		need.ntables += tables_below(f, req, v, next, s.level, p->frames->nframes);
		if (need.ntables > p->frames->nframes)
			return (struct qr_need){ QR_NOMEM, 0 };
		if (next == end)
			return need;
		v = next;
	}
}

static enum qr_err check_map(const struct qr_paging *p, const struct qr_paging_map *req)
{
	enum qr_err err = qr_paging_range(p->format, req->at, req->npages);
	uint64_t most = p->format->address >> QR_PAGE_SHIFT;

	if (err != QR_OK)
		return err;
	if (!(req->prot & (QR_READ | QR_WRITE | QR_EXEC)) || req->cache > QR_CACHE_UC)
		return QR_INVAL;
	/* A frame number has 32 bits, an entry as many as its format has. */
	most = (most < UINT32_MAX ? most : UINT32_MAX) + 1;
	if (req->frames) {
		for (size_t i = 0; i < req->npages; i++)
			if (req->frames[i].v >= most)
				return QR_INVAL;
		return QR_OK;
	}
	if (req->to.v & QR_PAGE_MASK || req->to.v >> QR_PAGE_SHIFT >= most ||
	    req->npages > most - (req->to.v >> QR_PAGE_SHIFT))
		return QR_INVAL;
	return QR_OK;
}

/* ---- commit: map --------------------------------------------------------------------------- */

static void put_page(struct qr_paging *p, const struct qr_paging_map *req, qr_vpn v,
		     const struct qr_spot *s)
{
	const struct qr_format *f = p->format;
	qr_frame frame = req->frames ? req->frames[v - qr_vpn_of(req->at)]
				     : qr_frame_of((uint32_t)target_of(req, v));
	qr_entry e = qr_entry_page(f, frame, req->prot, s->level);

	/* Nobody asks whether the kernel's own pages were used: spare the CPU the marking. */
	if (!(req->prot & QR_USER))
		e = qr_entry_touched(f, e, req->prot & QR_WRITE);
	e.v |= qr_cache_bits(f, req->cache);
	qr_entry_set(f, s->table, s->index, e);
}

static void commit_map(struct qr_paging *p, const struct qr_paging_map *req,
		       struct qr_table_stock *stock)
{
	const struct qr_format *f = p->format;
	qr_vpn v = qr_vpn_of(req->at), end = v + req->npages;
	struct qr_spot s;

	for (qr_paging_find(p, v, &s);; qr_paging_step(p, v, &s)) {
		while (s.level > 0 && !large_fits(f, req, v, end, s.level))
			qr_paging_grow(p, v, &s, stock);
		put_page(p, req, v, &s);
		v += qr_span_pages(f, s.level);
		if (v == end)
			return;
	}
}

enum qr_err qr_paging_map(struct qr_paging *p, const struct qr_paging_map *req)
{
	enum qr_err err = check_map(p, req);
	struct qr_table_stock stock;

	if (err != QR_OK)
		return err;
	qr_stock_init(&stock, p->frames);
	for (;;) {
		uintptr_t irq = qr_lock_acquire_irq(&p->lock);
		struct qr_need need = look_map(p, req);

		if (need.err == QR_OK && need.ntables <= stock.n) {
			commit_map(p, req, &stock);
			qr_lock_release_irq(&p->lock, irq);
			break;
		}
		qr_lock_release_irq(&p->lock, irq);
		err = need.err != QR_OK ? need.err : qr_stock_fill(&stock, need.ntables);
		if (err != QR_OK)
			break;
	}
	qr_stock_fini(&stock);
	return err;
}

/* ---- the root's own entries ------------------------------------------------------------- */

/* Visit the absent root entries of [v, end): count them, or hang tables from the stock there. */
static unsigned root_holes(struct qr_paging *p, qr_vpn v, qr_vpn end, struct qr_table_stock *stock)
{
	const struct qr_format *f = p->format;
	unsigned top = qr_format_top(f), n = 0;
	struct qr_spot s;

	for (; v < end; v = qr_span_end(f, v, top)) {
		qr_paging_find(p, v, &s);
		if (s.level != top || !qr_entry_none(s.entry))
			continue;
		n++;
		if (stock)
			qr_paging_grow(p, v, &s, stock);
	}
	return n;
}

enum qr_err qr_paging_reserve(struct qr_paging *p, qr_virt at, size_t npages)
{
	enum qr_err err = qr_paging_range(p->format, at, npages);
	qr_vpn v = qr_vpn_of(at), end = v + npages;
	struct qr_table_stock stock;
	bool done = false;

	qr_stock_init(&stock, p->frames);
	while (err == QR_OK && !done) {
		uintptr_t irq = qr_lock_acquire_irq(&p->lock);
		unsigned n = root_holes(p, v, end, NULL);

		done = n <= stock.n && !(n && p->sealed);
		if (done)
			root_holes(p, v, end, &stock);
		qr_lock_release_irq(&p->lock, irq);
		if (!done)
			err = p->sealed ? QR_LIMIT : qr_stock_fill(&stock, n);
	}
	qr_stock_fini(&stock);
	return err;
}
