/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/policies.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/userfault.h"

/* Number 0: of the kernel itself, and of the group and session that init begins in. */
static struct pid pid_zero = {
	.ref = 1,
	.process = &kernel_process,
	.group = LIST_INIT(pid_zero.group),
	.session = LIST_INIT(pid_zero.session),
};

struct process kernel_process = {
	.comm = "kernel",
	.pid = &pid_zero,
	.cred = { .caps = ~(uint64_t)0 },
	.rlimits = { [0 ... RLIMITS - 1] = { RLIM_INFINITY, RLIM_INFINITY } },
	.all = LIST_INIT(kernel_process.all),
	.tasks = LIST_INIT(kernel_process.tasks),
	.children = LIST_INIT(kernel_process.children),
	.sibling = LIST_INIT(kernel_process.sibling),
	.in_group = LIST_INIT(kernel_process.in_group),
	.in_session = LIST_INIT(kernel_process.in_session),
};
struct process *init_process;
struct list_link all_processes = LIST_INIT(all_processes);
unsigned process_count;

/* ---- finding ---------------------------------------------------------------------------- */

struct process *process_find(pid_nr nr)
{
	struct pid *pid = pid_find(nr);

	return pid ? pid->process : NULL;
}

struct task *task_find(pid_nr tid)
{
	struct pid *pid = pid_find(tid);

	return pid ? pid->task : NULL;
}

char task_state_letter(const struct task *t)
{
	return t->state == TASK_RUNNABLE  ? 'R'
	       : t->state == TASK_STOPPED ? 'T'
	       : t->state == TASK_DEAD    ? 'X'
	       : t->sleep == WAIT_FIRMLY  ? 'D'
					  : 'S';
}

char process_state(const struct process *p)
{
	return p->leader ? task_state_letter(p->leader) : 'Z';
}

/* ---- memory ----------------------------------------------------------------------------- */

struct mm *mm_new(void)
{
	struct mm *mm = kzalloc(sizeof(*mm));

	if (!mm)
		return NULL;
	if (qr_space_init(&mm->space, &space_memory)) {
		kfree(mm);
		return NULL;
	}
	mm->ref = 1;
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!mm || --mm->ref)
		return;
	if (sched_space_loaded(mm))
		sched_switch_space(NULL);
	if (QR_RARELY(mm->userfaults))
		userfault_mm_gone(mm);
	qr_space_fini(&mm->space);
	policies_free(mm);
	kfree(mm->ldt);
	if (mm->exe)
		file_exec_put(mm->exe);
	kfree(mm);
}

static size_t limit_pages(const struct process *p, enum rlimit_id id)
{
	uint64_t limit = p->rlimits[id].cur / QR_PAGE_SIZE;

	return limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
}

void mm_set_limits(struct mm *mm, const struct process *p)
{
	qr_space_limit(&mm->space, limit_pages(p, RLIMIT_AS), SIZE_MAX);
	qr_space_limit_stack(&mm->space, limit_pages(p, RLIMIT_STACK));
}

void process_set_mm(struct process *p, struct mm *mm)
{
	struct mm *old = p->mm;

	p->mm = mm;
	if (mm)
		sched_switch_space(mm);
	mm_put(old);
}

/* ---- groups and sessions ---------------------------------------------------------------- */

void process_set_group(struct process *p, struct pid *group)
{
	struct pid *old = p->group;

	p->group = pid_get(group);
	list_del(&p->in_group);
	list_add_tail(&p->in_group, &group->group);
	pid_put(old);
}

void process_set_session(struct process *p, struct pid *session)
{
	struct pid *old = p->session;

	p->session = pid_get(session);
	list_del(&p->in_session);
	list_add_tail(&p->in_session, &session->session);
	pid_put(old);
}

bool group_orphaned(struct pid *group)
{
	struct process *p;

	list_for_each (p, &group->group, in_group) {
		const struct process *parent = p->parent;

		if ((p->flags & PROCESS_ZOMBIE) || !parent || parent == init_process)
			continue;
		if (parent->group != group && parent->session == p->session)
			return false;
	}
	return true;
}

