/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.h - physical memory, frame by frame.
 *
 * The bottom of everything: who owns which 4 KiB of RAM.  A bitmap with two levels of counters
 * over it, changed by compare-and-swap only, and in front of it a small magazine of free frames
 * per CPU, so that the common alloc and free touch nothing that another CPU touches.
 *
 *	 CPU 0      CPU 1          magazine: an array of free frames; interrupts off, no lock
 *	[mmm][mm ] [m  ][mmm]     two a CPU, so that it does not waver between full and empty
 *	    |  a magazine at a time
 *	 tree ------------------  8 areas, 16 MiB: how many frames are free in it, whose it is
 *	  area area area ...      512 frames, 2 MiB: how many are free; who takes n frames takes
 *	   |                      n from this count first
 *	   row row row ...        one machine word: a bit per frame, 1 is free
 *
 * Each frame also has a word of 8 bytes (struct qr_frame_word): its type, how many refer to it,
 * and a link for its owner.  That word is all there is per frame; it also is what makes freeing
 * twice, or freeing what was never given, an error instead of a disaster.
 *
 * An order-9 block is one exchange of an area's count, an order-10 block one of a pair's.
 *
 * Cost.  Order 0 from and to the magazine: about 30 instructions each way, no locked one.  A
 * magazine: four locked instructions or a few more.  Memory: 8 bytes a frame and 69 KiB a GiB.
 *
 * Context: every function may be called with any interrupt state and in an interrupt, unless it
 * says otherwise.
 *
 * Sources: LLFree (Wrenger et al., USENIX ATC 2023) for counters over bitmaps changed by
 * compare-and-swap; Bonwick & Adams 2001 for magazines.
 */
#ifndef QUIRE_FRAMES_H
#define QUIRE_FRAMES_H

#include <quire/atomic.h>
#include <quire/host.h>
#include <quire/types.h>

#define QR_MAX_ORDER 10 /* 4 MiB */

/* What a frame is used for.  FREE and RESERVED frames have no references. */
enum qr_frame_type {
	QR_FRAME_FREE = 0,
	QR_FRAME_RESERVED, /* not the allocator's: what qr_frames_census counts for the holes */
	QR_FRAME_KERNEL,   /* stacks, buffers, whatever else the kernel owns */
	QR_FRAME_TABLE,    /* a page table; link: its descriptor */
	QR_FRAME_ANON,     /* private memory of a process; link: of a huge page's first frame, how
			      many entries map it, less one */
	QR_FRAME_CACHE,    /* a page of a file; link: its object's node */
	QR_FRAME_POOL,     /* a slab of a pool */
	QR_FRAME_HEAP,     /* a span of the heap; link: the span */
	QR_FRAME_ZERO,     /* the shared page of zeroes */
	QR_FRAME_TYPES = 16
};

/* Where a block must lie.  The whole block lies below the limit. */
enum qr_limit {
	QR_ANY, /* anywhere; above low memory first, where there is such */
	QR_LOW, /* where the window is arithmetic: all memory on 64 bits */
	QR_4G,  /* 32-bit devices, PAE tables */
	QR_16M, /* ISA DMA */
	QR_1M,  /* real mode: the start code of another CPU */
	QR_LIMITS
};

/* ---- the frame word ---------------------------------------------------------------------- */

#define QR_FRAME_REF_MASK   0x000fffffu
#define QR_FRAME_REF_MAX    (QR_FRAME_REF_MASK - 4096) /* room for get() to check, then add */
#define QR_FRAME_TYPE_SHIFT 20
#define QR_FRAME_TYPE_MASK  0x00f00000u
#define QR_FRAME_AGE_SHIFT  24
#define QR_FRAME_AGE_MASK   0x03000000u
#define QR_FRAME_DIRTY      0x04000000u
#define QR_FRAME_WRITEBACK  0x08000000u
#define QR_FRAME_LOCKED     0x10000000u
#define QR_FRAME_PINNED     0x20000000u
#define QR_FRAME_LAZYFREE   0x40000000u
#define QR_FRAME_KEEP       0x80000000u /* refuse to free, whatever the references say */
/* While one of these is set, somebody still uses the frame: it cannot be freed. */
#define QR_FRAME_BUSY (QR_FRAME_WRITEBACK | QR_FRAME_LOCKED | QR_FRAME_PINNED | QR_FRAME_KEEP)

struct qr_frame_word {
	uint32_t state; /* ref:20 type:4 age:2 flags:6; shared: change it with the atomics */
	uint32_t link;  /* the owner's, by type; 0 when the frame is handed out */
};

/* ---- the allocator ------------------------------------------------------------------------ */

#define QR_MAGAZINE_CAP 32

struct qr_magazine {
	uint32_t n, cap; /* cap is 0 while frames shall not stay here */
	uint32_t frame[QR_MAGAZINE_CAP];
};

/* What one CPU keeps for itself, by zone: low memory, high memory. */
struct qr_frames_local {
	struct qr_magazine *cur[2]; /* where frames come from and go to */
	struct qr_magazine *old[2]; /* full, empty, or nearly: exchanged with cur at its ends */
	uint32_t area[2];           /* where the last refill found something; hint */
	struct qr_magazine mag[4];
} __attribute__((aligned(64)));

