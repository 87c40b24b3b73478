/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_file.c - files: open and its flags, reading and writing, holes, truncation, times.
 */
#include "user.h"
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static long size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : (long)st.st_size;
}

TEST("open: create, exclusive, truncate, append, directory, no follow")
{
	char text[16] = "";
	int fd;

	CHECK_ERR(open("f", O_RDWR), ENOENT);
	make("f", "hello");
	CHECK_ERR(open("f", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_EQ(size_of("f"), 5);
	fd = open("f", O_RDWR | O_APPEND);
	CHECK_EQ(write(fd, " you", 4), 4);
	lseek(fd, 0, SEEK_SET);
	CHECK_EQ(write(fd, "!", 1), 1);
	CHECK_EQ(pread(fd, text, 15, 0), 10);
	CHECK(!strcmp(text, "hello you!"));
	close(open("f", O_WRONLY | O_TRUNC));
	CHECK_EQ(size_of("f"), 0);
	CHECK_ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open(".", O_RDWR), EISDIR);
	CHECK_ERR(open("f/x", O_RDONLY), ENOTDIR);
	symlink("f", "l");
	CHECK_ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK(open("l", O_RDONLY) >= 0);
	CHECK_ERR(open("l", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	CHECK_ERR(open("", O_RDONLY), ENOENT);
	CHECK_ERR(open("none/f", O_CREAT | O_RDWR, 0600), ENOENT);
}

TEST("descriptors of their own have positions of their own, copies share one")
{
	int a = make("f", "0123456789"), b = open("f", O_RDONLY), c = dup(a);
	char x, y;

	lseek(a, 3, SEEK_SET);
	CHECK(read(b, &x, 1) == 1 && x == '0');
	CHECK(read(c, &y, 1) == 1 && y == '3');
	CHECK_EQ(lseek(a, 0, SEEK_CUR), 4);
	CHECK_EQ(lseek(a, -1, SEEK_END), 9);
	CHECK_ERR(lseek(a, -1, SEEK_SET), EINVAL);
	CHECK_ERR(lseek(a, 0, 99), EINVAL);
	CHECK_EQ(lseek(a, 100, SEEK_SET), 100);
	CHECK_EQ(read(a, &x, 1), 0);
	CHECK_ERR(write(b, "x", 1), EBADF);
}

TEST("a hole reads as zeroes, and costs nothing")
{
	int fd = make("f", "start");
	struct stat st;
	char page[PAGE];

	CHECK_EQ(pwrite(fd, "end", 3, 100 * MiB), 3);
	CHECK_EQ(size_of("f"), 100 * MiB + 3);
	CHECK_EQ(pread(fd, page, PAGE, 50 * MiB + 123), PAGE);
	for (size_t i = 0; i < PAGE; i++)
		if (page[i]) {
			CHECK(!"zeroes in the hole");
			break;
		}
	CHECK(fstat(fd, &st) == 0 && st.st_blocks * 512 < 1024 * 1024);
	CHECK_EQ(pread(fd, page, 10, 100 * MiB), 3);
	CHECK(!memcmp(page, "end", 3));
}

TEST("truncate: shorter forgets, longer shows zeroes")
{
	int fd = make("f", "abcdefghij");
	char text[16] = "";

	CHECK(ftruncate(fd, 4) == 0 && size_of("f") == 4);
	CHECK(truncate("f", 8) == 0 && size_of("f") == 8);
	CHECK_EQ(pread(fd, text, 16, 0), 8);
	CHECK(!memcmp(text, "abcd\0\0\0\0", 8));
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_ERR(truncate("none", 0), ENOENT);
	CHECK_ERR(ftruncate(open("f", O_RDONLY), 0), EINVAL);
}

TEST("a large file, written in odd pieces, reads back the same")
{
	static unsigned char block[12345], got[12345];
	int fd = make("f", ""), bad = 0;
	unsigned seed = 1;

	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < sizeof block; k++)
			block[k] = (unsigned char)(i * 31 + (int)k);
		CHECK_EQ(pwrite(fd, block, sizeof block, (off_t)i * 12345), sizeof block);
	}
	for (int i = 0; i < 500; i++) {
		off_t at;

		seed = seed * 1103515245 + 12345;
		at = seed % (199 * 12345);
		NEED(pread(fd, got, sizeof got, at) == sizeof got);
		for (size_t k = 0; k < sizeof got; k += 97) {
			off_t o = at + (off_t)k;

			bad += got[k] != (unsigned char)(o / 12345 * 31 + o % 12345);
		}
	}
	CHECK_EQ(bad, 0);
}

TEST("readv and writev gather and scatter")
{
	char a[3], b[4], c[3];
	struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdefgh", 6 } };
	struct iovec in[] = { { a, 3 }, { b, 4 }, { c, 3 } };
	int fd = make("f", "");

	CHECK_EQ(writev(fd, out, 3), 8);
	CHECK_EQ(preadv(fd, in, 3, 0), 8);
	CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "defg", 4) && c[0] == 'h');
	CHECK_ERR(preadv(fd, in, 3, -1), EINVAL);
}

