/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.h - what a page table looks like to the hardware.
 *
 * A table is one frame (or a part of one) full of entries; an entry is absent, or a token (not
 * present, but it says something), or it maps a page, or it points to the table of the next
 * level down.  Level 0 is the leaf table; an entry of level l spans 2^(12 + l * bits) bytes:
 *
 *	               two-level       PAE             4-level, 5-level
 *	entry          4 bytes         8 bytes         8 bytes
 *	level 4                                        [56:48] (5-level only)
 *	level 3                                        [47:39]
 *	level 2                        [31:30] root    [38:30] 1 GiB page
 *	level 1        [31:22] 4 MiB   [29:21] 2 MiB   [29:21] 2 MiB page
 *	level 0        [21:12]         [20:12]         [20:12]
 *
 * `struct qr_format` says that in numbers, and the inline functions below are all that knows
 * what an entry's bits mean.  Code above speaks of prot, cache, frames and tokens.
 *
 * A kernel has one format.  It defines QR_FORMAT as one of the initialisers of format_x86.h
 * (-DQR_FORMAT=QR_FORMAT_X86_64), and then every field but those marked `run time` is a
 * constant here: the tests and loops below fold away.  Without it, each function asks the
 * description that it is given, and one program can handle all four: that is how mm/ is tested.
 *
 * Changing entries.  The hardware sets `accessed` and `dirty` in present entries whenever it
 * likes, so a present entry is never simply stored over: clear, swap and change are exchanges,
 * and answer what was there in the end.  With one CPU they are plain: its own hardware does
 * nothing between two of its instructions.  PAE on a 32-bit machine writes in halves: the high
 * half first, then the low one with the present bit; to clear, the low one first.
 *
 * Tokens.  A non-present entry carries a type and a payload.  Bits 5 and 6 stay zero (some CPUs
 * set them by mistake), and the payload is stored inverted, so that the address which a
 * mispredicting CPU makes of it lies beyond RAM (L1TF).  What two-level has is 25 bits.
 *
 * Locking: the caller holds what guards the table.  Context: any.
 * Source: Intel SDM volume 3, chapter 4 (tables 4-4 to 4-20).
 */
#ifndef QUIRE_FORMAT_H
#define QUIRE_FORMAT_H

#include <quire/atomic.h>
#include <quire/host.h>
#include <quire/types.h>

#define QR_MAX_LEVELS 5

struct qr_format {
	const char *name;
	uint8_t levels;       /* tables on the way to a page: the root is level levels-1 */
	uint8_t bits;         /* index bits of a table */
	uint8_t top_bits;     /* index bits of the root */
	uint8_t entry_shift;  /* log2 of an entry's bytes: 2 or 3 */
	uint8_t address_bits; /* of a virtual address: run time */
	uint8_t large;        /* bit l: level l can map a large page: run time */
	bool levels_vary;     /* `levels` is known at run time only */
	bool bare_top;        /* the root's entries have no rights, and are latched (PAE) */
	uint8_t token_shift;  /* a token's payload: where it starts, */
	uint8_t token_bits;   /* how many bits it has */
	uint64_t present, write, user, pwt, pcd, accessed, dirty, page_size, global;
	uint64_t nx;      /* 0: every page can be executed: run time, when not always 0 */
	uint64_t address; /* the frame's bits */
	uint64_t soft;    /* bits that the hardware leaves to us in a present entry */
};

#include <quire/format_x86.h>

#ifdef QR_FORMAT
static const struct qr_format qr_format_fixed = QR_FORMAT;
#define QR_FIXED(f)        ((void)(f), &qr_format_fixed)
#define QR_FORMAT_IS_FIXED 1
#else
#define QR_FIXED(f)        (f)
#define QR_FORMAT_IS_FIXED 0
#endif

/* An entry of any format, as the hardware has it. */
typedef struct {
	uint64_t v;
} qr_entry;

#define QR_ENTRY_NONE ((qr_entry){ 0 })

