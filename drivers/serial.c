/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serial.c - the first serial port: 16550, 115200 baud, 8 data bits, no parity.
 *
 *	write -> ring -> FIFO of 16 -> line	one interrupt per empty FIFO
 *	line -> FIFO of 16 -> console_input	one interrupt per byte or pause
 *
 * I1  The transmit interrupt is enabled exactly while the ring is not empty.
 * When the ring is full, and before interrupts work, the writer empties it itself by polling:
 * nothing is lost, in any context.
 *
 * Source: National PC16550D data sheet.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "drivers/console.h"
#include "drivers/serial.h"

#define PORT 0x3f8
#define IRQ  4

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
#define FCR IIR /* when written */

#define IER_RX      0x01
#define IER_TX      0x02
#define IIR_NONE    0x01
#define FCR_SETUP   0x07 /* FIFOs on and empty, interrupt at the first byte */
#define LCR_8N1     0x03
#define LCR_DIVISOR 0x80
#define MCR_SETUP   0x0b /* DTR, RTS, interrupt line on */
#define LSR_READY   0x01
#define LSR_EMPTY   0x20
#define FIFO        16
#define CAUSES_MAX  256
#define SPIN_MAX    100000 /* a port that never gets empty must not hang the kernel */

#define RING 4096 /* a power of two */
static char ring[RING];
static unsigned head, tail; /* written at head, sent from tail; they count on */
static uint8_t ier;

static void set_ier(uint8_t value)
{
	if (ier != value)
		outb(PORT + IER, ier = value);
}

/* Fill the FIFO, which is empty. */
static void send_some(void)
{
	for (unsigned i = 0; i < FIFO && tail != head; i++)
		outb(PORT + DATA, (uint8_t)ring[tail++ % RING]);
}

static void drain(void)
{
	while (tail != head) {
		for (unsigned spin = 0; !(inb(PORT + LSR) & LSR_EMPTY) && spin < SPIN_MAX; spin++)
			cpu_relax();
		send_some();
	}
}

static void serial_write(const char *text, size_t n)
{
	uintptr_t flags = irq_save();

	while (n--) {
		if (head - tail == RING)
			drain();
		ring[head++ % RING] = *text++;
	}
	if (!(ier & IER_RX) || !(flags & FLAG_IF))
		drain();
	else
		set_ier(IER_RX | IER_TX); /* an empty FIFO raises the interrupt at once */
	irq_restore(flags);
}

static void serial_flush(void)
{
	uintptr_t flags = irq_save();

	drain();
	irq_restore(flags);
}

static void receive(void)
{
	char bytes[FIFO];
	unsigned n = 0;

	while (n < FIFO && inb(PORT + LSR) & LSR_READY)
		bytes[n++] = (char)inb(PORT + DATA);
	if (n)
		console_input(bytes, n);
}

/* Until the chip has nothing to say: the PIC sees only the edge of its line, and a cause that
 * came meanwhile makes no second one. */
static void serial_interrupt(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < CAUSES_MAX && !(inb(PORT + IIR) & IIR_NONE); i++) {
		receive();
		if (inb(PORT + LSR) & LSR_EMPTY)
			send_some();
		if (tail == head)
			set_ier(ier & (uint8_t)~IER_TX);
	}
}

static struct console_output output = {
	.name = "ttyS0",
	.write = serial_write,
	.flush = serial_flush,
};

void serial_init_early(void)
{
	outb(PORT + SCRATCH, 0x5a);
	if (inb(PORT + SCRATCH) != 0x5a)
		return; /* no such port */
	outb(PORT + IER, 0);
	outb(PORT + LCR, LCR_DIVISOR);
	outb(PORT + DATA, 1); /* 115200 */
	outb(PORT + IER, 0);
	outb(PORT + LCR, LCR_8N1);
	outb(PORT + FCR, FCR_SETUP);
	outb(PORT + MCR, MCR_SETUP);
	console_add(&output);
}

void serial_init(void)
{
	if (inb(PORT + SCRATCH) != 0x5a || irq_register(IRQ, serial_interrupt, NULL))
		return;
	uintptr_t flags = irq_save();

	set_ier(IER_RX);
	irq_restore(flags);
}
