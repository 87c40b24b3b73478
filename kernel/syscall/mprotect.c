/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mprotect.c - rights of pages: mprotect, and protection keys, which this CPU does not have.
 *
 * Sources: mprotect(2), pkey_alloc(2) of the man-pages 6.x.
 */
#include "kernel/vm_settings.h"
#include "kernel/syscall/memory.h"

#define PROT_SEM       0x8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u

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

/* Private pages that become writable are data from now on: RLIMIT_DATA, overcommit.  Where so many
 * would be too many of any kind, Linux lets them be. */
static int becomes_data(uintptr_t at, uintptr_t end)
{
	struct qr_region r;
	size_t n = 0;

	for (; at < end && qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK &&
	       r.start.v <= at;
	     at = r.end.v)
		if (!(r.prot & QR_WRITE) && !(r.flags & (QR_MAP_SHARED | QR_MAP_GROWSDOWN)))
			n += pages((r.end.v < end ? r.end.v : end) - at);
	if (!n)
		return 0;
	if (!may_add_data(n)) {
		struct qr_space_stat s;

		qr_space_stat(space_here(), &s);
		if (!limit_reached(RLIMIT_AS, s.mapped, n))
			return -ENOMEM;
	}
	return may_commit(n) ? 0 : -ENOMEM;
}

/* Can it matter? */
QR_INLINE bool data_is_limited(size_t npages)
{
	return current->process->rlimits[RLIMIT_DATA].cur != RLIM_INFINITY ||
	       vm_settings.overcommit_memory == OVERCOMMIT_NEVER || npages > frames.total;
}

/* Region by region, since a limit may be reached at each.  Locked private pages that become writable
 * get their copies now: who locks wants no faults. */
static long protect_each(uintptr_t at, uintptr_t n, unsigned prot)
{
	const unsigned locked = QR_MAP_LOCKED | QR_MAP_ONFAULT | QR_MAP_SHARED;
	uintptr_t end = at + n, copied = at;
	struct qr_region r;
	enum qr_err err;

	while (copied < end && qr_space_next(space_here(), qr_virt_of(copied), &r) == QR_OK &&
	       r.start.v <= copied) {
		uintptr_t stop = r.end.v < end ? r.end.v : end;

		if (data_is_limited(pages(n)) && becomes_data(copied, stop))
			return -ENOMEM;
		err =
		    qr_space_protect(space_here(), qr_virt_of(copied), pages(stop - copied), prot);
		if (err)
			return error_of(err);
		if ((r.flags & locked) == QR_MAP_LOCKED && !(r.prot & QR_WRITE))
			err = qr_space_advise(space_here(), qr_virt_of(copied),
					      pages(stop - copied), QR_ADVISE_POPULATE_WRITE);
		copied = stop; /* what could not be had, a fault will ask for again */
	}
	return copied < end ? -ENOMEM : 0;
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
	if (QR_RARELY(grows)) {
		struct qr_region r;

		if (grows == PROT_GROWSUP) /* nothing grows upwards on x86, if it is there at all */
			return qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK &&
				       r.start.v <= at
				   ? -EINVAL
				   : -ENOMEM;
		if ((err = extend_down(&at, &bytes)) != 0)
			return err;
	}
	if (QR_RARELY(may_split(at, at + bytes)))
		return -ENOMEM;
	if (prot & QR_WRITE && QR_RARELY(space_here()->locked || data_is_limited(pages(bytes))))
		return protect_each(at, bytes, prot & (QR_READ | QR_WRITE | QR_EXEC));
	return error_of(qr_space_protect(space_here(), qr_virt_of(at), pages(bytes),
					 prot & (QR_READ | QR_WRITE | QR_EXEC)));
}

SYSCALL3(mprotect, uintptr_t, at, size_t, n, unsigned, prot)
{
	return do_mprotect(at, n, prot);
}

/* ---- protection keys: a 64-bit Linux on a CPU without them; a 32-bit one does not know them ---- */

#ifdef __x86_64__
SYSCALL4(pkey_mprotect, uintptr_t, at, size_t, n, unsigned, prot, int, key)
{
	uintptr_t end = at + whole_pages(n);

	/* The key is looked at after the range, and none has been given out. */
	return key == -1 || end <= at ? do_mprotect(at, n, prot) : -EINVAL;
}

SYSCALL0(pkey_alloc)
{
	return -EINVAL;
}

SYSCALL0(pkey_free)
{
	return -EINVAL;
}
#endif
