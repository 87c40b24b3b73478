/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_notify.c - inotify: which events come, in which order, and how they are read.
 */
#include "user.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <time.h>

static int q;

static void start(void)
{
	q = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	NEED(q >= 0 && mkdir("dir", 0755) == 0);
}

static int watch(const char *name, uint32_t mask)
{
	int wd = inotify_add_watch(q, name, mask);

	NEED(wd > 0);
	return wd;
}

static void make(const char *name)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	NEED(fd >= 0 && write(fd, "text", 4) == 4);
	close(fd);
}

static const char *const names[] = {
	"access",     "modify",   "attrib",   "close_write", "close_nowrite", "open",
	"moved_from", "moved_to", "create",   "delete",      "delete_self",   "move_self",
	NULL,         "unmount",  "overflow", "ignored"
};

static uint32_t cookies[8];
static unsigned ncookies;

/* All that waits, as "WD event[/] name, ...". */
static const char *events(void)
{
	static char buf[8192], text[8192];
	ssize_t n = read(q, buf, sizeof buf);
	char *to = text;
	struct inotify_event *e;

	*to = '\0';
	ncookies = 0;
	for (char *at = buf; n > 0 && at < buf + n; at += sizeof *e + e->len) {
		e = (struct inotify_event *)at;
		to += sprintf(to, "%s%d", to == text ? "" : ", ", e->wd);
		for (unsigned i = 0; i < 16; i++)
			if (e->mask >> i & 1)
				to += sprintf(to, " %s%s", names[i], e->mask & IN_ISDIR ? "/" : "");
		if (e->len)
			to += sprintf(to, " %s", e->name);
		if (e->cookie && ncookies < 8)
			cookies[ncookies++] = e->cookie;
	}
	return text;
}

static void expect_at(int line, const char *want)
{
	const char *got = events();

	if (strcmp(got, want)) {
		printf("# wanted \"%s\"\n# got    \"%s\"\n", want, got);
		check_failed(__FILE__, line, "the events expected", 0);
	}
}
#define EXPECT(want) expect_at(__LINE__, want)

TEST("inotify: what is done to a file")
{
	char buf[8];
	int fd;

	start();
	make("file");
	watch("file", IN_ALL_EVENTS);
	EXPECT("");
	fd = open("file", O_RDWR);
	EXPECT("1 open");
	NEED(read(fd, buf, 2) == 2 && read(fd, buf, 2) == 2 && read(fd, buf, 2) == 0);
	EXPECT("1 access"); /* two that are the same are one */
	NEED(write(fd, "a", 1) == 1 && pwrite(fd, "b", 1, 0) == 1 && ftruncate(fd, 1) == 0);
	EXPECT("1 modify");
	NEED(read(fd, buf, 0) == 0 && write(fd, "", 0) == 0);
	EXPECT("");
	CHECK(fchmod(fd, 0600) == 0);
	EXPECT("1 attrib");
	CHECK(dup2(fd, 100) == 100 && close(100) == 0);
	EXPECT("");
	close(fd);
	EXPECT("1 close_write");
	close(open("file", O_RDONLY));
	EXPECT("1 open, 1 close_nowrite");
	close(open("file", O_WRONLY | O_TRUNC));
	EXPECT("1 open, 1 modify, 1 close_write");
	close(open("file", O_PATH));
	EXPECT("");
	CHECK(truncate("file", 10) == 0 && chown("file", getuid(), getgid()) == 0);
	EXPECT("1 modify, 1 attrib");
	CHECK(link("file", "other") == 0 && rename("other", "third") == 0 && unlink("third") == 0);
	EXPECT("1 attrib, 1 move_self, 1 attrib");
	CHECK(unlink("file") == 0);
	EXPECT("1 attrib, 1 delete_self, 1 ignored");
	CHECK_ERR(inotify_rm_watch(q, 1), EINVAL);
}

