/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_futex.c - sleeping on words: every operation, its errors, its ends.
 */
#include "thread.h"
#include <linux/time_types.h>

#define PRIVATE FUTEX_PRIVATE_FLAG

static volatile unsigned word, word2;
static volatile int answer;

struct timeout {
	int64_t sec, nsec;
};

static const struct timeout *in_ms(int clock, int ms)
{
	static struct timeout t;
	struct timespec now = { 0, 0 };
	long long ns;

	if (clock >= 0)
		clock_gettime(clock, &now);
	ns = now.tv_sec * 1000000000ll + now.tv_nsec + ms * 1000000ll;
	t.sec = ns / 1000000000;
	t.nsec = ns % 1000000000;
	return &t;
}

static long long ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* ---- errors ----------------------------------------------------------------------------- */

TEST("what futex refuses, and in which words")
{
	static const struct timeout bad = { 0, 1000000000 }, negative = { -1, 0 };
	char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile unsigned *odd = (volatile unsigned *)((char *)&word + 1);

	CHECK_EQ(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), -EAGAIN);
	CHECK_EQ(futex(odd, FUTEX_WAIT, 1, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex((unsigned *)none, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
	CHECK_EQ(futex((unsigned *)none, FUTEX_WAIT | PRIVATE, 0, NULL, NULL, 0), -EFAULT);
	CHECK_EQ(futex((unsigned *)none, FUTEX_WAKE | PRIVATE, 0, NULL, NULL, 0), 0);
	munmap(none, PAGE);
	CHECK_EQ(futex((unsigned *)none, FUTEX_WAKE, 0, NULL, NULL, 0), -EFAULT);
	CHECK_EQ(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0), -EFAULT);
	CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), -ENOSYS);
	CHECK_EQ(futex(&word, FUTEX_FD, 0, NULL, NULL, 0), -ENOSYS);
	CHECK_EQ(futex(&word, 42, 0, NULL, NULL, 0), -ENOSYS);
	CHECK_EQ(futex(&word, FUTEX_REQUEUE, -1u, NUMBER(1), &word2, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_REQUEUE, 1, NUMBER(-1ul), &word2, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, NUMBER(1), &word2, 5), -EAGAIN);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, NUMBER(1), &word2, 5u << 28), -ENOSYS);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, NUMBER(1), &word2, 6u << 24), -ENOSYS);
}

TEST("timeouts: relative, absolute by either clock, and past ones")
{
	long long start = ms_now();

	word = 0;
	CHECK_EQ(futex(&word, FUTEX_WAIT, 0, in_ms(-1, 40), NULL, 0), -ETIMEDOUT);
	CHECK(ms_now() - start >= 39);
	start = ms_now();
	CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, in_ms(CLOCK_MONOTONIC, 40), NULL, -1u),
		 -ETIMEDOUT);
	CHECK(ms_now() - start >= 38);
	start = ms_now();
	CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0,
		       in_ms(CLOCK_REALTIME, 40), NULL, -1u),
		 -ETIMEDOUT);
	CHECK(ms_now() - start >= 38);
	CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET, 0, in_ms(CLOCK_MONOTONIC, -40), NULL, -1u),
		 -ETIMEDOUT);
	CHECK(ms_now() - start < 2000);
}

/* ---- waking ----------------------------------------------------------------------------- */

static int wait_on_word(void *bits)
{
	long ret = futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, (unsigned)(uintptr_t)bits);

	answer += ret == 0 ? 1 : 100;
	return 0;
}

/* n threads that sleep on `word`, with these bits. */
static void sleepers(struct thread *t, int n, uintptr_t bits)
{
	answer = 0;
	for (int i = 0; i < n; i++)
		thread_start(&t[i], wait_on_word, (void *)bits);
	pause_ms(30);
}

TEST("wake: one by one, by bits, and at least one")
{
	struct thread t[3], other;

	sleepers(t, 3, 1);
	thread_start(&other, wait_on_word, (void *)2);
	pause_ms(30);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 4), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 2), 1);
	thread_join(&other);
	CHECK_EQ(answer, 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0), 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	CHECK_EQ(answer, 4);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

