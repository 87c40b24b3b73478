/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mm/paging.h - what the files of paging share: positions in a tree, and spare tables.
 *
 * Addresses are page numbers here (vpn = address / 4096, 52 bits): the page behind the last one
 * can be named, and an end needs no care for wrapping.
 */
#ifndef MM_PAGING_H
#define MM_PAGING_H

#include <quire/paging.h>

typedef uint64_t qr_vpn;

/* An entry on the way to a page: where the descent ended. */
struct qr_spot {
	void *table;
	unsigned index, level;
	qr_entry entry;
};

/* What looking before a change found out. */
struct qr_need {
	enum qr_err err;
	unsigned ntables;
};

/* Spare tables, all absent, chained through the links of their frame words.  What a change
 * will need is counted under the lock, but allocated without it: an allocation may call the
 * layers above for memory, and they may call us. */
struct qr_table_stock {
	struct qr_frames *frames;
	qr_frame head;
	unsigned n;
};

QR_INLINE qr_vpn qr_vpn_of(qr_virt va)
{
	return (uint64_t)va.v >> QR_PAGE_SHIFT;
}

QR_INLINE qr_virt qr_vpn_virt(qr_vpn v)
{
	return qr_virt_of((uintptr_t)(v << QR_PAGE_SHIFT));
}

/* Pages that an entry of this level spans. */
QR_INLINE uint64_t qr_span_pages(const struct qr_format *f, unsigned level)
{
	return 1ull << qr_format_order(f, level);
}

QR_INLINE bool qr_span_aligned(const struct qr_format *f, qr_vpn v, unsigned level)
{
	return !(v & (qr_span_pages(f, level) - 1));
}

/* The first page behind the entry of this level through which v goes. */
QR_INLINE qr_vpn qr_span_end(const struct qr_format *f, qr_vpn v, unsigned level)
{
	return (v | (qr_span_pages(f, level) - 1)) + 1;
}

/* The page numbers that exist: [0, low) and [high, end); low = high where there is no hole. */
struct qr_vpn_bounds {
	qr_vpn low, high, end;
};

struct qr_vpn_bounds qr_vpn_bounds(const struct qr_format *f);

/* Is [at, at + npages) a range that the hardware can translate?  QR_INVAL. */
enum qr_err qr_paging_range(const struct qr_format *f, qr_virt at, size_t npages);

/* Go down from the root until an entry of v is not a table. */
void qr_paging_find(const struct qr_paging *p, qr_vpn v, struct qr_spot *s);

/* The spot of a page behind that of s (which found v's), as cheap as it can be: within a leaf
 * table it is the next entry. */
QR_INLINE void qr_paging_step(const struct qr_paging *p, qr_vpn v, struct qr_spot *s)
{
	if (s->level == 0 && !qr_span_aligned(p->format, v, 1))
		s->entry = qr_entry_read(p->format, s->table, ++s->index);
	else
		qr_paging_find(p, v, s);
}

QR_INLINE void qr_stock_init(struct qr_table_stock *s, struct qr_frames *frames)
{
	*s = (struct qr_table_stock){ .frames = frames };
}

/* Have at least n.  QR_NOMEM: has what it had. */
enum qr_err qr_stock_fill(struct qr_table_stock *s, unsigned n);
qr_frame qr_stock_take(struct qr_table_stock *s);
void qr_stock_fini(struct qr_table_stock *s);

/* Hang an empty table below s, which is absent, and go to v's entry in it. */
void qr_paging_grow(struct qr_paging *p, qr_vpn v, struct qr_spot *s, struct qr_table_stock *stock);

#endif
