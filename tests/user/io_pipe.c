/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_pipe.c - pipes, descriptors and waiting for them: pipe, dup, fcntl, poll, select.
 */
#include "user.h"
#include <sys/epoll.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>

static int fd[2];

static void make_pipe(int flags)
{
	NEED(pipe2(fd, flags) == 0);
}

TEST("bytes come out in order, and the end is an end")
{
	char in[1000], out[2000];

	make_pipe(0);
	for (int i = 0; i < 1000; i++)
		in[i] = (char)(i * 7);
	CHECK_EQ(write(fd[1], in, 1000), 1000);
	CHECK_EQ(read(fd[0], out, 300), 300);
	CHECK_EQ(read(fd[0], out + 300, 1000), 700);
	CHECK(!memcmp(in, out, 1000));
	close(fd[1]);
	CHECK_EQ(read(fd[0], out, 10), 0);
	CHECK_EQ(read(fd[0], out, 0), 0);
}

TEST("a full pipe takes no more when it must not block")
{
	char page[PAGE] = { 0 };
	long total = 0;
	ssize_t n;

	make_pipe(O_NONBLOCK);
	CHECK_ERR(read(fd[0], page, 1), EAGAIN);
	while ((n = write(fd[1], page, sizeof page)) > 0)
		total += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(total, 64 * KiB);
	CHECK_EQ(read(fd[0], page, 100), 100);
	CHECK_ERR(write(fd[1], page, PAGE), EAGAIN); /* up to PIPE_BUF: all or nothing */
	CHECK_EQ(fcntl(fd[0], F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDONLY);
	CHECK_EQ(fcntl(fd[1], F_GETFL) & O_ACCMODE, O_WRONLY);
}

TEST("a writer waits for room, a reader for bytes")
{
	static char data[1 * MiB], got[PAGE];
	long total = 0;
	ssize_t n;
	int status;

	make_pipe(0);
	if (fork() == 0) {
		close(fd[0]);
		memset(data, 'z', sizeof data);
		_exit(write(fd[1], data, sizeof data) != sizeof data);
	}
	close(fd[1]);
	while ((n = read(fd[0], got, sizeof got)) > 0) {
		total += n;
		CHECK(got[0] == 'z' && got[n - 1] == 'z');
	}
	CHECK_EQ(total, sizeof data);
	wait(&status);
	CHECK_EQ(status, 0);
}

TEST("writes up to PIPE_BUF are not torn apart")
{
	struct {
		int id, fill[255];
	} record;
	int count[4] = { 0 }, torn = 0;

	make_pipe(0);
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			for (int i = 0; i < 255; i++)
				record.fill[i] = k;
			record.id = k;
			for (int i = 0; i < 200; i++)
				write(fd[1], &record, sizeof record);
			_exit(0);
		}
	close(fd[1]);
	while (read(fd[0], &record, sizeof record) == sizeof record) {
		count[record.id & 3]++;
		for (int i = 0; i < 255; i++)
			torn += record.fill[i] != record.id;
	}
	CHECK_EQ(torn, 0);
	for (int k = 0; k < 4; k++)
		CHECK_EQ(count[k], 200);
}

