/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_clone.c - clone, clone3, pidfds; what threads share, and how they end.
 */
#include "thread.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* ---- flags ------------------------------------------------------------------------------ */

static long clone_raw(unsigned long flags)
{
	long pid = raw(SYS_clone, flags, 0, 0, 0);

	if (pid == 0)
		raw(SYS_exit_group, 0, 0, 0, 0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, __WALL);
	return pid;
}

TEST("clone: which flags need which")
{
	int pidfd;

	CHECK_EQ(clone_raw(CLONE_SIGHAND | SIGCHLD), -EINVAL);
	CHECK_EQ(clone_raw(CLONE_VM | CLONE_THREAD), -EINVAL);
	CHECK_EQ(clone_raw(CLONE_THREAD), -EINVAL);
	CHECK_EQ(clone_raw(CLONE_NEWNS | CLONE_FS | SIGCHLD), -EINVAL);
	CHECK_EQ(raw(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID, 0, &pidfd, 0), -EINVAL);
	CHECK_EQ(raw(SYS_clone, CLONE_PIDFD | CLONE_DETACHED, 0, &pidfd, 0), -EINVAL);
	CHECK(clone_raw(SIGCHLD | CLONE_IO | CLONE_UNTRACED | CLONE_SYSVSEM) > 0);
	CHECK(clone_raw(SIGCHLD | CLONE_DETACHED) > 0);
	CHECK(clone_raw(200) > 0); /* a signal that does not exist is none */
}

struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
	    set_tid_size, cgroup, more[4];
};

static long clone3_raw(struct args *a, size_t size)
{
	long pid = raw(SYS_clone3, a, size, 0, 0);

	if (pid == 0)
		raw(SYS_exit_group, 3, 0, 0, 0);
	return pid;
}

#define TRY3(...) clone3_raw(&(struct args){ __VA_ARGS__ }, 88)

TEST("clone3: sizes and combinations")
{
	struct args a = { .exit_signal = SIGCHLD };
	int status;
	long pid;

	CHECK_EQ(clone3_raw(&a, 63), -EINVAL);
	CHECK_EQ(clone3_raw(&a, PAGE + 1), -E2BIG);
	a.more[1] = 1;
	CHECK_EQ(clone3_raw(&a, sizeof a), -E2BIG);
	a.more[1] = 0;
	CHECK_EQ(clone3_raw((struct args *)8, 88), -EFAULT);
	for (size_t size = 64; size <= sizeof a; size += 8) {
		pid = clone3_raw(&a, size);
		NEED(pid > 0);
		CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
		CHECK_EQ(WEXITSTATUS(status), 3);
	}
	CHECK_EQ(TRY3(.exit_signal = 65), -EINVAL);
	CHECK_EQ(TRY3(.exit_signal = 256), -EINVAL);
	CHECK_EQ(TRY3(.flags = SIGCHLD), -EINVAL);
	CHECK_EQ(TRY3(.flags = CLONE_DETACHED), -EINVAL);
	CHECK_EQ(TRY3(.flags = 1ull << 40), -EINVAL);
	CHECK_EQ(TRY3(.flags = THREAD, .exit_signal = SIGCHLD), -EINVAL);
	CHECK_EQ(TRY3(.flags = CLONE_PARENT, .exit_signal = SIGCHLD), -EINVAL);
	CHECK_EQ(TRY3(.flags = CLONE_SIGHAND | CLONE_VM | 0x100000000ull), -EINVAL);
	CHECK_EQ(TRY3(.stack = 4096), -EINVAL);
	CHECK_EQ(TRY3(.stack_size = 4096), -EINVAL);
	CHECK_EQ(TRY3(.stack = ~0ull - 8191, .stack_size = 4096), -EINVAL);
	CHECK_EQ(TRY3(.set_tid_size = 1), -EINVAL);
	CHECK_EQ(TRY3(.set_tid = (uintptr_t)&a), -EINVAL);
	CHECK_EQ(TRY3(.set_tid = 8, .set_tid_size = 1), -EFAULT);
	CHECK_EQ(TRY3(.set_tid = (uintptr_t)&a, .set_tid_size = 33), -EINVAL);
	CHECK_EQ(TRY3(.flags = 0x200000000ull, .cgroup = 1ull << 31), -EINVAL);
}

