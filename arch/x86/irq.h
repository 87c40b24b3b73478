/* SPDX-License-Identifier: BSD-2-Clause
 *
 * irq.h - interrupt lines of devices: who handles which, and how many came.
 *
 * Sixteen lines of two PICs, and the CPU's own timer (drivers/lapic.h).  A line is masked until a handler stands; every interrupt is
 * acknowledged before its handler runs; a spurious 7 or 15 is counted and acknowledged as the
 * hardware wants it (see drivers/pic.c).
 * Handlers run with interrupts off, must not sleep, and may wake tasks.
 */
#ifndef ARCH_X86_IRQ_H
#define ARCH_X86_IRQ_H

#include <quire/types.h>

#define IRQ_PIT   0
#define IRQ_TIMER 16 /* the CPU's own */
#define IRQ_LINES 17

typedef void (*irq_handler)(void *arg);

/* Attach and unmask.  -EINVAL: no such line; -EBUSY: taken. */
int irq_register(unsigned line, irq_handler handler, void *arg);

/* From trap.c: line n was raised; a vector that belongs to nobody came. */
void irq_dispatch(unsigned line);
void irq_stray(unsigned vector);

/* Remap the PICs and mask every line.  Interrupts are still off. */
void irq_init(void);

/* How often line n came (n < IRQ_LINES), and how many were spurious; for /proc. */
uint64_t irq_count(unsigned line);
uint64_t irq_spurious_count(void);

#endif
