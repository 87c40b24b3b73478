/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pit.h - the 8254 timer: channel 0 interrupts, channel 2 measures.  Callers: clock.c.
 */
#ifndef DRIVERS_PIT_H
#define DRIVERS_PIT_H

#include <quire/types.h>

/* Raise IRQ 0 hz times a second. */
void pit_start(unsigned hz);

/* Nanoseconds since the last tick, by channel 0's counter. */
uint32_t pit_elapsed_ns(void);

/* Raise IRQ 0 once, after so many counts (0: never); at most PIT_COUNTS_MAX. */
#define PIT_COUNTS_MAX 0xffffu
void pit_shot(unsigned counts);

/* Channel 2 as a stop-watch: count down `us` microseconds, at most PIT_ONESHOT_MAX_US. */
#define PIT_ONESHOT_MAX_US 50000
void pit_oneshot_start(unsigned us);
bool pit_oneshot_ended(void);
/* The counts that are left; of PIT_HZ in a second.  Of no meaning once it has ended. */
uint32_t pit_oneshot_left(void);
#define PIT_HZ 1193182u

#endif
