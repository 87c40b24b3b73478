/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space.h - address spaces: what an address means.
 *
 * The page table is the address space: there is no tree of areas beside it.  Each table has a
 * descriptor with a short sorted list of runs, which say what the user asked for; its entries
 * say what is resident.  mm/space.h draws the structure and numbers its invariants.
 *
 *	struct qr_memory   what all spaces of a kernel share: frames, table format, pools
 *	struct qr_space    one user address space
 *
 * Every operation happens whole or leaves everything as it was.  Ranges are whole pages.
 * Context of all calls, unless said otherwise: may take the locks of tables and objects, never
 * sleeps, not from interrupts, no user memory is touched by its address.
 */
#ifndef QUIRE_SPACE_H
#define QUIRE_SPACE_H

#include <quire/object.h>
#include <quire/paging.h>
#include <quire/types.h>

/* How a page comes to have a frame (seeds C5-C7).  The default of a space is FIRST_WRITE. */
enum qr_backing {
	QR_BACK_DEFAULT = 0, /* as the space says */
	QR_BACK_IMMEDIATE,   /* frames at map time: QR_NOMEM then, never a fault (no object) */
	QR_BACK_DEMAND,      /* a zeroed frame at the first touch, read or write */
	QR_BACK_FIRST_WRITE, /* reads see the shared zero page, a frame at the first write */
};

enum qr_map_flags {
	QR_MAP_FIXED = 1 << 0,     /* exactly at `at`, replacing what is there */
	QR_MAP_NOREPLACE = 1 << 1, /* with FIXED: QR_EXISTS if anything is there */
	QR_MAP_SHARED = 1 << 2,    /* writes go to the object; without: copy-on-write */
	QR_MAP_GROWSDOWN = 1 << 3, /* a stack: a fault just below extends it */
	QR_MAP_LOCKED = 1 << 4,    /* populated, never evicted */
	QR_MAP_POPULATE = 1 << 5,  /* touch every page now, as far as memory goes */
	QR_MAP_LOW = 1 << 6,       /* below 2 GiB (MAP_32BIT) */
	QR_MAP_HIGH = 1 << 7,      /* may lie above the memory's window_end */
	QR_MAP_ONFAULT = 1 << 10,  /* with LOCKED: from the first touch on, not populated */
	/* of a region, not of a request: */
	QR_MAP_UMISS = 1 << 8, /* first touches are a pager's */
	QR_MAP_UWP = 1 << 9,   /* and first writes to pages that were protected for it */
};

struct qr_map {
	qr_virt at; /* the place (FIXED), or a wish; 0: anywhere */
	size_t npages;
	unsigned flags;           /* qr_map_flags */
	uint8_t prot;             /* QR_READ | QR_WRITE | QR_EXEC */
	uint8_t maxprot;          /* what qr_space_protect may raise it to */
	uint8_t backing;          /* enum qr_backing */
	struct qr_object *object; /* NULL: anonymous (with SHARED: the caller makes an object) */
	uint64_t pgoff;           /* page of the object at `at` */
};

/* What is mapped at a stretch of addresses; see qr_space_next. */
struct qr_region {
	qr_virt start, end;
	uint8_t prot, maxprot;
	unsigned flags;           /* QR_MAP_SHARED, GROWSDOWN, LOCKED, ONFAULT, UMISS, UWP */
	unsigned advice;          /* qr_advice bits that stay with the region */
	struct qr_object *object; /* no reference taken: look while nothing can unmap */
	uint64_t pgoff;
};

enum qr_access { QR_ACCESS_READ, QR_ACCESS_WRITE, QR_ACCESS_EXEC };

