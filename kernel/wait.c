/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/wait.h"

#define STATUS_CONTINUED 0xffff

/* ---- what there is to tell -------------------------------------------------------------- */

void wait_info_fill(const struct process *p, struct signal_info *info)
{
	struct usage u;

	process_usage(p, &u);
	info->pid = p->nr;
	info->uid = p->cred.uid;
	info->user = u.user;
	info->system = u.system;
	if (!(p->flags & PROCESS_ZOMBIE)) {
		bool stopped = p->flags & PROCESS_STOPPED;

		info->code = stopped ? CLD_STOPPED : CLD_CONTINUED;
		info->status = stopped ? p->stop_signal : SIGCONT;
	} else if (p->exit_status & 0x7f) {
		info->code = (p->exit_status & 0x80) ? CLD_DUMPED : CLD_KILLED;
		info->status = p->exit_status & 0x7f;
	} else {
		info->code = CLD_EXITED;
		info->status = p->exit_status >> 8 & 0xff;
	}
}

void wait_notify_job(struct process *p)
{
	struct process *parent = p->parent;
	struct signal_info info = { .signo = SIGCHLD };

	if (!parent || (parent->flags & PROCESS_ZOMBIE))
		return;
	wait_info_fill(p, &info);
	if (!(signal_action(parent->actions, SIGCHLD).flags & SA_NOCLDSTOP))
		(void)signal_send_process(parent, &info);
	waitq_wake_all(&parent->child_wait);
}

/* ---- looking for it --------------------------------------------------------------------- */

static bool is_meant(const struct wait_request *req, const struct process *child)
{
	bool clone = child->exit_signal != SIGCHLD;

	if (req->who == WAIT_PID && child->nr != req->nr)
		return false;
	if (req->who == WAIT_GROUP && process_group_nr(child) != req->nr)
		return false;
	return (req->options & WALL) || clone == !!(req->options & WCLONE);
}

static int job_status(const struct process *p)
{
	return (p->flags & PROCESS_STOPPED) ? p->stop_signal << 8 | 0x7f : STATUS_CONTINUED;
}

/* Has this child the kind of news that was asked for?  Then take it. */
static bool take_news(const struct wait_request *req, struct process *child,
		      struct wait_result *out)
{
	unsigned news = 0;

	if (child->flags & PROCESS_ZOMBIE) {
		if (!(req->options & WEXITED))
			return false;
	} else if ((req->options & WUNTRACED) && (child->flags & PROCESS_STOP_NEWS)) {
		news = PROCESS_STOP_NEWS;
	} else if ((req->options & WCONTINUED) && (child->flags & PROCESS_CONT_NEWS)) {
		news = PROCESS_CONT_NEWS;
	} else {
		return false;
	}
	out->status = (child->flags & PROCESS_ZOMBIE) ? child->exit_status : job_status(child);
	out->info.signo = SIGCHLD;
	wait_info_fill(child, &out->info);
	process_usage_with_children(child, &out->usage);
	if (!(req->options & WNOWAIT)) {
		child->flags &= ~news;
		if (child->flags & PROCESS_ZOMBIE)
			process_reap(child, true);
	}
	return true;
}

/* The child's id, 0: nothing to tell, -ECHILD: nobody to tell about. */
static pid_nr look(const struct wait_request *req, struct wait_result *out)
{
	struct process *child;
	pid_nr answer = -ECHILD;

	list_for_each (child, &current_process->children, sibling) {
		pid_nr nr = child->nr;

		if (!is_meant(req, child))
			continue;
		if (take_news(req, child, out))
			return nr;
		answer = 0;
	}
	return answer;
}

pid_nr wait_for_child(const struct wait_request *req, struct wait_result *out)
{
	pid_nr nr = look(req, out);
	int err;

	if (nr || (req->options & WNOHANG))
		return nr;
	err = wait_event(&current_process->child_wait, (nr = look(req, out)) != 0, WAIT_FOREVER);
	return err ? err : nr;
}
