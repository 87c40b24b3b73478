/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory_limits.c - how much a process, or all of them, may be promised.
 *
 * Nothing is counted as long as nothing is limited: the totals are added up when somebody asks.
 * Sources: getrlimit(2), proc(5), Linux's documentation of overcommit accounting.
 */
#include "kernel/syscall/memory.h"

bool limit_reached(enum rlimit_id id, size_t used, size_t more)
{
	uint64_t cur = current->process->rlimits[id].cur;

	return cur != RLIM_INFINITY && (uint64_t)used + more > cur >> QR_PAGE_SHIFT;
}

bool may_add_data(size_t npages)
{
	const struct rlimit_pair *r = &current->process->rlimits[RLIMIT_DATA];
	struct qr_space_stat s;

	if (QR_LIKELY(r->cur == RLIM_INFINITY))
		return true;
	qr_space_stat(space_here(), &s);
	if (!limit_reached(RLIMIT_DATA, s.data, npages))
		return true;
	/* Linux lets a limit of 0 pass up to the hard limit, for programs that mean brk alone. */
	return !r->cur && (uint64_t)s.data + npages <= r->max >> QR_PAGE_SHIFT;
}

bool may_put_data(qr_virt at, size_t npages)
{
	return may_add_data(npages) ||
	       may_add_data(npages - qr_space_mapped(space_here(), at, npages));
}

/* What all processes have been promised: their private writable pages.  One that is shared (vfork,
 * CLONE_VM) is not counted twice. */
static uint64_t committed(void)
{
	const struct process *p;
	struct qr_space_stat s;
	uint64_t sum = 0;

	for_each_process (p) {
		if (!p->mm)
			continue;
		qr_space_stat(&p->mm->space, &s);
		sum += (s.data + s.stack) / p->mm->ref;
	}
	return sum;
}

bool may_commit(size_t npages)
{
	if (QR_LIKELY(vm_settings.overcommit_memory == OVERCOMMIT_GUESS))
		return npages <= frames.total; /* more can only be a mistake */
	if (vm_settings.overcommit_memory == OVERCOMMIT_ALWAYS)
		return true;
	return committed() + npages <= vm_commit_limit();
}

/* ---- the number of regions ------------------------------------------------------------------ */

/* Runs are at least as many as regions, and are counted already: only when they are too many does
 * it matter how many regions they make.  What that count found out stays good while runs come. */
static void count_regions(struct mm *mm)
{
	size_t runs = qr_space_runs(&mm->space), n = 0;
	struct qr_region r = { .end = { 0 } };

	while (qr_space_next(&mm->space, r.end, &r) == QR_OK)
		n++;
	mm->runs_counted = runs;
	mm->runs_joined = runs > n ? runs - n : 0;
}

bool regions_full_really(size_t more)
{
	size_t limit = (size_t)vm_settings.max_map_count, runs = qr_space_runs(space_here());
	struct mm *mm = mm_here();

	if (runs < mm->runs_counted)
		mm->runs_joined = 0;
	if (runs - mm->runs_joined + more > limit)
		count_regions(mm);
	return runs - mm->runs_joined + more > limit;
}

static bool inside_region(uintptr_t at)
{
	struct qr_region r;

	return qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK && r.start.v < at;
}

bool splits_region(uintptr_t lo, uintptr_t hi)
{
	return inside_region(lo) || inside_region(hi);
}
