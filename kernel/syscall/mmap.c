/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmap.c - the system calls that make and move mappings: mmap, munmap, brk, mremap.
 *
 * Thin doors: Linux's checks in Linux's order (they decide which of two errors is reported), then
 * one call of quire/space.h.  Sources: mmap(2), brk(2), mremap(2) of the Linux man-pages 6.x.
 */
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/memory.h"

#define MAP_SHARED          0x01u
#define MAP_PRIVATE         0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_TYPE            0x0fu
#define MAP_FIXED           0x10u
#define MAP_ANONYMOUS       0x20u
#define MAP_32BIT           0x40u
#define MAP_GROWSDOWN       0x0100u
#define MAP_LOCKED          0x2000u
#define MAP_NORESERVE       0x4000u
#define MAP_POPULATE        0x8000u
#define MAP_NONBLOCK        0x10000u
#define MAP_HUGETLB         0x40000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MAP_VALIDATED       (0x1df3ffu & ~MAP_HUGETLB) /* what SHARED_VALIDATE lets pass */

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

/* May so many pages be added?  `data`: private and writable, so that each may need a frame of its
 * own: more than the machine has can only be a mistake (Linux's overcommit heuristic). */
static bool may_add(size_t npages, bool data, bool reserve)
{
	const struct rlimit_pair *r = current->process->rlimits;
	struct qr_space_stat s;

	if (data && reserve && npages > frames.total)
		return false;
	if (QR_LIKELY(r[RLIMIT_AS].cur == RLIM_INFINITY && r[RLIMIT_DATA].cur == RLIM_INFINITY))
		return true;
	qr_space_stat(space_here(), &s);
	return !limit_reached(RLIMIT_AS, s.mapped, npages) &&
	       !(data && limit_reached(RLIMIT_DATA, s.data, npages));
}

/* ---- mmap ----------------------------------------------------------------------------------- */

static void free_object(struct qr_object *o)
{
	kfree(o);
}

/* An object for a shared mapping that no file backs: one reference. */
static struct qr_object *anonymous_object(size_t npages)
{
	struct qr_object *o = kmalloc(sizeof(*o));

	if (o)
		qr_object_init(o, &space_memory, npages, NULL, free_object);
	return o;
}

/* Where it may go: the checks that Linux makes while it looks for a place. */
static int place(struct qr_map *req, uintptr_t at, unsigned flags)
{
	uintptr_t n = (uintptr_t)req->npages << QR_PAGE_SHIFT;

	if (n > USER_END)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (at > USER_END - n)
			return -ENOMEM;
		if (OFFSET(at))
			return -EINVAL;
		if (at < space_memory.user_start.v)
			return -EPERM;
		req->flags |= QR_MAP_FIXED;
		if (flags & MAP_FIXED_NOREPLACE)
			req->flags |= QR_MAP_NOREPLACE;
	} else if (at) {
		at = at > USER_END - n ? 0 : at & ~(uintptr_t)QR_PAGE_MASK;
		if (at < space_memory.user_start.v)
			at = 0;
	}
	req->at = qr_virt_of(at);
	return 0;
}

static int map_type(struct qr_map *req, const struct file *f, unsigned flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (!f)
			return -EINVAL;
		if (flags & ~MAP_VALIDATED)
			return -EOPNOTSUPP;
		/* fall through */
	case MAP_SHARED:
		if (f && (req->prot & QR_WRITE) && !f->writable)
			return -EACCES;
		if (f && !f->writable)
			req->maxprot &= (uint8_t)~QR_WRITE;
		req->flags |= QR_MAP_SHARED;
		break;
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (f && !f->readable)
		return -EACCES;
	if ((flags & MAP_GROWSDOWN) && (f || (req->flags & QR_MAP_SHARED)))
		return -EINVAL;
	return 0;
}

static void map_flags(struct qr_map *req, unsigned flags)
{
	if (flags & MAP_GROWSDOWN)
		req->flags |= QR_MAP_GROWSDOWN;
	if ((flags & MAP_LOCKED) || mm_here()->map_flags)
		req->flags |= QR_MAP_LOCKED;
	if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		req->flags |= QR_MAP_POPULATE;
#ifdef __x86_64__
	if (flags & MAP_32BIT)
		req->flags |= QR_MAP_LOW;
#endif
}

/* The request is complete but for its object. */
static long map_it(struct qr_map *req, struct file *f)
{
	struct qr_object *own = NULL;
	qr_virt at;
	long err = 0;

	if (f && (err = file_mmap(f, &req->object)) != 0)
		return err;
	if (!req->object && (req->flags & QR_MAP_SHARED)) {
		own = req->object = anonymous_object(req->npages);
		req->pgoff = 0;
		if (!own)
			return -ENOMEM;
	}
	err = error_of(qr_space_map(space_here(), req, &at));
	if (own)
		qr_object_put(own);
	return err ? err : (long)at.v;
}

static long map_pages(uintptr_t at, size_t n, unsigned prot, unsigned flags, struct file *f,
		      uint64_t pgoff)
{
	struct qr_map req = { .prot = prot & (QR_READ | QR_WRITE | QR_EXEC),
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC,
			      .pgoff = f ? pgoff : 0 };
	bool private;
	int err;

	if (!n)
		return -EINVAL;
	req.npages = pages(whole_pages(n));
	if (!req.npages)
		return -ENOMEM;
	if (pgoff + req.npages < pgoff || (sizeof(long) == 4 && pgoff + req.npages > UINT32_MAX))
		return -EOVERFLOW;
	if ((err = place(&req, at, flags)) != 0)
		return err;
	map_flags(&req, flags);
	if ((flags & MAP_LOCKED) && (err = may_lock(req.npages)) != 0)
		return err;
	if ((err = map_type(&req, f, flags)) != 0)
		return err;
	private = !(req.flags & QR_MAP_SHARED) && (req.prot & QR_WRITE);
	if (!may_add(req.npages, private, !(flags & MAP_NORESERVE)))
		return -ENOMEM;
	return map_it(&req, f);
}

