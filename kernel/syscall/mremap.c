/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mremap.c - a mapping becomes longer, shorter, or moves: mremap; and remap_file_pages, which Linux
 * makes of mmap too.  Sources: mremap(2), remap_file_pages(2) of the man-pages 6.x.
 */
#include "kernel/policies.h"
#include "kernel/shm.h"
#include "kernel/syscall/memory.h"
#include "kernel/userfault.h"

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

/* A move takes one region apart at both ends, and makes another. */
#define REGIONS_TO_MOVE 4

static int check_flags(uintptr_t from, size_t old_n, size_t new_n, unsigned flags)
{
	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || old_n != new_n))
		return -EINVAL;
	return OFFSET(from) || !whole_pages(new_n) ? -EINVAL : 0;
}

static int check_place(const struct qr_remap *r)
{
	uintptr_t from = r->from.v, to = r->to.v;
	uintptr_t old_n = r->old_npages << QR_PAGE_SHIFT, new_n = r->new_npages << QR_PAGE_SHIFT;

	if (OFFSET(to) || new_n > USER_END || to > USER_END - new_n ||
	    (r->fixed && to < space_memory.user_start.v))
		return -EINVAL;
	if (from + old_n > to && to + new_n > from)
		return -EINVAL;
	return regions_full(2 + REGIONS_TO_MOVE) ? -ENOMEM : 0;
}

/* What is there, and may it grow?  `r`: the region at `from`. */
static int check_region(const struct qr_remap *q, const struct qr_region *r)
{
	size_t more = q->new_npages > q->old_npages ? q->new_npages - q->old_npages : 0;
	bool data = r->prot & QR_WRITE && !(r->flags & (QR_MAP_SHARED | QR_MAP_GROWSDOWN));
	uint64_t pgoff = r->pgoff + pages(q->from.v - r->start.v);

	if (!q->old_npages && !(r->flags & QR_MAP_SHARED))
		return -EINVAL;
	if (q->old_npages > pages(r->end.v - q->from.v))
		return -EFAULT;
	if (!more) /* the place that is left behind stays mapped */
		return q->keep_old && data &&
			       !(q->fixed ? may_put_data(q->to, q->new_npages)
					  : may_add_data(q->new_npages))
			   ? -ENOMEM
			   : 0;
	if (r->object && pgoff + q->new_npages < pgoff)
		return -EINVAL;
	if (r->flags & QR_MAP_LOCKED && !may_lock_more(more))
		return -EAGAIN;
	return !data || (may_add_data(more) && may_commit(more)) ? 0 : -ENOMEM;
}

/* In the order in which Linux tells of it: what was at the new place, the move, what was cut off,
 * and the old place. */
static void tell(const struct qr_remap *q, unsigned region_flags, uintptr_t to, size_t cut)
{
	uintptr_t from = q->from.v;
	size_t old = q->old_npages << QR_PAGE_SHIFT, new = q->new_npages << QR_PAGE_SHIFT;
	struct mm *mm = mm_here();

	if (q->fixed)
		range_gone(to, to + new);
	if (mm->userfaults)
		userfault_moved(mm, from, old, to, new, region_flags);
	policies_moved(mm, from, old, to, new);
	if (cut)
		range_gone(from + old, from + old + cut);
	if (from != to && old && !q->keep_old)
		range_gone(from, from + old);
}

/* `cut`: bytes behind the old place that are unmapped already. */
static long remap(const struct qr_remap *q, unsigned region_flags, size_t cut)
{
	enum qr_err err;
	qr_virt at;

	err = qr_space_remap(space_here(), q, &at);
	if (QR_RARELY(mm_here()->userfaults || mm_here()->policies) && !err)
		tell(q, region_flags, at.v, cut);
	if (err == QR_NOENT)
		return -EFAULT;
	return err == QR_OK ? (long)at.v : error_of(err);
}

/* Making a mapping shorter where it is, is unmapping the rest, whatever that belongs to. */
static long shrink(const struct qr_remap *q, size_t *cut)
{
	uintptr_t at = q->from.v + (q->new_npages << QR_PAGE_SHIFT);
	size_t n = q->old_npages - q->new_npages;

	if (n > pages(USER_END) || at > USER_END - (n << QR_PAGE_SHIFT))
		return -EINVAL;
	*cut = n << QR_PAGE_SHIFT;
	return n ? error_of(qr_space_unmap(space_here(), qr_virt_of(at), n)) : 0;
}

