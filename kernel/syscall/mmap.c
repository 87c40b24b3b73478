/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmap.c - the system calls that make mappings and take them away: mmap, munmap, brk.
 *
 * Thin doors: Linux's checks in Linux's order (they decide which of two errors is reported), then
 * one call of quire/space.h.  Sources: mmap(2), brk(2) of the man-pages 6.x.
 */
#include "fs/file.h"
#include "fs/memfs.h"
#include "kernel/kmalloc.h"
#include "kernel/vm_settings.h"
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
#define MAP_HUGE_SHIFT      26

/* What SHARED_VALIDATE lets pass: the flags that are older than it, FIXED_NOREPLACE not among them;
 * SYNC is for files on persistent memory. */
#define MAP_VALIDATED 0x7c07f9f3u

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

#ifdef __x86_64__
#define MAP_LOW MAP_32BIT
#else
#define MAP_LOW 0u /* there, everything is */
#endif
#define MAP_LOW_END 0x80000000u
#define STACK_GUARD (256 * QR_PAGE_SIZE)

/* Is anything mapped there?  (The space asks again when it maps; here the order of errors counts.) */
static bool occupied(uintptr_t at, uintptr_t n)
{
	return !qr_space_unused(space_here(), qr_virt_of(at), pages(n));
}

bool room_at(uintptr_t at, uintptr_t n)
{
	struct qr_region r;

	if (QR_LIKELY(qr_space_unused(space_here(), qr_virt_of(at), pages(n + STACK_GUARD))) ||
	    qr_space_next(space_here(), qr_virt_of(at), &r) != QR_OK)
		return true;
	return r.start.v >= at + n + (r.flags & QR_MAP_GROWSDOWN ? STACK_GUARD : 0);
}

/* Where it may go: the checks that Linux makes while it looks for a place. */
static int place(struct qr_map *req, uintptr_t at, unsigned flags)
{
	uintptr_t n = (uintptr_t)req->npages << QR_PAGE_SHIFT, min = vm_settings.mmap_min_addr;

	if (n > USER_END)
		return -ENOMEM;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (at > USER_END - n)
			return -ENOMEM;
		if (OFFSET(at))
			return -EINVAL;
		if (at < space_memory.user_start.v ||
		    (at < min && !cred_can(&current->process->cred, CAP_SYS_RAWIO)))
			return -EPERM;
		req->flags |= QR_MAP_FIXED;
		if (flags & MAP_FIXED_NOREPLACE) {
			req->flags |= QR_MAP_NOREPLACE;
			if (occupied(at, n))
				return -EEXIST;
		}
	} else if ((at &= ~(uintptr_t)QR_PAGE_MASK)) {
		if (at < min)
			at = whole_pages(min);
		if (USER_WINDOW_END < USER_END && at > USER_WINDOW_END)
			req->flags |= QR_MAP_HIGH;
		else if (n > USER_WINDOW_END || at > USER_WINDOW_END - n)
			at = 0;
		if (at > (flags & MAP_LOW ? MAP_LOW_END : USER_END) - n)
			at = 0;
	}
	req->at = qr_virt_of(at);
	return 0;
}

