/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.c - asking about memory that is mapped, and bringing it in step: msync, mincore.
 *
 * Sources: msync(2), mincore(2) of the man-pages 6.x.
 */
#include "kernel/errno_of.h"
#include "kernel/policies.h"
#include "kernel/syscall/memory.h"
#include "kernel/userfault.h"

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

long error_of(enum qr_err err)
{
	return err == QR_BEYOND ? -ENOMEM : errno_of(err);
}

long check_mapped(uintptr_t at, uintptr_t end)
{
	size_t n = at < end ? pages(end - at) : 0;

	return n && qr_space_mapped(space_here(), qr_virt_of(at), n) < n ? -ENOMEM : 0;
}

/* What is locked cannot be made invalid. */
static long check_unlocked(uintptr_t at, uintptr_t end)
{
	long hole = 0;
	struct qr_region r;

	for (; at < end; at = r.end.v) {
		if (qr_space_next(space_here(), qr_virt_of(at), &r) != QR_OK || r.start.v >= end)
			return -ENOMEM;
		if (r.start.v > at)
			hole = -ENOMEM;
		if (r.flags & QR_MAP_LOCKED)
			return -EBUSY;
	}
	return hole;
}

/* The pages of a file are its memory: they are always in step.  What remains are the checks. */
void range_gone_told(struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	policies_unmapped(mm, lo, hi);
	if (mm->userfaults)
		userfault_unmapped(mm, lo, hi);
}

SYSCALL3(msync, uintptr_t, at, size_t, n, unsigned, flags)
{
	uintptr_t bytes = whole_pages(n);

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return -EINVAL;
	if (OFFSET(at) || ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (at + bytes < at)
		return -ENOMEM;
	return flags & MS_INVALIDATE ? check_unlocked(at, at + bytes)
				     : check_mapped(at, at + bytes);
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