/* How the CPU caches what it reads through an entry. */
enum qr_cache {
	QR_CACHE_WB = 0, /* memory */
	QR_CACHE_WC,     /* framebuffers: PAT entry 1, which the host sets to write-combining;
			    without PAT it means write-through, slower and as right */
	QR_CACHE_UC,     /* device registers */
};

/* What a non-present entry says. */
enum qr_token {
	QR_TOKEN_GUARD = 0,    /* no page will ever be here */
	QR_TOKEN_SWAP = 1,     /* payload: swap slot */
	QR_TOKEN_RESIDENT = 2, /* payload: frame; there, but without rights (PROT_NONE) */
	QR_TOKEN_IO = 3,       /* payload: frame; being read in */
};

/* ---- geometry ------------------------------------------------------------------------- */

QR_INLINE unsigned qr_format_levels(const struct qr_format *f)
{
	return QR_FIXED(f)->levels_vary ? f->levels : QR_FIXED(f)->levels;
}

QR_INLINE unsigned qr_format_top(const struct qr_format *f)
{
	return qr_format_levels(f) - 1;
}

/* Log2 of the pages that one entry of this level spans. */
QR_INLINE unsigned qr_format_order(const struct qr_format *f, unsigned level)
{
	return level * QR_FIXED(f)->bits;
}

QR_INLINE unsigned qr_format_shift(const struct qr_format *f, unsigned level)
{
	return QR_PAGE_SHIFT + qr_format_order(f, level);
}

/* Bytes that one entry of this level spans (64 bits: a root entry of 5-level is 256 TiB). */
QR_INLINE uint64_t qr_format_span(const struct qr_format *f, unsigned level)
{
	return 1ull << qr_format_shift(f, level);
}

/* Entries of a table of this level. */
QR_INLINE unsigned qr_format_entries(const struct qr_format *f, unsigned level)
{
	const struct qr_format *c = QR_FIXED(f);

	return c->bits != c->top_bits && level == qr_format_top(f) ? 1u << c->top_bits
								   : 1u << c->bits;
}

/* Which entry of a table of this level an address goes through.  (PAE's two-bit root needs no
 * mask of its own: there is nothing above bit 31.) */
QR_INLINE unsigned qr_format_index(const struct qr_format *f, qr_virt va, unsigned level)
{
	const unsigned shift = qr_format_shift(f, level), last = (1u << QR_FIXED(f)->bits) - 1;

	if (QR_FIXED(f)->address_bits == 32)
		return (uint32_t)va.v >> shift & last;
	return (unsigned)((uint64_t)va.v >> shift) & last;
}

QR_INLINE bool qr_format_can_be_large(const struct qr_format *f, unsigned level)
{
	return f->large >> level & 1;
}

/* Can the hardware translate this address at all?  (Canonical, on 64 bits.) */
QR_INLINE bool qr_format_valid(const struct qr_format *f, qr_virt va)
{
	unsigned unused = 64 - f->address_bits;

	if (QR_FIXED(f)->address_bits == 32)
		return (uint64_t)va.v >> 32 == 0;
	return (uint64_t)((int64_t)((uint64_t)va.v << unused) >> unused) == va.v;
}

/* ---- reading a table ------------------------------------------------------------------ */

QR_INLINE qr_entry qr_entry_of(uint64_t v)
{
	return (qr_entry){ v };
}

/* On a 32-bit machine an entry of 8 bytes is two words, the low one first. */
#define QR_ENTRY_IN_HALVES (sizeof(qr_word) == 4)

QR_INLINE qr_entry qr_entry_read(const struct qr_format *f, const void *table, unsigned i)
{
	const uint32_t *half = (const uint32_t *)table + 2 * i;
	uint32_t low, high;

	if (QR_FIXED(f)->entry_shift == 2)
		return qr_entry_of(qr_load32((const uint32_t *)table + i));
	if (!QR_ENTRY_IN_HALVES)
		return qr_entry_of(qr_load_word((const qr_word *)table + i));
	do {
		low = qr_load_acq32(half);
		high = qr_load_acq32(half + 1);
	} while (QR_MAX_CPUS > 1 && QR_RARELY(low != qr_load32(half)));
	return qr_entry_of((uint64_t)high << 32 | low);
}

