/* SPDX-License-Identifier: BSD-2-Clause
 *
 * power.c - turn the machine off, restart it, or end a test with an exit code.
 *
 * There is no way that every machine knows, so each is tried until one works:
 *
 *	off	the shutdown ports of QEMU's two machines (ACPI PM1a control at its fixed places,
 *		SLP_EN with the sleep type of their DSDT), of Bochs, and of VirtualBox
 *	restart	keyboard controller, reset control register, triple fault
 *	exit	QEMU's isa-debug-exit at 0xf4, only with `debugexit` on the command line: on other
 *		machines anything may be at that port.  QEMU's code is (value << 1) | 1.
 */
#include "arch/x86/cpu.h"
#include "drivers/console.h"
#include "kernel/boot_info.h"

#define DEBUG_EXIT         0xf4
#define DEBUG_EXIT_SUCCESS 0x10 /* QEMU's exit code 33 */
#define DEBUG_EXIT_FAILURE 0x11 /* 35 */

#define SLEEP_ENABLE (1 << 13)

_Noreturn void power_off(void)
{
	console_flush();
	irq_disable();
	outw(0x604, SLEEP_ENABLE);            /* QEMU, q35 and pc since 2.0 */
	outw(0xb004, SLEEP_ENABLE);           /* older QEMU, Bochs */
	outw(0x4004, SLEEP_ENABLE | 5 << 10); /* VirtualBox */
	cpu_halt();
}

_Noreturn void power_restart(void)
{
	struct {
		uint16_t limit;
		uintptr_t base;
	} __attribute__((packed)) no_gates = { 0, 0 };

	console_flush();
	irq_disable();
	for (unsigned i = 0; i < 100000 && inb(0x64) & 2; i++)
		cpu_relax();
	outb(0x64, 0xfe);
	outb(0xcf9, 0x06);
	for (unsigned i = 0; i < 1000; i++)
		inb(0x80);
	__asm__ volatile("lidt %0\n\tint3" : : "m"(no_gates));
	cpu_halt();
}

_Noreturn void power_exit(bool success)
{
	console_flush();
	if (boot_has_option("debugexit"))
		outb(DEBUG_EXIT, success ? DEBUG_EXIT_SUCCESS : DEBUG_EXIT_FAILURE);
	power_off();
}
