/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_wait.c - fork, exit and wait; groups, sessions, zombies and orphans.
 */
#include "user.h"
#include <sched.h>
#include <sys/resource.h>

/* A child that ends with this status at once, or waits for a signal when it is below zero. */
static pid_t child(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		while (status < 0)
			pause();
		_exit(status);
	}
	NEED(pid > 0);
	return pid;
}

TEST("the status of exit comes through, low eight bits")
{
	static const int codes[] = { 0, 1, 42, 127, 255, 256, 511 };
	int status;

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		pid_t pid = child(codes[i]);

		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), codes[i] & 255);
	}
}

TEST("the status of a signal comes through")
{
	static const int sigs[] = { SIGTERM, SIGKILL, SIGUSR1, SIGHUP, SIGALRM };
	int status;

	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		pid_t pid = child(-1);

		CHECK(kill(pid, sigs[i]) == 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), sigs[i]);
	}
}

TEST("wait errors: nobody, not mine, not ended")
{
	pid_t pid;

	CHECK_ERR(wait(NULL), ECHILD);
	CHECK_ERR(waitpid(1, NULL, 0), ECHILD);
	CHECK_ERR(waitpid(0x3fffffff, NULL, 0), ECHILD);
	CHECK_ERR(waitpid(-1, NULL, 0x12340000), EINVAL);
	pid = child(-1);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_ERR(waitpid(pid, NULL, 0), ECHILD);
}

TEST("wait takes children in any order, by pid too")
{
	pid_t a = child(1), b = child(2), c = child(3), got;
	int status, seen = 0;

	CHECK_EQ(waitpid(b, &status, 0), b);
	CHECK_EQ(WEXITSTATUS(status), 2);
	while ((got = wait(&status)) > 0)
		seen += got == a ? 1 : got == c ? 2 : 100;
	CHECK_EQ(seen, 3);
	CHECK_EQ(errno, ECHILD);
}

TEST("a zombie stays until it is waited for, and cannot be hurt")
{
	siginfo_t info;
	pid_t pid = child(9);
	int status;

	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 9);
	CHECK(kill(pid, SIGKILL) == 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 9);
	CHECK_ERR(kill(pid, 0), ESRCH);
}

TEST("waitid tells of stop, continue and end")
{
	siginfo_t info = { 0 };
	pid_t pid = child(-1);

	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOHANG) == 0);
	CHECK_EQ(info.si_pid, 0);
	kill(pid, SIGSTOP);
	CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0);
	CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
	kill(pid, SIGCONT);
	CHECK(waitid(P_ALL, 0, &info, WCONTINUED) == 0);
	CHECK(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
	kill(pid, SIGKILL);
	CHECK(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED) == 0);
	CHECK(info.si_code == CLD_KILLED && info.si_status == SIGKILL && info.si_signo == SIGCHLD);
	CHECK_ERR(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	CHECK_ERR(waitid(P_ALL, 0, &info, 0), EINVAL);
}

TEST("waitpid tells of stop and continue when asked")
{
	pid_t pid = child(-1);
	int status;

	kill(pid, SIGSTOP);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	kill(pid, SIGCONT);
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	kill(pid, SIGSTOP);
	kill(pid, SIGKILL); /* works on the stopped */
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

TEST("an orphan goes to init, and its parent changes")
{
	int fd[2];
	pid_t parent_of_orphan = 0;

	NEED(pipe(fd) == 0);
	if (fork() == 0) {
		if (fork() == 0) {
			pid_t was = getppid(), now;

			while ((now = getppid()) == was)
				sched_yield();
			write(fd[1], &now, sizeof now);
		} else {
			usleep(20000);
		}
		_exit(0);
	}
	wait(NULL);
	CHECK_EQ(read(fd[0], &parent_of_orphan, sizeof(pid_t)), sizeof(pid_t));
	CHECK(parent_of_orphan >= 1 && parent_of_orphan < getpid());
}

TEST("ignoring SIGCHLD means no zombies")
{
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 20; i++)
		child(0);
	CHECK_ERR(wait(NULL), ECHILD);
}