TEST("clone3: a number of one's own choice")
{
	pid_t wanted = fork(), self = getpid();
	struct args a = { .exit_signal = SIGCHLD,
			  .set_tid = (uintptr_t)&wanted,
			  .set_tid_size = 1 };
	long pid;

	if (wanted == 0)
		_exit(0);
	NEED(waitpid(wanted, NULL, 0) == wanted); /* so that one is free */
	pid = clone3_raw(&a, sizeof a);
	if (pid == -EPERM)
		skip("needs rights");
	CHECK_EQ(pid, wanted);
	CHECK_EQ(waitpid((pid_t)pid, NULL, 0), pid);
	a.set_tid = (uintptr_t)&self;
	CHECK_EQ(clone3_raw(&a, sizeof a), -EEXIST);
	self = 0;
	CHECK_EQ(clone3_raw(&a, sizeof a), -EINVAL);
}

static void on_usr1(int sig)
{
	(void)sig;
}

TEST("clone3: CLEAR_SIGHAND gives default actions, and leaves what is ignored")
{
	struct args a = { .flags = 0x100000000ull, .exit_signal = SIGCHLD };
	struct sigaction act;
	int status;
	long pid;

	signal(SIGUSR1, on_usr1);
	signal(SIGUSR2, SIG_IGN);
	pid = raw(SYS_clone3, &a, sizeof a, 0, 0);
	if (pid == 0) {
		int bad = sigaction(SIGUSR1, NULL, &act) || act.sa_handler != SIG_DFL;

		bad |= sigaction(SIGUSR2, NULL, &act) || act.sa_handler != SIG_IGN;
		_exit(bad);
	}
	NEED(waitpid((pid_t)pid, &status, 0) == pid);
	CHECK_EQ(status, 0);
}

/* ---- threads ---------------------------------------------------------------------------- */

static volatile int shared;

static int set_things(void *arg)
{
	char name[16] = "another";

	shared = 1;
	raw(SYS_prctl, PR_SET_NAME, name, 0, 0);
	raw(SYS_chdir, "/", 0, 0, 0);
	*(int *)arg = (int)raw(SYS_gettid, 0, 0, 0, 0);
	return raw(SYS_getpid, 0, 0, 0, 0) == getpid() ? 0 : 1;
}

TEST("threads share memory, directory, process; not number and name")
{
	char name[17] = "", cwd[64];
	struct thread t;
	int tid = 0;

	prctl(PR_SET_NAME, "first");
	thread_start(&t, set_things, &tid);
	thread_join(&t);
	CHECK_EQ(shared, 1);
	CHECK_EQ(tid, t.tid);
	CHECK(tid != getpid());
	CHECK(getcwd(cwd, sizeof cwd) && !strcmp(cwd, "/"));
	prctl(PR_GET_NAME, name);
	CHECK(!strcmp(name, "first"));
}

static int leave_with_7(void *unused)
{
	struct timespec t = { 0, 30000000 };

	(void)unused;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return 7;
}

static int sleep_long(void *unused)
{
	struct timespec t = { 100, 0 };

	(void)unused;
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	return 9;
}

static int leave_all(void *unused)
{
	(void)unused;
	raw(SYS_exit_group, 5, 0, 0, 0);
	return 0;
}

static void first_leaves_first(void *unused)
{
	struct thread t;

	(void)unused;
	thread_start(&t, leave_with_7, NULL);
	raw(SYS_exit, 3, 0, 0, 0);
}

static void other_ends_all(void *unused)
{
	struct thread sleeper, t;

	(void)unused;
	thread_start(&sleeper, sleep_long, NULL);
	pause_ms(20);
	thread_start(&t, leave_all, NULL);
	for (;;)
		pause();
}

TEST("the end of threads: the last one's code, or exit_group's")
{
	CHECK_EQ(WEXITSTATUS(in_child(first_leaves_first, NULL)), 7);
	CHECK_EQ(WEXITSTATUS(in_child(other_ends_all, NULL)), 5);
}

ROLE(which)
{
	(void)argc, (void)envp;
	return getpid() == (pid_t)syscall(SYS_gettid) && getpid() == atoi(argv[1]) ? 42 : 1;
}

static int exec_self(void *unused)
{
	static char number[16], *argv[] = { "utest", "role-which", number, NULL };

	(void)unused;
	sprintf(number, "%d", (int)getpid());
	raw(SYS_execve, self_path, argv, environ, 0);
	return 1;
}

