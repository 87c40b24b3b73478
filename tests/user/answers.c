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
#include <sys/prctl.h>
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
} thread_of;

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
	thread_of.tid = (int)syscall(SYS_gettid);
	for (int i = 0; i < 1000 && (thread_of.state[0] = state_of(getpid(), 0)) != 'S'; i++)
		usleep(1000);
	thread_of.state[1] = state_of(getpid(), thread_of.tid);
	return 0;
}

TEST("a process shows the state of its first thread")
{
	struct thread t;

	thread_start(&t, look_at_leader, NULL);
	thread_join(&t);
	CHECK_EQ(thread_of.state[0], 'S');
	CHECK_EQ(thread_of.state[1], 'R');
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
	thread_of.tid = (int)syscall(SYS_gettid);
	while (!thread_of.done)
		usleep(1000);
	return 0;
}

TEST("any thread's number names its process")
{
	siginfo_t info = { .si_code = SI_QUEUE };
	struct thread t;

	signal(SIGUSR1, count);
	thread_start(&t, wait_for_end, NULL);
	while (!thread_of.tid)
		usleep(1000);
	CHECK_EQ(kill(thread_of.tid, 0), 0);
	CHECK_EQ(kill(thread_of.tid, SIGUSR1), 0);
	CHECK_EQ(syscall(SYS_rt_sigqueueinfo, thread_of.tid, SIGUSR1, &info), 0);
	thread_of.done = 1;
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

/* A file without a name gets one, by one's own /proc, though the ids are of two users. */
static void with_another_id(void)
{
	char name[32], text[PATH_MAX];
	struct stat st;
	int fd;

	NEED(setegid(65534) == 0 && seteuid(65534) == 0);
	fd = open("anybody", O_TMPFILE | O_RDWR, 0600);
	NEED(fd >= 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	CHECK(readlink(name, text, sizeof(text)) > 0);
	CHECK_EQ(linkat(AT_FDCWD, name, AT_FDCWD, "anybody/x", AT_SYMLINK_FOLLOW), 0);
	fd = open("group/x", O_RDWR | O_CREAT | O_EXCL, 02770);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_gid == 7 && !(st.st_mode & S_ISGID));
	CHECK(mkdir("group/d", 0755) == 0 && stat("group/d", &st) == 0 && st.st_mode & S_ISGID);
	NEED(seteuid(0) == 0 && setegid(0) == 0);
	fd = open("group/y", O_RDWR | O_CREAT | O_EXCL, 02770);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_mode & S_ISGID);
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
	NEED(mkdir("anybody", 0777) == 0 && mkdir("group", 0777) == 0);
	NEED(chown("group", 0, 7) == 0 && chmod("group", 02777) == 0);
	fd = open("for-root", O_RDWR | O_CREAT, 0600);
	NEED(fd >= 0);
	umask(old);
	with_another_id();
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
	int file = open("file", O_RDWR | O_CREAT, 0600), other, p[2];
	off_t big;
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
	big = INT64_MAX;
	CHECK(ftruncate(file, 9) == 0);
	other = open("other", O_RDWR | O_CREAT, 0600);
	CHECK_ERR(copy_file_range(file, NULL, other, &big, 9, 0), EFBIG);
	CHECK_ERR(copy_file_range(file, NULL, other, &big, SIZE_MAX - 5, 0),
		  sizeof(long) == 8 ? EOVERFLOW : EFBIG);
	CHECK_ERR(fcntl(p[0], F_SETPIPE_SZ, (1u << 31) + 1), EINVAL);
}

TEST("what is in /proc has numbers that fit into a long")
{
	struct statx x;

	CHECK_EQ(statx(AT_FDCWD, "/proc/self/fd", 0, STATX_INO, &x), 0);
	CHECK(x.stx_ino && x.stx_ino <= ULONG_MAX);
	CHECK_EQ(statx(AT_FDCWD, "/proc/self/fd/0", AT_SYMLINK_NOFOLLOW, STATX_INO, &x), 0);
	CHECK(x.stx_ino && x.stx_ino <= ULONG_MAX);
}

TEST("statx tells where something is mounted")
{
	struct statx x;

	CHECK_EQ(statx(AT_FDCWD, "/proc", 0, STATX_BASIC_STATS, &x), 0);
	CHECK(x.stx_attributes_mask & 0x2000 && x.stx_attributes & 0x2000);
	CHECK_EQ(statx(AT_FDCWD, "/proc/self", 0, STATX_BASIC_STATS, &x), 0);
	CHECK(x.stx_attributes_mask & 0x2000 && !(x.stx_attributes & 0x2000));
}

TEST("timer slack: a thread's own, its children's to begin with")
{
	pid_t child;
	int status;

	CHECK_EQ(prctl(PR_GET_TIMERSLACK), 50000);
	CHECK(prctl(PR_SET_TIMERSLACK, 70000ul) == 0 && prctl(PR_GET_TIMERSLACK) == 70000);
	child = fork();
	if (child == 0) {
		CHECK_EQ(prctl(PR_GET_TIMERSLACK), 70000);
		CHECK(prctl(PR_SET_TIMERSLACK, 1ul) == 0 && prctl(PR_GET_TIMERSLACK) == 1);
		CHECK(prctl(PR_SET_TIMERSLACK, 0ul) == 0 && prctl(PR_GET_TIMERSLACK) == 70000);
		exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	CHECK(prctl(PR_SET_TIMERSLACK, 0ul) == 0 && prctl(PR_GET_TIMERSLACK) == 50000);
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