TEST("inotify: times, one or both; fallocate, sendfile, copies")
{
	struct timespec none = { 0, UTIME_OMIT }, now = { 0, UTIME_NOW };
	int fd, out;

	start();
	make("file");
	make("out");
	watch("file", IN_ALL_EVENTS);
	watch("out", IN_MODIFY);
	CHECK(utimensat(AT_FDCWD, "file", NULL, 0) == 0);
	EXPECT("1 attrib");
	CHECK(utimensat(AT_FDCWD, "file", (struct timespec[]){ now, none }, 0) == 0);
	EXPECT("1 access");
	CHECK(utimensat(AT_FDCWD, "file", (struct timespec[]){ none, now }, 0) == 0);
	EXPECT("1 modify");
	CHECK(utimensat(AT_FDCWD, "file", (struct timespec[]){ none, none }, 0) == 0);
	EXPECT("");
	fd = open("file", O_RDWR);
	out = open("out", O_RDWR);
	EXPECT("1 open");
	CHECK_EQ(copy_file_range(fd, NULL, out, NULL, 2, 0), 2);
	EXPECT("1 access, 2 modify");
	if (fallocate(fd, 0, 0, 100) == 0)
		EXPECT("1 modify");
	CHECK(fchown(fd, -1, getgid()) == 0);
	EXPECT("1 attrib");
}

TEST("inotify: the names of a directory")
{
	int fd, wd;

	start();
	wd = watch("dir", IN_ALL_EVENTS & ~(IN_OPEN | IN_CLOSE));
	CHECK_EQ(wd, 1);
	make("dir/a");
	EXPECT("1 create a, 1 modify a");
	CHECK(mkdir("dir/sub", 0755) == 0 && symlink("a", "dir/link") == 0 &&
	      mkfifo("dir/fifo", 0600) == 0);
	EXPECT("1 create/ sub, 1 create link, 1 create fifo");
	CHECK(link("dir/a", "dir/b") == 0);
	EXPECT("1 create b");
	CHECK(chmod("dir/sub", 0700) == 0 && chmod("dir/a", 0600) == 0);
	EXPECT("1 attrib/ sub, 1 attrib a");
	CHECK(rmdir("dir/sub") == 0 && unlink("dir/a") == 0);
	EXPECT("1 delete/ sub, 1 delete a");
	CHECK(chmod("dir", 0700) == 0);
	EXPECT("1 attrib/");
	fd = open("dir/b", O_WRONLY);
	CHECK(unlink("dir/b") == 0);
	EXPECT("1 delete b");
	CHECK(write(fd, "x", 1) == 1);
	EXPECT("1 modify b"); /* the name is gone, and told all the same */
	close(fd);
	unlink("dir/link");
	unlink("dir/fifo");
	events();
	CHECK(rename("dir", "moved") == 0 && rmdir("moved") == 0);
	EXPECT("1 move_self, 1 delete_self, 1 ignored");
}

TEST("inotify: opening and reading a directory, and what is in it")
{
	char buf[4096];
	int fd;

	start();
	make("dir/file");
	watch("dir", IN_ALL_EVENTS);
	watch("dir/file", IN_OPEN | IN_CLOSE | IN_ATTRIB);
	watch(".", IN_OPEN | IN_ACCESS);
	fd = open("dir", O_RDONLY | O_DIRECTORY);
	EXPECT("3 open/ dir, 1 open/");
	CHECK(syscall(SYS_getdents64, fd, buf, sizeof buf) > 0);
	EXPECT("3 access/ dir, 1 access/");
	close(fd);
	EXPECT("1 close_nowrite/");
	fd = open("dir/file", O_RDONLY); /* first the directory hears of it */
	EXPECT("1 open file, 2 open");
	close(fd);
	EXPECT("1 close_nowrite file, 2 close_nowrite");
	CHECK(chmod("dir/file", 0600) == 0);
	EXPECT("1 attrib file, 2 attrib");
}

