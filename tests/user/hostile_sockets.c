/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile_sockets.c - files in flight: sockets that only packets hold, packets in packets, packets of
 * nothing.  None of it may stay, use up the kernel's stack, or all of its memory.
 */
#include "user.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

union control {
	char bytes[CMSG_SPACE(253 * sizeof(int))];
	struct cmsghdr align;
};

static int send_some(int sock, const int *fds, int n, size_t bytes, int flags)
{
	union control c = { { 0 } };
	struct iovec v = { "F", bytes };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	c.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), fds, n * sizeof(int));
	return (int)sendmsg(sock, &m, flags | MSG_NOSIGNAL);
}

static int send_fd(int sock, int fd)
{
	return send_some(sock, &fd, 1, 1, 0);
}

static int receive_fd(int sock)
{
	union control c;
	char byte;
	int fd = -1;
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c
	};

	if (recvmsg(sock, &m, 0) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static void make_pair(int type, int *pair)
{
	NEED(socketpair(AF_UNIX, type, 0, pair) == 0);
}

/* Every close of a socket looks for those that are lost. */
static void look(void)
{
	close(socket(AF_UNIX, SOCK_STREAM, 0));
}

/* A pipe's end goes with what cannot be reached: its reader hears of it. */
static int witness(int *end)
{
	int p[2];

	NEED(pipe(p) == 0);
	*end = p[1];
	return p[0];
}

static int has_gone(int reader)
{
	struct pollfd p = { .fd = reader };

	for (int i = 0; i < 200; i++) {
		look();
		if (poll(&p, 1, 5) == 1 && (p.revents & POLLHUP))
			return 1;
	}
	return 0;
}

static void into_itself(void)
{
	int a[2], end, reader = witness(&end);

	make_pair(SOCK_STREAM, a);
	NEED(send_fd(a[1], end) == 1 && send_fd(a[1], a[0]) == 1);
	close(end);
	close(a[1]);
	close(a[0]);
	CHECK(has_gone(reader));
	close(reader);
}

TEST("a socket that is sent to itself and closed is not lost")
{
	for (int i = 0; i < 20; i++)
		into_itself();
	CHECK(!loses_memory(into_itself));
}

enum { RING = 60 };

/* Each in the packets of the next, the last in those of the first. */
static void ring(void)
{
	int pair[RING][2], end, reader = witness(&end);

	for (int i = 0; i < RING; i++)
		make_pair(i % 2 ? SOCK_DGRAM : SOCK_STREAM, pair[i]);
	for (int i = 0; i < RING; i++)
		NEED(send_fd(pair[(i + 1) % RING][1], pair[i][0]) == 1);
	NEED(send_fd(pair[RING / 2][1], end) == 1);
	close(end);
	for (int i = 0; i < RING; i++) {
		close(pair[i][0]);
		close(pair[i][1]);
	}
	CHECK(has_gone(reader));
	close(reader);
}

TEST("a ring of sockets, each sent through the next")
{
	CHECK(!loses_memory(ring));
}

TEST("what somebody can reach stays, however it lies in packets")
{
	int a[2], b[2], c[2], out[2], end, reader = witness(&end), got;
	struct pollfd p = { .fd = reader };

	make_pair(SOCK_STREAM, a);
	make_pair(SOCK_STREAM, b);
	make_pair(SOCK_STREAM, c);
	make_pair(SOCK_STREAM, out);
	/* a and b hold each other; c, which holds the witness, lies at a; a lies at out. */
	NEED(send_fd(a[1], c[0]) == 1 && send_fd(c[1], end) == 1);
	NEED(send_fd(a[1], b[0]) == 1 && send_fd(b[1], a[0]) == 1);
	NEED(send_fd(out[1], a[0]) == 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
		close(c[i]);
	}
	close(end);
	for (int i = 0; i < 20; i++)
		look();
	CHECK_EQ(poll(&p, 1, 0), 0);
	got = receive_fd(out[0]);
	NEED(got >= 0);
	c[0] = receive_fd(got);
	NEED(c[0] >= 0);
	end = receive_fd(c[0]);
	CHECK(end >= 0 && write(end, "x", 1) == 1);
	close(end);
	close(c[0]);
	close(got); /* a and b are still in each other's packets, and in no one's else */
	close(out[0]);
	close(out[1]);
	CHECK(has_gone(reader));
}

TEST("a listener in a packet of a connection that it has not accepted")
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0utest.listener" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), end;
	int reader = witness(&end);

	NEED(bind(l, (void *)&name, sizeof name) == 0 && listen(l, 5) == 0);
	NEED(connect(c, (void *)&name, sizeof name) == 0);
	NEED(send_fd(c, l) == 1 && send_fd(c, end) == 1);
	close(end);
	close(l);
	close(c);
	CHECK(has_gone(reader));
}

