/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid.c - /proc/PID as a directory: its tasks, its descriptors, and where its links lead.
 */
#include "fs/proc/proc.h"
#include "kernel/coredump.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/oom.h"
#include "kernel/symbols.h"
#include "kernel/task.h"

/* ---- processes, tasks, descriptors: numbered entries --------------------------------------- */

static bool find_process(const struct proc_target *of, unsigned nr, struct proc_target *out)
{
	struct pid *pid = pid_find((pid_nr)nr);

	if (!pid || !pid->process || nr == 0)
		return false;
	*out = (struct proc_target){ .pid = pid };
	return true;
}

static bool next_process(const struct proc_target *of, unsigned *nr)
{
	struct pid *pid = pid_next((pid_nr)(*nr ? *nr : 1));

	while (pid && !pid->process)
		pid = pid_next(pid->nr + 1);
	if (pid)
		*nr = (unsigned)pid->nr;
	return pid != NULL;
}

static bool find_task(const struct proc_target *of, unsigned nr, struct proc_target *out)
{
	struct pid *pid = pid_find((pid_nr)nr);

	if (!pid || !pid->task || pid->task->process != proc_process(of))
		return false;
	*out = (struct proc_target){ .pid = of->pid, .task = pid };
	return true;
}

static bool next_task(const struct proc_target *of, unsigned *nr)
{
	struct process *p = proc_process(of);
	struct task *t;
	unsigned best = UINT32_MAX;

	for_each_task (t, p)
		if ((unsigned)t->tid >= *nr && (unsigned)t->tid < best)
			best = (unsigned)t->tid;
	*nr = best;
	return best != UINT32_MAX;
}

static bool find_descriptor(const struct proc_target *of, unsigned nr, struct proc_target *out)
{
	struct process *p = proc_process(of);

	if (!p->files || !files_peek(p->files, nr))
		return false;
	*out = *of;
	out->fd = nr;
	return true;
}

static bool next_descriptor(const struct proc_target *of, unsigned *nr)
{
	struct process *p = proc_process(of);

	while (p->files && *nr < p->files->size) {
		if (files_peek(p->files, *nr))
			return true;
		(*nr)++;
	}
	return false;
}

/* ---- links ------------------------------------------------------------------------------------ */

/* One may look into oneself, and into what one could send signals to. */
int proc_may_look(const struct process *p)
{
	const struct cred *c = &current_process->cred;

	return p == current_process || c->caps || c->euid == p->cred.uid ? 0 : -EACCES;
}

static int say_path(struct path p, struct text *t)
{
	char *buf = kmalloc(PATH_MAX);
	bool reachable;
	const char *name;

	if (!buf)
		return -ENOMEM;
	name = path_name(p, current_process->fs->root, buf, PATH_MAX, &reachable);
	if (name)
		text_string(t, name);
	kfree(buf);
	return name ? 0 : -ENAMETOOLONG;
}

enum place { EXE, CWD, ROOT };

static int place_of(const struct proc_target *of, enum place which, struct path *out)
{
	struct process *p = proc_process(of);
	int err = proc_may_look(p);

	if (err)
		return err;
	if (which == EXE) {
		if (!p->mm || !p->mm->exe)
			return -ENOENT;
		*out = p->mm->exe->path;
		return 0;
	}
	if (!p->fs)
		return -ENOENT;
	*out = which == CWD ? p->fs->cwd : p->fs->root;
	return 0;
}

#define PLACE(name, which)                                                       \
	static int follow_##name(const struct proc_target *of, struct path *out) \
	{                                                                        \
		int err = place_of(of, which, out);                              \
		if (!err)                                                        \
			path_get(*out);                                          \
		return err;                                                      \
	}                                                                        \
	static int say_##name(const struct proc_target *of, struct text *t)      \
	{                                                                        \
		struct path p;                                                   \
		int err = place_of(of, which, &p);                               \
		return err ? err : say_path(p, t);                               \
	}

PLACE(exe, EXE)
PLACE(cwd, CWD)
PLACE(root, ROOT)

static int descriptor_of(const struct proc_target *of, struct file **out)
{
	struct process *p = proc_process(of);
	int err = proc_may_look(p);

	if (!err)
		*out = p->files ? files_peek(p->files, of->fd) : NULL;
	return err ? err : *out ? 0 : -ENOENT;
}

static int say_descriptor(const struct proc_target *of, struct text *t)
{
	struct file *f;
	char *buf;
	int err = descriptor_of(of, &f);

	if (err)
		return err;
	buf = kmalloc(PATH_MAX);
	if (!buf)
		return -ENOMEM;
	text_string(t, file_name(f, buf, PATH_MAX));
	kfree(buf);
	return 0;
}

