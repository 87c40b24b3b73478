/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pit.h - the 8254 timer: channel 0 ticks, channel 2 measures.  Callers: clock.c.
 */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H

#include <quire/types.h>

/* Raise IRQ 0 hz times a second. */
void pit_start(unsigned hz);

/* Nanoseconds since the last tick, by channel 0's counter. */
uint32_t pit_elapsed_ns(void);

/* Begin to count `us` microseconds (at most 50 000) on channel 2; wait for the end of it.  The
 * answer is the time that went by, in nanoseconds; 0 if the counter does not move. */
void pit_oneshot_start(unsigned us);
uint32_t pit_oneshot_wait(void);

#endif