TEST("pipe errors: wrong end, bad descriptors, bad flags")
{
	char c;

	make_pipe(0);
	CHECK_ERR(write(fd[0], "x", 1), EBADF);
	CHECK_ERR(read(fd[1], &c, 1), EBADF);
	CHECK_ERR(lseek(fd[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERR(pread(fd[0], &c, 1, 0), ESPIPE);
	CHECK_ERR(pipe2(fd, 0x12345), EINVAL);
	CHECK_ERR(read(-1, &c, 1), EBADF);
	CHECK_ERR(read(9999, &c, 1), EBADF);
	CHECK_ERR(read(INT_MIN, &c, 1), EBADF);
	CHECK_ERR(close(-1), EBADF);
	CHECK_ERR(ftruncate(fd[1], 0), EINVAL);
	CHECK_ERR(fsync(fd[1]), EINVAL);
}

TEST("dup, dup2, dup3 and fcntl: the lowest free, the one named, its flags")
{
	int a;

	make_pipe(O_CLOEXEC);
	CHECK_EQ(fcntl(fd[0], F_GETFD), FD_CLOEXEC);
	a = dup(fd[0]);
	CHECK(a > fd[1] && fcntl(a, F_GETFD) == 0);
	close(fd[0]);
	CHECK_EQ(dup(a), fd[0]);
	CHECK_EQ(dup2(a, 100), 100);
	CHECK_EQ(dup2(a, a), a);
	CHECK_EQ(dup2(fd[1], 100), 100);
	CHECK_EQ(write(100, "q", 1), 1);
	CHECK_EQ(dup3(a, 101, O_CLOEXEC), 101);
	CHECK_EQ(fcntl(101, F_GETFD), FD_CLOEXEC);
	CHECK_ERR(dup3(a, a, 0), EINVAL);
	CHECK_ERR(dup3(a, 102, 1), EINVAL);
	CHECK_ERR(dup2(a, -1), EBADF);
	CHECK_ERR(dup2(99, 98), EBADF);
	CHECK_ERR(dup2(99, 99), EBADF);
	CHECK_EQ(fcntl(a, F_DUPFD, 50), 50);
	CHECK_EQ(fcntl(a, F_DUPFD_CLOEXEC, 50), 51);
	CHECK_ERR(fcntl(a, F_DUPFD, -1), EINVAL);
	CHECK_ERR(fcntl(a, 9999), EINVAL);
}

TEST("poll: ready, hung up, invalid, and how long it waits")
{
	struct pollfd p[3];
	struct timespec from, to;

	make_pipe(0);
	p[0] = (struct pollfd){ fd[0], POLLIN, 0 };
	p[1] = (struct pollfd){ fd[1], POLLOUT, 0 };
	p[2] = (struct pollfd){ 9999, POLLIN, 0 };
	CHECK_EQ(poll(p, 2, 0), 1);
	CHECK(p[0].revents == 0 && p[1].revents == POLLOUT);
	CHECK_EQ(poll(p, 3, -1), 2);
	CHECK_EQ(p[2].revents, POLLNVAL);
	write(fd[1], "x", 1);
	CHECK_EQ(poll(p, 1, -1), 1);
	CHECK_EQ(p[0].revents, POLLIN);
	close(fd[1]);
	CHECK_EQ(poll(p, 1, -1), 1);
	CHECK_EQ(p[0].revents, POLLIN | POLLHUP);
	p[0].fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK_EQ(poll(p, 1, 50), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 49);
	make_pipe(0);
	close(fd[0]);
	p[0] = (struct pollfd){ fd[1], POLLOUT, 0 };
	CHECK_EQ(poll(p, 1, 0), 1);
	CHECK(p[0].revents & POLLERR);
}

TEST("poll wakes when another process writes")
{
	struct pollfd p;

	make_pipe(0);
	p = (struct pollfd){ fd[0], POLLIN, 0 };
	if (fork() == 0) {
		usleep(30000);
		write(fd[1], "x", 1);
		_exit(0);
	}
	CHECK_EQ(poll(&p, 1, 10000), 1);
	wait(NULL);
}

TEST("select and pselect")
{
	struct timeval none = { 0, 0 }, little = { 0, 20000 };
	fd_set r, w;
	int gone;

	make_pipe(0);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(fd[0], &r);
	FD_SET(fd[1], &w);
	CHECK_EQ(select(fd[1] + 1, &r, &w, NULL, &none), 1);
	CHECK(!FD_ISSET(fd[0], &r) && FD_ISSET(fd[1], &w));
	FD_SET(fd[0], &r);
	CHECK_EQ(select(fd[0] + 1, &r, NULL, NULL, &little), 0);
	CHECK(!FD_ISSET(fd[0], &r));
	write(fd[1], "x", 1);
	FD_SET(fd[0], &r);
	CHECK_EQ(pselect(fd[0] + 1, &r, NULL, NULL, NULL, NULL), 1);
	gone = dup(fd[0]);
	close(gone);
	FD_SET(gone, &r);
	CHECK_ERR(select(gone + 1, &r, NULL, NULL, &none), EBADF);
	CHECK_ERR(select(-1, NULL, NULL, NULL, &none), EINVAL);
	little.tv_usec = -1;
	CHECK_ERR(select(0, NULL, NULL, NULL, &little), EINVAL);
}

TEST("FIONREAD tells how much is there")
{
	int n = -1;

	make_pipe(0);
	CHECK(ioctl(fd[0], FIONREAD, &n) == 0 && n == 0);
	write(fd[1], "12345", 5);
	CHECK(ioctl(fd[0], FIONREAD, &n) == 0 && n == 5);
	CHECK_ERR(ioctl(fd[0], FIONREAD, 8), EFAULT);
	CHECK_ERR(ioctl(fd[0], 0x7777, 0), ENOTTY);
}

TEST("a pipe opened once more through /proc/self/fd waits for nobody")
{
	char path[40], c;
	int again;

	make_pipe(0);
	write(fd[1], "x", 1);
	close(fd[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
	again = open(path, O_RDONLY);
	CHECK(again >= 0);
	struct pollfd p = { again, POLLIN, 0 };
	CHECK(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLHUP));
	CHECK_EQ(read(again, &c, 1), 1);
	CHECK_EQ(read(again, &c, 1), 0);
	close(fd[0]);
}

TEST("epoll_ctl: what is refused; hang-ups are told unasked")
{
	struct epoll_event e = { .events = 0, .data.u32 = 7 }, got;
	int set = epoll_create1(0), other = epoll_create1(0), p[2];
	int file = open("plain", O_RDWR | O_CREAT, 0600);

	NEED(set >= 0 && other >= 0 && file >= 0 && pipe(p) == 0);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, file, &e), EPERM);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_DEL, file, &e), EPERM);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, set, &e), EINVAL);
	CHECK_ERR(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &e), EINVAL);
	e.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e), EINVAL);
	e.events = EPOLLIN | EPOLLEXCLUSIVE;
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_ADD, other, &e), EINVAL);
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e), EINVAL);
	CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e), 0);
	e.events = EPOLLIN;
	CHECK_ERR(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &e), EINVAL);
	CHECK_EQ(epoll_ctl(set, EPOLL_CTL_DEL, p[0], &e), 0);
	e.events = 0;
	CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e), 0);
	NEED(write(p[1], "x", 1) == 1);
	CHECK_EQ(epoll_wait(set, &got, 1, 0), 0);
	close(p[1]);
	CHECK_EQ(epoll_wait(set, &got, 1, 0), 1);
	CHECK(got.events == EPOLLHUP && got.data.u32 == 7);
}
