/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_hole.c - files as far as mappings need them: holes, sizes, files without names, copies between
 * files, mounts of tmpfs, and the limits FSIZE and NOFILE.
 */
#include "user.h"
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>

static int make(size_t size)
{
	int fd = memfd_create("x", 0);

	NEED(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static char *map(int fd, size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	NEED(p != MAP_FAILED);
	return p;
}

TEST("truncate under a mapping: SIGBUS at the right address, and private copies go too")
{
	int fd = make(4 * PAGE);
	char *s = map(fd, 4 * PAGE, MAP_SHARED), *p = map(fd, 4 * PAGE, MAP_PRIVATE), c;

	memset(s, 7, 4 * PAGE);
	p[0] = p[2 * PAGE] = 8;
	CHECK(ftruncate(fd, PAGE + 100) == 0);
	CHECK_EQ(fault_read(s + 2 * PAGE + 5), SIGBUS);
	CHECK(fault_addr == s + 2 * PAGE + 5 && fault_code == BUS_ADRERR);
	CHECK_EQ(fault_write(p + 2 * PAGE, 1), SIGBUS);
	CHECK(fault_addr == p + 2 * PAGE && fault_code == BUS_ADRERR);
	CHECK(s[PAGE + 99] == 7 && s[PAGE + 100] == 0 && s[2 * PAGE - 1] == 0 && p[0] == 8);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK(s[PAGE + 200] == 0 && s[3 * PAGE] == 0 && p[2 * PAGE] == 0);
	CHECK(pread(fd, &c, 1, (off_t)PAGE + 100) == 1 && c == 0);
}

TEST("read, write and mappings are one, page by page and byte by byte")
{
	int fd = make(2 * PAGE);
	char *s = map(fd, 2 * PAGE, MAP_SHARED), *p = map(fd, 2 * PAGE, MAP_PRIVATE), buf[20];

	CHECK(p[0] == 0 && s[0] == 0);
	CHECK(pwrite(fd, "across the border", 17, (off_t)PAGE - 8) == 17);
	CHECK(!memcmp(s + PAGE - 8, "across the border", 17));
	CHECK(!memcmp(p + PAGE - 8, "across the border", 17));
	s[PAGE - 8] = 'A';
	CHECK(p[PAGE - 8] == 'A' && pread(fd, buf, 1, (off_t)PAGE - 8) == 1 && buf[0] == 'A');
	p[PAGE] = 'x';
	s[PAGE] = 'y';
	CHECK(p[PAGE] == 'x' && pread(fd, buf, 1, (off_t)PAGE) == 1 && buf[0] == 'y');
	CHECK(msync(s, 2 * PAGE, MS_SYNC) == 0);
}

TEST("holes: punched, found, and given back")
{
	enum { PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };
	int fd = make(8 * PAGE);
	char *s = map(fd, 8 * PAGE, MAP_SHARED);
	struct stat before, after;

	CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
	CHECK(lseek(fd, 0, SEEK_HOLE) == 0);
	memset(s + 2 * PAGE, 1, 4 * PAGE);
	CHECK(lseek(fd, 0, SEEK_DATA) == 2 * PAGE && lseek(fd, 2 * PAGE, SEEK_HOLE) == 6 * PAGE);
	CHECK_ERR(lseek(fd, 8 * PAGE, SEEK_HOLE), ENXIO);
	CHECK_ERR(lseek(fd, -1, SEEK_DATA), ENXIO);
	fstat(fd, &before);
	CHECK(fallocate(fd, PUNCH, 3 * PAGE + 10, 2 * PAGE) == 0);
	fstat(fd, &after);
	CHECK(after.st_size == before.st_size && before.st_blocks - after.st_blocks == 8);
	CHECK(s[3 * PAGE + 9] == 1 && s[3 * PAGE + 10] == 0 && s[4 * PAGE] == 0 &&
	      s[5 * PAGE + 9] == 0 && s[5 * PAGE + 10] == 1);
	CHECK(fallocate(fd, PUNCH, 100 * PAGE, PAGE) == 0);
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, 0x100, 0, PAGE), EOPNOTSUPP);
}

