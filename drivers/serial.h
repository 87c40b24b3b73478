/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serial.h - the first serial port, a 16550, as console "ttyS0".
 */
#ifndef DRIVERS_SERIAL_H
#define DRIVERS_SERIAL_H

/* Find it and write by polling from now on.  Needs nothing else of the kernel. */
void serial_init_early(void);

/* From now on input and output by interrupt (IRQ 4). */
void serial_init(void);

#endif
