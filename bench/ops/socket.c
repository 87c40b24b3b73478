/* SPDX-License-Identifier: BSD-2-Clause
 *
 * socket.c - rows about local sockets and pseudo-terminals.
 */
#include "ops.h"

enum { AF_UNIX = 1, STREAM = 1, DGRAM = 2, SOL_SOCKET = 1, SCM_RIGHTS = 1 };

static long pair(int type, int fd[2])
{
	return sys4(NR_socketpair, AF_UNIX, type, 0, fd);
}

static void close_pair(const int fd[2])
{
	sys1(NR_close, fd[0]);
	sys1(NR_close, fd[1]);
}

static ops_ticks pair_bare(unsigned n)
{
	return OPS_TIMED(n, ({
				 int fd[2] = { -1, -1 };
				 long err = pair(STREAM, fd);
				 close_pair(fd);
				 err;
			 }));
}

static char page[PAGE];

/* In one process: into one end, out of the other. */
static ops_ticks through(unsigned n, int type, size_t size)
{
	int fd[2] = { -1, -1 };
	ops_ticks t = pair(type, fd);

	if (t >= 0)
		t = OPS_TIMED(n, ({
				      sys3(NR_write, fd[0], (long)page, (long)size);
				      sys3(NR_read, fd[1], (long)page, (long)size);
			      }));
	close_pair(fd);
	return t;
}

static ops_ticks stream_byte(unsigned n)
{
	return through(n, STREAM, 1);
}

static ops_ticks stream_page(unsigned n)
{
	return through(n, STREAM, PAGE);
}

static ops_ticks message(unsigned n)
{
	return through(n, DGRAM, 64);
}

static ops_ticks trip(unsigned n)
{
	int fd[2] = { -1, -1 };
	ops_ticks t = pair(STREAM, fd);

	if (t >= 0)
		t = ops_ping(n, (int[2]){ fd[0], fd[0] }, (int[2]){ fd[1], fd[1] });
	close_pair(fd);
	return t;
}

/* ---- a descriptor as a message ------------------------------------------------------------- */

struct msghdr_k {
	void *name;
	unsigned name_size;
	struct iovec_k *vector;
	size_t count;
	void *control;
	size_t control_size;
	unsigned flags;
};
struct rights_k {
	size_t size;
	int level, type, fd;
} __attribute__((aligned(sizeof(long))));

static long hand_over(const int fd[2])
{
	struct rights_k r = { sizeof(size_t) + 12, SOL_SOCKET, SCM_RIGHTS, fd[0] };
	struct iovec_k v = { page, 1 };
	struct msghdr_k m = { 0, 0, &v, 1, &r, sizeof r, 0 };
	long err = sys3(NR_sendmsg, fd[0], (long)&m, 0);

	m.control_size = sizeof r;
	if (err >= 0)
		err = sys3(NR_recvmsg, fd[1], (long)&m, 0);
	return err < 0 ? err : sys1(NR_close, r.fd);
}

static ops_ticks rights(unsigned n)
{
	int fd[2] = { -1, -1 };
	ops_ticks t = pair(STREAM, fd);

	if (t >= 0)
		t = OPS_TIMED(n, hand_over(fd));
	close_pair(fd);
	return t;
}

/* ---- a terminal ------------------------------------------------------------------------------ */

enum { TCGETS = 0x5401, TCSETS = 0x5402, TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441 };

struct termios_k {
	u32 input, output, control, local;
	unsigned char line, cc[19];
};

static long open_terminal(int fd[2])
{
	struct termios_k t;
	int unlock = 0;

	fd[0] = (int)sys3(NR_open, (long)"/dev/pts/ptmx", O_RDWR, 0);
	if (fd[0] < 0)
		return fd[0];
	sys3(NR_ioctl, fd[0], TIOCSPTLCK, (long)&unlock);
	fd[1] = (int)sys3(NR_ioctl, fd[0], TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (fd[1] < 0)
		return fd[1];
	sys3(NR_ioctl, fd[1], TCGETS, (long)&t);
	t.input = t.output = t.local = 0; /* raw: a byte is a byte */
	t.cc[5 /* VTIME */] = 0;
	t.cc[6 /* VMIN */] = 1;
	return sys3(NR_ioctl, fd[1], TCSETS, (long)&t);
}

static ops_ticks terminal_trip(unsigned n)
{
	int fd[2] = { -1, -1 };
	ops_ticks t = open_terminal(fd);

	if (t >= 0)
		t = ops_ping(n, (int[2]){ fd[0], fd[0] }, (int[2]){ fd[1], fd[1] });
	close_pair(fd);
	return t;
}

static ops_ticks terminal_bare(unsigned n)
{
	return OPS_TIMED(n, ({
				 int fd[2] = { -1, -1 };
				 long err = open_terminal(fd);
				 close_pair(fd);
				 err;
			 }));
}

const struct row other_socket[] = {
	{ "socketpair + close", pair_bare, 50, 1, 9 },
	{ "socketpair, a byte in and out", stream_byte, 100, 1, 9 },
	{ "socketpair, a page in and out", stream_page, 100, 1, 9 },
	{ "socketpair, a datagram of 64 bytes", message, 100, 1, 9 },
	{ "socketpair, a descriptor sent and closed", rights, 50, 1, 9 },
	{ "socketpair round trip, two processes", trip, 100, 1, 9 },
	{ "pseudo-terminal: open, set raw, close", terminal_bare, 20, 1, 9 },
	{ "pseudo-terminal round trip, two processes", terminal_trip, 50, 1, 9 },
	{ 0 },
};
