/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_dev.c - devices and what the system tells of itself: null, zero, full, random, /proc,
 * uname, sysinfo, clocks, limits.
 */
#include "user.h"
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/random.h>
#include <termios.h>
#include <time.h>

TEST("null, zero and full")
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	int full = open("/dev/full", O_RDWR);
	char b[100];
	char *p;

	NEED(null >= 0 && zero >= 0 && full >= 0);
	memset(b, 1, sizeof b);
	CHECK(read(null, b, 100) == 0 && write(null, b, 100) == 100);
	CHECK(read(zero, b, 100) == 100 && b[0] == 0 && b[99] == 0 && write(zero, b, 9) == 9);
	b[0] = 1;
	CHECK(read(full, b, 100) == 100 && b[0] == 0);
	CHECK_ERR(write(full, b, 1), ENOSPC);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	CHECK(p != MAP_FAILED && p[PAGE] == 0 && fault_write(p, 1) == 0);
}

TEST("random bytes differ, in any number")
{
	static unsigned char a[5000], b[5000];
	int fd = open("/dev/urandom", O_RDONLY), zeroes = 0;

	CHECK_EQ(getrandom(a, sizeof a, 0), sizeof a);
	CHECK_EQ(read(fd, b, sizeof b), sizeof b);
	CHECK(memcmp(a, b, sizeof a));
	for (size_t i = 0; i < sizeof a; i++)
		zeroes += a[i] == 0;
	CHECK(zeroes < 100);
	CHECK_ERR(getrandom(a, 1, 0x1000), EINVAL);
	fd = open("/dev/random", O_RDONLY);
	CHECK_EQ(read(fd, b, 16), 16);
}

TEST("uname says Linux, and a release that C libraries accept")
{
	struct utsname u;

	NEED(uname(&u) == 0);
	CHECK(!strcmp(u.sysname, "Linux"));
	CHECK(atoi(u.release) >= 6);
	CHECK(!strcmp(u.machine, sizeof(void *) == 8 ? "x86_64" : "i686") ||
	      !strcmp(u.machine, "x86_64"));
	CHECK(u.nodename[0] && u.version[0]);
}

TEST("clocks go forward and agree")
{
	struct timespec a, b, res;
	struct timeval tv;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 10000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &b);
		NEED(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
		NEED(b.tv_nsec >= 0 && b.tv_nsec < 1000000000);
		a = b;
	}
	clock_gettime(CLOCK_REALTIME, &a);
	gettimeofday(&tv, NULL);
	CHECK(llabs((long long)(tv.tv_sec - a.tv_sec)) <= 1);
	CHECK(llabs((long long)(time(NULL) - a.tv_sec)) <= 1);
	CHECK(a.tv_sec > 1600000000);
	CHECK(clock_getres(CLOCK_MONOTONIC, &res) == 0 && res.tv_sec == 0 && res.tv_nsec > 0);
	CHECK_ERR(clock_gettime(77, &a), EINVAL);
	CHECK_ERR(nanosleep(&(struct timespec){ 0, 1000000000 }, NULL), EINVAL);
	CHECK_ERR(nanosleep(&(struct timespec){ -1, 0 }, NULL), EINVAL);
}

TEST("a sleep takes at least its time")
{
	struct timespec a, b, nap = { 0, 30 * 1000 * 1000 };

	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK(nanosleep(&nap, NULL) == 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec >= 30 * 1000 * 1000);
	nap.tv_sec = nap.tv_nsec = 0;
	CHECK(nanosleep(&nap, NULL) == 0);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL) == 0); /* long past */
}

TEST("time that a process used is counted")
{
	struct rusage use;
	struct timespec cpu;
	volatile long n = 0;
	struct tms t;

	do {
		for (int i = 0; i < 1000000; i++)
			n++;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	} while (cpu.tv_sec == 0 && cpu.tv_nsec < 100 * 1000 * 1000);
	CHECK(getrusage(RUSAGE_SELF, &use) == 0);
	CHECK(use.ru_utime.tv_sec || use.ru_utime.tv_usec > 50000);
	CHECK(use.ru_minflt > 0 && use.ru_maxrss > 0);
	CHECK(times(&t) != -1 && t.tms_utime >= 5);
	CHECK_ERR(getrusage(99, &use), EINVAL);
}

