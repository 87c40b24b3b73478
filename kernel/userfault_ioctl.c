/* SPDX-License-Identifier: BSD-2-Clause
 *
 * userfault_ioctl.c - the monitor's side of userfaultfd: the call, reading, and answering faults.
 *
 * Checks are made in Linux's order.  Bytes for a page are taken from the monitor's memory into a
 * page of the kernel's first, as that may fault.
 */
#include "arch/x86/user.h"
#include "fs/anon.h"
#include "fs/file.h"
#include "kernel/errno_of.h"
#include "kernel/kmalloc.h"
#include "kernel/memory.h"
#include "kernel/shm.h"
#include "kernel/syscall/syscall.h"
#include "kernel/userfault.h"
#include "kernel/vm_settings.h"

#define UFFD_API_VERSION 0xaa
#define USER_MODE_ONLY   1u

/* _IOC of type 0xaa: the size of the argument is part of the number. */
enum {
	IOC_API = 0xc018aa3f,
	IOC_REGISTER = 0xc020aa00,
	IOC_UNREGISTER = 0x8010aa01,
	IOC_WAKE = 0x8010aa02,
	IOC_COPY = 0xc028aa03,
	IOC_ZEROPAGE = 0xc020aa04,
	IOC_WRITEPROTECT = 0xc018aa06,
};

enum { MODE_MISSING = 1, MODE_WP = 2, MODE_MINOR = 4 };
enum { DONT_WAKE = 1, COPY_WP = 2 };
enum { PROTECT_WP = 1, PROTECT_DONT_WAKE = 2 };

/* Bits of what can be done, by number of the ioctl. */
#define CAN_API   (1ull << 0x3f | 1ull << 0 | 1ull << 1)
#define CAN_RANGE (1ull << 2 | 1ull << 3 | 1ull << 4)
#define CAN_WP    (1ull << 6)

static bool can_watch(void)
{
	return qr_memory_can_watch(&space_memory);
}

/* ---- reading ------------------------------------------------------------------------------ */

static struct user_waiter *next_message(struct userfault *u)
{
	struct user_waiter *w;

	list_for_each (w, &u->faults, link)
		if (!w->read && !w->done)
			return w;
	list_for_each (w, &u->events, link)
		if (!w->read)
			return w;
	return NULL;
}

/* The child's context becomes a file of who reads. */
static int take_child(struct user_waiter *w, unsigned flags)
{
	struct userfault *child = w->child;
	struct file *f;
	int fd;

	if (!child) /* taken already; what could not be told was its number */
		return 0;
	w->child = NULL;
	fd = userfault_file(child, flags, &f);
	if (!fd)
		fd = fd_add(f, false);
	if (fd >= 0)
		w->msg.word[0] = (unsigned)fd;
	return fd < 0 ? fd : 0;
}

static long read_messages(struct file *f, struct uio *to, uint64_t *pos)
{
	struct userfault *u = f->private;
	struct user_waiter *w;
	size_t done = 0;
	int err = 0;

	if (!u->ready)
		return -EINVAL;
	if (to->left < sizeof(w->msg))
		return -EINVAL;
	while (!err && to->left >= sizeof(w->msg)) {
		w = next_message(u);
		if (!w && done)
			break;
		if (!w) {
			err = f->flags & O_NONBLOCK
				  ? -EAGAIN
				  : wait_event(&u->readers, next_message(u), WAIT_FOREVER);
			continue;
		}
		w->read = true;
		if (w->msg.event == MSG_FORK)
			err = take_child(w, f->flags & O_NONBLOCK);
		if (!err && uio_send(to, &w->msg, sizeof(w->msg)) < sizeof(w->msg))
			err = -EFAULT;
		if (!err)
			done += sizeof(w->msg);
		if (err == -EFAULT)
			w->read = false;
		else if (w->msg.event != MSG_FAULT) {
			w->done = true;
			waitq_wake_all(&u->sleepers);
		}
	}
	return uio_result(done, err);
}

static unsigned poll_messages(struct file *f, struct poll_table *table)
{
	struct userfault *u = f->private;

	poll_wait(table, &u->readers, 0);
	if (!u->ready || !(f->flags & O_NONBLOCK))
		return POLLERR;
	return next_message(u) ? POLLIN : 0;
}

static void release_file(struct file *f)
{
	userfault_close(f->private);
}

/* ---- arguments ----------------------------------------------------------------------------- */

struct range {
	uint64_t start, len;
};

