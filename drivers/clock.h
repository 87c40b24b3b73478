/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.h - time: nanoseconds since boot, an interrupt at a time, and the wall clock.
 *
 *	nanoseconds	from the TSC (measured once against the PIT), where the CPU has one
 *	interrupts	once, at the earliest time asked for: from the CPU's own timer, else the PIT
 *
 * Without a TSC the PIT is all there is: it interrupts CLOCK_HZ times a second, whatever is asked
 * for, and its counter tells the time between.  clock_ns never goes backwards.
 */
#ifndef DRIVERS_CLOCK_H
#define DRIVERS_CLOCK_H

#include <quire/types.h>
#include "arch/x86/cpu.h"

#define CLOCK_HZ 100

/* Measure.  Calls event() in interrupt context, interrupts off, when a time that was asked for
 * has come, or a little before: it looks at the clock and asks for the next. */
void clock_init(void (*event)(void));

/* Nanoseconds since clock_init.  Any context. */
uint64_t clock_ns(void);

/* What clock_ns is made of: for lengths of time that are measured more often than asked for.
 * Any context. */
extern bool clock_counts_tsc;
QR_INLINE uint64_t clock_count(void)
{
	return QR_LIKELY(clock_counts_tsc) ? rdtsc() : clock_ns();
}
/* So many counts in nanoseconds. */
uint64_t clock_count_ns(uint64_t counts);

/* Interrupt at `when` at the latest, by clock_ns().  An earlier time that was asked for stands;
 * after the interrupt nothing does.  Any context. */
void clock_interrupt_at(uint64_t when);

/* The battery clock: seconds since 1970, UTC.  Slow (up to a second's wait never; a few port
 * reads); read once at boot. */
uint64_t rtc_read(void);

/* Wait without sleeping: for device initialisation. */
void clock_spin_us(unsigned us);

#endif
