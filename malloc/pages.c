/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pages.c - runs of pages; see pages.h.
 *
 * A table has an entry for each page; of a free run those of its first and its last page are
 * filled in.  It is reserved like the range, so what is never free costs nothing; but the entries
 * of the first half megabyte are the library's own data, for what is reserved costs page tables, too,
 * in each process that begins or forks.  Dirty runs and clean ones have lists of their own: what has memory is used first.
 *
 * A page fault costs more than most calls of malloc together, and twice what a page costs that is
 * asked for with others.  So memory is fetched a little ahead of the frontier: a page, as long as the
 * heap is small, and nothing for a run of many pages, whose objects may never need them all; then
 * whole runs and a thirty-second of the heap.  What lies behind HUGE_FROM gets huge pages.
 *
 * Memory goes back when the process is idle (idle.c), and when fresh memory is about to be used
 * while much lies dirty in the wrong places: the most a process ever has is what counts.
 *
 * Invariants: a free run's neighbours are in use, or of the other kind; each free run is in the list of
 * its kind and length; the entry of a page in use is 0 if the page is the first or last of its kind.
 */
#define _GNU_SOURCE
#include "malloc/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#define NEAR        128u /* pages whose entries lie in the library: small programs have no more */
#define EXACT       64u  /* lists of one length each; behind them one for each doubling */
#define NLISTS      128u
#define STEP        ((size_t)4 << 20) /* least that is made usable at a time */
#define LARGE_FROM  ((size_t)1 << 20)
#define HUGE_FROM   ((size_t)16 << 20)
#define AHEAD_LEAST 1u /* pages */
#define AHEAD_MOST  64u
#define HUGE        ((size_t)2 << 20)
#define DIRTY_MIN   ((size_t)4 << 20) /* bytes: less than that in free pages is never too much */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct run {
	uint32_t npages; /* 0: no free run begins or ends here */
	uint32_t next, prev;
	bool dirty;
};

struct lists {
	uint32_t first[NLISTS]; /* 0: none, which is why page 0 is never free */
	uint64_t there[NLISTS / 64];
};

static struct {
	struct qr_lock lock;
	char *base;
	struct run near[NEAR], *far;
	size_t limit;          /* pages of the range */
	size_t frontier;       /* pages that were ever given out: what is behind is zeroes */
	size_t usable;         /* pages that may be touched */
	size_t fetched;        /* pages whose memory was asked for, or need not be */
	struct lists lists[2]; /* clean, dirty */
	bool small;            /* no huge pages */
	bool by_fault;         /* the system knows no other way */
	size_t used, peak, dirty;
	size_t most; /* ever of used and dirty together */
} all;

static struct run *run_at(size_t page)
{
	return page < NEAR ? &all.near[page] : &all.far[page];
}

static void *address(size_t page)
{
	return all.base + (page << QR_PAGE_SHIFT);
}

static void advise(size_t page, size_t npages, int advice)
{
	(void)madvise(address(page), npages << QR_PAGE_SHIFT, advice);
}

static void *reserve(void *ctx, size_t bytes)
{
	void *p = mmap(all.base - bytes, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)ctx;
	return p == MAP_FAILED ? NULL : p;
}

static void forget(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)madvise(p, bytes, MADV_DONTNEED);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static unsigned list_of(size_t npages)
{
	if (npages < EXACT)
		return (unsigned)npages;
	return EXACT + 63u - (unsigned)__builtin_clzll((unsigned long long)npages) - 6;
}

/* Under the lock; looked at without. */
static void count_dirty(long npages)
{
	__atomic_store_n(&all.dirty, all.dirty + (size_t)npages, __ATOMIC_RELAXED);
}

static void insert(size_t page, size_t npages, bool dirty)
{
	struct lists *of = &all.lists[dirty];
	unsigned l = list_of(npages);
	uint32_t *head = &of->first[l];

	*run_at(page) = (struct run){ (uint32_t)npages, *head, 0, dirty };
	run_at(page + npages - 1)->npages = (uint32_t)npages;
	if (*head)
		run_at(*head)->prev = (uint32_t)page;
	*head = (uint32_t)page;
	of->there[l / 64] |= (uint64_t)1 << l % 64;
	if (dirty)
		count_dirty((long)npages);
}

