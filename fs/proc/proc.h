/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc.h - /proc: what the kernel knows, as files of text.
 *
 *	proc.c		the file system: tables of nodes become names and inodes
 *	text.c		building a text
 *	pid.c		the directory of a process; pid_*.c what its files show
 *	sys.c		/proc/sys; quire.c /proc/quire; the others: one file a subject
 *	pagemap.c	/proc/PID/pagemap, mem; kpage.c /proc/kpage*: numbers, read by position
 *
 * A node says how something is shown; a table of nodes is a directory.  A target says of what:
 * of a process, a task, a descriptor, or of the system.
 *
 *	nodes of /proc          meminfo, stat, sys/, self, ...   + one directory a process
 *	nodes of /proc/PID      stat, maps, exe, fd/, task/, ...    (the same table for all)
 *
 * A text is made when its file is read from position 0, and read from that copy, so that a reader
 * in small pieces sees one moment.  Only maps and smaps, which can be long, are made piece by piece.  Inodes are made at each look-up and freed with their last
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
	const struct proc_node *node; /* the one that is asked */
};

enum proc_flags {
	PROC_PRIVATE = 1, /* opened only by who could trace the process */
	PROC_BINARY = 2,  /* a file with functions of its own (`fops`); private: the inode */
};

struct proc_node {
	const char *name; /* NULL ends a table */
	uint16_t mode;    /* type and rights */
	uint16_t flags;   /* enum proc_flags */
	union {
		/* files */
		int (*show)(struct text *t, const struct proc_target *of);
		const struct file_ops *fops;
		/* directories: what is always there */
		const struct proc_node *nodes;
		/* links: where they lead */
		int (*follow)(const struct proc_target *of, struct path *out);
	};
	union {
		int (*store)(const struct proc_target *of, const char *text, size_t n);
		const struct proc_listing *listing; /* what comes and goes */
		int (*say)(const struct proc_target *of, struct text *t);
	};
	const void *data; /* for show and store */
};

/* A number that is shown, and may be set; `size` bytes of it. */
struct proc_number {
	void *value; /* int, or unsigned long */
	bool is_long;
	unsigned long min, max;
	void (*changed)(void); /* or NULL */
};
int proc_show_number(struct text *t, const struct proc_target *of);
int proc_store_number(const struct proc_target *of, const char *text, size_t n);
/* A decimal number, whole, perhaps with a sign.  -EINVAL. */
int proc_parse(const char *text, long long *out);

/* Entries named by numbers: processes, tasks, descriptors. */
struct proc_listing {
	const struct proc_node *node; /* each of them; its name is not used */
	/* Does number `nr` exist in `of`?  Then *out is its target. */
	bool (*find)(const struct proc_target *of, unsigned nr, struct proc_target *out);
	/* The first number >= nr that exists. */
	bool (*next)(const struct proc_target *of, unsigned *nr);
};

void proc_init(void);
void sysfs_init(void);
/* The tree below this node as a file system: what proc and sysfs have in common. */
int proc_mount_nodes(struct filesystem *fs, const struct proc_node *node, struct dentry **root);
void proc_unmount_nodes(struct dentry *root);
/* Names that are only kept for who asks again. */
void proc_drop_names(void);

int64_t proc_seek(struct file *f, int64_t offset, int whence);
/* What an open file of ours is about. */
const struct proc_target *proc_target_of(const struct file *f);
/* The process whose directory, /proc/PID, the file is; NULL: another file.  No reference. */
struct pid *proc_process_of(const struct file *f);
/* May the running process look into that one's memory?  -EACCES. */
int proc_may_look(const struct process *p);

/* The process, or NULL once it is gone (then: -ESRCH).  Valid until the caller sleeps. */
static inline struct process *proc_process(const struct proc_target *of)
{
	return of->pid->process;
}

/* The task that is asked: of /proc/PID/task/TID, else the leader; NULL: gone. */
static inline struct task *proc_task(const struct proc_target *of)
{
	return of->task ? of->task->task : proc_process(of)->leader;
}

extern const struct proc_node proc_pid_nodes[]; /* pid.c */
extern const struct proc_node proc_sys_nodes[];
extern const struct proc_node proc_quire_nodes[];
extern const struct proc_listing proc_processes, proc_tasks, proc_descriptors;
extern const struct file_ops proc_pagemap, proc_memory, proc_kpagecount, proc_kpageflags;

#define PROC_SHOW(name) int proc_##name(struct text *t, const struct proc_target *of)

/* of the system */
PROC_SHOW(buddyinfo);
PROC_SHOW(cmdline);
PROC_SHOW(cpuinfo);
PROC_SHOW(devices);
PROC_SHOW(filesystems);
PROC_SHOW(interrupts);
PROC_SHOW(loadavg);
PROC_SHOW(meminfo);
PROC_SHOW(mounts);
PROC_SHOW(pagetypeinfo);
PROC_SHOW(partitions);
PROC_SHOW(slabinfo);
PROC_SHOW(stat);
PROC_SHOW(swaps);
PROC_SHOW(sysvipc_shm);
PROC_SHOW(uptime);
PROC_SHOW(version);
PROC_SHOW(vmstat);
PROC_SHOW(zoneinfo);

/* of a process */
int proc_clear_refs(const struct proc_target *of, const char *text, size_t n);
PROC_SHOW(pid_auxv);
PROC_SHOW(pid_cmdline);
PROC_SHOW(pid_environ);
PROC_SHOW(pid_fdinfo);
PROC_SHOW(pid_limits);
PROC_SHOW(pid_maps);
PROC_SHOW(pid_numa_maps);
PROC_SHOW(pid_smaps);
PROC_SHOW(pid_smaps_rollup);
PROC_SHOW(pid_mountinfo);
PROC_SHOW(pid_stat);
PROC_SHOW(pid_statm);
PROC_SHOW(pid_status);

#endif
