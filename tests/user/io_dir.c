/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_dir.c - names: directories, rename, links, loops, paths that are too long.
 */
#include "user.h"
#include <dirent.h>

static void make(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0644);

	NEED(fd >= 0);
	write(fd, name, strlen(name));
	close(fd);
}

static int exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

TEST("mkdir, rmdir, unlink: each its own kind")
{
	struct stat st;

	umask(0);
	CHECK(mkdir("d", 0751) == 0 && stat("d", &st) == 0);
	CHECK(S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0751 && st.st_nlink >= 1);
	CHECK_ERR(mkdir("d", 0700), EEXIST);
	CHECK_ERR(mkdir("none/d", 0700), ENOENT);
	make("d/f");
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK_ERR(rmdir("d/f"), ENOTDIR);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(rmdir("d/."), EINVAL);
	CHECK(unlink("d/f") == 0 && rmdir("d") == 0);
	CHECK_ERR(rmdir("d"), ENOENT);
	CHECK_ERR(rmdir("/"), EBUSY);
}

TEST("rename: over nothing, over a file, over directories, into itself")
{
	char text[8] = "";

	make("a");
	make("b");
	CHECK(rename("a", "c") == 0 && !exists("a") && exists("c"));
	CHECK(rename("c", "b") == 0 && !exists("c"));
	CHECK(read(open("b", O_RDONLY), text, 8) == 1 && text[0] == 'a');
	CHECK(mkdir("d", 0700) == 0 && mkdir("e", 0700) == 0);
	make("d/f");
	CHECK_ERR(rename("b", "d"), EISDIR);
	CHECK_ERR(rename("d", "b"), ENOTDIR);
	CHECK_ERR(rename("e", "d"), ENOTEMPTY);
	CHECK(rename("d", "e") == 0 && exists("e/f") && !exists("d"));
	CHECK_ERR(rename("e", "e/x"), EINVAL);
	CHECK_ERR(rename("none", "x"), ENOENT);
	CHECK(rename("b", "b") == 0 && exists("b"));
	CHECK(rename("b", "e/b") == 0 && exists("e/b"));
	CHECK_ERR(renameat2(AT_FDCWD, "e/f", AT_FDCWD, "e/b", RENAME_NOREPLACE), EEXIST);
}

TEST("getdents tells every name once, also many, also while they go")
{
	static char seen[2000];
	struct dirent *e;
	char name[32];
	int n = 0, dots = 0, wrong = 0;
	DIR *d;

	NEED(mkdir("d", 0700) == 0 && chdir("d") == 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "name-%d", i);
		close(open(name, O_RDWR | O_CREAT, 0600));
	}
	d = opendir(".");
	NEED(d);
	while ((e = readdir(d))) {
		int i = -1;

		if (e->d_name[0] == '.') {
			dots++;
			continue;
		}
		sscanf(e->d_name, "name-%d", &i);
		wrong += i < 0 || i >= 2000 || seen[i]++ || e->d_type != DT_REG || !e->d_ino;
		unlink(e->d_name);
		n++;
	}
	CHECK_EQ(n, 2000);
	CHECK_EQ(dots, 2);
	CHECK_EQ(wrong, 0);
	rewinddir(d);
	for (n = 0; (e = readdir(d)); n++)
		;
	CHECK_EQ(n, 2);
	rewinddir(d);
	CHECK_ERR(syscall(SYS_getdents64, dirfd(d), name, 1), EINVAL);
	CHECK_ERR(syscall(SYS_getdents64, 0x7000, name, 32), EBADF);
}

/* Names of all lengths, into memory that was not empty: each ends, by both calls. */
static unsigned names_that_end(int fd, long call, size_t head)
{
	static char buf[8192];
	unsigned good = 0;
	long n;

	memset(buf, 'x', sizeof(buf));
	lseek(fd, 0, SEEK_SET);
	n = syscall(call, fd, buf, sizeof(buf));
	for (long at = 0; at < n;) {
		const char *name = buf + at + head;
		unsigned short size;

		memcpy(&size, buf + at + 2 * (call == SYS_getdents64 ? 8 : sizeof(long)), 2);
		good += strspn(name, "n") == strlen(name) && strlen(name) <= 24;
		at += size;
	}
	return good;
}

TEST("getdents: a name of any length ends where it ends")
{
	char name[32] = "ends/";
	int fd;

	NEED(mkdir("ends", 0755) == 0);
	for (size_t i = 0; i < 24; i++) {
		name[5 + i] = 'n';
		make(name);
	}
	fd = open("ends", O_RDONLY | O_DIRECTORY);
	NEED(fd >= 0);
	CHECK_EQ(names_that_end(fd, SYS_getdents64, 19), 24);
	CHECK_EQ(names_that_end(fd, SYS_getdents, 2 * sizeof(long) + 2), 24);
	close(fd);
}