static void touch_16m(void)
{
	if (fork() == 0) {
		memset(fresh(16 * MiB), 1, 16 * MiB);
		_exit(0);
	}
}

TEST("what a child used counts for its parent once it was waited for, else never")
{
	struct rusage before, after;

	signal(SIGCHLD, SIG_IGN);
	getrusage(RUSAGE_CHILDREN, &before);
	touch_16m();
	CHECK_ERR(wait(NULL), ECHILD);
	CHECK(getrusage(RUSAGE_CHILDREN, &after) == 0);
	CHECK_EQ(after.ru_minflt, before.ru_minflt);
	CHECK_EQ(after.ru_maxrss, before.ru_maxrss);
	signal(SIGCHLD, SIG_DFL);
	touch_16m();
	CHECK(wait(NULL) > 0 && getrusage(RUSAGE_CHILDREN, &after) == 0);
	CHECK(after.ru_maxrss >= 16 * 1024);
}

TEST("groups and sessions")
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid());
		CHECK_ERR(setsid(), EPERM);
		if (fork() == 0) {
			CHECK(getpgrp() == getppid());
			CHECK(setsid() == getpid());
			CHECK(getpgrp() == getpid() && getsid(0) == getpid());
			CHECK_ERR(setpgid(0, 0), EPERM);
			exit(getsid(getppid()) == getpid());
		}
		wait(&status);
		exit(status != 0);
	}
	waitpid(pid, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_ERR(getpgid(0x3fffffff), ESRCH);
	CHECK_ERR(setpgid(1, 1), ESRCH);
	CHECK_ERR(setpgid(0, -1), EINVAL);
}

TEST("kill reaches a whole group")
{
	pid_t first = child(-1), second;
	int status;

	CHECK(setpgid(first, first) == 0);
	second = child(-1);
	CHECK(setpgid(second, first) == 0);
	CHECK(kill(-first, SIGTERM) == 0);
	CHECK(waitpid(-first, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	CHECK(waitpid(-first, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	CHECK_ERR(waitpid(-first, &status, 0), ECHILD);
	CHECK_ERR(kill(-first, 0), ESRCH);
	CHECK_ERR(kill(getpid(), 65), EINVAL);
}

TEST("vfork: the parent sleeps until the child is done with its memory")
{
	volatile int shared = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		shared = 7;
		_exit(3);
	}
	CHECK_EQ(shared, 7);
	CHECK_EQ(waitpid(pid, (int *)&shared, 0), pid);
	CHECK_EQ(WEXITSTATUS(shared), 3);
}

static int clone_main(void *arg)
{
	*(volatile int *)arg += 1;
	return 5;
}

TEST("clone shares memory when told to, and copies when not")
{
	char *stack = fresh(16 * PAGE) + 16 * PAGE;
	int value = 1, status;
	pid_t pid = clone(clone_main, stack, CLONE_VM | SIGCHLD, &value);

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
	CHECK_EQ(value, 2);
	pid = clone(clone_main, stack, SIGCHLD, &value);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 5);
	CHECK_EQ(value, 2);
	pid = clone(clone_main, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
	CHECK_EQ(value, 3);
	CHECK(waitpid(pid, &status, 0) == pid);
}

TEST("a child has its own directory, mask and descriptors")
{
	int fd = open("file", O_RDWR | O_CREAT, 0600), status;
	char here[PATH_MAX], now[PATH_MAX];

	NEED(fd >= 0 && getcwd(here, sizeof here));
	if (fork() == 0) {
		umask(0);
		CHECK(chdir("/") == 0);
		CHECK(write(fd, "abc", 3) == 3);
		close(fd);
		exit(0);
	}
	wait(&status);
	CHECK(getcwd(now, sizeof now) && !strcmp(now, here));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3); /* the open file is shared */
}
