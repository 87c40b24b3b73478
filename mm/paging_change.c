/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging_change.c - unmapping, and changing rights.
 *
 * A change of a part of a large page first splits it: a table with the same translations takes
 * its place in one exchange.  (Going through `absent` is not possible where the kernel itself
 * runs on the page; and while CPUs remember the one or the other, both are right.)  Only the
 * large pages at the two ends of a range are ever split, at most one table per level each.
 *
 * The flush must not happen under the lock, since it waits for other CPUs, which may be waiting
 * for the lock with interrupts off.  So unmap works in pieces of what a gather holds.
 */
#include "mm/paging.h"

/* ---- splitting ------------------------------------------------------------------------------ */

/* Tables that make a page boundary of `v`: one for each level at which it lies inside a page. */
static unsigned splits_at(const struct qr_paging *p, qr_vpn v)
{
	const struct qr_format *f = p->format;
	struct qr_spot s;
	unsigned n = 0;

	qr_paging_find(p, v, &s);
	if (!qr_entry_present(f, s.entry))
		return 0;
	while (s.level - n > 0 && !qr_span_aligned(f, v, s.level - n))
		n++;
	return n;
}

/* A large page becomes a table of the next size; s goes down to v's entry in it. */
static void split(struct qr_paging *p, qr_vpn v, struct qr_spot *s, struct qr_table_stock *stock)
{
	const struct qr_format *f = p->format;
	qr_frame table = qr_stock_take(stock);
	void *window = qr_table_window(table);
	unsigned below = s->level - 1;
	uint64_t frame = qr_entry_page_frame(f, s->entry, s->level).v;
	uint64_t bits = s->entry.v & ~QR_FIXED(f)->address;

	if (below == 0)
		bits &= ~QR_FIXED(f)->page_size;
	for (unsigned i = 0; i < qr_format_entries(f, below); i++)
		qr_entry_set(f, window, i,
			     qr_entry_of((frame + i * qr_span_pages(f, below)) << QR_PAGE_SHIFT |
					 bits));
	qr_entry_swap(f, s->table, s->index, qr_entry_table(f, table, s->level, true));
	p->ntables++;
	s->table = window;
	s->level = below;
	s->index = qr_format_index(f, qr_vpn_virt(v), below);
	s->entry = qr_entry_read(f, window, s->index);
}

static void split_at(struct qr_paging *p, qr_vpn v, struct qr_table_stock *stock,
		     struct qr_gather *g)
{
	const struct qr_format *f = p->format;
	struct qr_spot s;

	qr_paging_find(p, v, &s);
	if (!qr_entry_present(f, s.entry) || qr_span_aligned(f, v, s.level))
		return;
	qr_gather_page(g, qr_vpn_virt(v));
	while (!qr_span_aligned(f, v, s.level))
		split(p, v, &s, stock);
}

/* ---- look: unmap, protect -------------------------------------------------------------------- */

/* `all`: every page must be there.  A sealed root's own pages stay as they are. */
static struct qr_need look_change(const struct qr_paging *p, qr_vpn v, qr_vpn end, bool all)
{
	const struct qr_format *f = p->format;
	struct qr_need need = { QR_OK, splits_at(p, v) + splits_at(p, end) };
	struct qr_spot s;

	for (qr_paging_find(p, v, &s); v < end; qr_paging_step(p, v, &s)) {
		bool present = qr_entry_present(f, s.entry);

		if (all && !present)
			return (struct qr_need){ QR_NOENT, 0 };
		if (present && p->sealed && s.level == qr_format_top(f))
			return (struct qr_need){ QR_LIMIT, 0 };
		v = qr_span_end(f, v, s.level);
		if (v >= end)
			break;
	}
	return need;
}

/* Take the lock with enough tables in stock to make the change; on an error it is not held. */
static enum qr_err lock_for_change(struct qr_paging *p, qr_vpn v, qr_vpn end, bool all,
				   struct qr_table_stock *stock, uintptr_t *irq)
{
	for (;;) {
		struct qr_need need;
		enum qr_err err;

		*irq = qr_lock_acquire_irq(&p->lock);
		need = look_change(p, v, end, all);
		if (need.err == QR_OK && need.ntables <= stock->n)
			return QR_OK;
		qr_lock_release_irq(&p->lock, *irq);
		err = need.err != QR_OK ? need.err : qr_stock_fill(stock, need.ntables);
		if (err != QR_OK)
			return err;
	}
}

