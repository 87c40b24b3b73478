/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_sockets.c - the n-th allocation fails: sockets, and what travels through them.
 */
#include "nomem.h"
#include <sys/socket.h>
#include <sys/un.h>

static ssize_t transfer(int sock, int fd, int receive)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { { 0 } };
	char byte = 'f';
	struct iovec v = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c
	};
	ssize_t n;

	c.align.cmsg_len = CMSG_LEN(sizeof fd);
	c.align.cmsg_level = SOL_SOCKET;
	c.align.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&c.align), &fd, sizeof fd);
	if (!receive)
		return sendmsg(sock, &m, 0);
	n = recvmsg(sock, &m, 0);
	if (n > 0 && m.msg_controllen >= sizeof c.align && CMSG_FIRSTHDR(&m)) {
		memcpy(&fd, CMSG_DATA(&c.align), sizeof fd);
		close(fd);
	}
	return n;
}

static int through(int type)
{
	int p[2], error = 0;
	char text[600] = "";

	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, p))
		return errno;
	if (send(p[0], text, sizeof text, 0) < 0 || recv(p[1], text, sizeof text, 0) < 0 ||
	    transfer(p[0], p[0], 0) < 0 || transfer(p[1], 0, 1) < 0)
		error = errno;
	close(p[0]);
	close(p[1]);
	return error;
}

static int try_stream(void)
{
	return through(SOCK_STREAM);
}

static int try_datagrams(void)
{
	return through(SOCK_DGRAM);
}

/* One that holds itself: found by the collector, which has no memory either. */
static int try_ring(void)
{
	int p[2], error = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p))
		return errno;
	if (transfer(p[0], p[1], 0) < 0 || transfer(p[0], p[0], 0) < 0)
		error = errno;
	close(p[1]);
	close(p[0]);
	close(socket(AF_UNIX, SOCK_STREAM, 0));
	return error;
}

static int meet(const struct sockaddr_un *name, socklen_t n)
{
	int l = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), error = l < 0 ? errno : 0;
	int c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), s = -1;

	if (!error && c < 0)
		error = errno;
	if (!error &&
	    (bind(l, (const void *)name, n) || listen(l, 1) || connect(c, (const void *)name, n) ||
	     write(c, "x", 1) < 0 || (s = accept(l, NULL, NULL)) < 0))
		error = errno;
	for (int fd = 0; fd < 3; fd++)
		if ((int[]){ l, c, s }[fd] >= 0)
			close((int[]){ l, c, s }[fd]);
	return error;
}

static int try_word(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0utest.nomem" };

	return meet(&name, 2 + 12);
}

static int try_path(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "door" };
	int error = meet(&name, sizeof name);

	unlink("door");
	return error;
}

static const struct named socket_ops[] = {
	{ "a stream with a file", try_stream }, { "datagrams with a file", try_datagrams },
	{ "a socket in itself", try_ring },     { "listening at a word", try_word },
	{ "listening at a path", try_path },
};

TEST("sockets without memory")
{
	EXHAUST(socket_ops);
}
