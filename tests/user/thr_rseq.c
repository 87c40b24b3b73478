/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_rseq.c - restartable sequences, in threads of our own: the C library has registered for its.
 */
#include "thread.h"
#include <sys/time.h>

#define SIGNATURE 0x53053053u

struct rseq_area {
	uint32_t cpu_id_start, cpu_id;
	uint64_t cs;
	uint32_t flags, pad[3];
} __attribute__((aligned(32)));

struct sequence {
	uint32_t version, flags;
	uint64_t start, length, abort;
} __attribute__((aligned(32)));

static volatile struct rseq_area area;
static struct sequence sequence;
static volatile int result[16], aborts, off; /* by how much the abort address is wrong */

static long rseq(volatile void *p, unsigned size, int flags, unsigned signature)
{
	return raw(SYS_rseq, p, size, flags, signature);
}

static int register_all(void *unused)
{
	int i = 0;

	(void)unused;
	area.cpu_id = 77;
	result[i++] = (int)rseq((char *)&area + 4, 32, 0, SIGNATURE);
	result[i++] = (int)rseq(&area, 31, 0, SIGNATURE);
	result[i++] = (int)rseq(&area, 32, 2, SIGNATURE);
	result[i++] = (int)rseq(&area, 32, 1, SIGNATURE);
	result[i++] = (int)rseq(&area, 32, 0, SIGNATURE);
	result[i++] = (int)area.cpu_id;
	result[i++] = (int)rseq(&area, 32, 0, SIGNATURE);
	result[i++] = (int)rseq(&area, 32, 0, SIGNATURE + 1);
	result[i++] = (int)rseq(&area, 32, 1, SIGNATURE + 1);
	result[i++] = (int)rseq(&area, 32, 1, SIGNATURE);
	result[i++] = (int)area.cpu_id;
	return 0;
}

TEST("registration, once, and back")
{
	static const int want[] = { -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 0,
				    -EBUSY,  -EPERM,  -EPERM,  0,       -1 };
	struct thread t;

	thread_start(&t, register_all, NULL);
	thread_join(&t);
	CHECK(result[5] >= 0 && result[5] < 4096); /* a CPU */
	result[5] = 0;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		CHECK_EQ(result[i], want[i]);
}

/* Spins inside a sequence until something throws it out; the landing counts. */
__attribute__((noinline)) static void spin_until_aborted(void)
{
	extern char spin_start[], spin_end[], spin_abort[];

	sequence =
	    (struct sequence){ 0, 0, (uintptr_t)spin_start, (uintptr_t)(spin_end - spin_start),
			       (uintptr_t)spin_abort + off };
	area.cs = (uintptr_t)&sequence;
	__asm__ volatile("jmp spin_start\n\t"
			 ".long 0x53053053\n"
			 "spin_abort:\n\t"
			 "jmp 9f\n"
			 "spin_start:\n\t"
			 "pause\n\t"
			 "jmp spin_start\n"
			 "spin_end:\n\t"
			 "9:" ::
			     : "memory");
	aborts++;
}

static int spin(void *unused)
{
	(void)unused;
	result[0] = (int)rseq(&area, 32, 0, SIGNATURE);
	spin_until_aborted();
	result[1] = area.cs == 0;
	spin_until_aborted();
	result[2] = 1;
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

TEST("a sequence ends when others run, and before a handler")
{
	struct thread t;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof one, &one);
	signal(SIGUSR1, on_alarm);
	aborts = 0;
	thread_start(&t, spin, NULL);
	pause_ms(50); /* to come back, we interrupt it */
	for (int i = 0; i < 100 && aborts < 2; i++) {
		syscall(SYS_tgkill, getpid(), t.tid, SIGUSR1);
		pause_ms(10);
	}
	thread_join(&t);
	CHECK_EQ(aborts, 2);
	CHECK_EQ(result[0], 0);
	CHECK_EQ(result[1], 1);
	CHECK_EQ(result[2], 1);
}

static void wrong_signature(void *unused)
{
	struct thread t;

	(void)unused;
	signal(SIGUSR1, on_alarm);
	off = 2;
	thread_start(&t, spin, NULL);
	for (int i = 0; i < 200; i++) {
		syscall(SYS_tgkill, getpid(), t.tid, SIGUSR1);
		pause_ms(10);
	}
}

TEST("a wrong signature ends the program")
{
	int status = in_child(wrong_signature, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
