/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_epoll.c - epoll: levels and edges, one-shots, exclusive watches, sets within sets.
 */
#include "user.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static int set;

static void control(int of, int op, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	NEED(epoll_ctl(of, op, fd, &e) == 0);
}

static void add(int fd, uint32_t events)
{
	control(set, EPOLL_CTL_ADD, fd, events);
}

static void start(void)
{
	set = epoll_create1(EPOLL_CLOEXEC);
	NEED(set >= 0);
}

/* What the set tells of this descriptor now: its events; 0: nothing of any. */
static uint32_t told(int fd)
{
	struct epoll_event e[4];
	int n = epoll_wait(set, e, 4, 0);

	NEED(n == 0 || (n == 1 && e[0].data.fd == fd));
	return n ? e[0].events : 0;
}

static void put(int fd, size_t n)
{
	static char bytes[70000];

	NEED(write(fd, bytes, n) == (ssize_t)n);
}

static void take(int fd, size_t n)
{
	static char bytes[70000];

	NEED(read(fd, bytes, n) == (ssize_t)n);
}

TEST("epoll: a level is told as long as it lasts, an edge once")
{
	int p[2];

	start();
	NEED(pipe(p) == 0);
	add(p[0], EPOLLIN);
	CHECK_EQ(told(p[0]), 0);
	put(p[1], 2);
	CHECK_EQ(told(p[0]), EPOLLIN);
	take(p[0], 1);
	CHECK_EQ(told(p[0]), EPOLLIN);
	control(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET);
	CHECK_EQ(told(p[0]), EPOLLIN); /* to change it is an edge */
	CHECK_EQ(told(p[0]), 0);
	put(p[1], 1); /* so is each write */
	CHECK_EQ(told(p[0]), EPOLLIN);
	take(p[0], 1); /* and to read not all of it is none */
	CHECK_EQ(told(p[0]), 0);
	close(p[1]);
	CHECK_EQ(told(p[0]), EPOLLIN | EPOLLHUP);
	CHECK_EQ(told(p[0]), 0);
}

TEST("epoll: the edges of a pipe's other end")
{
	int p[2];

	start();
	NEED(pipe2(p, O_NONBLOCK) == 0);
	add(p[1], EPOLLOUT | EPOLLET);
	CHECK_EQ(told(p[1]), EPOLLOUT);
	put(p[1], 4096);
	CHECK_EQ(told(p[1]), 0);
	take(p[0], 4096);
	CHECK_EQ(told(p[1]), 0); /* it was not full */
	put(p[1], 65536);
	CHECK_EQ(told(p[1]), 0);
	take(p[0], 65536);
	CHECK_EQ(told(p[1]), EPOLLOUT);
	CHECK_EQ(told(p[1]), 0);
	close(p[0]);
	CHECK_EQ(told(p[1]), EPOLLOUT | EPOLLERR);
	CHECK_EQ(told(p[1]), 0);
}

