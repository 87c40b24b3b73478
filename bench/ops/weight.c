/* SPDX-License-Identifier: BSD-2-Clause
 *
 * weight.c - bytes of memory that one more mapping, process, pipe or page takes: MemFree of
 * /proc/meminfo before and after many of them, divided by their number.
 */
#include "ops.h"

static void poke(const char *path)
{
	long fd = sys3(NR_open, (long)path, O_WRONLY, 0);

	if (fd >= 0) {
		sys3(NR_write, fd, (long)"1", 1);
		sys1(NR_close, fd);
	}
}

/* Linux keeps free pages per CPU, and counts them late: both are sent home first.  A kernel
 * that lacks these files counts at once. */
static void settle(void)
{
	poke("/proc/sys/vm/compact_memory");
	poke("/proc/sys/vm/stat_refresh");
}

/* MemFree of /proc/meminfo, in bytes; below zero: no such file or line. */
static long mem_free(void)
{
	static const char key[] = "MemFree:";
	static char text[2048];
	long fd, got, kib = 0;
	unsigned k = 0;

	settle();
	fd = sys3(NR_open, (long)"/proc/meminfo", O_RDONLY, 0);
	if (fd < 0)
		return fd;
	got = sys3(NR_read, fd, (long)text, sizeof text - 1);
	sys1(NR_close, fd);
	for (long i = 0; i < got; i++) {
		k = text[i] == key[k] ? k + 1 : 0;
		if (k < sizeof key - 1)
			continue;
		for (i++; i < got && text[i] != 'k'; i++)
			if (text[i] >= '0' && text[i] <= '9')
				kib = kib * 10 + (text[i] - '0');
		return kib * 1024;
	}
	return -2;
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

const struct weight weights[] = {
	{ "mapping", mapping },
	{ "written page each 4 MiB", sparse_page },
	{ "process asleep", process },
	{ "pipe", pipe_pair },
	{ 0 },
};
