/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tty_job.c - whose terminal it is: the session that it controls, the group in the foreground.
 */
#include "arch/x86/cpu.h"
#include "drivers/tty.h"
#include "kernel/task.h"

void tty_signal(struct tty *t, int sig)
{
	if (t->foreground)
		signal_group(t->foreground, sig);
}

static bool is_mine(const struct tty *t)
{
	return t->session && current_process->session == t->session;
}

int tty_check_foreground(struct tty *t, int sig)
{
	struct process *p = current_process;
	bool deaf;

	if (!is_mine(t) || p->group == t->foreground)
		return 0;
	deaf = signal_blocked_or_ignored(sig);
	if (deaf)
		return sig == SIGTTIN ? -EIO : 0;
	if (group_orphaned(p->group))
		return -EIO;
	signal_group(p->group, sig);
	return -ERESTARTSYS;
}

static void set_session(struct tty *t, struct pid *session, struct pid *foreground)
{
	struct pid *old_session = t->session, *old_foreground = t->foreground;
	uintptr_t irq = irq_save();

	t->session = session ? pid_get(session) : NULL;
	t->foreground = foreground ? pid_get(foreground) : NULL;
	irq_restore(irq);
	if (session)
		session->tty = t;
	pid_put(old_session);
	pid_put(old_foreground);
}

long tty_acquire(struct tty *t, bool steal)
{
	struct process *p = current_process;
	if (is_mine(t) && process_leads_session(p))
		return 0;
	if (!process_leads_session(p) || process_tty(p))
		return -EPERM;
	if (t->session) {
		if (!steal || !(p->cred.caps >> CAP_SYS_ADMIN & 1))
			return -EPERM;
		t->session->tty = NULL;
	}
	set_session(t, p->session, p->group);
	return 0;
}

void tty_acquire_on_open(struct tty *t)
{
	if (!t->session)
		(void)tty_acquire(t, false);
}

/* The leader lets go of it: its foreground group is told, and it is nobody's. */
long tty_give_up(struct tty *t)
{
	if (!is_mine(t))
		return -ENOTTY;
	if (!process_leads_session(current_process))
		return 0; /* one process alone cannot leave: the session has the terminal */
	tty_signal(t, SIGHUP);
	tty_signal(t, SIGCONT);
	t->session->tty = NULL;
	set_session(t, NULL, NULL);
	return 0;
}

static void line_dies(struct tty *t)
{
	set_session(t, NULL, NULL);
	t->generation++;
	t->stopped = false;
	waitq_wake_all(&t->readable);
	waitq_wake_all(&t->writable);
}

void tty_session_ends(struct tty *t)
{
	tty_signal(t, SIGHUP);
	if (t->pty) { /* goes on, and may become another session's */
		set_session(t, NULL, NULL);
		return;
	}
	tty_signal(t, SIGCONT);
	line_dies(t);
}

/* The session's leader is told; and those in the foreground, if it is not one of them. */
void tty_hang_up(struct tty *t)
{
	struct process *leader = t->session ? t->session->process : NULL;

	if (leader) {
		signal_process(leader, SIGHUP);
		signal_process(leader, SIGCONT);
	}
	if (leader && leader->group != t->foreground) {
		tty_signal(t, SIGHUP);
		tty_signal(t, SIGCONT);
	}
	if (t->session)
		t->session->tty = NULL;
	line_dies(t);
}

long tty_set_foreground(struct tty *t, int32_t nr)
{
	struct pid *group;
	struct process *member;
	int err;

	if (!is_mine(t))
		return -ENOTTY;
	err = tty_check_foreground(t, SIGTTOU);
	if (err)
		return err;
	if (nr < 0)
		return -EINVAL;
	group = pid_find(nr);
	if (!group || list_empty(&group->group))
		return -ESRCH;
	member = list_first(&group->group, struct process, in_group);
	if (member->session != t->session)
		return -EPERM;
	set_session(t, t->session, group);
	return 0;
}
