/* SPDX-License-Identifier: BSD-2-Clause
 *
 * waitq.h - sleeping until something is so.
 *
 * A wait queue is where tasks wait for one kind of event (bytes in a pipe, a child's end).  Who
 * makes the event happen changes the state first and wakes then; who waits enters the queue
 * first and looks at the state then.  So no wake-up is lost, in whichever order the two come:
 *
 *	waiter				waker, perhaps in an interrupt
 *	waitq_enter: queued, SLEEPING	state changes
 *	condition?  no			waitq_wake: every waiter RUNNABLE
 *	waitq_sleep: switch unless RUNNABLE again
 *	condition?  yes
 *	waitq_leave
 *
 * wait_event() is this loop.  A task may be in several queues at once; poll is (poll_table).
 * A queue filled with zeroes is empty and ready.
 *
 * I1  A waiter is on the list of its queue from waitq_enter to waitq_leave; the queue outlives it.
 * I2  A sleeping task is in some queue, or has a timer, or sleeps until a signal.
 *
 * Cost: enter, wake and leave about 20 instructions each, plus the switch.
 * Context: wake in any context.  The rest: tasks only.
 */
#ifndef KERNEL_WAITQ_H
#define KERNEL_WAITQ_H

#include <quire/types.h>
#include "kernel/errno.h"

struct task;
struct waitq;

struct waiter {
	struct task *task;   /* NULL: a hook */
	struct waitq *queue; /* NULL: in none */
	struct waiter *next, *prev;
	bool exclusive; /* one of those is enough for one event */
	bool woken;     /* since the last waitq_enter */
};

struct waitq {
	struct waiter *first, *last;
};

/* Who wants to hear of each wake-up without sleeping: epoll.  `woken` runs in any context, with
 * interrupts off; it answers whether that was of use.  An exclusive one is told only if no other
 * exclusive one before it was of use. */
struct wait_hook {
	struct waiter waiter;
	bool (*woken)(struct wait_hook *h);
};

void waitq_hook(struct waitq *q, struct wait_hook *h);
void waitq_unhook(struct wait_hook *h); /* does nothing if it is in no queue */

#define WAIT_FOREVER UINT64_MAX

QR_INLINE void waitq_init(struct waitq *q)
{
	q->first = q->last = NULL;
}

/* Does anybody wait?  Saves the work of finding out what to tell them. */
QR_INLINE bool waitq_busy(const struct waitq *q)
{
	return q->first != NULL;
}

/* Wake everybody / everybody but the exclusive ones, and the first of those that has not been
 * woken yet. */
void waitq_wake_all(struct waitq *q);
void waitq_wake_one(struct waitq *q);

/* The queue goes: hooks that are left in it are in none. */
void waitq_end(struct waitq *q);

/* The parts of wait_event, for loops of a form of their own.  Enter again after each sleep:
 * it makes the task SLEEPING again and costs little when it is queued already.
 * Needs: w->queue is NULL at first; w->exclusive set. */
void waitq_enter(struct waitq *q, struct waiter *w);
void waitq_leave(struct waiter *w);

enum wait_mode {
	WAIT_SIGNALS, /* any signal that is not blocked ends the sleep */
	WAIT_KILL,    /* only a fatal one */
	WAIT_FIRMLY,  /* none: for what must end soon by itself */
};

/* Sleep until woken: 0 (perhaps for nothing: look again); -ERESTARTSYS: a signal wants the
 * task; -ETIMEDOUT: `deadline` (now_ns(); WAIT_FOREVER) has come. */
int waitq_sleep(enum wait_mode mode, uint64_t deadline);

/* Sleep until `deadline`, or until a signal: -ETIMEDOUT or -ERESTARTSYS. */
int sleep_until(uint64_t deadline);

#define wait_event_(q, condition, is_exclusive, mode, deadline)          \
	({                                                               \
		struct waiter waiter_ = { .exclusive = (is_exclusive) }; \
		int wait_err_ = 0;                                       \
		for (;;) {                                               \
			waitq_enter((q), &waiter_);                      \
			if ((condition)) {                               \
				wait_err_ = 0;                           \
				break;                                   \
			}                                                \
			if (wait_err_)                                   \
				break;                                   \
			wait_err_ = waitq_sleep((mode), (deadline));     \
		}                                                        \
		waitq_leave(&waiter_);                                   \
		wait_err_;                                               \
	})

/* Sleep in `q` until `condition` holds: 0, -ERESTARTSYS or -ETIMEDOUT.  The condition is looked
 * at last: if it holds the answer is 0, whatever else has happened. */
#define wait_event(q, condition, deadline) wait_event_(q, condition, false, WAIT_SIGNALS, deadline)
#define wait_event_exclusive(q, condition, deadline) \
	wait_event_(q, condition, true, WAIT_SIGNALS, deadline)
#define wait_event_killable(q, condition) wait_event_(q, condition, false, WAIT_KILL, WAIT_FOREVER)
#define wait_event_firmly(q, condition) \
	((void)wait_event_(q, condition, false, WAIT_FIRMLY, WAIT_FOREVER))

/* ---- many queues at once ---------------------------------------------------------------- */

#define POLL_INLINE 6

struct poll_entry {
	struct waiter waiter;
	struct poll_entry *next;
};

/* What poll hands to each file's `poll`; NULL once all queues are known, or when nobody intends
 * to sleep. */
struct poll_table {
	/* Of who does not sleep: takes the queue if what it tells of is wanted, see epoll.c. */
	void (*hook)(struct poll_table *t, struct waitq *q, unsigned events);
	struct poll_entry *more; /* beyond the inline ones */
	unsigned n;
	int err; /* -ENOMEM: one could not be entered */
	struct poll_entry in[POLL_INLINE];
};

void poll_table_init(struct poll_table *t);
/* Enter a queue, until poll_table_fini.  `t` may be NULL: does nothing.  A file has at most
 * POLL_QUEUES of them; `events` (0: any) are those of which this one tells, hang-ups aside. */
#define POLL_QUEUES 2
void poll_enter(struct poll_table *t, struct waitq *q, unsigned events);
QR_INLINE void poll_wait(struct poll_table *t, struct waitq *q, unsigned events)
{
	if (QR_RARELY(t != NULL))
		poll_enter(t, q, events);
}
/* Before each look at the files: from here on a wake-up counts. */
void poll_table_arm(struct poll_table *t);
void poll_table_fini(struct poll_table *t);

#endif
