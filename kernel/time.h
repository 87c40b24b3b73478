/* SPDX-License-Identifier: BSD-2-Clause
 *
 * time.h - the clocks of the system.
 *
 *	CLOCK_MONOTONIC	   now_ns(): nanoseconds since boot; never goes back
 *	CLOCK_REALTIME	   the same plus an offset, read from the battery clock at boot and moved
 *			   by clock_settime
 *	process, thread	   what the scheduler has charged
 *
 * Inside the kernel a time is one uint64_t of nanoseconds (584 years); the structures of the
 * ABIs are converted at the door (kernel/syscall/time.c).
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include <quire/types.h>
#include "drivers/clock.h"
#include "kernel/timer.h"

#define NS_PER_SEC  1000000000ull
#define NS_PER_MS   1000000ull
#define NS_PER_US   1000ull
#define NS_PER_TICK (NS_PER_SEC / CLOCK_HZ)
#define TIME_NEVER  UINT64_MAX

/* Nanoseconds since boot.  Context: any. */
QR_INLINE uint64_t now_ns(void)
{
	return clock_ns();
}

/* Nanoseconds since 1970, UTC. */
uint64_t real_ns(void);

/* Make real_ns() answer `ns` now. */
void real_set(uint64_t ns);

/* a + b, TIME_NEVER if that does not fit. */
QR_INLINE uint64_t time_add(uint64_t a, uint64_t b)
{
	return a + b < a ? TIME_NEVER : a + b;
}

/* Whole periods of NS_PER_TICK since boot, as of the last tick: what is remembered from one tick
 * to the next is as coarse as the coarse clocks are.  While nothing runs there are no ticks. */
extern uint64_t time_ticks;

/* Start the clocks. */
void time_init(void);

#endif
