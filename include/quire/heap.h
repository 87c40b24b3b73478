/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap.h - memory of any size.
 *
 * One engine for the kernel's kmalloc, for the library, and for a program on a host; what
 * differs is where its pages come from (struct qr_heap_source).
 *
 *	 CPU 0        CPU 1
 *	[oooo  ]     [oo    ]     magazine: a stack of free objects, one per CPU (or thread)
 *	[oooo  ]     [      ]     and class, and a second one, full or empty
 *	     |  a whole magazine at a time
 *	[oooo  ][oooo  ]          depot: full magazines of a class
 *	     |  when no page is to be had otherwise, or when idle
 *	  span -> span            central lists: spans that have free objects
 *	   |
 *	 pages                    a run of pages cut into objects of one class
 *	   ^
 *	 page map                 address -> class and span, for every page of the heap
 *
 * Sizes come in 64 classes, 12.5 % apart or 16 bytes, up to 16 KiB; what is larger gets whole
 * pages.  All metadata (spans, bitmaps, map) stands apart from the objects: running over the end
 * of one cannot reach it.
 *
 * Wrong frees (twice, foreign, inside an object, wrong size) are found in release builds, change
 * nothing, and are reported to the heap's owner with the object's address and size.
 *
 * Magazines belong to a struct qr_heap_local.  A kernel has one for each CPU, which the heap
 * keeps itself.  A heap of a process, compiled with QR_HEAP_PROCESS, has one for each thread: the
 * host header says which (struct qr_heap_local *qr_host_heap_local(void)), and they join.
 *
 * Context: any interrupt state, and interrupts, if the source allows that too.
 * Cost: see docs/performance.md; no locked instruction but when magazines are exchanged.
 * Sources: Bonwick & Adams 2001 (magazines, depot); Ghemawat & Menage, TCMalloc (spans, page map).
 */
#ifndef QUIRE_HEAP_H
#define QUIRE_HEAP_H

#include <quire/lock.h>
#include <quire/types.h>

#if defined(QR_HEAP_PROCESS) && !defined(QR_HEAP_HARDENED)
#define QR_HEAP_KEEPS /* large objects that were freed */
#endif

#define QR_HEAP_ALIGN     16u
#define QR_HEAP_CLASSES   64u
#define QR_HEAP_MAX_SMALL 16384u
#define QR_HEAP_HELD      64u /* of a hardened heap (mm/heap_hardened.h) */
#define QR_HEAP_KEPT \
	65u /* lengths of large objects that are kept, and one: pages (mm/heap_kept.c) */
#define QR_HEAP_KEPT_LOCAL 33u  /* the same, of those that each thread keeps */
#define QR_HEAP_NEAR       128u /* pages at the begin of a process' heap (mm/heap_map.c) */

/* Where pages come from.  Called without the heap's lock, in the caller's context. */
struct qr_heap_source {
	/* npages pages in a row, the first a multiple of align_pages (a power of two) pages, all
	 * of it inside [base, base + nbytes).  Null: none.  Contents: whatever they were, unless
	 * it says that they are *zeroed. */
	void *(*pages)(void *ctx, size_t npages, size_t align_pages, bool *zeroed);
	/* Take back any pages that were given, whole or in part. */
	void (*free)(void *ctx, void *p, size_t npages);
#ifdef QR_HEAP_PROCESS
	/* Address space full of zeroes, which becomes memory when it is written to. */
	void *(*reserve)(void *ctx, size_t bytes);
	uintptr_t first; /* the lowest address of a page, or less */
	/* Whole pages of such space may be zeroes without memory again. */
	void (*forget)(void *ctx, void *p, size_t bytes);
	/* `more` pages behind the npages at p, or the npages moved to a place that has room for
	 * these too (the old place is then free).  Null: neither can be. */
	void *(*grow)(void *ctx, void *p, size_t npages, size_t more);
#endif
#ifdef QR_HEAP_HARDENED
	uint64_t (*random)(void *ctx); /* what nobody can guess */
#endif
	void *ctx;
	uintptr_t base; /* every page lies in [base, base + nbytes); whole pages */
	size_t nbytes;
};

struct qr_frames;

/* A source over frames of low memory, whose windows are arithmetic: what a kernel uses. */
void qr_heap_source_frames(struct qr_heap_source *src, struct qr_frames *f);