TEST("fallocate: room in advance, within the size or beyond it")
{
	int fd = make(0), p[2], ro = open("/", O_RDONLY);
	struct stat st;

	CHECK(fallocate(fd, 0, PAGE, 2 * PAGE) == 0 && fstat(fd, &st) == 0);
	CHECK(st.st_size == 3 * PAGE && st.st_blocks == 16);
	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8 * PAGE) == 0 && fstat(fd, &st) == 0);
	CHECK(st.st_size == 3 * PAGE);
	CHECK_ERR(fallocate(fd, 0, -1, PAGE), EINVAL);
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
	CHECK_ERR(fallocate(-1, 0, 0, 1), EBADF);
	CHECK_ERR(fallocate(ro, 0, 0, 1), EBADF);
	CHECK(pipe(p) == 0);
	CHECK_ERR(fallocate(p[1], 0, 0, 1), ESPIPE);
}

TEST("O_TMPFILE: a file without a name, until linkat gives it one")
{
	char path[40];
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0600), once;

	if (fd < 0)
		skip("no O_TMPFILE here");
	CHECK(write(fd, "hello", 5) == 5 && fstat(fd, &st) == 0 && st.st_nlink == 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	CHECK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
	CHECK(stat("named", &st) == 0 && st.st_size == 5 && st.st_nlink == 1);
	once = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	snprintf(path, sizeof path, "/proc/self/fd/%d", once);
	CHECK_ERR(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW), ENOENT);
	CHECK_ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
}

TEST("sendfile and copy_file_range")
{
	int from = make(3 * PAGE), to = make(0), p[2];
	char *s = map(from, 3 * PAGE, MAP_SHARED), *buf = fresh(3 * PAGE);
	off_t at = 10;
	off64_t in = 100, out = 5;

	for (size_t i = 0; i < 3 * PAGE; i++)
		s[i] = (char)(i * 7);
	CHECK(sendfile(to, from, &at, 2 * PAGE) == 2 * PAGE && at == 2 * PAGE + 10);
	CHECK(pread(to, buf, 2 * PAGE, 0) == 2 * PAGE && !memcmp(buf, s + 10, 2 * PAGE));
	CHECK(sendfile(to, from, NULL, 5) == 5 && lseek(from, 0, SEEK_CUR) == 5);
	CHECK(sendfile(to, from, &at, 5 * PAGE) == PAGE - 10);
	CHECK(sendfile(to, from, &at, 1) == 0);
	CHECK(pipe(p) == 0 && lseek(from, 0, SEEK_SET) == 0 && sendfile(p[1], from, NULL, 9) == 9);
	CHECK(read(p[0], buf, 20) == 9 && !memcmp(buf, s, 9));
	CHECK_ERR(sendfile(to, p[0], &at, 1), ESPIPE);
	CHECK(copy_file_range(from, &in, to, &out, PAGE, 0) == PAGE && in == PAGE + 100 &&
	      out == PAGE + 5);
	CHECK(pread(to, buf, PAGE, 5) == PAGE && !memcmp(buf, s + 100, PAGE));
	CHECK_ERR(copy_file_range(from, &in, from, &in, PAGE, 0), EINVAL);
	CHECK_ERR(copy_file_range(from, &in, to, &out, PAGE, 1), EINVAL);
	CHECK_ERR(copy_file_range(p[0], NULL, to, NULL, PAGE, 0), EINVAL);
	CHECK_ERR(copy_file_range(from, NULL, open("/", O_RDONLY), NULL, PAGE, 0), EISDIR);
}

