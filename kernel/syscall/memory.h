/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.h - what the doors of the memory calls share.
 */
#ifndef KERNEL_SYSCALL_MEMORY_H
#define KERNEL_SYSCALL_MEMORY_H

#include "kernel/memory.h"
#include "kernel/syscall/syscall.h"

#define OFFSET(a) ((a) & (uintptr_t)QR_PAGE_MASK)

QR_INLINE struct mm *mm_here(void)
{
	return current->process->mm;
}

QR_INLINE struct qr_space *space_here(void)
{
	return &mm_here()->space;
}

/* In Linux's numbers: a limit is EAGAIN here, a page beyond its file no memory. */
long error_of(enum qr_err err);

/* Round up to whole pages; 0 if that wraps (or n is 0). */
QR_INLINE uintptr_t whole_pages(uintptr_t n)
{
	return (n + QR_PAGE_MASK) & ~(uintptr_t)QR_PAGE_MASK;
}

QR_INLINE size_t pages(uintptr_t nbytes)
{
	return nbytes >> QR_PAGE_SHIFT;
}

/* Would the limit be exceeded by `more` pages beside those in use? */
bool limit_reached(enum rlimit_id id, size_t used, size_t more);

/* May so many pages be locked?  0, -EPERM, -EAGAIN. */
int may_lock(size_t npages);

#endif
