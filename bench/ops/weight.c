/* SPDX-License-Identifier: BSD-2-Clause
 *
 * weight.c - bytes of memory that one more mapping, process, pipe or page takes: MemFree of
 * /proc/meminfo before and after many of them, divided by their number.
 */
#include "ops.h"
#include "thread.h"

static char text[16 * KiB];

/* The sum of the numbers that follow this word in a file; -1: no such file. */
static long sum_of(const char *path, const char *word)
{
	long fd = sys3(NR_open, (long)path, O_RDONLY, 0), size = 0, got, sum = 0;

	if (fd < 0)
		return -1;
	while ((got = sys3(NR_read, fd, (long)text + size, (long)sizeof text - size - 1)) > 0)
		size += got;
	sys1(NR_close, fd);
	text[size] = 0;
	for (long i = 0; i < size; i++) {
		long value = 0, k = 0;

		while (word[k] && text[i + k] == word[k])
			k++;
		if (word[k])
			continue;
		for (i += k; text[i] == ' '; i++)
			;
		for (; text[i] >= '0' && text[i] <= '9'; i++)
			value = value * 10 + (text[i] - '0');
		sum += value;
	}
	return sum;
}

/* Free memory in bytes.  Linux counts late, until told, and leaves out the free pages that it
 * keeps per CPU; a kernel without these files counts at once. */
static long mem_free(void)
{
	long fd = sys3(NR_open, (long)"/proc/sys/vm/stat_refresh", O_WRONLY, 0), kib, pages;

	if (fd >= 0) {
		sys3(NR_write, fd, (long)"1", 1);
		sys1(NR_close, fd);
	}
	kib = sum_of("/proc/meminfo", "MemFree:");
	pages = sum_of("/proc/zoneinfo", " count:");
	return kib < 0 ? kib : kib * 1024 + (pages > 0 ? pages * (long)PAGE : 0);
}

/* What was used since `before`, each. */
static long each(long before, long n)
{
	long now = mem_free();

	if (before < 0 || now < 0)
		return -2;
	return (before - now) / n;
}

/* Mappings that cannot merge, all untouched. */
static long mapping(void)
{
	enum { N = 60000 }; /* Linux allows 65530 */
	char *p = map_at(NULL, N * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1);
	long before = mem_free(), bytes;

	if (failed(p))
		return (long)p;
	for (unsigned i = 0; i < N; i += 2)
		sys3(NR_mprotect, (long)(p + i * PAGE), PAGE, PROT_READ);
	bytes = each(before, N);
	unmap(p, N * PAGE);
	return bytes;
}

/* A written page per 4 MiB: the page, and the tables above it. */
static long sparse_page(void)
{
	enum { N = 200 };
	char *p = map(N * 4 * MiB);
	long before = mem_free(), bytes;

	if (failed(p))
		return (long)p;
	for (unsigned i = 0; i < N; i++)
		*(volatile char *)(p + i * 4 * MiB) = 1;
	bytes = each(before, N);
	unmap(p, N * 4 * MiB);
	return bytes;
}

/* Children of this program that sleep in a read. */
static long process(void)
{
	enum { N = 200 };
	static long pid[N];
	long before = mem_free(), bytes;
	int fd[2];
	char c;

	if (sys1(NR_pipe, fd) < 0)
		return -24;
	for (unsigned i = 0; i < N; i++) {
		pid[i] = sys0(NR_fork);
		if (pid[i] == 0) {
			sys1(NR_close, fd[1]);
			sys3(NR_read, fd[0], (long)&c, 1);
			quit(0);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		sys0(NR_sched_yield);
	bytes = each(before, N);
	sys1(NR_close, fd[1]);
	for (unsigned i = 0; i < N; i++)
		wait_for(pid[i]);
	sys1(NR_close, fd[0]);
	return bytes;
}

static long pipe_pair(void)
{
	enum { N = 500 };
	static int fd[N][2];
	long before = mem_free(), bytes;

	for (unsigned i = 0; i < N; i++)
		if (sys1(NR_pipe, fd[i]) < 0)
			return -24;
	bytes = each(before, N);
	for (unsigned i = 0; i < N; i++) {
		sys1(NR_close, fd[i][0]);
		sys1(NR_close, fd[i][1]);
	}
	return bytes;
}

/* Threads that sleep on a futex.  Their stacks here are there before. */
static volatile int wake_up;

static void sleep_on(void *unused)
{
	(void)unused;
	while (!wake_up)
		sys6(NR_futex, (long)&wake_up, 0 /* WAIT */, 0, 0, 0, 0);
}

static long thread(void)
{
	enum { N = 200, STACK = 1024 };
	static char stacks[N][STACK] __attribute__((aligned(64)));
	static int tid[N];
	long before, bytes;

	for (unsigned i = 0; i < N; i++)
		stacks[i][0] = stacks[i][STACK - 1] = 0;
	before = mem_free();
	for (unsigned i = 0; i < N; i++)
		if (thread_start(&tid[i], stacks[i] + STACK, sleep_on, 0) < 0)
			return -11;
	for (unsigned i = 0; i < 4; i++)
		sys0(NR_sched_yield);
	bytes = each(before, N);
	wake_up = 1;
	sys3(NR_futex, (long)&wake_up, 1 /* WAKE */, N);
	for (unsigned i = 0; i < N; i++)
		thread_join(&tid[i]);
	return bytes;
}

const struct weight weights[] = {
	{ "mapping", mapping },        { "written page each 4 MiB", sparse_page },
	{ "process asleep", process }, { "thread asleep", thread },
	{ "pipe", pipe_pair },         { 0 },
};
