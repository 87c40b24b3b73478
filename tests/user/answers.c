/* SPDX-License-Identifier: BSD-2-Clause
 *
 * answers.c - the small print: what rare arguments of many calls are answered.
 */
#include "user.h"
#include "thread.h"
#include <poll.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/klog.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

TEST("clocks by which nobody can sleep")
{
	static const int none[] = { CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
				    CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };
	long t[2] = { 0, 1 };

	for (int i = 0; i < 4; i++)
		CHECK_ERR(syscall(SYS_clock_nanosleep, none[i], 0, t, NULL), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_clock_nanosleep, 99, 0, t, NULL), EINVAL);
	CHECK_EQ(syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, t, NULL), 0);
}

TEST("with STICKY_TIMEOUTS select and poll leave their timeout alone")
{
	struct timeval tv = { 0, 2000 };
	struct timespec ts = { 0, 2000000 };
	int fds[2];

	NEED(pipe(fds) == 0 && personality(STICKY_TIMEOUTS) == 0);
	CHECK(select(0, NULL, NULL, NULL, &tv) == 0 && tv.tv_usec == 2000);
	CHECK(ppoll(NULL, 0, &ts, NULL) == 0 && ts.tv_nsec == 2000000);
	personality(0);
	CHECK(select(0, NULL, NULL, NULL, &tv) == 0 && tv.tv_usec == 0);
}

static struct {
	volatile int tid, done;
	char state[2];
} other;

/* /proc/PID/stat's third word. */
static char state_of(int pid, int tid)
{
	char name[64], text[200] = "", *at;
	int fd;

	snprintf(name, sizeof(name), tid ? "/proc/%d/task/%d/stat" : "/proc/%d/stat", pid, tid);
	fd = open(name, O_RDONLY);
	NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	at = strrchr(text, ')');
	return at ? at[2] : 0;
}

static int look_at_leader(void *arg)
{
	(void)arg;
	other.tid = (int)syscall(SYS_gettid);
	for (int i = 0; i < 1000 && (other.state[0] = state_of(getpid(), 0)) != 'S'; i++)
		usleep(1000);
	other.state[1] = state_of(getpid(), other.tid);
	return 0;
}

TEST("a process shows the state of its first thread")
{
	struct thread t;

	thread_start(&t, look_at_leader, NULL);
	thread_join(&t);
	CHECK_EQ(other.state[0], 'S');
	CHECK_EQ(other.state[1], 'R');
}

static volatile sig_atomic_t got;

static void count(int sig)
{
	(void)sig;
	got++;
}

static int wait_for_end(void *arg)
{
	(void)arg;
	other.tid = (int)syscall(SYS_gettid);
	while (!other.done)
		usleep(1000);
	return 0;
}

TEST("any thread's number names its process")
{
	siginfo_t info = { .si_code = SI_QUEUE };
	struct thread t;

	signal(SIGUSR1, count);
	thread_start(&t, wait_for_end, NULL);
	while (!other.tid)
		usleep(1000);
	CHECK_EQ(kill(other.tid, 0), 0);
	CHECK_EQ(kill(other.tid, SIGUSR1), 0);
	CHECK_EQ(syscall(SYS_rt_sigqueueinfo, other.tid, SIGUSR1, &info), 0);
	other.done = 1;
	thread_join(&t);
	CHECK(got >= 1);
}

TEST("the time that one may run: a warning each second, then the end")
{
	struct rlimit l = { 1, 2 }, *now = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *warned = (int *)(now + 1), status;
	pid_t child;

	NEED(now != MAP_FAILED);
	child = fork();
	if (child == 0) {
		signal(SIGXCPU, count);
		setrlimit(RLIMIT_CPU, &l);
		while (*warned < 100) {
			*warned = got;
			if (got)
				getrlimit(RLIMIT_CPU, now);
		}
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGKILL);
	CHECK(*warned >= 1 && *warned <= 2);
	CHECK(now->rlim_cur > 1 && now->rlim_max == 2);
}

