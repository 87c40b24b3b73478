/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_many.c - nothing is fixed in number: processes, descriptors, pipes.
 */
#include "user.h"
#include <sys/resource.h>

TEST("a thousand processes at once")
{
	enum { N = 1000 };
	int fd[2], started = 0, ended = 0, status;
	char c;

	NEED(pipe(fd) == 0);
	for (int i = 0; i < N; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			close(fd[1]);
			read(fd[0], &c, 1);
			_exit(i & 127);
		}
		started += pid > 0;
	}
	CHECK_EQ(started, N);
	close(fd[0]);
	close(fd[1]);
	while (wait(&status) > 0)
		ended += WIFEXITED(status);
	CHECK_EQ(ended, started);
}

static void two_thousand(void)
{
	for (int i = 0; i < 2000; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(waitpid(pid, NULL, 0) == pid);
	}
}

TEST("thousands of processes one after another leave nothing behind")
{
	CHECK(!loses_memory(two_thousand));
}

TEST("a thousand descriptors, each usable")
{
	struct rlimit limit;
	char name[16];
	int last = -1, opened = 0, c;

	NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(limit.rlim_cur >= 1024 || limit.rlim_cur == RLIM_INFINITY);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "f%d", i);
		last = open(name, O_RDWR | O_CREAT, 0600);
		opened += last >= 0 && write(last, &i, sizeof i) == sizeof i;
	}
	CHECK_EQ(opened, 1000);
	CHECK(pread(last, &c, sizeof c, 0) == sizeof c && c == 999);
}

TEST("the limit of descriptors is kept, and closing makes room")
{
	struct rlimit limit = { 64, 64 };
	int fd, n = 0;

	NEED(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while ((fd = open("/", O_RDONLY)) >= 0)
		n++;
	CHECK_EQ(errno, EMFILE);
	CHECK(n >= 50 && n <= 64);
	CHECK_ERR(dup(0), EMFILE);
	CHECK_ERR(dup2(0, 64), EBADF);
	CHECK_ERR(pipe((int[2]){ 0, 0 }), EMFILE);
	close(40);
	CHECK_EQ(open("/", O_RDONLY), 40);
}

TEST("hundreds of pipes, all holding something")
{
	enum { N = 400 };
	static int fd[N][2];
	char c;
	int good = 0;

	for (int i = 0; i < N; i++)
		good += pipe(fd[i]) == 0 && write(fd[i][1], "0123456789", 10) == 10;
	for (int i = 0; i < N; i++)
		good += read(fd[i][0], &c, 1) == 1 && c == '0';
	CHECK_EQ(good, 2 * N);
}

TEST("a deep chain of processes")
{
	int status, depth = 0;

	for (; depth < 200; depth++) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(1);
		if (pid > 0) {
			wait(&status);
			if (depth)
				_exit(status ? 1 : 0);
			CHECK_EQ(status, 0);
			return;
		}
	}
	_exit(0);
}
