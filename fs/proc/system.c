/* SPDX-License-Identifier: BSD-2-Clause
 *
 * system.c - the short ones: /proc/{cmdline,filesystems,partitions,swaps,uptime,version,loadavg}.
 */
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

PROC_SHOW(partitions)
{
	text_string(t, "major minor  #blocks  name\n\n");
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