enum qr_advice {
	QR_ADVISE_DONTNEED,
	QR_ADVISE_FREE,
	QR_ADVISE_WILLNEED,
	QR_ADVISE_REMOVE,
	QR_ADVISE_DONTFORK,
	QR_ADVISE_DOFORK,
	QR_ADVISE_WIPEONFORK,
	QR_ADVISE_KEEPONFORK,
	QR_ADVISE_HUGEPAGE,
	QR_ADVISE_NOHUGEPAGE,
	QR_ADVISE_POPULATE_READ,
	QR_ADVISE_POPULATE_WRITE,
	QR_ADVISE_DONTDUMP,
	QR_ADVISE_DODUMP,
	QR_ADVISE_COLD, /* not needed soon: nothing is given up, but refused as Linux does */
	QR_ADVISE_DONTNEED_LOCKED, /* DONTNEED of locked pages too */
	QR_ADVISE_COLLAPSE,        /* into huge pages, now */
};

/* Huge pages for private memory: 2 MiB, or 4 MiB with two-level tables. */
enum qr_huge_policy { QR_HUGE_NEVER, QR_HUGE_MADVISE, QR_HUGE_ALWAYS };

/* One kernel's memory: made once, shared by all spaces. */
struct qr_memory; /* defined in mm's own part below, so that the caller can allocate it */
struct qr_space;

struct qr_memory_config {
	struct qr_frames *frames;
	const struct qr_format *format;
	struct qr_tlbs *tlbs; /* the machine's, qr_tlbs_init done; outlives the memory */
	qr_phys kernel_root;  /* a table root whose kernel half every space copies */
	qr_virt user_start;   /* lowest address a user may map at all (0x1000 ..) */
	qr_virt user_end;     /* first address not the user's: a boundary of the root's entries */
	qr_virt window_end;   /* no search goes above it but by QR_MAP_HIGH; 0: user_end */
	enum qr_backing backing;
	enum qr_huge_policy huge;
	const struct qr_pool_source *slabs; /* of the pools; null: frames.  Outlives the memory */
};

QR_MUST_CHECK enum qr_err qr_memory_init(struct qr_memory *m,
					 const struct qr_memory_config *config);
void qr_memory_fini(struct qr_memory *m); /* all spaces and objects must be gone */
/* Give what is kept for speed (empty tables, empty slabs) back to frames; answers how many.
 * Context: also what an allocation of frames calls that would fail (qr_frames_set_reclaim), but
 * not in an interrupt that came while spaces were being worked on. */
size_t qr_memory_trim(struct qr_memory *m);

/* Where huge pages are made from now on; those that exist stay. */
void qr_memory_set_huge(struct qr_memory *m, enum qr_huge_policy policy);
struct qr_huge_stat {
	enum qr_huge_policy policy;
	size_t npages; /* small pages in each */
	size_t blocks; /* huge pages that somebody maps */
	size_t fault, fallback, split, collapse;
};
void qr_memory_huge_stat(const struct qr_memory *m, struct qr_huge_stat *out);

/* An empty space.  It takes one frame for the root.  Errors: QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_space_init(struct qr_space *s, struct qr_memory *m);
/* Unmap everything, free every table.  It must not be loaded on any CPU. */
void qr_space_fini(struct qr_space *s);
/* Load it on this CPU (see paging.h, qr_tlb); load a bare kernel root: qr_space_leave. */
void qr_space_enter(struct qr_space *s);
void qr_space_leave(struct qr_space *s);

/* Limits on the space, in pages (SIZE_MAX: none), for what maps, moves, locks and grows: QR_LIMIT.
 * What FIXED replaces makes room for it. */
void qr_space_limit(struct qr_space *s, size_t max_pages, size_t max_locked);
/* How many pages a region that grows down may have in all. */
void qr_space_limit_stack(struct qr_space *s, size_t max_pages);
/* Where a search for free addresses starts from (top-down) and its floor. */
void qr_space_window(struct qr_space *s, qr_virt bottom, qr_virt top);
/* Where it goes on, upwards, when it has found nothing (an empty window: at once). */
void qr_space_window_up(struct qr_space *s, qr_virt from);

/* Map.  `out`: where.  Errors: QR_INVAL, QR_NOMEM (also no room of that size), QR_EXISTS,
 * QR_ACCESS (prot beyond maxprot), QR_LIMIT. */
