/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_lock.c - mlock and its kin, and the limits on memory: MEMLOCK, AS, DATA, STACK.
 */
#include "user.h"
#include <sys/resource.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#define ONFAULT 4 /* MCL_ONFAULT */

static long locked_kib(void)
{
	return proc_kib("/proc/self/status", "VmLck");
}

static int resident(void *p)
{
	unsigned char there = 0;

	return mincore(p, PAGE, &there) == 0 && there & 1;
}

static int lock2(void *p, size_t n, int flags)
{
	return (int)syscall(SYS_mlock2, p, n, flags);
}

TEST("mlock fetches pages and counts them; munlock and munmap take them off")
{
	char *p = fresh(16 * PAGE);
	long before = locked_kib();

	CHECK(!resident(p) && mlock(p + 1, 2 * PAGE) == 0);
	CHECK_EQ(locked_kib() - before, 12); /* a length of two, but three pages are touched */
	CHECK(resident(p) && resident(p + 2 * PAGE) && !resident(p + 3 * PAGE));
	CHECK(mlock(p, 4 * PAGE) == 0 && locked_kib() - before == 16);
	CHECK(munlock(p + PAGE, PAGE) == 0 && locked_kib() - before == 12);
	CHECK(munmap(p + 2 * PAGE, PAGE) == 0 && locked_kib() - before == 8);
	CHECK(munlock(p, PAGE) == 0 && munlock(p, PAGE) == 0);
	CHECK(munlock(p + 3 * PAGE, PAGE) == 0 && locked_kib() == before);
	CHECK(mlock(p, 0) == 0);
}

TEST("mlock2(ONFAULT) fetches nothing, MAP_LOCKED does")
{
	char *p = fresh(4 * PAGE), *q;
	long before = locked_kib();

	CHECK(lock2(p, 4 * PAGE, MLOCK_ONFAULT) == 0 && locked_kib() - before == 16);
	CHECK(!resident(p));
	p[PAGE] = 1;
	CHECK(resident(p + PAGE) && !resident(p));
	CHECK(lock2(p, PAGE, 0) == 0 && resident(p) && !resident(p + 2 * PAGE));
	CHECK_ERR(lock2(p, PAGE, 2), EINVAL);
	q = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
		 -1, 0);
	NEED(q != MAP_FAILED);
	CHECK(resident(q) && resident(q + PAGE) && locked_kib() - before == 24);
	q = mremap(q, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	NEED(q != MAP_FAILED);
	CHECK(resident(q + 3 * PAGE) && locked_kib() - before == 32);
}

TEST("mlockall: what there is, what will be, at once or when it is touched")
{
	char *p = fresh(4 * PAGE), *q;

	CHECK_ERR(mlockall(0), EINVAL);
	CHECK_ERR(mlockall(8), EINVAL);
	CHECK_ERR(mlockall(ONFAULT), EINVAL);
	CHECK(mlockall(MCL_CURRENT) == 0 && resident(p));
	q = fresh(PAGE);
	CHECK(!resident(q));
	CHECK(munlockall() == 0 && locked_kib() == 0);
	CHECK(mlockall(MCL_FUTURE) == 0);
	q = fresh(PAGE);
	CHECK(resident(q) && locked_kib() == 4);
	CHECK(mlockall(MCL_FUTURE | ONFAULT) == 0);
	q = fresh(PAGE);
	CHECK(!resident(q));
	CHECK(munlockall() == 0);
	q = fresh(PAGE);
	CHECK(!resident(q) && locked_kib() == 0);
}

static void not_inherited(void *p)
{
	CHECK_EQ(locked_kib(), 0);
	CHECK(*(char *)p == 5);
}

TEST("locks are not inherited, and bad ranges are refused")
{
	char *p = fresh(4 * PAGE), *none;

	*p = 5;
	CHECK(mlock(p, 4 * PAGE) == 0);
	CHECK_EQ(in_child(not_inherited, p), 0);
	munmap(p + 2 * PAGE, PAGE);
	CHECK_ERR(mlock(p, 4 * PAGE), ENOMEM);
	CHECK_ERR(munlock(p, 4 * PAGE), ENOMEM);
	if (!under_64_bits()) {
		CHECK_ERR(mlock((void *)-1, 10), EINVAL);
		CHECK_ERR(munlock((void *)-1, 10), EINVAL);
		CHECK(mlock(p, (size_t)-1) == 0); /* which wraps to nothing */
	}
	none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_ERR(mlock(none, PAGE), ENOMEM); /* but locked it is */
	CHECK_EQ(locked_kib(), 8);            /* with the page behind the hole */
}

