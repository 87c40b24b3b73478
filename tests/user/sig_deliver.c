/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sig_deliver.c - signals: handlers, masks, what the siginfo says, interrupted calls.
 */
#include "user.h"
#include <poll.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t hits, last;
static siginfo_t info;

static void note(int sig)
{
	hits++;
	last = sig;
}

static void note_info(int sig, siginfo_t *si, void *context)
{
	(void)context;
	note(sig);
	info = *si;
}

static void handle(int sig, int flags)
{
	struct sigaction act = { .sa_flags = flags };

	if (flags & SA_SIGINFO)
		act.sa_sigaction = note_info;
	else
		act.sa_handler = note;
	NEED(sigaction(sig, &act, NULL) == 0);
}

static void mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	NEED(sigprocmask(how, &set, NULL) == 0);
}

TEST("a handler runs before kill returns to its sender")
{
	handle(SIGUSR1, 0);
	for (int i = 1; i <= 100; i++) {
		kill(getpid(), SIGUSR1);
		CHECK_EQ(hits, i);
	}
	CHECK_EQ(last, SIGUSR1);
	CHECK_ERR(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = note }, NULL), EINVAL);
	CHECK_ERR(sigaction(SIGSTOP, &(struct sigaction){ .sa_handler = note }, NULL), EINVAL);
	CHECK_ERR(sigaction(65, NULL, NULL), EINVAL);
}

TEST("a blocked signal waits, and is shown as pending, once")
{
	sigset_t set;

	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(hits, 0);
	sigpending(&set);
	CHECK(sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2));
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(hits, 1);
	mask(SIG_BLOCK, SIGKILL); /* cannot be: without effect */
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK(!sigismember(&set, SIGKILL));
}

TEST("an ignored signal is gone, also when it was pending")
{
	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	handle(SIGUSR1, 0);
	mask(SIG_UNBLOCK, SIGUSR1);
	CHECK_EQ(hits, 0);
	kill(getpid(), SIGCHLD); /* ignored by default */
	kill(getpid(), SIGWINCH);
	kill(getpid(), SIGCONT);
}

TEST("the siginfo of kill, of a child, of a timer")
{
	struct itimerval soon = { .it_value = { 0, 10000 } };
	pid_t pid;

	handle(SIGUSR1, SA_SIGINFO);
	kill(getpid(), SIGUSR1);
	CHECK(info.si_signo == SIGUSR1 && info.si_code == SI_USER);
	CHECK(info.si_pid == getpid() && info.si_uid == getuid());
	handle(SIGCHLD, SA_SIGINFO);
	pid = fork();
	if (pid == 0)
		_exit(5);
	while (last != SIGCHLD)
		usleep(1000);
	CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 5);
	waitpid(pid, NULL, 0);
	handle(SIGALRM, SA_SIGINFO);
	setitimer(ITIMER_REAL, &soon, NULL);
	while (last != SIGALRM)
		pause();
	CHECK_EQ(info.si_code, SI_KERNEL);
}

TEST("real-time signals queue, in order, with their values")
{
	static const union sigval values[] = { { .sival_int = 1 }, { .sival_int = 2 } };

	handle(SIGRTMIN + 1, SA_SIGINFO);
	mask(SIG_BLOCK, SIGRTMIN + 1);
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, values[0]) == 0);
	CHECK(sigqueue(getpid(), SIGRTMIN + 1, values[1]) == 0);
	mask(SIG_UNBLOCK, SIGRTMIN + 1);
	CHECK_EQ(hits, 2);
	CHECK(info.si_code == SI_QUEUE);
}

TEST("during a handler its signal is blocked, with NODEFER it is not; RESETHAND is once")
{
	struct sigaction act;

	handle(SIGUSR1, SA_RESETHAND);
	kill(getpid(), SIGUSR1);
	sigaction(SIGUSR1, NULL, &act);
	CHECK(hits == 1 && act.sa_handler == SIG_DFL);
}

static volatile int depth, deepest, sent;

static void nest(int sig)
{
	if (++depth > deepest)
		deepest = depth;
	if (depth < 5 && sent++ < 20)
		kill(getpid(), sig);
	depth--;
}

TEST("nested handlers")
{
	struct sigaction act = { .sa_handler = nest, .sa_flags = SA_NODEFER };

	sigaction(SIGUSR1, &act, NULL);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(deepest, 5);
	deepest = sent = 0;
	act.sa_flags = 0;
	sigaction(SIGUSR1, &act, NULL);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(deepest, 1);
}

static void send_later(int sig)
{
	pid_t parent = getpid();

	if (fork() == 0) {
		usleep(50000);
		kill(parent, sig);
		_exit(0);
	}
}

