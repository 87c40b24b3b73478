/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyboard.h - the PS/2 keyboard as an input of the console.
 */
#ifndef DRIVERS_KEYBOARD_H
#define DRIVERS_KEYBOARD_H

/* Find the controller, start the keyboard, attach IRQ 1.  Nothing happens without one. */
void keyboard_init(void);

#endif