/* ---- commit: unmap --------------------------------------------------------------------------- */

/* Frames of a large page that lose their reference after the flush. */
struct block {
	uint32_t first, n;
};

/* Clear entries from v on, until `end` or until the gather wants to be flushed; answers how far
 * it came.  Only whole pages lie in the range. */
static qr_vpn unmap_some(struct qr_paging *p, qr_vpn v, qr_vpn end, bool put, struct qr_gather *g,
			 struct block *big)
{
	const struct qr_format *f = p->format;
	struct qr_spot s;

	for (qr_paging_find(p, v, &s);; qr_paging_step(p, v, &s)) {
		qr_vpn next = qr_span_end(f, v, s.level);

		if (qr_entry_present(f, s.entry)) {
			qr_frame frame = qr_entry_page_frame(f, s.entry, s.level);

			qr_entry_clear(f, s.table, s.index);
			qr_gather_page(g, qr_vpn_virt(v));
			if (put && s.level)
				*big = (struct block){ frame.v, (uint32_t)(next - v) };
			else if (put)
				qr_gather_frame(g, frame);
		}
		v = next < end ? next : end;
		if (v == end || big->n || g->nframes == QR_GATHER_FRAMES - 1)
			return v;
	}
}

static enum qr_err unmap(struct qr_paging *p, qr_virt at, size_t npages, bool put)
{
	enum qr_err err = qr_paging_range(p->format, at, npages);
	qr_vpn v = qr_vpn_of(at), end = v + npages;
	struct qr_table_stock stock;
	struct qr_gather g;
	uintptr_t irq;

	if (err != QR_OK)
		return err;
	qr_stock_init(&stock, p->frames);
	err = lock_for_change(p, v, end, false, &stock, &irq);
	if (err == QR_OK) {
		qr_gather_init(&g, p->tlb, p->frames);
		split_at(p, v, &stock, &g);
		split_at(p, end, &stock, &g);
		for (;;) {
			struct block big = { 0, 0 };

			v = unmap_some(p, v, end, put, &g, &big);
			qr_lock_release_irq(&p->lock, irq);
			qr_gather_flush(&g);
			while (big.n)
				qr_frame_put(p->frames, qr_frame_of(big.first + --big.n));
			if (v == end)
				break;
			irq = qr_lock_acquire_irq(&p->lock);
		}
	}
	qr_stock_fini(&stock);
	return err;
}

enum qr_err qr_paging_unmap(struct qr_paging *p, qr_virt at, size_t npages)
{
	return unmap(p, at, npages, false);
}

enum qr_err qr_paging_unmap_put(struct qr_paging *p, qr_virt at, size_t npages)
{
	return unmap(p, at, npages, true);
}

/* ---- commit: protect -------------------------------------------------------------------------- */

static void commit_protect(struct qr_paging *p, qr_vpn v, qr_vpn end, unsigned prot,
			   struct qr_gather *g)
{
	const struct qr_format *f = p->format;
	uint64_t bits = qr_prot_bits(f, prot), mask = qr_prot_mask(f);
	struct qr_spot s;

	for (qr_paging_find(p, v, &s); v < end; qr_paging_step(p, v, &s)) {
		qr_entry_change(f, s.table, s.index, mask & ~bits, bits);
		qr_gather_page(g, qr_vpn_virt(v));
		v = qr_span_end(f, v, s.level);
		if (v == end)
			break;
	}
}

/* Grants are flushed as well: a kernel does not expect to fault on its own pages, not even for
 * nothing. */
enum qr_err qr_paging_protect(struct qr_paging *p, qr_virt at, size_t npages, unsigned prot)
{
	enum qr_err err = qr_paging_range(p->format, at, npages);
	qr_vpn v = qr_vpn_of(at), end = v + npages;
	struct qr_table_stock stock;
	struct qr_gather g;
	uintptr_t irq;

	if (err != QR_OK)
		return err;
	if (!(prot & (QR_READ | QR_WRITE | QR_EXEC)))
		return QR_INVAL;
	qr_stock_init(&stock, p->frames);
	err = lock_for_change(p, v, end, true, &stock, &irq);
	if (err == QR_OK) {
		qr_gather_init(&g, p->tlb, p->frames);
		split_at(p, v, &stock, &g);
		split_at(p, end, &stock, &g);
		commit_protect(p, v, end, prot, &g);
		qr_lock_release_irq(&p->lock, irq);
		qr_gather_flush(&g);
	}
	qr_stock_fini(&stock);
	return err;
}