static int check_range(const struct range *r)
{
	if (r->start % QR_PAGE_SIZE || r->len % QR_PAGE_SIZE || !r->len)
		return -EINVAL;
	if (r->start < vm_settings.mmap_min_addr || r->start < space_memory.user_start.v)
		return -EINVAL;
	return r->start >= USER_END || r->len > USER_END - r->start ? -EINVAL : 0;
}

/* Over the regions that overlap the range: 0, or the first error of fn.  -EINVAL: there is none. */
static int each_region(struct userfault *u, const struct range *range,
		       int (*fn)(struct userfault *u, const struct qr_region *r, uintptr_t lo,
				 uintptr_t hi))
{
	uintptr_t lo = (uintptr_t)range->start, hi = lo + (uintptr_t)range->len;
	struct qr_region r;
	int err = -EINVAL;

	for (qr_virt at = qr_virt_of(lo); at.v < hi; at = r.end) {
		if (qr_space_next(&u->mm->space, at, &r) != QR_OK || r.start.v >= hi)
			break;
		err = fn(u, &r, r.start.v > lo ? r.start.v : lo, r.end.v < hi ? r.end.v : hi);
		if (err)
			break;
	}
	return err;
}

/* Not what the kernel put there, nor segments of System V: Linux's have no missing pages either. */
static bool can_have_pager(const struct qr_region *r)
{
	return !r->object ||
	       ((r->flags & QR_MAP_SHARED || object_inode(r->object)) && !shm_of(r->object));
}

/* ---- register ------------------------------------------------------------------------------ */

static int may_register(struct userfault *u, const struct qr_region *r, uintptr_t lo, uintptr_t hi)
{
	if (!can_have_pager(r))
		return -EINVAL;
	if (!(r->maxprot & QR_WRITE))
		return -EPERM;
	if (!(r->flags & (QR_MAP_UMISS | QR_MAP_UWP)))
		return 0;
	for (struct userfault *v = u->mm->userfaults; v; v = v->next)
		for (struct user_range *own = v->ranges; v != u && own; own = own->next)
			if (own->lo < hi && own->hi > lo)
				return -EBUSY;
	return 0;
}

static int may_watch(struct userfault *u, const struct qr_region *r, uintptr_t lo, uintptr_t hi)
{
	return r->object ? -EINVAL : 0;
}

static long do_register(struct userfault *u, void __user *arg)
{
	struct {
		struct range range;
		uint64_t mode, ioctls;
	} a;
	uint64_t *ioctls = &((__typeof__(a) *)arg)->ioctls;
	unsigned flags;
	int err;

	if (copy_from_user(&a, arg, sizeof(a) - sizeof(a.ioctls)))
		return -EFAULT;
	if (!a.mode || a.mode & ~(uint64_t)(MODE_MISSING | MODE_WP) ||
	    (a.mode & MODE_WP && !can_watch()))
		return -EINVAL;
	err = check_range(&a.range);
	if (!err && !u->mm)
		err = -ENOMEM;
	if (!err)
		err = each_region(u, &a.range, may_register);
	if (!err && a.mode & MODE_WP)
		err = each_region(u, &a.range, may_watch);
	if (!err)
		err = userfault_claim(u->mm, u, (uintptr_t)a.range.start,
				      (uintptr_t)(a.range.start + a.range.len));
	if (err)
		return err;
	flags = (a.mode & MODE_MISSING ? QR_MAP_UMISS : 0) | (a.mode & MODE_WP ? QR_MAP_UWP : 0);
	err = errno_of(qr_space_pager(&u->mm->space, qr_virt_of((uintptr_t)a.range.start),
				      (size_t)(a.range.len >> QR_PAGE_SHIFT), flags));
	if (err)
		return err;
	a.ioctls = CAN_RANGE | (a.mode & MODE_WP ? CAN_WP : 0);
	return copy_to_user(ioctls, &a.ioctls, sizeof(a.ioctls));
}

static int may_unregister(struct userfault *u, const struct qr_region *r, uintptr_t lo,
			  uintptr_t hi)
{
	return can_have_pager(r) ? 0 : -EINVAL;
}

static long do_unregister(struct userfault *u, void __user *arg)
{
	struct range range;
	uintptr_t lo, hi;
	int err;

	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	err = check_range(&range);
	if (!err && !u->mm)
		err = -ENOMEM;
	if (!err)
		err = each_region(u, &range, may_unregister);
	if (err)
		return err;
	lo = (uintptr_t)range.start;
	hi = lo + (uintptr_t)range.len;
	err =
	    errno_of(qr_space_pager(&u->mm->space, qr_virt_of(lo), (hi - lo) >> QR_PAGE_SHIFT, 0));
	for (struct userfault *v = u->mm->userfaults; !err && v; v = v->next)
		userfault_wake(v, lo, hi);
	return err ? err : userfault_claim(u->mm, NULL, lo, hi);
}

