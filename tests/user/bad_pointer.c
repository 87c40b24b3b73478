/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bad_pointer.c - each call that takes a pointer, with each kind of bad pointer in its place:
 * the answer is EFAULT, nothing is changed, nobody is hurt.
 */
#include "user.h"
#include <poll.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <sys/uio.h>
#include <termios.h>

/* Pages of each kind, and descriptors to call with. */
static char *good, *readonly, *none, *edge; /* edge: the last byte before PROT_NONE */
static long file, dir, pipe_in, pipe_out, null_fd, zero_fd, timer_fd, epoll_fd, sock_fd;

static const struct iovec *good_iov(void *base)
{
	static struct iovec iov;

	iov = (struct iovec){ base, 64 };
	return &iov;
}

static void prepare(void)
{
	int fd[2];

	good = fresh(PAGE);
	none = fresh(PAGE);
	readonly = fresh(PAGE);
	edge = fresh(2 * PAGE);
	NEED(mprotect(none, PAGE, PROT_NONE) == 0 && mprotect(edge + PAGE, PAGE, PROT_NONE) == 0);
	NEED(mprotect(readonly, PAGE, PROT_READ) == 0);
	edge += PAGE - 1;
	*edge = 'x';
	file = open("file", O_RDWR | O_CREAT, 0600);
	NEED(write((int)file, good, 256) == 256);
	dir = open("/", O_RDONLY | O_DIRECTORY);
	null_fd = open("/dev/null", O_RDWR);
	zero_fd = open("/dev/zero", O_RDWR);
	NEED(pipe(fd) == 0 && write(fd[1], good, 100) == 100);
	pipe_out = fd[0];
	pipe_in = fd[1];
	timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
	epoll_fd = epoll_create1(0);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0 && write(fd[1], good, 100) == 100);
	sock_fd = fd[0];
	NEED(timer_fd >= 0 && epoll_fd >= 0);
	NEED(file >= 0 && dir >= 0 && null_fd >= 0 && zero_fd >= 0);
}

/* How the call uses the pointer: it decides which kinds are bad for it. */
enum use {
	IN = 1,      /* a struct that is read */
	OUT = 2,     /* a struct that is written */
	IN_ANY = 5,  /* bytes that are read: half of them is success */
	OUT_ANY = 6, /* bytes that are written */
	WORD = 9,    /* a word that has to be aligned, or the answer is EINVAL */
};

struct call {
	const char *name;
	enum use use;
	long nr, arg[6]; /* P stands for the pointer */
};

#define P         LONG_MIN + 77
#define G         LONG_MIN + 78 /* good memory */
#define ROOT      LONG_MIN + 79 /* "/" */
#define FILE_FD   LONG_MIN + 80
#define DIR_FD    LONG_MIN + 81
#define PIPE_IN   LONG_MIN + 82
#define PIPE_OUT  LONG_MIN + 83
#define NULL_FD   LONG_MIN + 84
#define ZERO_FD   LONG_MIN + 85
#define TIMER_FD  LONG_MIN + 86
#define EPOLL_FD  LONG_MIN + 87
#define SOCK_FD   LONG_MIN + 88
#define SELF      LONG_MIN + 89
#define GOOD_PAGE G
#define C(name, use, ...)               \
	{                               \
#name, use, SYS_##name, \
		{                       \
			__VA_ARGS__     \
		}                       \
	}