TEST("a slow call is interrupted, or goes on with SA_RESTART")
{
	struct pollfd none = { .fd = -1 };
	int fd[2];
	char c;

	NEED(pipe(fd) == 0);
	handle(SIGUSR1, 0);
	send_later(SIGUSR1);
	CHECK_ERR(read(fd[0], &c, 1), EINTR);
	CHECK_EQ(hits, 1);
	send_later(SIGUSR1);
	CHECK_ERR(poll(&none, 1, 10000), EINTR);
	send_later(SIGUSR1);
	CHECK_ERR(pause(), EINTR);
	handle(SIGUSR1, SA_RESTART);
	if (fork() == 0) {
		usleep(50000);
		kill(getppid(), SIGUSR1);
		usleep(50000);
		write(fd[1], "x", 1);
		_exit(0);
	}
	CHECK_EQ(read(fd[0], &c, 1), 1);
	CHECK(hits == 4 && c == 'x');
	while (wait(NULL) > 0)
		;
	send_later(SIGUSR1);
	CHECK(wait(NULL) > 0); /* restarted */
	CHECK_ERR(wait(NULL), ECHILD);
}

TEST("nanosleep tells what was left")
{
	struct timespec two = { 2, 0 }, left = { 0, 0 };

	handle(SIGUSR1, SA_RESTART); /* does not help a sleep */
	send_later(SIGUSR1);
	CHECK_ERR(nanosleep(&two, &left), EINTR);
	CHECK(left.tv_sec == 1 && left.tv_nsec > 0);
}

TEST("an ignored signal does not interrupt")
{
	struct timespec short_while = { 0, 200 * 1000 * 1000 };

	signal(SIGUSR1, SIG_IGN);
	send_later(SIGUSR1);
	CHECK(nanosleep(&short_while, NULL) == 0);
}

TEST("sigsuspend waits with another mask, and gives the old one back")
{
	sigset_t none, now;

	handle(SIGUSR1, 0);
	mask(SIG_BLOCK, SIGUSR1);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(hits, 0);
	sigemptyset(&none);
	CHECK_ERR(sigsuspend(&none), EINTR);
	CHECK_EQ(hits, 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1));
}

TEST("sigtimedwait takes a pending signal without a handler")
{
	struct timespec now = { 0, 0 };
	sigset_t set;

	mask(SIG_BLOCK, SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_ERR(sigtimedwait(&set, &info, &now), EAGAIN);
	kill(getpid(), SIGUSR1);
	CHECK_EQ(sigtimedwait(&set, &info, &now), SIGUSR1);
	CHECK(info.si_pid == getpid());
}

TEST("alarm and setitimer: when, how often, what was left")
{
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } }, was;
	struct timespec from, to;

	handle(SIGALRM, 0);
	alarm(0); /* of the harness */
	CHECK_EQ(alarm(100), 0);
	CHECK(alarm(0) >= 99);
	clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK(setitimer(ITIMER_REAL, &it, NULL) == 0);
	while (hits < 5)
		pause();
	clock_gettime(CLOCK_MONOTONIC, &to);
	it.it_value.tv_usec = it.it_interval.tv_usec = 0;
	CHECK(setitimer(ITIMER_REAL, &it, &was) == 0);
	CHECK(was.it_interval.tv_usec == 20000 && was.it_value.tv_usec <= 20000);
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 >= 95);
	it.it_value.tv_usec = 1000000;
	CHECK_ERR(setitimer(ITIMER_REAL, &it, NULL), EINVAL);
	CHECK_ERR(setitimer(77, &it, NULL), EINVAL);
}

TEST("writing to a pipe without a reader: SIGPIPE, then EPIPE")
{
	int fd[2];

	NEED(pipe(fd) == 0);
	close(fd[0]);
	handle(SIGPIPE, 0);
	CHECK_ERR(write(fd[1], "x", 1), EPIPE);
	CHECK_EQ(hits, 1);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(fd[1], "x", 1), EPIPE);
}

TEST("a stopped process stands still until it is continued")
{
	int *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int seen, status;

	NEED(shared != MAP_FAILED);
	if (pid == 0)
		for (;;)
			++*(volatile int *)shared;
	while (!*(volatile int *)shared)
		usleep(1000);
	kill(pid, SIGSTOP);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	seen = *(volatile int *)shared;
	usleep(50000);
	CHECK_EQ(*(volatile int *)shared, seen);
	kill(pid, SIGTERM); /* waits for the continue */
	usleep(10000);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	      WTERMSIG(status) == SIGTERM);
}
