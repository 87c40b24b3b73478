/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uffd.c - userfaultfd: the handshake, missing pages, watched writes, and those who wait.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include "user.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static int open_uffd(int flags)
{
	int fd = (int)syscall(SYS_userfaultfd, flags);

	if (fd < 0 && (errno == EPERM || errno == ENOSYS))
		skip("no userfaultfd here");
	return fd;
}

static int ready_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = open_uffd(O_CLOEXEC | O_NONBLOCK);

	NEED(fd >= 0);
	if (ioctl(fd, UFFDIO_API, &api))
		skip("not with these features");
	return fd;
}

static int reg(int fd, void *p, size_t n, uint64_t mode)
{
	struct uffdio_register r = { .range = { (uintptr_t)p, n }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &r);
}

static long copy(int fd, void *to, const void *from, size_t n, uint64_t mode)
{
	struct uffdio_copy c = { (uintptr_t)to, (uintptr_t)from, n, mode, 0 };
	int err = ioctl(fd, UFFDIO_COPY, &c);

	return err ? -1 : (long)c.copy;
}

/* The next message, within two seconds. */
static struct uffd_msg next(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	struct uffd_msg m = { 0 };

	NEED(poll(&p, 1, 2000) == 1);
	NEED(read(fd, &m, sizeof(m)) == sizeof(m));
	return m;
}

TEST("userfaultfd: the handshake comes first, and only once")
{
	struct uffdio_api api = { .api = 1 };
	int fd = open_uffd(O_NONBLOCK);
	char buf[32];

	NEED(fd >= 0);
	CHECK_ERR(read(fd, buf, sizeof(buf)), EINVAL);
	CHECK_ERR(reg(fd, fresh(PAGE), PAGE, UFFDIO_REGISTER_MODE_MISSING), EINVAL);
	CHECK_ERR(ioctl(fd, UFFDIO_API, &api), EINVAL);
	CHECK_EQ(api.api, 0);
	api = (struct uffdio_api){ .api = UFFD_API, .features = 1ull << 60 };
	CHECK_ERR(ioctl(fd, UFFDIO_API, &api), EINVAL);
	api = (struct uffdio_api){ .api = UFFD_API };
	CHECK_EQ(ioctl(fd, UFFDIO_API, &api), 0);
	CHECK(api.features & UFFD_FEATURE_MISSING_SHMEM);
	CHECK(api.ioctls & 1ull << _UFFDIO_REGISTER);
	CHECK_ERR(read(fd, buf, sizeof(buf)), EAGAIN);
	CHECK_ERR(read(fd, buf, 8), EINVAL);
	CHECK_ERR(syscall(SYS_userfaultfd, 0x10000), EINVAL);
}

TEST("userfaultfd: what cannot be registered is refused")
{
	int fd = ready_uffd(0), file = open("f", O_RDWR | O_CREAT, 0600);
	char *p = fresh(4 * PAGE), *f;

	CHECK_ERR(reg(fd, p + 1, PAGE, UFFDIO_REGISTER_MODE_MISSING), EINVAL);
	CHECK_ERR(reg(fd, p, 100, UFFDIO_REGISTER_MODE_MISSING), EINVAL);
	CHECK_ERR(reg(fd, p, 0, UFFDIO_REGISTER_MODE_MISSING), EINVAL);
	CHECK_ERR(reg(fd, p, PAGE, 0), EINVAL);
	CHECK_ERR(reg(fd, p, PAGE, 1 << 10), EINVAL);
	CHECK_ERR(reg(fd, p, PAGE, UFFDIO_REGISTER_MODE_MINOR), EINVAL);
	NEED(ftruncate(file, 4 * PAGE) == 0);
	f = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	NEED(f != MAP_FAILED);
	CHECK_EQ(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING), 0);
	CHECK_ERR(reg(ready_uffd(0), p, PAGE, UFFDIO_REGISTER_MODE_MISSING), EBUSY);
	CHECK_EQ(reg(fd, p, PAGE, UFFDIO_REGISTER_MODE_MISSING), 0);
	if (on_quire()) /* its files are those of a tmpfs, which have missing pages */
		CHECK_EQ(reg(fd, f, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING), 0);
}

