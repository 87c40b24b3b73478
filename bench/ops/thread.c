/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread.c - rows about threads: making and joining them, futexes, barriers of memory, and a
 * pager of one's own (userfaultfd).
 */
#include "ops.h"
#include "thread.h"

enum {
	FUTEX_WAIT,
	FUTEX_WAKE,
	FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE,
	FUTEX_WAKE_OP,
	FUTEX_LOCK_PI,
	FUTEX_UNLOCK_PI,
	FUTEX_WAIT_BITSET = 9,
	FUTEX_PRIVATE = 128
};
enum { EAGAIN = 11 };

#define FUTEX(word, op, value, rest, word2, value3) \
	sys6(NR_futex, (long)(word), op, value, (long)(rest), (long)(word2), value3)

static char stack[16 * KiB] __attribute__((aligned(64)));

void thread_join(int *tid)
{
	int now;

	while ((now = *(volatile int *)tid))
		FUTEX(tid, FUTEX_WAIT, now, 0, 0, 0);
}

static void end_at_once(void *unused)
{
	(void)unused;
}

static ops_ticks start_join(unsigned n)
{
	static int tid;

	return OPS_TIMED(n, ({
				 long err =
				     thread_start(&tid, stack + sizeof stack, end_at_once, 0);
				 if (err >= 0)
					 thread_join(&tid);
				 err;
			 }));
}

struct clone_args_k {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static long clone3_fork(void)
{
	struct clone_args_k a = { .exit_signal = SIGCHLD };
	long pid = sys2(NR_clone3, &a, sizeof a);