TEST("an unlinked file lives until it is closed, hard links count")
{
	int fd = make("f", "data");
	struct stat st;
	char text[8] = "";

	CHECK(link("f", "g") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 2);
	CHECK(unlink("f") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
	CHECK(unlink("g") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	CHECK_EQ(pread(fd, text, 8, 0), 4);
	CHECK_EQ(write(fd, "more", 4), 4);
	CHECK_EQ(pread(fd, text, 8, 0), 8);
	CHECK_ERR(open("f", O_RDONLY), ENOENT);
}

TEST("stat tells type, mode, size, identity and times")
{
	struct stat st, other;
	struct timespec now;
	int fd;

	umask(022);
	clock_gettime(CLOCK_REALTIME, &now);
	fd = make("f", "12345");
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0644);
	CHECK(st.st_size == 5 && st.st_uid == geteuid() && st.st_nlink == 1);
	CHECK(llabs((long long)(st.st_mtime - now.tv_sec)) <= 2);
	CHECK(stat(".", &other) == 0 && S_ISDIR(other.st_mode) && other.st_ino != st.st_ino);
	CHECK(other.st_dev == st.st_dev);
	CHECK(stat("./f", &other) == 0 && other.st_ino == st.st_ino);
	CHECK(chmod("f", 0751) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 0751);
	CHECK(fchmod(fd, 04711) == 0 && stat("f", &st) == 0 && (st.st_mode & 07777) == 04711);
	CHECK_ERR(stat("none", &st), ENOENT);
	CHECK_ERR(fstat(-1, &st), EBADF);
	CHECK_ERR(stat("f/g", &st), ENOTDIR);
}

TEST("statx agrees with stat")
{
	struct statx sx;
	struct stat st;

	make("f", "12345");
	NEED(stat("f", &st) == 0);
	CHECK(statx(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx) == 0);
	CHECK((sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
	CHECK(sx.stx_size == 5 && sx.stx_ino == st.st_ino && sx.stx_mode == st.st_mode);
	CHECK_EQ(sx.stx_mtime.tv_sec, st.st_mtime);
	CHECK_ERR(statx(AT_FDCWD, "none", 0, STATX_SIZE, &sx), ENOENT);
	CHECK_ERR(statx(AT_FDCWD, "", 0, STATX_SIZE, &sx), ENOENT);
	CHECK(statx(open("f", O_RDONLY), "", AT_EMPTY_PATH, STATX_SIZE, &sx) == 0);
}

TEST("times are set, and set by writing")
{
	struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 6 } };
	int fd = make("f", "x");
	struct stat st;

	CHECK(utimensat(AT_FDCWD, "f", times, 0) == 0 && stat("f", &st) == 0);
	CHECK(st.st_atime == 1000000000 && st.st_mtime == 1100000000);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK(futimens(fd, times) == 0 && stat("f", &st) == 0);
	CHECK(st.st_atime == 1000000000 && st.st_mtime > 1200000000);
	times[0].tv_nsec = 2000000000;
	CHECK_ERR(futimens(fd, times), EINVAL);
	times[0] = times[1] = (struct timespec){ 1000, 0 };
	futimens(fd, times);
	write(fd, "y", 1);
	CHECK(stat("f", &st) == 0 && st.st_mtime > 1000);
}

TEST("permissions bind those who are not root")
{
	make("secret", "x");
	chmod("secret", 0600);
	chmod(".", 0755);
	mkdir("closed", 0700);
	make("closed/f", "y");
	if (getuid() != 0)
		skip("needs root to become somebody else");
	NEED(setgid(1000) == 0 && setuid(1000) == 0);
	CHECK(geteuid() == 1000);
	CHECK_ERR(open("secret", O_RDONLY), EACCES);
	CHECK_ERR(open("closed/f", O_RDONLY), EACCES);
	CHECK_ERR(open("new", O_RDWR | O_CREAT, 0600), EACCES);
	CHECK_ERR(unlink("secret"), EACCES);
	CHECK_ERR(chmod("secret", 0777), EPERM);
	CHECK_ERR(access("secret", R_OK), EACCES);
	CHECK(access("secret", F_OK) == 0);
	CHECK_ERR(setuid(0), EPERM);
}

TEST("preadv2, pwritev2: flags for one transfer")
{
	char buf[16] = "";
	struct iovec v = { buf, 4 }, hello = { "hello", 5 };
	int fd = open("flagged", O_RDWR | O_CREAT, 0600), p[2];

	NEED(fd >= 0 && pipe(p) == 0);
	CHECK_EQ(pwritev2(fd, &hello, 1, 0, 0), 5);
	CHECK_EQ(pwritev2(fd, &hello, 1, 0, RWF_APPEND), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(pwritev2(fd, &hello, 1, -1, RWF_APPEND | RWF_SYNC), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 15);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), 0);
	CHECK_EQ(preadv2(fd, &v, 1, 4, RWF_HIPRI | RWF_DSYNC), 4);
	CHECK(!memcmp(buf, "ohel", 4));
	CHECK_ERR(preadv2(fd, &v, 1, 4, 1 << 30), EOPNOTSUPP);
	v.iov_len = 0;
	CHECK_EQ(preadv2(fd, &v, 1, 4, 1 << 30), 0);
	v.iov_len = 4;
	CHECK_ERR(preadv2(fd, &v, 1, -2, 1 << 30), EINVAL);
	CHECK_ERR(preadv2(-1, (void *)8, 1, 0, 1 << 30), EBADF);
	CHECK_ERR(preadv2(fd, (void *)8, 1, 0, 1 << 30), EFAULT);
	CHECK_ERR(preadv2(p[0], &v, 1, 0, 0), ESPIPE);
	CHECK_ERR(preadv2(p[1], &v, 1, -1, 1 << 30), EBADF);
	CHECK_ERR(preadv2(p[0], &v, 1, -1, RWF_NOWAIT), EAGAIN);
	CHECK_EQ(pwritev2(p[1], &hello, 1, -1, RWF_NOWAIT), 5);
	CHECK_EQ(preadv2(p[0], &v, 1, -1, RWF_NOWAIT), 4);
	CHECK_ERR(readv(-1, (void *)8, 1), EBADF);
}

