/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_unix.c - sockets of one machine: pairs, names, messages, what travels beside the bytes.
 */
#include "user.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static int pair[2];

static void make_pair(int type)
{
	NEED(socketpair(AF_UNIX, type, 0, pair) == 0);
}

static socklen_t name_of(struct sockaddr_un *a, const char *text)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path + (*text == '@'), text + (*text == '@'));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + (*text != '@'));
}

static int named(int type, const char *text)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, type, 0);

	NEED(fd >= 0 && bind(fd, (void *)&a, name_of(&a, text)) == 0);
	return fd;
}

static int connect_to(int fd, const char *text)
{
	struct sockaddr_un a;
	socklen_t n = name_of(&a, text);

	return connect(fd, (void *)&a, n);
}

TEST("what sockets there are, and what not")
{
	CHECK_ERR(socket(AF_UNIX, 77, 0), EINVAL);
	CHECK_ERR(socket(AF_UNIX, SOCK_STREAM, 5), EPROTONOSUPPORT);
	CHECK_ERR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERR(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL);
	CHECK_ERR(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8), EFAULT);
	CHECK_ERR(listen(0, 1), ENOTSOCK);
	CHECK_ERR(listen(999, 1), EBADF);
	if (on_quire())
		CHECK_ERR(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
}

TEST("a stream: bytes in order, both ways, and its ends")
{
	char buf[100] = "";
	struct stat st;
	int n = 0;

	make_pair(SOCK_STREAM);
	CHECK_EQ(write(pair[0], "hello", 5), 5);
	CHECK_EQ(send(pair[0], " world", 6, 0), 6);
	CHECK(!ioctl(pair[1], FIONREAD, &n) && n == 11);
	CHECK_EQ(recv(pair[1], buf, 3, MSG_PEEK), 3);
	CHECK_EQ(read(pair[1], buf, 8), 8);
	CHECK(!memcmp(buf, "hello wo", 8));
	CHECK_EQ(read(pair[1], buf, 100), 3);
	CHECK_EQ(write(pair[1], "back", 4), 4);
	CHECK_EQ(read(pair[0], buf, 100), 4);
	CHECK_ERR(recv(pair[0], buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK(!fstat(pair[0], &st) && S_ISSOCK(st.st_mode));
	CHECK_ERR(lseek(pair[0], 0, SEEK_SET), ESPIPE);
	CHECK_EQ(write(pair[0], "rest", 4), 4);
	close(pair[0]);
	CHECK_EQ(read(pair[1], buf, 100), 4);
	CHECK_EQ(read(pair[1], buf, 100), 0);
	CHECK_ERR(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(pair[1], "x", 1), EPIPE);
}

TEST("datagrams and packets keep their borders")
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	char buf[100];

	for (int i = 0; i < 2; i++) {
		struct iovec v = { buf, 2 };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

		make_pair(types[i]);
		CHECK_EQ(write(pair[0], "one", 3), 3);
		CHECK_EQ(write(pair[0], "", 0), 0);
		CHECK_EQ(write(pair[0], "three", 5), 5);
		CHECK_EQ(read(pair[1], buf, 100), 3);
		CHECK_EQ(recv(pair[1], buf, 100, 0), 0);
		CHECK_EQ(recvmsg(pair[1], &m, 0), 2);
		CHECK_EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
		CHECK_EQ(write(pair[1], "abcdef", 6), 6);
		CHECK_EQ(recv(pair[0], buf, 2, MSG_TRUNC), 6);
		CHECK_ERR(recv(pair[0], buf, 2, MSG_DONTWAIT), EAGAIN);
		CHECK_ERR(send(pair[0], fresh(1 * MiB), 1 * MiB, 0), EMSGSIZE);
	}
}

TEST("shutdown, one direction at a time; poll")
{
	struct pollfd p = { .events = POLLIN | POLLOUT | POLLRDHUP };
	char c;

	make_pair(SOCK_STREAM);
	p.fd = pair[1];
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLOUT);
	CHECK_EQ(shutdown(pair[0], SHUT_WR), 0);
	CHECK_EQ(read(pair[1], &c, 1), 0);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ(write(pair[1], "x", 1), 1);
	CHECK_EQ(read(pair[0], &c, 1), 1);
	CHECK_ERR(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(pair[0]);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents & (POLLHUP | POLLIN), POLLHUP | POLLIN);
	CHECK_ERR(shutdown(pair[1], 5), EINVAL);
}

