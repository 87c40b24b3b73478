/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pic.c - the two cascaded 8259 interrupt controllers (seeds B2, B3).
 *
 * The slave's output is line 2 of the master.  When a line drops before the CPU asks which it
 * was, a PIC answers with its lowest one, 7 or 15, without marking it in service: that is how a
 * spurious interrupt is told from a real one.
 *
 * Source: Intel 8259A data sheet.
 */
#include "arch/x86/cpu.h"
#include "drivers/pic.h"

#define MASTER       0x20
#define SLAVE        0xa0
#define CASCADE      2
#define INIT_ICW4    0x11
#define MODE_8086    0x01
#define EOI          0x20
#define READ_ISR     0x0b
#define COMMAND(pic) (pic)
#define DATA(pic)    ((pic) + 1)

static uint16_t masks = 0xffff;

/* Old chips need a moment between two writes; port 0x80 is the customary wait. */
static void out_slow(uint16_t port, uint8_t value)
{
	outb(port, value);
	outb(0x80, 0);
}

static void write_masks(void)
{
	outb(DATA(MASTER), (uint8_t)masks);
	outb(DATA(SLAVE), (uint8_t)(masks >> 8));
}

void pic_init(uint8_t base)
{
	out_slow(COMMAND(MASTER), INIT_ICW4);
	out_slow(COMMAND(SLAVE), INIT_ICW4);
	out_slow(DATA(MASTER), base);
	out_slow(DATA(SLAVE), base + 8);
	out_slow(DATA(MASTER), 1 << CASCADE);
	out_slow(DATA(SLAVE), CASCADE);
	out_slow(DATA(MASTER), MODE_8086);
	out_slow(DATA(SLAVE), MODE_8086);
	masks = (uint16_t) ~(1u << CASCADE);
	write_masks();
}

void pic_mask(unsigned line)
{
	masks |= (uint16_t)(1u << line);
	write_masks();
}

void pic_unmask(unsigned line)
{
	masks &= (uint16_t) ~(1u << line);
	write_masks();
}

void pic_acknowledge(unsigned line)
{
	if (line >= 8)
		outb(COMMAND(SLAVE), EOI);
	outb(COMMAND(MASTER), EOI);
}

static bool in_service(uint16_t pic, unsigned bit)
{
	outb(COMMAND(pic), READ_ISR);
	return inb(COMMAND(pic)) >> bit & 1;
}

bool pic_is_spurious(unsigned line)
{
	if (QR_LIKELY((line & 7) != 7) || in_service(line < 8 ? MASTER : SLAVE, 7))
		return false;
	if (line == 15)
		outb(COMMAND(MASTER), EOI);
	return true;
}
