/* SPDX-License-Identifier: BSD-2-Clause
 *
 * deep.c - nesting without end: nothing of it may use up the kernel's stack.
 */
#include "user.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { MANY = 300 };

TEST("sets of epoll within sets: refused at some depth, whichever end is built first")
{
	struct epoll_event e = { .events = EPOLLIN };
	int set[MANY], refused = 0;
	struct pollfd first;

	for (int i = 0; i < MANY; i++)
		NEED((set[i] = epoll_create1(0)) >= 0);
	for (int i = 0; i + 1 < MANY / 2; i++)
		refused += epoll_ctl(set[i], EPOLL_CTL_ADD, set[i + 1], &e) != 0;
	CHECK(refused > 0);
	refused = 0;
	for (int i = MANY - 1; i > MANY / 2; i--)
		refused += epoll_ctl(set[i - 1], EPOLL_CTL_ADD, set[i], &e) != 0;
	CHECK(refused > 0);
	CHECK(epoll_ctl(set[1], EPOLL_CTL_ADD, set[0], &e) != 0);
	first = (struct pollfd){ .fd = set[0], .events = POLLIN };
	CHECK_EQ(poll(&first, 1, 0), 0);
	first.fd = set[MANY / 2];
	CHECK_EQ(poll(&first, 1, 0), 0);
}

/* Layers of sets, each of which watches all of the next: the number of ways explodes. */
TEST("sets of epoll in layers: asked in no time")
{
	struct epoll_event e = { .events = EPOLLIN };
	int set[4][20];
	struct pollfd first;

	for (int l = 0; l < 4; l++)
		for (int i = 0; i < 20; i++)
			NEED((set[l][i] = epoll_create1(0)) >= 0);
	for (int l = 0; l < 3; l++)
		for (int i = 0; i < 20; i++)
			for (int k = 0; k < 20; k++)
				(void)epoll_ctl(set[l][i], EPOLL_CTL_ADD, set[l + 1][k], &e);
	first = (struct pollfd){ .fd = set[0][0], .events = POLLIN };
	for (int i = 0; i < 10; i++)
		CHECK_EQ(poll(&first, 1, 0), 0);
}

TEST("mounts on mounts, taken down at once")
{
	char top[PATH_MAX];
	int n;

	if (unshare(CLONE_NEWNS) && getuid())
		skip("needs root");
	NEED(getcwd(top, sizeof top) && mkdir("m", 0700) == 0);
	for (n = 0; n < MANY; n++) {
		if (mount("none", "m", "tmpfs", 0, NULL))
			break;
		NEED(chdir("m") == 0 && mkdir("m", 0700) == 0);
	}
	NEED(chdir(top) == 0);
	if (n == 0)
		skip("mounting is not allowed");
	CHECK_EQ(n, MANY);
	CHECK(umount2("m", MNT_DETACH) == 0);
	CHECK(rmdir("m") == 0);
}

TEST("directories in directories, and all the way back")
{
	char path[PATH_MAX];
	int n;

	for (n = 0; n < 2000 && mkdir("d", 0700) == 0 && chdir("d") == 0; n++)
		;
	CHECK_EQ(n, 2000);
	CHECK(getcwd(path, sizeof path) || errno == ENAMETOOLONG || errno == ERANGE);
	CHECK(access("../../../..", F_OK) == 0);
	while (n-- > 0)
		NEED(chdir("..") == 0 && rmdir("d") == 0);
}

TEST("links to links: forty are followed, not more")
{
	char from[16], to[16];
	int n = 0;

	close(open("0", O_CREAT | O_WRONLY, 0600));
	for (int i = 1; i <= 60; i++) {
		sprintf(from, "%d", i - 1);
		sprintf(to, "%d", i);
		NEED(symlink(from, to) == 0);
		n += access(to, F_OK) == 0;
	}
	CHECK_EQ(n, 40);
	CHECK_ERR(access("60", F_OK), ELOOP);
}

static void again(int sig)
{
	raise(sig);
}

static void nest_signals(void *unused)
{
	struct sigaction act = { .sa_handler = again, .sa_flags = SA_NODEFER };
	struct rlimit small = { MiB, MiB };

	(void)unused;
	setrlimit(RLIMIT_STACK, &small);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
}

TEST("a handler in a handler, until the stack is full")
{
	int status = in_child(nest_signals, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* Each waits for its child and hands its end on. */
static int descend(void)
{
	int status = 0;
	pid_t pid = 0;

	for (int i = 0; i < MANY && pid == 0; i++)
		pid = fork();
	return pid == 0 || (waitpid(pid, &status, 0) == pid && status == 0) ? 0 : 1;
}

TEST("children of children of children")
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(descend());
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}
