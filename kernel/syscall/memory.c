/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.c - the system calls about memory that is mapped: mprotect, madvise, msync, mincore,
 * mlock.
 *
 * Thin doors: Linux's checks in Linux's order (they decide which of two errors is reported), then
 * one call of quire/space.h.  Sources: the Linux man-pages 6.x.
 */
#include "kernel/errno_of.h"
#include "kernel/syscall/memory.h"

#define PROT_SEM       0x8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

#define MCL_CURRENT   1u
#define MCL_FUTURE    2u
#define MCL_ONFAULT   4u
#define MLOCK_ONFAULT 1u

long error_of(enum qr_err err)
{
	return err == QR_LIMIT ? -EAGAIN : err == QR_BEYOND ? -ENOMEM : errno_of(err);
}

bool limit_reached(enum rlimit_id id, size_t used, size_t more)
{
	uint64_t cur = current->process->rlimits[id].cur;

	return cur != RLIM_INFINITY && ((uint64_t)used + more) << QR_PAGE_SHIFT > cur;
}

int may_lock(size_t npages)
{
	const struct process *p = current->process;
	struct qr_space_stat s;

	if (p->cred.caps)
		return 0;
	if (!p->rlimits[RLIMIT_MEMLOCK].cur)
		return -EPERM;
	qr_space_stat(space_here(), &s);
	return limit_reached(RLIMIT_MEMLOCK, s.locked, npages) ? -EAGAIN : 0;
}

/* ---- mprotect ------------------------------------------------------------------------------- */

/* PROT_GROWSDOWN: the change reaches down to the begin of the stack that holds `at`. */
static int extend_down(uintptr_t *at, uintptr_t *n)
{
	struct qr_region r;

	if (qr_space_next(space_here(), qr_virt_of(*at), &r) != QR_OK || r.start.v >= *at + *n)
		return -ENOMEM;
	if (!(r.flags & QR_MAP_GROWSDOWN))
		return -EINVAL;
	*n += *at - r.start.v;
	*at = r.start.v;
	return 0;
}

static long do_mprotect(uintptr_t at, size_t n, unsigned prot)
{
	unsigned grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	uintptr_t bytes = whole_pages(n);
	int err;

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || OFFSET(at))
		return -EINVAL;
	if (!n)
		return 0;
	if (!bytes || at + bytes <= at)
		return -ENOMEM;
	if ((prot & ~grows) & ~(QR_READ | QR_WRITE | QR_EXEC | PROT_SEM))
		return -EINVAL;
	if (at > USER_END || bytes > USER_END - at)
		return -ENOMEM;
	if (grows == PROT_GROWSUP)
		return -EINVAL; /* nothing grows upwards on x86 */
	if (grows && (err = extend_down(&at, &bytes)) != 0)
		return err;
	return error_of(qr_space_protect(space_here(), qr_virt_of(at), pages(bytes),
					 prot & (QR_READ | QR_WRITE | QR_EXEC)));
}

SYSCALL3(mprotect, uintptr_t, at, size_t, n, unsigned, prot)
{
	return do_mprotect(at, n, prot);
}
/* ---- madvise -------------------------------------------------------------------------------- */

/* Nothing to do, but the range has to be there: -ENOMEM if it has a hole. */
static long check_mapped(uintptr_t at, uintptr_t end)
{
	struct qr_region r;

	while (at < end) {
		if (qr_space_next(space_here(), qr_virt_of(at), &r) != QR_OK || r.start.v > at)
			return -ENOMEM;
		at = r.end.v;
	}
	return 0;
}

/* Linux's number of an advice: what to ask of the space, -1 nothing, -2 unknown. */
static int advice_of(int linux_advice)
{
	static const int8_t table[] = {
		-1,
		-1,
		-1,
		QR_ADVISE_WILLNEED,
		QR_ADVISE_DONTNEED, /* 0 .. 4 */
		-2,
		-2,
		-2,
		QR_ADVISE_FREE,
		QR_ADVISE_REMOVE,
		QR_ADVISE_DONTFORK, /* .. 10 */
		QR_ADVISE_DOFORK,
		-1,
		-1,
		QR_ADVISE_HUGEPAGE,
		QR_ADVISE_NOHUGEPAGE, /* .. 15 */
		-1,
		-1,
		QR_ADVISE_WIPEONFORK,
		QR_ADVISE_KEEPONFORK,
		-1,
		-1, /* .. 21 */
		QR_ADVISE_POPULATE_READ,
		QR_ADVISE_POPULATE_WRITE,
	};

	return linux_advice < 0 || linux_advice >= (int)sizeof(table) ? -2 : table[linux_advice];
}