TEST("handles of files")
{
	struct file_handle *h = calloc(1, sizeof *h + MAX_HANDLE_SZ);
	int mount;

	h->handle_bytes = MAX_HANDLE_SZ;
	CHECK_ERR(name_to_handle_at(AT_FDCWD, "absent", h, &mount, 0), ENOENT);
	CHECK_ERR(name_to_handle_at(AT_FDCWD, ".", h, &mount, 0x10), EINVAL);
	if (on_quire())
		CHECK_ERR(name_to_handle_at(AT_FDCWD, ".", h, &mount, 0), EOPNOTSUPP);
	CHECK_ERR(name_to_handle_at(AT_FDCWD, "/proc", h, &mount, 0), EOPNOTSUPP);
	if (geteuid())
		skip("not privileged");
	h->handle_bytes = 0;
	CHECK_ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), EINVAL);
	h->handle_bytes = 1000;
	CHECK_ERR(open_by_handle_at(AT_FDCWD, h, O_RDONLY), EINVAL);
	CHECK_ERR(open_by_handle_at(AT_FDCWD, (void *)8, O_RDONLY), EFAULT);
	h->handle_bytes = 8;
	CHECK_ERR(open_by_handle_at(999, h, O_RDONLY), EBADF);
}

static long openat2_(const char *name, uint64_t flags, uint64_t mode)
{
	uint64_t how[3] = { flags, mode, 0 };

	return syscall(SYS_openat2, AT_FDCWD, name, how, sizeof how);
}

TEST("open takes no half of O_TMPFILE; openat2 no flag that would not count")
{
	const unsigned unnamed = O_TMPFILE & ~O_DIRECTORY;
	int fd;

	CHECK_ERR(open(".", unnamed | O_RDWR, 0600), EINVAL);
	CHECK_ERR(open("./nowhere/", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	CHECK_ERR(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600), EINVAL);
	CHECK(open(".", O_PATH | O_RDWR | O_CREAT | O_EXCL) >= 0);
	CHECK_ERR(openat2_(".", O_PATH | O_RDWR, 0), EINVAL);
	CHECK_ERR(openat2_(".", O_PATH | O_CREAT, 0), EINVAL);
	CHECK_ERR(openat2_(".", O_PATH | O_EXCL, 0), EINVAL);
	CHECK_ERR(openat2_(".", O_PATH | O_TMPFILE, 0), EINVAL);
	CHECK_ERR(openat2_(".", O_TMPFILE | O_RDWR | O_CREAT, 0600), EINVAL);
	CHECK(openat2_(".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0) >= 0);
	fd = (int)openat2_(".", O_TMPFILE | O_RDWR, 0600);
	if (fd >= 0)
		CHECK_EQ(fcntl(fd, F_GETFL) & (O_TMPFILE | O_ACCMODE), O_TMPFILE | O_RDWR);
}