TEST("a tmpfs holds as much as its size= and nr_inodes= say, and its root has mode=")
{
	struct stat st;
	struct statfs fs;
	char page[PAGE] = { 1 }, *s;
	int fd, n;

	mkdir("m", 0700);
	if (mount("none", "m", "tmpfs", 0, "size=16k,nr_inodes=4,mode=751"))
		skip("may not mount");
	CHECK(stat("m", &st) == 0 && (st.st_mode & 07777) == 0751);
	CHECK(statfs("m", &fs) == 0 && fs.f_type == 0x01021994 && fs.f_blocks == 4 &&
	      fs.f_files == 4);
	fd = open("m/f", O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	for (n = 0; n < 10 && write(fd, page, PAGE) == (ssize_t)PAGE; n++)
		;
	CHECK(n == 4 && errno == ENOSPC);
	CHECK(pwrite(fd, "x", 1, 0) == 1); /* no new page */
	CHECK(ftruncate(fd, 8 * PAGE) == 0);
	s = map(fd, 8 * PAGE, MAP_SHARED);
	CHECK_EQ(fault_write(s + 6 * PAGE, 1), SIGBUS);
	CHECK(ftruncate(fd, PAGE) == 0 && statfs("m", &fs) == 0 && fs.f_bfree == 3);
	CHECK(mkdir("m/a", 0700) == 0 && mkdir("m/b", 0700) == 0);
	CHECK_ERR(mkdir("m/c", 0700), ENOSPC);
	CHECK(rmdir("m/a") == 0 && mkdir("m/c", 0700) == 0);
	CHECK_ERR(umount("m"), EBUSY);
	munmap(s, 8 * PAGE);
	close(fd);
	CHECK(umount("m") == 0);
	CHECK_ERR(mount("none", "m", "tmpfs", 0, "size=lots"), EINVAL);
	CHECK(mount("none", "m", "proc", 0, NULL) == 0);
	CHECK(stat("m/self/status", &st) == 0 && umount("m") == 0);
	CHECK_ERR(mount("none", "m", "no-such-fs", 0, NULL), ENODEV);
}

TEST("/dev/shm is a tmpfs that everybody may use")
{
	struct statfs fs;
	struct stat st;
	int fd;

	if (statfs("/dev/shm", &fs))
		skip("no /dev/shm");
	CHECK(fs.f_type == 0x01021994 && stat("/dev/shm", &st) == 0 &&
	      (st.st_mode & 07777) == 01777);
	fd = open("/dev/shm/utest", O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0 && fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL);
	map(fd, PAGE, MAP_SHARED)[5] = 1;
	CHECK(unlink("/dev/shm/utest") == 0);
}

static volatile int too_large;

static void on_xfsz(int sig)
{
	too_large = sig;
}

TEST("RLIMIT_FSIZE: SIGXFSZ and EFBIG beyond it, what fits is written")
{
	struct rlimit l = { PAGE, PAGE };
	int fd = make(0);
	char page[2 * PAGE] = { 1 };

	signal(SIGXFSZ, on_xfsz);
	NEED(setrlimit(RLIMIT_FSIZE, &l) == 0);
	CHECK(write(fd, page, 2 * PAGE) == (ssize_t)PAGE && !too_large);
	CHECK_ERR(write(fd, page, 1), EFBIG);
	CHECK_EQ(too_large, SIGXFSZ);
	too_large = 0;
	CHECK_ERR(ftruncate(fd, 2 * PAGE), EFBIG);
	CHECK_EQ(too_large, SIGXFSZ);
	too_large = 0;
	CHECK_ERR(fallocate(fd, 0, 0, 2 * PAGE), EFBIG);
	CHECK_EQ(too_large, SIGXFSZ);
	CHECK(pwrite(fd, page, 10, 0) == 10 && ftruncate(fd, 10) == 0);
}

TEST("RLIMIT_NOFILE: EMFILE for new descriptors, old ones stay")
{
	struct rlimit l;
	int fds[100], n = 0, high = dup2(0, 90);

	NEED(getrlimit(RLIMIT_NOFILE, &l) == 0 && high == 90);
	l.rlim_cur = 40;
	NEED(setrlimit(RLIMIT_NOFILE, &l) == 0);
	while (n < 100 && (fds[n] = dup(1)) >= 0)
		n++;
	CHECK(n < 40 && errno == EMFILE && fds[n - 1] == 39);
	CHECK_ERR(open("/", O_RDONLY), EMFILE);
	CHECK_ERR(dup2(1, 40), EBADF);
	CHECK_ERR(fcntl(1, F_DUPFD, 40), EINVAL);
	CHECK_ERR(memfd_create("x", 0), EMFILE);
	CHECK(fcntl(high, F_GETFD) == 0 && dup2(1, 39) == 39 && close(39) == 0 && dup(1) == 39);
}