SYSCALL5(mremap, uintptr_t, from, size_t, old_n, size_t, new_n, unsigned, flags, uintptr_t, to)
{
	struct qr_remap q = { .from = qr_virt_of(from),
			      .old_npages = pages(whole_pages(old_n)),
			      .new_npages = pages(whole_pages(new_n)),
			      .may_move = flags & MREMAP_MAYMOVE,
			      .fixed = flags & MREMAP_FIXED,
			      .keep_old = flags & MREMAP_DONTUNMAP,
			      .to = qr_virt_of(to) };
	struct qr_region r;
	size_t cut = 0;
	long err = check_flags(from, old_n, new_n, flags);

	if (err)
		return err;
	if ((q.fixed || q.keep_old) && (err = check_place(&q)) != 0)
		return err;
	if (from >= USER_END || qr_space_next(space_here(), q.from, &r) != QR_OK ||
	    r.start.v > from)
		return -EFAULT;
	if (!q.fixed && !q.keep_old && q.new_npages <= q.old_npages) {
		err = shrink(&q, &cut);
		if (!err && cut)
			range_gone(from + whole_pages(new_n), from + whole_pages(new_n) + cut);
		return err ? err : (long)from;
	}
	if (q.fixed && q.old_npages > q.new_npages) { /* the tail goes, whoever's it is */
		if ((err = shrink(&q, &cut)) != 0)
			return err;
		q.old_npages = q.new_npages;
	}
	if ((err = check_region(&q, &r)) != 0)
		return err;
	if (q.may_move ? regions_full(REGIONS_TO_MOVE) : !q.old_npages)
		return -ENOMEM;
	return remap(&q, r.flags, cut);
}

/* ---- remap_file_pages ------------------------------------------------------------------------ */

#define MAP_NONBLOCK 0x10000u

/* Up to there, is it the same object with the same rights, whichever of its pages? */
static bool alike_until(const struct qr_region *first, uintptr_t end)
{
	struct qr_region r = *first;

	while (r.end.v < end) {
		uintptr_t at = r.end.v;

		if (qr_space_next(space_here(), r.end, &r) != QR_OK || r.start.v > at ||
		    r.object != first->object || r.prot != first->prot || r.flags != first->flags ||
		    r.advice != first->advice)
			return false;
	}
	return true;
}

/* Is it the last that is attached of a segment that was removed?  What it is made of goes with it,
 * before it could be mapped anew. */
static bool last_of_removed(const struct qr_region *r, uintptr_t at, uintptr_t end)
{
	const struct shm_segment *s = shm_of(r->object);

	return s && s->mode & SHM_DEST && shm_attaches(s) == 1 && r->start.v == at &&
	       r->end.v <= end;
}

/* Other pages of the same object into a part of a shared mapping: a mapping of its own, today. */
SYSCALL5(remap_file_pages, uintptr_t, at, size_t, n, unsigned long, prot, size_t, pgoff, unsigned,
	 flags)
{
	struct qr_map req = { .flags = QR_MAP_FIXED | QR_MAP_SHARED };
	struct qr_region r;
	uintptr_t end;
	qr_virt out;
	long err;

	if (prot)
		return -EINVAL;
	at &= ~(uintptr_t)QR_PAGE_MASK;
	n &= ~(uintptr_t)QR_PAGE_MASK;
	end = at + n;
	if (end <= at || pgoff + pages(n) < pgoff)
		return -EINVAL;
	if (at >= USER_END || qr_space_next(space_here(), qr_virt_of(at), &r) != QR_OK ||
	    r.start.v > at || !(r.flags & QR_MAP_SHARED) || !(r.maxprot & QR_WRITE))
		return -EINVAL; /* shared, and of a file that is open for writing */
	if (!r.object || !alike_until(&r, end))
		return -EINVAL;
	req.at = qr_virt_of(at);
	req.npages = pages(n);
	req.prot = r.prot;
	req.maxprot = r.maxprot;
	req.object = r.object;
	req.pgoff = pgoff;
	req.flags |= (r.flags & (QR_MAP_LOCKED | QR_MAP_ONFAULT)) | mm_here()->map_flags;
	if (!(flags & MAP_NONBLOCK) && !(req.flags & QR_MAP_ONFAULT))
		req.flags |= QR_MAP_POPULATE;
	if (may_split(at, end))
		return -ENOMEM;
	if (last_of_removed(&r, at, end)) {
		err = error_of(qr_space_unmap(space_here(), req.at, req.npages));
		return err ? err : (range_gone(at, end), -EINVAL);
	}
	qr_object_get(req.object); /* replacing its last page must not end it */
	err = error_of(qr_space_map(space_here(), &req, &out));
	qr_object_put(req.object);
	if (!err)
		range_gone(at, end);
	return err;
}
