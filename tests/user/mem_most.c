/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_most.c - the most that was mapped and resident: VmPeak, VmHWM, ru_maxrss.
 */
#include "user.h"
#include <sys/resource.h>

/* Linux counts each CPU's pages for a while before it adds them up. */
#define ABOUT 2048
#define SIZE  (16 * MiB)
#define KIB   (SIZE / KiB)

static long of(const char *key)
{
	return proc_kib("/proc/self/status", key);
}

static void forget(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY);

	NEED(fd >= 0 && write(fd, "5", 1) == 1);
	close(fd);
}

static char *touched(void)
{
	char *p = fresh(SIZE);

	memset(p, 1, SIZE);
	return p;
}

static void check_most(long before, long now)
{
	CHECK(now < before + ABOUT);
	CHECK(of("VmHWM") > before + (long)KIB - ABOUT);
	forget();
	CHECK(of("VmHWM") < before + ABOUT);
}

TEST("VmPeak: the most that was mapped, also when it was given back")
{
	long size = of("VmSize"), peak = of("VmPeak");
	char *p;

	CHECK(peak >= size);
	p = fresh(SIZE + (peak - size) * KiB);
	CHECK(of("VmPeak") >= peak + (long)KIB);
	NEED(munmap(p, SIZE + (peak - size) * KiB) == 0);
	CHECK(of("VmSize") <= size + 256);
	CHECK(of("VmPeak") >= peak + (long)KIB && of("VmPeak") < peak + (long)KIB + 512);
}

TEST("VmHWM: the most that was resident: munmap, madvise, mmap over it, mremap")
{
	long before = of("VmRSS");
	char *p = touched();

	CHECK(of("VmHWM") > before + (long)KIB - ABOUT);
	NEED(munmap(p, SIZE) == 0);
	check_most(before, of("VmRSS"));
	p = touched();
	NEED(madvise(p, SIZE, MADV_DONTNEED) == 0);
	check_most(before, of("VmRSS"));
	memset(p, 1, SIZE);
	NEED(mmap(p, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	check_most(before, of("VmRSS"));
	p = touched();
	NEED(mremap(p, SIZE, PAGE, 0) == p);
	check_most(before, of("VmRSS"));
}

TEST("VmHWM: a file's pages that go when it is truncated")
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	long before = of("VmRSS");
	char *p;

	NEED(fd >= 0 && ftruncate(fd, SIZE) == 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	NEED(p != MAP_FAILED);
	memset(p, 1, SIZE);
	NEED(ftruncate(fd, 0) == 0);
	check_most(before, of("VmRSS"));
}

ROLE(small)
{
	return argc && argv && envp && of("VmHWM") < (long)KIB ? 0 : 1;
}

static struct rusage used_by(void (*f)(void))
{
	struct rusage u;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		f();
		_exit(0);
	}
	NEED(wait4(pid, &status, 0, &u) == pid);
	CHECK_EQ(status, 0);
	return u;
}

static void touch_and_free(void)
{
	munmap(touched(), SIZE);
}

static void touch_and_exec(void)
{
	touched();
	execl(self_path, "utest", "role-small", NULL);
	_exit(2);
}

static void nothing(void)
{
}

TEST("ru_maxrss: what was given back, and what was before exec")
{
	long idle = used_by(nothing).ru_maxrss;
	struct rusage u;

	CHECK(idle < (long)KIB);
	CHECK(used_by(touch_and_free).ru_maxrss > (long)KIB - ABOUT);
	CHECK(used_by(touch_and_exec).ru_maxrss > (long)KIB - ABOUT);
	touch_and_free();
	CHECK(getrusage(RUSAGE_SELF, &u) == 0 && u.ru_maxrss > (long)KIB - ABOUT);
	forget(); /* the process's own, not the program's */
	CHECK(of("VmHWM") < (long)KIB);
}

static char *shared;

static void give_back(void)
{
	long most = of("VmHWM");

	CHECK(most > (long)KIB - ABOUT); /* it begins with what it has of its parent */
	NEED(munmap(shared, SIZE) == 0);
	CHECK(of("VmHWM") >= most && of("VmRSS") < most - (long)KIB + ABOUT);
}

TEST("VmHWM: a child that gives back what it shares with its parent")
{
	shared = touched();
	(void)used_by(give_back);
}
