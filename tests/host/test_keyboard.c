/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The keyboard: scan codes in, the bytes of a terminal out.
 */
#include "tap.h"

#include <string.h>

/* Ports are a queue of scan codes here. */
#define ARCH_X86_CPU_H
#include <quire/types.h>
static const uint8_t *codes;
static size_t ncodes;
static uint8_t inb(uint16_t port)
{
	if (port == 0x64)
		return ncodes > 0;
	ncodes--;
	return *codes++;
}
static void outb(uint16_t port, uint8_t value)
{
	(void)port;
	(void)value;
}
#include "drivers/keyboard.c"

int irq_register(unsigned line, irq_handler handler, void *arg)
{
	(void)line;
	(void)handler;
	(void)arg;
	return 0;
}

static char got[256];
static size_t ngot;

void console_input(const char *bytes, size_t n)
{
	must(ngot + n < sizeof(got), "no more than the keys give");
	memcpy(got + ngot, bytes, n);
	ngot += n;
}

static bool gives(const char *want, size_t nwant, const uint8_t *in, size_t n)
{
	codes = in;
	ncodes = n;
	ngot = 0;
	keyboard_interrupt(NULL);
	return ngot == nwant && !memcmp(got, want, nwant);
}

#define KEYS(want, what, ...)                                              \
	ok(gives(want, sizeof(want) - 1, (const uint8_t[]){ __VA_ARGS__ }, \
		 sizeof((const uint8_t[]){ __VA_ARGS__ })),                \
	   what)

int main(void)
{
	keyboard_init();
	KEYS("ls\r", "letters and enter", 0x26, 0xa6, 0x1f, 0x9f, 0x1c, 0x9c);
	KEYS("aAa", "shift while it is held", 0x1e, 0x9e, 0x2a, 0x1e, 0x9e, 0xaa, 0x1e);
	KEYS("A1!a", "caps lock is for letters, and shift turns it round", 0x3a, 0xba, 0x1e, 0x02,
	     0x36, 0x02, 0x1e, 0xb6, 0x3a, 0xba);
	KEYS("\003\004\032", "control", 0x1d, 0x2e, 0x20, 0x2c, 0x9d);
	KEYS("\0", "control and blank", 0x1d, 0x39, 0x9d);
	KEYS("\033b", "alt is an escape in front", 0x38, 0x30, 0xb8);
	KEYS("\033[A\033[B\033[D\033[C", "arrows", 0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x50, 0xe0, 0x4b,
	     0xe0, 0x4d);
	KEYS("\033[A", "shifts that the keyboard invents", 0xe0, 0xaa, 0xe0, 0x48);
	KEYS("7\033[1~", "keypad with num lock and without", 0x45, 0xc5, 0x47, 0x45, 0xc5, 0x47);
	KEYS("\033[[A\033[21~\033[24~", "function keys", 0x3b, 0x44, 0x58);
	KEYS("/\r", "the keypad's slash and enter", 0xe0, 0x35, 0xe0, 0x1c);
	KEYS("\177\033\t", "backspace, escape, tab", 0x0e, 0x01, 0x0f);
	KEYS("x", "the pause key gives nothing", 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, 0x2d);
	uint64_t state = seed();

	for (int i = 0; i < 1000000; i++) {
		uint8_t code = (uint8_t)random64(&state);

		codes = &code;
		ncodes = 1;
		ngot = 0;
		keyboard_interrupt(NULL);
	}
	ok(true, "a million random codes");
	return done();
}
