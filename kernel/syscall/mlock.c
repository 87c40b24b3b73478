/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mlock.c - pages that stay in memory: mlock, mlock2, munlock, mlockall, munlockall.
 *
 * There is no swap, so that what is touched stays anyway; locking fetches pages, counts against
 * RLIMIT_MEMLOCK, and keeps advice from dropping them.  Source: mlock(2) of the man-pages 6.x.
 */
#include "kernel/syscall/memory.h"

#define MCL_CURRENT   1u
#define MCL_FUTURE    2u
#define MCL_ONFAULT   4u
#define MLOCK_ONFAULT 1u

bool may_lock(void)
{
	const struct process *p = current->process;

	return p->rlimits[RLIMIT_MEMLOCK].cur || cred_can(&p->cred, CAP_IPC_LOCK);
}

bool may_lock_more(size_t npages)
{
	struct qr_space_stat s;

	if (cred_can(&current->process->cred, CAP_IPC_LOCK))
		return true;
	qr_space_stat(space_here(), &s);
	return !limit_reached(RLIMIT_MEMLOCK, s.locked, npages);
}

/* Pages of the range that are locked already: they do not count again. */
static size_t locked_pages(uintptr_t at, uintptr_t end)
{
	struct qr_region r;
	size_t n = 0;

	for (; at < end && qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK; at = r.end.v) {
		uintptr_t lo = r.start.v > at ? r.start.v : at, hi = r.end.v < end ? r.end.v : end;

		if (r.flags & QR_MAP_LOCKED && lo < hi)
			n += pages(hi - lo);
	}
	return n;
}

static bool within_limit(uintptr_t at, uintptr_t bytes)
{
	if (may_lock_more(pages(bytes)))
		return true;
	return at + bytes >= at && may_lock_more(pages(bytes) - locked_pages(at, at + bytes));
}

static long lock_range(uintptr_t at, size_t n, enum qr_locking how)
{
	uintptr_t bytes = whole_pages(n + OFFSET(at));
	enum qr_err err;

	if (how != QR_UNLOCK && !may_lock())
		return -EPERM;
	at &= ~(uintptr_t)QR_PAGE_MASK;
	if (how != QR_UNLOCK && !within_limit(at, bytes))
		return -ENOMEM;
	if (at + bytes < at)
		return -EINVAL;
	if (!bytes)
		return 0;
	if (at > USER_END || bytes > USER_END - at || may_split(at, at + bytes))
		return -ENOMEM;
	err = qr_space_lock(space_here(), qr_virt_of(at), pages(bytes), how);
	if (err == QR_NOMEM && how != QR_UNLOCK)
		return -EAGAIN; /* locked, but some pages could not be had */
	return err ? -ENOMEM : 0;
}

SYSCALL2(mlock, uintptr_t, at, size_t, n)
{
	return lock_range(at, n, QR_LOCK);
}

SYSCALL3(mlock2, uintptr_t, at, size_t, n, unsigned, flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(at, n, flags ? QR_LOCK_ONFAULT : QR_LOCK);
}

SYSCALL2(munlock, uintptr_t, at, size_t, n)
{
	return lock_range(at, n, QR_UNLOCK);
}

static long lock_all(enum qr_locking how)
{
	struct qr_region r = { .end = { 0 } };

	while (qr_space_next(space_here(), r.end, &r) == QR_OK) {
		/* A page that cannot be had stays out: Linux ignores that here too. */
		enum qr_err ignored =
		    qr_space_lock(space_here(), r.start, pages(r.end.v - r.start.v), how);

		(void)ignored;
	}
	return 0;
}

SYSCALL1(mlockall, unsigned, flags)
{
	struct qr_space_stat s;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock())
		return -EPERM;
	if (flags & MCL_CURRENT && !cred_can(&current->process->cred, CAP_IPC_LOCK)) {
		qr_space_stat(space_here(), &s);
		if (limit_reached(RLIMIT_MEMLOCK, s.mapped, 0))
			return -ENOMEM;
	}
	mm_here()->map_flags = flags & MCL_FUTURE ? QR_MAP_LOCKED : 0;
	if (mm_here()->map_flags && flags & MCL_ONFAULT)
		mm_here()->map_flags |= QR_MAP_ONFAULT;
	if (!(flags & MCL_CURRENT))
		return 0;
	return lock_all(flags & MCL_ONFAULT ? QR_LOCK_ONFAULT : QR_LOCK);
}

SYSCALL0(munlockall)
{
	mm_here()->map_flags = 0;
	return lock_all(QR_UNLOCK);
}