/* The same, for who goes on to what it points to without a lock. */
QR_INLINE qr_entry qr_entry_read_acq(const struct qr_format *f, const void *table, unsigned i)
{
	if (QR_FIXED(f)->entry_shift == 2)
		return qr_entry_of(qr_load_acq32((const uint32_t *)table + i));
	if (!QR_ENTRY_IN_HALVES)
		return qr_entry_of(qr_load_acq_word((const qr_word *)table + i));
	return qr_entry_read(f, table, i);
}

/* ---- what an entry says --------------------------------------------------------------- */

QR_INLINE bool qr_entry_none(qr_entry e)
{
	return e.v == 0;
}

QR_INLINE bool qr_entry_present(const struct qr_format *f, qr_entry e)
{
	return e.v & QR_FIXED(f)->present;
}

/* Present, and maps a page (not a table)? */
QR_INLINE bool qr_entry_is_page(const struct qr_format *f, qr_entry e, unsigned level)
{
	return qr_entry_present(f, e) && (level == 0 || (e.v & QR_FIXED(f)->page_size));
}

QR_INLINE bool qr_entry_is_table(const struct qr_format *f, qr_entry e, unsigned level)
{
	return level != 0 && qr_entry_present(f, e) && !(e.v & QR_FIXED(f)->page_size);
}

/* The frame of a present entry: the page's first, or the table's. */
QR_INLINE qr_frame qr_entry_frame(const struct qr_format *f, qr_entry e)
{
	if (QR_FIXED(f)->entry_shift == 2)
		return qr_frame_of((uint32_t)e.v >> QR_PAGE_SHIFT);
	return qr_frame_of((uint32_t)((e.v & QR_FIXED(f)->address) >> QR_PAGE_SHIFT));
}

/* The first frame of a page of this level: a large page has a cache bit where 4 KiB pages have
 * address bits. */
QR_INLINE qr_frame qr_entry_page_frame(const struct qr_format *f, qr_entry e, unsigned level)
{
	return qr_frame_of(qr_entry_frame(f, e).v & ~((1u << qr_format_order(f, level)) - 1));
}

/* The rights of this entry alone; what holds is the least over all levels. */
QR_INLINE unsigned qr_entry_prot(const struct qr_format *f, qr_entry e)
{
	const struct qr_format *c = QR_FIXED(f);

	if (!(e.v & c->present))
		return QR_PROT_NONE;
	return QR_READ | (e.v & c->write ? QR_WRITE : 0) | (e.v & c->user ? QR_USER : 0) |
	       (c->nx && (e.v & c->nx) ? 0 : QR_EXEC);
}

QR_INLINE bool qr_entry_writable(const struct qr_format *f, qr_entry e)
{
	return e.v & QR_FIXED(f)->write;
}

QR_INLINE bool qr_entry_accessed(const struct qr_format *f, qr_entry e)
{
	return e.v & QR_FIXED(f)->accessed;
}

QR_INLINE bool qr_entry_dirty(const struct qr_format *f, qr_entry e)
{
	return e.v & QR_FIXED(f)->dirty;
}

QR_INLINE enum qr_cache qr_entry_cache(const struct qr_format *f, qr_entry e)
{
	return e.v & QR_FIXED(f)->pcd   ? QR_CACHE_UC
	       : e.v & QR_FIXED(f)->pwt ? QR_CACHE_WC
					: QR_CACHE_WB;
}

/* ---- making entries ------------------------------------------------------------------- */

/* The bits of a page's rights.  Without QR_READ, WRITE or EXEC: not present.  Kernel pages are
 * global: no switch of spaces forgets them. */
QR_INLINE uint64_t qr_prot_bits(const struct qr_format *f, unsigned prot)
{
	const struct qr_format *c = QR_FIXED(f);

	return (prot & (QR_READ | QR_WRITE | QR_EXEC) ? c->present : 0) |
	       (prot & QR_WRITE ? c->write : 0) | (prot & QR_USER ? c->user : c->global) |
	       (c->nx && !(prot & QR_EXEC) ? f->nx : 0);
}

