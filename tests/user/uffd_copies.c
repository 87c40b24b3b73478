/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uffd_copies.c - answers of calls that go to pages which a userfaultfd has to supply: the call waits,
 * and nothing that it took is lost.
 */
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include "user.h"

static char stack[128 * KiB] __attribute__((aligned(16)));
static char *missing; /* eight pages, each asked for once */
static int uffd;
static volatile long result;
static void (*volatile task)(void);

static int run_task(void *arg __attribute__((unused)))
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	task();
	return 0;
}

static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == EPERM || errno == ENOSYS))
		skip("no userfaultfd here");
	NEED(fd >= 0);
	if (ioctl(fd, UFFDIO_API, &api))
		skip("not with these features");
	return fd;
}

static int watch(int fd, void *p, size_t n)
{
	struct uffdio_register r = { .range = { (uintptr_t)p, n },
				     .mode = UFFDIO_REGISTER_MODE_MISSING };

	return ioctl(fd, UFFDIO_REGISTER, &r);
}

static int supply(int fd, uintptr_t at)
{
	struct uffdio_zeropage z = { .range = { at & -PAGE, PAGE } };

	return ioctl(fd, UFFDIO_ZEROPAGE, &z);
}

/* Let fn run in a second task, and give it each page it asks for, after a while; how many those were. */
static int served(void (*fn)(void))
{
	struct pollfd p = { uffd, POLLIN, 0 };
	struct uffd_msg m;
	int asked = 0;
	pid_t t;

	task = fn;
	result = -1;
	t = clone(run_task, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
		  NULL);
	NEED(t > 0);
	while (waitpid(t, NULL, WNOHANG) == 0) {
		if (poll(&p, 1, 5) <= 0 || read(uffd, &m, sizeof(m)) != sizeof(m))
			continue;
		asked++;
		usleep(1000);
		CHECK_EQ(supply(uffd, (uintptr_t)m.arg.pagefault.address), 0);
	}
	return asked;
}

static void start(void)
{
	uffd = open_uffd(0);
	missing = fresh(8 * PAGE);
	NEED(watch(uffd, missing, 8 * PAGE) == 0);
}

static int from; /* what is read */

static void read_8(void)
{
	result = read(from, missing, 8);
}

static void read_over(void)
{
	result = read(from, missing + PAGE - 4, 8);
}

TEST("userfaultfd: eventfd and timerfd tell their count once it can be written")
{
	struct itimerspec soon = { .it_value.tv_nsec = 1 };

	start();
	from = eventfd(7, EFD_NONBLOCK);
	CHECK_EQ(served(read_over), 2);
	CHECK_EQ(result, 8);
	CHECK_EQ(*(uint32_t *)(missing + PAGE - 4), 7);
	CHECK_ERR(read(from, missing, 8), EAGAIN);
	start();
	from = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	NEED(timerfd_settime(from, 0, &soon, NULL) == 0);
	usleep(2000);
	CHECK_EQ(served(read_8), 1);
	CHECK_EQ(result, 8);
	CHECK_EQ(*(uint64_t *)missing, 1);
}

static void read_many(void)
{
	result = read(from, missing + 10, 3 * PAGE);
}

TEST("userfaultfd: read goes on where it stopped for a page")
{
	static char bytes[3 * PAGE];
	int p[2];

	start();
	memset(bytes, 'p', sizeof(bytes));
	NEED(pipe(p) == 0 && write(p[1], bytes, sizeof(bytes)) == sizeof(bytes));
	from = p[0];
	CHECK_EQ(served(read_many), 4);
	CHECK_EQ(result, 3 * PAGE);
	CHECK(missing[10] == 'p' && missing[9 + 3 * PAGE] == 'p' && !missing[10 + 3 * PAGE]);
	start();
	from = open("f", O_RDWR | O_CREAT, 0600);
	NEED(write(from, bytes, sizeof(bytes)) == sizeof(bytes) && lseek(from, 0, SEEK_SET) == 0);
	CHECK_EQ(served(read_many), 4);
	CHECK_EQ(result, 3 * PAGE);
	CHECK_EQ(lseek(from, 0, SEEK_CUR), 3 * PAGE);
	start();
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	NEED(write(p[1], bytes, sizeof(bytes)) == sizeof(bytes));
	from = p[0];
	CHECK_EQ(served(read_many), 4);
	CHECK_EQ(result, 3 * PAGE);
}

static int to; /* where is written */

static void write_many(void)
{
	struct iovec v[2] = { { missing + 1, PAGE }, { missing + 3 * PAGE, 10 } };

	result = writev(to, v, 2);
}

TEST("userfaultfd: write goes on where it stopped for a page")
{
	int p[2], n;

	start();
	NEED(pipe(p) == 0);
	to = p[1];
	CHECK_EQ(served(write_many), 3);
	CHECK_EQ(result, PAGE + 10);
	CHECK_EQ(ioctl(p[0], FIONREAD, &n), 0);
	CHECK_EQ(n, PAGE + 10);
}

static void wait_child(void)
{
	pid_t c = fork();

	if (c == 0)
		_exit(3);
	result = wait4(c, (int *)missing, 0, (struct rusage *)(missing + PAGE)) == c;
}

