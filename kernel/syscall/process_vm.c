/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process_vm.c - process_vm_readv, process_vm_writev: between the caller's memory and another's.
 *
 *	local   [ 5000 ][ 10 ]          any user memory of the caller
 *	           │ frame to frame
 *	remote  [ 300 ][ 4710 ]         the other's pages, faulted in as for itself
 *
 * What that cannot reach goes by way of a page of the kernel: memory that may be written but not
 * read, a stack that has to grow, a page that a pager has to bring.
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

/* By way of a page, one that the remote piece lies in; answers how much went across. */
static size_t move_slowly(struct mm *mm, uintptr_t at, struct uio *local, size_t n,
			  enum direction direction)
{
	size_t left = QR_PAGE_SIZE - OFFSET(at), done = 0;
	char *page = reaches(mm, at, direction) ? kmalloc(QR_PAGE_SIZE) : NULL;
	enum qr_err ignored;

	if (!page)
		return 0;
	n = n < left ? n : left;
	if (direction == READ) {
		ignored = qr_space_read(&mm->space, qr_virt_of(at), page, n, false, &done);
		done = uio_put(local, page, done);
	} else {
		n = uio_get(local, page, n);
		ignored = qr_space_write(&mm->space, qr_virt_of(at), page, n, false, &done);
	}
	(void)ignored;
	kfree(page);
	return done;
}

static size_t move_piece(struct mm *mm, uintptr_t at, struct uio *local, size_t n,
			 enum direction direction)
{
	struct qr_space *here = space_here(), *there = &mm->space;
	qr_virt mine = qr_virt_of((uintptr_t)local->base);
	size_t done = direction == READ ? qr_space_copy(here, mine, there, qr_virt_of(at), n)
					: qr_space_copy(there, qr_virt_of(at), here, mine, n);

	uio_skip(local, done);
	return done ? done : move_slowly(mm, at, local, n, direction);
}

#define MOST (256u * QR_PAGE_SIZE) /* before a signal is looked for */

/* All of the remote segments, until something refuses. */
static size_t move(struct mm *mm, struct uio *local, const struct uio_segment *remote, size_t count,
		   enum direction direction)
{
	size_t sum = 0;

	for (; count && local->left; remote++, count--) {
		uintptr_t at = (uintptr_t)remote->base, end = at + remote->n;

		while (at < end && local->left) {
			size_t n = uio_piece(local), done;

			n = n < end - at ? n : end - at;
			done = move_piece(mm, at, local, n < MOST ? n : MOST, direction);
			sum += done;
			if (!done || signal_pending_fatal())
				return sum;
			at += done;
		}
	}
	return sum;
}

static long transfer(pid_nr nr, struct uio *local, const struct uio_segment *remote, size_t count,
		     enum direction direction)
{
	struct process *p = process_find(nr);
	struct mm *mm;
	size_t sum;

	if (!p || !p->mm)
		return -ESRCH;
	if (!process_may_access(p))
		return -EPERM;
	mm = mm_get(p->mm); /* the other may end while a page of ours is fetched */
	sum = move(mm, local, remote, count, direction);
	mm_put(mm);
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
