/* SPDX-License-Identifier: BSD-2-Clause
 *
 * irq.c - hand an interrupt line to its handler.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "drivers/lapic.h"
#include "drivers/pic.h"
#include "kernel/errno.h"
#include "kernel/log.h"

static struct line {
	irq_handler handler;
	void *arg;
	uint64_t count;
} lines[IRQ_LINES];

static uint64_t spurious;

void irq_init(void)
{
	pic_init(VECTOR_IRQ0);
}

int irq_register(unsigned line, irq_handler handler, void *arg)
{
	if (line >= IRQ_LINES)
		return -EINVAL;
	if (lines[line].handler)
		return -EBUSY;
	uintptr_t flags = irq_save();

	lines[line].handler = handler;
	lines[line].arg = arg;
	if (line != IRQ_TIMER)
		pic_unmask(line);
	irq_restore(flags);
	return 0;
}

/* Acknowledged first: interrupts stay off until the return, so nothing comes in between, and the
 * handler may switch tasks on its way out. */
void irq_dispatch(unsigned n)
{
	struct cpu *cpu = this_cpu();
	struct line *line = &lines[n];

	if (n == IRQ_TIMER) {
		lapic_acknowledge();
	} else if (QR_RARELY(pic_is_spurious(n))) {
		spurious++;
		return;
	} else {
		pic_acknowledge(n);
	}
	line->count++;
	cpu->irq_depth++;
	if (QR_LIKELY(line->handler))
		line->handler(line->arg);
	cpu->irq_depth--;
}

void irq_stray(unsigned vector)
{
	spurious++;
	log_warn("interrupt %#x, which nobody can have sent\n", vector);
}

uint64_t irq_count(unsigned line)
{
	return lines[line].count;
}

uint64_t irq_spurious_count(void)
{
	return spurious;
}