/* A pipe has no place; for the time of this look-up it gets one. */
static int follow_descriptor(const struct proc_target *of, struct path *out)
{
	struct file *f;
	struct dentry *d;
	int err = descriptor_of(of, &f);

	if (err)
		return err;
	if (f->path.dentry) {
		*out = path_get(f->path);
		return 0;
	}
	d = dentry_new(NULL, "pipe", 4, f->inode);
	if (!d)
		return -ENOMEM;
	inode_get(f->inode);
	root_mount->ref++;
	*out = (struct path){ root_mount, d };
	return 0;
}

/* ---- small files ------------------------------------------------------------------------------- */

static int show_comm(struct text *t, const struct proc_target *of)
{
	struct task *task = proc_task(of);

	text_printf(t, "%s\n", task ? task_name(task) : proc_process(of)->comm);
	return 0;
}

static int store_comm(const struct proc_target *of, const char *text, size_t n)
{
	struct process *p = proc_process(of);
	struct task *task = p ? proc_task(of) : NULL;

	if (!task)
		return -ESRCH;
	if (p != current_process)
		return -EINVAL;
	strlcpy(task_name(task), text, COMM_SIZE);
	return 0;
}

static int show_oom_score(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%ld\n", oom_score(proc_process(of)));
	return 0;
}

static int show_oom_score_adj(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%d\n", proc_process(of)->oom_score_adj);
	return 0;
}

/* Does it run in memory that a vfork has lent it? */
static bool borrows(const struct process *p)
{
	return p->leader && p->leader->vfork_wait;
}

/* Who lives in one memory is killed together, so they are adjusted together; but a child of vfork
 * sets its own. */
static int set_oom_score_adj(struct process *p, int v)
{
	struct process *q;

	if (!p)
		return -ESRCH;
	if (v < p->oom_score_adj && !current_process->cred.caps)
		return -EACCES;
	p->oom_score_adj = v;
	for_each_process (q)
		if (q->mm && q->mm == p->mm && !borrows(q) && !borrows(p))
			q->oom_score_adj = v;
	return 0;
}

static int store_oom_score_adj(const struct proc_target *of, const char *text, size_t n)
{
	long long v;

	if (proc_parse(text, &v) || v < -1000 || v > 1000)
		return -EINVAL;
	return set_oom_score_adj(proc_process(of), (int)v);
}

/* The old scale: -17 never, 15 the most. */
static int show_oom_adj(struct text *t, const struct proc_target *of)
{
	int v = proc_process(of)->oom_score_adj;

	text_printf(t, "%d\n", v == 1000 ? 15 : v * 17 / 1000);
	return 0;
}

static int store_oom_adj(const struct proc_target *of, const char *text, size_t n)
{
	long long v;

	if (proc_parse(text, &v) || ((v < -16 || v > 15) && v != -17))
		return -EINVAL;
	return set_oom_score_adj(proc_process(of), v == 15 ? 1000 : (int)v * 1000 / 17);
}

/* Which memory a core file has of it. */
static int show_coredump_filter(struct text *t, const struct proc_target *of)
{
	text_hex(t, CORE_DEFAULT ^ proc_process(of)->core_differs, 8);
	text_char(t, '\n');
	return 0;
}

static int store_coredump_filter(const struct proc_target *of, const char *text, size_t n)
{
	long long v;

	if (proc_parse(text, &v) || v < 0 || v > UINT32_MAX)
		return -EINVAL;
	proc_process(of)->core_differs = ((unsigned)v & CORE_ALL) ^ CORE_DEFAULT;
	return 0;
}

static int show_wchan(struct text *t, const struct proc_target *of)
{
	const struct task *task = proc_task(of);
	char name[64];
	uintptr_t offset;

	if (task && task->wait_channel &&
	    symbol_of(task->wait_channel, name, sizeof(name), &offset))
		text_string(t, name);
	else
		text_string(t, "0");
	return 0;
}

/* The call that it is in, its arguments, where its stack and its code are; -1: in none. */
static int show_syscall(struct text *t, const struct proc_target *of)
{
	const struct task *task = proc_task(of);
	const struct regs *r;
	long nr;

	if (!task)
		return -ESRCH;
	if (task != current && task->state == TASK_RUNNABLE) {
		text_string(t, "running\n");
		return 0;
	}
	r = context_regs(&task->context);
	nr = regs_syscall(r);
	text_printf(t, "%ld", nr);
	for (unsigned i = 0; nr >= 0 && i < 6; i++)
		text_printf(t, " 0x%lx", (unsigned long)regs_arg(r, i));
	text_printf(t, " 0x%lx 0x%lx\n", (unsigned long)regs_sp(r), (unsigned long)regs_ip(r));
	return 0;
}