TEST("inotify: moves, with a cookie for the two halves")
{
	start();
	NEED(mkdir("to", 0755) == 0 && mkdir("dir/sub", 0755) == 0);
	make("dir/a");
	make("dir/b");
	make("to/c");
	watch("dir", IN_MOVE | IN_DELETE | IN_CREATE);
	watch("to", IN_MOVE | IN_DELETE | IN_CREATE);
	watch("dir/a", IN_MOVE_SELF | IN_ATTRIB | IN_DELETE_SELF);
	watch("dir/b", IN_MOVE_SELF | IN_ATTRIB | IN_DELETE_SELF);
	CHECK(rename("dir/a", "dir/z") == 0);
	EXPECT("1 moved_from a, 1 moved_to z, 3 move_self");
	CHECK(ncookies == 2 && cookies[0] == cookies[1]);
	CHECK(rename("dir/sub", "to/sub") == 0);
	EXPECT("1 moved_from/ sub, 2 moved_to/ sub");
	CHECK(ncookies == 2 && cookies[0] == cookies[1]);
	CHECK(rename("dir/z", "dir/b") == 0); /* what was there goes */
	EXPECT("1 moved_from z, 1 moved_to b, 4 attrib, 3 move_self, 4 delete_self, 4 ignored");
	CHECK(syscall(SYS_renameat2, AT_FDCWD, "dir/b", AT_FDCWD, "to/c", 2) == 0);
	EXPECT("1 moved_from b, 2 moved_to c, 3 move_self, 2 moved_from c, 1 moved_to b");
	CHECK(ncookies == 4 && cookies[0] == cookies[1] && cookies[2] == cookies[3] &&
	      cookies[0] != cookies[2]);
	CHECK(link("to/c", "to/d") == 0);
	EXPECT("3 attrib, 2 create d");
	CHECK(rename("to/c", "to/d") == 0); /* one file: nothing happens */
	EXPECT("");
}

TEST("inotify: a file that is open is deleted when it is closed")
{
	int fd;

	start();
	make("file");
	watch("file", IN_ALL_EVENTS);
	fd = open("file", O_RDONLY);
	CHECK(unlink("file") == 0);
	EXPECT("1 open, 1 attrib");
	close(fd);
	EXPECT("1 close_nowrite, 1 delete_self, 1 ignored");
}

TEST("inotify: IN_ONESHOT, IN_EXCL_UNLINK, IN_MASK_ADD, IN_MASK_CREATE")
{
	int fd;

	start();
	make("file");
	CHECK_EQ(watch("file", IN_OPEN), 1);
	CHECK_EQ(watch("file", IN_CLOSE), 1); /* in place of the other */
	fd = open("file", O_WRONLY);
	EXPECT("");
	CHECK_EQ(watch("file", IN_MODIFY | IN_MASK_ADD), 1);
	CHECK_ERR(inotify_add_watch(q, "file", IN_OPEN | IN_MASK_CREATE), EEXIST);
	CHECK(write(fd, "x", 1) == 1);
	close(fd);
	EXPECT("1 modify, 1 close_write");
	CHECK_EQ(inotify_rm_watch(q, 1), 0);
	EXPECT("1 ignored");
	CHECK_EQ(watch("file", IN_OPEN | IN_ONESHOT | IN_MASK_CREATE), 2);
	close(open("file", O_RDONLY));
	close(open("file", O_RDONLY));
	EXPECT("2 open, 2 ignored");
	CHECK_EQ(watch("dir", IN_MODIFY | IN_DELETE | IN_EXCL_UNLINK), 3);
	fd = open("dir/x", O_CREAT | O_WRONLY, 0600);
	CHECK(write(fd, "x", 1) == 1 && unlink("dir/x") == 0 && write(fd, "y", 1) == 1);
	EXPECT("3 modify x, 3 delete x");
}

