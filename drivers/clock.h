/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.h - time: a tick for the scheduler, nanoseconds since boot, and the wall clock.
 *
 * The tick comes from PIT channel 0 at CLOCK_HZ.  Nanoseconds come from the TSC where the CPU has
 * one (calibrated once against the PIT), otherwise from the tick plus the PIT's counter.
 * clock_ns never goes backwards.
 */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <quire/types.h>

#define CLOCK_HZ 100

/* Calibrate, start the tick.  Calls tick() in interrupt context, interrupts off. */
void clock_init(void (*tick)(void));

/* Nanoseconds since clock_init.  Any context. */
uint64_t clock_ns(void);

/* Ticks since clock_init. */
uint64_t clock_ticks(void);

/* The battery clock: seconds since 1970, UTC.  Slow (up to a second's wait never; a few port
 * reads); read once at boot. */
uint64_t rtc_read(void);

/* Wait without sleeping: for device initialisation. */
void clock_spin_us(unsigned us);

#endif