TEST("userfaultfd: COPY and ZEROPAGE put pages, once")
{
	int fd = ready_uffd(0);
	char *p = fresh(8 * PAGE), *from = fresh(2 * PAGE);
	struct uffdio_zeropage z = { .range = { (uintptr_t)p + 2 * PAGE, PAGE } };

	memset(from, 'a', PAGE);
	memset(from + PAGE, 'b', PAGE);
	CHECK_ERR(copy(fd, p, from, PAGE, 0), ENOENT);
	NEED(reg(fd, p, 8 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	CHECK_EQ(copy(fd, p, from, 2 * PAGE, 0), 2 * PAGE);
	CHECK(p[0] == 'a' && p[PAGE] == 'b');
	CHECK_ERR(copy(fd, p, from, PAGE, 0), EEXIST);
	CHECK_EQ(p[0], 'a');
	CHECK_EQ(ioctl(fd, UFFDIO_ZEROPAGE, &z), 0);
	CHECK_EQ(z.zeropage, PAGE);
	CHECK_EQ(p[2 * PAGE + 7], 0);
	p[2 * PAGE] = 1;
	CHECK_EQ(p[2 * PAGE], 1);
	CHECK_ERR(copy(fd, p + 3 * PAGE, (void *)8, PAGE, 0), EFAULT);
	CHECK_ERR(copy(fd, p + 3 * PAGE, from, PAGE, 1 << 8), EINVAL);
	CHECK_ERR(copy(fd, p + 7 * PAGE, from, 2 * PAGE, 0), ENOENT);
	CHECK_EQ(munmap(p, 8 * PAGE), 0);
	CHECK_ERR(copy(fd, p, from, PAGE, 0), ENOENT);
}

/* A child that watches its parent cannot be: the monitor is the parent, of a context that the child
 * made for itself and passed on through a fork's opposite, a shared table of descriptors.  So:
 * threads without a library. */
static char stack[64 * KiB] __attribute__((aligned(16)));
static volatile char *volatile touched;
static volatile int result;

static int reads(void *arg __attribute__((unused)))
{
	result = touched[0];
	return 0;
}

static int writes(void *arg __attribute__((unused)))
{
	touched[0] = 'w';
	result = 1;
	return 0;
}

static int (*volatile task)(void *);

static int run_task(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a case that fails leaves nobody behind */
	return task(arg);
}

static pid_t thread(int (*fn)(void *))
{
	task = fn;
	return clone(run_task, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
		     NULL);
}

TEST("userfaultfd: a touch waits until the page comes")
{
	int fd = ready_uffd(0), status;
	char *p = fresh(4 * PAGE), *from = fresh(PAGE);
	struct uffd_msg m;
	pid_t t;

	memset(from, 'x', PAGE);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	touched = p + PAGE + 5;
	t = thread(reads);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_PAGEFAULT);
	CHECK_EQ(m.arg.pagefault.address, (uintptr_t)p + PAGE);
	CHECK_EQ(m.arg.pagefault.flags, 0);
	CHECK_EQ(result, 0);
	CHECK_EQ(copy(fd, p + PAGE, from, PAGE, 0), PAGE);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(result, 'x');
	touched = p + 2 * PAGE;
	t = thread(writes);
	m = next(fd);
	CHECK_EQ(m.arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE);
	CHECK_EQ(copy(fd, p + 2 * PAGE, from, PAGE, 0), PAGE);
	NEED(waitpid(t, &status, 0) == t);
	CHECK(p[2 * PAGE] == 'w' && p[2 * PAGE + 1] == 'x');
}

TEST("userfaultfd: shared memory has missing pages too")
{
	int fd = ready_uffd(0), status;
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *from = fresh(PAGE);
	pid_t t;

	NEED(p != MAP_FAILED);
	p[0] = 's';
	memset(from, 'y', PAGE);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	CHECK_EQ(p[0], 's');
	touched = p + PAGE;
	t = thread(reads);
	CHECK_EQ(next(fd).arg.pagefault.address, (uintptr_t)p + PAGE);
	CHECK_EQ(copy(fd, p + PAGE, from, PAGE, 0), PAGE);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(result, 'y');
}

TEST("userfaultfd: close, unregister and death let nobody wait for ever")
{
	int fd = ready_uffd(0), status;
	char *p = fresh(4 * PAGE);
	struct uffdio_range all = { (uintptr_t)p, 4 * PAGE };
	pid_t t;

	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	touched = p;
	t = thread(reads);
	next(fd);
	CHECK_EQ(ioctl(fd, UFFDIO_UNREGISTER, &all), 0);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(result, 0);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	touched = p + PAGE;
	t = thread(reads);
	next(fd);
	kill(t, SIGKILL);
	NEED(waitpid(t, &status, 0) == t);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	touched = p + 2 * PAGE;
	t = thread(writes);
	next(fd);
	close(fd);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(p[2 * PAGE], 'w');
	CHECK_EQ(p[3 * PAGE], 0);
}

static int reads_file(void *arg __attribute__((unused)))
{
	int fd = open("f", O_RDONLY);

	result = (int)read(fd, (void *)touched, 100);
	return 0;
}

TEST("userfaultfd: the kernel's own accesses wait as well")
{
	int fd = ready_uffd(0), status, file = open("f", O_RDWR | O_CREAT, 0600);
	char *p = fresh(4 * PAGE), *from = fresh(PAGE);
	pid_t t;

	memset(from, 'k', PAGE);
	NEED(write(file, from, PAGE) == (ssize_t)PAGE);
	memset(from, 'z', PAGE);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	touched = p + PAGE + 8;
	result = 0;
	t = thread(reads_file);
	CHECK_EQ(next(fd).arg.pagefault.address, (uintptr_t)p + PAGE);
	CHECK_EQ(copy(fd, p + PAGE, from, PAGE, 0), PAGE);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(result, 100);
	CHECK(p[PAGE] == 'z' && p[PAGE + 8] == 'k' && p[PAGE + 108] == 'z');
}

TEST("userfaultfd: for user mode only, the kernel gets EFAULT")
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = open_uffd(O_NONBLOCK | UFFD_USER_MODE_ONLY);
	char *p = fresh(PAGE);

	NEED(fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0);
	NEED(reg(fd, p, PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	CHECK_ERR(syscall(SYS_uname, p), EFAULT);
}

TEST("userfaultfd: SIGBUS instead of waiting")
{
	int fd = ready_uffd(UFFD_FEATURE_SIGBUS);
	char *p = fresh(2 * PAGE), *from = fresh(PAGE);

	NEED(reg(fd, p, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	CHECK_EQ(fault_read(p + 3), SIGBUS);
	CHECK_EQ(copy(fd, p, from, PAGE, 0), PAGE);
	CHECK_EQ(fault_read(p), 0);
}

#ifdef __x86_64__
TEST("userfaultfd: watched pages tell of their first write")
{
	int fd = ready_uffd(UFFD_FEATURE_PAGEFAULT_FLAG_WP), status;
	char *p = fresh(4 * PAGE), *from = fresh(PAGE);
	struct uffdio_writeprotect wp = { { (uintptr_t)p, 4 * PAGE }, UFFDIO_WRITEPROTECT_MODE_WP };
	struct uffd_msg m;
	pid_t t;

	memset(p, 'o', 2 * PAGE);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP) == 0);
	CHECK_EQ(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	CHECK_EQ(p[0], 'o');
	touched = p + 3;
	t = thread(writes);
	m = next(fd);
	CHECK_EQ(m.arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	CHECK_EQ(m.arg.pagefault.address, (uintptr_t)p);
	CHECK_EQ(p[3], 'o');
	wp.range.len = PAGE;
	wp.mode = 0;
	CHECK_EQ(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(p[3], 'w');
	CHECK_EQ(copy(fd, p + 2 * PAGE, from, PAGE, UFFDIO_COPY_MODE_WP), PAGE);
	touched = p + 2 * PAGE;
	t = thread(writes);
	CHECK_EQ(next(fd).arg.pagefault.flags, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP);
	wp.range.start = (uintptr_t)p + 2 * PAGE;
	CHECK_EQ(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), 0);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(p[2 * PAGE], 'w');
	wp.mode = 3;
	CHECK_ERR(ioctl(fd, UFFDIO_WRITEPROTECT, &wp), EINVAL);
}
#endif

static char *moving;

static int changes(void *arg __attribute__((unused)))
{
	madvise(moving, PAGE, MADV_DONTNEED);
	moving =
	    mremap(moving, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moving + 16 * PAGE);
	munmap(moving, 4 * PAGE);
	return 0;
}

TEST("userfaultfd: events of madvise, mremap and munmap")
{
	int fd = ready_uffd(UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_REMAP |
			    UFFD_FEATURE_EVENT_UNMAP),
	    status;
	char *p = fresh(32 * PAGE);
	struct uffd_msg m;
	pid_t t;

	NEED(munmap(p + 4 * PAGE, 28 * PAGE) == 0);
	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	moving = p;
	t = thread(changes);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_REMOVE);
	CHECK(m.arg.remove.start == (uintptr_t)p && m.arg.remove.end == (uintptr_t)p + PAGE);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_REMAP);
	CHECK(m.arg.remap.from == (uintptr_t)p && m.arg.remap.len == 4 * PAGE);
	CHECK_EQ(m.arg.remap.to, (uintptr_t)p + 16 * PAGE);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_UNMAP);
	CHECK(m.arg.remove.start == (uintptr_t)p && m.arg.remove.end == (uintptr_t)p + 4 * PAGE);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_UNMAP);
	CHECK_EQ(m.arg.remove.start, (uintptr_t)p + 16 * PAGE);
	NEED(waitpid(t, &status, 0) == t);
}

