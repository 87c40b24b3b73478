/* SPDX-License-Identifier: BSD-2-Clause
 *
 * itimerspec.h - clocks by number, and pairs of period and time as timers take them.
 */
#ifndef KERNEL_SYSCALL_ITIMERSPEC_H
#define KERNEL_SYSCALL_ITIMERSPEC_H

#include "kernel/syscall/timespec.h"

enum clock_id {
	CLOCK_REALTIME,
	CLOCK_MONOTONIC,
	CLOCK_PROCESS,
	CLOCK_THREAD,
	CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME,
	CLOCK_REALTIME_ALARM,
	CLOCK_BOOTTIME_ALARM,
	CLOCK_SGI,
	CLOCK_TAI
};

#define TIMER_ABSTIME 1

/* What the clock shows; below 0: the CPU time of a process or a task.  -EINVAL: there is none. */
int clock_read(int clock, uint64_t *out);

/* Clocks that go by ticks. */
QR_INLINE bool clock_coarse(int clock)
{
	return clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
}

struct itimerspec {
	uint64_t interval, value; /* nanoseconds */
};

/* narrow: i386's longs, good until 2038. */
int itimerspec_from_user(struct itimerspec *to, const void __user *from, bool narrow);
int itimerspec_to_user(void __user *to, const struct itimerspec *from, bool narrow);

/* A timer that is due at `expires` and each `interval` after: how many times it was by `now` more
 * than once; *expires becomes the next time. */
QR_INLINE uint64_t periods_passed(uint64_t *expires, uint64_t interval, uint64_t now)
{
	uint64_t n = now > *expires ? (now - *expires) / interval : 0;

	*expires += (n + 1) * interval;
	return n;
}

#endif
