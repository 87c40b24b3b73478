/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The terminal on the VGA screen: drawn screens, and a million random bytes that must stay on it.
 */
#include "tap.h"

#include <string.h>

/* The terminal turns interrupts off, which a test must not. */
#define ARCH_X86_CPU_H
#include <quire/types.h>
static uintptr_t irq_save(void)
{
	return 0;
}
static void irq_restore(uintptr_t flags)
{
	(void)flags;
}
#include "drivers/terminal.c"

#define ROWS    6
#define COLUMNS 10

/* A screen that does not forgive: what the real one clamps is a failure here, except for the
 * ends of erasures. */
static uint8_t screen[ROWS][COLUMNS], attributes[ROWS][COLUMNS];
static unsigned cursor_row, cursor_column;
static bool cursor_visible;

static void set(unsigned row, unsigned column, uint8_t c, uint8_t attribute)
{
	must(row < ROWS && column < COLUMNS, "cell %u, %u", row, column);
	screen[row][column] = c;
	attributes[row][column] = attribute;
}

void vga_put(unsigned row, unsigned column, uint8_t character, uint8_t attribute)
{
	set(row, column, character, attribute);
}

void vga_erase(unsigned row, unsigned from, unsigned to, uint8_t attribute)
{
	for (; from < to && from < COLUMNS; from++)
		set(row, from, ' ', attribute);
}

void vga_scroll(unsigned top, unsigned bottom, int n, uint8_t attribute)
{
	must(top <= bottom && bottom < ROWS && n, "scroll of %u to %u by %d", top, bottom, n);
	for (; n > 0; n--) {
		for (unsigned row = top; row < bottom; row++)
			memcpy(screen[row], screen[row + 1], COLUMNS);
		vga_erase(bottom, 0, COLUMNS, attribute);
	}
	for (; n < 0; n++) {
		for (unsigned row = bottom; row > top; row--)
			memcpy(screen[row], screen[row - 1], COLUMNS);
		vga_erase(top, 0, COLUMNS, attribute);
	}
}

void vga_shift(unsigned row, unsigned column, int n, uint8_t attribute)
{
	for (; n > 0; n--) {
		if (column < COLUMNS)
			memmove(&screen[row][column + 1], &screen[row][column],
				COLUMNS - column - 1);
		vga_erase(row, column, column + 1, attribute);
	}
	for (; n < 0; n++) {
		if (column < COLUMNS)
			memmove(&screen[row][column], &screen[row][column + 1],
				COLUMNS - column - 1);
		vga_erase(row, COLUMNS - 1, COLUMNS, attribute);
	}
}

void vga_cursor(unsigned row, unsigned column, bool visible)
{
	must(row < ROWS && column < COLUMNS, "cursor at %u, %u", row, column);
	cursor_row = row;
	cursor_column = column;
	cursor_visible = visible;
}

static void show(const char *text)
{
	terminal_init(ROWS, COLUMNS);
	terminal_write(text, strlen(text));
}

/* Does the screen show these lines?  Lines end in '|'; blanks behind them count as nothing. */
static bool shows(const char *lines)
{
	for (unsigned row = 0; row < ROWS; row++) {
		for (unsigned column = 0; column < COLUMNS; column++) {
			bool more = *lines && *lines != '|';

			if (screen[row][column] != (more ? (uint8_t)*lines : ' '))
				return false;
			lines += more;
		}
		lines += *lines == '|';
	}
	return true;
}

static void drawn(void)
{
	show("ab\r\ncd");
	ok(shows("ab|cd"), "lines");
	ok(cursor_row == 1 && cursor_column == 2, "the cursor behind them");
	show("0123456789ABC");
	ok(shows("0123456789|ABC"), "a long line wraps");
	show("0123456789\r\nx");
	ok(shows("0123456789|x"), "a full line and its end are one line");
	show("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7");
	ok(shows("2|3|4|5|6|7"), "the screen scrolls");
	show("abc\033[2;3Hx\033[Hy\033[99;99Hz");
	ok(shows("ybc|  x||||         z"), "positions are clamped");
	show("abcdef\033[3D\033[K");
	ok(shows("abc"), "erase to the end of the line");
	show("abcdef\r\nx\033[1;3H\033[J");
	ok(shows("ab"), "erase to the end of the screen");
	show("abcdef\033[2J");
	ok(shows(""), "erase all");
	show("abc\033[1;2H\033[2@");
	ok(shows("a  bc"), "insert characters");
	show("abcdef\033[1;2H\033[2P");
	ok(shows("adef"), "delete characters");
	show("1\r\n2\r\n3\033[2H\033[L");
	ok(shows("1||2|3"), "insert a line");
	show("1\r\n2\r\n3\033[2H\033[M");
	ok(shows("1|3"), "delete a line");
	show("1\r\n2\r\n3\r\n4\r\n5\r\n6\033[2;4r\033[4H\n");
	ok(shows("1|3|4||5|6"), "only the region scrolls");
	show("1\r\n2\033[H\033M");
	ok(shows("|1|2"), "reverse line feed scrolls down");
	show("a\tb\bc");
	ok(shows("a       c"), "tab and backspace");
	show("\033[31;1mx\033[0my");
	ok(attributes[0][0] == 0x0c && attributes[0][1] == 0x07, "bold red, and back");
	show("\033[?25l");
	ok(!cursor_visible, "no cursor");
	show("\033[5;77;z\033]0;title\007\033(Bok\033[>1c");
	ok(shows("ok"), "what is not known is passed over");
}

static void random_bytes(void)
{
	static const char interesting[] =
	    "\033\033\033[[[;?0123456789HJKLMPXABCDrmhlsu@\r\n\t\b78c](x";
	uint64_t state = seed();

	terminal_init(ROWS, COLUMNS);
	for (int i = 0; i < 1000000; i++) {
		char c = random_below(&state, 4)
			     ? interesting[random_below(&state, sizeof(interesting) - 1)]
			     : (char)random64(&state);

		terminal_write(&c, 1);
		must(t.row < ROWS && t.column <= COLUMNS && t.top <= t.bottom && t.bottom < ROWS,
		     "invariant I1");
	}
	ok(true, "a million random bytes stay on the screen");
}

int main(void)
{
	drawn();
	random_bytes();
	return done();
}