/* ---- answering ----------------------------------------------------------------------------- */

static long do_wake(struct userfault *u, void __user *arg)
{
	struct range range;
	int err;

	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	err = check_range(&range);
	if (!err)
		userfault_wake(u, (uintptr_t)range.start, (uintptr_t)(range.start + range.len));
	return err;
}

/* Linux asks that the whole range lies in one region that is registered. */
static int find_region(struct userfault *u, const struct range *range, unsigned flags,
		       struct qr_region *r)
{
	qr_virt at = qr_virt_of((uintptr_t)range->start);

	if (qr_space_next(&u->mm->space, at, r) != QR_OK || r->start.v > at.v ||
	    r->end.v < range->start + range->len || !(r->flags & flags))
		return -ENOENT;
	return 0;
}

static long error_of_supply(enum qr_err err)
{
	return err == QR_NOENT    ? -ENOENT
	       : err == QR_EXISTS ? -EEXIST
	       : err == QR_NOMEM  ? -ENOMEM
	       : err              ? -EFAULT
				  : 0;
}

/* Pages one by one; `from` 0: zeroes.  Bytes, or an error if there was not one page. */
static int64_t supply(struct userfault *u, const struct range *to, uint64_t from, bool watched)
{
	void *page = from ? kmalloc(QR_PAGE_SIZE) : NULL;
	struct qr_region r;
	uint64_t done = 0;
	long err = find_region(u, to, QR_MAP_UMISS | QR_MAP_UWP, &r);

	if (!err && watched && !(r.flags & QR_MAP_UWP))
		err = -EINVAL;
	if (!err && from && !page)
		err = -ENOMEM;
	for (; !err && done < to->len; done += QR_PAGE_SIZE) {
		if (from && copy_from_user(page, (const void __user *)(uintptr_t)(from + done),
					   QR_PAGE_SIZE)) {
			err = -EFAULT;
			break;
		}
		if (!u->mm) { /* the copy may have waited */
			err = -ESRCH;
			break;
		}
		err = error_of_supply(qr_space_supply(&u->mm->space,
						      qr_virt_of((uintptr_t)(to->start + done)),
						      page, watched));
		if (err)
			break;
	}
	kfree(page);
	return done ? (int64_t)done : err;
}

/* What COPY and ZEROPAGE have in common once their arguments are known; `answer` gets the bytes. */
static long supply_and_wake(struct userfault *u, const struct range *to, uint64_t from,
			    uint64_t mode, int64_t __user *answer)
{
	int64_t n = u->mm ? supply(u, to, from, from && mode & COPY_WP) : -ESRCH;

	if (n == -ESRCH)
		return (long)n;
	if (copy_out(answer, &n, sizeof(n)))
		return -EFAULT;
	if (n < 0)
		return (long)n;
	if (!(mode & DONT_WAKE))
		userfault_wake(u, (uintptr_t)to->start, (uintptr_t)(to->start + (uint64_t)n));
	return (uint64_t)n == to->len ? 0 : -EAGAIN;
}

static long do_copy(struct userfault *u, void __user *arg)
{
	struct {
		uint64_t dst, src, len, mode;
		int64_t copy;
	} a;
	struct range to;
	int err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&a, arg, sizeof(a) - sizeof(a.copy)))
		return -EFAULT;
	to = (struct range){ a.dst, a.len };
	err = check_range(&to);
	if (err)
		return err;
	if (a.src + a.len <= a.src || a.mode & ~(uint64_t)(DONT_WAKE | COPY_WP))
		return -EINVAL;
	if (!a.src || a.src + a.len > USER_END)
		return -EFAULT;
	return supply_and_wake(u, &to, a.src, a.mode, &((__typeof__(a) __user *)arg)->copy);
}

static long do_zeropage(struct userfault *u, void __user *arg)
{
	struct {
		struct range range;
		uint64_t mode;
		int64_t zeropage;
	} a;
	int err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&a, arg, sizeof(a) - sizeof(a.zeropage)))
		return -EFAULT;
	err = check_range(&a.range);
	if (err)
		return err;
	if (a.mode & ~(uint64_t)DONT_WAKE)
		return -EINVAL;
	return supply_and_wake(u, &a.range, 0, a.mode, &((__typeof__(a) __user *)arg)->zeropage);
}

