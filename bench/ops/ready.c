/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ready.c - rows about descriptors that tell of events, and about waiting for many at once.
 */
#include "ops.h"

enum { MANY = 64, POLLIN = 1, POLLOUT = 4 };
enum { EPOLL_ADD = 1, EPOLL_DEL = 2 };
enum { TIMER_ABSTIME = 1, MONOTONIC = 1 };
enum { IN_CREATE = 0x100, IN_NONBLOCK = 04000 };

struct itimerspec_k {
	struct timespec_k interval, value;
};
struct epoll_event_k {
	u32 events;
	u64 data;
} __attribute__((packed));

#define MAKE_CLOSE(call)                             \
	({                                           \
		long fd_ = (call);                   \
		fd_ < 0 ? fd_ : sys1(NR_close, fd_); \
	})

/* ---- many descriptors: as many pipes, of which the last one has a byte ------------------- */

static int many[MANY][2], watcher;

static long open_many(void)
{
	for (unsigned i = 0; i < MANY; i++)
		if (sys1(NR_pipe, many[i]) < 0)
			return -24;
	return sys3(NR_write, many[MANY - 1][1], (long)"", 1);
}

static void close_many(void)
{
	if (watcher)
		sys1(NR_close, watcher);
	watcher = 0;
	for (unsigned i = 0; i < MANY; i++) {
		sys1(NR_close, many[i][0]);
		sys1(NR_close, many[i][1]);
	}
}

#define MANY_ROW(name, prepare, call)           \
	static ops_ticks name(unsigned n)       \
	{                                       \
		ops_ticks t = open_many();      \
                                                \
		if (t >= 0) {                   \
			prepare;                \
			t = OPS_TIMED(n, call); \
		}                               \
		close_many();                   \
		return t;                       \
	}

static struct pollfd_k asked[MANY];

static void ask(void)
{
	for (unsigned i = 0; i < MANY; i++)
		asked[i] = (struct pollfd_k){ .fd = many[i][0], .events = POLLIN };
}

static long select_all(void)
{
	unsigned long set[1024 / 8 / sizeof(long)] = { 0 };
	int last = 0;

	for (unsigned i = 0; i < MANY; i++) {
		last = many[i][0];
		set[(unsigned)last / (8 * sizeof(long))] |= 1ul
							    << (unsigned)last % (8 * sizeof(long));
	}
	return sys5(NR_select, last + 1, set, 0, 0, 0);
}

static long ppoll_one(void)
{
	struct timespec_k never = { 0, 0 };
	u64 mask = 0;

	return sys5(NR_ppoll, &asked[MANY - 1], 1, &never, &mask, 8);
}

MANY_ROW(poll_many, ask(), sys3(NR_poll, (long)asked, MANY, -1))
MANY_ROW(ppoll_ready, ask(), ppoll_one())
MANY_ROW(select_many, (void)0, select_all())

/* ---- epoll ------------------------------------------------------------------------------- */

static long watch(int fd)
{
	struct epoll_event_k e = { POLLIN, 1 };

	return sys4(NR_epoll_ctl, watcher, EPOLL_ADD, fd, &e);
}

static void watch_all(void)
{
	watcher = (int)sys1(NR_epoll_create1, 0);
	for (unsigned i = 0; i < MANY; i++)
		watch(many[i][0]);
}

static long add_remove(void)
{
	long err = watch(many[0][1]);

	return err < 0 ? err : sys4(NR_epoll_ctl, watcher, EPOLL_DEL, many[0][1], 0);
}

static long wait_one(void)
{
	struct epoll_event_k e[8];

	return sys4(NR_epoll_wait, watcher, e, 8, -1);
}

/* One of them becomes ready, is told, and is read. */
static long write_wait_read(void)
{
	char c = 0;

	sys3(NR_write, many[7][1], (long)&c, 1);
	wait_one();
	return sys3(NR_read, many[7][0], (long)&c, 1);
}

MANY_ROW(epoll_bare, (void)0, MAKE_CLOSE(sys1(NR_epoll_create1, 0)))
MANY_ROW(epoll_add, watch_all(), add_remove())
MANY_ROW(epoll_ready, watch_all(), wait_one())
MANY_ROW(epoll_turn, watch_all(), write_wait_read())

/* ---- counters, clocks, signals, processes -------------------------------------------------- */

#define FD_ROW(name, make, call)                                \
	static ops_ticks name(unsigned n)                       \
	{                                                       \
		long fd = (make);                               \
		ops_ticks t = fd < 0 ? fd : OPS_TIMED(n, call); \
                                                                \
		sys1(NR_close, fd);                             \
		return t;                                       \
	}
#define BARE_ROW(name, make) FD_ROW(name, 0x7fff, MAKE_CLOSE(make))

static long add_take(long fd)
{
	u64 one = 1;
	long err = sys3(NR_write, fd, (long)&one, 8);

	return err < 0 ? err : sys3(NR_read, fd, (long)&one, 8);
}

