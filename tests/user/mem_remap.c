/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_remap.c - mremap in all its ways, remap_file_pages, and the odd flags of mmap and mprotect.
 */
#include "user.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define MOVE MREMAP_MAYMOVE
#define AT   (MREMAP_MAYMOVE | MREMAP_FIXED)
#define KEEP (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static char *remap(void *p, size_t old, size_t new, int flags, void *to)
{
	return (char *)syscall(SYS_mremap, p, old, new, flags, to);
}

/* Pages filled with their numbers, from `first` on. */
static char *numbered(size_t n, int first)
{
	char *p = fresh(n * PAGE);

	for (size_t i = 0; i < n; i++)
		memset(p + i * PAGE, first + (int)i, PAGE);
	return p;
}

static int file_of(size_t n)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	NEED(fd >= 0);
	for (size_t i = 0; i < n; i++) {
		char page[PAGE];

		memset(page, 'a' + (int)i, PAGE);
		NEED(write(fd, page, PAGE) == (ssize_t)PAGE);
	}
	return fd;
}

TEST("mremap to where it is shorter: the rest goes, whatever lies there")
{
	char *p = numbered(8, 1);

	munmap(p + 4 * PAGE, PAGE);
	CHECK(remap(p, 8 * PAGE, 2 * PAGE, 0, NULL) == p);
	CHECK(p[PAGE] == 2);
	for (int i = 2; i < 8; i++)
		CHECK_EQ(fault_read(p + i * PAGE), SIGSEGV);
	CHECK(remap(p, 2 * PAGE, 2 * PAGE, 0, NULL) == p);
	CHECK(remap(p, PAGE, PAGE, MOVE, NULL) == p);
}

TEST("mremap does not grow over the end of a region")
{
	char *p = numbered(6, 1);

	munmap(p + 2 * PAGE, PAGE);
	CHECK_ERR((long)remap(p, 3 * PAGE, 4 * PAGE, MOVE, NULL), EFAULT);
	mprotect(p + 4 * PAGE, PAGE, PROT_READ);
	CHECK_ERR((long)remap(p + 3 * PAGE, 2 * PAGE, 9 * PAGE, MOVE, NULL), EFAULT);
	CHECK(p[3 * PAGE] == 4 && p[4 * PAGE] == 5);
}

TEST("mremap(FIXED) shrinks and moves; what was there is replaced")
{
	char *p = numbered(6, 1), *to = numbered(6, 11);

	CHECK(remap(p, 6 * PAGE, 3 * PAGE, AT, to + PAGE) == to + PAGE);
	CHECK(to[0] == 11 && to[PAGE] == 1 && to[3 * PAGE] == 3 && to[4 * PAGE] == 15);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(fault_read(p + i * PAGE), SIGSEGV);
	CHECK_ERR((long)remap(to, 2 * PAGE, 2 * PAGE, AT, to + PAGE), EINVAL);
	CHECK_ERR((long)remap(to, PAGE, PAGE, AT, p + 1), EINVAL);
	CHECK_ERR((long)remap(to, PAGE, PAGE, AT, (void *)-PAGE), EINVAL);
	CHECK_ERR((long)remap(to, PAGE, PAGE, MREMAP_FIXED, p), EINVAL);
	CHECK_ERR((long)remap(to, PAGE, PAGE, 8, NULL), EINVAL);
	CHECK_ERR((long)remap(to + 1, PAGE, PAGE, 0, NULL), EINVAL);
	CHECK_ERR((long)remap(to, PAGE, 0, 0, NULL), EINVAL);
	CHECK_ERR((long)remap(p, PAGE, PAGE, 0, NULL), EFAULT);
	CHECK(to[0] == 11);
}