static void take_out(size_t page)
{
	struct run *r = run_at(page);
	struct lists *of = &all.lists[r->dirty];
	unsigned l = list_of(r->npages);

	if (r->prev)
		run_at(r->prev)->next = r->next;
	else
		of->first[l] = r->next;
	if (r->next)
		run_at(r->next)->prev = r->prev;
	if (!of->first[l])
		of->there[l / 64] &= ~((uint64_t)1 << l % 64);
	if (r->dirty)
		count_dirty(-(long)r->npages);
	run_at(page + r->npages - 1)->npages = 0;
	r->npages = 0;
}

/* A free run, one with those of its kind before and behind it. */
static void put(size_t page, size_t npages, bool dirty)
{
	struct run *before = run_at(page - 1), *after = run_at(page + npages);

	if (page + npages < all.frontier && after->npages && after->dirty == dirty) {
		size_t more = after->npages;

		take_out(page + npages);
		npages += more;
	}
	if (before->npages && run_at(page - before->npages)->dirty == dirty) {
		page -= before->npages;
		npages += before->npages;
		take_out(page);
	}
	insert(page, npages, dirty);
}

/* The first list of a kind that is not empty, from l on; NLISTS: none. */
static unsigned next_list(const struct lists *of, unsigned l)
{
	uint64_t there;

	if (l < 64) {
		there = of->there[0] >> l;
		if (there)
			return l + (unsigned)__builtin_ctzll(there);
		l = 64;
	}
	there = l < NLISTS ? of->there[1] >> (l - 64) : 0;
	return there ? l + (unsigned)__builtin_ctzll(there) : NLISTS;
}

/* ---- getting ---------------------------------------------------------------------------------- */

/* Where in a run of `have` pages at `page` npages aligned ones lie; SIZE_MAX: nowhere. */
static size_t fit(size_t page, size_t have, size_t npages, size_t align)
{
	size_t at = ((uintptr_t)all.base >> QR_PAGE_SHIFT) + page;
	size_t skip = -at & (align - 1);

	return skip + npages <= have ? page + skip : SIZE_MAX;
}

static void trim_run(size_t page, size_t at, size_t npages, size_t have, bool dirty)
{
	if (at > page)
		insert(page, at - page, dirty);
	if (page + have > at + npages)
		insert(at + npages, page + have - at - npages, dirty);
}

/* In one list: the shortest that fits of the first few; 0: none. */
static uint32_t best_of(const struct lists *of, unsigned l, size_t npages, size_t align)
{
	uint32_t best = 0;
	unsigned seen = 0;

	for (uint32_t p = of->first[l]; p && seen < 32; p = run_at(p)->next, seen++) {
		if (fit(p, run_at(p)->npages, npages, align) == SIZE_MAX)
			continue;
		if (!best || run_at(p)->npages < run_at(best)->npages)
			best = p;
		if (l < EXACT)
			break;
	}
	return best;
}

static size_t from_lists(bool dirty, size_t npages, size_t align)
{
	const struct lists *of = &all.lists[dirty];

	for (unsigned l = list_of(npages); (l = next_list(of, l)) < NLISTS; l++) {
		uint32_t best = best_of(of, l, npages, align);
		size_t have, at;

		if (!best)
			continue;
		have = run_at(best)->npages;
		at = fit(best, have, npages, align);
		take_out(best);
		trim_run(best, at, npages, have, dirty);
		return at;
	}
	return SIZE_MAX;
}

static bool make_usable(size_t end)
{
	size_t step = (STEP >> QR_PAGE_SHIFT) - 1, to = (end + all.usable / 8 + step) & ~step;

	if (end <= NEAR)
		to = NEAR;
	else if (!all.far && !(all.far = reserve(NULL, all.limit * sizeof(*all.far))))
		return false;
	if (to > all.limit)
		to = all.limit;
	if (end > to || mprotect(address(all.usable), (to - all.usable) << QR_PAGE_SHIFT,
				 PROT_READ | PROT_WRITE))
		return false;
	if (to > HUGE_FROM >> QR_PAGE_SHIFT && !all.small)
		advise(all.usable, to - all.usable, MADV_HUGEPAGE);
	all.usable = to;
	return true;
}

/* How much of a run at `page` had best be fetched, with what is behind it: not more than what will
 * soon be touched anyway. */
