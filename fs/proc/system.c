/* SPDX-License-Identifier: BSD-2-Clause
 *
 * system.c - the short ones: /proc/{cmdline,devices,filesystems,interrupts,loadavg,
 *	partitions,swaps,uptime,version}.
 */
#include "arch/x86/irq.h"
#include "fs/proc/proc.h"
#include "kernel/boot_info.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/version.h"

PROC_SHOW(cmdline)
{
	text_string(t, boot_info.cmdline);
	text_string(t, "\n");
	return 0;
}

PROC_SHOW(version)
{
	text_printf(t, "%s version %s (Quire, a memory manager and a small kernel on it) %s\n",
		    system_names.sysname, system_names.release, system_names.version);
	return 0;
}

PROC_SHOW(filesystems)
{
	for (struct filesystem_type *type = filesystem_types(); type; type = type->next)
		text_printf(t, "nodev\t%s\n", type->name);
	return 0;
}

/* No disks, no line: not even the heading, as in Linux. */
PROC_SHOW(partitions)
{
	return 0;
}

PROC_SHOW(devices)
{
	static const struct {
		unsigned major;
		const char *name;
	} known[] = { { 1, "mem" },          { 4, "tty" },       { 4, "ttyS" },  { 5, "/dev/tty" },
		      { 5, "/dev/console" }, { 5, "/dev/ptmx" }, { 10, "misc" }, { 136, "pts" } };

	text_string(t, "Character devices:\n");
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		text_printf(t, "%3u %s\n", known[i].major, known[i].name);
	text_string(t, "\nBlock devices:\n");
	return 0;
}

PROC_SHOW(interrupts)
{
	static const char *const names[IRQ_TIMER] = {
		[IRQ_PIT] = "timer", [1] = "i8042", [4] = "ttyS0"
	};

	text_printf(t, "           CPU%-8d\n", 0);
	for (unsigned i = 0; i < IRQ_TIMER; i++)
		if (names[i] || irq_count(i))
			text_printf(t, "%3u: %10llu    XT-PIC   %u      %s\n", i,
				    (unsigned long long)irq_count(i), i, names[i] ? names[i] : "");
	text_printf(t, "LOC: %10llu   Local timer interrupts\n",
		    (unsigned long long)irq_count(IRQ_TIMER));
	text_printf(t, "ERR: %10llu\n", (unsigned long long)irq_spurious_count());
	return 0;
}

PROC_SHOW(swaps)
{
	text_string(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}

/* Seconds with two digits behind the point. */
static void put_seconds(struct text *t, uint64_t ns, char end)
{
	uint64_t hundredths = ns / (NS_PER_SEC / 100);

	text_printf(t, "%llu.%02u%c", (unsigned long long)(hundredths / 100),
		    (unsigned)(hundredths % 100), end);
}

PROC_SHOW(uptime)
{
	struct sched_stat s;

	sched_stat(&s);
	put_seconds(t, now_ns(), ' ');
	put_seconds(t, s.idle_ns, '\n');
	return 0;
}

PROC_SHOW(loadavg)
{
	struct sched_stat s;
	struct process *p;
	unsigned tasks = 0;

	sched_stat(&s);
	for_each_process (p)
		tasks += p->ntasks;
	for (unsigned i = 0; i < 3; i++) {
		unsigned hundredths = s.load[i] * 100 / 2048;

		text_printf(t, "%u.%02u ", hundredths / 100, hundredths % 100);
	}
	text_printf(t, "%u/%u %d\n", s.runnable, tasks, pid_last());
	return 0;
}