TEST("a writer waits for room, a reader for bytes")
{
	static char data[1 * MiB], got[10000];
	long total = 0;
	ssize_t n;
	int status;

	make_pair(SOCK_STREAM);
	if (fork() == 0) {
		close(pair[0]);
		memset(data, 'q', sizeof data);
		_exit(write(pair[1], data, sizeof data) != sizeof data);
	}
	close(pair[1]);
	while ((n = read(pair[0], got, sizeof got)) > 0)
		total += n;
	CHECK_EQ(total, sizeof data);
	wait(&status);
	CHECK_EQ(status, 0);
	make_pair(SOCK_STREAM | SOCK_NONBLOCK);
	while ((n = write(pair[0], data, 4096)) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
}

/* ---- names ------------------------------------------------------------------------------ */

static void serve(const char *name)
{
	int l = named(SOCK_STREAM, name), s, c = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un a;
	socklen_t n = sizeof a;
	struct ucred cred;
	char buf[16];

	CHECK_ERR(connect_to(c, name), ECONNREFUSED);
	CHECK_ERR(accept(l, NULL, NULL), EINVAL);
	NEED(listen(l, 1) == 0);
	fcntl(l, F_SETFL, O_NONBLOCK);
	CHECK_ERR(accept(l, NULL, NULL), EAGAIN);
	NEED(connect_to(c, name) == 0);
	CHECK_ERR(connect_to(c, name), EISCONN);
	CHECK_EQ(write(c, "early", 5), 5);
	s = accept4(l, (void *)&a, &n, SOCK_CLOEXEC);
	NEED(s >= 0);
	CHECK_EQ(n, 2); /* the client has no name */
	CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(read(s, buf, 16), 5);
	n = sizeof a;
	CHECK(!getpeername(c, (void *)&a, &n) &&
	      !strcmp(a.sun_path + (*name == '@'), name + (*name == '@')));
	n = sizeof cred;
	CHECK(!getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &n) && cred.pid == getpid());
	CHECK(cred.uid == getuid());
	close(l);
	CHECK_EQ(write(s, "late", 4), 4);
	CHECK_EQ(read(c, buf, 16), 4);
	close(s);
	CHECK_EQ(read(c, buf, 16), 0);
	close(c);
}

TEST("listening under a path and under a word")
{
	struct sockaddr_un a;
	struct stat st;
	int fd;

	serve("door");
	CHECK(!stat("door", &st) && S_ISSOCK(st.st_mode));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK_ERR(bind(fd, (void *)&a, name_of(&a, "door")), EADDRINUSE);
	CHECK_ERR(connect_to(fd, "door"), ECONNREFUSED);
	unlink("door");
	CHECK_ERR(connect_to(fd, "door"), ENOENT);
	CHECK_ERR(open("nothing", O_RDONLY), ENOENT);
	serve("@utest.word");
	serve("@utest.word"); /* free again */
	CHECK_ERR(connect_to(fd, "@utest.word"), ECONNREFUSED);
	CHECK_ERR(listen(fd, 1), EINVAL);
	CHECK_ERR(getpeername(fd, (void *)&a, &(socklen_t){ sizeof a }), ENOTCONN);
	CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
}

TEST("datagrams by name; who sent them")
{
	int to = named(SOCK_DGRAM, "@utest.to"), from = named(SOCK_DGRAM, "@utest.from");
	struct sockaddr_un a;
	socklen_t n = name_of(&a, "@utest.to");
	char buf[16];

	CHECK_ERR(send(from, "x", 1, 0), ENOTCONN);
	CHECK_EQ(sendto(from, "abc", 3, 0, (void *)&a, n), 3);
	memset(&a, 0, sizeof a);
	n = sizeof a;
	CHECK_EQ(recvfrom(to, buf, 16, 0, (void *)&a, &n), 3);
	CHECK(!strcmp(a.sun_path + 1, "utest.from"));
	CHECK_EQ(sendto(to, "re", 2, 0, (void *)&a, n), 2);
	CHECK_EQ(connect_to(from, "@utest.to"), 0);
	CHECK_EQ(recv(from, buf, 16, 0), 2);
	CHECK_EQ(send(from, "y", 1, 0), 1);
	close(to);
	CHECK_ERR(send(from, "z", 1, 0), ECONNREFUSED);
	CHECK_ERR(connect_to(from, "@utest.nobody"), ECONNREFUSED);
}