static void as_nobody(void)
{
	cpu_set_t cpus;
	int owned = open("for-root", O_RDWR);

	CHECK(owned < 0 && errno == EACCES);
	CHECK_EQ(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	CHECK_ERR(sched_setaffinity(getppid(), sizeof(cpus), &cpus), EPERM);
	CHECK_EQ(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	CHECK_ERR(chroot("closed"), EACCES);
	CHECK_ERR(chroot("absent"), ENOENT);
	CHECK_ERR(chroot("."), EPERM);
}

TEST("what root may is not everybody's: processors, root directories, files by setfsuid")
{
	int fd, old = umask(0);
	pid_t child;
	int status;

	if (getuid() != 0)
		skip("not root");
	NEED(chmod(".", 0755) == 0 && mkdir("closed", 0700) == 0);
	fd = open("for-root", O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	umask(old);
	child = fork();
	if (child == 0) {
		setfsuid(1);
		CHECK_ERR(open("for-root", O_RDWR), EACCES);
		setfsuid(0);
		CHECK(open("for-root", O_RDWR) >= 0);
		NEED(setgid(1) == 0 && setuid(1) == 0);
		as_nobody();
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

TEST("locks are told lowest first, though they came later")
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 10, .l_len = 5 };
	int fd = open("file", O_RDWR | O_CREAT, 0600), status;
	pid_t child;

	CHECK_EQ(fcntl(fd, F_SETLK, &l), 0);
	l.l_start = 1;
	l.l_type = F_RDLCK;
	CHECK_EQ(fcntl(fd, F_SETLK, &l), 0);
	child = fork();
	if (child == 0) {
		l = (struct flock){ .l_type = F_WRLCK };
		CHECK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_RDLCK && l.l_start == 1 &&
		      l.l_len == 5 && l.l_pid == getppid());
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
}

TEST("names that are empty, sizes and offsets that cannot be")
{
	int file = open("file", O_RDWR | O_CREAT, 0600), p[2];
	char text[8];

	NEED(pipe(p) == 0);
	CHECK_ERR(readlink("", text, sizeof(text)), ENOENT);
	CHECK_ERR(readlinkat(file, "", text, sizeof(text)), ENOENT);
	CHECK_ERR(readlink("file", text, sizeof(text)), EINVAL);
	CHECK_ERR(syscall(SYS_execveat, -1, "", NULL, NULL, AT_EMPTY_PATH), EBADF);
	CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, "", NULL, NULL, AT_EMPTY_PATH), EACCES);
	CHECK_ERR(sync_file_range(p[0], 0, 1, 4), ESPIPE);
	CHECK_ERR(sync_file_range(file, -1, 1, 1), EINVAL);
	CHECK_ERR(sync_file_range(file, 0, -1, 2), EINVAL);
	CHECK_ERR(sync_file_range(file, 0, 1, 8), EINVAL);
	CHECK_ERR(sync_file_range(-1, 0, 1, 8), EBADF);
	CHECK_EQ(sync_file_range(file, 0, 0, 7), 0);
	CHECK_ERR(fcntl(p[0], F_SETPIPE_SZ, (1u << 31) + 1), EINVAL);
}

TEST("capget, syslog, and a cpuid that always works")
{
	struct {
		unsigned version;
		int pid;
	} head = { 0x20080522, -1 };
	unsigned data[6];

	CHECK_ERR(syscall(SYS_capget, &head, data), EINVAL);
	if (getuid() == 0) {
		CHECK_ERR(klogctl(8, NULL, 0), EINVAL);
		CHECK_ERR(klogctl(8, NULL, 9), EINVAL);
	}
#ifdef __x86_64__
	CHECK_EQ(syscall(SYS_arch_prctl, 0x1011, 0), 1);
#endif
}
