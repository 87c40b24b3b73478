/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_map.c - mmap, munmap and mremap: what is mapped where, and that nothing else moves.
 */
#include "user.h"

static int all_zero(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return 0;
	return 1;
}

TEST("fresh memory reads as zeroes, and keeps what is written")
{
	char *p = fresh(64 * PAGE);

	CHECK(all_zero(p, 64 * PAGE));
	memset(p, 0xa5, 64 * PAGE);
	CHECK(p[0] == (char)0xa5 && p[64 * PAGE - 1] == (char)0xa5);
	CHECK(munmap(p, 64 * PAGE) == 0);
	CHECK_EQ(fault_read(p), SIGSEGV);
	CHECK_EQ(fault_read(p + 64 * PAGE - 1), SIGSEGV);
}

TEST("a page written before is zero when it is mapped again")
{
	for (int round = 0; round < 8; round++) {
		char *p = fresh(MiB);

		CHECK(all_zero(p, MiB));
		memset(p, round + 1, MiB);
		munmap(p, MiB);
	}
}

TEST("munmap in the middle leaves both ends")
{
	char *p = fresh(9 * PAGE);

	memset(p, 7, 9 * PAGE);
	CHECK(munmap(p + 3 * PAGE, 3 * PAGE) == 0);
	for (int i = 0; i < 9; i++)
		CHECK_EQ(fault_read(p + i * PAGE), i >= 3 && i < 6 ? SIGSEGV : 0);
	CHECK(p[2 * PAGE] == 7 && p[6 * PAGE] == 7);
	CHECK(munmap(p, 9 * PAGE) == 0); /* holes do no harm */
	CHECK(munmap(p, 9 * PAGE) == 0);
}

TEST("lengths are rounded up, and a freed hole is used again")
{
	char *p = fresh(PAGE + 1), *q;

	CHECK(fault_write(p + 2 * PAGE - 1, 1) == 0);
	CHECK(munmap(p, 1) == 0);
	CHECK_EQ(fault_read(p), SIGSEGV);
	CHECK(fault_read(p + PAGE) == 0);
	for (int i = 0; i < 100000; i++) {
		q = fresh(16 * PAGE);
		munmap(q, 16 * PAGE);
	}
	CHECK(llabs((long long)((intptr_t)q - (intptr_t)p)) < (long long)(64 * MiB));
}

