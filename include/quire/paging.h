/* SPDX-License-Identifier: BSD-2-Clause
 *
 * paging.h - page tables, mapped by hand: the kernel's own mappings.
 *
 * Tier 2 of the library.  A `struct qr_paging` is one tree of tables in any of the formats of
 * format.h.  Kernels use it for what they map themselves: their image, all of RAM, device
 * registers, stacks between guard pages, and memory that is contiguous only virtually.  What user
 * processes see is a struct qr_space (space.h), which shares the tables but keeps books about
 * what each address was promised to be; here an address is mapped or it is not.
 *
 *	map       pages onto frames, consecutive or listed; nothing may be there yet
 *	unmap     holes are fine; the frames stay the caller's, or lose a reference
 *	protect   every page must be there
 *	query, next, trace      look: for dumps, for debuggers, for panics
 *
 * Each of the three changes happens whole or not at all: first look, then make the tables that
 * are missing, then write entries, with no way to fail.  Large pages are used where both
 * addresses are aligned to them and the request allows it, and split when a change concerns a
 * part of one.
 *
 * Tables that became empty stay for the next mapping; qr_paging_trim gives them back.
 *
 * The kernel half of all address spaces is the same because all roots hold the same entries for
 * it.  So those entries must not change once there is a second root: qr_paging_reserve makes
 * the tables for the ranges that the kernel will use later, and qr_paging_seal promises that the
 * root stays as it is.
 *
 * Locking: one lock per tree, taken with interrupts off; a flush happens after it is released,
 * so other CPUs may wait for it with interrupts off.  Context: any, interrupts included, except
 * where other CPUs must be waited for (see tlb.h).
 */
#ifndef QUIRE_PAGING_H
#define QUIRE_PAGING_H

#include <quire/format.h>
#include <quire/frames.h>
#include <quire/lock.h>
#include <quire/tlb.h>
#include <quire/types.h>

struct qr_paging {
	struct qr_lock lock;
	const struct qr_format *format;
	struct qr_frames *frames;
	struct qr_tlb *tlb; /* who is told when something goes; null: nobody can know it yet */
	qr_frame root;
	bool sealed;      /* the root's entries stay as they are */
	uint32_t ntables; /* tables taken from frames, the root included */
};

/* ---- table frames ---------------------------------------------------------------------- */

/* A table full of absent entries.  Low memory: its window stays, and is never put back.
 * Errors: QR_NOMEM. */
QR_INLINE QR_MUST_CHECK enum qr_err qr_table_alloc(struct qr_frames *frames, qr_frame *out)
{
	enum qr_err err = qr_frames_alloc(frames, 0, QR_FRAME_TABLE, QR_LOW, out);

	if (QR_LIKELY(err == QR_OK))
		qr_host_frame_clear(*out);
	return err;
}

/* Give a table back that no CPU can know (else: qr_gather_table). */
QR_INLINE void qr_table_free(struct qr_frames *frames, qr_frame table)
{
	qr_frame_put(frames, table);
}

QR_INLINE void *qr_table_window(qr_frame table)
{
	return qr_host_window_get(table);
}

/* Copy the root's entries [first, end) of one tree to another: how a space comes by its kernel
 * half. */
void qr_table_copy(const struct qr_format *f, qr_frame to, qr_frame from, unsigned first,
		   unsigned end);

/* ---- a tree ---------------------------------------------------------------------------- */

struct qr_paging_config {
	const struct qr_format *format;
	struct qr_frames *frames;
	struct qr_tlb *tlb; /* usually &tlbs.kernel */
	bool adopt;         /* take over the tree at `root` (boot's); otherwise make a new one */
	qr_frame root;
};

/* An adopted tree lies in low memory, and its table entries grant everything (write, user): the
 * pages' own entries decide.  Errors: QR_NOMEM (only without adopt). */
QR_MUST_CHECK enum qr_err qr_paging_init(struct qr_paging *p, const struct qr_paging_config *c);