/* All bits that qr_prot_bits may set: what a change of rights takes away first. */
QR_INLINE uint64_t qr_prot_mask(const struct qr_format *f)
{
	const struct qr_format *c = QR_FIXED(f);

	return c->present | c->write | c->user | c->global | (c->nx ? f->nx : 0);
}

QR_INLINE uint64_t qr_cache_bits(const struct qr_format *f, enum qr_cache cache)
{
	const struct qr_format *c = QR_FIXED(f);

	return cache == QR_CACHE_WB ? 0 : cache == QR_CACHE_WC ? c->pwt : c->pcd | c->pwt;
}

/* An entry that maps a page of this level, ordinary memory, not accessed yet. */
QR_INLINE qr_entry qr_entry_page(const struct qr_format *f, qr_frame first, unsigned prot,
				 unsigned level)
{
	return qr_entry_of((uint64_t)first.v << QR_PAGE_SHIFT | qr_prot_bits(f, prot) |
			   (level ? QR_FIXED(f)->page_size : 0));
}

/* Accessed (and dirty): whoever makes an entry because of an access knows it already, and the
 * hardware need not set it, which is a slow locked write. */
QR_INLINE qr_entry qr_entry_touched(const struct qr_format *f, qr_entry e, bool written)
{
	return qr_entry_of(e.v | QR_FIXED(f)->accessed | (written ? QR_FIXED(f)->dirty : 0));
}

QR_INLINE qr_entry qr_entry_read_only(const struct qr_format *f, qr_entry e)
{
	return qr_entry_of(e.v & ~QR_FIXED(f)->write);
}

/* An entry of a table of `level` that points to a table of level-1.  It grants everything; the
 * leaves decide.  `user`: user pages lie behind it. */
QR_INLINE qr_entry qr_entry_table(const struct qr_format *f, qr_frame table, unsigned level,
				  bool user)
{
	const struct qr_format *c = QR_FIXED(f);
	uint64_t where = (uint64_t)table.v << QR_PAGE_SHIFT;

	if (c->bare_top && level == qr_format_top(f))
		return qr_entry_of(where | c->present);
	return qr_entry_of(where | c->present | c->write | c->accessed | (user ? c->user : 0));
}

/* ---- tokens --------------------------------------------------------------------------- */

#define QR_TOKEN_TYPE_SHIFT 1
#define QR_TOKEN_TYPE_MASK  3u

/* The payloads are 0 .. qr_token_limit-1 (the last one would make a GUARD of it an absent
 * entry). */
QR_INLINE uint64_t qr_token_limit(const struct qr_format *f)
{
	return (1ull << QR_FIXED(f)->token_bits) - 1;
}

QR_INLINE qr_entry qr_entry_token(const struct qr_format *f, enum qr_token type, uint64_t payload)
{
	const struct qr_format *c = QR_FIXED(f);

	QR_ASSERT_DEBUG(payload < qr_token_limit(f), "a token's payload fits the format");
	return qr_entry_of((qr_token_limit(f) ^ payload) << c->token_shift |
			   (uint64_t)type << QR_TOKEN_TYPE_SHIFT);
}

QR_INLINE bool qr_entry_is_token(const struct qr_format *f, qr_entry e)
{
	return e.v && !(e.v & QR_FIXED(f)->present);
}

QR_INLINE enum qr_token qr_token_type(const struct qr_format *f, qr_entry e)
{
	(void)f;
	return (enum qr_token)((uint32_t)e.v >> QR_TOKEN_TYPE_SHIFT & QR_TOKEN_TYPE_MASK);
}

QR_INLINE uint64_t qr_token_payload(const struct qr_format *f, qr_entry e)
{
	return (e.v >> QR_FIXED(f)->token_shift & qr_token_limit(f)) ^ qr_token_limit(f);
}

/* ---- changing a table ----------------------------------------------------------------- */

/* With one CPU nothing happens between two of our instructions, and a plain read and write are
 * as good as an exchange. */