TEST("bad arguments of mmap and munmap are refused")
{
	char *p = fresh(PAGE);
	int anon = MAP_PRIVATE | MAP_ANONYMOUS, fd = open(".", O_RDONLY);

	CHECK_ERR(mmap(NULL, 0, PROT_READ, anon, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR(mmap(p + 1, PAGE, PROT_READ, anon | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	CHECK_ERR(mmap(NULL, (size_t)-PAGE, PROT_READ, anon, -1, 0), ENOMEM);
	CHECK_ERR(mmap(NULL, (size_t)-1, PROT_READ, anon, -1, 0), ENOMEM);
	CHECK_ERR(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERR(munmap(p, 0), EINVAL);
	CHECK_ERR(munmap(p, (size_t)-PAGE), EINVAL);
	CHECK_ERR(munmap((void *)-PAGE, PAGE), EINVAL);
	CHECK(fault_write(p, 1) == 0);
}

TEST("a fixed mapping replaces what was there, and only that")
{
	char *p = fresh(8 * PAGE), *q;

	memset(p, 1, 8 * PAGE);
	q = mmap(p + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	CHECK(q == p + 2 * PAGE);
	CHECK(p[PAGE] == 1 && q[0] == 0 && q[2 * PAGE - 1] == 0 && p[4 * PAGE] == 1);
	CHECK_EQ(fault_write(q, 1), SIGSEGV);
	CHECK_ERR(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0),
		  EEXIST);
	munmap(p, 8 * PAGE);
	q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(q == p);
}

TEST("a hint is taken when its place is free, and left when not")
{
	char *p = fresh(4 * PAGE), *q;

	munmap(p, 4 * PAGE);
	q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(q == p);
	q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(q != MAP_FAILED && q != p);
}

TEST("a large reservation costs no memory until it is touched")
{
	size_t size = 512 * MiB;
	long before, after;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	NEED(p != MAP_FAILED);
	before = proc_kib("/proc/self/status", "VmRSS");
	for (size_t at = 0; at < size; at += 64 * MiB)
		p[at] = 1;
	after = proc_kib("/proc/self/status", "VmRSS");
	if (before < 0)
		skip("no /proc/self/status");
	CHECK(after - before <= 8 * 4096 + 1024); /* huge pages at most */
	CHECK(munmap(p, size) == 0);
	CHECK(proc_kib("/proc/self/status", "VmSize") < 256 * 1024);
}

TEST("populate and DONTNEED: pages come at once, and go")
{
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	NEED(p != MAP_FAILED);
	memset(p, 9, 16 * PAGE);
	CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(p[0] == 9 && p[PAGE] == 0 && p[3 * PAGE - 1] == 0 && p[3 * PAGE] == 9);
	CHECK_ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, 9999), EINVAL);
	munmap(p + 4 * PAGE, PAGE);
	CHECK_ERR(madvise(p, 16 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(p[0] == 0 && p[5 * PAGE] == 0);
}

TEST("mremap shrinks, grows in place, and moves with its contents")
{
	char *p = fresh(8 * PAGE), *q;

	memset(p, 3, 8 * PAGE);
	CHECK(mremap(p, 8 * PAGE, 4 * PAGE, 0) == p);
	CHECK_EQ(fault_read(p + 4 * PAGE), SIGSEGV);
	CHECK(mremap(p, 4 * PAGE, 6 * PAGE, 0) == p);
	CHECK(p[3 * PAGE] == 3 && all_zero(p + 4 * PAGE, 2 * PAGE));
	NEED(mmap(p + 6 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
	     MAP_FAILED);
	mprotect(p + 6 * PAGE, PAGE, PROT_NONE);
	CHECK_ERR(mremap(p, 6 * PAGE, 100 * PAGE, 0), ENOMEM);
	q = mremap(p, 6 * PAGE, 100 * PAGE, MREMAP_MAYMOVE);
	NEED(q != MAP_FAILED);
	CHECK(q[0] == 3 && q[4 * PAGE - 1] == 3 && all_zero(q + 4 * PAGE, 96 * PAGE));
	CHECK_EQ(fault_read(p), SIGSEGV);
}

TEST("mremap to a fixed place replaces it; bad arguments are refused")
{
	char *p = fresh(4 * PAGE), *q = fresh(8 * PAGE);

	memset(p, 5, 4 * PAGE);
	memset(q, 6, 8 * PAGE);
	CHECK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 2 * PAGE) ==
	      q + 2 * PAGE);
	CHECK(q[PAGE] == 6 && q[2 * PAGE] == 5 && q[5 * PAGE] == 5 && q[6 * PAGE] == 6);
	CHECK_EQ(fault_read(p), SIGSEGV);
	CHECK_ERR(mremap(p, PAGE, PAGE, 0), EFAULT);
	CHECK_ERR(mremap(q + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_ERR(mremap(q, PAGE, 0, 0), EINVAL);
	CHECK_ERR(mremap(q, PAGE, PAGE, MREMAP_FIXED, p), EINVAL);
	CHECK_ERR(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE), EINVAL);
	CHECK(q[0] == 6);
}

TEST("ten thousand mappings that cannot merge, and all of them go")
{
	enum { N = 10000 };
	char *p = mmap(NULL, 2 * N * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t bad = 0;

	NEED(p != MAP_FAILED);
	for (size_t i = 0; i < N; i++)
		bad += mprotect(p + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE) != 0;
	for (size_t i = 0; i < N; i++)
		p[2 * i * PAGE] = (char)i;
	for (size_t i = 0; i < N; i++)
		bad += p[2 * i * PAGE] != (char)i;
	CHECK_EQ(bad, 0);
	CHECK_EQ(fault_read(p + PAGE), SIGSEGV);
	CHECK(munmap(p, 2 * N * PAGE) == 0);
	CHECK_EQ(fault_read(p), SIGSEGV);
}

TEST("memory below mmap_min_addr and at the top is nobody's")
{
	int anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	CHECK_EQ(fault_read(NULL), SIGSEGV);
	CHECK_EQ(fault_read((void *)-PAGE), SIGSEGV);
	CHECK_EQ(fault_write((void *)-1, 0), SIGSEGV);
	CHECK(mmap((void *)-PAGE, PAGE, PROT_READ, anon, -1, 0) == MAP_FAILED);
	if (sizeof(void *) == 8) /* under a 64-bit kernel, a 32-bit program has all 4 GiB */
		CHECK_ERR(mmap((void *)(-4 * PAGE), PAGE, PROT_READ, anon, -1, 0), ENOMEM);
}
