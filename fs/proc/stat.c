/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stat.c - /proc/stat: how the time since boot was spent.
 */
#include "arch/x86/irq.h"
#include "fs/proc/proc.h"
#include "kernel/task.h"
#include "kernel/time.h"

static unsigned long long ticks(uint64_t ns)
{
	return ns / (NS_PER_SEC / 100);
}

/* User time of all who live or were waited for; the rest of what was not idle is the system's. */
static uint64_t user_time(void)
{
	struct process *p;
	uint64_t sum = 0;

	for_each_process (p) {
		struct usage u;

		process_usage(p, &u);
		sum += u.user + p->children_usage.user;
	}
	return sum;
}

static unsigned count_state(char state)
{
	struct process *p;
	unsigned n = 0;

	for_each_process (p)
		n += process_state(p) == state;
	return n;
}

PROC_SHOW(stat)
{
	struct sched_stat s;
	uint64_t interrupts = 0;
	uint64_t up = now_ns(), user = user_time(), busy;
	uint64_t boot = (real_ns() - up) / NS_PER_SEC;

	sched_stat(&s);
	busy = up > s.idle_ns ? up - s.idle_ns : 0;
	for (unsigned i = 0; i < 2; i++)
		text_printf(t, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", i ? "cpu0" : "cpu ",
			    ticks(user), ticks(busy > user ? busy - user : 0), ticks(s.idle_ns));
	for (unsigned i = 0; i < IRQ_LINES; i++)
		interrupts += irq_count(i);
	text_printf(t, "intr %llu\nctxt %llu\nbtime %llu\n", (unsigned long long)interrupts,
		    (unsigned long long)s.switches, (unsigned long long)boot);
	text_printf(t, "processes %d\nprocs_running %u\nprocs_blocked %u\n", pid_last(), s.runnable,
		    count_state('D'));
	text_printf(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}
