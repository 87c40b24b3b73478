/* SPDX-License-Identifier: BSD-2-Clause
 *
 * limits.c - what a process may use, and what it has used.
 */
#include <limits.h>
#include "arch/x86/cpu.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/usage.h"
#include "kernel/userfault.h"

/* ---- limits ----------------------------------------------------------------------------- */

struct user_rlimit {
	unsigned long cur, max;
};

/* A limit that a long cannot hold is none. */
static unsigned long rlimit_out(uint64_t v)
{
	return v > ULONG_MAX ? ULONG_MAX : (unsigned long)v;
}

static uint64_t rlimit_in(unsigned long v)
{
	return v == ULONG_MAX ? RLIM_INFINITY : v;
}

static int set_limit(struct process *p, unsigned id, const struct rlimit_pair *new)
{
	struct rlimit_pair *slot = &p->rlimits[id];

	if (new->cur > new->max)
		return -EINVAL;
	if (id == RLIMIT_NOFILE && new->max > 1024 * 1024)
		return -EPERM;
	if (new->max > slot->max && !cred_super(&current_process->cred))
		return -EPERM;
	*slot = *new;
	if (p->mm && (id == RLIMIT_AS || id == RLIMIT_STACK))
		mm_set_limits(p->mm, p);
	return 0;
}

SYSCALL2(getrlimit, unsigned, id, struct user_rlimit __user *, to)
{
	const struct rlimit_pair *l = &current_process->rlimits[id < RLIMITS ? id : 0];
	struct user_rlimit u = { rlimit_out(l->cur), rlimit_out(l->max) };

	return id < RLIMITS ? copy_to_user(to, &u, sizeof(u)) : -EINVAL;
}

SYSCALL2(setrlimit, unsigned, id, const struct user_rlimit __user *, from)
{
	struct user_rlimit u;
	struct rlimit_pair new;

	if (id >= RLIMITS)
		return -EINVAL;
	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	new = (struct rlimit_pair){ rlimit_in(u.cur), rlimit_in(u.max) };
	return set_limit(current_process, id, &new);
}

static bool may_limit(const struct process *p)
{
	const struct cred *me = &current_process->cred, *c = &p->cred;

	return p == current_process || cred_super(me) ||
	       (me->uid == c->uid && me->uid == c->euid && me->uid == c->suid);
}

SYSCALL4(prlimit64, pid_nr, nr, unsigned, id, const struct rlimit_pair __user *, from,
	 struct rlimit_pair __user *, to)
{
	struct process *p = nr ? process_find(nr) : current_process;
	struct rlimit_pair new, old;
	int err;

	if (id >= RLIMITS)
		return -EINVAL;
	if (from && copy_from_user(&new, from, sizeof(new)))
		return -EFAULT;
	/* Looked up again: the copy may have slept. */
	p = nr ? process_find(nr) : current_process;
	if (!p)
		return -ESRCH;
	if (!may_limit(p))
		return -EPERM;
	old = p->rlimits[id];
	err = from ? set_limit(p, id, &new) : 0;
	if (err)
		return err;
	return to ? copy_out_quick(to, &old, sizeof(old)) : 0;
}

#ifndef __x86_64__
/* From when a long limit was signed. */
SYSCALL2(old_getrlimit, unsigned, id, struct user_rlimit __user *, to)
{
	const struct rlimit_pair *l = &current_process->rlimits[id < RLIMITS ? id : 0];
	struct user_rlimit u = {
		.cur = l->cur > LONG_MAX ? LONG_MAX : (unsigned long)l->cur,
		.max = l->max > LONG_MAX ? LONG_MAX : (unsigned long)l->max,
	};

	return id < RLIMITS ? copy_to_user(to, &u, sizeof(u)) : -EINVAL;
}
#endif

/* ---- usage ------------------------------------------------------------------------------ */

enum { USAGE_CHILDREN = -1, USAGE_SELF = 0, USAGE_THREAD = 1 };

SYSCALL2(getrusage, int, who, struct user_rusage __user *, to)
{
	const struct process *p = current_process;
	struct usage u = { 0 };
	struct user_rusage out;

	switch (who) {
	case USAGE_CHILDREN:
		u = p->children_usage;
		break;
	case USAGE_SELF:
		process_usage(p, &u);
		u.max_rss = process_max_rss(p);
		break;
	case USAGE_THREAD:
		task_usage(current, &u);
		u.max_rss = process_max_rss(p);
		break;
	default:
		return -EINVAL;
	}
	usage_to_user(&out, &u);
	return copy_out_quick(to, &out, sizeof(out));
}

struct user_tms {
	long user, system, children_user, children_system;
};

#define NS_PER_CLOCK (NS_PER_SEC / 100)

SYSCALL1(times, struct user_tms __user *, to)
{
	const struct process *p = current_process;
	struct user_tms t;
	struct usage u;

	process_usage(p, &u);
	t = (struct user_tms){
		.user = (long)(u.user / NS_PER_CLOCK),
		.system = (long)(u.system / NS_PER_CLOCK),
		.children_user = (long)(p->children_usage.user / NS_PER_CLOCK),
		.children_system = (long)(p->children_usage.system / NS_PER_CLOCK),
	};
	if (to && copy_to_user(to, &t, sizeof(t)))
		return -EFAULT;
	return (long)(now_ns() / NS_PER_CLOCK);
}
