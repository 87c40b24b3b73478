/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_lock.c - locks on ranges of files: of processes, of open files, and circles of them.
 */
#include "user.h"

static int lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = (short)type, .l_start = start, .l_len = len };

	return fcntl(fd, cmd, &l);
}

static int file(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	NEED(fd >= 0);
	return fd;
}

TEST("a circle of waiting processes is refused")
{
	int fd = file(), ready[2], status;
	char c;
	pid_t child;

	NEED(pipe(ready) == 0);
	CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 10), 0);
	child = fork();
	if (child == 0) {
		lock(fd, F_SETLK, F_WRLCK, 20, 10);
		write(ready[1], "r", 1);
		_exit(lock(fd, F_SETLKW, F_WRLCK, 0, 10) != 0); /* sleeps until we give up */
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	usleep(100000);
	CHECK_ERR(lock(fd, F_SETLKW, F_WRLCK, 20, 10), EDEADLK);
	CHECK_ERR(lock(fd, F_SETLK, F_WRLCK, 20, 10), EAGAIN);
	CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(lock(fd, F_SETLKW, F_WRLCK, 0, 0), 0); /* the end of a process ends its locks */
}

/* Locks a range, then wants another: status 0 if that is a deadlock, 1 if it is had. */
static pid_t wants(int fd, off_t has, off_t start, off_t len)
{
	int ready[2];
	pid_t child;
	char c;

	NEED(pipe(ready) == 0);
	child = fork();
	if (child == 0) {
		lock(fd, F_SETLK, F_WRLCK, has, 5);
		write(ready[1], "r", 1);
		_exit(lock(fd, F_SETLKW, F_WRLCK, start, len) == 0 || errno != EDEADLK);
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	usleep(100000);
	return child;
}

TEST("a circle that closes when a third goes is refused as well")
{
	int fd = file(), status;
	pid_t a, b;

	CHECK_EQ(lock(fd, F_SETLK, F_WRLCK, 0, 5), 0);
	a = wants(fd, 10, 0, 25); /* first behind us, then behind b */
	b = wants(fd, 20, 10, 5); /* behind a */
	CHECK_EQ(lock(fd, F_SETLK, F_UNLCK, 0, 0), 0);
	CHECK(waitpid(a, &status, 0) == a && status == 0);
	CHECK(waitpid(b, &status, 0) == b && status == 1 << 8);
}

TEST("locks of open files: two of one process stand against each other")
{
	int a = file(), b = file(), copy = dup(a);
	struct flock l = { .l_type = F_WRLCK, .l_len = 5 };

	CHECK_EQ(lock(a, F_OFD_SETLK, F_WRLCK, 0, 5), 0);
	CHECK_ERR(lock(b, F_OFD_SETLK, F_WRLCK, 4, 5), EAGAIN);
	CHECK_EQ(lock(copy, F_OFD_SETLK, F_RDLCK, 0, 5), 0);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_RDLCK, 0, 5), 0);
	CHECK_EQ(fcntl(b, F_OFD_GETLK, &l), 0);
	CHECK_EQ(l.l_type, F_RDLCK);
	CHECK_EQ(l.l_pid, -1);
	close(a);
	CHECK_ERR(lock(b, F_OFD_SETLK, F_WRLCK, 0, 5), EAGAIN);
	close(copy);
	CHECK_EQ(lock(b, F_OFD_SETLK, F_WRLCK, 0, 5), 0);
	l.l_pid = 1;
	CHECK_ERR(fcntl(b, F_OFD_SETLK, &l), EINVAL);
}