QR_MUST_CHECK enum qr_err qr_space_map(struct qr_space *s, const struct qr_map *req, qr_virt *out);
/* Unmap; holes in the range are fine.  Errors: QR_NOMEM (a run cannot be split). */
QR_MUST_CHECK enum qr_err qr_space_unmap(struct qr_space *s, qr_virt at, size_t npages);
/* Change rights.  Errors: QR_NOENT (a hole: as Linux does, what lies before it is changed),
 * QR_ACCESS (beyond maxprot), QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_space_protect(struct qr_space *s, qr_virt at, size_t npages,
					   unsigned prot);

/* Whatever the policy says: none in this space from now on, or as it says. */
void qr_space_huge(struct qr_space *s, bool allow);
bool qr_space_huge_allowed(const struct qr_space *s);
/* Huge pages in the range. */
size_t qr_space_huge_count(struct qr_space *s, qr_virt at, size_t npages);

struct qr_remap {
	qr_virt from;
	size_t old_npages, new_npages; /* old 0: a second mapping of a shared region */
	bool may_move;
	bool fixed;    /* to `to`, replacing what is there */
	bool keep_old; /* what moves leaves its promises behind, without pages */
	qr_virt to;    /* fixed; with keep_old otherwise a wish */
};
/* Make a region (one, all of the old pages) longer or shorter, or move it with its pages.
 * *out: where it is now.  Errors: QR_NOENT (nothing there, or not one region), QR_INVAL, QR_LIMIT,
 * QR_NOMEM (also: no room without moving); all is as it was. */
QR_MUST_CHECK enum qr_err qr_space_remap(struct qr_space *s, const struct qr_remap *req,
					 qr_virt *out);

/* A CPU could not go on at `at`.  QR_OK: it can now (retry the access).  QR_NOENT: nothing is
 * mapped there, or a stack that may not grow; QR_ACCESS: something is, and refuses; QR_BEYOND: past
 * the end of its object; QR_PAGER: the page is for a pager to supply (qr_space_pager); QR_NOMEM: no
 * frame for it. */
QR_MUST_CHECK enum qr_err qr_space_fault(struct qr_space *s, qr_virt at, enum qr_access access);

/* Make `child` (fresh from qr_space_init) a copy of `parent`, copy-on-write.  Errors: QR_NOMEM, the
 * child is empty again. */
QR_MUST_CHECK enum qr_err qr_space_fork(struct qr_space *parent, struct qr_space *child);

/* As madvise(2).  Errors: QR_NOENT (a hole: what lies before and behind it is done), QR_INVAL (not
 * for what is mapped there: locked pages, an object), QR_ACCESS, QR_BEYOND, QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_space_advise(struct qr_space *s, qr_virt at, size_t npages,
					  enum qr_advice advice);

/* Memory is short: take the pages that FREE has given up, if they have not been written since.
 * Answers how many. */
size_t qr_space_reclaim(struct qr_space *s);

/* Keep pages in memory, or not any more; LOCK fetches them now.  Errors: QR_NOENT (a hole: what
 * lies before it is done), QR_LIMIT, QR_ACCESS or QR_BEYOND (locked, but a page cannot be had),
 * QR_NOMEM. */
enum qr_locking { QR_UNLOCK, QR_LOCK, QR_LOCK_ONFAULT };
QR_MUST_CHECK enum qr_err qr_space_lock(struct qr_space *s, qr_virt at, size_t npages,
					enum qr_locking how);
/* How many pages of the range are mapped. */
size_t qr_space_mapped(struct qr_space *s, qr_virt at, size_t npages);
/* Is nothing mapped in it?  False also for what no user can have. */
bool qr_space_unused(struct qr_space *s, qr_virt at, size_t npages);
/* Residency, a byte a page (bit 0: resident), as mincore wants it.  QR_NOENT: a hole. */
QR_MUST_CHECK enum qr_err qr_space_residency(struct qr_space *s, qr_virt at, size_t npages,
					     uint8_t *out);

