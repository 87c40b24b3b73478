/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_file.c - mapped files: they agree with read and write, end where the file ends, and a
 * private mapping never reaches the file.
 */
#include "user.h"

/* A file "f" of this size with byte i = i / PAGE + 1. */
static int make_file(size_t size)
{
	int fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);

	NEED(fd >= 0);
	for (size_t at = 0; at < size; at += PAGE) {
		size_t n = size - at < PAGE ? size - at : PAGE;
		char page[PAGE];

		memset(page, (int)(at / PAGE + 1), n);
		NEED(write(fd, page, n) == (ssize_t)n);
	}
	return fd;
}

TEST("a mapped file shows the file's bytes, and zeroes to the end of its last page")
{
	int fd = make_file(2 * PAGE + 100);
	char *p = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

	NEED(p != MAP_FAILED);
	close(fd);
	CHECK(p[0] == 1 && p[PAGE] == 2 && p[2 * PAGE] == 3 && p[2 * PAGE + 99] == 3);
	CHECK(p[2 * PAGE + 100] == 0 && p[3 * PAGE - 1] == 0);
}

TEST("beyond the last page of a file is SIGBUS")
{
	int fd = make_file(PAGE + 1);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEED(p != MAP_FAILED);
	CHECK_EQ(fault_read(p + 2 * PAGE - 1), 0);
	CHECK_EQ(fault_read(p + 2 * PAGE + 5), SIGBUS);
	CHECK(fault_addr == p + 2 * PAGE + 5);
	CHECK_EQ(fault_code, BUS_ADRERR);
	CHECK_EQ(fault_write(p + 3 * PAGE, 1), SIGBUS);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK_EQ(fault_read(p + 3 * PAGE), 0);
}

TEST("a shared mapping, read and write are three views of one thing")
{
	int fd = make_file(4 * PAGE);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), c = 0;

	NEED(p != MAP_FAILED);
	p[PAGE + 7] = 'm';
	CHECK(pread(fd, &c, 1, PAGE + 7) == 1 && c == 'm');
	CHECK(pwrite(fd, "w", 1, 3 * PAGE) == 1);
	CHECK_EQ(p[3 * PAGE], 'w');
	CHECK(msync(p, 4 * PAGE, MS_SYNC) == 0);
	CHECK(munmap(p, 4 * PAGE) == 0);
	CHECK(pread(fd, &c, 1, PAGE + 7) == 1 && c == 'm');
}

TEST("a private mapping keeps its writes to itself")
{
	int fd = make_file(2 * PAGE);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), c = 0;

	NEED(p != MAP_FAILED);
	p[0] = 'x';
	CHECK(pread(fd, &c, 1, 0) == 1 && c == 1);
	CHECK_EQ(p[1], 1);
	CHECK(pwrite(fd, "y", 1, 0) == 1);
	CHECK_EQ(p[0], 'x');
	CHECK(pwrite(fd, "z", 1, PAGE) == 1);
	CHECK_EQ(p[PAGE], 'z'); /* not copied yet: still the file's page */
}

static void shared_child(void *p)
{
	((char *)p)[0] = 'c';
	((char *)p)[PAGE] = 'd';
}

TEST("children share a shared mapping, and copy a private one")
{
	int fd = make_file(2 * PAGE);
	char *s = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	NEED(s != MAP_FAILED && p != MAP_FAILED);
	p[0] = 'p';
	CHECK_EQ(in_child(shared_child, p), 0);
	CHECK(p[0] == 'p' && p[PAGE] == 2);
	CHECK_EQ(in_child(shared_child, s), 0);
	CHECK(s[0] == 'c' && s[PAGE] == 'd' && p[0] == 'p');
}

TEST("offsets count, and a file may be mapped in many places")
{
	int fd = make_file(8 * PAGE);
	char *p[8];

	for (int i = 0; i < 8; i++) {
		p[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(i * PAGE));
		NEED(p[i] != MAP_FAILED);
		CHECK_EQ(p[i][9], i + 1);
	}
	char *all = mmap(NULL, 8 * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	NEED(all != MAP_FAILED);
	for (int i = 0; i < 8; i++) {
		p[i][0] = (char)(100 + i);
		CHECK_EQ(all[i * PAGE], 100 + i);
	}
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
}

TEST("rights of the descriptor bound those of a shared mapping")
{
	int fd = make_file(PAGE), ro, wo;
	char *p;

	close(fd);
	ro = open("f", O_RDONLY);
	wo = open("f", O_WRONLY);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wo, 0), EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	NEED(p != MAP_FAILED);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0);
	CHECK(p != MAP_FAILED && fault_write(p, 1) == 0);
}

TEST("truncation takes pages away from under a mapping")
{
	int fd = make_file(4 * PAGE);
	char *s = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	NEED(s != MAP_FAILED && p != MAP_FAILED);
	s[2 * PAGE] = p[2 * PAGE] = 'a';
	CHECK(ftruncate(fd, PAGE + 10) == 0);
	CHECK_EQ(fault_read(s + 2 * PAGE), SIGBUS);
	CHECK_EQ(fault_read(p + 2 * PAGE), SIGBUS);
	CHECK_EQ(s[PAGE + 9], 2);
	CHECK_EQ(s[PAGE + 10], 0);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK_EQ(fault_read(s + 2 * PAGE), 0);
	CHECK_EQ(s[2 * PAGE], 0);
}

TEST("an unlinked file lives as long as its mapping")
{
	int fd = make_file(PAGE);
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	NEED(p != MAP_FAILED);
	CHECK(unlink("f") == 0 && close(fd) == 0);
	CHECK_EQ(p[0], 1);
	CHECK_EQ(fault_write(p, 5), 0);
	CHECK_EQ(p[0], 5);
}

TEST("the kernel reads and writes user memory that is a mapped file")
{
	int fd = make_file(2 * PAGE), out = open("g", O_RDWR | O_CREAT, 0600);
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), c = 0;

	NEED(p != MAP_FAILED && out >= 0);
	CHECK_EQ(write(out, p + 100, PAGE), PAGE); /* faults inside the call */
	CHECK(pread(out, &c, 1, PAGE - 1) == 1 && c == 2);
	CHECK_EQ(pread(out, p, 10, 0), 10);
	CHECK(pread(fd, &c, 1, 3) == 1 && c == 1);
	CHECK_EQ(write(out, fresh(64 * PAGE), 64 * PAGE), 64 * PAGE);
	ftruncate(fd, 0);
	CHECK_ERR(write(out, p, 10), EFAULT); /* SIGBUS for the program, EFAULT for the kernel */
}