TEST("mremap(DONTUNMAP) leaves the place, empty")
{
	char *p = numbered(4, 1), *hole = fresh(4 * PAGE), *q;

	munmap(hole, 4 * PAGE);
	q = remap(p, 2 * PAGE, 2 * PAGE, KEEP, hole);
	NEED(q == hole);
	CHECK(q[0] == 1 && q[PAGE] == 2 && p[0] == 0 && p[PAGE] == 0 && p[2 * PAGE] == 3);
	p[0] = 9;
	CHECK(q[0] == 1);
	q = remap(p, 2 * PAGE, 2 * PAGE, KEEP, hole); /* taken: a wish is a wish */
	CHECK(q != MAP_FAILED && q != hole && q[0] == 9 && hole[0] == 1);
	CHECK(remap(p + 2 * PAGE, PAGE, PAGE, KEEP | MREMAP_FIXED, hole) == hole);
	CHECK(hole[0] == 3 && hole[PAGE] == 2 && p[2 * PAGE] == 0);
	CHECK_ERR((long)remap(p, PAGE, 2 * PAGE, KEEP, NULL), EINVAL);
	CHECK_ERR((long)remap(p, PAGE, PAGE, MREMAP_DONTUNMAP, NULL), EINVAL);
	CHECK_ERR((long)remap(p, PAGE, PAGE, KEEP, p), EINVAL);
	CHECK_ERR((long)remap(p, PAGE, PAGE, KEEP, hole + 1), EINVAL);
}

TEST("mremap with old length 0 shows a shared mapping twice")
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	     *q;

	NEED(p != MAP_FAILED);
	p[PAGE] = 4;
	q = remap(p, 0, 2 * PAGE, MOVE, NULL);
	NEED(q != MAP_FAILED && q != p);
	CHECK(q[PAGE] == 4);
	q[PAGE] = 5;
	CHECK(p[PAGE] == 5 && munmap(p, 2 * PAGE) == 0 && q[PAGE] == 5);
	CHECK_ERR((long)remap(q, 0, PAGE, 0, NULL), ENOMEM);
	CHECK_ERR((long)remap(fresh(PAGE), 0, PAGE, MOVE, NULL), EINVAL);
}

TEST("a file's mapping keeps its pages when it moves and grows")
{
	int fd = file_of(6);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, (off_t)PAGE), *q;

	NEED(p != MAP_FAILED);
	p[0] = 'X';
	q = remap(p, 2 * PAGE, 5 * PAGE, MOVE, NULL);
	NEED(q != MAP_FAILED);
	CHECK(q[0] == 'X' && q[1] == 'b' && q[PAGE] == 'c' && q[4 * PAGE] == 'f');
	q = remap(q, 5 * PAGE, 7 * PAGE, MOVE, NULL);
	NEED(q != MAP_FAILED);
	CHECK_EQ(fault_read(q + 5 * PAGE), SIGBUS);
	CHECK(fault_addr == q + 5 * PAGE && fault_code == BUS_ADRERR);
}

TEST("remap_file_pages: another order of the same pages")
{
	int fd = file_of(4);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), c;

	NEED(p != MAP_FAILED);
	if (syscall(SYS_remap_file_pages, p, PAGE, 0, 3, 0) < 0 && errno == ENOSYS)
		skip("no remap_file_pages");
	CHECK(p[0] == 'd' && p[PAGE] == 'b');
	CHECK(syscall(SYS_remap_file_pages, p + 3 * PAGE, PAGE, 0, 0, 0) == 0);
	CHECK(p[3 * PAGE] == 'a');
	p[0] = 'D';
	CHECK(pread(fd, &c, 1, 3 * PAGE) == 1 && c == 'D');
	CHECK_ERR(syscall(SYS_remap_file_pages, p, PAGE, PROT_READ, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, p, 0, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_remap_file_pages, fresh(PAGE), PAGE, 0, 0, 0), EINVAL);
}

TEST("flags of mmap: validated, huge, growing, and lengths of files")
{
	int fd = file_of(1), anon = MAP_PRIVATE | MAP_ANONYMOUS, ro = open("file", O_RDONLY),
	    wo = open("file", O_WRONLY);
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE, fd, 0);

	CHECK(p != MAP_FAILED && *p == 'a');
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x200000, fd, 0), EOPNOTSUPP);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | 0x200000, fd, 0) != MAP_FAILED);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, anon | MAP_HUGETLB | 22 << 26, -1, 0),
		  sizeof(void *) == 8 || under_64_bits() ? EINVAL : ENOMEM);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, anon | MAP_HUGETLB, -1, 0), ENOMEM);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0),
		  EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0), EINVAL);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0) != MAP_FAILED);
