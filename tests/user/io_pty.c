/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_pty.c - pseudo-terminals: pairs and their names, the line discipline between, hang-ups.
 */
#include "user.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static int master, slave;
static char name[64];

static void open_master(void)
{
	int n = -1;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0)
		skip("no pseudo-terminals");
	NEED(ioctl(master, TIOCGPTN, &n) == 0 && n >= 0);
	snprintf(name, sizeof name, "/dev/pts/%d", n);
}

static void make_pair(void)
{
	int unlock = 0;

	open_master();
	NEED(ioctl(master, TIOCSPTLCK, &unlock) == 0);
	slave = open(name, O_RDWR | O_NOCTTY);
	NEED(slave >= 0);
}

/* What the master reads next is exactly this. */
static void expect(const char *text)
{
	char buf[256];
	size_t n = 0, want = strlen(text);

	while (n < want) {
		struct pollfd p = { master, POLLIN, 0 };
		ssize_t got;

		if (poll(&p, 1, 2000) != 1)
			break;
		got = read(master, buf + n, want - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	buf[n] = 0;
	if (strcmp(buf, text)) {
		printf("# read \"%s\"\n", buf);
		CHECK(!"what the master reads");
	}
}

static void type(const char *text)
{
	CHECK_EQ(write(master, text, strlen(text)), strlen(text));
}

static void set_raw(int fd)
{
	struct termios t;

	NEED(tcgetattr(fd, &t) == 0);
	cfmakeraw(&t);
	NEED(tcsetattr(fd, TCSANOW, &t) == 0);
}

TEST("pty: locked at first; a node that comes and goes")
{
	int locked = 0, unlock = 0, first;
	struct stat st, at;
	char other[64];

	open_master();
	CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1);
	CHECK_ERR(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK_ERR(ioctl(master, TIOCSPTLCK, 8), EFAULT);
	CHECK_EQ(ioctl(master, TIOCSPTLCK, &unlock), 0);
	slave = open(name, O_RDWR | O_NOCTTY);
	NEED(slave >= 0);
	CHECK(fstat(slave, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev >> 8 == 136);
	CHECK(stat(name, &at) == 0 && at.st_ino == st.st_ino && at.st_uid == geteuid());
	CHECK(isatty(slave) && isatty(master));
	CHECK(ttyname_r(slave, other, sizeof other) == 0 && !strcmp(other, name));
	CHECK_EQ(fchmod(slave, 0622), 0);
	CHECK(stat(name, &at) == 0 && (at.st_mode & 0777) == 0622);
	CHECK_ERR(lseek(slave, 0, SEEK_SET), ESPIPE);
	first = master;
	strcpy(other, name);
	open_master();
	CHECK(strcmp(name, other) != 0);
	CHECK_ERR(ioctl(slave, TIOCGPTN, &locked), ENOTTY);
	close(slave);
	close(first);
	CHECK_ERR(open(other, O_RDWR), ENOENT);
	CHECK_ERR(open("/dev/pts/made", O_RDWR | O_CREAT, 0600), EACCES);
}

TEST("pty: TIOCGPTPEER opens the other side without its name")
{
	int unlock = 0, peer;

	open_master();
	CHECK_ERR(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	NEED(ioctl(master, TIOCSPTLCK, &unlock) == 0);
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	NEED(peer >= 0);
	CHECK_EQ(fcntl(peer, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(peer, "a\n", 2), 2);
	expect("a\r\n");
}

TEST("pty: lines are edited and echoed; raw bytes pass")
{
	char buf[32];

	make_pair();
	type("hellp\177o\n");
	expect("hellp\b \bo\r\n");
	CHECK_EQ(read(slave, buf, sizeof buf), 6);
	CHECK(!memcmp(buf, "hello\n", 6));
	type("\004");
	CHECK_EQ(read(slave, buf, sizeof buf), 0);
	CHECK_EQ(write(slave, "one\ntwo\n", 8), 8);
	expect("one\r\ntwo\r\n");
	set_raw(master); /* the master's termios are the slave's */
	type("\003\r\n");
	CHECK_EQ(read(slave, buf, sizeof buf), 3);
	CHECK(!memcmp(buf, "\003\r\n", 3));
	CHECK_EQ(write(slave, "x\n", 2), 2);
	expect("x\n");
}

TEST("pty: what is full waits, or says EAGAIN")
{
	static char many[200000], back[200000];
	size_t sent = 0, got = 0;
	ssize_t n;

	make_pair();
	set_raw(slave);
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = (char)(i * 7 + i / 256);
	fcntl(slave, F_SETFL, O_NONBLOCK);
	fcntl(master, F_SETFL, O_NONBLOCK);
	CHECK_ERR(read(master, back, 1), EAGAIN);
	CHECK_ERR(read(slave, back, 1), EAGAIN);
	while ((n = write(slave, many + sent, sizeof many - sent)) > 0)
		sent += (size_t)n;
	CHECK(n < 0 && errno == EAGAIN && sent >= 4000 && sent < sizeof many);
	while (got < sizeof many) {
		n = read(master, back + got, sizeof back - got);
		if (n <= 0 && errno != EAGAIN)
			break;
		got += n > 0 ? (size_t)n : 0;
		n = write(slave, many + sent, sizeof many - sent);
		sent += n > 0 ? (size_t)n : 0;
	}
	CHECK(got == sizeof many && !memcmp(many, back, sizeof many));

	/* And the other way. */
	for (sent = got = 0; got < 20000;) {
		n = sent < 20000 ? write(master, many + sent, 20000 - sent) : 0;
		sent += n > 0 ? (size_t)n : 0;
		n = read(slave, back + got, sizeof back - got);
		got += n > 0 ? (size_t)n : 0;
	}
	CHECK(!memcmp(many, back, 20000));
}

TEST("pty: the last slave closes, the master sees the rest and then EIO")
{
	struct pollfd p;
	char buf[8];

	make_pair();
	CHECK_EQ(write(slave, "bye", 3), 3);
	close(slave);
	expect("bye");
	CHECK_ERR(read(master, buf, 1), EIO);
	p = (struct pollfd){ master, POLLIN | POLLOUT, 0 };
	CHECK(poll(&p, 1, 0) == 1 && p.revents & POLLHUP);
	slave = open(name, O_RDWR | O_NOCTTY);
	NEED(slave >= 0);
	CHECK_EQ(write(slave, "back", 4), 4);
	expect("back");
	p = (struct pollfd){ master, POLLIN, 0 };
	CHECK_EQ(poll(&p, 1, 0), 0);
}

TEST("pty: the master closes, the slave is hung up")
{
	struct pollfd p;
	char c;

	make_pair();
	close(master);
	CHECK_EQ(read(slave, &c, 1), 0);
	CHECK_ERR(write(slave, "x", 1), EIO);
	CHECK_ERR(ioctl(slave, TCGETS, &c), EIO);
	p = (struct pollfd){ slave, POLLIN, 0 };
	CHECK(poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLIN)) == (POLLHUP | POLLIN));
}

static int told[2];

static void on_signal(int sig)
{
	char c = (char)sig;

	(void)!write(told[1], &c, 1);
}

/* The leader of a session on the slave: tells of signals by a pipe. */
static pid_t start_session(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGWINCH, SIGCONT };
	pid_t pid;

	NEED(pipe(told) == 0);
	pid = fork();
	if (pid)
		return pid;
	close(master);
	setsid();
	for (unsigned i = 0; i < 4; i++)
		signal(signals[i], on_signal);
	close(slave);
	slave = open(name, O_RDWR); /* becomes the controlling terminal */
	if (slave < 0 || tcgetpgrp(slave) != getpid() || tcgetsid(slave) != getpid())
		_exit(1);
	if (open("/dev/tty", O_RDWR) < 0)
		_exit(2);
	on_signal(99);
	for (;;)
		pause();
}

static int next_signal(void)
{
	struct pollfd p = { told[0], POLLIN, 0 };
	char c;

	return poll(&p, 1, 3000) == 1 && read(told[0], &c, 1) == 1 ? c : -1;
}

TEST("pty: a session's terminal: ^C, window size, hang-up")
{
	struct winsize size = { 50, 132, 0, 0 }, seen = { 0 };
	pid_t pid, group = 0;
	int status;

	make_pair();
	pid = start_session();
	NEED(next_signal() == 99);
	CHECK(ioctl(master, TIOCGPGRP, &group) == 0 && group == pid);
	CHECK_ERR(tcgetpgrp(slave), ENOTTY); /* not ours */
	type("\003");
	CHECK_EQ(next_signal(), SIGINT);
	CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0);
	CHECK_EQ(next_signal(), SIGWINCH);
	CHECK(ioctl(slave, TIOCGWINSZ, &seen) == 0 && seen.ws_row == 50 && seen.ws_col == 132);
	CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0); /* no change, no signal */
	CHECK_EQ(ioctl(master, 0x40045436 /* TIOCSIG */, SIGINT), 0);
	CHECK_EQ(next_signal(), SIGINT);
	close(slave);
	close(master);
	int a = next_signal(), b = next_signal();

	CHECK((a == SIGHUP && b == SIGCONT) || (a == SIGCONT && b == SIGHUP));
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST("pty: the leader of its session ends, another one takes the terminal")
{
	pid_t pid, session;

	make_pair();
	pid = start_session();
	NEED(next_signal() == 99);
	CHECK(ioctl(master, TIOCGSID, &session) == 0 && session == pid);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_ERR(ioctl(master, TIOCGSID, &session), ENOTTY);
	CHECK_EQ(write(slave, "x", 1), 1);
	expect("x");
	pid = start_session();
	CHECK_EQ(next_signal(), 99);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

TEST("pty: packet mode")
{
	char buf[32];
	int on = 1, is = 0;

	make_pair();
	CHECK_EQ(ioctl(master, TIOCPKT, &on), 0);
	CHECK(ioctl(master, 0x80045438 /* TIOCGPKT */, &is) == 0 && is);
	CHECK_EQ(write(slave, "hi", 2), 2);
	CHECK_EQ(read(master, buf, sizeof buf), 3);
	CHECK(!memcmp(buf, "\0hi", 3));
	CHECK_EQ(tcflush(slave, TCIFLUSH), 0);
	CHECK_EQ(read(master, buf, sizeof buf), 1);
	CHECK_EQ(buf[0], TIOCPKT_FLUSHREAD);
	set_raw(slave);
	CHECK_EQ(read(master, buf, sizeof buf), 1);
	CHECK_EQ(buf[0], TIOCPKT_NOSTOP);
	is = 0;
	CHECK_EQ(ioctl(master, TIOCPKT, &is), 0);
	CHECK_EQ(write(slave, "raw", 3), 3);
	CHECK_EQ(read(master, buf, sizeof buf), 3);
}