/* ---- beside the bytes ------------------------------------------------------------------- */

union control {
	char bytes[256];
	struct cmsghdr align;
};

static ssize_t send_fds(int sock, int *fds, int n)
{
	union control c = { { 0 } };
	struct iovec v = { "F", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c };
	struct cmsghdr *h = &c.align;

	h->cmsg_len = CMSG_LEN(n * sizeof(int));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(h), fds, n * sizeof(int));
	m.msg_controllen = CMSG_SPACE(n * sizeof(int));
	return sendmsg(sock, &m, 0);
}

static int receive_fds(int sock, int *fds, int room, int *flags)
{
	union control c;
	char byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = &c,
			    .msg_controllen = CMSG_LEN(room * sizeof(int)) };
	struct cmsghdr *h;
	int n = 0;

	NEED(recvmsg(sock, &m, MSG_CMSG_CLOEXEC) == 1);
	*flags = m.msg_flags;
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
			n = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(h), n * sizeof(int));
		}
	return n;
}

TEST("files travel with bytes")
{
	int p[2], got[4], fds[3], flags;
	char buf[8];

	make_pair(SOCK_STREAM);
	NEED(pipe(p) == 0);
	CHECK_EQ(send_fds(pair[0], &p[1], 1), 1);
	close(p[1]);
	CHECK_EQ(receive_fds(pair[1], got, 4, &flags), 1);
	CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(got[0], "through", 7), 7);
	close(got[0]);
	CHECK_EQ(read(p[0], buf, 8), 7);
	CHECK_EQ(read(p[0], buf, 8), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = p[0];
	CHECK_EQ(send_fds(pair[0], fds, 3), 1);
	CHECK_EQ(write(pair[0], "tail", 4), 4);
	CHECK_EQ(receive_fds(pair[1], got, 2, &flags), 2);
	CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
	CHECK_EQ(read(pair[1], buf, 8), 4);
	fds[1] = 999;
	CHECK_ERR(send_fds(pair[0], fds, 2), EBADF);
	/* What is never received is closed with the socket. */
	NEED(pipe(p) == 0);
	CHECK_EQ(send_fds(pair[0], &p[1], 1), 1);
	close(p[1]);
	close(pair[0]);
	close(pair[1]);
	CHECK_EQ(read(p[0], buf, 8), 0);
}

TEST("credentials travel where they are asked for")
{
	int on = 1;
	union control c;
	char buf[8];
	struct iovec v = { buf, 8 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c
	};
	struct cmsghdr *h;
	struct ucred *cred;

	make_pair(SOCK_DGRAM);
	CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	if (fork() == 0)
		_exit(write(pair[0], "me", 2) != 2);
	CHECK_EQ(recvmsg(pair[1], &m, 0), 2);
	h = CMSG_FIRSTHDR(&m);
	NEED(h && h->cmsg_type == SCM_CREDENTIALS);
	cred = (struct ucred *)CMSG_DATA(h);
	CHECK(cred->pid != getpid() && cred->uid == getuid() && cred->gid == getgid());
	wait(NULL);
}

TEST("options")
{
	socklen_t n = sizeof(int);
	int v = 0;

	make_pair(SOCK_SEQPACKET);
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &v, &n) && v == SOCK_SEQPACKET);
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &v, &n) && v == AF_UNIX);
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &v, &n) && v == 0);
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_ACCEPTCONN, &v, &n) && v == 0);
	v = 5000;
	CHECK(!setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &v, n));
	CHECK(!getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &v, &n) && v == 10000);
	CHECK_ERR(getsockopt(pair[0], SOL_SOCKET, 999, &v, &n), ENOPROTOOPT);
	CHECK_ERR(getsockopt(pair[0], 99, 1, &v, &n), EOPNOTSUPP);
}

/* ---- several messages at once, and how long to wait ------------------------------------------ */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

