/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_seal.c - memfd_create, and what may not be done to a sealed file any more.
 */
#include "user.h"

#define SEALS(fd) fcntl(fd, F_GET_SEALS)

static int make(size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	NEED(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static char *map(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

TEST("memfd_create: names, flags, and a file like others")
{
	char name[300];
	struct stat st;
	int fd = memfd_create("", 0);

	CHECK(fd >= 0 && SEALS(fd) == F_SEAL_SEAL);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 0);
	CHECK(!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK(write(fd, "abc", 3) == 3 && pread(fd, name, 10, 0) == 3);
	memset(name, 'x', 299);
	name[250] = 0;
	CHECK_ERR(memfd_create(name, 0), EINVAL);
	name[249] = 0;
	CHECK(memfd_create(name, 0) >= 0);
	CHECK_ERR(memfd_create("x", 0x4000), EINVAL);
	CHECK_ERR(memfd_create((char *)8, 0), EFAULT);
	CHECK_ERR(memfd_create((char *)8, 0x4000), EINVAL);
}

TEST("seals: added, told, and sealed themselves")
{
	int fd = make(PAGE), plain = memfd_create("x", 0), p[2], ro;
	char path[40];

	CHECK_EQ(SEALS(fd), 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, 0x100), EINVAL);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 && SEALS(fd) == F_SEAL_GROW);
	CHECK(fcntl(fd, F_ADD_SEALS, 0) == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY);
	if (ro >= 0) {
		CHECK_ERR(fcntl(ro, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
		CHECK_EQ(SEALS(ro), F_SEAL_GROW);
	}
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
	CHECK_ERR(fcntl(plain, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
	CHECK(pipe(p) == 0);
	CHECK_ERR(SEALS(p[0]), EINVAL);
	CHECK_ERR(fcntl(p[1], F_ADD_SEALS, F_SEAL_SHRINK), EINVAL);
}

TEST("SHRINK and GROW hold the size")
{
	int fd = make(2 * PAGE);
	char c = 1;

	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	CHECK_ERR(ftruncate(fd, PAGE), EPERM);
	CHECK(ftruncate(fd, 3 * PAGE) == 0 && ftruncate(fd, 3 * PAGE) == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
	CHECK_ERR(ftruncate(fd, 4 * PAGE), EPERM);
	CHECK_ERR(pwrite(fd, &c, 1, 3 * PAGE), EPERM);
	CHECK_ERR(fallocate(fd, 0, 0, 4 * PAGE), EPERM);
	CHECK(fallocate(fd, 0, 0, 3 * PAGE) == 0);
	CHECK(pwrite(fd, &c, 1, 3 * PAGE - 1) == 1);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0);
}

TEST("WRITE: not while it is mapped for writing; then nothing writes to it")
{
	int fd = make(PAGE);
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), *q;

	NEED(p != MAP_FAILED);
	p[0] = 5;
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_ERR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY); /* it could be raised again */
	munmap(p, PAGE);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && SEALS(fd) == F_SEAL_WRITE);
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	CHECK_ERR((long)map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
	q = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	NEED(q != MAP_FAILED);
	q[0] = 6;
	CHECK(pread(fd, q + 1, 1, 0) == 1 && q[1] == 5);
	CHECK(ftruncate(fd, 2 * PAGE) == 0); /* a size is not contents */
}

TEST("FUTURE_WRITE: what is mapped goes on writing, nobody else")
{
	int fd = make(PAGE);
	char *p = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), *q;

	NEED(p != MAP_FAILED);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
	p[0] = 9;
	CHECK_ERR(write(fd, "x", 1), EPERM);
	CHECK_ERR((long)map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), EPERM);
	q = map(fd, PROT_READ, MAP_SHARED);
	NEED(q != MAP_FAILED);
	CHECK(q[0] == 9);
	CHECK_ERR(mprotect(q, PAGE, PROT_READ | PROT_WRITE), EACCES);
	p[0] = 8;
	CHECK(q[0] == 8);
}