static const struct call calls[] = {
	C(read, OUT_ANY, FILE_FD, P, 64),
	C(read, OUT_ANY, PIPE_OUT, P, 64),
	C(read, OUT_ANY, ZERO_FD, P, 64),
	C(write, IN_ANY, FILE_FD, P, 64),
	C(write, IN_ANY, PIPE_IN, P, 64),
#ifdef __x86_64__
	C(pread64, OUT_ANY, FILE_FD, P, 64, 0),
	C(pwrite64, IN_ANY, FILE_FD, P, 64, 0),
	C(newfstatat, IN, -100, P, G, 0),
	C(newfstatat, OUT, -100, ROOT, P, 0),
	C(fstat, OUT, FILE_FD, P),
	C(stat, IN, P, G),
	C(stat, OUT, ROOT, P),
	C(lstat, OUT, ROOT, P),
	C(select, IN, 3, P, 0, 0, 0),
	C(getrlimit, OUT, 3, P),
	C(setrlimit, IN, 3, P),
#else
	C(pread64, OUT_ANY, FILE_FD, P, 64, 0, 0),
	C(pwrite64, IN_ANY, FILE_FD, P, 64, 0, 0),
	C(fstat64, OUT, FILE_FD, P),
	C(stat64, IN, P, G),
	C(stat64, OUT, ROOT, P),
	C(lstat64, OUT, ROOT, P),
	C(fstatat64, OUT, -100, ROOT, P, 0),
	C(_newselect, IN, 3, P, 0, 0, 0),
	C(ugetrlimit, OUT, 3, P),
	C(_llseek, OUT, FILE_FD, 0, 0, P, 0),
	C(clock_gettime64, OUT, 0, P),
	C(ppoll_time64, IN, P, 1, 0, 0, 0),
#endif
	C(readv, IN, FILE_FD, P, 1),
	C(writev, IN, FILE_FD, P, 1),
	C(open, IN, P, O_RDONLY),
	C(openat, IN, -100, P, O_RDONLY),
	C(access, IN, P, 0),
	C(chdir, IN, P),
	C(mkdir, IN, P, 0700),
	C(rmdir, IN, P),
	C(unlink, IN, P),
	C(rename, IN, P, ROOT),
	C(link, IN, P, ROOT),
	C(symlink, IN, P, ROOT),
	C(chmod, IN, P, 0),
	C(readlink, IN, P, G, 64),
	C(statx, IN, -100, P, 0, 0x7ff, G),
	C(statx, OUT, -100, ROOT, 0, 0x7ff, P),
	C(statfs, IN, P, G),
	C(getdents64, OUT, DIR_FD, P, 512),
	C(getcwd, OUT, P, 64),
	C(pipe, OUT, P),
	C(pipe2, OUT, P, 0),
	C(poll, IN, P, 1, 0),
	C(nanosleep, IN, P, 0),
	C(clock_gettime, OUT, 0, P),
	C(gettimeofday, OUT, P, 0),
	C(times, OUT, P),
	C(getrusage, OUT, 0, P),
	C(sysinfo, OUT, P),
	C(uname, OUT, P),
	C(getrandom, OUT_ANY, P, 64, 0),
	C(rt_sigaction, IN, 10, P, 0, 8),
	C(rt_sigaction, OUT, 10, 0, P, 8),
	C(rt_sigprocmask, IN, 0, P, 0, 8),
	C(rt_sigprocmask, OUT, 0, 0, P, 8),
	C(rt_sigpending, OUT, P, 8),
	C(rt_sigsuspend, IN, P, 8),
	C(sigaltstack, IN, P, 0),
	C(sigaltstack, OUT, 0, P),
	C(getitimer, OUT, 0, P),
	C(setitimer, IN, 0, P, 0),
	C(prlimit64, OUT, 0, 3, 0, P),
	C(execve, IN, P, 0, 0),
	C(utimensat, IN, -100, ROOT, P, 0),
	C(get_robust_list, OUT, 0, P, G),
	C(futex, WORD, P, FUTEX_WAIT, 0, 0, 0, 0),
	C(futex, WORD, P, FUTEX_CMP_REQUEUE, 1, 1, G, 0),
	C(futex, WORD, P, FUTEX_LOCK_PI, 0, 0, 0, 0),
	C(futex, IN, G, FUTEX_WAIT, 0, P, 0, 0),
	C(futex_waitv, IN, P, 1, 0, 0, 0),
	C(clone3, IN, P, 64),
	C(timer_create, IN, 1, P, G),
	C(timer_create, OUT, 1, 0, P),
	C(timerfd_settime, IN, TIMER_FD, 0, P, 0),
	C(timerfd_gettime, OUT, TIMER_FD, P),
	C(signalfd4, IN, -1, P, 8, 0),
	C(rt_sigtimedwait, IN, P, 0, 0, 8),
	C(rt_sigqueueinfo, IN, 0, 0, P),
	C(epoll_ctl, IN, EPOLL_FD, EPOLL_CTL_ADD, PIPE_IN, P),
	C(socketpair, OUT, AF_UNIX, SOCK_STREAM, 0, P),
	C(sendto, IN_ANY, SOCK_FD, P, 64, MSG_DONTWAIT, 0, 0),
	C(sendmsg, IN, SOCK_FD, P, MSG_DONTWAIT),
	C(recvmsg, IN, SOCK_FD, P, MSG_DONTWAIT),
	C(bind, IN, SOCK_FD, P, 16),
	C(getsockname, OUT, SOCK_FD, G, P),
	C(getsockopt, OUT, SOCK_FD, SOL_SOCKET, SO_TYPE, G, P),
	C(process_vm_readv, IN, SELF, P, 1, G, 0, 0),
	C(sched_getparam, OUT, 0, P),
	C(sched_setaffinity, IN, 0, 8, P),
	C(sched_getaffinity, OUT, 0, 64, P),
	C(memfd_create, IN, P, 0),
	C(move_pages, IN, 0, 1, P, 0, G, 0),
	C(get_mempolicy, OUT, P, 0, 0, 0, 0),
	C(capget, IN, P, G),
	C(getcpu, OUT, P, 0, 0),
	C(mincore, OUT_ANY, GOOD_PAGE, PAGE, P),
	C(openat2, IN, -100, ROOT, P, 24),
	C(setgroups, IN, 2, P),
	C(prctl, OUT, 37, P), /* PR_GET_CHILD_SUBREAPER */
	C(prctl, IN, 15, P),  /* PR_SET_NAME */
};