#if QR_MAX_CPUS > 1
#define QR_ENTRY_XCHG(suffix, p, v) qr_xchg##suffix(p, v)
#else
#define QR_ENTRY_XCHG(suffix, p, v)           \
	({                                    \
		__auto_type old_ = *(p);      \
		qr_store_rel##suffix(p, (v)); \
		old_;                         \
	})
#endif

/* Store an entry where none was present: the grant needs no flush. */
QR_INLINE void qr_entry_set(const struct qr_format *f, void *table, unsigned i, qr_entry e)
{
	uint32_t *half = (uint32_t *)table + 2 * i;

	if (QR_FIXED(f)->entry_shift == 2) {
		qr_store_rel32((uint32_t *)table + i, (uint32_t)e.v);
	} else if (!QR_ENTRY_IN_HALVES) {
		qr_store_rel_word((qr_word *)table + i, (qr_word)e.v);
	} else {
		qr_store32(half + 1, (uint32_t)(e.v >> 32));
		qr_store_rel32(half, (uint32_t)e.v);
	}
}

/* Put e in the place of whatever was there; answers that, with its last accessed and dirty. */
QR_INLINE qr_entry qr_entry_swap(const struct qr_format *f, void *table, unsigned i, qr_entry e)
{
	uint32_t *half = (uint32_t *)table + 2 * i;
	uint32_t low, high;

	if (QR_FIXED(f)->entry_shift == 2)
		return qr_entry_of(QR_ENTRY_XCHG(32, (uint32_t *)table + i, (uint32_t)e.v));
	if (!QR_ENTRY_IN_HALVES)
		return qr_entry_of(QR_ENTRY_XCHG(_word, (qr_word *)table + i, (qr_word)e.v));
	low = QR_ENTRY_XCHG(32, half, 0);
	high = QR_ENTRY_XCHG(32, half + 1, (uint32_t)(e.v >> 32));
	if ((uint32_t)e.v)
		qr_store_rel32(half, (uint32_t)e.v);
	return qr_entry_of((uint64_t)high << 32 | low);
}

/* Make the entry absent; answers what it was. */
QR_INLINE qr_entry qr_entry_clear(const struct qr_format *f, void *table, unsigned i)
{
	return qr_entry_swap(f, table, i, QR_ENTRY_NONE);
}

/* Take the bits `off` from a present entry and give it `on`; answers what it was.  What the
 * hardware sets in the meantime is kept. */
QR_INLINE qr_entry qr_entry_change(const struct qr_format *f, void *table, unsigned i, uint64_t off,
				   uint64_t on)
{
	uint32_t *half = (uint32_t *)table + 2 * i;
	uint32_t low, high;
	qr_word old;

	if (QR_MAX_CPUS == 1) {
		qr_entry e = qr_entry_read(f, table, i);

		qr_entry_set(f, table, i, qr_entry_of((e.v & ~off) | on));
		return e;
	}
	if (QR_FIXED(f)->entry_shift == 2) {
		low = qr_load32((uint32_t *)table + i);
		while (
		    !qr_cas32((uint32_t *)table + i, &low, (low & ~(uint32_t)off) | (uint32_t)on))
			;
		return qr_entry_of(low);
	}
	if (!QR_ENTRY_IN_HALVES) {
		old = qr_load_word((qr_word *)table + i);
		while (
		    !qr_cas_word((qr_word *)table + i, &old, (old & ~(qr_word)off) | (qr_word)on))
			;
		return qr_entry_of(old);
	}
	/* Absent for a moment if the high half changes: at worst somebody faults for nothing. */
	high = qr_load32(half + 1);
	low = qr_load32(half);
	if ((off | on) >> 32) {
		low = qr_xchg32(half, 0);
		qr_store32(half + 1, (high & ~(uint32_t)(off >> 32)) | (uint32_t)(on >> 32));
		qr_store_rel32(half, (low & ~(uint32_t)off) | (uint32_t)on);
	} else {
		while (!qr_cas32(half, &low, (low & ~(uint32_t)off) | (uint32_t)on))
			;
	}
	return qr_entry_of((uint64_t)high << 32 | low);
}

#endif