/* One after another, over holes, up to the first that is not registered for it. */
static int watch_regions(struct userfault *u, const struct range *range, bool on)
{
	uintptr_t at = (uintptr_t)range->start, end = at + (uintptr_t)range->len;
	struct qr_region r;
	int err = -ENOENT;

	for (; qr_space_next(&u->mm->space, qr_virt_of(at), &r) == QR_OK && r.start.v < end;
	     at = r.end.v) {
		uintptr_t lo = r.start.v > at ? r.start.v : at, hi = r.end.v < end ? r.end.v : end;

		if (!(r.flags & QR_MAP_UWP))
			return -ENOENT;
		err = errno_of(
		    qr_space_watch(&u->mm->space, qr_virt_of(lo), (hi - lo) >> QR_PAGE_SHIFT, on));
		if (err)
			return err;
	}
	return err;
}

static long do_writeprotect(struct userfault *u, void __user *arg)
{
	struct {
		struct range range;
		uint64_t mode;
	} a;
	int err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	err = check_range(&a.range);
	if (err)
		return err;
	if (a.mode & ~(uint64_t)(PROTECT_WP | PROTECT_DONT_WAKE) ||
	    a.mode == (PROTECT_WP | PROTECT_DONT_WAKE))
		return -EINVAL;
	err = !u->mm ? -ESRCH : watch_regions(u, &a.range, a.mode & PROTECT_WP);
	if (!err && !a.mode)
		userfault_wake(u, (uintptr_t)a.range.start,
			       (uintptr_t)(a.range.start + a.range.len));
	return err;
}

/* ---- the handshake --------------------------------------------------------------------------- */

static long do_api(struct userfault *u, void __user *arg)
{
	const uint64_t features = (can_watch() ? UFFD_PAGEFAULT_FLAG_WP : 0) | UFFD_EVENT_FORK |
				  UFFD_EVENT_REMAP | UFFD_EVENT_REMOVE | UFFD_MISSING_HUGETLBFS |
				  UFFD_MISSING_SHMEM | UFFD_EVENT_UNMAP | UFFD_SIGBUS |
				  UFFD_THREAD_ID | UFFD_EXACT_ADDRESS;
	struct {
		uint64_t api, features, ioctls;
	} a;
	long err = 0;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.api != UFFD_API_VERSION || a.features & ~features)
		err = -EINVAL;
	else if (a.features & UFFD_EVENT_FORK && !current_process->cred.caps)
		err = -EPERM;
	else if (u->ready)
		err = -EINVAL;
	if (err) {
		a = (__typeof__(a)){ 0 };
		return copy_to_user(arg, &a, sizeof(a)) ? -EFAULT : err;
	}
	u->features = (uint32_t)a.features;
	a.features = features;
	a.ioctls = CAN_API;
	if (copy_to_user(arg, &a, sizeof(a)))
		return -EFAULT;
	u->ready = true;
	return 0;
}

static long do_ioctl(struct file *f, unsigned cmd, uintptr_t argument)
{
	void __user *arg = (void __user *)argument;
	struct userfault *u = f->private;

	if (cmd == IOC_API)
		return do_api(u, arg);
	if (!u->ready)
		return -EINVAL;
	switch (cmd) {
	case IOC_REGISTER:
		return do_register(u, arg);
	case IOC_UNREGISTER:
		return do_unregister(u, arg);
	case IOC_WAKE:
		return do_wake(u, arg);
	case IOC_COPY:
		return do_copy(u, arg);
	case IOC_ZEROPAGE:
		return do_zeropage(u, arg);
	case IOC_WRITEPROTECT:
		return do_writeprotect(u, arg);
	}
	return -EINVAL;
}

static const struct file_ops userfault_fops = {
	.read = read_messages,
	.poll = poll_messages,
	.ioctl = do_ioctl,
	.release = release_file,
	.name = "[userfaultfd]",
};

int userfault_file(struct userfault *u, unsigned flags, struct file **out)
{
	int err = anon_open(&userfault_fops, O_RDONLY | flags, out);

	if (err)
		userfault_close(u);
	else
		(*out)->private = u;
	return err;
}

SYSCALL1(userfaultfd, unsigned, flags)
{
	struct userfault *u;
	struct file *f;
	int err;

	if (!(flags & USER_MODE_ONLY) && !vm_settings.unprivileged_userfaultfd &&
	    !current_process->cred.caps)
		return -EPERM;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY))
		return -EINVAL;
	u = userfault_new(current_process->mm);
	if (!u)
		return -ENOMEM;
	u->user_only = flags & USER_MODE_ONLY;
	err = userfault_file(u, flags & O_NONBLOCK, &f);
	return err ? err : fd_add(f, flags & O_CLOEXEC);
}
