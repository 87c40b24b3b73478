/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_async.c - O_ASYNC: signals of pipes and sockets, and to whom they go; large pipes.
 */
#include "user.h"
#include <sys/ioctl.h>
#include <sys/socket.h>

static volatile int sigios, times;
static volatile siginfo_t last;

static void on_io(int sig, siginfo_t *info, void *context __attribute__((unused)))
{
	sigios += sig == SIGIO;
	times++;
	*(siginfo_t *)&last = *info;
}

static void catch (int sig)
{
	struct sigaction a = { .sa_sigaction = on_io, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigaction(sig, &a, NULL);
	sigios = times = 0;
}

static void ask(int fd)
{
	NEED(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC) == 0);
}

TEST("fcntl: who owns a file is remembered, and has to be there")
{
	struct f_owner_ex o = { F_OWNER_TID, getpid() };
	int p[2];

	NEED(pipe(p) == 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
	CHECK_ERR(fcntl(p[0], F_SETOWN, 4000000), ESRCH);
	CHECK_EQ(fcntl(p[0], F_GETOWN), getpid());
	CHECK_EQ(fcntl(p[0], F_SETOWN_EX, &o), 0);
	o = (struct f_owner_ex){ F_OWNER_PGRP, 0 };
	CHECK_EQ(fcntl(p[0], F_GETOWN_EX, &o), 0);
	CHECK(o.type == F_OWNER_TID && o.pid == getpid());
	o.type = 3;
	CHECK_ERR(fcntl(p[0], F_SETOWN_EX, &o), EINVAL);
	CHECK_EQ(fcntl(p[0], F_SETOWN, -getpgrp()), 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN_EX, &o), 0);
	CHECK(o.type == F_OWNER_PGRP && o.pid == getpgrp());
	CHECK_EQ(fcntl(p[0], F_SETOWN, 0), 0);
	CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
	CHECK_ERR(fcntl(p[0], F_SETSIG, 65), EINVAL);
	CHECK_EQ(fcntl(p[0], F_SETSIG, SIGRTMIN), 0);
	CHECK_EQ(fcntl(p[0], F_GETSIG), SIGRTMIN);
}

TEST("O_ASYNC: a pipe tells its reader of bytes, its writer of room, and both of the end")
{
	char b[10];
	int p[2];

	NEED(pipe(p) == 0);
	catch (SIGIO);
	ask(p[0]);
	NEED(write(p[1], b, 1) == 1);
	CHECK_EQ(times, 0); /* nobody owns it */
	NEED(fcntl(p[0], F_SETOWN, getpid()) == 0);
	NEED(write(p[1], b, 1) == 1);
	CHECK_EQ(sigios, 1);
	CHECK_EQ(last.si_code, SI_KERNEL);
	NEED(fcntl(p[0], F_SETSIG, SIGRTMIN + 1) == 0);
	catch (SIGRTMIN + 1);
	NEED(write(p[1], b, 2) == 2);
	CHECK(times == 1 && sigios == 0);
	CHECK(last.si_code == POLL_IN && last.si_fd == p[0]);
	CHECK_EQ(last.si_band, 0x41);
	NEED(fcntl(p[0], F_SETFL, 0) == 0);
	NEED(write(p[1], b, 1) == 1);
	CHECK_EQ(times, 1);
	ask(p[0]);
	close(p[1]);
	CHECK_EQ(times, 2);
}

TEST("O_ASYNC: sockets, groups, and what cannot tell")
{
	int s[2], on = 1, file = open("f", O_RDWR | O_CREAT, 0600);
	pid_t c;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	catch (SIGIO);
	CHECK_EQ(ioctl(s[0], FIOASYNC, &on), 0);
	CHECK(fcntl(s[0], F_GETFL) & O_ASYNC);
	CHECK_ERR(ioctl(file, FIOASYNC, &on), ENOTTY);
	NEED(fcntl(s[0], F_SETOWN, getpid()) == 0);
	NEED(write(s[1], "x", 1) == 1);
	CHECK_EQ(sigios, 1);
	c = fork();
	if (c == 0) {
		setpgid(0, 0);
		write(s[0], "r", 1);
		while (!sigios)
			usleep(1000);
		_exit(7);
	}
	NEED(read(s[1], &on, 1) == 1);
	NEED(fcntl(s[0], F_SETOWN, -c) == 0);
	sigios = 0;
	NEED(write(s[1], "y", 1) == 1);
	NEED(waitpid(c, &on, 0) == c);
	CHECK(WIFEXITED(on) && WEXITSTATUS(on) == 7);
	CHECK_EQ(sigios, 0);
	NEED(write(s[1], "z", 1) == 1); /* nobody is left */
	CHECK_EQ(sigios, 0);
}

TEST("pipes: root's may be larger than others'")
{
	int p[2];
	pid_t c;

	NEED(pipe(p) == 0);
	if (geteuid() || (!on_quire() && fcntl(p[0], F_SETPIPE_SZ, 2 * MiB) < 0))
		skip("root only");
	CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, 3 * MiB), 4 * MiB);
	CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 4 * MiB);
	c = fork();
	if (c == 0) {
		NEED(setuid(1000) == 0);
		CHECK_ERR(fcntl(p[0], F_SETPIPE_SZ, 8 * MiB), EPERM);
		CHECK_EQ(fcntl(p[0], F_SETPIPE_SZ, MiB), MiB);
		_exit(0);
	}
	waitpid(c, NULL, 0);
}