TEST("advice that drops pages is refused where they are locked")
{
	char *p = fresh(2 * PAGE);

	*p = 1;
	CHECK(mlock(p, PAGE) == 0);
	CHECK_ERR(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERR(madvise(p, PAGE, MADV_FREE), EINVAL);
	CHECK_ERR(madvise(p, PAGE, MADV_COLD), EINVAL);
	CHECK_ERR(madvise(p, PAGE, MADV_PAGEOUT), EINVAL);
	CHECK_ERR(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	CHECK(*p == 1);
	CHECK(madvise(p, PAGE, 24) == 0 && *p == 0); /* DONTNEED_LOCKED */
}

static void as_nobody(void (*f)(void))
{
	if (getuid() == 0 && (setgid(65534) || setuid(65534)))
		skip("cannot become nobody");
	f();
}

static void limit(int id, rlim_t cur)
{
	struct rlimit l;

	NEED(getrlimit(id, &l) == 0);
	l.rlim_cur = cur;
	NEED(setrlimit(id, &l) == 0);
}

static void lock_little(void)
{
	char *p = fresh(8 * PAGE);

	limit(RLIMIT_MEMLOCK, 4 * PAGE);
	CHECK(mlock(p, 3 * PAGE) == 0);
	CHECK_ERR(mlock(p + 3 * PAGE, 2 * PAGE), ENOMEM);
	CHECK(mlock(p, 4 * PAGE) == 0); /* three of them count only once */
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
		  EAGAIN);
	CHECK_ERR(mremap(p, 4 * PAGE, 9 * PAGE, MREMAP_MAYMOVE), EAGAIN);
	CHECK_ERR(mlockall(MCL_CURRENT), ENOMEM);
	CHECK(munlock(p, PAGE) == 0 && mlock(p + 7 * PAGE, PAGE) == 0);
	limit(RLIMIT_MEMLOCK, 0);
	CHECK_ERR(mlock(p, PAGE), EPERM);
	CHECK_ERR(mlockall(MCL_FUTURE), EPERM);
	CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0),
		  EPERM);
}

TEST("RLIMIT_MEMLOCK binds those without the right to lock")
{
	as_nobody(lock_little);
}

TEST("RLIMIT_AS and RLIMIT_DATA")
{
	char *p = fresh(4 * PAGE), *q, *at = sbrk(0);
	long size = proc_kib("/proc/self/status", "VmSize"), data;

	limit(RLIMIT_AS, (rlim_t)size * 1024 + 8 * PAGE);
	CHECK_ERR(mmap(NULL, 9 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK_ERR(mremap(p, 4 * PAGE, 13 * PAGE, MREMAP_MAYMOVE), ENOMEM);
	q = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(q != MAP_FAILED);
	CHECK(mmap(q, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == q);
	CHECK(brk(at + 4 * PAGE) == -1);
	limit(RLIMIT_AS, RLIM_INFINITY);

	data = proc_kib("/proc/self/status", "VmData");
	limit(RLIMIT_DATA, (rlim_t)data * 1024 + 4 * PAGE);
	CHECK_ERR(mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		  ENOMEM);
	CHECK(mmap(NULL, 6 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	CHECK_ERR(mprotect(q, 8 * PAGE, PROT_READ | PROT_WRITE), ENOMEM);
	CHECK(mprotect(q, 2 * PAGE, PROT_READ | PROT_WRITE) == 0);
}

TEST("limits that vfork's child sets are not its parent's")
{
	struct rlimit few = { MiB, RLIM_INFINITY };
	pid_t child = vfork();
	int status;

	if (child == 0) {
		setrlimit(RLIMIT_AS, &few);
		_exit(0);
	}
	NEED(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CHECK(mmap(NULL, MiB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static __attribute__((noinline)) int deep(void)
{
	volatile char big[512 * KiB];

	big[0] = 1; /* below the limit: there is no stack */
	return big[0];
}

static void grow_deep(void *unused)
{
	(void)unused;
	limit(RLIMIT_STACK, 256 * KiB);
	exit(deep());
}

TEST("RLIMIT_STACK ends a program whose stack grows beyond it")
{
	int status = in_child(grow_deep, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST("a request for more than the machine has is refused, a reservation is not")
{
	size_t huge = sizeof(void *) == 8 ? (size_t)1 << 45 : 0;
	void *p;

	if (!huge)
		skip("32 bits: no address could be so large");
	CHECK_ERR(mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		  ENOMEM);
	p = mmap(NULL, huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	CHECK(p != MAP_FAILED);
	p = mmap(NULL, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERR(mprotect(p, huge, PROT_READ | PROT_WRITE), ENOMEM);
}

TEST("vm.max_map_count: no more regions than that, and all of it can be undone")
{
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY), wrong = 0;
	char text[32] = "";
	size_t max, n = 0;
	char *p, *q;

	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		skip("no /proc/sys/vm/max_map_count");
	max = (size_t)atol(text);
	if (max > 100000)
		skip("it is too large to be reached");
	p = mmap(NULL, (max + 10) * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		 -1, 0);
	NEED(p != MAP_FAILED);
	while (n < max && mprotect(p + (2 * n + 1) * PAGE, PAGE, PROT_NONE) == 0)
		n++;
	CHECK(errno == ENOMEM && n < max / 2 && n > max / 2 - 100);
	while (mmap(NULL, PAGE, n++ & 1 ? PROT_READ : PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0) != MAP_FAILED &&
	       wrong < 10)
		wrong++;
	CHECK(wrong < 10 && errno == ENOMEM);
	CHECK_ERR(munmap(p + 4 * PAGE, 0), EINVAL);
	CHECK(munmap(p, (max + 10) * PAGE) == 0);
	q = fresh(4 * PAGE);
	CHECK(mprotect(q + PAGE, PAGE, PROT_NONE) == 0);
}
