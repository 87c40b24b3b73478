/* SPDX-License-Identifier: BSD-2-Clause
 *
 * terminal.c - bytes and escape sequences of programs, shown on the VGA screen.
 *
 * The subset of ECMA-48 and of Linux's console that TERM=linux programs such as vi, top and a
 * shell's line editor send: cursor motion and position, erase, insert and delete of lines and
 * characters, scroll region, colours, save and restore, cursor on and off.  What is not known is
 * read to its end and ignored.
 *
 *	TEXT --ESC--> ESCAPE --[--> CSI --letter--> (done)
 *			  `--other: done at once
 *
 * I1  row < rows, column <= columns (== columns: the next character wraps first),
 *     top <= bottom < rows.
 * Context: any; the console serialises by turning interrupts off.
 */
#include "arch/x86/cpu.h"
#include "drivers/vga.h"

#define PARAMS    8
#define NORMAL    0x07
#define TAB       8
#define COUNT_MAX 512 /* no screen is larger: beyond it a number says no more */

enum parse { TEXT, ESCAPE, CSI, CHARSET, STRING };

static struct {
	unsigned rows, columns, row, column, top, bottom;
	unsigned saved_row, saved_column;
	enum parse parse;
	bool private, visible, reverse, bold;
	uint8_t color; /* background << 4 | foreground */
	unsigned nparams;
	unsigned params[PARAMS];
} t;

