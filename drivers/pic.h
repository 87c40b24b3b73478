/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pic.h - the two cascaded 8259 interrupt controllers.  Callers: arch/x86/irq.c.
 */
#ifndef DRIVERS_PIC_H
#define DRIVERS_PIC_H

#include <quire/types.h>

/* Lines 0-7 become vectors base .. base+7, lines 8-15 the next eight; all masked. */
void pic_init(uint8_t base);

void pic_mask(unsigned line);
void pic_unmask(unsigned line);

/* End of interrupt: the master, for lines of the slave both. */
void pic_acknowledge(unsigned line);

/* A line 7 or 15 that was gone before it was asked for.  Acknowledges what has to be: nothing
 * for 7; the master's cascade for 15. */
bool pic_is_spurious(unsigned line);

#endif
