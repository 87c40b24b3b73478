/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.h - where text goes and where keys come from, whatever the devices are.
 *
 * A console is a set of outputs (serial line, VGA text) that all receive every byte, and of
 * inputs (serial line, keyboard) whose bytes reach one receiver, the tty.  No line discipline
 * here: bytes go out as they are ("\r\n" is the writer's business).
 *
 * `console=ttyS0` and `console=tty0` on the command line choose the outputs; without: all.
 * Context: write in any context, panic included; the receiver is called in interrupts.
 */
#ifndef DRIVERS_CONSOLE_H
#define DRIVERS_CONSOLE_H

#include <quire/types.h>

struct console_output {
	const char *name; /* "ttyS0", "tty0" */
	void (*write)(const char *text, size_t n);
	void (*flush)(void); /* until the device has it all; may be NULL */
	struct console_output *next;
};

/* The caller keeps *out for ever.  Ignored if the command line chooses others. */
void console_add(struct console_output *out);

void console_write(const char *text, size_t n);
void console_flush(void);

/* Bytes of all inputs go to fn, in interrupt context.  Until somebody registers they are lost. */
void console_on_input(void (*fn)(const char *bytes, size_t n));

/* Called by the drivers of input devices. */
void console_input(const char *bytes, size_t n);

/* Size of the screen for TIOCGWINSZ: VGA's when it is the only output, else 24 x 80. */
void console_size(unsigned *rows, unsigned *columns);

#endif
