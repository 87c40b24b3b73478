/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.h - what the doors of the memory calls share.
 *
 *	mmap.c		mmap, munmap, brk
 *	mremap.c	mremap, remap_file_pages
 *	mprotect.c	mprotect and the protection keys
 *	madvise.c	madvise, process_madvise
 *	memory.c	msync, mincore
 *	mlock.c		mlock and its kin
 *	memory_limits.c	resource limits, overcommit, the number of regions
 *	shm.c		System V segments
 *	process_vm.c	other processes' memory
 *	numa.c		one node, one CPU: memory policies, membarrier
 */
#ifndef KERNEL_SYSCALL_MEMORY_H
#define KERNEL_SYSCALL_MEMORY_H

#include "kernel/memory.h"
#include "kernel/syscall/syscall.h"
#include "kernel/vm_settings.h"

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

/* What was mapped at [lo, hi) is not there any more: for those who remember more of it than the
 * space does (userfault.h, policies.h). */
void range_gone_told(struct mm *mm, uintptr_t lo, uintptr_t hi);
QR_INLINE void range_gone(uintptr_t lo, uintptr_t hi)
{
	struct mm *mm = mm_here();

	if (QR_RARELY((uintptr_t)mm->userfaults | (uintptr_t)mm->policies))
		range_gone_told(mm, lo, hi);
}

/* ---- mmap.c --------------------------------------------------------------------------------- */

/* Is nothing mapped at [at, at+n), and no stack so near above that it would lose its gap? */
bool room_at(uintptr_t at, uintptr_t n);

/* ---- memory_limits.c ------------------------------------------------------------------------ */

/* Would the limit be exceeded by `more` pages beside those in use? */
bool limit_reached(enum rlimit_id id, size_t used, size_t more);

/* RLIMIT_DATA: may so many pages be added that are private and writable?  (RLIMIT_AS is the space's
 * own: QR_LIMIT.) */
bool may_add_data(size_t npages);
/* The same, where they come in the place of what is mapped there. */
bool may_put_data(qr_virt at, size_t npages);

/* May so many pages, each of which may need a frame of its own, be promised? */
bool may_commit(size_t npages);

/* Are there more regions than vm.max_map_count, with `more` of them added?  They are counted only
 * if there are as many runs. */
bool regions_full_really(size_t more);
QR_INLINE bool regions_full(size_t more)
{
	return QR_RARELY(qr_space_runs(space_here()) + more > (size_t)vm_settings.max_map_count) &&
	       regions_full_really(more);
}

/* May the ends of [lo, hi) become borders of regions?  0, -ENOMEM. */
bool splits_region(uintptr_t lo, uintptr_t hi);
QR_INLINE int may_split(uintptr_t lo, uintptr_t hi)
{
	return QR_RARELY(regions_full(1)) && splits_region(lo, hi) ? -ENOMEM : 0;
}

/* ---- mlock.c -------------------------------------------------------------------------------- */

/* May anything be locked at all / `npages` beyond what is?  RLIMIT_MEMLOCK, CAP_IPC_LOCK. */
bool may_lock(void);
bool may_lock_more(size_t npages);

/* ---- process_vm.c --------------------------------------------------------------------------- */

/* May the caller look into it, as a debugger would? */
bool process_may_access(const struct process *p);

/* ---- memory.c ------------------------------------------------------------------------------- */

/* -ENOMEM if the range has a hole. */
long check_mapped(uintptr_t at, uintptr_t end);

#endif
