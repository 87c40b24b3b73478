/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vga.h - the VGA text screen as console "tty0".
 *
 * vga.c holds the cells: put, scroll, erase, cursor, each clamped to the screen.  terminal.c
 * reads the bytes of programs, escape sequences included, and calls these.
 */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include <quire/types.h>

/* Use the text screen of boot_info, if there is one. */
void vga_init(void);
void vga_size(unsigned *rows, unsigned *columns);

/* Rows and columns beyond the screen are moved to its edge. */
void vga_put(unsigned row, unsigned column, uint8_t character, uint8_t attribute);
void vga_erase(unsigned row, unsigned from, unsigned to, uint8_t attribute);
/* Move rows [top, bottom] up by n (down if negative); the rows that come free are erased. */
void vga_scroll(unsigned top, unsigned bottom, int n, uint8_t attribute);
/* Move cells [column, end of row] right by n (left if negative). */
void vga_shift(unsigned row, unsigned column, int n, uint8_t attribute);
void vga_cursor(unsigned row, unsigned column, bool visible);

/* terminal.c: the output of programs. */
void terminal_init(unsigned rows, unsigned columns);
void terminal_write(const char *text, size_t n);

#endif
