/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pit.c - the 8254 timer.
 *
 * Source: Intel 8254 data sheet.  Channel 2's gate and output are bits of port 0x61.
 */
#include "arch/x86/cpu.h"
#include "drivers/pit.h"

#define CHANNEL0  0x40
#define CHANNEL2  0x42
#define COMMAND   0x43
#define PORT_B    0x61
#define GATE2     0x01
#define SPEAKER   0x02
#define OUTPUT2   0x20
#define TICK_MODE 0x34 /* channel 0, both bytes, rate generator */
#define ONCE_MODE 0x30 /* channel 0, both bytes, interrupt at the end of the count */
#define SHOT_MODE 0xb0 /* channel 2, both bytes, one shot */
#define LATCH0    0x00
#define LATCH2    0x80

static uint32_t tick_divisor;

static uint32_t counts_to_ns(uint32_t counts)
{
	return (uint32_t)((uint64_t)counts * 1000000000u / PIT_HZ);
}

static uint32_t read_counter(uint16_t channel, uint8_t latch)
{
	outb(COMMAND, latch);
	uint32_t low = inb(channel);

	return low | (uint32_t)inb(channel) << 8;
}

void pit_start(unsigned hz)
{
	tick_divisor = (PIT_HZ + hz / 2) / hz;
	outb(COMMAND, TICK_MODE);
	outb(CHANNEL0, (uint8_t)tick_divisor);
	outb(CHANNEL0, (uint8_t)(tick_divisor >> 8));
}

uint32_t pit_elapsed_ns(void)
{
	if (!tick_divisor)
		return 0;
	uint32_t left = read_counter(CHANNEL0, LATCH0);

	return left > tick_divisor ? 0 : counts_to_ns(tick_divisor - left);
}

/* Choosing the mode stops the count, until its second byte is there. */
void pit_shot(unsigned counts)
{
	outb(COMMAND, ONCE_MODE);
	if (!counts)
		return;
	outb(CHANNEL0, (uint8_t)counts);
	outb(CHANNEL0, (uint8_t)(counts >> 8));
}

void pit_oneshot_start(unsigned us)
{
	uint32_t count = (uint32_t)((uint64_t)us * PIT_HZ / 1000000u);

	outb(PORT_B, (uint8_t)((inb(PORT_B) & ~SPEAKER) | GATE2));
	outb(COMMAND, SHOT_MODE);
	outb(CHANNEL2, (uint8_t)count);
	outb(CHANNEL2, (uint8_t)(count >> 8));
}

bool pit_oneshot_ended(void)
{
	return inb(PORT_B) & OUTPUT2;
}

uint32_t pit_oneshot_left(void)
{
	return read_counter(CHANNEL2, LATCH2);
}