static size_t worth_fetching(size_t page, size_t npages)
{
	if (page < LARGE_FROM >> QR_PAGE_SHIFT)
		return npages <= 2 ? npages + AHEAD_LEAST : 0;
	if (npages > 16)
		return 0;
	return npages + (page / 32 < AHEAD_MOST ? page / 32 : AHEAD_MOST);
}

/* The run of npages at the frontier is about to be used: memory for it. */
static void fetch(size_t page, size_t npages)
{
	size_t to = page + worth_fetching(page, npages);
	size_t from = all.fetched > page ? all.fetched : page;

	if (page + npages <= all.fetched)
		return;
	if (to > all.usable)
		to = all.usable;
	if (from < to && to < HUGE_FROM >> QR_PAGE_SHIFT && !all.by_fault)
		all.by_fault =
		    madvise(address(from), (to - from) << QR_PAGE_SHIFT, MADV_POPULATE_WRITE) != 0;
	all.fetched = to > page + npages ? to : page + npages;
}

static size_t from_frontier(size_t npages, size_t align)
{
	size_t begin = all.frontier, at;

	if (npages > all.limit)
		return SIZE_MAX;
	at = fit(begin, npages + align, npages, align);
	if (at + npages > all.limit || (at + npages > all.usable && !make_usable(at + npages)))
		return SIZE_MAX;
	fetch(at, npages);
	all.frontier = at + npages;
	if (at > begin)
		put(begin, at - begin, false);
	return at;
}

static void count(size_t npages)
{
	all.used += npages;
	if (all.used > all.peak)
		all.peak = all.used;
	if (all.used + all.dirty > all.most)
		all.most = all.used + all.dirty;
}

/* ---- giving back ------------------------------------------------------------------------------ */

/* A run becomes clean.  Huge pages that it has a part of are not to be made whole again. */
static bool purge_run(size_t page)
{
	size_t npages = run_at(page)->npages, huge = (HUGE >> QR_PAGE_SHIFT) - 1;

	if (madvise(address(page), npages << QR_PAGE_SHIFT, MADV_DONTNEED))
		return false;
	take_out(page);
	if ((page + npages) << QR_PAGE_SHIFT > HUGE_FROM) {
		size_t from = page & ~huge, to = (page + npages + huge) & ~huge;

		advise(from, (to < all.usable ? to : all.usable) - from, MADV_NOHUGEPAGE);
	}
	put(page, npages, false);
	return true;
}

/* Long runs first, until no more than `keep` pages are dirty. */
static size_t purge_locked(size_t keep)
{
	size_t before = all.dirty;

	for (unsigned l = NLISTS; l-- > 1 && all.dirty > keep;)
		while (all.lists[1].first[l] && all.dirty > keep)
			if (!purge_run(all.lists[1].first[l]))
				return (before - all.dirty) << QR_PAGE_SHIFT;
	return (before - all.dirty) << QR_PAGE_SHIFT;
}

/* npages of fresh memory are about to be used.  If the process never had as much, and much of what
 * it has lies dirty in the wrong places, as much of that goes back. */
static void balance(size_t npages)
{
	size_t most = all.used / 8;

	if (most < DIRTY_MIN >> QR_PAGE_SHIFT)
		most = DIRTY_MIN >> QR_PAGE_SHIFT;
	if (all.used + all.dirty + npages > all.most && all.dirty > most)
		purge_locked(all.dirty > npages ? all.dirty - npages : 0);
}

static void *get(void *ctx, size_t npages, size_t align, bool *zeroed)
{
	size_t at;

	(void)ctx;
	qr_lock_acquire(&all.lock);
	at = from_lists(true, npages, align);
	*zeroed = at == SIZE_MAX;
	if (at == SIZE_MAX) {
		balance(npages);
		at = from_lists(false, npages, align);
	}
	if (at == SIZE_MAX)
		at = from_frontier(npages, align);
	if (at != SIZE_MAX)
		count(npages);
	qr_lock_release(&all.lock);
	return at == SIZE_MAX ? NULL : address(at);
}

static void give(void *ctx, void *p, size_t npages)
{
	(void)ctx;
	qr_lock_acquire(&all.lock);
	all.used -= npages;
	put((size_t)((char *)p - all.base) >> QR_PAGE_SHIFT, npages, true);
	qr_lock_release(&all.lock);
}

/* ---- growing ---------------------------------------------------------------------------------- */