/* ---- costs ------------------------------------------------------------------------------ */

static void usage_add(struct usage *to, const struct usage *from)
{
	to->user += from->user;
	to->system += from->system;
	to->minor_faults += from->minor_faults;
	to->major_faults += from->major_faults;
	to->switches += from->switches;
	to->forced_switches += from->forced_switches;
	if (from->max_rss > to->max_rss)
		to->max_rss = from->max_rss;
}

/* How long it ran is known exactly, how much of it in user mode only by where ticks found it. */
void task_usage(const struct task *t, struct usage *out)
{
	uint32_t user = t->user_ticks, system = t->system_ticks; /* the tick changes them */
	uint64_t run = task_run_ns(t);

	*out = t->usage;
	out->user = system ? run / (user + system) * user : run;
	out->system = run - out->user;
}

void process_usage(const struct process *p, struct usage *out)
{
	struct usage u;
	struct task *t;

	*out = p->usage;
	for_each_task (t, p) {
		task_usage(t, &u);
		usage_add(out, &u);
	}
}

void process_charge(struct process *p, const struct task *t)
{
	struct usage u;

	task_usage(t, &u);
	usage_add(&p->usage, &u);
}

void process_usage_with_children(const struct process *p, struct usage *out)
{
	process_usage(p, out);
	usage_add(out, &p->children_usage);
}

uint64_t process_max_rss(const struct process *p)
{
	struct qr_space_stat s;

	if (!p->mm)
		return p->usage.max_rss;
	qr_space_stat(&p->mm->space, &s);
	return s.most_resident > p->usage.max_rss ? s.most_resident : p->usage.max_rss;
}

/* ---- life ------------------------------------------------------------------------------- */

static void real_timer_rings(struct timer *t)
{
	struct process *p = container_of(t, struct process, real_timer);

	uint64_t late = now_ns() - t->expires;

	signal_process(p, SIGALRM);
	/* Periods that have passed meanwhile are not made up for: one signal tells of all. */
	if (p->real_interval)
		timer_add(t, t->expires + (late / p->real_interval + 1) * p->real_interval);
}

struct process *process_new(struct pid *pid)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->nr = pid->nr;
	p->pid = pid_get(pid);
	p->exit_signal = SIGCHLD;
	p->flags = PROCESS_DUMPABLE;
	p->start_ns = now_ns();
	list_init(&p->tasks);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->all);
	list_init(&p->in_group);
	list_init(&p->in_session);
	signal_pending_init(&p->pending);
	timer_init(&p->real_timer, real_timer_rings);
	return p;
}

void process_link(struct process *p, struct process *parent, struct pid *group, struct pid *session)
{
	p->pid->process = p;
	p->parent = parent;
	if (parent)
		list_add_tail(&p->sibling, &parent->children);
	list_add_tail(&p->all, &all_processes);
	process_count++;
	process_set_group(p, group);
	process_set_session(p, session);
}

void process_free(struct process *p)
{
	if (p->pid->process == p) {
		p->pid->process = NULL;
		process_count--;
	}
	list_del(&p->sibling);
	list_del(&p->all);
	list_del(&p->in_group);
	list_del(&p->in_session);
	if (p->mm)
		mm_put(p->mm);
	if (p->files)
		files_put(p->files);
	if (p->fs)
		fs_context_put(p->fs);
	if (p->actions)
		signal_actions_put(p->actions);
	cred_fini(&p->cred);
	pid_put(p->group);
	pid_put(p->session);
	pid_put(p->pid);
	kfree(p);
}

void process_reap(struct process *zombie, bool waited_for)
{
	struct process *parent = zombie->parent;

	if (parent && waited_for) {
		usage_add(&parent->children_usage, &zombie->usage);
		usage_add(&parent->children_usage, &zombie->children_usage);
	}
	process_free(zombie);
}
