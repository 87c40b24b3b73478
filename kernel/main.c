/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the order in which the kernel comes to life (seeds A1).
 *
 * Each subsystem has one init, and stands on those before it.  Interrupts are enabled when every
 * handler that they can reach is there, not earlier.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "arch/x86/layout.h"
#include "drivers/keyboard.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "fs/initramfs.h"
#include "fs/vfs.h"
#include "kernel/boot_info.h"
#include "kernel/exec.h"
#include "kernel/fault.h"
#include "kernel/futex.h"
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
}

static void start_devices(void)
{
	irq_init();
	time_init();
	serial_init();
	keyboard_init();
	irq_enable();
}

static void start_files(void)
{
	int err = vfs_init();

	if (err)
		panic("no root file system: error %d", -err);
	err = initramfs_unpack();
	if (err && err != -ENOENT)
		log_error("the initial root is not complete\n");
}

_Noreturn void kernel_main(void)
{
	serial_init_early();
	vga_init();
	log_init();
	show_machine();

	memory_init();
	panic_explain_address = fault_explain;
	random_init();
	exec_places_init();
	futex_init();
	sched_init((uintptr_t)boot_stack_top);
	start_devices();
	selftest_run();
	start_files();
	init_start();
	sched_idle();
}