TEST("requeue: some are woken, the others wait elsewhere")
{
	struct thread t[4];

	sleepers(t, 4, 1);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, NUMBER(2), &word2, 0), 3);
	pause_ms(10);
	CHECK_EQ(answer, 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0), 1);
	CHECK_EQ(futex(&word2, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	CHECK_EQ(futex(&word2, FUTEX_REQUEUE, 0, NUMBER(9), &word, 0), 1);
	CHECK_EQ(futex(&word2, FUTEX_WAKE, 9, NULL, NULL, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_REQUEUE, 0, NUMBER(9), &word, 0), 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0), 1);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	CHECK_EQ(answer, 4);
}

#define OP(op, arg, cmp, with) FUTEX_OP((op), (arg), (cmp), (with))

TEST("wake_op changes a word, and wakes there as it was")
{
	struct thread t[2];

	static const struct {
		unsigned op, before, after;
	} cases[] = {
		{ OP(FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 0), 3, 7 },
		{ OP(FUTEX_OP_ADD, 0xfff, FUTEX_OP_CMP_EQ, 0), 3, 2 },
		{ OP(FUTEX_OP_OR, 4, FUTEX_OP_CMP_NE, 3), 3, 7 },
		{ OP(FUTEX_OP_ANDN, 1, FUTEX_OP_CMP_LT, 3), 3, 2 },
		{ OP(FUTEX_OP_XOR, 6, FUTEX_OP_CMP_LE, 2), 3, 5 },
		{ OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 5, FUTEX_OP_CMP_GT, 3), 3, 35 },
		{ OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GE, 0), -1u, 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		word2 = cases[i].before;
		CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, NUMBER(1), &word2, cases[i].op), 0);
		CHECK_EQ(word2, cases[i].after);
	}
	sleepers(t, 2, 1);
	word2 = 0;
	CHECK_EQ(futex(&word2, FUTEX_WAKE_OP, 1, NUMBER(1), &word,
		       OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0)),
		 1);
	CHECK_EQ(word, 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP, 1, NUMBER(1), &word2,
		       OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_GT, 0)),
		 1);
	word = 0;
	for (int i = 0; i < 2; i++)
		thread_join(&t[i]);
	CHECK_EQ(answer, 2);
}

/* ---- between processes ------------------------------------------------------------------ */

TEST("a shared word, mapped at two addresses by two processes")
{
	char *a = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile unsigned *there = (volatile unsigned *)(a + PAGE + 8);
	pid_t child = fork();
	int status;
	long woken;

	if (child == 0) {
		char *b =
		    mremap(a, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fresh(8 * PAGE));

		there = (volatile unsigned *)(b + PAGE + 8);
		_exit(b == a || futex(there, FUTEX_WAIT, 0, NULL, NULL, 0) ? 1 : 0);
	}
	for (int i = 0; (woken = futex(there, FUTEX_WAKE, 1, NULL, NULL, 0)) == 0 && i < 500; i++)
		pause_ms(10);
	CHECK_EQ(woken, 1);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK_EQ(futex(there, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0), 0);
}

/* ---- signals ---------------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

static int wait_long(void *arg)
{
	answer = (int)futex(&word, arg ? FUTEX_WAIT : FUTEX_WAIT_BITSET, 0,
			    arg ? in_ms(-1, 60000) : NULL, NULL, -1u);
	return 0;
}

static void interrupt(int with_timeout, int flags, int want)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };
	struct thread t;

	word = 0;
	answer = 1;
	sigaction(SIGUSR1, &act, NULL);
	thread_start(&t, wait_long, with_timeout ? "yes" : NULL);
	pause_ms(30);
	CHECK_EQ(syscall(SYS_tgkill, getpid(), t.tid, SIGUSR1), 0);
	pause_ms(30);
	CHECK_EQ(answer, want);
	if (want == 1)
		CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	thread_join(&t);
}

TEST("a handler ends a wait, or it goes on: with SA_RESTART, without a timeout")
{
	interrupt(0, 0, -EINTR);
	interrupt(0, SA_RESTART, 1);
	interrupt(1, 0, -EINTR);
	interrupt(1, SA_RESTART, -EINTR);
}

/* ---- many words ------------------------------------------------------------------------- */