/* Read and write memory of a space that need not be loaded, faulting pages in as the user
 * would.  `force` does it as a debugger: reading past missing rights, writing past those of
 * private mappings.  Stops at the first page that refuses: *out = bytes done. */
QR_MUST_CHECK enum qr_err qr_space_read(struct qr_space *s, qr_virt at, void *to, size_t n,
					bool force, size_t *out);
QR_MUST_CHECK enum qr_err qr_space_write(struct qr_space *s, qr_virt at, const void *from, size_t n,
					 bool force, size_t *out);

/* Copy between two spaces, or within one, as their users would: pages that cannot be read or
 * written end it, and so do regions without the right.  Answers how many bytes. */
size_t qr_space_copy(struct qr_space *to, qr_virt at, struct qr_space *from, qr_virt start,
		     size_t n);

/* The frame that the user reads at `at`, faulted in, with a reference for the caller.  Stores of the
 * user are seen in it until copy-on-write parts the two.  Errors: as a fault; QR_LIMIT. */
QR_MUST_CHECK enum qr_err qr_space_lend(struct qr_space *s, qr_virt at, qr_frame *out);

/* The first region that ends above `at`; neighbours that agree are one region, even across
 * tables.  QR_NOENT: none. */
QR_MUST_CHECK enum qr_err qr_space_next(struct qr_space *s, qr_virt at, struct qr_region *out);
/* The same for up to `max` of them, by one way through the tables; answers how many, fewer than
 * `max` only when there are no more.  `at` is where the last one ended, or 0. */
size_t qr_space_regions(struct qr_space *s, qr_virt at, struct qr_region *out, size_t max);

/* ---- page by page: what is resident, and what has been done to it (space_pages.c) ------------ */

enum qr_page_flags {
	QR_PAGE_PRESENT = 1 << 0, /* else: there, but without rights */
	QR_PAGE_WRITABLE = 1 << 1,
	QR_PAGE_ACCESSED = 1 << 2,
	QR_PAGE_DIRTY = 1 << 3,
	QR_PAGE_OBJECT = 1 << 4,  /* a frame of the object mapped here; else anonymous */
	QR_PAGE_ZERO = 1 << 5,    /* the shared page of zeroes */
	QR_PAGE_WRITTEN = 1 << 6, /* since QR_FORGET_WRITES, or nobody ever asked */
	QR_PAGE_UWP = 1 << 7,
	QR_PAGE_LAZY = 1 << 8, /* given up by the program: may go at any time */
};

struct qr_page {
	qr_virt at;
	qr_frame frame;   /* the first of npages */
	uint32_t npages;  /* 1, or those of a huge page */
	uint32_t alike;   /* page groups: so many follow each other, only their frames differ */
	uint32_t mappers; /* table entries that show this frame, here and in other spaces */
	uint32_t flags;
};

/* Call fn for each resident page of [lo, hi), upwards, until it answers false.  fn holds the
 * space's lock: it does not call the space.  Huge pages may begin below lo, end above hi. */
typedef bool qr_page_fn(void *ctx, const struct qr_page *page);
void qr_space_pages(struct qr_space *s, qr_virt lo, qr_virt hi, qr_page_fn *fn, void *ctx);
/* The same for who counts: pages in a row that are alike are told of at once. */
void qr_space_page_groups(struct qr_space *s, qr_virt lo, qr_virt hi, qr_page_fn *fn, void *ctx);
/* The same as one word a page, as /proc/PID/pagemap has them: bits 0-54 the frame (`frames`), and
 * these.  WRITTEN also where nothing is resident, if nobody watches; all of it at or below the
 * user's end.  0: nothing is there. */