TEST("epoll: the edges of counters and clocks")
{
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	int fd = eventfd(0, EFD_SEMAPHORE), both = eventfd(0, 0), timer = timerfd_create(0, 0);
	struct epoll_event e;
	uint64_t n = 2;

	start();
	add(fd, EPOLLIN | EPOLLET);
	CHECK_EQ(told(fd), 0);
	NEED(write(fd, &n, 8) == 8);
	CHECK_EQ(told(fd), EPOLLIN);
	CHECK_EQ(told(fd), 0);
	take(fd, 8); /* one is left, but nothing was added */
	CHECK_EQ(told(fd), 0);
	NEED(write(fd, &n, 8) == 8);
	CHECK_EQ(told(fd), EPOLLIN);
	control(set, EPOLL_CTL_DEL, fd, 0);
	add(both, EPOLLIN | EPOLLOUT | EPOLLET);
	CHECK_EQ(told(both), EPOLLOUT);
	CHECK_EQ(told(both), 0);
	NEED(write(both, &n, 8) == 8);
	CHECK_EQ(told(both), EPOLLIN | EPOLLOUT);
	take(both, 8);
	CHECK_EQ(told(both), EPOLLOUT);
	CHECK_EQ(told(both), 0);
	add(timer, EPOLLIN | EPOLLET);
	NEED(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(epoll_wait(set, &e, 1, 5000) == 1 && e.data.fd == timer);
	CHECK_EQ(told(timer), 0);
	NEED(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(epoll_wait(set, &e, 1, 5000) == 1 && e.data.fd == timer);
}

TEST("epoll: the edges of sockets")
{
	int s[2], l[2];

	start();
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	add(s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
	CHECK_EQ(told(s[0]), EPOLLOUT);
	CHECK_EQ(told(s[0]), 0);
	put(s[1], 10);
	CHECK_EQ(told(s[0]), EPOLLIN | EPOLLOUT);
	take(s[0], 5);
	CHECK_EQ(told(s[0]), 0);
	put(s[1], 10);
	CHECK_EQ(told(s[0]), EPOLLIN | EPOLLOUT);
	put(s[0], 10);
	CHECK_EQ(told(s[0]), 0);
	take(s[1], 10); /* there is room again */
	CHECK_EQ(told(s[0]), EPOLLIN | EPOLLOUT);
	NEED(shutdown(s[1], SHUT_WR) == 0);
	CHECK_EQ(told(s[0]), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	close(s[1]);
	CHECK(told(s[0]) & EPOLLHUP);
	CHECK_EQ(told(s[0]), 0);
	close(s[0]);

	/* Who only wants to read does not hear of room. */
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, l) == 0);
	add(l[0], EPOLLIN | EPOLLET);
	put(l[1], 10);
	CHECK_EQ(told(l[0]), EPOLLIN);
	put(l[0], 10);
	take(l[1], 10);
	CHECK_EQ(told(l[0]), 0);
}

TEST("epoll: a socket that waits to write hears when the other side has read")
{
	static char many[1 << 16];
	int s[2];

	start();
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0);
	add(s[0], EPOLLOUT | EPOLLET);
	CHECK_EQ(told(s[0]), EPOLLOUT);
	while (write(s[0], many, sizeof many) > 0)
		;
	CHECK_EQ(told(s[0]), 0);
	while (read(s[1], many, sizeof many) > 0)
		;
	CHECK_EQ(told(s[0]), EPOLLOUT);
	CHECK_EQ(told(s[0]), 0);
	struct pollfd p = { s[0], POLLOUT, 0 };
	CHECK_EQ(poll(&p, 1, 0), 1);
}

TEST("epoll: what cannot be told is not lost, and is told in order")
{
	const uint32_t how[3] = { EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN };
	char *end =
	    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct epoll_event e[3];
	int p[3][2];

	NEED(end != MAP_FAILED);
	end += PAGE;
	NEED(munmap(end, PAGE) == 0);
	start();
	for (int i = 0; i < 3; i++) {
		NEED(pipe(p[i]) == 0);
		add(p[i][0], how[i]);
		put(p[i][1], 1);
	}
	CHECK(epoll_wait(set, (void *)end, 3, 0) == -1 && errno == EFAULT);
	CHECK_EQ(epoll_wait(set, (void *)(end - sizeof e[0]), 3, 0), 1);
	memcpy(e, end - sizeof e[0], sizeof e[0]);
	CHECK_EQ(e[0].data.fd, p[0][0]);
	CHECK_EQ(epoll_wait(set, e, 3, 0), 2);
	CHECK(e[0].data.fd == p[1][0] && e[1].data.fd == p[2][0]);
	CHECK_EQ(told(p[2][0]), EPOLLIN);
}

TEST("epoll: one file by many descriptors, and in many sets")
{
	int p[2], fd[40], sets[40];

	start();
	NEED(pipe(p) == 0);
	for (int i = 0; i < 40; i++) {
		NEED((fd[i] = dup(p[0])) >= 0 && (sets[i] = epoll_create1(0)) >= 0);
		add(fd[i], EPOLLIN | EPOLLET);
		control(sets[i], EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET);
	}
	for (int i = 39; i >= 0; i--) {
		struct epoll_event e = { .events = EPOLLIN };

		CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd[i], &e) == -1 && errno == EEXIST);
		control(set, EPOLL_CTL_DEL, fd[i], 0);
		CHECK(epoll_ctl(set, EPOLL_CTL_DEL, fd[i], &e) == -1 && errno == ENOENT);
		control(sets[i], EPOLL_CTL_MOD, p[0], EPOLLIN);
	}
	put(p[1], 1);
	for (int i = 0; i < 40; i++) {
		struct epoll_event e;

		CHECK_EQ(epoll_wait(sets[i], &e, 1, 0), 1);
	}
}