static int file_type(struct qr_map *req, struct file *f, unsigned flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & ~MAP_VALIDATED)
			return -EOPNOTSUPP;
		/* fall through */
	case MAP_SHARED:
		if (req->prot & QR_WRITE && !f->writable)
			return -EACCES;
		if (!f->writable)
			req->maxprot &= (uint8_t)~QR_WRITE;
		req->flags |= QR_MAP_SHARED;
		/* fall through */
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (!f->readable)
		return -EACCES;
	if (f->path.dentry && f->path.mount->flags & MNT_NOEXEC) {
		if (req->prot & QR_EXEC)
			return -EPERM;
		req->maxprot &= (uint8_t)~QR_EXEC;
	}
	if (!f->ops->mmap)
		return -ENODEV;
	return flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static int map_type(struct qr_map *req, struct file *f, unsigned flags)
{
	if (f)
		return file_type(req, f, flags);
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		req->flags |= QR_MAP_SHARED;
		return flags & MAP_GROWSDOWN ? -EINVAL : 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

static void map_flags(struct qr_map *req, unsigned flags)
{
	if (flags & MAP_GROWSDOWN)
		req->flags |= QR_MAP_GROWSDOWN;
	req->flags |= mm_here()->map_flags;
	if (flags & MAP_LOCKED)
		req->flags |= QR_MAP_LOCKED;
	if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		req->flags |= QR_MAP_POPULATE;
#ifdef __x86_64__
	if (flags & MAP_32BIT)
		req->flags |= QR_MAP_LOW;
#endif
}

static bool may_have(const struct qr_map *req, bool file, unsigned flags)
{
	bool shared = req->flags & QR_MAP_SHARED;
	bool data = !shared && req->prot & QR_WRITE && !(flags & MAP_GROWSDOWN);

	if (data && QR_RARELY(!(req->flags & QR_MAP_FIXED ? may_put_data(req->at, req->npages)
							  : may_add_data(req->npages))))
		return false;
	if (shared ? file : !(req->prot & QR_WRITE))
		return true; /* nobody needs a frame that the file does not have */
	if (flags & MAP_NORESERVE && vm_settings.overcommit_memory != OVERCOMMIT_NEVER)
		return true;
	return may_commit(req->npages);
}

/* The request is complete but for its object. */
static long map_it(struct qr_map *req, struct file *f)
{
	struct qr_object *own = NULL;
	qr_virt at;
	long err = 0;

	if (f && (err = file_mmap(f, &req->object)) != 0)
		return err;
	if (f && (err = memfs_seals_at_map(f->inode, req)) != 0)
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
	if (err)
		return err;
	if (QR_RARELY(req->flags & QR_MAP_FIXED))
		range_gone(at.v, at.v + (req->npages << QR_PAGE_SHIFT));
	return (long)at.v;
}

static long map_pages(uintptr_t at, size_t n, unsigned prot, unsigned flags, struct file *f,
		      uint64_t pgoff)
{
	struct qr_map req = { .prot = prot & (QR_READ | QR_WRITE | QR_EXEC),
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC,
			      .pgoff = f ? pgoff : 0 };
	int err;

	if (!n)
		return -EINVAL;
	req.npages = pages(whole_pages(n));
	if (!req.npages)
		return -ENOMEM;
	if (pgoff + req.npages < pgoff || (sizeof(long) == 4 && pgoff + req.npages > UINT32_MAX))
		return -EOVERFLOW;
	if (QR_RARELY(regions_full(0)))
		return -ENOMEM;
	if ((err = place(&req, at, flags)) != 0)
		return err;
	map_flags(&req, flags);
	if (QR_RARELY(req.flags & QR_MAP_LOCKED)) {
		if (flags & MAP_LOCKED && !may_lock())
			return -EPERM;
		if (!may_lock_more(req.npages))
			return -EAGAIN;
	}
	/* The last byte of a file has to have a number. */
	if (f && S_ISREG(f->inode->mode) && pgoff + req.npages > INT64_MAX >> QR_PAGE_SHIFT)
		return -EOVERFLOW;
	if ((err = map_type(&req, f, flags)) != 0)
		return err;
	if (QR_RARELY(!may_have(&req, f, flags)))
		return -ENOMEM;
	return map_it(&req, f);
}

/* Huge pages of a pool that is empty: what is right but for that finds no memory. */
static long map_huge(size_t n, unsigned flags)
{
	unsigned order = flags >> MAP_HUGE_SHIFT & 63;
	unsigned type = flags & MAP_TYPE;

	if (order && order != qr_format_shift(kernel_tables.format, 1) &&
	    !(sizeof(long) == 8 && order == 30))
		return -EINVAL;
	if (!n || (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE))
		return -EINVAL;
	return -ENOMEM;
}

static long do_mmap(uintptr_t at, size_t n, unsigned prot, unsigned flags, unsigned fd,
		    uint64_t pgoff)
{
	struct file *f;
	long result;

	if (flags & MAP_ANONYMOUS)
		return QR_RARELY(flags & MAP_HUGETLB) ? map_huge(n, flags)
						      : map_pages(at, n, prot, flags, NULL, pgoff);
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

/* Does the range cut one region into two? */
static bool splits_inside(uintptr_t at, uintptr_t end)
{
	struct qr_region r;

	return qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK && r.start.v < at &&
	       r.end.v > end;
}

SYSCALL2(munmap, uintptr_t, at, size_t, n)
{
	long err;

	if (OFFSET(at) || at > USER_END || n > USER_END - at || !whole_pages(n))
		return -EINVAL;
	if (QR_RARELY(regions_full(1)) && splits_inside(at, at + whole_pages(n)))
		return -ENOMEM;
	err = error_of(qr_space_unmap(space_here(), qr_virt_of(at), pages(whole_pages(n))));
	if (!err)
		range_gone(at, at + whole_pages(n));
	return err;
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

	if (!room_at(from, to + QR_PAGE_SIZE - from)) /* a page stays free above */
		return false;
	req.flags |= mm_here()->map_flags;
	if (QR_RARELY(req.flags & QR_MAP_LOCKED) && !may_lock_more(req.npages))
		return false;
	return may_add_data(req.npages) && !regions_full(0) && may_commit(req.npages) &&
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
		if (!occupied(new_end, old_end - new_end) || /* the program has unmapped it */
		    qr_space_unmap(&mm->space, qr_virt_of(new_end), pages(old_end - new_end)) !=
			QR_OK)
			return (long)mm->brk;
	}
	mm->brk = to;
	if (new_end < old_end)
		range_gone(new_end, old_end);
	return (long)to;
}