static long do_mmap(uintptr_t at, size_t n, unsigned prot, unsigned flags, unsigned fd,
		    uint64_t pgoff)
{
	struct file *f;
	long result;

	if (flags & MAP_ANONYMOUS) /* huge pages come from a pool, and there is none */
		return flags & MAP_HUGETLB ? -ENOMEM : map_pages(at, n, prot, flags, NULL, pgoff);
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	result = flags & MAP_HUGETLB ? -EINVAL : map_pages(at, n, prot, flags, f, pgoff);
	file_put(f);
	return result;
}

#ifdef __x86_64__
SYSCALL6(mmap, uintptr_t, at, size_t, n, unsigned, prot, unsigned, flags, unsigned, fd, uint64_t,
	 offset)
{
	if (OFFSET(offset))
		return -EINVAL;
	return do_mmap(at, n, prot, flags, fd, offset >> QR_PAGE_SHIFT);
}
#else
SYSCALL6(mmap2, uintptr_t, at, size_t, n, unsigned, prot, unsigned, flags, unsigned, fd, uint32_t,
	 pgoff)
{
	return do_mmap(at, n, prot, flags, fd, pgoff);
}

struct mmap_words {
	uint32_t at, n, prot, flags, fd, offset;
};

SYSCALL1(old_mmap, struct mmap_words __user *, words)
{
	struct mmap_words a;

	if (copy_from_user(&a, words, sizeof(a)))
		return -EFAULT;
	if (OFFSET(a.offset))
		return -EINVAL;
	return do_mmap(a.at, a.n, a.prot, a.flags, a.fd, a.offset >> QR_PAGE_SHIFT);
}
#endif

SYSCALL2(munmap, uintptr_t, at, size_t, n)
{
	if (OFFSET(at) || at > USER_END || n > USER_END - at || !whole_pages(n))
		return -EINVAL;
	return error_of(qr_space_unmap(space_here(), qr_virt_of(at), pages(whole_pages(n))));
}
/* ---- brk ------------------------------------------------------------------------------------ */

/* The break is exact, the pages below it are whole.  Failure is told by the answer: the old one. */
static bool brk_grow(uintptr_t from, uintptr_t to)
{
	struct qr_map req = { .at = qr_virt_of(from),
			      .npages = pages(to - from),
			      .flags = QR_MAP_FIXED | QR_MAP_NOREPLACE,
			      .prot = QR_READ | QR_WRITE,
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC };
	qr_virt at;

	if (mm_here()->map_flags)
		req.flags |= QR_MAP_LOCKED;
	return to <= USER_END && may_add(req.npages, true, true) &&
	       qr_space_map(space_here(), &req, &at) == QR_OK;
}

SYSCALL1(brk, uintptr_t, to)
{
	struct mm *mm = mm_here();
	uint64_t limit = current->process->rlimits[RLIMIT_DATA].cur;
	uintptr_t old_end = whole_pages(mm->brk), new_end = whole_pages(to);

	if (to < mm->start_brk || to > USER_END)
		return (long)mm->brk;
	if (limit != RLIM_INFINITY &&
	    (uint64_t)(to - mm->start_brk) + (mm->end_data - mm->start_data) > limit)
		return (long)mm->brk;
	if (new_end > old_end) {
		if (!brk_grow(old_end, new_end))
			return (long)mm->brk;
	} else if (new_end < old_end) {
		if (qr_space_unmap(&mm->space, qr_virt_of(new_end), pages(old_end - new_end)) !=
		    QR_OK)
			return (long)mm->brk;
	}
	mm->brk = to;
	return (long)to;
}
/* ---- mremap --------------------------------------------------------------------------------- */

static int check_mremap(uintptr_t from, uintptr_t old_n, uintptr_t new_n, unsigned flags,
			uintptr_t to)
{
	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || old_n != new_n))
		return -EINVAL;
	if (OFFSET(from) || !new_n)
		return -EINVAL;
	if (flags & MREMAP_FIXED)
		if (OFFSET(to) || new_n > USER_END || to > USER_END - new_n ||
		    (from + old_n > to && to + new_n > from))
			return -EINVAL;
	return 0;
}

SYSCALL5(mremap, uintptr_t, from, size_t, old_n, size_t, new_n, unsigned, flags, uintptr_t, to)
{
	struct qr_remap req;
	enum qr_err err;
	qr_virt at;
	int bad;

	old_n = whole_pages(old_n);
	new_n = whole_pages(new_n);
	if ((bad = check_mremap(from, old_n, new_n, flags, to)) != 0)
		return bad;
	if (from > USER_END || old_n > USER_END - from)
		return -EFAULT;
	if (new_n > old_n && !may_add(pages(new_n - old_n), true, true))
		return -ENOMEM;
	req = (struct qr_remap){ .from = qr_virt_of(from),
				 .old_npages = pages(old_n),
				 .new_npages = pages(new_n),
				 .may_move = flags & MREMAP_MAYMOVE,
				 .fixed = flags & MREMAP_FIXED,
				 .keep_old = flags & MREMAP_DONTUNMAP,
				 .to = qr_virt_of(to) };
	err = qr_space_remap(space_here(), &req, &at);
	if (err == QR_NOENT)
		return -EFAULT;
	return err == QR_OK ? (long)at.v : error_of(err);
}