TEST("epoll: one-shots tell once, until they are changed")
{
	int p[2];

	start();
	NEED(pipe(p) == 0);
	add(p[0], EPOLLIN | EPOLLONESHOT);
	put(p[1], 1);
	CHECK_EQ(told(p[0]), EPOLLIN);
	CHECK_EQ(told(p[0]), 0);
	put(p[1], 1);
	CHECK_EQ(told(p[0]), 0);
	control(set, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT);
	CHECK_EQ(told(p[0]), EPOLLIN);
	close(p[1]); /* not even that */
	CHECK_EQ(told(p[0]), 0);
	control(set, EPOLL_CTL_MOD, p[0], 0);
	CHECK_EQ(told(p[0]), EPOLLHUP);
}

TEST("epoll: each has its turn when there is room for one event")
{
	struct epoll_event e;
	int fd[3], seen[3] = { 0 };

	start();
	for (int i = 0; i < 3; i++) {
		fd[i] = eventfd(1, 0);
		add(fd[i], EPOLLIN);
	}
	for (int i = 0; i < 6; i++) {
		NEED(epoll_wait(set, &e, 1, 0) == 1);
		CHECK_EQ(e.data.fd, fd[i % 3]);
		seen[i % 3]++;
	}
}

TEST("epoll: sets within sets")
{
	struct pollfd p;
	int inner = epoll_create1(0), fd = eventfd(0, 0);
	uint64_t n = 1;

	start();
	control(inner, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET);
	add(inner, EPOLLIN | EPOLLET);
	p = (struct pollfd){ inner, POLLIN, 0 };
	CHECK_EQ(told(inner), 0);
	CHECK_EQ(poll(&p, 1, 0), 0);
	NEED(write(fd, &n, 8) == 8);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(told(inner), EPOLLIN);
	CHECK_EQ(told(inner), 0);
	NEED(write(fd, &n, 8) == 8);
	CHECK_EQ(told(inner), EPOLLIN);
	take(fd, 8);
	CHECK_EQ(poll(&p, 1, 0), 0); /* nothing is ready any more */
	NEED(write(fd, &n, 8) == 8);
	CHECK_EQ(told(inner), EPOLLIN);
	close(fd);
	CHECK_EQ(poll(&p, 1, 0), 0);
}

/* ---- several who wait ----------------------------------------------------------------------- */

static int sets[2], nwoken;

