/* SPDX-License-Identifier: BSD-2-Clause
 *
 * self.c - rows about what a process asks or sets of itself: limits, usage, timers, segments.
 */
#include "ops.h"

enum { RLIMIT_NOFILE = 7, MONOTONIC = 1, REALTIME = 0, SIGEV_NONE = 1 };

static u64 words[64]; /* room for any answer */

#define ASK_ROW(name, call)                \
	static ops_ticks name(unsigned n)  \
	{                                  \
		return OPS_TIMED(n, call); \
	}

ASK_ROW(usage, sys2(NR_getrusage, 0, words))
ASK_ROW(limit_ask, sys4(NR_prlimit64, 0, RLIMIT_NOFILE, 0, words))
ASK_ROW(tid, sys0(NR_gettid))
ASK_ROW(times, sys1(NR_times, words))
ASK_ROW(system_info, sys1(NR_sysinfo, words))
ASK_ROW(names, sys1(NR_uname, words))
ASK_ROW(affinity, sys3(NR_sched_getaffinity, 0, 8, (long)words))
ASK_ROW(priority, sys2(NR_getpriority, 0, 0))
ASK_ROW(chance, sys3(NR_getrandom, (long)words, 16, 0))
ASK_ROW(action, sys4(NR_rt_sigaction, SIGUSR1, 0, words, 8))
ASK_ROW(pending, sys2(NR_rt_sigpending, words, 8))
ASK_ROW(stack, sys2(NR_sigaltstack, 0, words))
ASK_ROW(directory, sys2(NR_getcwd, words, sizeof words))
ASK_ROW(mask, sys1(NR_umask, 022))
ASK_ROW(no_child, ({
		long err_ = sys4(NR_wait4, -1, 0, 1 /* WNOHANG */, 0);
		err_ == -10 ? 0 : err_;
	}))

static ops_ticks limit_set(unsigned n)
{
	long err = sys4(NR_prlimit64, 0, RLIMIT_NOFILE, 0, words);

	return err < 0 ? err : OPS_TIMED(n, sys4(NR_prlimit64, 0, RLIMIT_NOFILE, words, 0));
}

/* ---- timers ----------------------------------------------------------------------------------- */

struct itimerspec_k {
	struct timespec_k interval, value;
};

static long timer_make(int *id)
{
	struct {
		void *value;
		int signal, notify;
		long rest[12];
	} e = { 0, SIGUSR1, SIGEV_NONE, { 0 } };

	return sys3(NR_timer_create, MONOTONIC, (long)&e, (long)id);
}

static ops_ticks timer_bare(unsigned n)
{
	return OPS_TIMED(n, ({
				 int id;
				 long err = timer_make(&id);
				 err < 0 ? err : sys1(NR_timer_delete, id);
			 }));
}

static ops_ticks timer_arm(unsigned n)
{
	struct itimerspec_k when[2] = { { { 0, 0 }, { 1000, 0 } }, { { 0, 0 }, { 0, 0 } } };
	int id;
	ops_ticks t = timer_make(&id);

	if (t < 0)
		return t;
	t = OPS_TIMED(n, sys4(NR_timer_settime, id, 0, &when[i_ & 1], 0));
	sys1(NR_timer_delete, id);
	return t;
}

static ops_ticks interval(unsigned n)
{
	long when[2][4] = { { 0, 0, 1000, 0 }, { 0, 0, 0, 0 } };

	return OPS_TIMED(n, sys3(NR_setitimer, 0, (long)when[i_ & 1], 0));
}

/* ---- segments, restartable sequences ------------------------------------------------------------ */

struct user_desc_k {
	u32 entry, base, limit, flags;
};

#ifdef __x86_64__
enum { ARCH_SET_GS = 0x1001, ARCH_GET_GS = 0x1004 };

ASK_ROW(segment_set, sys2(NR_arch_prctl, ARCH_SET_GS, words))
ASK_ROW(segment_get, sys2(NR_arch_prctl, ARCH_GET_GS, words))
#else
/* The first call finds a free entry, and says which. */
static ops_ticks segment(unsigned n, long nr)
{
	static struct user_desc_k d = { (u32)-1, 0, 0xfffff, 0x51 };
	long err = sys1(NR_set_thread_area, &d);

	return err < 0 ? err : OPS_TIMED(n, sys1(nr, &d));
}

static ops_ticks segment_set(unsigned n)
{
	return segment(n, NR_set_thread_area);
}

static ops_ticks segment_get(unsigned n)
{
	return segment(n, NR_get_thread_area);
}
#endif

/* In a child: who has a table of its own pays for it at each switch. */
static ops_ticks table_entry(unsigned n)
{
	volatile ops_ticks *t =
	    map_at(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1);
	ops_ticks answer;
	long pid;

	if (failed((const void *)t))
		return (long)t;
	pid = sys0(NR_fork);
	if (pid == 0) {
		struct user_desc_k d = { 0, 0, 0xfffff, 0x51 };

		*t = OPS_TIMED(n, sys3(NR_modify_ldt, 0x11, (long)&d, sizeof d));
		quit(0);
	}
	wait_for(pid);
	answer = pid < 0 ? pid : *t;
	unmap((const void *)t, PAGE);
	return answer;
}

static ops_ticks sequences(unsigned n)
{
	static struct {
		u32 word[8];
	} area __attribute__((aligned(32)));

	return OPS_TIMED(n, ({
				 long err = sys4(NR_rseq, &area, sizeof area, 0, 0x53053053);
				 err < 0 ? err : sys4(NR_rseq, &area, sizeof area, 1, 0x53053053);
			 }));
}

const struct row other_self[] = {
	{ "gettid", tid, 500, 1, 9 },
	{ "getrusage", usage, 200, 1, 9 },
	{ "times", times, 200, 1, 9 },
	{ "prlimit, ask", limit_ask, 200, 1, 9 },
	{ "prlimit, set", limit_set, 200, 1, 9 },
	{ "sysinfo", system_info, 200, 1, 9 },
	{ "uname", names, 200, 1, 9 },
	{ "sched_getaffinity", affinity, 200, 1, 9 },
	{ "getpriority", priority, 200, 1, 9 },
	{ "getrandom, 16 bytes", chance, 200, 1, 9 },
	{ "sigaction, ask", action, 200, 1, 9 },
	{ "sigpending", pending, 200, 1, 9 },
	{ "sigaltstack, ask", stack, 200, 1, 9 },
	{ "getcwd", directory, 200, 1, 9 },
	{ "umask", mask, 200, 1, 9 },
	{ "wait4, no child", no_child, 200, 1, 9 },
	{ "timer_create + timer_delete", timer_bare, 100, 1, 9 },
	{ "timer_settime, far away or never", timer_arm, 200, 1, 9 },
	{ "setitimer, far away or never", interval, 200, 1, 9 },
	{ "a thread's segment, set", segment_set, 200, 1, 9 },
	{ "a thread's segment, ask", segment_get, 200, 1, 9 },
	{ "modify_ldt, an entry", table_entry, 50, 1, 9 },
	{ "rseq, register + unregister", sequences, 200, 1, 9 },
	{ 0 },
};
