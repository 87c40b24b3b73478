/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pages.c - runs of pages; see pages.h.
 *
 * A table beside the range has an entry for each page; of a free run those of its first and its
 * last page are filled in.  The table is reserved like the range, so what is never free costs
 * nothing.
 *
 * Invariants: a free run's neighbours are in use; each free run is in the list of its length; the
 * entry of a page in use is 0 if the page is the first or last of its kind.
 */
#define _GNU_SOURCE
#include "malloc/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#define EXACT     64u /* lists of one length each; behind them one for each doubling */
#define NLISTS    (EXACT + 32)
#define STEP      ((size_t)4 << 20) /* least that is made usable at a time */
#define PURGE_MIN ((size_t)8 << 20) /* bytes: less than that in free pages is never too much */

struct run {
	uint32_t npages; /* 0: no free run begins or ends here */
	uint32_t next, prev;
	bool dirty;
};

static struct {
	struct qr_lock lock;
	char *base;
	struct run *run;
	size_t limit;          /* pages of the range */
	size_t frontier;       /* pages that were ever given out: what is behind is zeroes */
	size_t usable;         /* pages that may be touched */
	uint32_t list[NLISTS]; /* first run of each; 0: none, which is why page 0 is never free */
	size_t used, peak, dirty;
} all;

static void *reserve(void *ctx, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)ctx;
	return p == MAP_FAILED ? NULL : p;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static unsigned list_of(size_t npages)
{
	if (npages < EXACT)
		return (unsigned)npages;
	return EXACT + 63u - (unsigned)__builtin_clzll((unsigned long long)npages) - 6;
}

static void insert(size_t page, size_t npages, bool dirty)
{
	uint32_t *head = &all.list[list_of(npages)];

	all.run[page] = (struct run){ (uint32_t)npages, *head, 0, dirty };
	all.run[page + npages - 1].npages = (uint32_t)npages;
	if (*head)
		all.run[*head].prev = (uint32_t)page;
	*head = (uint32_t)page;
	if (dirty)
		all.dirty += npages;
}

static void take_out(size_t page)
{
	struct run *r = &all.run[page];

	if (r->prev)
		all.run[r->prev].next = r->next;
	else
		all.list[list_of(r->npages)] = r->next;
	if (r->next)
		all.run[r->next].prev = r->prev;
	if (r->dirty)
		all.dirty -= r->npages;
	all.run[page + r->npages - 1].npages = 0;
	r->npages = 0;
}

static void put(size_t page, size_t npages, bool dirty)
{
	struct run *before = &all.run[page - 1], *after = &all.run[page + npages];

	if (page + npages < all.frontier && after->npages) {
		size_t more = after->npages;

		dirty |= after->dirty;
		take_out(page + npages);
		npages += more;
	}
	if (before->npages) {
		size_t more = before->npages;

		page -= more;
		npages += more;
		dirty |= all.run[page].dirty;
		take_out(page);
	}
	insert(page, npages, dirty);
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

/* Out of the lists: the shortest that fits, among long ones the shortest of the first few. */
static size_t from_lists(size_t npages, size_t align, bool *zeroed)
{
	for (unsigned l = list_of(npages); l < NLISTS; l++) {
		uint32_t best = 0;
		unsigned seen = 0;

		for (uint32_t p = all.list[l]; p && seen < 32; p = all.run[p].next) {
			if (fit(p, all.run[p].npages, npages, align) == SIZE_MAX)
				continue;
			if (!best || all.run[p].npages < all.run[best].npages)
				best = p;
			seen++;
			if (l < EXACT)
				break;
		}
		if (best) {
			size_t have = all.run[best].npages, at = fit(best, have, npages, align);
			bool dirty = all.run[best].dirty;

			take_out(best);
			trim_run(best, at, npages, have, dirty);
			*zeroed = !dirty;
			return at;
		}
	}
	return SIZE_MAX;
}

static bool make_usable(size_t end)
{
	size_t step = STEP >> QR_PAGE_SHIFT, to = (end + step - 1) & ~(step - 1);

	if (to > all.limit)
		to = all.limit;
	if (end > to || mprotect(all.base + (all.usable << QR_PAGE_SHIFT),
				 (to - all.usable) << QR_PAGE_SHIFT, PROT_READ | PROT_WRITE))
		return false;
	all.usable = to;
	return true;
}

static size_t from_frontier(size_t npages, size_t align)
{
	size_t begin = all.frontier, at;

	if (npages > all.limit)
		return SIZE_MAX;
	at = fit(begin, npages + align, npages, align);
	if (at + npages > all.limit || (at + npages > all.usable && !make_usable(at + npages)))
		return SIZE_MAX;
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
}

static void *get(void *ctx, size_t npages, size_t align, bool *zeroed)
{
	size_t at;

	(void)ctx;
	qr_lock_acquire(&all.lock);
	at = from_lists(npages, align, zeroed);
	if (at == SIZE_MAX) {
		at = from_frontier(npages, align);
		*zeroed = true;
	}
	if (at != SIZE_MAX)
		count(npages);
	qr_lock_release(&all.lock);
	return at == SIZE_MAX ? NULL : all.base + (at << QR_PAGE_SHIFT);
}

/* ---- giving back ------------------------------------------------------------------------------ */

static size_t purge_locked(void)
{
	size_t purged = 0;

	for (unsigned l = 0; l < NLISTS; l++)
		for (uint32_t p = all.list[l]; p; p = all.run[p].next) {
			struct run *r = &all.run[p];

			if (!r->dirty)
				continue;
			if (madvise(all.base + ((size_t)p << QR_PAGE_SHIFT),
				    (size_t)r->npages << QR_PAGE_SHIFT, MADV_DONTNEED))
				continue;
			r->dirty = false;
			all.dirty -= r->npages;
			purged += r->npages;
		}
	return purged << QR_PAGE_SHIFT;
}

static void give(void *ctx, void *p, size_t npages)
{
	(void)ctx;
	qr_lock_acquire(&all.lock);
	all.used -= npages;
	put((size_t)((char *)p - all.base) >> QR_PAGE_SHIFT, npages, true);
	if (all.dirty > PURGE_MIN >> QR_PAGE_SHIFT && all.dirty > all.used / 8)
		purge_locked();
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
		all.frontier += more;
		return true;
	}
	have = all.run[behind].npages;
	if (have < more)
		return false;
	dirty = all.run[behind].dirty;
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

/* Where the range had best begin: low, so that the heap's map, which begins at 0, is short. */
#define WISH ((void *)((uintptr_t)1 << (sizeof(void *) == 8 ? 40 : 28)))

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
	all.run = reserve(NULL, (all.limit + 1) * sizeof(*all.run));
	all.frontier = 1;
	*src = (struct qr_heap_source){
		.pages = get,
		.free = give,
		.grow = grow,
		.reserve = reserve,
		.nbytes = (uintptr_t)base + (all.limit << QR_PAGE_SHIFT),
	};
	return all.run != NULL;
}

size_t pages_purge(void)
{
	size_t purged;

	qr_lock_acquire(&all.lock);
	purged = purge_locked();
	qr_lock_release(&all.lock);
	return purged;
}

size_t pages_dirty(void)
{
	return all.dirty << QR_PAGE_SHIFT;
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