static void *wait_in(void *arg)
{
	struct epoll_event e;

	if (epoll_wait(*(int *)arg, &e, 1, 2000) == 1)
		__atomic_add_fetch(&nwoken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int woken_by_one_write(uint32_t how, int nsets)
{
	int fd = eventfd(0, 0);
	pthread_t t[2];
	uint64_t n = 1;

	nwoken = 0;
	for (int i = 0; i < 2; i++) {
		sets[i] = i < nsets ? epoll_create1(0) : sets[0];
		if (i < nsets)
			control(sets[i], EPOLL_CTL_ADD, fd, EPOLLIN | how);
		NEED(pthread_create(&t[i], NULL, wait_in, &sets[i]) == 0);
	}
	usleep(30000);
	NEED(write(fd, &n, 8) == 8);
	usleep(30000);
	int first = __atomic_load_n(&nwoken, __ATOMIC_SEQ_CST);
	NEED(write(fd, &n, 8) == 8);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	CHECK_EQ(nwoken, 2);
	close(fd);
	return first;
}

TEST("epoll: whom one event wakes")
{
	CHECK_EQ(woken_by_one_write(0, 2), 2);
	CHECK_EQ(woken_by_one_write(EPOLLEXCLUSIVE, 2), 1);
	CHECK_EQ(woken_by_one_write(EPOLLET, 1), 1);
	CHECK_EQ(woken_by_one_write(0, 1), 2); /* a level: the next one has it too */
}

static void *reader(void *arg)
{
	take(*(int *)arg, 1);
	return NULL;
}

TEST("epoll: a reader who waits in front of the set does not keep the event from it")
{
	struct epoll_event e;
	pthread_t t;
	int p[2];

	start();
	NEED(pipe(p) == 0 && pthread_create(&t, NULL, reader, &p[0]) == 0);
	usleep(20000);
	add(p[0], EPOLLIN | EPOLLET);
	put(p[1], 2);
	CHECK_EQ(epoll_wait(set, &e, 1, 2000), 1);
	pthread_join(t, NULL);
}

TEST("epoll: a watch goes with the last descriptor of its file")
{
	int p[2], copy = -1;

	start();
	NEED(pipe(p) == 0 && (copy = dup(p[0])) >= 0);
	add(p[0], EPOLLIN);
	put(p[1], 1);
	close(p[0]);
	CHECK_EQ(told(p[0]), EPOLLIN); /* it is open still, by another one */
	close(copy);
	CHECK_EQ(told(p[0]), 0);
}

static void many_watches(void)
{
	int e = epoll_create1(0), p[2], s[2];

	for (int i = 0; i < 200; i++) {
		NEED(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
		control(e, EPOLL_CTL_ADD, p[0], EPOLLIN);
		control(e, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET);
		control(e, EPOLL_CTL_ADD, s[0], EPOLLIN | EPOLLOUT);
		put(p[1], 1);
		close(s[1]);
		close(p[i & 1]);
		if (i & 2)
			close(s[0]);
		else
			control(e, EPOLL_CTL_MOD, s[0], EPOLLET);
		close(p[!(i & 1)]);
		if (!(i & 2))
			close(s[0]);
	}
	close(e);
}

TEST("epoll: nothing stays of watches whose files are closed")
{
	CHECK(!loses_memory(many_watches));
}

static pid_t pausing(void)
{
	pid_t c = fork();

	if (c == 0) {
		pause();
		_exit(0);
	}
	return c;
}

TEST("epoll, edges: a pidfd tells of its own process alone, a signalfd of its reader's signals")
{
	pid_t one = pausing(), two = pausing(), three = pausing();
	int fd = (int)syscall(SYS_pidfd_open, one, 0);
	sigset_t usr1;

	NEED(fd >= 0);
	start();
	add(fd, EPOLLIN | EPOLLET);
	kill(one, SIGKILL);
	for (int i = 0; i < 100 && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 20) == 0; i++)
		;
	CHECK_EQ(told(fd) & EPOLLIN, EPOLLIN);
	kill(three, SIGKILL); /* another ends */
	waitpid(three, NULL, 0);
	CHECK_EQ(told(fd), 0);
	close(fd);
	start();
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	fd = signalfd(-1, &usr1, SFD_NONBLOCK);
	add(fd, EPOLLIN | EPOLLET);
	raise(SIGUSR1);
	CHECK_EQ(told(fd), EPOLLIN);
	CHECK_EQ(told(fd), 0);
	kill(two, SIGUSR1); /* another's */
	CHECK_EQ(told(fd), 0);
	kill(two, SIGKILL);
	waitpid(-1, NULL, 0);
	waitpid(-1, NULL, 0);
}

TEST("epoll: a signalfd's watch outlives the process that made it")
{
	sigset_t usr1;
	int fd;
	pid_t c;

	start();
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	fd = signalfd(-1, &usr1, SFD_NONBLOCK);
	c = fork();
	if (c == 0) {
		add(fd, EPOLLIN);
		_exit(0);
	}
	waitpid(c, NULL, 0);
	for (int i = 0; i < 30; i++) { /* its number and its memory are another's soon */
		c = fork();
		if (c == 0)
			_exit(0);
		waitpid(c, NULL, 0);
	}
	raise(SIGUSR1);
	(void)told(fd);
	control(set, EPOLL_CTL_DEL, fd, 0);
	close(fd);
}