/* The pages behind, if they are free or were never given out. */
static bool extend(size_t page, size_t npages, size_t more)
{
	size_t behind = page + npages, have;
	bool dirty;

	if (behind == all.frontier) {
		if (behind + more > all.limit ||
		    (behind + more > all.usable && !make_usable(behind + more)))
			return false;
		fetch(behind, more);
		all.frontier += more;
		return true;
	}
	have = run_at(behind)->npages;
	if (have < more)
		return false;
	dirty = run_at(behind)->dirty;
	take_out(behind);
	trim_run(behind, behind, more, have, dirty);
	return true;
}

static void *grow(void *ctx, void *p, size_t npages, size_t more)
{
	size_t page = (size_t)((char *)p - all.base) >> QR_PAGE_SHIFT;
	bool zeroed, extended;
	void *to;

	qr_lock_acquire(&all.lock);
	extended = extend(page, npages, more);
	if (extended)
		count(more);
	qr_lock_release(&all.lock);
	if (extended)
		return p;
	if (npages < 64) /* copying is cheaper than the call */
		return NULL;
	to = get(ctx, npages + more, 1, &zeroed);
	if (!to)
		return NULL;
	if (mremap(p, npages << QR_PAGE_SHIFT, npages << QR_PAGE_SHIFT,
		   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == MAP_FAILED) {
		give(ctx, to, npages + more);
		return NULL;
	}
	qr_lock_acquire(&all.lock);
	all.used -= npages;
	put(page, npages, false); /* the move left it without memory */
	qr_lock_release(&all.lock);
	return to;
}

/* ---- setting up ------------------------------------------------------------------------------- */

/* Where the range had best begin: low, so that the heap's map, which begins at 0, is short; but
 * where there is room for it below, so that both share page tables. */
#define WISH ((void *)(sizeof(void *) == 8 ? (uintptr_t)17 << 36 : (uintptr_t)1 << 28))

bool pages_init(struct qr_heap_source *src)
{
	size_t bytes = sizeof(void *) == 8 ? (size_t)1 << 40 : (size_t)1 << 31;
	void *base = MAP_FAILED;

	qr_lock_init(&all.lock, QR_RANK_LEAF);
	for (; base == MAP_FAILED && bytes >= STEP; bytes /= 2) {
		base = mmap(WISH, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0);
		all.limit = bytes >> QR_PAGE_SHIFT;
	}
	if (base == MAP_FAILED)
		return false;
	all.base = base;
	all.frontier = 1;
	*src = (struct qr_heap_source){
		.pages = get,
		.free = give,
		.grow = grow,
		.reserve = reserve,
		.forget = forget,
		.first = (uintptr_t)base,
		.nbytes = (uintptr_t)base + (all.limit << QR_PAGE_SHIFT),
	};
	return true;
}

/* Of long free runs, what the table has between the entries that are filled in. */
static void purge_table(void)
{
	const size_t block = QR_PAGE_SIZE / sizeof(struct run);

	for (unsigned l = EXACT; l < NLISTS; l++)
		for (uint32_t p = all.lists[0].first[l]; p; p = run_at(p)->next) {
			size_t from = (p + block) & -block, to = p + run_at(p)->npages - 1;

			if ((to & -block) > from)
				forget(NULL, run_at(from),
				       ((to & -block) - from) * sizeof(struct run));
		}
}

size_t pages_purge(void)
{
	size_t purged;

	qr_lock_acquire(&all.lock);
	purged = purge_locked(0);
	/* What was fetched ahead, or came with a huge page. */
	advise(all.frontier, all.usable - all.frontier, MADV_DONTNEED);
	all.fetched = all.frontier;
	purge_table();
	qr_lock_release(&all.lock);
	return purged;
}

void pages_set_small(void)
{
	all.small = true;
}

size_t pages_dirty(void)
{
	return __atomic_load_n(&all.dirty, __ATOMIC_RELAXED) << QR_PAGE_SHIFT;
}

size_t pages_used(void)
{
	return all.used << QR_PAGE_SHIFT;
}

size_t pages_peak(void)
{
	return all.peak << QR_PAGE_SHIFT;
}

void pages_lock(void)
{
	qr_lock_acquire(&all.lock);
}

void pages_unlock(void)
{
	qr_lock_release(&all.lock);
}

void pages_reset_lock(void)
{
	qr_lock_init(&all.lock, QR_RANK_LEAF);
}
