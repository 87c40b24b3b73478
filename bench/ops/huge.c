/* SPDX-License-Identifier: BSD-2-Clause
 *
 * huge.c - rows about transparent huge pages: the other rows have switched them off.
 *
 * 64 MiB of private memory, aligned to 4 MiB, so that either kernel may use 2 or 4 MiB pages; one
 * that cannot (Linux for i686 without PAE) uses small ones, and the row says what that costs.
 */
#include "ops.h"

enum { SIZE = 64 * MiB, PAGES = SIZE / PAGE, MADV_COLLAPSE = 25 };

static void allow(int on)
{
	sys6(NR_prctl, 41 /* PR_SET_THP_DISABLE */, !on, 0, 0, 0, 0);
}

/* A room of SIZE, aligned, within a larger mapping; *all is what to unmap. */
static char *room(char **all)
{
	char *p = *all = map(SIZE + 4 * MiB);

	if (failed(p))
		return p;
	p += -(uintptr_t)p & (4 * MiB - 1);
	sys3(NR_madvise, (long)p, SIZE, 14 /* MADV_HUGEPAGE */);
	return p;
}

/* Time `step` on memory that was touched in huge pages; NULL: time the touching. */
static ops_ticks huge_row(ops_ticks (*step)(char *p))
{
	char *all, *p = room(&all);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	allow(1);
	start = ticks();
	ops_write(p, PAGES);
	t = ops_since(start, PAGES);
	if (step)
		t = step(p);
	unmap(all, SIZE + 4 * MiB);
	allow(0);
	return t;
}

static ops_ticks unmap_all(char *p)
{
	u64 start = ticks();

	unmap(p, SIZE);
	return (ops_ticks)(ticks() - start);
}

/* Each 4 MiB loses its second page. */
static ops_ticks split_each(char *p)
{
	u64 start = ticks();

	for (unsigned i = 0; i < SIZE / (4 * MiB); i++)
		unmap(p + i * 4 * MiB + PAGE, PAGE);
	return ops_since(start, SIZE / (4 * MiB));
}

static ops_ticks fork_once(char *p)
{
	u64 start = ticks();
	long pid = sys0(NR_fork);

	(void)p;
	if (pid == 0)
		quit(0);
	if (pid < 0)
		return pid;
	wait_for(pid);
	return (ops_ticks)(ticks() - start);
}

static ops_ticks huge_touch(unsigned n)
{
	(void)n;
	return huge_row(NULL);
}

static ops_ticks huge_unmap(unsigned n)
{
	(void)n;
	return huge_row(unmap_all);
}

static ops_ticks huge_split(unsigned n)
{
	(void)n;
	return huge_row(split_each);
}

static ops_ticks huge_fork(unsigned n)
{
	(void)n;
	return huge_row(fork_once);
}

/* 4 MiB of small pages, one in sixteen touched. */
static ops_ticks huge_collapse(unsigned n)
{
	char *all, *p = room(&all);
	u64 start;
	long err;

	(void)n;
	if (failed(p))
		return (long)p;
	for (unsigned i = 0; i < 4 * MiB / PAGE; i += 16)
		ops_write(p + i * PAGE, 1);
	allow(1);
	start = ticks();
	err = sys3(NR_madvise, (long)p, 4 * MiB, MADV_COLLAPSE);
	start = ticks() - start;
	allow(0);
	unmap(all, SIZE + 4 * MiB);
	return err < 0 ? err : (ops_ticks)start;
}

const struct row more_huge[] = {
	{ "write to 64 MiB in huge pages, a page", huge_touch, PAGES, 1, 3 },
	{ "munmap, 64 MiB in huge pages", huge_unmap, 1, 1, 3 },
	{ "munmap of a page of a huge page", huge_split, SIZE / (4 * MiB), 1, 3 },
	{ "fork + exit + wait, 64 MiB in huge pages", huge_fork, 1, 1, 3 },
	{ "madvise COLLAPSE, 4 MiB, a page in 16 there", huge_collapse, 1, 1, 3 },
	{ 0 },
};