/* Memory is searched in bands, the least precious (highest) first. */
#define QR_BANDS 5

struct qr_tree {
	uint32_t free;  /* sum over its areas, once everybody is done; signed while not */
	uint32_t owner; /* CPU + 1 that refills from it; 0: nobody.  A hint, never a right */
};

/* Ask the layer above for memory: free about `want` frames below `limit`, answer how many were
 * freed.  Called by an allocation that would fail, or that finds less than the low mark free,
 * with nothing held, in the allocation's own context (so: perhaps in an interrupt). */
typedef size_t qr_reclaim_fn(void *ctx, size_t want, enum qr_limit limit);

struct qr_frames_config {
	qr_frame first, end; /* all frames ever to be added lie in [first, end) */
	qr_frame low_end;    /* frames below have arithmetic windows; end on 64 bits */
	unsigned ncpus;      /* CPUs that will call, 1 .. QR_MAX_CPUS */
	bool zeroed;         /* the metadata memory is zero already */
};

/* The caller's memory; its fields are frames' own, and read by tests and checks. */
struct qr_frames {
	struct qr_frame_word *words; /* one a frame, from `base` */
	uint32_t base, nframes;
	uint32_t low_end; /* index behind the last frame of low memory */
	uint32_t zone[2]; /* where to take first: by QR_ANY, QR_LOW; 1: high memory */
	struct qr_frames_local *local;

	qr_word *rows;   /* a bit per frame, 1: free */
	qr_word *ram;    /* a bit per frame, 1: was added; changes in qr_frames_add only */
	uint16_t *areas; /* free frames of each */
	struct qr_tree *trees;
	uint32_t nareas, ntrees, ncpus;
	uint32_t bands[QR_BANDS + 1]; /* areas: borders at 2 MiB, 16 MiB, 4 GiB, low_end, the end */

	uint32_t free;  /* in the trees (not in magazines) */
	uint32_t total; /* frames that were added */
	uint32_t mark_min, mark_low;
	uint32_t fail_after; /* 0: off; else the n-th allocation from now fails */
	uint32_t failed;     /* allocations refused by fail_after */
	qr_reclaim_fn *reclaim;
	void *reclaim_ctx;
};

struct qr_frames_stats {
	size_t total;  /* frames that were added */
	size_t free;   /* exact when no other CPU is inside: trees and magazines */
	size_t cached; /* of these, in magazines */
	size_t low_free;
	size_t free_areas; /* whole 2 MiB blocks */
};

/* Bytes of metadata for this config, or 0 if it cannot be meant. */
size_t qr_frames_metadata_size(const struct qr_frames_config *c);

/* Make *f an allocator without a single free frame.  `metadata` is aligned to 64 bytes, reached
 * all the time, and stays f's; there is no fini: forget both.
 * Errors: QR_INVAL (bounds, ncpus, `bytes` too small, alignment). */
QR_MUST_CHECK enum qr_err qr_frames_init(struct qr_frames *f, const struct qr_frames_config *c,
					 void *metadata, size_t bytes);

/* Give n frames from first to the allocator, each once.  What is never added (holes, firmware,
 * the kernel's image) is never handed out, and refused when it is freed.
 * Errors: QR_INVAL (outside, empty); QR_CORRUPT (a frame of it was added before: nothing was
 * changed).  Context: one CPU at a time adds; the others may use f. */
QR_MUST_CHECK enum qr_err qr_frames_add(struct qr_frames *f, qr_frame first, size_t n);

/* Was the frame given to f?  Holes and the kernel's image were not: their words are those of free
 * frames.  Any context. */
bool qr_frames_manages(const struct qr_frames *f, qr_frame frame);

/* Take 2^order frames, aligned to their size.  Each frame's word is type | ref 1, link 0.  The
 * contents are whatever they were.
 * Owns: the caller, until qr_frames_free of the same frames, whole or in aligned parts, or the
 * last qr_frame_put of each.
 * Errors: QR_NOMEM; QR_INVAL (order, limit).  ANON and CACHE frames get QR_NOMEM already
 * when less than the min mark is free.  Calls the reclaim function before it gives up. */
QR_MUST_CHECK enum qr_err qr_frames_alloc(struct qr_frames *f, unsigned order,
					  enum qr_frame_type type, enum qr_limit limit,
					  qr_frame *out);

/* Up to n single frames at once (for filling stocks).  Answers how many; the rest of out is
 * untouched. */
QR_MUST_CHECK size_t qr_frames_alloc_many(struct qr_frames *f, enum qr_frame_type type,
					  enum qr_limit limit, size_t n, qr_frame *out);

/* n contiguous frames, n not a power of two or above order 10; first frame a multiple of align
 * (a power of two, in frames).  Linear search: for boot, 1 GiB pages, large heap blocks.
 * Give back with qr_frames_free_range.  Errors: as qr_frames_alloc. */
QR_MUST_CHECK enum qr_err qr_frames_alloc_range(struct qr_frames *f, size_t n, size_t align,
						enum qr_frame_type type, enum qr_limit limit,
						qr_frame *out);