static int show_personality(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%08x\n", proc_process(of)->personality);
	return 0;
}

/* ---- the tables --------------------------------------------------------------------------------- */

static const struct proc_node descriptor_node = { .mode = S_IFLNK | 0700,
						  .follow = follow_descriptor,
						  .say = say_descriptor };
static const struct proc_node descriptor_info_node = { .mode = S_IFREG | 0400,
						       .show = proc_pid_fdinfo };
const struct proc_listing proc_descriptors = { &descriptor_node, find_descriptor, next_descriptor };
static const struct proc_listing descriptor_infos = { &descriptor_info_node, find_descriptor,
						      next_descriptor };

#define FILE(name_, mode_)                                                          \
	{                                                                           \
		.name = #name_, .mode = S_IFREG | (mode_), .show = proc_pid_##name_ \
	}
/* For who may look into its memory. */
#define PRIVATE(name_, mode_, show_)                                                            \
	{                                                                                       \
		.name = #name_, .mode = S_IFREG | (mode_), .flags = PROC_PRIVATE, .show = show_ \
	}
#define SETTING(name_)                                                        \
	{                                                                     \
		.name = #name_, .mode = S_IFREG | 0644, .show = show_##name_, \
		.store = store_##name_                                        \
	}
#define LINK(name_)                                                               \
	{                                                                         \
		.name = #name_, .mode = S_IFLNK | 0777, .follow = follow_##name_, \
		.say = say_##name_                                                \
	}

/* What a task shows as well as a process. */
#define COMMON_NODES                                                                               \
	PRIVATE(auxv, 0400, proc_pid_auxv), PRIVATE(environ, 0400, proc_pid_environ),              \
	    PRIVATE(maps, 0444, proc_pid_maps), PRIVATE(numa_maps, 0444, proc_pid_numa_maps),      \
	    PRIVATE(syscall, 0400, show_syscall), PRIVATE(smaps, 0444, proc_pid_smaps),            \
	    PRIVATE(smaps_rollup, 0444, proc_pid_smaps_rollup),                                    \
	    PRIVATE(personality, 0400, show_personality), FILE(cmdline, 0444), FILE(limits, 0444), \
	    FILE(mountinfo, 0444), FILE(stat, 0444), FILE(statm, 0444), FILE(status, 0444),        \
	    SETTING(comm), SETTING(oom_adj), SETTING(oom_score_adj), SETTING(coredump_filter),     \
	    { .name = "mounts", .mode = S_IFREG | 0444, .show = proc_mounts },                     \
	    { .name = "oom_score", .mode = S_IFREG | 0444, .show = show_oom_score },               \
	    { .name = "wchan", .mode = S_IFREG | 0444, .show = show_wchan },                       \
	    { .name = "clear_refs", .mode = S_IFREG | 0200, .store = proc_clear_refs },            \
	    { .name = "mem", .mode = S_IFREG | 0600, .flags = PROC_BINARY, .fops = &proc_memory }, \
	    { .name = "pagemap",                                                                   \
	      .mode = S_IFREG | 0400,                                                              \
	      .flags = PROC_BINARY,                                                                \
	      .fops = &proc_pagemap },                                                             \
	    LINK(exe), LINK(cwd), LINK(root),                                                      \
	    { .name = "fd", .mode = S_IFDIR | 0500, .listing = &proc_descriptors },                \
	{                                                                                          \
		.name = "fdinfo", .mode = S_IFDIR | 0555, .listing = &descriptor_infos             \
	}

static const struct proc_node task_nodes[] = { COMMON_NODES, { 0 } };
static const struct proc_node task_node = { .mode = S_IFDIR | 0555, .nodes = task_nodes };
const struct proc_listing proc_tasks = { &task_node, find_task, next_task };

const struct proc_node proc_pid_nodes[] = {
	COMMON_NODES,
	{ .name = "task", .mode = S_IFDIR | 0555, .listing = &proc_tasks },
	{ 0 },
};
static const struct proc_node process_node = { .mode = S_IFDIR | 0555, .nodes = proc_pid_nodes };
const struct proc_listing proc_processes = { &process_node, find_process, next_process };