enum qr_heap_wrong {
	QR_HEAP_FOREIGN = 1, /* not an address of this heap */
	QR_HEAP_INTERIOR,    /* inside an object, or between objects */
	QR_HEAP_DOUBLE,      /* free already */
	QR_HEAP_SIZE,        /* freed with another size than allocated */
	QR_HEAP_NO_OBJECT,   /* the heap behind a diverted one says: no object in use */
	/* What only a hardened or a debug heap looks for (quire/heap_debug.h). */
	QR_HEAP_AFTER,  /* written to after it was freed */
	QR_HEAP_BEFORE, /* written to in front of its first byte */
	QR_HEAP_BEHIND, /* written to behind its last byte */
};

struct qr_heap_fault {
	enum qr_heap_wrong wrong;
	void *p;      /* what the caller named */
	void *object; /* the object it lies in, or null */
	size_t size;  /* of the object's class; 0 if there is none */
	void *at;     /* AFTER, BEFORE, BEHIND: the byte that was found changed */
	/* A debug heap's; else 0. */
	size_t asked;                    /* bytes that the caller asked for */
	uintptr_t alloc_site, free_site; /* where he did, and where it was freed, if it was */
};

/* Told of each error before it is refused.  May not return (panic). */
typedef void qr_heap_report_fn(void *ctx, const struct qr_heap_fault *fault);

/* An error in words, to stand behind the address: "is free already". */
const char *qr_heap_wrong_words(enum qr_heap_wrong wrong);

struct qr_span;
struct qr_heap_magazine;
struct qr_heap_leaf;
struct qr_heap_meta;
struct qr_heap_page;
struct qr_allocator;

/* The magazines of one CPU or thread; its fields are the heap's own. */
struct qr_heap_local {
	qr_word *top[QR_HEAP_CLASSES];   /* behind the last object of the loaded magazine */
	qr_word *spare[QR_HEAP_CLASSES]; /* of the second one, which is full or empty */
	struct qr_heap_local *next, *prev;
	bool closed; /* holds nothing, and will not: objects come from the spans and go there */
#ifdef QR_HEAP_PROCESS
	uint32_t inside; /* an exchange of magazines */
#endif
#ifdef QR_HEAP_KEEPS
	struct qr_span *kept[QR_HEAP_KEPT_LOCAL]; /* free large objects, by pages */
	size_t nkept;                             /* their pages */
#endif
#ifdef QR_HEAP_HARDENED
	qr_word held[QR_HEAP_HELD]; /* freed objects that wait */
	uint32_t random;
#endif
};

struct qr_heap_class {
	struct qr_lock lock;   /* of spans, depot and the bitmaps of the spans */
	uint32_t size;         /* of an object */
	uint32_t recip;        /* 2^32 / size, rounded up */
	uint32_t check;        /* the same for the page map, see mm/heap_class.c; 0: none */
	uint16_t npages;       /* of a span */
	uint16_t nobj;         /* objects in a span, at most 256 */
	uint16_t cap;          /* objects in a magazine */
	uint16_t nempty;       /* spans of the list without an object in use */
	struct qr_span *spans; /* with free objects, the fuller in front */
	struct qr_heap_magazine *depot; /* full magazines */
	struct qr_heap_magazine *empties;
	uint32_t ndepot;
#ifdef QR_HEAP_HARDENED
	uint32_t random;
#endif
};

/* The heap's own records of one kind (mm/heap_meta.c). */
struct qr_heap_records {
	struct qr_heap_meta *room, *full; /* pages */
	size_t used;                      /* records */
	uint16_t size, first;             /* of a record; where they begin in a page */
};

/* The caller's memory; its fields are the heap's own. */
struct qr_heap {
	struct qr_lock lock;
	struct qr_heap_source src;
	struct qr_heap_local *cpu;    /* one for each CPU */
	struct qr_heap_local *locals; /* these, and those that joined */
#ifdef QR_HEAP_PROCESS
	struct qr_heap_page *page; /* the page map, in two tables */
	struct qr_span **span;     /* null until a page behind the near ones is used */
	struct qr_span *near[QR_HEAP_NEAR];
	size_t first_page;
#else
	struct qr_heap_leaf **root;   /* the page map */
	struct qr_heap_leaf *no_leaf; /* stands in it for those that are not there */
#endif
	size_t map_pages;           /* that it covers */
	size_t map_first, map_used; /* the first that it ever named; behind the last */
	unsigned ncpus;
	struct qr_heap_class class[QR_HEAP_CLASSES];

