/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lapic.h - the timer of the CPU's own interrupt controller: counts down once, then interrupts.
 *
 * Only the timer is used: devices go on coming through the PICs, whose line passes the controller
 * as if it were not there ("virtual wire").  Its rate is the bus clock's; clock.c measures it.
 *
 * Source: Intel SDM volume 3, 11.4 (registers), 11.5.4 (timer).
 */
#ifndef DRIVERS_LAPIC_H
#define DRIVERS_LAPIC_H

#include <quire/types.h>

/* Find and enable it; the timer is off.  False: the CPU has none, or one that has no registers in
 * memory (x2APIC mode). */
bool lapic_init(unsigned vector);

/* Interrupt after `counts` (0: never; a count under way is forgotten), and how many are left. */
void lapic_timer_set(uint32_t counts);
uint32_t lapic_timer_left(void);

/* The interrupt has been taken. */
void lapic_acknowledge(void);

#endif
