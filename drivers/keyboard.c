/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keyboard.c - PS/2 keyboard: scan codes of set 1 to the bytes a terminal would send.
 *
 * The controller translates whatever set the keyboard speaks into set 1: a code when a key goes
 * down, the same with bit 7 when it goes up, and a prefix 0xe0 for the keys that came later.
 * Letters go through shift, caps lock, control and alt (which puts ESC in front, as xterm does);
 * the other keys become the escape sequences of TERM=linux.
 *
 * Sources: IBM PS/2 hardware reference (8042 controller, scan code set 1).  US layout.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "drivers/console.h"
#include "drivers/keyboard.h"
#include "kernel/lib/string.h"

#define DATA             0x60
#define STATUS           0x64
#define COMMAND          0x64
#define OUTPUT_FULL      0x01
#define INPUT_FULL       0x02
#define FROM_MOUSE       0x20
#define READ_CONFIG      0x20
#define WRITE_CONFIG     0x60
#define ENABLE_PORT1     0xae
#define DISABLE_PORT2    0xa7
#define CONFIG_IRQ1      0x01
#define CONFIG_IRQ2      0x02
#define CONFIG_CLOCK1    0x10
#define CONFIG_TRANSLATE 0x40
#define START_SCANNING   0xf4
#define SPIN_MAX         10000
#define IRQ              1

#define RELEASE  0x80
#define EXTENDED 0xe0
#define PAUSE    0xe1

enum { LSHIFT = 0x2a, RSHIFT = 0x36, CTRL = 0x1d, ALT = 0x38, CAPS = 0x3a, NUM = 0x45 };

static const char plain[] =
    "\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
    "\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
_Static_assert(sizeof(plain) == sizeof(shifted) && sizeof(plain) == 0x3a + 1, "codes 0 .. 0x39");

#define F1     0x3b
#define KEYPAD 0x47
static const char *const function_keys[] = {
	"\033[[A",  "\033[[B",  "\033[[C",  "\033[[D",  "\033[[E",
	"\033[17~", "\033[18~", "\033[19~", "\033[20~", "\033[21~",
};
/* Codes 0x47 .. 0x53: without num lock, and with the prefix, the keys of the cursor block. */
static const char *const cursor_keys[] = {
	"\033[1~", "\033[A",  "\033[5~", "-",       "\033[D",  "",        "\033[C",
	"+",       "\033[4~", "\033[B",  "\033[6~", "\033[2~", "\033[3~",
};
static const char digits[] = "789-456+1230.";

static bool shift, ctrl, alt, caps, num, extended;
static unsigned to_skip; /* codes left of a pause key's sequence */

static void send_character(char c)
{
	char bytes[2] = { '\033', c };

	if (ctrl && ((c >= '@' && c <= '_') || (c >= 'a' && c <= 'z')))
		bytes[1] = c & 0x1f;
	else if (ctrl && (c == ' ' || c == '2'))
		bytes[1] = 0;
	else if (ctrl && c == '/')
		bytes[1] = 0x1f;
	if (alt)
		console_input(bytes, 2);
	else
		console_input(bytes + 1, 1);
}

static void send_string(const char *s)
{
	if (*s)
		console_input(s, strlen(s));
}

static void key_down(uint8_t code, bool prefix)
{
	if (code < sizeof(plain) - 1 && !(prefix && code != 0x1c && code != 0x35)) {
		bool letter = plain[code] >= 'a' && plain[code] <= 'z';
		char c = (letter ? shift != caps : shift) ? shifted[code] : plain[code];

		if (c)
			send_character(c);
	} else if (code >= F1 && code < F1 + 10) {
		send_string(function_keys[code - F1]);
	} else if (code == 0x57 || code == 0x58) {
		send_string(code == 0x57 ? "\033[23~" : "\033[24~");
	} else if (code >= KEYPAD && code < KEYPAD + sizeof(digits) - 1) {
		if (num && !prefix)
			send_character(digits[code - KEYPAD]);
		else
			send_string(cursor_keys[code - KEYPAD]);
	}
}

static void scan_code(uint8_t byte)
{
	bool down = !(byte & RELEASE), prefix = extended;
	uint8_t code = byte & (uint8_t)~RELEASE;

	if (to_skip) {
		to_skip--;
		return;
	}
	if (byte == PAUSE) {
		to_skip = 5;
		return;
	}
	extended = byte == EXTENDED;
	if (extended)
		return;
	switch (code) {
	case LSHIFT:
	case RSHIFT:
		if (!prefix) /* with it: a shift that the keyboard invents around cursor keys */
			shift = down;
		return;
	case CTRL:
		ctrl = down;
		return;
	case ALT:
		alt = down;
		return;
	case CAPS:
		caps ^= down;
		return;
	case NUM:
		num ^= down;
		return;
	}
	if (down)
		key_down(code, prefix);
}

static void keyboard_interrupt(void *arg)
{
	uint8_t status;

	(void)arg;
	while ((status = inb(STATUS)) & OUTPUT_FULL) {
		uint8_t byte = inb(DATA);

		if (!(status & FROM_MOUSE))
			scan_code(byte);
	}
}

static bool wait_input(void)
{
	for (unsigned i = 0; i < SPIN_MAX; i++)
		if (!(inb(STATUS) & INPUT_FULL))
			return true;
	return false;
}

static bool wait_output(void)
{
	for (unsigned i = 0; i < SPIN_MAX; i++)
		if (inb(STATUS) & OUTPUT_FULL)
			return true;
	return false;
}

static bool command(uint8_t c)
{
	if (!wait_input())
		return false;
	outb(COMMAND, c);
	return true;
}

void keyboard_init(void)
{
	if (inb(STATUS) == 0xff || !command(DISABLE_PORT2))
		return; /* nobody there */
	for (unsigned i = 0; i < 16 && inb(STATUS) & OUTPUT_FULL; i++)
		inb(DATA);
	if (!command(READ_CONFIG) || !wait_output())
		return;
	uint8_t config = inb(DATA);

	config =
	    (config | CONFIG_IRQ1 | CONFIG_TRANSLATE) & (uint8_t) ~(CONFIG_IRQ2 | CONFIG_CLOCK1);
	if (!command(WRITE_CONFIG) || !wait_input())
		return;
	outb(DATA, config);
	if (!command(ENABLE_PORT1) || irq_register(IRQ, keyboard_interrupt, NULL))
		return;
	if (wait_input())
		outb(DATA, START_SCANNING); /* its answer comes as a code that means nothing */
}