TEST("sysinfo and /proc/meminfo agree")
{
	struct sysinfo s;

	NEED(sysinfo(&s) == 0);
	CHECK_EQ((unsigned long long)s.totalram * s.mem_unit / 1024,
		 proc_kib("/proc/meminfo", "MemTotal"));
	CHECK((unsigned long long)s.freeram * s.mem_unit <
	      (unsigned long long)s.totalram * s.mem_unit);
	CHECK(s.procs > 0 && s.uptime >= 0);
	CHECK(proc_kib("/proc/meminfo", "MemFree") > 0);
	CHECK(proc_kib("/proc/meminfo", "MemAvailable") > 0);
}

TEST("limits are kept for oneself, and inherited")
{
	struct rlimit l = { 100, 200 }, now;

	CHECK(setrlimit(RLIMIT_NOFILE, &l) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_cur == 100 && now.rlim_max == 200);
	if (fork() == 0)
		_exit(getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur != 100);
	int status;

	wait(&status);
	CHECK_EQ(status, 0);
	l.rlim_cur = 300;
	CHECK_ERR(setrlimit(RLIMIT_NOFILE, &l), EINVAL);
	CHECK_ERR(getrlimit(99, &now), EINVAL);
	CHECK(getrlimit(RLIMIT_STACK, &now) == 0 && now.rlim_cur > 0);
}

TEST("a program's /proc/self shows what it is")
{
	char text[4096], path[PATH_MAX];
	int fd = open("/proc/self/cmdline", O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);
	unsigned long from, to, mine = (unsigned long)&text;
	FILE *f = fopen("/proc/self/maps", "r");
	int found = 0;

	CHECK(n > 0 && strstr(text, "utest"));
	NEED(f);
	while (fgets(path, sizeof path, f))
		found += sscanf(path, "%lx-%lx rw-p", &from, &to) == 2 && from <= mine && mine < to;
	CHECK_EQ(found, 1);
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	CHECK(n > 0);
	fd = open("/dev/null", O_RDONLY);
	snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
	n = readlink(text, path, sizeof path - 1);
	CHECK(n == 9 && !memcmp(path, "/dev/null", 9));
	fd = open("/proc/self/stat", O_RDONLY);
	n = read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	CHECK(atoi(text) == getpid() && strchr(text, ')'));
	CHECK_ERR(open("/proc/99999999/stat", O_RDONLY), ENOENT);
}

TEST("terminal calls on what is no terminal are ENOTTY")
{
	int fd = open("/dev/null", O_RDWR), file = open("f", O_RDWR | O_CREAT, 0600);
	struct termios t;

	CHECK_ERR(tcgetattr(fd, &t), ENOTTY);
	CHECK_ERR(tcgetattr(file, &t), ENOTTY);
	CHECK(!isatty(file));
	CHECK_ERR(tcgetattr(-1, &t), EBADF);
}

TEST("the console is a terminal, and keeps its settings")
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);
	struct termios was, now;

	if (fd < 0 || tcgetattr(fd, &was))
		skip("no console here");
	signal(SIGTTOU, SIG_IGN); /* the case is in the background */
	now = was;
	now.c_lflag ^= ECHO;
	now.c_cc[VERASE] = 'x';
	CHECK(tcsetattr(fd, TCSANOW, &now) == 0);
	CHECK(tcgetattr(fd, &now) == 0 && (now.c_lflag ^ was.c_lflag) == ECHO);
	CHECK_EQ(now.c_cc[VERASE], 'x');
	CHECK(tcsetattr(fd, TCSADRAIN, &was) == 0);
	CHECK(isatty(fd));
}
