/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exit.c - how tasks and processes end.
 *
 *	task_exit	this task leaves; if it was the last one, its process ends:
 *	process_end	  memory, files, timers go; children get another parent; groups that lost
 *			  their last tie to job control are continued; the parent is told
 *	sched_exit	  another task frees the stack
 *
 * Nothing here can fail, and nothing needs memory (but for the information of SIGCHLD, which
 * may be lost; the signal is not).
 */
#include "arch/x86/user.h"
#include "fs/file.h"
#include "fs/pidfd.h"
#include "kernel/futex.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "kernel/posix_timer.h"
#include "kernel/task.h"
#include "kernel/wait.h"

/* ---- telling the parent ----------------------------------------------------------------- */

static bool ignores_children(const struct process *parent)
{
	struct signal_action a = signal_action(parent->actions, SIGCHLD);

	return a.handler == SIG_IGN || (a.flags & SA_NOCLDWAIT);
}

/* The parent learns that p is a zombie; true if it does not want to: p is reaped then. */
static bool notify_end(struct process *p)
{
	struct process *parent = p->parent;
	struct signal_info info = { .signo = p->exit_signal };

	if (!parent || (parent->flags & PROCESS_ZOMBIE))
		return true;
	wait_info_fill(p, &info);
	if (p->exit_signal)
		(void)signal_send_process(parent, &info);
	waitq_wake_all(&parent->child_wait);
	return p->exit_signal == SIGCHLD && ignores_children(parent);
}

/* ---- orphans ---------------------------------------------------------------------------- */

static struct process *new_parent(const struct process *dying)
{
	for (struct process *p = dying->parent; p; p = p->parent)
		if ((p->flags & PROCESS_SUBREAPER) && !(p->flags & PROCESS_ZOMBIE))
			return p;
	return init_process != dying ? init_process : NULL;
}

/* A group with stopped members that nobody can continue any more. */
static void continue_if_orphaned(struct pid *group)
{
	struct process *p;
	bool stopped = false;

	list_for_each (p, &group->group, in_group)
		stopped |= (p->flags & (PROCESS_STOPPED | PROCESS_ZOMBIE)) == PROCESS_STOPPED;
	if (!stopped || !group_orphaned(group))
		return;
	signal_group(group, SIGHUP);
	signal_group(group, SIGCONT);
}

static void reparent(struct process *child, struct process *to)
{
	list_del(&child->sibling);
	child->parent = to;
	if (to)
		list_add_tail(&child->sibling, &to->children);
	if (child->parent_death_signal)
		signal_process(child, child->parent_death_signal);
	child->exit_signal = SIGCHLD;
	if (child->flags & PROCESS_ZOMBIE) {
		if (notify_end(child))
			process_reap(child, false);
	} else if (child->group != (to ? to->group : NULL)) {
		continue_if_orphaned(child->group);
	}
}

static void give_children_away(struct process *p)
{
	struct process *child, *next, *to = new_parent(p);

	list_for_each_safe (child, next, &p->children, sibling)
		reparent(child, to);
}

/* ---- the process ------------------------------------------------------------------------ */

static void give_back(struct process *p)
{
	struct files *files = p->files;
	struct fs_context *fs = p->fs;

	timer_cancel(&p->real_timer);
	posix_timers_drop(p);
	p->itimers[ITIMER_VIRTUAL].left = p->itimers[ITIMER_PROF].left = 0;
	p->usage.max_rss = process_max_rss(p);
	process_set_mm(p, NULL);
	p->files = NULL;
	p->fs = NULL;
	files_put(files);
	fs_context_put(fs);
	signal_pending_clear(&p->pending);
}

static void leave_session(struct process *p)
{
	struct tty *tty = process_tty(p);

	if (!process_leads_session(p) || !tty)
		return;
	p->session->tty = NULL;
	tty_session_ends(tty);
}

static _Noreturn void init_ended(const struct process *p)
{
	bool fine = p->exit_status == 0;

	if (fine)
		log_info("init has ended\n");
	else
		log_error("init has ended with status %#x\n", (unsigned)p->exit_status);
	kmalloc_farewell();
	power_exit(fine);
}

/* The last task has left its list.  From here on the parent may reap p at any switch. */
static void process_end(struct process *p)
{
	struct pid *group = p->group;
	bool was_tie;

	if (p == init_process)
		init_ended(p);
	give_back(p);
	leave_session(p);
	give_children_away(p);
	p->flags |= PROCESS_ZOMBIE;
	waitq_wake_all(&p->pid->watchers);
	p->flags &= ~(unsigned)(PROCESS_STOPPED | PROCESS_STOP_NEWS | PROCESS_CONT_NEWS);
	was_tie = p->parent && p->parent->group != group && p->parent->session == p->session;
	if (was_tie)
		continue_if_orphaned(group);
	if (notify_end(p))
		process_reap(p, false);
}

/* ---- the task --------------------------------------------------------------------------- */

void task_vfork_over(struct task *t)
{
	struct vfork_wait *w = t->vfork_wait;

	if (!w)
		return;
	t->vfork_wait = NULL;
	w->over = true;
	waitq_wake_all(&w->queue);
}

void task_exit(int status)
{
	struct task *t = current;
	struct process *p = t->process;

	if (!(p->flags & PROCESS_EXITING) && p->ntasks == 1)
		p->exit_status = status;
	futex_task_exit(t);
	task_vfork_over(t);
	list_del(&t->in_process);
	p->ntasks--;
	task_count--;
	process_charge(p, t);
	p->leader = list_first(&p->tasks, struct task, in_process);
	t->pid->task = NULL;
	pid_put(t->pid);
	signal_pending_clear(&t->pending);
	/* p will be gone before this task is: what remains of it runs for the kernel. */
	t->process = &kernel_process;
	t->kernel = true;
	if (!p->ntasks) {
		process_end(p);
	} else {
		signal_retarget(p, ~(signal_set)0);
		if (p->ntasks == 1)
			waitq_wake_all(&p->exec_wait);
	}
	sched_exit();
}

void process_end_others(struct process *p)
{
	struct task *t;

	for_each_task (t, p) {
		if (t == current)
			continue;
		task_work_set(t, WORK_EXIT);
		if (t->state == TASK_STOPPED)
			task_wake(t);
		else
			task_wake_signal(t, true);
	}
}

void process_exit(int status)
{
	struct process *p = current_process;

	if (!(p->flags & PROCESS_EXITING)) {
		p->flags |= PROCESS_EXITING;
		p->exit_status = status;
		process_end_others(p);
	}
	task_exit(status);
}
