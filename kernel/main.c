/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the order in which the kernel comes to life (seeds A1).
 *
 * Each line needs those above it.  Interrupts are on only when every handler stands.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "arch/x86/layout.h"
#include "drivers/keyboard.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "fs/vfs.h"
#include "kernel/boot_info.h"
#include "kernel/fault.h"
#include "kernel/init.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/random.h"
#include "kernel/selftest.h"
#include "kernel/task.h"
#include "kernel/time.h"

static void show_machine(void)
{
	static const char *const loaders[] = { "Multiboot 1", "Multiboot 2", "PVH" };

	log_info("Quire " QUIRE_ARCH ", loaded by %s (%s)\n", boot_info.loader_name,
		 loaders[boot_info.loader]);
	log_info("command line: %s\n", boot_info.cmdline);
	log_info("CPU: %s%s\n", cpu_features.brand[0] ? cpu_features.brand : cpu_features.vendor,
		 cpu_features.hypervisor ? ", under a hypervisor" : "");
	if (boot_info.cut)
		log_warn("boot information: %u entries found no room\n", boot_info.cut);
}

_Noreturn void kernel_main(void)
{
	serial_init_early();
	vga_init();
	log_init();
	show_machine();

	memory_init();
	panic_explain_address = fault_explain;
	sched_init((uintptr_t)boot_stack_top);

	irq_init();
	time_init();
	serial_init();
	keyboard_init();
	random_init();
	irq_enable();
	selftest_run();

	if (vfs_init())
		panic("no memory for the root file system");
	init_start();
	sched_idle();
}