#define QR_WORD_WRITTEN   (1ull << 55) /* since QR_FORGET_WRITES */
#define QR_WORD_EXCLUSIVE (1ull << 56) /* no other table entry shows this frame */
#define QR_WORD_UWP       (1ull << 57)
#define QR_WORD_OBJECT    (1ull << 61)
#define QR_WORD_PRESENT   (1ull << 63)
void qr_space_words(struct qr_space *s, qr_virt at, size_t npages, bool frames, uint64_t *out);
/* Have the pages at `at` counted as written since, because all of their region is?  *end: how far
 * the answer goes. */
bool qr_space_written(struct qr_space *s, qr_virt at, qr_virt *end);

/* Forget that pages were touched: clear accessed (of regions with an object, or without one, or
 * all), or begin to watch for writes anew (where the format has a bit for it).  Errors: QR_NOMEM,
 * watching means that what a fork has left to several spaces cannot be shared any longer. */
enum qr_forget { QR_FORGET_ALL = 1, QR_FORGET_ANON, QR_FORGET_OBJECTS, QR_FORGET_WRITES };
QR_MUST_CHECK enum qr_err qr_space_forget(struct qr_space *s, enum qr_forget what);

/* ---- a pager of the user's own (space_pager.c) ----------------------------------------------- */

/* From now on faults in the range are the pager's (QR_PAGER) as `flags` say, QR_MAP_UMISS and
 * QR_MAP_UWP; 0: no longer.  What has all of them, and more, stays as it is.  Holes are fine.
 * Errors: QR_NOMEM, QR_INVAL. */
QR_MUST_CHECK enum qr_err qr_space_pager(struct qr_space *s, qr_virt at, size_t npages,
					 unsigned flags);
/* Have the first write to each page that is there noticed, where its region is UWP; or no longer. */
QR_MUST_CHECK enum qr_err qr_space_watch(struct qr_space *s, qr_virt at, size_t npages, bool on);
bool qr_memory_can_watch(const struct qr_memory *m);
/* Put a page there: a copy of `bytes`, which must not fault, or (NULL) zeroes; `watched`: its
 * first write is to be noticed.  Errors: QR_NOENT (no pager's region), QR_EXISTS, QR_NOMEM,
 * QR_BEYOND (behind the end of its object). */
QR_MUST_CHECK enum qr_err qr_space_supply(struct qr_space *s, qr_virt at, const void *bytes,
					  bool watched);

struct qr_space_stat {
	size_t mapped; /* pages promised */
	size_t resident_anon, resident_file, resident_shared;
	/* The most there ever was.  What a child gives back in small pieces of what it shares with
	 * its parent is missed (in S1, all of that). */
	size_t most_mapped, most_resident;
	size_t locked, data, stack, exec; /* mapped: writable private, growsdown, executable */
	size_t tables;                    /* frames of page tables */
	size_t regions;                   /* runs */
	size_t huge;                      /* huge pages; their small ones are in resident_anon */
	uint64_t faults, faults_zero, faults_copy;
};
void qr_space_stat(struct qr_space *s, struct qr_space_stat *out);
/* The most that was resident is counted from now on. */
void qr_space_forget_most(struct qr_space *s);
/* No fewer than there are regions: counting those takes longer. */
QR_INLINE size_t qr_space_runs(const struct qr_space *s);

/* Whose byte lies at `at`, for who has to know it by more than its address: *object NULL: this
 * space's own, else the object that is mapped shared there, and the byte in it.  QR_NOENT. */
QR_MUST_CHECK enum qr_err qr_space_whose(struct qr_space *s, qr_virt at,
					 const struct qr_object **object, uint64_t *offset);

/* Why would an access at `at` be refused?  One line of words for a panic or a log. */
size_t qr_space_explain(struct qr_space *s, qr_virt at, enum qr_access access, char *buf,
			size_t nbytes);

/* Verify every invariant of the space (and that the frame words agree); panics through
 * qr_host_panic with the number of the broken one.  O(all of it). */
void qr_space_check(struct qr_space *s);

#include <quire/space_types.h> /* the structs themselves, for their size only */

#endif