TEST("inotify: how events are read")
{
	char buf[64];
	struct inotify_event *e = (struct inotify_event *)buf;
	struct pollfd p;
	int n = -1;

	start();
	p = (struct pollfd){ q, POLLIN, 0 };
	watch("dir", IN_CREATE);
	CHECK_ERR(read(q, buf, sizeof buf), EAGAIN);
	CHECK(poll(&p, 1, 0) == 0 && ioctl(q, FIONREAD, &n) == 0 && n == 0);
	make("dir/fifteen-letters");
	make("dir/sixteen--letters");
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK(ioctl(q, FIONREAD, &n) == 0);
	CHECK_EQ(n, 16 + 16 + 16 + 32);
	CHECK_ERR(syscall(SYS_read, q, buf, 31), EINVAL);
	CHECK_ERR(syscall(SYS_read, q, buf, 0), EINVAL);
	CHECK_EQ(read(q, buf, 64), 32); /* the second does not fit */
	CHECK(e->wd == 1 && e->mask == IN_CREATE && e->len == 16 &&
	      !strcmp(e->name, "fifteen-letters"));
	memset(buf, 1, sizeof buf);
	CHECK_EQ(read(q, buf, 64), 48);
	CHECK(e->len == 32 && !strcmp(e->name, "sixteen--letters") && !e->name[31]);
	CHECK_ERR(read(q, buf, sizeof buf), EAGAIN);
	make("dir/a");
	CHECK_ERR(syscall(SYS_read, q, 1, 64), EFAULT);
	CHECK_ERR(read(q, buf, sizeof buf), EAGAIN); /* it is lost */
	CHECK_ERR(write(q, buf, 1), EBADF);
	CHECK_ERR(ioctl(q, FIONREAD, (void *)1), EFAULT);
}

TEST("inotify: a reader sleeps until something happens; epoll")
{
	char buf[64];
	int set = epoll_create1(0), status;
	struct epoll_event e = { .events = EPOLLIN };

	start();
	watch("dir", IN_CREATE);
	NEED(epoll_ctl(set, EPOLL_CTL_ADD, q, &e) == 0);
	CHECK_EQ(epoll_wait(set, &e, 1, 0), 0);
	NEED(fcntl(q, F_SETFL, 0) == 0);
	if (fork() == 0) {
		usleep(20000);
		_exit(mkdir("dir/new", 0700));
	}
	CHECK_EQ(read(q, buf, sizeof buf), 32);
	NEED(wait(&status) > 0 && status == 0);
	NEED(fcntl(q, F_SETFL, O_NONBLOCK) == 0);
	if (fork() == 0) {
		usleep(20000);
		_exit(mkdir("dir/more", 0700));
	}
	CHECK_EQ(epoll_wait(set, &e, 1, 5000), 1);
	EXPECT("1 create/ more");
	NEED(wait(&status) > 0);
}