static long clock_set(long fd, int flags, long sec, long nsec)
{
	struct itimerspec_k when = { { 0, 0 }, { sec, nsec } };

	return sys4(NR_timerfd_settime, fd, flags, &when, 0);
}

/* Due at once: its interrupt comes during the loop, which is taken off. */
static ops_ticks clock_fires(unsigned n)
{
	enum { SPIN = 20000 };
	long fd = sys2(NR_timerfd_create, MONOTONIC, 0);
	ops_ticks t;

	if (fd < 0)
		return fd;
	t = OPS_TIMED(n, ({
			      u64 count;
			      clock_set(fd, TIMER_ABSTIME, 0, 1);
			      ops_spin(SPIN);
			      sys3(NR_read, fd, (long)&count, 8);
		      }));
	sys1(NR_close, fd);
	return t < 0 ? t : t - (ops_ticks)n * 2 * SPIN;
}

static u64 usr1 = 1u << (SIGUSR1 - 1);

static ops_ticks signal_read(unsigned n)
{
	static char info[128];
	long fd = sys4(NR_signalfd4, -1, &usr1, 8, 0), self = sys0(NR_getpid);
	ops_ticks t;

	if (fd < 0)
		return fd;
	sys4(NR_rt_sigprocmask, 0, &usr1, 0, 8);
	t = OPS_TIMED(n, ({
			      sys2(NR_kill, self, SIGUSR1);
			      sys3(NR_read, fd, (long)info, sizeof info);
		      }));
	sys4(NR_rt_sigprocmask, 1, &usr1, 0, 8);
	sys1(NR_close, fd);
	return t;
}

/* A file comes and goes in a directory that is looked at. */
static ops_ticks notified(unsigned n)
{
	static char events[256];
	long fd = sys1(NR_inotify_init1, IN_NONBLOCK), err;
	ops_ticks t;

	if (fd < 0)
		return fd;
	err = sys3(NR_inotify_add_watch, fd, (long)"/", IN_CREATE);
	t = err < 0 ? err : OPS_TIMED(n, ({
					      sys1(NR_close, sys3(NR_open, (long)"/ops.new",
								  O_RDWR | O_CREAT, 0600));
					      sys1(NR_unlink, "/ops.new");
					      sys3(NR_read, fd, (long)events, sizeof events);
				      }));
	sys1(NR_close, fd);
	return t;
}

static long watch_name(long fd)
{
	long wd = sys3(NR_inotify_add_watch, fd, (long)"/", IN_CREATE);

	return wd < 0 ? wd : sys2(NR_inotify_rm_watch, fd, wd);
}

BARE_ROW(event_bare, sys2(NR_eventfd2, 0, 0))
FD_ROW(event_turn, sys2(NR_eventfd2, 0, 0), add_take(fd))
BARE_ROW(clock_bare, sys2(NR_timerfd_create, MONOTONIC, 0))
FD_ROW(clock_arm, sys2(NR_timerfd_create, MONOTONIC, 0), clock_set(fd, 0, i_ & 1 ? 0 : 1000, 0))
BARE_ROW(signal_bare, sys4(NR_signalfd4, -1, &usr1, 8, 0))
BARE_ROW(pidfd_bare, sys2(NR_pidfd_open, sys0(NR_getpid), 0))
FD_ROW(pidfd_kill, sys2(NR_pidfd_open, sys0(NR_getpid), 0), sys4(NR_pidfd_send_signal, fd, 0, 0, 0))
FD_ROW(notify_add, sys1(NR_inotify_init1, 0), watch_name(fd))

const struct row other_ready[] = {
	{ "poll, 64 pipes, one ready", poll_many, 50, 1, 9 },
	{ "select, 64 pipes, one ready", select_many, 50, 1, 9 },
	{ "ppoll, one ready", ppoll_ready, 100, 1, 9 },
	{ "epoll_create + close", epoll_bare, 100, 1, 9 },
	{ "epoll_ctl ADD + DEL", epoll_add, 100, 1, 9 },
	{ "epoll_wait, one of 64 ready", epoll_ready, 100, 1, 9 },
	{ "write, epoll_wait, read", epoll_turn, 100, 1, 9 },
	{ "eventfd + close", event_bare, 100, 1, 9 },
	{ "eventfd, write + read", event_turn, 200, 1, 9 },
	{ "timerfd_create + close", clock_bare, 100, 1, 9 },
	{ "timerfd_settime, far away or never", clock_arm, 200, 1, 9 },
	{ "timerfd: set, interrupt, read", clock_fires, 20, 1, 9 },
	{ "signalfd + close", signal_bare, 100, 1, 9 },
	{ "kill self, read of a signalfd", signal_read, 100, 1, 9 },
	{ "pidfd_open + close", pidfd_bare, 100, 1, 9 },
	{ "pidfd_send_signal, none", pidfd_kill, 200, 1, 9 },
	{ "inotify: watch and no more", notify_add, 100, 1, 9 },
	{ "inotify: create, close, unlink, read", notified, 50, 1, 9 },
	{ 0 },
};