SYSCALL3(madvise, uintptr_t, at, size_t, n, int, linux_advice)
{
	int advice = advice_of(linux_advice);
	uintptr_t bytes = whole_pages(n);
	enum qr_err err;

	if (advice == -2 || OFFSET(at) || (n && !bytes) || at + bytes < at)
		return -EINVAL;
	if (!bytes)
		return 0;
	if (at > USER_END || bytes > USER_END - at)
		return -ENOMEM;
	if (advice == -1)
		return check_mapped(at, at + bytes);
	err = qr_space_advise(space_here(), qr_virt_of(at), pages(bytes), (enum qr_advice)advice);
	if (err == QR_BEYOND || (err == QR_ACCESS && linux_advice >= 22))
		return -EFAULT; /* populate: what a touch would answer with a signal */
	return error_of(err);
}

/* ---- msync, mincore ------------------------------------------------------------------------- */

/* The pages of a file are its memory: they are always in step.  What remains are the checks. */
SYSCALL3(msync, uintptr_t, at, size_t, n, unsigned, flags)
{
	uintptr_t bytes = whole_pages(n);

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if (OFFSET(at) || ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (at + bytes < at || (n && !bytes))
		return -ENOMEM;
	return check_mapped(at, at + bytes);
}

SYSCALL3(mincore, uintptr_t, at, size_t, n, uint8_t __user *, vec)
{
	uint8_t chunk[256];
	size_t left = pages(whole_pages(n));

	if (OFFSET(at))
		return -EINVAL;
	if (at > USER_END || n > USER_END - at)
		return -ENOMEM;
	if (!user_range_ok(vec, left))
		return -EFAULT;
	while (left) {
		size_t some = left < sizeof(chunk) ? left : sizeof(chunk);
		enum qr_err err = qr_space_residency(space_here(), qr_virt_of(at), some, chunk);

		if (err != QR_OK)
			return -ENOMEM;
		if (copy_to_user(vec, chunk, some))
			return -EFAULT;
		vec += some;
		at += some * QR_PAGE_SIZE;
		left -= some;
	}
	return 0;
}

/* ---- mlock ---------------------------------------------------------------------------------- */

static long lock_range(uintptr_t at, size_t n, enum qr_locking lock)
{
	uintptr_t bytes = whole_pages(n + OFFSET(at));

	at &= ~(uintptr_t)QR_PAGE_MASK;
	if (n && (!bytes || n > UINTPTR_MAX - QR_PAGE_SIZE))
		return -EINVAL;
	if (lock) {
		int err = may_lock(pages(bytes));

		if (err)
			return err == -EAGAIN ? -ENOMEM : err;
	}
	if (at + bytes < at)
		return -EINVAL;
	if (!n)
		return 0;
	if (at > USER_END || bytes > USER_END - at)
		return -ENOMEM;
	return error_of(qr_space_lock(space_here(), qr_virt_of(at), pages(bytes), lock));
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

static long lock_all(enum qr_locking lock)
{
	struct qr_region r;
	uintptr_t at = 0;

	while (qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK) {
		/* A page that cannot be had stays out: Linux ignores that here too. */
		enum qr_err ignored =
		    qr_space_lock(space_here(), r.start, pages(r.end.v - r.start.v), lock);

		(void)ignored;
		at = r.end.v;
	}
	return 0;
}

SYSCALL1(mlockall, unsigned, flags)
{
	int err;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if ((err = may_lock(0)) != 0)
		return err;
	mm_here()->map_flags = flags & MCL_FUTURE;
	return flags & MCL_CURRENT ? lock_all(flags & MCL_ONFAULT ? QR_LOCK_ONFAULT : QR_LOCK) : 0;
}

SYSCALL0(munlockall)
{
	mm_here()->map_flags = 0;
	return lock_all(QR_UNLOCK);
}