TEST("symbolic links: what they say, where they lead, when they loop")
{
	char text[64];
	struct stat st;

	make("f");
	CHECK(symlink("f", "l") == 0 && lstat("l", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_size, 1);
	CHECK(stat("l", &st) == 0 && S_ISREG(st.st_mode));
	CHECK_EQ(readlink("l", text, sizeof text), 1);
	CHECK_ERR(readlink("f", text, sizeof text), EINVAL);
	CHECK_ERR(symlink("x", "l"), EEXIST);
	CHECK_ERR(symlink("", "m"), ENOENT);
	symlink("gone", "dangling");
	CHECK_ERR(open("dangling", O_RDONLY), ENOENT);
	CHECK(open("dangling", O_RDWR | O_CREAT, 0600) >= 0 && exists("gone"));
	symlink("p", "q");
	symlink("q", "p");
	CHECK_ERR(open("p", O_RDONLY), ELOOP);
	CHECK_ERR(stat("p/x", &st), ELOOP);
	CHECK(unlink("p") == 0);
	symlink(".", "here");
	CHECK(stat("here/here/here/f", &st) == 0);
	mkdir("d", 0700);
	symlink("../f", "d/up");
	CHECK(stat("d/up", &st) == 0 && S_ISREG(st.st_mode));
	CHECK_ERR(link(".", "hard"), EPERM);
}

TEST("a chain of forty links holds, one more does not")
{
	char from[16], to[16];
	struct stat st;

	make("s0");
	for (int i = 1; i <= 41; i++) {
		snprintf(from, sizeof from, "s%d", i);
		snprintf(to, sizeof to, "s%d", i - 1);
		symlink(to, from);
	}
	CHECK(stat("s40", &st) == 0);
	CHECK_ERR(stat("s41", &st), ELOOP);
}

TEST("names of 255 bytes are names, longer ones and paths over 4096 are not")
{
	static char name[300], path[5000];

	memset(name, 'n', 255);
	CHECK(mkdir(name, 0700) == 0 && rmdir(name) == 0);
	name[255] = 'n';
	CHECK_ERR(mkdir(name, 0700), ENAMETOOLONG);
	memset(path, '/', 4096);
	CHECK_ERR(chdir(path), ENAMETOOLONG);
	path[4095] = 0;
	CHECK(chdir(path) == 0);
}

TEST("dots, slashes and the root")
{
	char path[PATH_MAX], again[PATH_MAX];
	struct stat a, b;

	NEED(getcwd(path, sizeof path));
	mkdir("d", 0700);
	CHECK(chdir("d//.///../d/.") == 0 && getcwd(again, sizeof again));
	CHECK(!strncmp(again, path, strlen(path)) && !strcmp(again + strlen(path), "/d"));
	CHECK(chdir("../../../../../../../../../..") == 0 && getcwd(again, sizeof again));
	CHECK(!strcmp(again, "/"));
	CHECK(stat("/", &a) == 0 && stat("/..", &b) == 0 && a.st_ino == b.st_ino);
	CHECK_ERR(syscall(SYS_getcwd, again, 1), ERANGE);
	chdir(path);
	make("f");
	CHECK_ERR(stat("f/", &a), ENOTDIR);
	CHECK_ERR(stat("f/.", &a), ENOTDIR);
	CHECK(stat("d/", &a) == 0);
}

TEST("openat and its family start from a descriptor")
{
	struct stat st;
	int d;

	mkdir("d", 0700);
	d = open("d", O_RDONLY | O_DIRECTORY);
	CHECK(openat(d, "f", O_RDWR | O_CREAT, 0600) >= 0 && exists("d/f"));
	CHECK(mkdirat(d, "sub", 0700) == 0 && symlinkat("f", d, "l") == 0);
	CHECK(fstatat(d, "l", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode));
	CHECK(renameat(d, "f", AT_FDCWD, "g") == 0 && exists("g"));
	CHECK(unlinkat(d, "sub", AT_REMOVEDIR) == 0 && unlinkat(d, "l", 0) == 0);
	CHECK(faccessat(AT_FDCWD, "g", F_OK, 0) == 0);
	CHECK_ERR(openat(open("g", O_RDONLY), "x", O_RDONLY), ENOTDIR);
	CHECK_ERR(openat(999, "x", O_RDONLY), EBADF);
	CHECK(fchdir(d) == 0 && rmdir("../d") == 0);
	CHECK_ERR(open("x", O_RDWR | O_CREAT, 0600), ENOENT); /* a directory that is gone */
}
