/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/posix_timer.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/itimerspec.h"
#include "kernel/syscall/syscall.h"

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct user_sigevent {
	uintptr_t value;
	int32_t signo, notify, tid;
};

/* ---- clocks ----------------------------------------------------------------------------- */

/* Of CPU time? */
static bool of_cpu(const struct posix_timer *t)
{
	return t->clock < 0;
}

static uint64_t clock_now(const struct posix_timer *t)
{
	uint64_t ns = 0;

	(void)clock_read(t->clock, &ns);
	return ns;
}

/* The running task's clocks by name, so that the timer may be looked at from elsewhere. */
static int clock_for_timer(int clock, int *out)
{
	uint64_t unused;

	*out = clock;
	switch (clock) {
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return cred_super(&current_process->cred) ? 0 : -EPERM;
	case CLOCK_PROCESS:
		*out = (int)(~(uint32_t)current_process->nr << 3 | 2);
		return 0;
	case CLOCK_THREAD:
		*out = (int)(~(uint32_t)current->tid << 3 | 6);
		return 0;
	}
	return clock_read(clock, &unused);
}

/* ---- expiry ----------------------------------------------------------------------------- */

static void arm(struct posix_timer *t, uint64_t now)
{
	if (!of_cpu(t) && t->notify != SIGEV_NONE)
		timer_add(&t->timer, time_add(now_ns(), t->expires > now ? t->expires - now : 0));
}

/* Interrupts off. */
static void expire(struct posix_timer *t)
{
	uint64_t now = clock_now(t);
	struct task *task = t->task ? t->task->task : NULL;
	bool sent = (!t->task || task) && signal_send_timer(t->process, task, &t->signal);

	if (sent || !t->interval) {
		t->overrun = 0;
		if (!t->interval)
			t->expires = 0;
		return;
	}
	/* Nobody listens: the periods go by. */
	t->overrun += (int)periods_passed(&t->expires, t->interval, now) + 1;
	arm(t, now);
}

static void rings(struct timer *timer)
{
	expire(container_of(timer, struct posix_timer, timer));
}

int posix_timer_taken(struct posix_timer *t)
{
	uint64_t now = clock_now(t), n;

	if (t->expires && t->interval && !timer_pending(&t->timer) && t->expires <= now) {
		n = periods_passed(&t->expires, t->interval, now);
		t->overrun = n + (uint64_t)t->overrun < INT32_MAX ? t->overrun + (int)n : INT32_MAX;
		arm(t, now);
	}
	t->overrun_last = t->overrun;
	t->overrun = 0;
	return t->overrun_last;
}

void posix_timers_tick(struct process *p)
{
	for (struct posix_timer *t = p->timers; t; t = t->next)
		if (of_cpu(t) && t->expires && list_empty(&t->signal.link) &&
		    t->notify != SIGEV_NONE && clock_now(t) >= t->expires)
			expire(t);
}

/* ---- making and ending ------------------------------------------------------------------ */

static void drop(struct posix_timer *t)
{
	timer_cancel(&t->timer);
	signal_unqueue(&t->signal);
	pid_put(t->task);
	t->process->queued--;
	kfree(t);
}

void posix_timers_drop(struct process *p)
{
	while (p->timers) {
		struct posix_timer *t = p->timers;
		uintptr_t flags = irq_save(); /* the tick walks the list */

		p->timers = t->next;
		irq_restore(flags);
		drop(t);
	}
}

static struct posix_timer **find(int id)
{
	struct posix_timer **at = &current_process->timers;

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static int check_event(const struct user_sigevent *e, struct pid **task)
{
	const struct task *t;

	*task = NULL;
	switch (e->notify) {
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		t = task_find(e->tid);
		if (!t || t->process != current_process)
			return -EINVAL;
		*task = t->pid;
		/* fall through */
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		return e->signo < 1 || e->signo > SIGNALS ? -EINVAL : 0;
	case SIGEV_NONE:
		return 0;
	}
	return -EINVAL;
}

static struct posix_timer *timer_new(const struct user_sigevent *e, int clock, struct pid *task)
{
	struct process *p = current_process;
	struct posix_timer *t =
	    p->queued < p->rlimits[RLIMIT_SIGPENDING].cur ? kzalloc(sizeof(*t)) : NULL;