#ifdef __x86_64__
	p = mmap(NULL, PAGE, PROT_READ, anon | MAP_32BIT, -1, 0);
	CHECK(p != MAP_FAILED && (uintptr_t)p < 0x80000000);
	p = mmap((void *)0x700000000000, PAGE, PROT_READ, anon | MAP_32BIT, -1, 0);
	CHECK(p != MAP_FAILED && (uintptr_t)p < 0x80000000);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, (off_t)0x7ffffffffffff000),
		  EOVERFLOW);
#endif
}

TEST("mprotect: growing, keys, bad ranges")
{
	char *p = fresh(4 * PAGE);

	CHECK_ERR(mprotect(p, PAGE, PROT_GROWSDOWN), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, PROT_GROWSUP), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
	CHECK_ERR(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, 0x40), EINVAL);
	CHECK(mprotect(p, 0, PROT_READ) == 0);
	munmap(p + 2 * PAGE, PAGE);
	CHECK_ERR(mprotect(p, 4 * PAGE, PROT_READ), ENOMEM);
	CHECK_EQ(fault_write(p, 1), SIGSEGV); /* done as far as it goes */
	CHECK(fault_write(p + 3 * PAGE, 1) == 0);
	CHECK_ERR(mprotect(p + 2 * PAGE, PAGE, PROT_GROWSUP), ENOMEM);
#ifdef __x86_64__
	CHECK(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ | PROT_WRITE, -1) == 0);
	CHECK(fault_write(p, 1) == 0);
	CHECK_ERR(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 5), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_free, 5), EINVAL);
	CHECK_ERR(syscall(SYS_pkey_alloc, 1, 0), EINVAL);
#endif
}

TEST("mremap: a child moves memory over what it has from its parent, who keeps it")
{
	const size_t size = 24 * MiB;
	char *from = fresh(size), *to = fresh(size);
	int status;

	memset(to, 7, size);
	if (fork() == 0) {
		int bad = 0;

		for (size_t at = 0; at < size / 2; at += PAGE)
			from[at] = 1;
		if (mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			_exit(2);
		for (size_t at = 0; at < size; at += PAGE)
			bad |= to[at] != (at < size / 2);
		_exit(bad);
	}
	wait(&status);
	CHECK_EQ(status, 0);
	for (size_t at = 0; at < size; at += PAGE)
		NEED(to[at] == 7);
}

TEST("mprotect: growing reaches down to the begin of a stack of any size")
{
	const size_t size = 9 * MiB; /* tables meet within it, two-level ones too */
	char *p = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);

	NEED(p != MAP_FAILED && mprotect(p + size, PAGE, PROT_READ) == 0);
	for (size_t at = 0; at < size; at += MiB)
		p[at] = 1;
	CHECK(mprotect(p + size - PAGE, PAGE, PROT_READ | PROT_GROWSDOWN) == 0);
	for (size_t at = 0; at < size; at += MiB)
		CHECK_EQ(fault_write(p + at, 1), SIGSEGV);
}

TEST("/proc/self/mem goes past missing rights, but not of shared pages")
{
	int fd = open("/proc/self/mem", O_RDWR), file = file_of(1);
	char *p = numbered(2, 1), c = 0, *s;
	off_t at = (off_t)(uintptr_t)p;

	if (fd < 0)
		skip("no /proc/self/mem to write to");
	mprotect(p, 2 * PAGE, PROT_NONE);
	CHECK(pread(fd, &c, 1, at) == 1 && c == 1);
	CHECK(pwrite(fd, "\x42", 1, at + (off_t)PAGE) == 1);
	CHECK_EQ(fault_read(p), SIGSEGV);
	mprotect(p, 2 * PAGE, PROT_READ);
	CHECK(p[0] == 1 && p[PAGE] == 0x42 && p[PAGE + 1] == 2);
	CHECK(pwrite(fd, "\x43", 1, at) == 1 && p[0] == 0x43);
	s = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	CHECK(pwrite(fd, "x", 1, (off_t)(uintptr_t)s) == -1 && *s == 'a');
}
