/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile_many.c - as many as one can get, of whatever the kernel keeps for a program: it ends with
 * an error, in a time that grows with the number and not with its square, and all comes back.
 */
#include "thread.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- mappings --------------------------------------------------------------------------- */

#define MAX_MAP_COUNT "/proc/sys/vm/max_map_count"

static long setting(const char *path, long value)
{
	char text[32] = "";
	int fd = open(path, O_RDWR);
	long old;

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		skip("the setting cannot be read and written");
	old = atol(text);
	if (pwrite(fd, text, (size_t)sprintf(text, "%ld", value), 0) < 0)
		skip("the setting cannot be written");
	close(fd);
	return old;
}

static long count_lines(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY);
	long lines = 0;
	ssize_t n;

	while ((n = read(fd, text, sizeof text)) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	close(fd);
	return lines;
}

/* n mappings of a page, rights in turns so that none joins its neighbour: made, touched, listed,
 * a third of them taken out one by one, and the rest at once. */
static double tiny(size_t n)
{
	char *p =
	    mmap(NULL, n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	double start = seconds();

	NEED(p != MAP_FAILED);
	for (size_t i = 0; i < n; i++) {
		int prot = i & 1 ? PROT_READ : PROT_READ | PROT_WRITE;

		if (mmap(p + i * PAGE, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			 0) == MAP_FAILED) {
			check_failed(__FILE__, __LINE__, "mmap", 1);
			break;
		}
		if (!(i & 1))
			p[i * PAGE] = 1;
	}
	CHECK(count_lines("/proc/self/maps") >= (long)n);
	for (size_t i = 0; i < n; i += 3)
		NEED(munmap(p + i * PAGE, PAGE) == 0);
	for (size_t i = 1; i < n; i += 3)
		NEED(mprotect(p + i * PAGE, PAGE, PROT_NONE) == 0);
	NEED(munmap(p, n * PAGE) == 0);
	return seconds() - start;
}

static void many_tiny(void)
{
	tiny(20000);
}

TEST("a hundred thousand mappings of a page: not in quadratic time, and all comes back")
{
	long old = setting(MAX_MAP_COUNT, 300000);
	double few, many;
	int tries = 0;

	do { /* others may be busy on the same machine */
		few = tiny(20000);
		many = tiny(100000);
		printf("# 20 000: %.3f s, 100 000: %.3f s\n", few, many);
	} while (many > 5 * few * 2.5 + 0.5 && ++tries < 4);
	CHECK(tries < 4);
	CHECK(!loses_memory(many_tiny));
	setting(MAX_MAP_COUNT, old);
}

/* ---- signals and timers ------------------------------------------------------------------- */

static void limit_signals(rlim_t n)
{
	struct rlimit l = { n, n };

	NEED(setrlimit(RLIMIT_SIGPENDING, &l) == 0);
}

static void queue_signals(void)
{
	union sigval v = { .sival_int = 1 };
	struct timespec now = { 0, 0 };
	int n = 0, got = 0;
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGRTMIN + 1);
	sigaddset(&some, SIGUSR1);
	sigprocmask(SIG_BLOCK, &some, NULL);
	while (n < 100000 && sigqueue(getpid(), SIGRTMIN + 1, v) == 0)
		n++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(n > 0 && n <= 200);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0); /* these need no room */
	CHECK_EQ(kill(getpid(), SIGRTMIN + 1), 0);
	while (sigtimedwait(&some, NULL, &now) > 0)
		got++;
	CHECK(got >= n + 1);
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, v), 0);
}

static void limited_signals(void *unused)
{
	(void)unused;
	limit_signals(200);
	queue_signals();
}

TEST("queued signals: as many as RLIMIT_SIGPENDING says, and the rest in order")
{
	CHECK_EQ(in_child(limited_signals, NULL), 0);
}

static void many_timers(void *unused)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2 };
	struct itimerspec often = { { 0, 1 }, { 0, 1 } };
	timer_t t[300];
	int n = 0;

	(void)unused;
	limit_signals(200);
	signal(SIGRTMIN + 2, SIG_IGN);
	while (n < 300 && timer_create(CLOCK_MONOTONIC, &e, &t[n]) == 0) {
		CHECK_EQ(timer_settime(t[n], 0, &often, NULL), 0);
		n++;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK(n > 0 && n <= 200);
	pause_ms(50); /* with a period of a nanosecond each */
	for (int i = 0; i < n / 2; i++)
		CHECK_EQ(timer_delete(t[i]), 0);
	CHECK_EQ(timer_create(CLOCK_MONOTONIC, &e, &t[0]), 0);
}