TEST("sendmmsg and recvmmsg: as many as there are")
{
	char text[4][8] = { "one", "two", "three", "4" }, got[4][8] = { 0 };
	struct iovec out[4], in[4];
	struct mmsghdr send[4] = { 0 }, recv[4] = { 0 };
	struct timespec t = { 0, 20000000 };

	for (int i = 0; i < 4; i++) {
		out[i] = (struct iovec){ text[i], strlen(text[i]) };
		in[i] = (struct iovec){ got[i], 8 };
		send[i].msg_hdr.msg_iov = &out[i];
		recv[i].msg_hdr.msg_iov = &in[i];
		send[i].msg_hdr.msg_iovlen = recv[i].msg_hdr.msg_iovlen = 1;
	}
	make_pair(SOCK_DGRAM);
	CHECK_EQ(sendmmsg(pair[0], send, 3, 0), 3);
	CHECK(send[0].msg_len == 3 && send[2].msg_len == 5);
	CHECK_EQ(recvmmsg(pair[1], recv, 2, 0, NULL), 2);
	CHECK(recv[1].msg_len == 3 && !memcmp(got[1], "two", 3));
	CHECK_EQ(recvmmsg(pair[1], recv, 4, MSG_DONTWAIT, NULL), 1);
	CHECK(recv[0].msg_len == 5 && !memcmp(got[0], "three", 5));
	CHECK_ERR(recvmmsg(pair[1], recv, 4, MSG_DONTWAIT, NULL), EAGAIN);
	CHECK_EQ(sendmmsg(pair[0], send, 2, 0), 2);
	CHECK_EQ(recvmmsg(pair[1], recv, 4, MSG_WAITFORONE, NULL), 2);
	CHECK_EQ(sendmmsg(pair[0], send, 4, 0), 4);
	CHECK_EQ(recvmmsg(pair[1], recv, 4, 0, &t), 4);
	CHECK(t.tv_sec == 0 && t.tv_nsec <= 20000000);

	/* The first error counts if nothing went before it. */
	send[1].msg_hdr.msg_iov = (void *)8;
	CHECK_EQ(sendmmsg(pair[0], send, 4, 0), 1);
	CHECK_ERR(sendmmsg(pair[0], send + 1, 3, 0), EFAULT);
	CHECK_ERR(recvmmsg(999, recv, 4, 0, NULL), EBADF);
	CHECK_ERR(sendmmsg(0, send, 4, 0), ENOTSOCK);
	CHECK_EQ(sendmmsg(pair[0], send, 0, 0), 0);
	t.tv_nsec = 1000000000;
	CHECK_ERR(recvmmsg(pair[1], recv, 4, 0, &t), EINVAL);
}

static void nothing(int sig)
{
	(void)sig;
}

TEST("SO_RCVTIMEO, SO_SNDTIMEO: how long a call waits")
{
	struct timeval t = { 0, 60000 }, seen = { 9, 9 };
	struct sigaction act = { .sa_handler = nothing, .sa_flags = SA_RESTART };
	socklen_t n = sizeof seen;
	static char bytes[1 << 20];
	uint64_t before;
	long sent;

	make_pair(SOCK_STREAM);
	CHECK_EQ(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &seen, &n), 0);
	CHECK(n == sizeof seen && !seen.tv_sec && !seen.tv_usec);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), 0);
	CHECK_EQ(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &seen, &n), 0);
	CHECK(!seen.tv_sec && seen.tv_usec >= 60000 && seen.tv_usec < 70000);
	before = now_ms();
	CHECK_ERR(recv(pair[0], bytes, 10, 0), EAGAIN);
	CHECK(now_ms() - before >= 55 && now_ms() - before < 1000);
	CHECK_ERR(read(pair[0], bytes, 10), EAGAIN);
	before = now_ms();
	sent = send(pair[0], bytes, sizeof bytes, 0);
	CHECK(sent > 0 && sent < (long)sizeof bytes);
	CHECK_ERR(send(pair[0], bytes, sizeof bytes, 0), EAGAIN);
	CHECK(now_ms() - before >= 110 && now_ms() - before < 2000);

	/* A call with a time is not begun again after a signal. */
	t = (struct timeval){ 20, 0 };
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	sigaction(SIGALRM, &act, NULL);
	ualarm(30000, 0);
	CHECK_ERR(recv(pair[0], bytes, 10, 0), EINTR);

	t = (struct timeval){ -1, 0 };
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), 0);
	CHECK_ERR(recv(pair[0], bytes, 10, 0), EAGAIN);
	t = (struct timeval){ 0, 1000000 };
	CHECK_ERR(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), EDOM);
	CHECK_ERR(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t - 1), EINVAL);
	CHECK_ERR(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, (void *)8, sizeof t), EFAULT);
}
