/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread.h - threads made by clone itself, without the C library's help: so that a test decides
 * about each flag.  They must not use the library's own thread state (errno, stdio).
 */
#ifndef TESTS_THREAD_H
#define TESTS_THREAD_H

#include "user.h"
#include "tests/lib/linux_call.h"
#include <linux/futex.h>
#include <sched.h>
#include <time.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

#ifdef __x86_64__
#define SYS_futex_ SYS_futex
#else
#define SYS_futex_ SYS_futex_time64
#endif

/* A system call without errno: the answer, or minus the error. */
#define raw(nr, a, b, c, d) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static inline long futex(volatile unsigned *word, int op, unsigned value, const void *timeout,
			 volatile unsigned *word2, unsigned value3)
{
	return sys6(SYS_futex_, (long)word, op, (long)value, (long)timeout, (long)word2,
		    (long)value3);
}

/* For futex operations whose fourth argument is a number. */
#define NUMBER(n) ((const void *)(unsigned long)(n))

static inline void pause_ms(unsigned ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* A thread and what it needs; `gone` is cleared and woken by the kernel when it has ended. */
struct thread {
	int (*run)(void *);
	void *arg;
	volatile unsigned gone;
	int tid;
	char *stack;
};

#define STACK (64 * KiB)

static inline int thread_main(void *p)
{
	struct thread *t = p;

	raw(SYS_exit, t->run(t->arg), 0, 0, 0);
	return 0;
}

static inline void thread_start(struct thread *t, int (*run)(void *), void *arg)
{
	t->run = run;
	t->arg = arg;
	t->gone = 1;
	t->stack = fresh(STACK);
	t->tid =
	    clone(thread_main, t->stack + STACK,
		  THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, t, &t->tid, NULL, &t->gone);
	NEED(t->tid > 0);
}

static inline void thread_join(struct thread *t)
{
	unsigned value;

	while ((value = t->gone))
		futex(&t->gone, FUTEX_WAIT, value, NULL, NULL, 0);
	munmap(t->stack, STACK);
}

#endif
