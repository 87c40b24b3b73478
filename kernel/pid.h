/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid.h - numbers of tasks, processes, groups and sessions.
 *
 * One number can name four things at once: a task (tid), a process (the tid of its first task),
 * the process group and the session that this process founded.  A `struct pid` is the number;
 * it is in use as long as any of the four is, so that no new process can get the number of a
 * group that still has members.
 *
 *	hash table -> pid 7 -> task, process	that have this number, NULL once they have gone
 *			 |---- group --- p --- q	processes in group 7
 *			 `---- session - p --- q - r	processes in session 7
 *
 * Numbers are given in rising order and wrap at pid_max.  The table grows with its use.
 *
 * I1  A pid is in the table exactly while ref > 0.
 * I2  ref = 1 for a living task or unreaped process + members of group + members of session +
 *     others that hold it (a tty its foreground group).
 *
 * Locking: none (tasks only, no preemption).  Not in interrupts, except pid_find.
 */
#ifndef KERNEL_PID_H
#define KERNEL_PID_H

#include <quire/types.h>
#include "kernel/list.h"
#include "kernel/waitq.h"

#define PID_LIMIT 4194304 /* Linux's, 2^22 */
extern int pid_max;       /* numbers wrap here: at most PID_LIMIT */

typedef int32_t pid_nr;

struct process;
struct task;
struct tty;

struct pid {
	pid_nr nr;
	uint32_t ref;
	struct task *task;               /* with this tid */
	struct process *process;         /* with this process id, zombies too */
	struct list_link group, session; /* of struct process: in_group, in_session */
	struct tty *tty;                 /* the session's controlling terminal */
	struct pid *chain;
	struct waitq watchers; /* of its process's end (pidfd), and of its signals (signalfd) */
};

/* A number that is not in use, with one reference; `nr`: this one, 0: the next.  -EEXIST: it is in
 * use; -EAGAIN: no memory, or no number is left. */
int pid_new(pid_nr nr, struct pid **out);

/* Without a reference: valid until the caller sleeps.  NULL: not in use. */
struct pid *pid_find(pid_nr nr);

QR_INLINE struct pid *pid_get(struct pid *p)
{
	p->ref++;
	return p;
}
void pid_free(struct pid *p);
QR_INLINE void pid_put(struct pid *p)
{
	if (p && --p->ref == 0)
		pid_free(p);
}

/* The lowest number in use that is at least `nr`, or NULL: for walking over all processes while
 * they come and go (readdir of /proc).  No reference. */
struct pid *pid_next(pid_nr nr);

/* The last number given, for /proc/loadavg. */
pid_nr pid_last(void);

#endif
