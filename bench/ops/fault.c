/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fault.c - rows about page faults: first touch, copy-on-write, files, pages given back.
 */
#include "ops.h"

enum { N_FAULT = 1024 };

/* Time `touch` on n pages of a mapping made by mmap with these flags. */
static ops_ticks touch_fresh(unsigned n, int flags, int fd, int write)
{
	char *p = map_at(NULL, n * PAGE, PROT_READ | PROT_WRITE, flags, fd);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	start = ticks();
	if (write)
		ops_write(p, n);
	else
		ops_read(p, n);
	t = ops_since(start, n);
	unmap(p, n * PAGE);
	return t;
}

static ops_ticks write_fault(unsigned n)
{
	return touch_fresh(n, MAP_PRIVATE | MAP_ANON, -1, 1);
}

static ops_ticks read_fault(unsigned n)
{
	return touch_fresh(n, MAP_PRIVATE | MAP_ANON, -1, 0);
}

static ops_ticks shared_fault(unsigned n)
{
	return touch_fresh(n, MAP_SHARED | MAP_ANON, -1, 1);
}

/* The first write to pages that were read, and so show the shared page of zeroes. */
static ops_ticks write_after_read(unsigned n)
{
	char *p = map(n * PAGE);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	ops_read(p, n);
	start = ticks();
	ops_write(p, n);
	t = ops_since(start, n);
	unmap(p, n * PAGE);
	return t;
}

/* One page in each 2 MiB (4 MiB on i386 too): every fault needs a page table. */
static ops_ticks sparse_fault(unsigned n)
{
	size_t size = n * 4 * MiB;
	char *p = map(size);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		*(volatile char *)(p + i * 4 * MiB) = 1;
	t = ops_since(start, n);
	unmap(p, size);
	return t;
}

/* Write to n pages that a sleeping child shares; `gone` waits for its end first. */
static ops_ticks cow(unsigned n, int gone)
{
	char *p = map(n * PAGE);
	ops_ticks t;
	int fd[2];
	long pid;
	char c;
	u64 start;

	if (failed(p) || sys1(NR_pipe, fd) < 0)
		return -12;
	ops_write(p, n);
	pid = sys0(NR_fork);
	if (pid == 0) {
		sys1(NR_close, fd[1]);
		sys3(NR_read, fd[0], (long)&c, 1); /* until the parent closes its end */
		quit(0);
	}
	if (pid < 0)
		return pid;
	sys1(NR_close, fd[0]);
	if (gone) {
		sys1(NR_close, fd[1]);
		wait_for(pid);
	}
	start = ticks();
	ops_write(p, n);
	t = ops_since(start, n);
	if (!gone) {
		sys1(NR_close, fd[1]);
		wait_for(pid);
	}
	unmap(p, n * PAGE);
	return t;
}

static ops_ticks cow_shared(unsigned n)
{
	return cow(n, 0);
}

static ops_ticks cow_sole(unsigned n)
{
	return cow(n, 1);
}

static ops_ticks dontneed(unsigned n)
{
	char *p = map(n * PAGE);
	ops_ticks t;
	u64 start;
	long err;

	if (failed(p))
		return (long)p;
	ops_write(p, n);
	start = ticks();
	err = sys3(NR_madvise, (long)p, (long)(n * PAGE), MADV_DONTNEED);
	t = (ops_ticks)(ticks() - start);
	unmap(p, n * PAGE);
	return err < 0 ? err : t;
}

static ops_ticks populate(unsigned n)
{
	u64 start = ticks();
	char *p = map_at(NULL, n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANON | MAP_POPULATE, -1);
	ops_ticks t = (ops_ticks)(ticks() - start);

	if (failed(p))
		return (long)p;
	unmap(p, n * PAGE);
	return t;
}

/* Faults on a file whose pages are all in memory. */
static ops_ticks file_fault(unsigned n, int flags, int write)
{
	int fd = ops_file("/ops.map", n);
	ops_ticks t;

	if (fd < 0)
		return fd;
	t = touch_fresh(n, flags, fd, write);
	sys1(NR_close, fd);
	sys1(NR_unlink, "/ops.map");
	return t;
}

static ops_ticks file_read_fault(unsigned n)
{
	return file_fault(n, MAP_PRIVATE, 0);
}

static ops_ticks file_copy_fault(unsigned n)
{
	return file_fault(n, MAP_PRIVATE, 1);
}

static ops_ticks file_shared_fault(unsigned n)
{
	return file_fault(n, MAP_SHARED, 1);
}

const struct row rows_fault[] = {
	{ "write fault", write_fault, N_FAULT, 1, 9 },
	{ "read fault", read_fault, N_FAULT, 1, 9 },
	{ "copy-on-write fault", cow_shared, N_FAULT, 1, 9 },
	{ 0 },
};

const struct row more_fault[] = {
	{ "write fault after a read fault", write_after_read, N_FAULT, 1, 9 },
	{ "write fault, sole owner after a fork", cow_sole, N_FAULT, 1, 9 },
	{ "write fault, a page each 4 MiB", sparse_fault, 100, 1, 9 },
	{ "write fault, shared anonymous", shared_fault, N_FAULT, 1, 9 },
	{ "read fault, private file page", file_read_fault, N_FAULT, 1, 5 },
	{ "write fault, private file page", file_copy_fault, N_FAULT, 1, 5 },
	{ "write fault, shared file page", file_shared_fault, N_FAULT, 1, 5 },
	{ "madvise DONTNEED, a touched page of 1024", dontneed, N_FAULT, 1, 9 },
	{ "mmap POPULATE, a page of 1024", populate, N_FAULT, 1, 9 },
	{ 0 },
};
