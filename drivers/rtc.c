/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rtc.c - the battery clock (MC146818), read once at boot.
 *
 * The chip counts in BCD or binary, 12 or 24 hours, as its status register B says.  It must not
 * be read while it moves on: two equal readings in a row, both outside an update, are right.
 */
#include "arch/x86/cpu.h"
#include "drivers/clock.h"
#include "kernel/lib/string.h"

#define INDEX      0x70
#define DATA       0x71
#define STATUS_A   0x0a
#define STATUS_B   0x0b
#define CENTURY    0x32
#define UPDATING   0x80
#define B_24_HOURS 0x02
#define B_BINARY   0x04
#define AFTERNOON  0x80
#define TRIES      10000

struct reading {
	uint8_t second, minute, hour, day, month, year, century;
};

static uint8_t cmos(uint8_t index)
{
	outb(INDEX, index);
	return inb(DATA);
}

static struct reading read_all(void)
{
	for (unsigned i = 0; i < TRIES && cmos(STATUS_A) & UPDATING; i++)
		cpu_relax();
	return (
	    struct reading){ cmos(0), cmos(2), cmos(4), cmos(7), cmos(8), cmos(9), cmos(CENTURY) };
}

static unsigned from_bcd(uint8_t v, uint8_t status)
{
	return status & B_BINARY ? v : (v >> 4) * 10u + (v & 15);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, whose year here begins in March. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month > 2 ? year : year - 1;
	unsigned m = month > 2 ? month - 3 : month + 9;

	return y * 365ull + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t rtc_read(void)
{
	struct reading a, b = read_all();

	for (unsigned i = 0; i < 10; i++) {
		a = b;
		b = read_all();
		if (!memcmp(&a, &b, sizeof(a)))
			break;
	}
	uint8_t status = cmos(STATUS_B);
	unsigned hour = from_bcd(b.hour & (uint8_t)~AFTERNOON, status);

	if (!(status & B_24_HOURS))
		hour = hour % 12 + (b.hour & AFTERNOON ? 12 : 0);
	unsigned century = from_bcd(b.century, status);
	unsigned year =
	    from_bcd(b.year, status) + (century >= 19 && century <= 21 ? century : 20) * 100;
	unsigned month = from_bcd(b.month, status);

	if (month < 1 || month > 12)
		return 0;
	return ((days_since_1970(year, month, from_bcd(b.day, status)) * 24 + hour) * 60 +
		from_bcd(b.minute, status)) *
		   60 +
	       from_bcd(b.second, status);
}