/* Give 2^order frames back; each with exactly one reference, not busy.
 * Errors: QR_CORRUPT if a frame of it is free, reserved, outside, shared or busy, or first is
 * not aligned: nothing was changed.  Two CPUs that free the same frame in the same moment are
 * found when its magazine goes back, and that is a panic. */
QR_MUST_CHECK enum qr_err qr_frames_free(struct qr_frames *f, qr_frame first, unsigned order);
QR_MUST_CHECK enum qr_err qr_frames_free_range(struct qr_frames *f, qr_frame first, size_t n);

/* ---- references --------------------------------------------------------------------------- */

/* The word of a frame; null if the frame is outside of what f knows. */
QR_INLINE struct qr_frame_word *qr_frame_lookup(struct qr_frames *f, qr_frame frame)
{
	uint32_t i = frame.v - f->base;

	return i < f->nframes ? &f->words[i] : NULL;
}

/* The same for a frame that was handed out. */
QR_INLINE struct qr_frame_word *qr_frame_word(struct qr_frames *f, qr_frame frame)
{
	QR_ASSERT_DEBUG(frame.v - f->base < f->nframes, "a frame lies in RAM");
	return &f->words[frame.v - f->base];
}

QR_INLINE enum qr_frame_type qr_frame_type(const struct qr_frame_word *w)
{
	return (enum qr_frame_type)((qr_load32(&w->state) & QR_FRAME_TYPE_MASK) >>
				    QR_FRAME_TYPE_SHIFT);
}

QR_INLINE uint32_t qr_frame_refs(const struct qr_frame_word *w)
{
	return qr_load32(&w->state) & QR_FRAME_REF_MASK;
}

/* Change flags and age; references are not touched. */
QR_INLINE void qr_frame_set(struct qr_frame_word *w, uint32_t flags)
{
	if (QR_MAX_CPUS > 1)
		(void)qr_or32(&w->state, flags);
	else
		w->state |= flags;
}

QR_INLINE void qr_frame_clear(struct qr_frame_word *w, uint32_t flags)
{
	if (QR_MAX_CPUS > 1)
		(void)qr_and32(&w->state, ~flags);
	else
		w->state &= ~flags;
}

/* One more reference, by somebody who has one or holds the lock of who has.
 * Errors: QR_LIMIT, too many (a million): nothing was changed. */
QR_INLINE QR_MUST_CHECK enum qr_err qr_frame_get(struct qr_frames *f, qr_frame frame)
{
	struct qr_frame_word *w = qr_frame_word(f, frame);
	uint32_t refs = qr_frame_refs(w);

	QR_ASSERT_DEBUG(refs != 0, "who takes a reference to a frame has one already");
	if (QR_RARELY(refs >= QR_FRAME_REF_MAX))
		return QR_LIMIT;
	if (QR_MAX_CPUS > 1)
		(void)qr_add32(&w->state, 1);
	else
		w->state++;
	return QR_OK;
}

/* One reference less; the last one frees the frame.  Panics on a frame without references:
 * that is a bug above, and the frame may be somebody else's by now. */
void qr_frame_put(struct qr_frames *f, qr_frame frame);

/* The same for n frames, interrupts off once for a bunch of them: what exit and munmap use. */
void qr_frames_put_many(struct qr_frames *f, const qr_frame *frames, size_t n);

/* ---- looking after it ---------------------------------------------------------------------- */

/* Give this CPU's magazines back and make the other CPUs do so at their next free. */
void qr_frames_drain(struct qr_frames *f);

/* Give all magazines back.  Context: no other CPU is inside frames (one CPU, or all stopped). */
void qr_frames_drain_all(struct qr_frames *f);

/* Who is asked for memory, and when: below `min` frames only the kernel's own types are served,
 * below `low` the function is called ahead of need. */
void qr_frames_set_reclaim(struct qr_frames *f, qr_reclaim_fn *fn, void *ctx);
void qr_frames_set_marks(struct qr_frames *f, size_t min, size_t low);

/* Free frames, magazines of all CPUs included.  O(ncpus). */
size_t qr_frames_free_count(const struct qr_frames *f);
void qr_frames_stats(const struct qr_frames *f, struct qr_frames_stats *out);

/* Frames by type, counted over all words: O(frames).  A magazine's frames count as free. */
void qr_frames_census(const struct qr_frames *f, size_t count[QR_FRAME_TYPES]);

/* For tests: the n-th allocation from now (1: the next) answers QR_NOMEM, once; 0 disarms.
 * Every allocation counts, whatever its size.  Costs nothing while disarmed: arming empties the
 * magazines and keeps them empty.  Context: one CPU.  qr_frames_failed: how many were refused
 * since arming, so that a test knows when n went past the last one. */
void qr_frames_fail_after(struct qr_frames *f, uint32_t n);
uint32_t qr_frames_failed(const struct qr_frames *f);

/* Verify I1 .. I7 of mm/frames.c over everything: O(frames).  Null if all hold, else the rule
 * that does not, in words.  Context: no other CPU inside. */
const char *qr_frames_check(const struct qr_frames *f);

#endif