TEST("inotify: what is refused")
{
	int fd;

	start();
	make("file");
	fd = open("file", O_RDONLY);
	NEED(symlink("file", "link") == 0 && symlink("nowhere", "dangling") == 0);
	CHECK_ERR(inotify_init1(1), EINVAL);
	CHECK_ERR(inotify_add_watch(q, "file", 0), EINVAL);
	CHECK_ERR(inotify_add_watch(-1, "file", 0), EINVAL);
	CHECK_ERR(inotify_add_watch(q, "file", IN_OPEN | 0x00010000), EINVAL);
	CHECK_ERR(inotify_add_watch(-1, "file", IN_OPEN), EBADF);
	CHECK_ERR(inotify_add_watch(fd, "file", IN_OPEN), EINVAL);
	CHECK_ERR(inotify_add_watch(q, "file", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
	CHECK_ERR(inotify_add_watch(q, "none", IN_OPEN), ENOENT);
	CHECK_ERR(inotify_add_watch(q, "file/x", IN_OPEN), ENOTDIR);
	CHECK_ERR(inotify_add_watch(q, (char *)1, IN_OPEN), EFAULT);
	CHECK_ERR(inotify_add_watch(q, "file", IN_OPEN | IN_ONLYDIR), ENOTDIR);
	CHECK_ERR(inotify_add_watch(q, "dangling", IN_OPEN), ENOENT);
	CHECK_EQ(inotify_add_watch(q, "dangling", IN_OPEN | IN_DONT_FOLLOW), 1);
	CHECK_EQ(inotify_add_watch(q, "link", IN_OPEN), 2);
	CHECK_EQ(inotify_add_watch(q, "file", IN_OPEN), 2);
	CHECK_EQ(inotify_add_watch(q, "link", IN_OPEN | IN_DONT_FOLLOW), 3);
	CHECK_ERR(inotify_rm_watch(-1, 1), EBADF);
	CHECK_ERR(inotify_rm_watch(fd, 1), EINVAL);
	CHECK_ERR(inotify_rm_watch(q, 0), EINVAL);
	CHECK_ERR(inotify_rm_watch(q, -1), EINVAL);
	CHECK_ERR(inotify_rm_watch(q, 4), EINVAL);
	if (getuid() == 0 && fork() == 0) {
		NEED(chmod("file", 0) == 0 && setuid(1000) == 0);
		CHECK_ERR(inotify_add_watch(q, "file", IN_OPEN), EACCES);
		_exit(0);
	}
	wait(NULL);
}

TEST("inotify: a queue that overflows says so once, last")
{
	enum { MAX = 16384 };
	static char buf[MAX * 32 + 64];
	struct inotify_event *e;
	char name[32];
	ssize_t n;

	start();
	watch("dir", IN_CREATE | IN_DELETE);
	NEED(mkdir("dir/d", 0700) == 0);
	for (int i = 0; i < MAX / 2 + 10; i++) {
		sprintf(name, "dir/%d", i);
		NEED(symlink("x", name) == 0 && unlink(name) == 0);
	}
	n = read(q, buf, sizeof buf);
	if (n == (ssize_t)sizeof buf)
		skip("more events than usual may wait");
	CHECK_EQ(n, MAX * 32 + 16);
	e = (struct inotify_event *)(buf + n - 16);
	CHECK(e->wd == -1 && e->mask == IN_Q_OVERFLOW && e->len == 0);
	NEED(rmdir("dir/d") == 0);
	EXPECT("1 delete/ d");
}

TEST("inotify: the end of a file system is the end of its watches")
{
	start();
	if (mount("none", "dir", "tmpfs", 0, NULL))
		skip("may not mount");
	make("dir/file");
	watch("dir/file", IN_OPEN);
	watch("dir", IN_OPEN);
	CHECK(umount("dir") == 0);
	EXPECT("1 unmount, 1 ignored, 2 unmount/, 2 ignored");
}

static void *const bad[] = { NULL, (void *)1, (void *)-1 };

static void watch_many(void)
{
	int fd = inotify_init(), last = 0;
	char name[32];

	NEED(fd >= 0);
	for (int i = 0; i < 500; i++) {
		sprintf(name, "dir/%d", i);
		make(name);
		last = inotify_add_watch(fd, name, IN_ALL_EVENTS);
		NEED(last == i + 1);
		for (unsigned k = 0; k < 3; k++)
			inotify_add_watch(fd, bad[k], IN_OPEN);
	}
	for (int i = 0; i < 500; i++) {
		sprintf(name, "dir/%d", i);
		if (i % 3 == 0)
			inotify_rm_watch(fd, i + 1);
		NEED(unlink(name) == 0);
	}
	close(fd);
}

TEST("inotify: many watches, all of it goes with the descriptor")
{
	start();
	CHECK(!loses_memory(watch_many));
}

TEST("inotify: limits of instances and watches in /proc")
{
	char text[32] = "";
	int fd = open("/proc/sys/fs/inotify/max_user_instances", O_RDONLY), got[200], n = 0;

	NEED(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	if (atoi(text) > 190)
		skip("a large limit");
	while (n < 200 && (got[n] = inotify_init()) >= 0)
		n++;
	CHECK(n <= atoi(text) && errno == EMFILE);
	while (n)
		close(got[--n]);
}
