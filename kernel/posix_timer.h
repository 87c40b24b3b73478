/* SPDX-License-Identifier: BSD-2-Clause
 *
 * posix_timer.h - timers that a program makes, each with a signal of its own.
 *
 *	process.timers -> timer 3 -> timer 1	newest first
 *
 * A timer's signal is queued at most once: the room for it is in the timer, so that it is never lost.
 * Periods that end while it waits are counted, and told as `overrun` when it is taken; only then
 * the next period is begun.  CPU time is looked at by the tick: those timers are late by up to one.
 *
 * I1  A timer that is armed is in the kernel's heap of timers, or (CPU time) has `expires` set.
 *
 * Context: tasks; expiry from interrupts.
 */
#ifndef KERNEL_POSIX_TIMER_H
#define KERNEL_POSIX_TIMER_H

#include "kernel/signal.h"
#include "kernel/timer.h"

struct pid;
struct process;
struct task;

struct posix_timer {
	struct posix_timer *next;
	struct process *process;
	struct pid *task; /* SIGEV_THREAD_ID: whom to tell, referenced; else NULL */
	int id, clock, notify;
	uint64_t interval, expires; /* expires: of its clock; 0: not armed */
	int overrun, overrun_last;  /* since the signal was queued; told with the last one */
	struct timer timer;
	struct signal_queued signal;
};

/* Its signal was taken: the overrun for it; begins the next period.  Interrupts off. */
int posix_timer_taken(struct posix_timer *t);

/* exec and exit: all go. */
void posix_timers_drop(struct process *p);

/* The tick's: timers of CPU time of the running task's process. */
void posix_timers_tick(struct process *p);

#endif
