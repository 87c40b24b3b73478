/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oom.h - when memory is short, and when there is none left at all.
 */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include <quire/types.h>

struct process;

/* Kill the process whose end frees most, and take its memory away at once; a line in the log
 * says so.  False: there is nobody left to kill.  Context: tasks, no lock held. */
bool oom_kill(void);
extern uint64_t oom_kills; /* since boot */

/* Memory is short: take what programs have given up (MADV_FREE); answers how many pages.
 * Context: tasks, no lock held. */
size_t memory_reclaim(void);

/* How eagerly a process would be chosen, 0 .. 1000 and beyond: /proc/PID/oom_score. */
long oom_score(struct process *p);

#endif
