/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc.h - /proc: what the kernel knows, as files of text.
 *
 *	proc.c		the file system: tables of nodes become names and inodes
 *	text.c		building a text
 *	pid.c		the directory of a process; pid_*.c what its files show
 *	sys.c		/proc/sys; quire.c /proc/quire; the others: one file a subject
 *
 * A node says how something is shown; a table of nodes is a directory.  A target says of what:
 * of a process, a task, a descriptor, or of the system.
 *
 *	nodes of /proc          meminfo, stat, sys/, self, ...   + one directory a process
 *	nodes of /proc/PID      stat, maps, exe, fd/, task/, ...    (the same table for all)
 *
 * A text is made when its file is read from position 0, and read from that copy, so that a reader
 * in small pieces sees one moment.  Inodes are made at each look-up and freed with their last
 * user; a process that has gone answers ESRCH.
 *
 * Formats are Linux's: proc(5).
 */
#ifndef FS_PROC_PROC_H
#define FS_PROC_PROC_H

#include "fs/file.h"
#include "fs/proc/text.h"
#include "kernel/process.h"

struct proc_target {
	struct pid *pid;  /* NULL: the system */
	struct pid *task; /* of /proc/PID/task/TID; else the process itself */
	unsigned fd;
};

struct proc_node {
	const char *name; /* NULL ends a table */
	uint32_t mode;    /* type and rights */
	/* files */
	int (*show)(struct text *t, const struct proc_target *of);
	int (*store)(const struct proc_target *of, const char *text, size_t n);
	/* directories: what is always there; and what comes and goes */
	const struct proc_node *nodes;
	const struct proc_listing *listing;
	/* links: where they lead, or what they say */
	int (*follow)(const struct proc_target *of, struct path *out);
	int (*say)(const struct proc_target *of, struct text *t);
};

/* Entries named by numbers: processes, tasks, descriptors. */
struct proc_listing {
	const struct proc_node *node; /* each of them; its name is not used */
	/* Does number `nr` exist in `of`?  Then *out is its target. */
	bool (*find)(const struct proc_target *of, unsigned nr, struct proc_target *out);
	/* The first number >= nr that exists. */
	bool (*next)(const struct proc_target *of, unsigned *nr);
};

void proc_init(void);

/* The process, or NULL once it is gone (then: -ESRCH).  Valid until the caller sleeps. */
static inline struct process *proc_process(const struct proc_target *of)
{
	return of->pid->process;
}

extern const struct proc_node proc_pid_nodes[]; /* pid.c */
extern const struct proc_node proc_sys_nodes[];
extern const struct proc_node proc_quire_nodes[];
extern const struct proc_listing proc_processes, proc_tasks, proc_descriptors;

#define PROC_SHOW(name) int proc_##name(struct text *t, const struct proc_target *of)

/* of the system */
PROC_SHOW(cmdline);
PROC_SHOW(cpuinfo);
PROC_SHOW(filesystems);
PROC_SHOW(loadavg);
PROC_SHOW(meminfo);
PROC_SHOW(mounts);
PROC_SHOW(partitions);
PROC_SHOW(stat);
PROC_SHOW(swaps);
PROC_SHOW(uptime);
PROC_SHOW(version);
PROC_SHOW(vmstat);

/* of a process */
PROC_SHOW(pid_auxv);
PROC_SHOW(pid_cmdline);
PROC_SHOW(pid_environ);
PROC_SHOW(pid_fdinfo);
PROC_SHOW(pid_limits);
PROC_SHOW(pid_maps);
PROC_SHOW(pid_smaps);
PROC_SHOW(pid_smaps_rollup);
PROC_SHOW(pid_mountinfo);
PROC_SHOW(pid_stat);
PROC_SHOW(pid_statm);
PROC_SHOW(pid_status);

#endif
