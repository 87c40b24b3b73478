/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ipc.c - rows about the bare call, pipes and signals.
 */
#include "ops.h"

static ops_ticks null_call(unsigned n)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++)
		sys0(NR_getppid);
	return ops_since(start, n);
}

static ops_ticks clock_call(unsigned n)
{
	struct timespec_k now;
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++)
		sys2(NR_clock_gettime, 1, &now);
	return ops_since(start, n);
}

ops_ticks ops_ping(unsigned n, const int near[2], const int far[2])
{
	long pid = sys0(NR_fork), ok = 1;
	ops_ticks t;
	char c = 1;
	u64 start;

	if (pid == 0) {
		while (sys3(NR_read, far[0], (long)&c, 1) == 1)
			sys3(NR_write, far[1], (long)&c, 1);
		quit(0);
	}
	if (pid < 0)
		return pid;
	start = ticks();
	for (unsigned i = 0; i < n && ok == 1; i++) {
		sys3(NR_write, near[1], (long)&c, 1);
		ok = sys3(NR_read, near[0], (long)&c, 1);
	}
	t = ops_since(start, n);
	sys2(NR_kill, pid, SIGKILL);
	wait_for(pid);
	return ok == 1 ? t : -32;
}

static ops_ticks round_trip(unsigned n)
{
	int to[2], fro[2];
	ops_ticks t;

	if (sys1(NR_pipe, to) < 0 || sys1(NR_pipe, fro) < 0)
		return -24;
	t = ops_ping(n, (int[2]){ fro[0], to[1] }, (int[2]){ to[0], fro[1] });
	for (unsigned i = 0; i < 2; i++) {
		sys1(NR_close, to[i]);
		sys1(NR_close, fro[i]);
	}
	return t;
}

static char buffer[PAGE];

/* A page into a pipe and out again, in one process. */
static ops_ticks pipe_page(unsigned n)
{
	ops_ticks t;
	int fd[2];
	u64 start;

	if (sys1(NR_pipe, fd) < 0)
		return -24;
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		sys3(NR_write, fd[1], (long)buffer, PAGE);
		sys3(NR_read, fd[0], (long)buffer, PAGE);
	}
	t = ops_since(start, n);
	sys1(NR_close, fd[0]);
	sys1(NR_close, fd[1]);
	return t;
}

static ops_ticks poll_ready(unsigned n)
{
	struct pollfd_k one;
	ops_ticks t;
	int fd[2];
	u64 start;

	if (sys1(NR_pipe, fd) < 0)
		return -24;
	one = (struct pollfd_k){ .fd = fd[1], .events = 4 /* POLLOUT */ };
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		sys3(NR_poll, (long)&one, 1, -1);
	t = ops_since(start, n);
	sys1(NR_close, fd[0]);
	sys1(NR_close, fd[1]);
	return t;
}

/* The faulting store below has this many bytes: the handler steps over it. */
enum { STORE_BYTES = 2 };

static void step_over(int sig, void *info, void *context)
{
	(void)sig, (void)info;
#ifdef __x86_64__
	((unsigned long *)context)[5 + 16] += STORE_BYTES; /* uc_mcontext.gregs[REG_RIP] */
#else
	((unsigned long *)context)[5 + 14] += STORE_BYTES; /* uc_mcontext.gregs[REG_EIP] */
#endif
}

static ops_ticks fault_signal(unsigned n)
{
	char *p = map_at(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANON, -1);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	ops_handle(SIGSEGV, step_over);
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		__asm__ volatile("movb %b0, (%1)" ::"a"(0), "c"(p) : "memory"); /* 88 01 */
	t = ops_since(start, n);
	ops_handle(SIGSEGV, NULL);
	unmap(p, PAGE);
	return t;
}

static char *barrier;

static void lift_barrier(int sig, void *info, void *context)
{
	(void)sig, (void)info, (void)context;
	sys3(NR_mprotect, (long)barrier, PAGE, PROT_READ | PROT_WRITE);
}

/* A collector's write barrier: protect, fault, handler gives the right back, the store runs. */
static ops_ticks fault_barrier(unsigned n)
{
	ops_ticks t;
	u64 start;

	barrier = map(PAGE);
	if (failed(barrier))
		return (long)barrier;
	*(volatile char *)barrier = 1;
	ops_handle(SIGSEGV, lift_barrier);
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		sys3(NR_mprotect, (long)barrier, PAGE, PROT_READ);
		*(volatile char *)barrier = 1;
	}
	t = ops_since(start, n);
	ops_handle(SIGSEGV, NULL);
	unmap(barrier, PAGE);
	return t;
}

static void nothing(int sig, void *info, void *context)
{
	(void)sig, (void)info, (void)context;
}

static ops_ticks kill_self(unsigned n)
{
	long self = sys0(NR_getpid);
	ops_ticks t;
	u64 start;

	ops_handle(SIGUSR1, nothing);
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		sys2(NR_kill, self, SIGUSR1);
	t = ops_since(start, n);
	ops_handle(SIGUSR1, NULL);
	return t;
}

static ops_ticks mask_call(unsigned n)
{
	u64 mask = 1u << (SIGUSR1 - 1);
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++)
		sys4(NR_rt_sigprocmask, i & 1, &mask, 0, 8);
	return ops_since(start, n);
}

const struct row rows_call[] = {
	{ "null call (getppid)", null_call, 1000, 1, 9 },
	{ 0 },
};

const struct row rows_ipc[] = {
	{ "pipe round trip, two processes", round_trip, 200, 1, 9 },
	{ "fault to signal handler and back", fault_signal, 200, 1, 9 },
	{ 0 },
};

const struct row more_ipc[] = {
	{ "clock_gettime, by the call", clock_call, 1000, 1, 9 },
	{ "pipe, a page in and out", pipe_page, 200, 1, 9 },
	{ "poll, one ready descriptor", poll_ready, 500, 1, 9 },
	{ "write barrier: mprotect, fault, handler, mprotect", fault_barrier, 200, 1, 9 },
	{ "kill self, handler and back", kill_self, 200, 1, 9 },
	{ "sigprocmask", mask_call, 500, 1, 9 },
	{ 0 },
};
