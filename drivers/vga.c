/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vga.c - the cells of the VGA text screen.
 *
 * Two bytes a cell, character and attribute, in the direct map of the kernel.  Every coordinate
 * is clamped here, so that no byte outside the screen is ever written.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "drivers/console.h"
#include "drivers/vga.h"
#include "kernel/boot_info.h"
#include "kernel/lib/string.h"

#define CRTC_INDEX   0x3d4
#define CRTC_DATA    0x3d5
#define CURSOR_START 0x0a
#define CURSOR_HIGH  0x0e
#define CURSOR_LOW   0x0f
#define CURSOR_OFF   0x20
#define CURSOR_LINE  0x0e
#define MAX_CELLS    (32768 / 2) /* the window at 0xb8000 */

static uint16_t *cells;
static unsigned nrows, ncolumns;

static unsigned clamp(unsigned value, unsigned limit)
{
	return value < limit ? value : limit - 1;
}

static void fill(uint16_t *to, unsigned n, uint8_t attribute)
{
	while (n--)
		*to++ = (uint16_t)(' ' | attribute << 8);
}

void vga_put(unsigned row, unsigned column, uint8_t character, uint8_t attribute)
{
	row = clamp(row, nrows);
	column = clamp(column, ncolumns);
	cells[row * ncolumns + column] = (uint16_t)(character | attribute << 8);
}

void vga_erase(unsigned row, unsigned from, unsigned to, uint8_t attribute)
{
	row = clamp(row, nrows);
	if (to > ncolumns)
		to = ncolumns;
	if (from < to)
		fill(cells + row * ncolumns + from, to - from, attribute);
}

void vga_scroll(unsigned top, unsigned bottom, int n, uint8_t attribute)
{
	bottom = clamp(bottom, nrows);
	if (top > bottom || !n)
		return;
	unsigned height = bottom - top + 1;
	unsigned by = n > 0 ? (unsigned)n : (unsigned)-n;

	if (by > height)
		by = height;
	uint16_t *first = cells + top * ncolumns;
	size_t kept = (size_t)(height - by) * ncolumns;
	size_t gone = (size_t)by * ncolumns;

	if (n > 0) {
		memmove(first, first + gone, kept * sizeof(*first));
		fill(first + kept, (unsigned)gone, attribute);
	} else {
		memmove(first + gone, first, kept * sizeof(*first));
		fill(first, (unsigned)gone, attribute);
	}
}

void vga_shift(unsigned row, unsigned column, int n, uint8_t attribute)
{
	row = clamp(row, nrows);
	column = clamp(column, ncolumns);
	unsigned width = ncolumns - column;
	unsigned by = n > 0 ? (unsigned)n : (unsigned)-n;

	if (by > width)
		by = width;
	uint16_t *first = cells + row * ncolumns + column;

	if (n > 0) {
		memmove(first + by, first, (width - by) * sizeof(*first));
		fill(first, by, attribute);
	} else {
		memmove(first, first + by, (width - by) * sizeof(*first));
		fill(first + width - by, by, attribute);
	}
}

static void crtc(uint8_t index, uint8_t value)
{
	outb(CRTC_INDEX, index);
	outb(CRTC_DATA, value);
}

void vga_cursor(unsigned row, unsigned column, bool visible)
{
	unsigned at = clamp(row, nrows) * ncolumns + clamp(column, ncolumns);

	crtc(CURSOR_HIGH, (uint8_t)(at >> 8));
	crtc(CURSOR_LOW, (uint8_t)at);
	crtc(CURSOR_START, visible ? CURSOR_LINE : CURSOR_OFF);
}

void vga_size(unsigned *rows, unsigned *columns)
{
	*rows = nrows;
	*columns = ncolumns;
}

static struct console_output output = { .name = "tty0", .write = terminal_write };

void vga_init(void)
{
	const struct boot_screen *s = &boot_info.screen;

	if (s->kind != BOOT_SCREEN_TEXT || s->address < 0xa0000 || s->address >= 0xc0000 ||
	    !s->width || !s->height || s->width > 512 || s->height > 512 ||
	    s->width * s->height > MAX_CELLS || s->address + s->width * s->height * 2 > 0xc0000)
		return;
	cells = direct_map(s->address);
	ncolumns = s->width;
	nrows = s->height;
	terminal_init(nrows, ncolumns);
	console_add(&output);
}