static long real_arg(long arg, void *pointer)
{
	switch (arg) {
	case P:
		return (long)pointer;
	case G:
		return (long)good;
	case ROOT:
		return (long)"/";
	case FILE_FD:
		return file;
	case DIR_FD:
		return dir;
	case PIPE_IN:
		return pipe_in;
	case PIPE_OUT:
		return pipe_out;
	case NULL_FD:
		return null_fd;
	case ZERO_FD:
		return zero_fd;
	case TIMER_FD:
		return timer_fd;
	case EPOLL_FD:
		return epoll_fd;
	case SOCK_FD:
		return sock_fd;
	case SELF:
		return getpid();
	default:
		return arg;
	}
}

static void try_call(const struct call *c, const char *kind, void *pointer)
{
	const long *a = c->arg;
	long ret;

	lseek((int)file, 0, SEEK_SET);
	lseek((int)dir, 0, SEEK_SET);
	*edge = 'x'; /* half a struct may have been written there */
	errno = 0;
	ret = syscall(c->nr, real_arg(a[0], pointer), real_arg(a[1], pointer),
		      real_arg(a[2], pointer), real_arg(a[3], pointer), real_arg(a[4], pointer),
		      real_arg(a[5], pointer));
	if (ret == -1 && errno == EFAULT)
		return;
	if (ret == -1 && errno == EINVAL && c->use == WORD && (uintptr_t)pointer % 4)
		return;
	printf("# %s with %s: answered %ld\n", c->name, kind, ret);
	CHECK(errno == EFAULT && ret == -1);
}

static void try_all(const char *kind, void *pointer, int uses)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if ((int)(calls[i].use & 3) & uses)
			try_call(&calls[i], kind, pointer);
}

TEST("an address that nothing is mapped at")
{
	prepare();
	try_all("a low address", (void *)8, IN | OUT);
	try_all("a hole", (void *)0x20000, IN | OUT);
	try_all("PROT_NONE", none, IN | OUT);
}

TEST("an address of the kernel")
{
	uintptr_t half = (uintptr_t)1 << (sizeof(void *) * 8 - 1);

	prepare();
	try_all("the kernel's text",
		(void *)(sizeof(void *) == 8 ? (uintptr_t) - (2048 * MiB) + MiB
					     : (uintptr_t)0xc0100000ul),
		IN | OUT);
	try_all("the upper half", (void *)(half | half >> 1), IN | OUT);
	try_all("the lowest kernel address",
		(void *)(sizeof(void *) == 8 ? (uintptr_t)-1 << 47 : (uintptr_t)0xc0000000ul),
		IN | OUT);
	if (sizeof(void *) == 8)
		try_all("an address that is not canonical", (void *)(half | 0x1234), IN | OUT);
}

TEST("an address that wraps")
{
	prepare();
	try_all("the last byte", (void *)-1, IN | OUT);
	try_all("the last word", (void *)-(uintptr_t)sizeof(long), IN | OUT);
	try_all("the last page", (void *)-PAGE, IN | OUT);
}

TEST("half a struct, and an unterminated string at the end of a page")
{
	prepare();
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (!(calls[i].use & 4))
			try_call(&calls[i], "half mapped", edge);
}

TEST("memory that is read-only, for calls that write")
{
	prepare();
	try_all("read-only", readonly, OUT);
	for (size_t i = 0; i < PAGE; i++)
		if (readonly[i]) {
			CHECK(!"read-only memory was written");
			break;
		}
}

TEST("bytes that are half there: as many as there are, or EFAULT, never more")
{
	char *start;
	ssize_t n;

	prepare();
	start = edge - 9; /* ten bytes; Linux 6.1 for i386 never returns from the first of these */
	memset(start, 'a', 10);
	n = pwrite((int)file, start, 64, 0);
	CHECK(n == 10 || (n == -1 && errno == EFAULT));
	n = pread((int)file, start, 64, 0);
	CHECK((n > 0 && n <= 10) || (n == -1 && errno == EFAULT));
	n = read((int)zero_fd, start, 64);
	CHECK((n >= 0 && n <= 10) || (n == -1 && errno == EFAULT));
}

TEST("vectors: a bad base, too many, lengths that overflow")
{
	struct iovec iov[3];

	prepare();
	lseek((int)file, 0, SEEK_SET);
	CHECK_ERR(readv((int)file, good_iov((void *)8), 1), EFAULT);
	CHECK_ERR(writev((int)file, good_iov(none), 1), EFAULT);
	iov[0] = (struct iovec){ good, 8 };
	iov[1] = (struct iovec){ none, 8 };
	CHECK_EQ(readv((int)file, iov, 2), 8);
	CHECK_ERR(syscall(SYS_readv, file, iov, -1), EINVAL);
	CHECK_ERR(syscall(SYS_readv, file, iov, 1025), EINVAL);
	CHECK_EQ(syscall(SYS_readv, file, iov, 0), 0);
	iov[0].iov_len = (size_t)-1;
	CHECK_ERR(readv((int)file, iov, 1), EINVAL);
}