static void exec_from_thread(void *first_ends)
{
	struct thread sleeper, t;

	thread_start(&sleeper, sleep_long, NULL);
	thread_start(&t, exec_self, NULL);
	if (first_ends)
		raw(SYS_exit, 1, 0, 0, 0);
	for (;;)
		pause();
}

TEST("execve of any thread: one is left, with the number of the process")
{
	CHECK_EQ(WEXITSTATUS(in_child(exec_from_thread, NULL)), 42);
	CHECK_EQ(WEXITSTATUS(in_child(exec_from_thread, "yes")), 42);
}

static int vfork_like(void *word)
{
	pause_ms(30);
	*(int *)word = 1;
	return 0;
}

TEST("CLONE_VFORK waits for a thread as well")
{
	struct thread t = { .run = vfork_like, .arg = (void *)&shared, .stack = fresh(STACK) };

	shared = 0;
	t.tid = clone(thread_main, t.stack + STACK, THREAD | CLONE_VFORK, &t);
	CHECK(t.tid > 0);
	CHECK_EQ(shared, 1);
}

static int burn(void *unused)
{
	struct timespec t;

	(void)unused;
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_sec == 0 && t.tv_nsec < 60000000);
	return 0;
}

TEST("RUSAGE_THREAD and the clocks are of one thread")
{
	struct rusage mine, all;
	struct timespec t;
	struct thread th;

	thread_start(&th, burn, NULL);
	thread_join(&th);
	getrusage(RUSAGE_THREAD, &mine);
	getrusage(RUSAGE_SELF, &all);
	CHECK(all.ru_utime.tv_usec + all.ru_stime.tv_usec >= 50000);
	CHECK(mine.ru_utime.tv_sec == 0 && mine.ru_utime.tv_usec < 50000);
	CHECK(!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) && t.tv_nsec >= 60000000);
	CHECK(!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) && t.tv_nsec < 60000000);
}

/* ---- processes as descriptors ----------------------------------------------------------- */

static int pidfd_open_(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

TEST("pidfds: poll, wait, signal")
{
	struct pollfd p = { .events = POLLIN };
	siginfo_t info = { 0 };
	pid_t child = fork();

	if (child == 0)
		for (;;)
			pause();
	NEED(child > 0);
	p.fd = pidfd_open_(child, 0);
	NEED(p.fd >= 0);
	CHECK_EQ(fcntl(p.fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(waitid((idtype_t)3, p.fd, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, p.fd, 65, NULL, 0), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, p.fd, SIGTERM, NULL, 256), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, 0, SIGTERM, NULL, 0), EBADF);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, p.fd, 0, NULL, 0), 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, p.fd, SIGTERM, NULL, 0), 0);
	CHECK_EQ(poll(&p, 1, 10000), 1);
	CHECK_EQ(p.revents, POLLIN);
	CHECK_EQ(waitid((idtype_t)3, p.fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, child);
	CHECK_EQ(info.si_status, SIGTERM);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, p.fd, SIGTERM, NULL, 0), ESRCH);
	CHECK_ERR(waitid((idtype_t)3, p.fd, &info, WEXITED), ECHILD);
}

TEST("pidfd_send_signal: the directory of a process stands for it, that of a task does not")
{
	int fd = open("/proc/self", O_DIRECTORY), task, status;
	char name[32];
	pid_t child;

	if (fd < 0)
		skip("no /proc");
	CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0);
	task = open("/proc/thread-self", O_DIRECTORY);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, open("/proc", O_DIRECTORY), 0, NULL, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, task, 0, NULL, 0), EBADF);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	snprintf(name, sizeof name, "/proc/%d", (int)child);
	fd = open(name, O_DIRECTORY);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0), 0);
	CHECK(waitpid(child, &status, 0) == child && status == SIGTERM);
	CHECK_ERR(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0), ESRCH);
}

TEST("pidfds: what cannot be opened, and one that does not block")
{
	siginfo_t info;
	pid_t child;
	int fd;

	CHECK_ERR(pidfd_open_(0, 0), EINVAL);
	CHECK_ERR(pidfd_open_(-1, 0), EINVAL);
	CHECK_ERR(pidfd_open_(getpid(), 1), EINVAL);
	CHECK_ERR(pidfd_open_(0x3ffffff, 0), ESRCH);
	CHECK_ERR(waitid((idtype_t)3, 0, &info, WEXITED), EBADF);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	fd = pidfd_open_(child, O_NONBLOCK);
	NEED(fd >= 0);
	CHECK_ERR(waitid((idtype_t)3, fd, &info, WEXITED), EAGAIN);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK_ERR(waitid((idtype_t)3, fd, &info, WEXITED), ECHILD);
}

