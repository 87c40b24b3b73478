/* SPDX-License-Identifier: BSD-2-Clause
 *
 * seeds.c - the worked examples of the seed documents, as far as a program can see them: how
 * many faults each backing costs (docs/seeds.md, examples 3 to 5; C5-C7).  A fault is counted
 * where the kernel counts it, in getrusage.
 */
#include "user.h"
#include <sys/prctl.h>
#include <sys/resource.h>

enum { ANON = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE };

static long faults(void)
{
	static struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return use.ru_minflt + use.ru_majflt;
}

/* Pages that are there, of npages. */
static long resident(const void *p, size_t npages)
{
	unsigned char map[1024];
	long n = 0;

	NEED(mincore((void *)(uintptr_t)p, npages * PAGE, map) == 0);
	for (size_t i = 0; i < npages; i++)
		n += map[i] & 1;
	return n;
}

/* What an access pattern costs in faults, on fresh memory of small pages: the least of three
 * tries, for in the first the program's own stack and data may fault too. */
static long cost(void (*touch)(volatile char *), void *at, size_t npages, int flags, long present)
{
	long best = LONG_MAX;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (int round = 0; round < 3; round++) {
		char *p = mmap(at, npages * PAGE, RW, flags, -1, 0);
		long n;

		if (p == MAP_FAILED && at)
			skip("this address cannot be mapped here");
		NEED(p != MAP_FAILED);
		n = faults();
		touch(p);
		n = faults() - n;
		best = n < best ? n : best;
		CHECK_EQ(resident(p, npages), present);
		munmap(p, npages * PAGE);
	}
	return best;
}

static void touch_up(volatile char *p)
{
	p[0] = p[5] = p[15] = 1;
}

static void touch_down(volatile char *p)
{
	p[114] = 1;
	p[5] = 1;
	p[0] = 1;
}

static void read_all(volatile char *p)
{
	CHECK_EQ(p[0] + p[5] + p[15], 0);
}

static void read_then_write(volatile char *p)
{
	read_all(p);
	touch_down(p);
}

TEST("example 3: 5, 10 and 100 bytes in one page, touched in any order: one fault")
{
	CHECK_EQ(cost(touch_up, NULL, 1, ANON, 1), 1);
	CHECK_EQ(cost(touch_down, NULL, 1, ANON, 1), 1);
}

TEST("example 3: immediate backing, no fault")
{
	CHECK_EQ(cost(touch_up, NULL, 1, ANON | MAP_POPULATE, 1), 0);
}

TEST("example 3: first-write backing, one fault to read, one more to write")
{
	CHECK_EQ(cost(read_all, NULL, 1, ANON, 1), 1);
	CHECK_EQ(cost(read_then_write, NULL, 1, ANON, 1), 2);
}

static size_t n_touched;

static void touch_some(volatile char *p)
{
	for (size_t i = 0; i < n_touched; i++)
		p[i * 199 % 200 * PAGE] = 1;
}

TEST("example 4: N pages mapped, k touched: k faults, k frames; immediate: none, N")
{
	for (n_touched = 0; n_touched <= 200; n_touched += 40) {
		CHECK_EQ(cost(touch_some, NULL, 200, ANON, (long)n_touched), n_touched);
		CHECK_EQ(cost(touch_some, NULL, 200, ANON | MAP_POPULATE, 200), 0);
	}
}

static void touch_b(volatile char *p)
{
	p[0x10] = 1;
}

static void touch_b_a_c(volatile char *p)
{
	p[0x10] = 1;
	p[0x05] = 1;
	p[0x1f] = 1;
}

TEST("example 5: 0x10010 first costs one fault, 0x10005 and the rest of the page none")
{
	CHECK_EQ(cost(touch_b, (void *)0x10000, 1, ANON | MAP_FIXED, 1), 1);
	CHECK_EQ(cost(touch_b_a_c, (void *)0x10000, 1, ANON | MAP_FIXED, 1), 1);
}

static size_t first;

/* 5, 10 and 100 bytes, one behind the other. */
static void touch_abc(volatile char *p)
{
	for (size_t i = 0; i < 115; i++)
		p[first + i] = 1;
}

TEST("the erratum: a = 0x10ff0 pushes c onto a second page, a = 0x10985 does not")
{
	first = 0x985;
	CHECK_EQ(cost(touch_abc, (void *)0x10000, 2, ANON | MAP_FIXED, 1), 1);
	first = 0xff0;
	CHECK_EQ(cost(touch_abc, (void *)0x10000, 2, ANON | MAP_FIXED, 2), 2);
}
