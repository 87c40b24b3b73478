/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_calls.c - the n-th allocation fails: locked memory, System V segments, sealed files,
 * mremap to where something is and of much, other processes' memory, policies, files of /proc.
 */
#include "nomem.h"
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/uio.h>

static int try_mlock(void)
{
	char *p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < 16 && !error; i += 2)
		error = error_of(mlock(p + i * PAGE, PAGE));
	if (!error && (madvise(p, 3 * PAGE, MADV_DONTFORK) || madvise(p, 9 * PAGE, 23)))
		error = errno;
	munmap(p, 16 * PAGE);
	return error;
}

static int try_shm(void)
{
	int id = shmget(IPC_PRIVATE, 8 * PAGE, 0600), error = 0;
	char *p = id < 0 ? (char *)-1 : shmat(id, NULL, 0);

	if (p == (char *)-1 || remap_file_pages(p, PAGE, 0, 5, 0))
		error = errno;
	if (p != (char *)-1 && shmdt(p))
		error = error ? error : errno;
	shmctl(id, IPC_RMID, NULL);
	return error;
}

static int try_memfd(void)
{
	int fd = memfd_create("x", MFD_ALLOW_SEALING), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, "x", 1) < 0 || fallocate(fd, 0, 0, 40 * PAGE) || lseek(fd, 0, SEEK_HOLE) < 0)
		error = errno;
	error = error ? error : error_of(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	close(fd);
	return error;
}

/* A fixed place that something else has: it stays when memory runs out. */
static int try_mremap_fixed(void)
{
	char *p = map(8 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *to = map(8 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	int error = 0;

	if (p == MAP_FAILED || to == MAP_FAILED)
		error = errno;
	else if (mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		error = mprotect(to, 8 * PAGE, PROT_READ) ? EFAULT : ENOMEM;
	if (p != MAP_FAILED)
		munmap(p, 8 * PAGE);
	if (to != MAP_FAILED)
		munmap(to, 8 * PAGE);
	return error;
}

static int try_process_vm(void)
{
	char a[100], *p = map(8 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct iovec here = { a, 100 }, there = { p, 100 };
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	if (process_vm_writev(getpid(), &here, 1, &there, 1, 0) < 0)
		error = errno == EFAULT ? ENOMEM : errno;
	munmap(p, 8 * PAGE);
	return error;
}

static int try_lock_all(void)
{
	char *p;
	int error = error_of(mlockall(MCL_CURRENT | MCL_FUTURE));

	if (!error) {
		p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		error = p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
	}
	munlockall();
	return error;
}

/* Policies and places of pages: nothing moves, but lists are taken from the program. */
static int try_policies(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	unsigned long node = 1;
	void *pages[64];
	int status[64], error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (int i = 0; i < 64; i++)
		pages[i] = p + (size_t)i * PAGE;
	*p = 1;
	if (syscall(SYS_mbind, p, 64 * PAGE, 2, &node, 8 * sizeof node, 0) ||
	    syscall(SYS_move_pages, 0, 64, pages, NULL, status, 0) < 0)
		error = errno;
	munmap(p, 64 * PAGE);
	return error;
}

/* A table's worth of pages, and more, moves; then huge pages are made of small ones and cut. */
static int try_large(void)
{
	size_t size = 8 * MiB;
	char *p = map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q, *aligned;
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < size; i += MiB / 2)
		p[i] = 1;
	q = mremap(p, size, size + 4 * MiB, MREMAP_MAYMOVE);
	if (q == MAP_FAILED) {
		error = errno;
	} else {
		p = q;
		size += 4 * MiB;
	}
	aligned = (char *)(((uintptr_t)p + 4 * MiB - 1) & -(4 * MiB));
	if (!error && madvise(aligned, 4 * MiB, 25 /* COLLAPSE */) && errno != EINVAL)
		error = errno;
	if (!error && (mprotect(aligned + MiB, PAGE, PROT_READ) || munmap(aligned + MiB, 5 * PAGE)))
		error = errno;
	munmap(p, size);
	return error;
}

static int try_proc_reads(void)
{
	static const char *const paths[] = {
		"/proc/self/pagemap",      "/proc/self/smaps_rollup", "/proc/self/auxv",
		"/proc/self/limits",       "/proc/self/task",         "/proc/slabinfo",
		"/proc/zoneinfo",          "/proc/buddyinfo",         "/proc/vmstat",
		"/proc/kpagecount",        "/proc/sysvipc/shm",       "/proc/self/statm",
		"/proc/sys/vm/swappiness", "/proc/quire/heap"
	};
	static char text[4096];

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int fd = open(paths[i], O_RDONLY), error = 0;

		if (fd < 0)
			return errno;
		if (syscall(i == 4 ? SYS_getdents64 : SYS_read, fd, text, sizeof text) < 0)
			error = errno;
		close(fd);
		if (error)
			return error;
	}
	return 0;
}

static const struct named calls[] = {
	{ "mlock, madvise", try_mlock },
	{ "shm, remap_file_pages", try_shm },
	{ "memfd", try_memfd },
	{ "mremap to a fixed place", try_mremap_fixed },
	{ "process_vm_writev", try_process_vm },
	{ "mlockall", try_lock_all },
	{ "mbind, move_pages", try_policies },
	{ "mremap of tables, huge pages", try_large },
	{ "more of /proc", try_proc_reads },
};

TEST("locks, segments, sealed files, moves, policies without memory")
{
	EXHAUST(calls);
}