	struct qr_heap_records spans, magazines;
	void *first;   /* pages of the root and the CPUs' magazines */
	size_t npages; /* from the source, for objects */
	size_t nmeta;  /* from the source, for everything else */
	size_t looked; /* npages when the depots were last looked at */
#ifdef QR_HEAP_PROCESS
	uint32_t halted; /* nobody may begin an exchange of magazines */
#endif
#ifdef QR_HEAP_KEEPS
	struct qr_span *kept[QR_HEAP_KEPT]; /* free large objects, by pages */
	size_t nkept;                       /* their pages */
#endif
	qr_heap_report_fn *report;
	void *report_ctx;
	const struct qr_allocator *other; /* who gives the objects instead (heap_seeds.h) */
	uint32_t fail_after;              /* 0: off; else the n-th allocation from now fails */
	uint32_t failed;                  /* allocations refused by fail_after */
#ifdef QR_HEAP_HARDENED
	uint64_t secret[2];              /* of the marks */
	char *meta_area, *meta_area_end; /* address space for metadata */
#endif
};

struct qr_heap_stats {
	size_t used;     /* bytes of objects that callers hold, by class size */
	size_t objects;  /* how many */
	size_t cached;   /* bytes in magazines and depots */
	size_t pages;    /* bytes of spans and large objects */
	size_t metadata; /* bytes of everything else */
	size_t large;    /* of `used`: objects of whole pages */
};

/* Make *h an empty heap for `ncpus` CPUs over a source; a process has 0.  Takes its first
 * pages at once.
 * Errors: QR_INVAL (base or nbytes not whole pages, ncpus), QR_NOMEM. */
QR_MUST_CHECK enum qr_err qr_heap_init(struct qr_heap *h, const struct qr_heap_source *src,
				       unsigned ncpus);

/* Give everything back, objects in use included.  Nobody is inside. */
void qr_heap_fini(struct qr_heap *h);

void qr_heap_set_report(struct qr_heap *h, qr_heap_report_fn *fn, void *ctx);

/* At least n bytes, aligned to 16.  n = 0 is a smallest object of its own.  Null: no memory, or
 * n > PTRDIFF_MAX.  zalloc: filled with zeroes.
 * Owns: the caller, until qr_heap_free. */
QR_MUST_CHECK void *qr_heap_alloc(struct qr_heap *h, size_t n);
QR_MUST_CHECK void *qr_heap_zalloc(struct qr_heap *h, size_t n);

/* The same, at a multiple of align (a power of two).  Null also if align is none. */
QR_MUST_CHECK void *qr_heap_aligned(struct qr_heap *h, size_t align, size_t n);

/* Change the size, in place where possible; contents are kept up to the smaller size.
 * p null: alloc.  Null: no memory, or p is wrong (reported); p is as it was. */
QR_MUST_CHECK void *qr_heap_realloc(struct qr_heap *h, void *p, size_t n);

/* Give an object back; null does nothing.  Errors: QR_CORRUPT, reported, nothing was changed.
 * sized: n as it was allocated, or as qr_heap_usable said; checked. */
enum qr_err qr_heap_free(struct qr_heap *h, void *p);
enum qr_err qr_heap_free_sized(struct qr_heap *h, void *p, size_t n);

/* Bytes that may be used of an object: n, rounded up to its class.  0 if p is wrong. */
size_t qr_heap_usable(struct qr_heap *h, const void *p);

/* Make *l one of the heap's, without objects.  Leave: it gives back all it holds, and is closed.
 * Context: its owner's. */
void qr_heap_join(struct qr_heap *h, struct qr_heap_local *l);
void qr_heap_leave(struct qr_heap *h, struct qr_heap_local *l);

/* Give the depots and this CPU's (thread's) magazines to their spans, and spans
 * without an object in use to the source: for idle time and for reclaim.  Answers how many
 * pages.  qr_heap_flush: what a local holds, to the spans. */
size_t qr_heap_trim(struct qr_heap *h);
/* Whether it would find more than what magazines hold: for idle time, without a lock. */
bool qr_heap_slack(const struct qr_heap *h);
void qr_heap_flush(struct qr_heap *h, struct qr_heap_local *l);

/* Every object in use.  fn answers false to stop.  Nobody else is inside; fn may not call the
 * heap.  O(objects). */
typedef bool qr_heap_walk_fn(void *ctx, void *object, size_t size);
void qr_heap_walk(struct qr_heap *h, qr_heap_walk_fn *fn, void *ctx);

void qr_heap_stats(struct qr_heap *h, struct qr_heap_stats *out);

/* For tests: the n-th allocation from now (1: the next) answers null, once; 0 disarms.  Costs
 * nothing while disarmed: arming empties the magazines and keeps them empty.  Context: one CPU.
 * qr_heap_failed: how many were refused since arming. */
void qr_heap_fail_after(struct qr_heap *h, uint32_t n);
uint32_t qr_heap_failed(const struct qr_heap *h);

/* Verify the invariants of mm/heap.c; null if all hold, else the rule that does not.  Nobody
 * else is inside.  O(spans and objects). */
const char *qr_heap_check(struct qr_heap *h);

#endif
