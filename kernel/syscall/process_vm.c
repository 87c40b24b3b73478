/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process_vm.c - process_vm_readv, process_vm_writev: between the caller's memory and another's.
 *
 *	local   [ 5000 ][ 10 ]          any user memory of the caller
 *	           │ by way of one page of the kernel
 *	remote  [ 300 ][ 4710 ]         the other's pages, faulted in as for itself
 *
 * Source: process_vm_readv(2) of the man-pages 6.x.
 */
#include "kernel/kmalloc.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/memory.h"

enum direction { READ, WRITE };

bool process_may_access(const struct process *p)
{
	const struct cred *me = &current->process->cred, *c = &p->cred;

	if (p == current->process || cred_can(me, CAP_SYS_PTRACE))
		return true;
	return me->uid == c->euid && me->uid == c->suid && me->uid == c->uid &&
	       me->gid == c->egid && me->gid == c->sgid && me->gid == c->gid &&
	       p->flags & PROCESS_DUMPABLE && !(c->caps & ~me->caps);
}

/* May it be read, or written, as it is?  A stack does not grow for others. */
static bool reaches(struct mm *mm, uintptr_t at, enum direction direction)
{
	struct qr_region r;

	return qr_space_next(&mm->space, qr_virt_of(at), &r) == QR_OK && r.start.v <= at &&
	       r.prot & (direction == READ ? QR_READ : QR_WRITE);
}

/* One piece that lies in one page of the kernel's; answers how much went across. */
static size_t move_piece(struct mm *mm, uintptr_t at, struct uio *local, char *page, size_t n,
			 enum direction direction)
{
	size_t done = 0;
	enum qr_err ignored;

	if (!reaches(mm, at, direction))
		return 0;
	if (direction == READ) {
		ignored = qr_space_read(&mm->space, qr_virt_of(at), page, n, false, &done);
		return uio_put(local, page, done);
	}
	n = uio_get(local, page, n);
	ignored = qr_space_write(&mm->space, qr_virt_of(at), page, n, false, &done);
	(void)ignored;
	return done;
}

/* All of the remote segments, until something refuses. */
static size_t move(struct mm *mm, struct uio *local, const struct uio_segment *remote, size_t count,
		   char *page, enum direction direction)
{
	size_t sum = 0;

	for (; count && local->left; remote++, count--) {
		uintptr_t at = (uintptr_t)remote->base, end = at + remote->n;

		while (at < end && local->left) {
			size_t n = QR_PAGE_SIZE - OFFSET(at), done;

			n = n < end - at ? n : end - at;
			n = n < local->left ? n : local->left;
			done = move_piece(mm, at, local, page, n, direction);
			sum += done;
			if (done < n || signal_pending_fatal())
				return sum;
			at += n;
		}
	}
	return sum;
}

static long transfer(pid_nr nr, struct uio *local, const struct uio_segment *remote, size_t count,
		     enum direction direction)
{
	struct process *p = process_find(nr);
	char *page;
	struct mm *mm;
	size_t sum;

	if (!p || !p->mm)
		return -ESRCH;
	if (!process_may_access(p))
		return -EPERM;
	page = kmalloc(QR_PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	mm = mm_get(p->mm); /* the other may end while a page of ours is fetched */
	sum = move(mm, local, remote, count, page, direction);
	mm_put(mm);
	kfree(page);
	return sum ? (long)sum : -EFAULT;
}

static long between(pid_nr nr, const void __user *local, unsigned long nlocal,
		    const void __user *remote, unsigned long nremote, unsigned long flags,
		    enum direction direction)
{
	struct user_vector l, r;
	struct uio u, there;
	long ret;

	if (flags)
		return -EINVAL;
	if ((ret = user_vector_get(&l, local, nlocal > UINT32_MAX ? UINT32_MAX : (unsigned)nlocal,
				   &u)) != 0)
		return ret;
	if (!u.left)
		goto local_only;
	ret = user_vector_get(&r, remote, nremote > UINT32_MAX ? UINT32_MAX : (unsigned)nremote,
			      &there);
	if (!ret) {
		ret = there.left ? transfer(nr, &u, r.segments, nremote, direction) : 0;
		user_vector_put(&r);
	}
local_only:
	user_vector_put(&l);
	return ret;
}

SYSCALL6(process_vm_readv, pid_nr, nr, const void __user *, local, unsigned long, nlocal,
	 const void __user *, remote, unsigned long, nremote, unsigned long, flags)
{
	return between(nr, local, nlocal, remote, nremote, flags, READ);
}

SYSCALL6(process_vm_writev, pid_nr, nr, const void __user *, local, unsigned long, nlocal,
	 const void __user *, remote, unsigned long, nremote, unsigned long, flags)
{
	return between(nr, local, nlocal, remote, nremote, flags, WRITE);
}