static uint8_t attribute(void)
{
	uint8_t c = t.color;

	if (t.reverse)
		c = (uint8_t)(c >> 4 | c << 4) & 0x77;
	return t.bold ? c | 0x08 : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Parameter n, or `otherwise` if it is absent or 0. */
static unsigned param(unsigned n, unsigned otherwise)
{
	return n < t.nparams && t.params[n] ? t.params[n] : otherwise;
}

static void line_feed(void)
{
	if (t.row == t.bottom)
		vga_scroll(t.top, t.bottom, 1, attribute());
	else if (t.row < t.rows - 1)
		t.row++;
}

static void reverse_line_feed(void)
{
	if (t.row == t.top)
		vga_scroll(t.top, t.bottom, -1, attribute());
	else if (t.row)
		t.row--;
}

static void put(uint8_t c)
{
	if (t.column == t.columns) {
		t.column = 0;
		line_feed();
	}
	vga_put(t.row, t.column++, c, attribute());
}

static void move_to(unsigned row, unsigned column)
{
	t.row = least(row, t.rows - 1);
	t.column = least(column, t.columns - 1);
}

static void erase_rows(unsigned from, unsigned to)
{
	for (unsigned row = from; row < to; row++)
		vga_erase(row, 0, t.columns, attribute());
}

static void erase_screen(unsigned how)
{
	if (how == 0) {
		vga_erase(t.row, t.column, t.columns, attribute());
		erase_rows(t.row + 1, t.rows);
	} else if (how == 1) {
		erase_rows(0, t.row);
		vga_erase(t.row, 0, t.column + 1, attribute());
	} else {
		erase_rows(0, t.rows);
	}
}

static void erase_line(unsigned how)
{
	vga_erase(t.row, how == 0 ? t.column : 0, how == 1 ? t.column + 1 : t.columns, attribute());
}

/* ANSI counts red, green, blue from the low bit; VGA from the high one. */
static uint8_t vga_color(unsigned ansi)
{
	return (uint8_t)((ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2);
}

static void set_rendition(unsigned p)
{
	if (p == 0) {
		t.color = NORMAL;
		t.bold = t.reverse = false;
	} else if (p == 1) {
		t.bold = true;
	} else if (p == 7) {
		t.reverse = true;
	} else if (p == 21 || p == 22) {
		t.bold = false;
	} else if (p == 27) {
		t.reverse = false;
	} else if (p >= 30 && p <= 37) {
		t.color = (t.color & 0xf0) | vga_color(p - 30);
	} else if (p == 39) {
		t.color = (t.color & 0xf0) | (NORMAL & 0x0f);
	} else if (p >= 40 && p <= 47) {
		t.color = (uint8_t)((t.color & 0x0f) | vga_color(p - 40) << 4);
	} else if (p == 49) {
		t.color &= 0x0f;
	} else if (p >= 90 && p <= 97) {
		t.color = (t.color & 0xf0) | 0x08 | vga_color(p - 90);
	}
}

static void set_region(void)
{
	unsigned top = param(0, 1) - 1, bottom = least(param(1, t.rows), t.rows) - 1;

	if (top < bottom) {
		t.top = top;
		t.bottom = bottom;
		move_to(0, 0);
	}
}

static void save_cursor(void)
{
	t.saved_row = t.row;
	t.saved_column = t.column;
}

static void scroll_from_row(int n)
{
	if (t.row >= t.top && t.row <= t.bottom)
		vga_scroll(t.row, t.bottom, n, attribute());
}

/* The last byte of ESC [ parameters: motions of the cursor. */
static void motion(uint8_t c, unsigned n)
{
	switch (c) {
	case 'A':
		move_to(t.row > n ? t.row - n : 0, t.column);
		break;
	case 'B':
	case 'e':
		move_to(t.row + n, t.column);
		break;
	case 'C':
	case 'a':
		move_to(t.row, t.column + n);
		break;
	case 'D':
		move_to(t.row, t.column > n ? t.column - n : 0);
		break;
	case 'G':
	case '`':
		move_to(t.row, n - 1);
		break;
	case 'd':
		move_to(n - 1, t.column);
		break;
	case 'H':
	case 'f':
		move_to(n - 1, least(param(1, 1), COUNT_MAX) - 1);
		break;
	case 's':
		save_cursor();
		break;
	case 'u':
		move_to(t.saved_row, t.saved_column);
		break;
	}
}

/* Changes of what is shown. */
static void edit(uint8_t c, unsigned n)
{
	switch (c) {
	case 'J':
		erase_screen(param(0, 0));
		break;
	case 'K':
		erase_line(param(0, 0));
		break;
	case 'L':
		scroll_from_row(-(int)n);
		break;
	case 'M':
		scroll_from_row((int)n);
		break;
	case '@':
		vga_shift(t.row, t.column, (int)n, attribute());
		break;
	case 'P':
		vga_shift(t.row, t.column, -(int)n, attribute());
		break;
	case 'X':
		vga_erase(t.row, t.column, t.column + n, attribute());
		break;
	}
}

/* How things are shown from now on. */
static void mode(uint8_t c)
{
	switch (c) {
	case 'm':
		for (unsigned i = 0; i < t.nparams; i++)
			set_rendition(t.params[i]);
		break;
	case 'r':
		set_region();
		break;
	case 'h':
	case 'l':
		if (t.private && param(0, 0) == 25)
			t.visible = c == 'h';
		break;
	}
}

/* No letter belongs to two of them. */
static void control(uint8_t c)
{
	unsigned n = least(param(0, 1), COUNT_MAX);

	motion(c, n);
	edit(c, n);
	mode(c);
}

static void plain(uint8_t c)
{
	switch (c) {
	case '\033':
		t.parse = ESCAPE;
		break;
	case '\r':
		t.column = 0;
		break;
	case '\n':
	case '\v':
	case '\f':
		line_feed();
		break;
	case '\b':
		if (t.column)
			t.column = least(t.column, t.columns) - 1;
		break;
	case '\t':
		t.column = least((t.column / TAB + 1) * TAB, t.columns - 1);
		break;
	default:
		if (c >= ' ' && c != 0x7f)
			put(c);
	}
}

static void escape(uint8_t c)
{
	t.parse = TEXT;
	switch (c) {
	case '[':
		t.parse = CSI;
		t.private = false;
		t.nparams = 1;
		t.params[0] = 0;
		break;
	case ']':
		t.parse = STRING;
		break;
	case '(':
	case ')':
		t.parse = CHARSET;
		break;
	case 'D':
		line_feed();
		break;
	case 'E':
		t.column = 0;
		line_feed();
		break;
	case 'M':
		reverse_line_feed();
		break;
	case '7':
		save_cursor();
		break;
	case '8':
		move_to(t.saved_row, t.saved_column);
		break;
	case 'c':
		terminal_init(t.rows, t.columns);
		break;
	}
}

static void csi(uint8_t c)
{
	unsigned *last = &t.params[t.nparams - 1];

	if (c >= '0' && c <= '9') {
		if (*last < 10000)
			*last = *last * 10 + (c - '0');
	} else if (c == ';') {
		if (t.nparams < PARAMS)
			t.params[t.nparams++] = 0;
	} else if (c == '?') {
		t.private = true;
	} else if (c >= '@') {
		t.parse = TEXT;
		control(c);
	} else if (c < ' ') {
		plain(c);
	}
}

void terminal_write(const char *text, size_t n)
{
	uintptr_t flags = irq_save();

	for (; n; n--, text++) {
		uint8_t c = (uint8_t)*text;

		switch (t.parse) {
		case TEXT:
			plain(c);
			break;
		case ESCAPE:
			escape(c);
			break;
		case CSI:
			csi(c);
			break;
		case CHARSET:
			t.parse = TEXT;
			break;
		case STRING:
			if (c == '\a' || c == '\033')
				t.parse = c == '\a' ? TEXT : ESCAPE;
			break;
		}
	}
	vga_cursor(t.row, least(t.column, t.columns - 1), t.visible);
	irq_restore(flags);
}

void terminal_init(unsigned rows, unsigned columns)
{
	t.rows = rows;
	t.columns = columns;
	t.top = t.row = t.column = t.saved_row = t.saved_column = 0;
	t.bottom = rows - 1;
	t.parse = TEXT;
	t.bold = t.reverse = t.private = false;
	t.visible = true;
	t.color = NORMAL;
	erase_rows(0, rows);
}