	if (!t)
		return NULL;
	p->queued++;
	t->process = p;
	t->task = task ? pid_get(task) : NULL;
	t->id = p->timers ? p->timers->id + 1 : 0;
	t->clock = clock;
	t->notify = e->notify;
	timer_init(&t->timer, rings);
	list_init(&t->signal.link);
	t->signal.of_timer = true;
	t->signal.info = (struct signal_info){
		.signo = e->signo, .code = SI_TIMER, .timer = t->id, .value = e->value
	};
	return t;
}

SYSCALL3(timer_create, int, clock, const struct user_sigevent __user *, event, int __user *, out)
{
	struct user_sigevent e = { .signo = SIGALRM };
	struct process *p = current_process;
	struct posix_timer *t;
	struct pid *task;
	int err;

	if (event && copy_from_user(&e, event, sizeof(e)))
		return -EFAULT;
	err = clock_for_timer(clock, &clock);
	if (!err)
		err = check_event(&e, &task);
	if (err)
		return err;
	t = timer_new(&e, clock, task);
	if (!t)
		return -EAGAIN;
	if (!event)
		t->signal.info.value = (uintptr_t)t->id;
	if (put_user(t->id, out)) {
		drop(t);
		return -EFAULT;
	}
	t->next = p->timers;
	p->timers = t;
	return 0;
}

SYSCALL1(timer_delete, int, id)
{
	struct posix_timer **at = find(id), *t = *at;
	uintptr_t flags;

	if (!t)
		return -EINVAL;
	flags = irq_save();
	*at = t->next;
	irq_restore(flags);
	drop(t);
	return 0;
}

SYSCALL1(timer_getoverrun, int, id)
{
	const struct posix_timer *t = *find(id);

	return t ? t->overrun_last : -EINVAL;
}

/* ---- setting and reading ---------------------------------------------------------------- */

static void read_timer(const struct posix_timer *t, struct itimerspec *out)
{
	uint64_t now = clock_now(t), expires = t->expires;

	*out = (struct itimerspec){ .interval = t->interval };
	if (!expires)
		return;
	if (expires <= now && t->interval)
		(void)periods_passed(&expires, t->interval, now);
	out->value = expires > now ? expires - now : t->notify == SIGEV_NONE ? 0 : 1;
}

static void set_timer(struct posix_timer *t, const struct itimerspec *new, bool absolute)
{
	uintptr_t flags = irq_save();
	uint64_t now = clock_now(t);

	timer_cancel(&t->timer);
	t->interval = new->value ? new->interval : 0;
	t->expires = !new->value ? 0 : absolute ? new->value : time_add(now, new->value);
	t->overrun = t->overrun_last = 0;
	if (t->expires && t->expires != TIME_NEVER)
		arm(t, now);
	irq_restore(flags);
}

static long settime(int id, int how, const void __user *new, void __user *old, bool narrow)
{
	struct itimerspec n, o;
	struct posix_timer *t;
	int err = new ? itimerspec_from_user(&n, new, narrow) : -EINVAL;

	if (err)
		return err;
	t = *find(id);
	if (!t)
		return -EINVAL;
	if (old)
		read_timer(t, &o);
	set_timer(t, &n, how & TIMER_ABSTIME);
	return old ? itimerspec_to_user(old, &o, narrow) : 0;
}

static long gettime(int id, void __user *to, bool narrow)
{
	const struct posix_timer *t = *find(id);
	struct itimerspec now;

	if (!t)
		return -EINVAL;
	read_timer(t, &now);
	return itimerspec_to_user(to, &now, narrow);
}

SYSCALL4(timer_settime, int, id, int, how, const void __user *, new, void __user *, old)
{
	return settime(id, how, new, old, false);
}

SYSCALL2(timer_gettime, int, id, void __user *, to)
{
	return gettime(id, to, false);
}

#ifndef __x86_64__
SYSCALL4(timer_settime_time32, int, id, int, how, const void __user *, new, void __user *, old)
{
	return settime(id, how, new, old, true);
}

SYSCALL2(timer_gettime_time32, int, id, void __user *, to)
{
	return gettime(id, to, true);
}
#endif