static int replaces(void *arg __attribute__((unused)))
{
	char *other = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mmap(moving + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moving + 3 * PAGE);
	mremap(moving, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other + 2 * PAGE);
	result = 1;
	return 0;
}

TEST("userfaultfd: what takes another's place tells of its end")
{
	int fd = ready_uffd(UFFD_FEATURE_EVENT_UNMAP), status;
	char *p = fresh(4 * PAGE);
	static const unsigned order[] = { 1, 3, 0 };
	struct uffd_msg m;
	pid_t t;

	NEED(reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	moving = p;
	result = 0;
	t = thread(replaces);
	for (unsigned i = 0; i < 3; i++) {
		m = next(fd);
		CHECK_EQ(m.event, UFFD_EVENT_UNMAP);
		CHECK_EQ(m.arg.remove.start, (uintptr_t)p + order[i] * PAGE);
		CHECK_EQ(m.arg.remove.end, (uintptr_t)p + (order[i] + 1) * PAGE);
	}
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(result, 1);
}

static int forks(void *arg __attribute__((unused)))
{
	pid_t c = fork();

	if (c == 0)
		_exit(touched[0]);
	waitpid(c, (int *)&result, 0);
	return 0;
}

TEST("userfaultfd: a fork that is told of gives a descriptor for the child")
{
	int fd = ready_uffd(UFFD_FEATURE_EVENT_FORK), status;
	char *p = fresh(2 * PAGE), *from = fresh(PAGE);
	struct uffd_msg m;
	pid_t t;

	memset(from, 9, PAGE);
	NEED(reg(fd, p, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	touched = p;
	t = thread(forks);
	m = next(fd);
	CHECK_EQ(m.event, UFFD_EVENT_FORK);
	CHECK_EQ(next((int)m.arg.fork.ufd).arg.pagefault.address, (uintptr_t)p);
	CHECK_EQ(copy((int)m.arg.fork.ufd, p, from, PAGE, 0), PAGE);
	NEED(waitpid(t, &status, 0) == t);
	CHECK(WIFEXITED(result) && WEXITSTATUS(result) == 9);
}

TEST("userfaultfd: without being told, a child has nothing of it")
{
	int fd = ready_uffd(0), status;
	char *p = fresh(2 * PAGE);
	pid_t c;

	NEED(reg(fd, p, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	c = fork();
	if (c == 0)
		_exit(p[0]);
	NEED(waitpid(c, &status, 0) == c);
	CHECK_EQ(status, 0);
}

#define MANY (24 * MiB / PAGE)

static char *watched, *place;
static int last_child;

/* Reads half of what is watched, moves it over other memory, reads the rest, and gives it up. */
static int moves_on(void *arg __attribute__((unused)))
{
	pid_t c = fork();

	if (c == 0) {
		size_t bad = 0, n = 0;

		for (; n < MANY / 2; n++)
			bad += watched[n * PAGE] != (char)(n % 100 + 1);
		if (mremap(watched, MANY * PAGE, MANY * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			   place) != place)
			_exit(1);
		for (; n < MANY; n++)
			bad += place[n * PAGE] != (char)(n % 100 + 1);
		madvise(place, MANY * PAGE, MADV_DONTNEED);
		for (n = 0; n < MANY; n++)
			bad += place[n * PAGE] != 0;
		_exit(bad ? 2 : 0);
	}
	waitpid(c, &last_child, 0);
	return 0;
}

/* Serve faults of the child, until it has ended: what is removed reads as zeroes. */
static void serve(int fd, pid_t t)
{
	struct pollfd p = { fd, POLLIN, 0 };
	uintptr_t begin = (uintptr_t)watched;
	char from[PAGE] = { 0 };
	struct uffd_msg m;

	while (waitpid(t, NULL, WNOHANG) == 0) {
		if (poll(&p, 1, 20) <= 0 || read(p.fd, &m, sizeof m) != sizeof m)
			continue;
		if (m.event == UFFD_EVENT_FORK) {
			p.fd = (int)m.arg.fork.ufd;
		} else if (m.event == UFFD_EVENT_REMAP) {
			CHECK(m.arg.remap.from == begin && m.arg.remap.len == MANY * PAGE);
			begin = m.arg.remap.to;
		} else if (m.event == UFFD_EVENT_REMOVE) {
			struct uffdio_range r = { begin, MANY * PAGE };

			CHECK(m.arg.remove.start == begin);
			CHECK_EQ(ioctl(p.fd, UFFDIO_UNREGISTER, &r), 0);
		} else {
			uintptr_t at = m.arg.pagefault.address & -PAGE;

			from[0] = (char)((at - begin) / PAGE % 100 + 1);
			CHECK_EQ(copy(p.fd, (void *)at, from, PAGE, 0), PAGE);
		}
	}
}

TEST("userfaultfd: a child's many pages are watched where it moves them")
{
	int fd = ready_uffd(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP |
			    UFFD_FEATURE_EVENT_REMOVE);

	watched = fresh(MANY * PAGE);
	place = fresh(MANY * PAGE);
	memset(place, 7, MANY * PAGE);
	NEED(reg(fd, watched, MANY * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	serve(fd, thread(moves_on));
	CHECK_EQ(last_child, 0);
	CHECK(place[0] == 7 && place[(MANY - 1) * PAGE] == 7);
}

static int move_watched(void *arg __attribute__((unused)))
{
	if (mremap(watched, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) != place)
		return 1;
	place[1] = 1;
	return 0;
}

/* As /proc/PID/pagemap has it. */
static int is_watched(const char *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word = 0;

	NEED(fd >= 0 && pread(fd, &word, 8, (off_t)((uintptr_t)p / PAGE * 8)) == 8);
	close(fd);
	return word >> 57 & 1;
}

static void protect_page(int fd, char *p)
{
	struct uffdio_writeprotect wp = { .range = { (uintptr_t)p, PAGE },
					  .mode = UFFDIO_WRITEPROTECT_MODE_WP };

	NEED(ioctl(fd, UFFDIO_WRITEPROTECT, &wp) == 0);
}

TEST("userfaultfd: a watched page is so where it moved, and not for who was not told")
{
	int fd = ready_uffd(UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_PAGEFAULT_FLAG_WP), status;
	struct uffdio_writeprotect off = { .range = { 0, PAGE } };
	struct uffd_msg m;
	pid_t t;

	watched = fresh(PAGE);
	place = fresh(PAGE);
	*watched = 1;
	NEED(reg(fd, watched, PAGE, UFFDIO_REGISTER_MODE_WP) == 0);
	protect_page(fd, watched);
	CHECK(is_watched(watched));
	if (fork() == 0)
		_exit(is_watched(watched));
	wait(&status);
	CHECK_EQ(status, 0);
	t = thread(move_watched);
	CHECK_EQ(next(fd).event, UFFD_EVENT_REMAP);
	m = next(fd);
	CHECK(m.event == UFFD_EVENT_PAGEFAULT && m.arg.pagefault.address == (uintptr_t)place);
	CHECK(m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP);
	off.range.start = (uintptr_t)place;
	CHECK_EQ(ioctl(fd, UFFDIO_WRITEPROTECT, &off), 0);
	NEED(waitpid(t, &status, 0) == t && status == 0);
	close(fd);
	fd = ready_uffd(UFFD_FEATURE_PAGEFAULT_FLAG_WP); /* without being told of moves */
	watched = fresh(PAGE);
	*watched = 1;
	NEED(reg(fd, watched, PAGE, UFFDIO_REGISTER_MODE_WP) == 0);
	protect_page(fd, watched);
	NEED(mremap(watched, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
	CHECK(!is_watched(place));
	CHECK_EQ(fault_write(place, 2), 0);
}

TEST("userfaultfd: what a watched stack grows by is watched too")
{
	int fd = ready_uffd(UFFD_FEATURE_SIGBUS);
	char *p = mmap(NULL, 512 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED && munmap(p, 512 * PAGE) == 0);
	p = mmap(p + 500 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	NEED(p != MAP_FAILED && reg(fd, p, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING) == 0);
	CHECK_EQ(fault_write(p - 3 * PAGE, 1), SIGBUS);
	CHECK_EQ(fault_write(p - PAGE, 1), SIGBUS);
	CHECK_EQ(copy(fd, p - 3 * PAGE, watched = fresh(PAGE), PAGE, 0), PAGE);
	CHECK_EQ(fault_write(p - 3 * PAGE, 1), 0);
	CHECK_EQ(fault_read(p + PAGE), SIGBUS);
}