	if (pid == 0)
		quit(0);
	return pid < 0 ? pid : wait_for(pid);
}

static ops_ticks clone3_wait(unsigned n)
{
	return OPS_TIMED(n, clone3_fork());
}

/* ---- futex ------------------------------------------------------------------------------ */

static u32 word, word2;

static long again(long err)
{
	return err == -EAGAIN ? 0 : err < 0 ? err : -22;
}

#define FUTEX_ROW(name, call)              \
	static ops_ticks name(unsigned n)  \
	{                                  \
		return OPS_TIMED(n, call); \
	}

FUTEX_ROW(wake_none, FUTEX(&word, FUTEX_WAKE | FUTEX_PRIVATE, 1, 0, 0, 0))
FUTEX_ROW(wake_shared, FUTEX(&word, FUTEX_WAKE, 1, 0, 0, 0))
FUTEX_ROW(wait_other, again(FUTEX(&word, FUTEX_WAIT | FUTEX_PRIVATE, 1, 0, 0, 0)))
FUTEX_ROW(wait_bitset, again(FUTEX(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE, 1, 0, 0, 1)))
FUTEX_ROW(requeue, FUTEX(&word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE, 1, 1, &word2, 0))
FUTEX_ROW(wake_op, FUTEX(&word, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1, &word2, 0))

/* A free lock that the kernel takes and gives back. */
static ops_ticks lock_pi(unsigned n)
{
	word = 0;
	return OPS_TIMED(n, ({
				 long err = FUTEX(&word, FUTEX_LOCK_PI | FUTEX_PRIVATE, 0, 0, 0, 0);
				 err < 0
				     ? err
				     : FUTEX(&word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE, 0, 0, 0, 0);
			 }));
}

struct waitv_k {
	u64 value, word;
	u32 flags, reserved;
};

static ops_ticks wait_vector(unsigned n)
{
	struct waitv_k w[2] = { { 1, (uintptr_t)&word, 2, 0 }, { 1, (uintptr_t)&word2, 2, 0 } };

	word = 0;
	return OPS_TIMED(n, again(sys5(NR_futex_waitv, w, 2, 0, 0, 1)));
}

/* Two threads wake each other in turn. */
static volatile u32 ball[2];

static void hit_back(void *unused)
{
	(void)unused;
	for (u32 turn = 1; ball[0] != ~0u; turn++) {
		while (ball[0] != turn && ball[0] != ~0u)
			FUTEX(&ball[0], FUTEX_WAIT | FUTEX_PRIVATE, turn - 1, 0, 0, 0);
		ball[1] = turn;
		FUTEX(&ball[1], FUTEX_WAKE | FUTEX_PRIVATE, 1, 0, 0, 0);
	}
}

static ops_ticks futex_trip(unsigned n)
{
	static int tid;
	ops_ticks t;
	u64 start;
	long err;

	ball[0] = ball[1] = 0;
	err = thread_start(&tid, stack + sizeof stack, hit_back, 0);
	if (err < 0)
		return err;
	start = ticks();
	for (u32 turn = 1; turn <= n; turn++) {
		ball[0] = turn;
		FUTEX(&ball[0], FUTEX_WAKE | FUTEX_PRIVATE, 1, 0, 0, 0);
		while (ball[1] != turn)
			FUTEX(&ball[1], FUTEX_WAIT | FUTEX_PRIVATE, turn - 1, 0, 0, 0);
	}
	t = ops_since(start, n);
	ball[0] = ~0u;
	FUTEX(&ball[0], FUTEX_WAKE | FUTEX_PRIVATE, 1, 0, 0, 0);
	thread_join(&tid);
	return t;
}

/* ---- the rest ----------------------------------------------------------------------------- */

enum { MEMBARRIER_PRIVATE = 1 << 3, MEMBARRIER_REGISTER = 1 << 4 };

static ops_ticks barrier(unsigned n)
{
	long err = sys3(NR_membarrier, MEMBARRIER_REGISTER, 0, 0);

	return err < 0 ? err : OPS_TIMED(n, sys3(NR_membarrier, MEMBARRIER_PRIVATE, 0, 0));
}

static ops_ticks robust(unsigned n)
{
	static struct {
		void *next;
		long offset;
		void *pending;
	} head = { &head, 0, 0 };

	return OPS_TIMED(n, sys2(NR_set_robust_list, &head, sizeof head));
}

static void nothing(int sig, void *info, void *context)
{
	(void)sig, (void)info, (void)context;
}

static ops_ticks thread_kill(unsigned n)
{
	long pid = sys0(NR_getpid), tid = sys0(NR_gettid);
	ops_ticks t;

	ops_handle(SIGUSR1, nothing);
	t = OPS_TIMED(n, sys3(NR_tgkill, pid, tid, SIGUSR1));
	ops_handle(SIGUSR1, NULL);
	return t;
}

/* A file's last page went: the access is a bus error, and the handler steps over it. */
static void step_over(int sig, void *info, void *context)
{
	unsigned long *mc = (unsigned long *)((char *)context + 5 * sizeof(long));

	(void)sig, (void)info;
#ifdef __x86_64__
	mc[16] += 2;
#else
	mc[14] += 2;
#endif
}

static ops_ticks bus_error(unsigned n)
{
	int fd = ops_file("/ops.file", 1);
	char *p = map_at(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	sys2(NR_ftruncate, fd, 0);
	ops_handle(SIGBUS, step_over);
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		__asm__ volatile("movb %b0, (%1)" ::"a"(0), "c"(p) : "memory"); /* 88 01 */
	t = ops_since(start, n);
	ops_handle(SIGBUS, NULL);
	unmap(p, PAGE);
	sys1(NR_close, fd);
	sys1(NR_unlink, "/ops.file");
	return t;
}

const struct row call_thread[] = {
	{ "thread: clone, exit, join", start_join, 50, 1, 9 },
	{ "clone3 + exit + wait", clone3_wait, 10, 1, 9 },
	{ "futex WAKE, nobody waits", wake_none, 200, 1, 9 },
	{ "futex WAKE, shared, nobody waits", wake_shared, 200, 1, 9 },
	{ "futex WAIT, another value", wait_other, 200, 1, 9 },
	{ "futex WAIT_BITSET, another value", wait_bitset, 200, 1, 9 },
	{ "futex CMP_REQUEUE, nobody waits", requeue, 200, 1, 9 },
	{ "futex WAKE_OP, nobody waits", wake_op, 200, 1, 9 },
	{ "futex LOCK_PI + UNLOCK_PI, free", lock_pi, 100, 1, 9 },
	{ "futex_waitv, another value", wait_vector, 100, 1, 9 },
	{ "futex round trip, two threads", futex_trip, 100, 1, 9 },
	{ "membarrier, private expedited", barrier, 200, 1, 9 },
	{ "set_robust_list", robust, 200, 1, 9 },
	{ "tgkill self, handler and back", thread_kill, 100, 1, 9 },
	{ "SIGBUS past the end of a file, and back", bus_error, 100, 1, 9 },
	{ 0 },
};