static void wait_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	result = sigwaitinfo(&set, (siginfo_t *)missing);
	kill(getpid(), SIGUSR1);
	from = signalfd(-1, &set, 0);
	if (read(from, missing + PAGE, 128) != 128)
		result = -1;
}

TEST("userfaultfd: who ended, and which signal came, is told once it can be")
{
	start();
	CHECK_EQ(served(wait_child), 2);
	CHECK_EQ(result, 1);
	CHECK(WIFEXITED(*(int *)missing) && WEXITSTATUS(*(int *)missing) == 3);
	start();
	CHECK_EQ(served(wait_signal), 2);
	CHECK_EQ(result, SIGUSR1);
	CHECK_EQ(((siginfo_t *)missing)->si_signo, SIGUSR1);
	CHECK_EQ(((struct signalfd_siginfo *)(missing + PAGE))->ssi_signo, SIGUSR1);
}

static int set;

static void wait_events(void)
{
	result = epoll_wait(set, (struct epoll_event *)missing, 1, 1000);
	if (read(from, missing + PAGE, 4096) <= 0)
		result = -1;
}

TEST("userfaultfd: an event is told once, when it can be")
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.u64 = 5 };

	start();
	from = inotify_init1(0);
	set = epoll_create1(0);
	NEED(epoll_ctl(set, EPOLL_CTL_ADD, from, &e) == 0);
	NEED(inotify_add_watch(from, ".", IN_CREATE) > 0);
	close(open("new", O_RDWR | O_CREAT, 0600));
	CHECK_EQ(served(wait_events), 2);
	CHECK_EQ(result, 1);
	CHECK_EQ(((struct epoll_event *)missing)->data.u64, 5);
	CHECK_EQ(((struct inotify_event *)(missing + PAGE))->mask, IN_CREATE);
}

static void old_mask(void)
{
	sigset_t new;
	struct rlimit limit = { 10, 4096 };

	sigemptyset(&new);
	sigaddset(&new, SIGUSR2);
	result = syscall(SYS_rt_sigprocmask, SIG_SETMASK, &new, missing, 8);
	result += prlimit(0, RLIMIT_NOFILE, &limit, (void *)(missing + PAGE));
}

TEST("userfaultfd: what was before is told, and not what is")
{
	start();
	CHECK_EQ(served(old_mask), 2);
	CHECK_EQ(result, 0);
	CHECK_EQ(*(uint64_t *)missing, 0);
	CHECK(((struct rlimit *)(missing + PAGE))->rlim_cur != 10);
}

static void on_signal(int sig __attribute__((unused)))
{
	result++;
}

static void take_signal(void)
{
	stack_t s = { .ss_sp = missing, .ss_size = 8 * PAGE };
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &a, NULL);
	result = 0;
	raise(SIGUSR1);
}

static int set_tid(void *arg __attribute__((unused)))
{
	return 0;
}

static void clone_child(void)
{
	static char small[16 * KiB] __attribute__((aligned(16)));
	pid_t c = clone(set_tid, small + sizeof(small),
			CLONE_VM | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD, NULL,
			(pid_t *)(missing + PAGE), NULL, (pid_t *)missing);

	waitpid(c, NULL, 0);
	result = *(pid_t *)missing == c && *(pid_t *)(missing + PAGE) == c;
}

TEST("userfaultfd: a signal's frame and a child's number wait for their page")
{
	start();
	CHECK(served(take_signal) >= 1);
	CHECK_EQ(result, 1);
	start();
	CHECK_EQ(served(clone_child), 2);
	CHECK_EQ(result, 1);
}

static void forks(void)
{
	pid_t c = fork();

	if (c == 0)
		_exit(missing[0] + missing[PAGE]);
	waitpid(c, NULL, 0);
}

/* The next descriptor that a fork gives, within two seconds. */
static int next_child(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	struct uffd_msg m = { 0 };

	NEED(poll(&p, 1, 2000) == 1 && read(fd, &m, sizeof(m)) == sizeof(m));
	CHECK_EQ(m.event, UFFD_EVENT_FORK);
	return (int)m.arg.fork.ufd;
}

TEST("userfaultfd: a fork is told to each descriptor that asked for it")
{
	int one = open_uffd(UFFD_FEATURE_EVENT_FORK), two = open_uffd(UFFD_FEATURE_EVENT_FORK),
	    status;
	pid_t t;

	missing = fresh(2 * PAGE);
	NEED(watch(one, missing, PAGE) == 0 && watch(two, missing + PAGE, PAGE) == 0);
	task = forks;
	t = clone(run_task, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD,
		  NULL);
	one = next_child(one);
	two = next_child(two);
	CHECK_EQ(poll(&(struct pollfd){ one, POLLIN, 0 }, 1, 2000), 1);
	CHECK_EQ(supply(one, (uintptr_t)missing), 0);
	CHECK_EQ(poll(&(struct pollfd){ two, POLLIN, 0 }, 1, 2000), 1);
	CHECK_EQ(supply(two, (uintptr_t)missing + PAGE), 0);
	NEED(waitpid(t, &status, 0) == t);
	CHECK_EQ(status, 0);
}
