/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_types.h - the structs of space.h, so that a caller can allocate them.
 *
 * Their fields belong to mm/space*.c (mm/space.h draws them).  Others read what space.h says.
 */
#ifndef QUIRE_SPACE_TYPES_H
#define QUIRE_SPACE_TYPES_H

#include <quire/epoch.h>
#include <quire/paging.h>
#include <quire/pool.h>
#include <quire/radix.h>

struct qr_ptdesc;
struct qr_mapping;

/* What an operation locks: 0, the whole space; 1, the tables that it works on.  One CPU has nobody
 * to wait for: the first is the shorter code then. */
#ifndef QR_SPACE_STAGE
#define QR_SPACE_STAGE (QR_MAX_CPUS > 1)
#endif

/* Huge pages: what is wanted, and what came of it.  All spaces count here: with the atomics. */
struct qr_huge {
	uint32_t policy; /* enum qr_huge_policy */
	uint32_t pause;  /* faults that do not ask for a block: there was none */
	uint32_t blocks, fault, fallback, split, collapse;
};

struct qr_memory {
	struct qr_frames *frames;
	const struct qr_format *format;
	struct qr_tlbs *tlbs;
	uintptr_t low_base; /* where frame 0 would be seen, if low memory began there */
	qr_frame kernel_root;
	qr_virt user_start, user_end, window_end;
	qr_virt stack_end;     /* stacks do not grow below; the kernel may move it */
	uint8_t backing;       /* enum qr_backing, never DEFAULT */
	qr_frame zero;         /* the page of zeroes that first-write backing shows */
	uint64_t prot_bits[8]; /* an entry's bits for user pages, by rights */
	struct qr_huge huge;
	struct qr_pool descs, mappings, nodes;
	struct qr_pool runs[3]; /* arrays of 16, 64 and 252 runs */

	/* Tables that became empty are full of zeroes already: kept for the next ones. */
	struct qr_lock spare_lock;
	struct qr_ptdesc *spare;
	struct qr_ptdesc *roots; /* these have their kernel half (and PAE's directories) still */
	uint32_t nspare, most_spare, nroots;
#if QR_SPACE_STAGE
	/* Unhooked, oldest first, until nobody can be looking at them; under spare_lock. */
	struct qr_ptdesc *limbo, *limbo_last;
	struct qr_epochs epochs;
#endif
};

/* Empty tables that are kept: as good as free where qr_memory_trim is called for want of frames. */
QR_INLINE size_t qr_memory_clean(const struct qr_memory *m)
{
	return qr_load32(&m->nspare);
}

/* Sizes that the search for free addresses keeps apart; see mm/space_find.c. */
#define QR_FIND_CLASSES 4

/* What faults count.  Several CPUs fault at once: so there are several sets, and a space's numbers
 * are the sums. */
#if QR_SPACE_STAGE
#define QR_SPACE_SETS 8
typedef qr_word qr_events;
#else
#define QR_SPACE_SETS 1
typedef uint64_t qr_events;
#endif

struct qr_space_pages {
	size_t anon, file, shared; /* resident, in leaves of its own */
	qr_events faults, zero, copy;
};

struct qr_space {
	struct qr_lock lock; /* S0: of all of it; S1: of its mappings */
	struct qr_memory *memory;
	struct qr_ptdesc *root;
	struct qr_tlb tlb;
	struct qr_ptdesc *near; /* the leaf that was used last, the space's own, */
	uintptr_t near_va;      /* and an address in it; none: UINTPTR_MAX */
	struct qr_ptdesc *idle; /* a leaf that may be empty, kept for the next promise (S0), */
	uintptr_t idle_va;      /* and an address in it; S1: none: UINTPTR_MAX */
	struct qr_ptdesc *kept; /* a leaf for each huge entry; under the memory's spare_lock */
	size_t nhuge;           /* huge entries */
	bool no_huge;           /* qr_space_huge */
	bool lazy;              /* some pages may be the next best's: qr_space_reclaim */

	struct qr_radix mappings;  /* struct qr_mapping *, by id */
	uint32_t free_id;          /* no id below this one is free */
	struct qr_mapping *stacks; /* those that grow down */
	struct qr_mapping *dead;   /* without pages; freed when the lock is released */

	uintptr_t bottom, top;                   /* where free addresses are searched, downwards */
	uintptr_t up;                            /* and then upwards from here; 0: not */
	uintptr_t find_from[QR_FIND_CLASSES];    /* no hole of that class lies above */
	size_t max_pages, max_locked, max_stack; /* limits, in pages */

	/* Counters, in pages; see struct qr_space_stat. */
	size_t mapped, locked, data, stack, exec;
	size_t tables, regions;
	size_t borrowed;                   /* leaves that are shared with other spaces, or were */
	size_t most_mapped, most_resident; /* before the last time that less was: note_most */
	struct qr_space_pages pages[QR_SPACE_SETS];
};

QR_INLINE size_t qr_space_runs(const struct qr_space *s)
{
	return s->regions;
}

#endif
