/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_threads.c - the n-th allocation fails: threads, futexes, timers, files of events, pidfds.
 */
#include "nomem.h"
#include "thread.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static void await(volatile unsigned *gone)
{
	unsigned value;

	while ((value = *gone))
		futex(gone, FUTEX_WAIT, value, NULL, NULL, 0);
}

static char stack[32768] __attribute__((aligned(16)));

static int try_thread(void)
{
	static volatile unsigned gone;
	static int tid;
	int made;

	gone = 1;
	made = clone(nothing, stack + sizeof stack,
		     THREAD | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID, NULL, &tid, NULL, &gone);
	if (made < 0)
		return errno;
	await(&gone);
	return 0;
}

/* As clone3 of fork, with a descriptor. */
static int try_clone3(void)
{
	int fd = -1, error;
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, size, tls;
	} a = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&fd, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &a, sizeof a);

	if (pid == 0)
		_exit(0);
	error = wait_for((pid_t)pid);
	if (fd >= 0)
		close(fd);
	return error;
}

static volatile unsigned word, word2;

/* A shared word, so that what it is known by has to be found. */
static int try_futex(void)
{
	struct timespec soon = { 0, 1000 };
	unsigned *shared =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long ret;

	if (shared == MAP_FAILED)
		return errno;
	ret = futex(shared, FUTEX_WAIT, 0, &soon, NULL, 0);
	if (ret == -ETIMEDOUT)
		ret = futex(shared, FUTEX_CMP_REQUEUE, 1, NUMBER(1), &word2, 0);
	munmap(shared, PAGE);
	return ret < 0 ? (int)-ret : 0;
}

static int try_waitv(void)
{
	struct {
		uint64_t value, address;
		uint32_t flags, reserved;
	} v[40];
	struct timespec past = { 0, 1 };
	long ret;

	for (int i = 0; i < 40; i++)
		v[i] = (__typeof__(v[0])){ 0, (uintptr_t)&word2, 2 | (i & 1 ? 128 : 0), 0 };
	ret = sys6(SYS_futex_waitv, (long)v, 40, 0, (long)&past, CLOCK_MONOTONIC, 0);
	return ret == -ETIMEDOUT ? 0 : (int)-ret;
}

static int hold_lock(void *release)
{
	futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	*(volatile unsigned *)release = 1;
	futex(release, FUTEX_WAKE, 1, NULL, NULL, 0);
	pause_ms(2);
	futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	return 0;
}

static int try_pi(void)
{
	static volatile unsigned gone, held;
	int made;
	long ret;

	word = held = 0;
	gone = 1;
	made = clone(hold_lock, stack + sizeof stack, THREAD | CLONE_CHILD_CLEARTID, (void *)&held,
		     NULL, NULL, &gone);
	if (made < 0)
		return errno;
	while (!held)
		futex(&held, FUTEX_WAIT, 0, &(struct timespec){ 0, 5000000 }, NULL, 0);
	ret = futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
	if (!ret)
		futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
	await(&gone);
	return ret == -ESRCH || ret > 0 ? 0 : (int)-ret; /* ESRCH: it has gone without memory */
}

static int try_timer(void)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4 };
	struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
	struct timespec t = { 0, 100000 };
	sigset_t set;
	timer_t id;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 4);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (timer_create(CLOCK_MONOTONIC, &e, &id))
		return errno;
	timer_settime(id, 0, &soon, NULL);
	sigtimedwait(&set, NULL, &t);
	return error_of(timer_delete(id));
}

static int try_events(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int set = epoll_create1(0), error = set < 0 ? errno : 0, fd[3] = { -1, -1, -1 };
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	if (!error &&
	    ((fd[0] = eventfd(1, 0)) < 0 || (fd[1] = timerfd_create(CLOCK_MONOTONIC, 0)) < 0 ||
	     (fd[2] = signalfd(-1, &one, 0)) < 0))
		error = errno;
	for (int i = 0; i < 3 && !error; i++)
		error = error_of(epoll_ctl(set, EPOLL_CTL_ADD, fd[i], &e));
	if (!error && (epoll_wait(set, &e, 1, 0) < 0 ||
		       epoll_ctl(set, EPOLL_CTL_DEL, fd[0], NULL) || epoll_wait(set, &e, 1, 1) < 0))
		error = errno;
	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	if (set >= 0)
		close(set);
	return error;
}

static int try_pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0), got, error = 0;

	if (fd < 0)
		return errno;
	got = (int)syscall(SYS_pidfd_getfd, fd, fd, 0);
	if (got < 0)
		error = errno;
	else
		close(got);
	close(fd);
	return error;
}

static const struct named thread_ops[] = {
	{ "a thread", try_thread },
	{ "clone3", try_clone3 },
	{ "futex, shared", try_futex },
	{ "futex_waitv", try_waitv },
	{ "a lock that is held", try_pi },
	{ "timer_create", try_timer },
	{ "epoll, eventfd, timerfd, signalfd", try_events },
	{ "pidfd", try_pidfd },
};

TEST("threads, futexes, timers, events without memory")
{
	EXHAUST(thread_ops);
}