/* Free every table that came from frames.  The tree is loaded nowhere. */
void qr_paging_fini(struct qr_paging *p);

struct qr_paging_map {
	qr_virt at;
	size_t npages;
	qr_phys to;             /* the first of npages * 4096 consecutive bytes, or */
	const qr_frame *frames; /* not null: the frame of each page, anywhere */
	uint8_t prot;           /* QR_READ | QR_WRITE | QR_EXEC | QR_USER */
	uint8_t cache;          /* enum qr_cache */
	bool large;             /* large pages where they fit */
};

/* Map.  Rights: at least one of read, write, execute (reading always comes with it).
 * Owns: the frames stay the caller's.
 * Errors: QR_INVAL (address or target not on a page boundary: their offsets must agree; wraps;
 * not translatable; no rights), QR_EXISTS (a page of it is mapped), QR_NOMEM, QR_LIMIT (sealed,
 * and the root has no table there). */
QR_MUST_CHECK enum qr_err qr_paging_map(struct qr_paging *p, const struct qr_paging_map *req);

/* Unmap whatever is mapped in the range.  _put: and give up one reference to each frame, once
 * every CPU has forgotten it.  Errors: QR_INVAL; QR_NOMEM (a large page cannot be split);
 * QR_LIMIT (sealed root). */
QR_MUST_CHECK enum qr_err qr_paging_unmap(struct qr_paging *p, qr_virt at, size_t npages);
QR_MUST_CHECK enum qr_err qr_paging_unmap_put(struct qr_paging *p, qr_virt at, size_t npages);

/* Change the rights of every page of the range; accessed, dirty and caching stay.
 * Errors: QR_NOENT (a page is not mapped), QR_INVAL, QR_NOMEM (split), QR_LIMIT (sealed root). */
QR_MUST_CHECK enum qr_err qr_paging_protect(struct qr_paging *p, qr_virt at, size_t npages,
					    unsigned prot);

/* Make the tables behind the root for this range now, for good.  Errors: QR_NOMEM, QR_INVAL,
 * QR_LIMIT (sealed, and one is missing). */
QR_MUST_CHECK enum qr_err qr_paging_reserve(struct qr_paging *p, qr_virt at, size_t npages);
/* From now on the root's entries do not change: what would have to change one (a large page of
 * two-level's root, too) gets QR_LIMIT. */
void qr_paging_seal(struct qr_paging *p);
/* Free the tables that hold nothing (not those right behind a sealed root). */
void qr_paging_trim(struct qr_paging *p);

/* ---- looking ---------------------------------------------------------------------------- */

/* A stretch of pages that are mapped alike: consecutive frames, one page size. */
struct qr_extent {
	qr_virt at;
	uint64_t npages;
	qr_phys to;
	uint8_t prot; /* the least over all levels */
	uint8_t cache;
	uint8_t level;        /* 0: 4 KiB pages, 1: 2 or 4 MiB, 2: 1 GiB */
	bool accessed, dirty; /* of query; next answers whether any is */
};

/* The page at `at`, and no more than it.  QR_NOENT: none.  Takes no lock: for panics too. */
QR_MUST_CHECK enum qr_err qr_paging_query(const struct qr_paging *p, qr_virt at,
					  struct qr_extent *out);

/* The first extent that has a page at or above `at`, from there on.  QR_NOENT: none. */
QR_MUST_CHECK enum qr_err qr_paging_next(struct qr_paging *p, qr_virt at, struct qr_extent *out);

/* The entry of each level on the way to `at`, out[levels-1] first; answers the lowest level
 * that was reached.  Takes no lock, and reads no table outside of RAM: for panics. */
unsigned qr_paging_trace(const struct qr_format *f, struct qr_frames *frames, qr_frame root,
			 qr_virt at, qr_entry out[QR_MAX_LEVELS]);

/* Verify I1 .. I5 of mm/paging.c.  Null, or the rule that does not hold, in words. */
const char *qr_paging_check(struct qr_paging *p);

#endif