TEST("timers: as many as RLIMIT_SIGPENDING says, with periods of a nanosecond")
{
	CHECK_EQ(in_child(many_timers, NULL), 0);
}

/* ---- descriptors -------------------------------------------------------------------------- */

enum kind { PIPES, MEMFDS, EVENTS, TIMERS, SIGNALFDS, EPOLLS, KINDS };

static int open_one(enum kind kind)
{
	struct itimerspec often = { { 0, 1 }, { 0, 1 } };
	char page[4096] = { 1 };
	int p[2], fd = -1;
	sigset_t set;

	sigemptyset(&set);
	switch (kind) {
	case PIPES:
		if (pipe2(p, O_NONBLOCK))
			return -1;
		while (write(p[1], page, sizeof page) > 0)
			;
		return p[0];
	case MEMFDS:
		fd = memfd_create("bomb", 0);
		if (fd >= 0)
			(void)!write(fd, page, sizeof page);
		return fd;
	case EVENTS:
		return eventfd(0, 0);
	case TIMERS:
		fd = timerfd_create(CLOCK_MONOTONIC, 0);
		if (fd >= 0)
			timerfd_settime(fd, 0, &often, NULL);
		return fd;
	case SIGNALFDS:
		return signalfd(-1, &set, 0);
	default:
		return epoll_create1(0);
	}
}

static void open_many(void *kind)
{
	struct rlimit l = { 400, 400 };
	int n = 0;

	NEED(setrlimit(RLIMIT_NOFILE, &l) == 0);
	while (n < 1000 && open_one((enum kind)(intptr_t)kind) >= 0)
		n++;
	CHECK_EQ(errno, EMFILE);
	CHECK(n > 150 && n < 400);
}

static void all_kinds(void)
{
	for (intptr_t kind = 0; kind < KINDS; kind++)
		CHECK_EQ(in_child(open_many, (void *)kind), 0);
}

TEST("descriptors of all kinds, full: until there are no more, and all comes back")
{
	CHECK(!loses_memory(all_kinds));
}

/* ---- threads ------------------------------------------------------------------------------- */

static volatile unsigned gate;

static int wait_at_gate(void *unused)
{
	(void)unused;
	for (;;)
		futex(&gate, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

static void thread_bomb(void *unused)
{
	struct rlimit l = { 300, 300 };
	int n = 0, tid = 0;
	char *stack = fresh(PAGE * 1000);

	(void)unused;
	NEED(setrlimit(RLIMIT_NPROC, &l) == 0 && setgid(4243) == 0 && setuid(4243) == 0);
	while (n < 1000) {
		tid = clone(wait_at_gate, stack + PAGE * (n + 1), THREAD, NULL);
		if (tid < 0)
			break;
		n++;
	}
	CHECK(tid < 0 && errno == EAGAIN);
	CHECK(n > 200 && n < 300);
}

static void one_thread_bomb(void)
{
	CHECK_EQ(in_child(thread_bomb, NULL), 0);
}

TEST("threads until RLIMIT_NPROC, all asleep; they end with their process")
{
	if (getuid())
		skip("needs root to become somebody else");
	CHECK(!loses_memory(one_thread_bomb));
}

/* ---- processes ----------------------------------------------------------------------------- */

static _Noreturn void multiply(void)
{
	for (;;)
		if (fork() < 0)
			sched_yield();
}

static void fork_bomb(void *unused)
{
	struct rlimit l = { 120, 120 };
	pid_t pid;

	(void)unused;
	NEED(setrlimit(RLIMIT_NPROC, &l) == 0 && setgid(4244) == 0 && setuid(4244) == 0);
	pid = fork();
	if (pid == 0)
		multiply();
	NEED(pid > 0);
	pause_ms(300);
	CHECK(fork() < 0 && errno == EAGAIN);
	kill(-1, SIGKILL); /* all of 4244's, but oneself: none has time to fork meanwhile */
	while (wait(NULL) > 0)
		;
}

static void one_fork_bomb(void)
{
	CHECK_EQ(in_child(fork_bomb, NULL), 0);
}

TEST("everybody forks until RLIMIT_NPROC; killed at once, nothing is left")
{
	if (getuid() || !on_quire())
		skip("needs root, and a machine of its own");
	CHECK(!loses_memory(one_fork_bomb));
}

/* The same by hand, for whoever boots with little memory: until killed. */
ROLE(forkbomb)
{
	(void)argc, (void)argv, (void)envp;
	if (fork() == 0) {
		setsid();
		multiply();
	}
	return 0;
}
