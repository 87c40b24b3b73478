/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/waitq.h"

/* ---- the queue -------------------------------------------------------------------------- */

static void append(struct waitq *q, struct waiter *w)
{
	w->queue = q;
	w->next = NULL;
	w->prev = q->last;
	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
}

static void detach(struct waiter *w)
{
	struct waitq *q = w->queue;

	if (w->prev)
		w->prev->next = w->next;
	else
		q->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		q->last = w->prev;
	w->queue = NULL;
}

void waitq_enter(struct waitq *q, struct waiter *w)
{
	uintptr_t flags = irq_save();

	w->woken = false;
	if (!w->queue) {
		w->task = current;
		append(q, w);
	}
	current->state = TASK_SLEEPING;
	irq_restore(flags);
}

void waitq_end(struct waitq *q)
{
	uintptr_t flags = irq_save();

	while (QR_RARELY(q->first))
		detach(q->first);
	irq_restore(flags);
}

void waitq_leave(struct waiter *w)
{
	uintptr_t flags = irq_save();

	if (w->queue)
		detach(w);
	current->state = TASK_RUNNABLE;
	irq_restore(flags);
}

void waitq_hook(struct waitq *q, struct wait_hook *h)
{
	uintptr_t flags = irq_save();

	append(q, &h->waiter);
	irq_restore(flags);
}

void waitq_unhook(struct wait_hook *h)
{
	uintptr_t flags = irq_save();

	if (h->waiter.queue)
		detach(&h->waiter);
	irq_restore(flags);
}

/* One exclusive hook, or with !all one exclusive waiter, is enough. */
static void wake(struct waitq *q, bool all)
{
	uintptr_t flags = irq_save();
	bool enough = false;

	for (struct waiter *w = q->first; w; w = w->next) {
		if (QR_RARELY(!w->task)) {
			struct wait_hook *h = container_of(w, struct wait_hook, waiter);

			if (!(w->exclusive && enough))
				enough |= h->woken(h) & w->exclusive;
			continue;
		}
		if (w->exclusive && !all) {
			if (enough || w->woken)
				continue;
			enough = true;
		}
		w->woken = true;
		task_wake(w->task);
	}
	irq_restore(flags);
}

void waitq_wake_all(struct waitq *q)
{
	if (waitq_busy(q))
		wake(q, true);
}

void waitq_wake_one(struct waitq *q)
{
	if (waitq_busy(q))
		wake(q, false);
}

/* ---- sleeping --------------------------------------------------------------------------- */

struct alarm_clock {
	struct timer timer;
	struct task *task;
};

static void ring(struct timer *t)
{
	task_wake(container_of(t, struct alarm_clock, timer)->task);
}

static bool disturbed(enum wait_mode mode)
{
	switch (mode) {
	case WAIT_SIGNALS:
		return current->work & WORK_INTERRUPTS;
	case WAIT_KILL:
		return current->work & (WORK_FATAL | WORK_EXIT);
	case WAIT_FIRMLY:
		break;
	}
	return false;
}

/* Interrupts off.  Returns when somebody has woken the task, or the deadline has passed. */
static int switch_away(uint64_t deadline)
{
	struct alarm_clock alarm = { .task = current };

	if (deadline == WAIT_FOREVER) {
		schedule();
		return 0;
	}
	if (now_ns() >= deadline)
		return -ETIMEDOUT;
	timer_init(&alarm.timer, ring);
	timer_add(&alarm.timer, deadline);
	schedule();
	return timer_cancel(&alarm.timer) ? 0 : -ETIMEDOUT;
}

int waitq_sleep(enum wait_mode mode, uint64_t deadline)
{
	struct task *t = current;
	uintptr_t flags = irq_save();
	int err = 0;

	/* From here to the switch nobody can wake the task unseen. */
	if (disturbed(mode)) {
		err = -ERESTARTSYS;
	} else if (t->state == TASK_SLEEPING) {
		t->sleep = (uint8_t)mode;
		t->wait_channel = (uintptr_t)__builtin_return_address(0);
		err = switch_away(deadline);
		t->wait_channel = 0;
	}
	t->state = TASK_RUNNABLE;
	irq_restore(flags);
	return err;
}

int sleep_until(uint64_t deadline)
{
	int err;

	do {
		current->state = TASK_SLEEPING;
		err = waitq_sleep(WAIT_SIGNALS, deadline);
	} while (!err);
	return err;
}

/* ---- poll ------------------------------------------------------------------------------- */

void poll_table_init(struct poll_table *t)
{
	t->hook = NULL;
	t->more = NULL;
	t->n = 0;
	t->err = 0;
}

void poll_enter(struct poll_table *t, struct waitq *q, unsigned events)
{
	struct poll_entry *e;

	if (QR_RARELY(t->hook)) {
		t->hook(t, q, events);
		return;
	}
	if (t->n < POLL_INLINE) {
		e = &t->in[t->n];
	} else {
		e = kmalloc(sizeof(*e));
		if (!e) {
			t->err = -ENOMEM;
			return;
		}
		e->next = t->more;
		t->more = e;
	}
	t->n++;
	e->waiter = (struct waiter){ .exclusive = false };
	waitq_enter(q, &e->waiter);
}

void poll_table_arm(struct poll_table *t)
{
	current->state = TASK_SLEEPING;
}

void poll_table_fini(struct poll_table *t)
{
	struct poll_entry *e;

	for (unsigned i = 0; i < t->n && i < POLL_INLINE; i++)
		waitq_leave(&t->in[i].waiter);
	while ((e = t->more)) {
		t->more = e->next;
		waitq_leave(&e->waiter);
		kfree(e);
	}
	current->state = TASK_RUNNABLE;
}