enum { LINKS = 20000 };

/* 0 lies in the packets of 1, that in those of 2 ...: closing the last one closes all. */
static void chain(void)
{
	int last[2], next[2], end, reader = witness(&end);
	struct pollfd p = { .fd = reader };

	make_pair(SOCK_STREAM, last);
	NEED(send_fd(last[1], end) == 1);
	close(end);
	close(last[1]);
	for (int i = 0; i < LINKS; i++) {
		make_pair(SOCK_STREAM, next);
		if (send_fd(next[1], last[0]) != 1) {
			CHECK_EQ(errno, ETOOMANYREFS);
			close(next[0]);
			close(next[1]);
			break;
		}
		close(next[1]);
		close(last[0]);
		last[0] = next[0];
	}
	CHECK_EQ(poll(&p, 1, 0), 0);
	close(last[0]);
	CHECK(has_gone(reader));
	close(reader);
}

TEST("twenty thousand sockets, each in a packet of the next, closed at once")
{
	chain();
}

static void limited(void *unused)
{
	struct rlimit few = { 100, 100 };
	int a[2], b[2], n = 0;

	(void)unused;
	NEED(setrlimit(RLIMIT_NOFILE, &few) == 0 && setgid(4242) == 0 && setuid(4242) == 0);
	make_pair(SOCK_STREAM, a);
	make_pair(SOCK_STREAM, b);
	while (n < 500 && send_some(n & 1 ? a[1] : b[1], a, 1, 1, MSG_DONTWAIT) == 1)
		n++;
	CHECK(errno == ETOOMANYREFS);
	CHECK(n >= 99 && n <= 102);
}

TEST("no more in flight than there may be open")
{
	if (getuid())
		skip("needs root to become somebody else");
	CHECK_EQ(in_child(limited, NULL), 0);
	look();
}

/* Nothing, sent often, is not nothing. */
static void fill_with(int type, size_t bytes, int nfds)
{
	int a[2], fds[253], n = 0;

	for (int i = 0; i < 253; i++)
		fds[i] = 0;
	make_pair(type, a);
	if (nfds)
		while (n < 100000 && send_some(a[1], fds, nfds, bytes, MSG_DONTWAIT) >= 0)
			n++;
	else
		while (n < 100000 && send(a[1], "x", bytes, MSG_DONTWAIT) >= 0)
			n++;
	CHECK(errno == EAGAIN || errno == ETOOMANYREFS);
	CHECK(n > 2 && n < 100000);
	close(a[0]);
	close(a[1]);
}

TEST("queues of empty packets have an end")
{
	fill_with(SOCK_DGRAM, 0, 0);
	fill_with(SOCK_SEQPACKET, 0, 0);
	fill_with(SOCK_DGRAM, 0, 1);
	fill_with(SOCK_DGRAM, 0, 253);
	fill_with(SOCK_STREAM, 1, 0);
	fill_with(SOCK_STREAM, 1, 253);
}