TEST("pidfds: from clone; and another's file")
{
	int fd = -1, pipefd[2], theirs, copy;
	char c = 0;
	pid_t child;

	child = (pid_t)raw(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0);
	if (child == 0)
		for (;;)
			pause();
	NEED(child > 0);
	CHECK(fd >= 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0), 0);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	CHECK_EQ(raw(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, 8, 0), -EFAULT);

	NEED(pipe(pipefd) == 0);
	child = fork();
	if (child == 0) {
		dup2(pipefd[1], 100);
		write(100, "a", 1);
		for (;;)
			pause();
	}
	close(pipefd[1]);
	CHECK_EQ(read(pipefd[0], &c, 1), 1);
	theirs = pidfd_open_(child, 0);
	copy = (int)syscall(SYS_pidfd_getfd, theirs, 100, 0);
	CHECK(copy >= 0);
	CHECK_EQ(write(copy, "b", 1), 1);
	CHECK_EQ(read(pipefd[0], &c, 1), 1);
	CHECK_EQ(c, 'b');
	CHECK_ERR(syscall(SYS_pidfd_getfd, theirs, 101, 0), EBADF);
	CHECK_ERR(syscall(SYS_pidfd_getfd, theirs, 100, 1), EINVAL);
	CHECK_ERR(syscall(SYS_pidfd_getfd, 0, 100, 0), EBADF);
	kill(child, SIGKILL);
}

/* ---- scheduling ------------------------------------------------------------------------- */

TEST("nice and policy are of one task")
{
	struct sched_param param = { 0 };
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
		uint32_t more[4];
	} a = { 0 };
	struct thread t;

	thread_start(&t, sleep_long, NULL);
	CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)t.tid, 5), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)t.tid), 5);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
	CHECK_EQ(sched_setscheduler(t.tid, SCHED_BATCH, &param), 0);
	CHECK_EQ(sched_getscheduler(t.tid), SCHED_BATCH);
	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_EQ(syscall(SYS_sched_getattr, t.tid, &a, 48, 0), 0);
	CHECK_EQ(a.policy, SCHED_BATCH);
	CHECK_EQ(a.nice, 5);
	CHECK_EQ(a.size, 48);
	a.nice = 7;
	CHECK_EQ(syscall(SYS_sched_setattr, t.tid, &a, 0), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)t.tid), 7);
	a.size = 47;
	CHECK_ERR(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
	CHECK_ERR(syscall(SYS_sched_getattr, 0, &a, 47, 0), EINVAL);
	param.sched_priority = 1;
	CHECK_ERR(sched_setscheduler(0, SCHED_OTHER, &param), EINVAL);
	CHECK_ERR(sched_setscheduler(0, 99, &param), EINVAL);
	param.sched_priority = 0;
	CHECK_ERR(sched_setscheduler(0, SCHED_FIFO, &param), EINVAL);
	CHECK_EQ(sched_get_priority_max(SCHED_RR), 99);
	CHECK_EQ(sched_get_priority_min(SCHED_OTHER), 0);
	CHECK_ERR(sched_get_priority_max(42), EINVAL);
}

static volatile unsigned work[2];

/* Counts for 600 ms of real time. */
static void count(int which, int nice_)
{
	struct timespec now;
	time_t end;

	nice(nice_);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + 600;
	do {
		for (int i = 0; i < 1000; i++)
			work[which]++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end);
	_exit(work[which] >> 24 < 127 ? (int)(work[which] >> 24) : 127);
}

TEST("who is nice gets less")
{
	cpu_set_t one;
	pid_t child[2];
	int status[2];

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	NEED(sched_setaffinity(0, sizeof one, &one) == 0);
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0)
			count(i, i ? 19 : 0);
	}
	for (int i = 0; i < 2; i++)
		CHECK_EQ(waitpid(child[i], &status[i], 0), child[i]);
	CHECK(WEXITSTATUS(status[0]) >= WEXITSTATUS(status[1]));
}