struct waitv {
	uint64_t value, word;
	uint32_t flags, reserved;
};

static long waitv(struct waitv *w, unsigned n, unsigned flags, const void *timeout, int clock)
{
	return sys6(449, (long)w, n, flags, (long)timeout, clock, 0);
}

static int wait_for_two(void *unused)
{
	struct waitv w[2] = { { 0, (uintptr_t)&word, 2, 0 }, { 0, (uintptr_t)&word2, 2 | 128, 0 } };

	(void)unused;
	answer = (int)waitv(w, 2, 0, NULL, 0);
	return 0;
}

TEST("futex_waitv: which one it was; and its errors")
{
	struct waitv w = { 0, (uintptr_t)&word, 2, 0 };
	struct thread t;

	word = word2 = 0;
	if (waitv(&w, 1, 1, NULL, 0) == -ENOSYS)
		skip("an older kernel");
	CHECK_EQ(waitv(&w, 1, 1, NULL, 0), -EINVAL);
	CHECK_EQ(waitv(&w, 0, 0, NULL, 0), -EINVAL);
	CHECK_EQ(waitv(&w, 129, 0, NULL, 0), -EINVAL);
	CHECK_EQ(waitv(NULL, 1, 0, NULL, 0), -EINVAL);
	CHECK_EQ(waitv((void *)8, 1, 0, NULL, 0), -EFAULT);
	CHECK_EQ(waitv(&w, 1, 0, in_ms(CLOCK_MONOTONIC, 5), 7), -EINVAL);
	CHECK_EQ(waitv(&w, 1, 0, in_ms(CLOCK_MONOTONIC, 20), CLOCK_MONOTONIC), -ETIMEDOUT);
	CHECK_EQ(waitv(&w, 1, 0, in_ms(CLOCK_REALTIME, 20), CLOCK_REALTIME), -ETIMEDOUT);
	w.value = 1;
	CHECK_EQ(waitv(&w, 1, 0, NULL, 0), -EAGAIN);
	w.flags = 0x40;
	CHECK_EQ(waitv(&w, 1, 0, NULL, 0), -EINVAL);
	w = (struct waitv){ 0, (uintptr_t)&word, 2, 1 };
	CHECK_EQ(waitv(&w, 1, 0, NULL, 0), -EINVAL);
	for (int i = 0; i < 2; i++) {
		answer = -1;
		thread_start(&t, wait_for_two, NULL);
		pause_ms(30);
		CHECK_EQ(futex(&word2, FUTEX_WAKE, 1, NULL, NULL, 0), 0); /* private there */
		CHECK_EQ(futex(i ? &word2 : &word, FUTEX_WAKE | (i ? PRIVATE : 0), 1, NULL, NULL,
			       0),
			 1);
		thread_join(&t);
		CHECK_EQ(answer, i);
	}
}

/* ---- much of it ------------------------------------------------------------------------- */

static volatile unsigned lock;
static unsigned long counter;

/* The mutex of Drepper's paper: 0 free, 1 taken, 2 taken and somebody waits. */
static int add_many(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20000; i++) {
		unsigned c = 0;

		if (!__atomic_compare_exchange_n(&lock, &c, 1, 0, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST)) {
			if (c != 2)
				c = __atomic_exchange_n(&lock, 2, __ATOMIC_SEQ_CST);
			while (c) {
				futex(&lock, FUTEX_WAIT | PRIVATE, 2, NULL, NULL, 0);
				c = __atomic_exchange_n(&lock, 2, __ATOMIC_SEQ_CST);
			}
		}
		counter++;
		if (i % 100 == 0)
			raw(SYS_sched_yield, 0, 0, 0, 0);
		if (__atomic_fetch_sub(&lock, 1, __ATOMIC_SEQ_CST) != 1) {
			lock = 0;
			futex(&lock, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0);
		}
	}
	return 0;
}

TEST("eight threads count under one lock")
{
	struct thread t[8];

	for (int i = 0; i < 8; i++)
		thread_start(&t[i], add_many, NULL);
	for (int i = 0; i < 8; i++)
		thread_join(&t[i]);
	CHECK_EQ(counter, 160000);
}
