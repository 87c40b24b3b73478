/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal.c - sending, and what is pending.  Delivery is in signal_deliver.c.
 */
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/posix_timer.h"
#include "kernel/task.h"
#include "kernel/signal_sets.h"
#include "kernel/wait.h"

/* ---- actions ---------------------------------------------------------------------------- */

static uintptr_t handler_of(const struct process *p, int sig)
{
	return signal_handler(p->actions, sig);
}

static bool ignored_by(const struct process *p, int sig)
{
	uintptr_t handler = handler_of(p, sig);

	if (signal_bit(sig) & SIGNALS_FIRM)
		return false;
	return handler == SIG_IGN || (handler == SIG_DFL && (signal_bit(sig) & SIGNALS_IGNORED));
}

bool signal_blocked_or_ignored(int sig)
{
	return (current->blocked & signal_bit(sig)) || handler_of(current_process, sig) == SIG_IGN;
}

/* ---- pending ---------------------------------------------------------------------------- */

void signal_pending_init(struct signal_pending *p)
{
	p->set = 0;
	list_init(&p->queue);
}

static void free_queued(struct signal_queued *q)
{
	q->process->queued--;
	kfree(q);
}

/* Take the queued ones of a set off.  Interrupts off. */
static void drop(struct signal_pending *p, signal_set set)
{
	struct signal_queued *q, *next;

	if (!(p->set & set))
		return;
	p->set &= ~set;
	list_for_each_safe (q, next, &p->queue, link) {
		if (signal_bit(q->info.signo) & set) {
			list_del(&q->link);
			if (!q->of_timer)
				free_queued(q);
		}
	}
}

void signal_pending_clear(struct signal_pending *p)
{
	uintptr_t flags = irq_save();

	drop(p, ~(signal_set)0);
	irq_restore(flags);
}

static void drop_everywhere(struct process *p, signal_set set)
{
	struct task *t;

	drop(&p->pending, set);
	for_each_task (t, p)
		drop(&t->pending, set);
}

void signal_forget(struct process *p, signal_set set)
{
	uintptr_t flags = irq_save();

	drop_everywhere(p, set);
	irq_restore(flags);
}

/* Has it room for one more?  Old signals from the kernel, from kill and alike are at most one of a
 * kind, and always have. */
static bool may_queue(const struct process *p, const struct signal_info *info)
{
	return (info->signo < SIGRTMIN && info->code >= 0) ||
	       p->queued < p->rlimits[RLIMIT_SIGPENDING].cur;
}

/* Interrupts off. */
static int enqueue(struct process *process, struct signal_pending *p,
		   const struct signal_info *info)
{
	signal_set bit = signal_bit(info->signo);
	struct signal_queued *q;

	if (info->signo < SIGRTMIN && (p->set & bit))
		return 0;
	q = may_queue(process, info) ? kmalloc(sizeof(*q)) : NULL;
	if (q) {
		q->info = *info;
		q->of_timer = false;
		q->process = process;
		process->queued++;
		list_add_tail(&q->link, &p->queue);
	} else if (info->signo >= SIGRTMIN && info->code != SI_USER) {
		return -EAGAIN;
	}
	p->set |= bit;
	return 0;
}

static struct signal_queued *find(struct signal_pending *p, int sig)
{
	struct signal_queued *q;

	list_for_each (q, &p->queue, link)
		if (q->info.signo == sig)
			return q;
	return NULL;
}

/* Interrupts off. */
static int take(struct signal_pending *p, signal_set wanted, struct signal_info *out)
{
	signal_set set = p->set & wanted;
	struct signal_queued *q;
	int sig;

	if (!set)
		return 0;
	if (set & SIGNALS_FAULTS)
		set &= SIGNALS_FAULTS;
	sig = __builtin_ctzll(set) + 1;
	q = find(p, sig);
	if (q) {
		*out = q->info;
		list_del(&q->link);
		if (q->of_timer)
			out->overrun =
			    posix_timer_taken(container_of(q, struct posix_timer, signal));
		else
			free_queued(q);
	} else {
		*out = (struct signal_info){ .signo = sig, .code = SI_USER };
	}
	if (!find(p, sig))
		p->set &= ~signal_bit(sig);
	return sig;
}

int signal_take(struct task *t, signal_set wanted, struct signal_info *out)
{
	signal_set kill = (t->pending.set | t->process->pending.set) & wanted & signal_bit(SIGKILL);
	uintptr_t flags;
	int sig = t->fault.signo;

	/* Who is killed dies of that, whatever else there is: its memory may be gone already (oom.h),
	 * and a fault come of it. */
	if (QR_RARELY(kill))
		wanted = kill;
	if (sig && (wanted & signal_bit(sig))) {
		*out = t->fault;
		t->fault.signo = 0;
		return sig;
	}
	flags = irq_save();
	sig = take(&t->pending, wanted, out);
	if (!sig)
		sig = take(&t->process->pending, wanted, out);
	irq_restore(flags);
	return sig;
}

void signal_set_blocked(signal_set blocked)
{
	struct task *t = current;
	signal_set fresh = blocked & ~t->blocked & t->process->pending.set;

	t->blocked = blocked & ~SIGNALS_FIRM;
	/* What comes in an interrupt from here on sees the new mask. */
	if (QR_LIKELY(!(t->pending.set | t->process->pending.set) && !t->fault.signo &&
		      !(t->work & (WORK_SIGNAL | WORK_FATAL))))
		return;
	signal_recalculate(t);
	if (QR_RARELY(fresh))
		signal_retarget(t->process, fresh);
}

bool signal_pending(void)
{
	return current->work & WORK_INTERRUPTS;
}

bool signal_pending_fatal(void)
{
	return current->work & (WORK_FATAL | WORK_EXIT);
}

/* ---- sending ---------------------------------------------------------------------------- */

/* Will it end the process, without a handler having a say? */
static bool is_fatal(const struct process *p, int sig)
{
	return handler_of(p, sig) == SIG_DFL &&
	       !(signal_bit(sig) & (SIGNALS_IGNORED | SIGNALS_STOP)) &&
	       (p != init_process || (p->flags & PROCESS_MAY_KILL_INIT));
}

static bool any_fatal(const struct process *p, signal_set set)
{
	for (; set; set &= set - 1)
		if (is_fatal(p, __builtin_ctzll(set) + 1))
			return true;
	return false;
}

void signal_recalculate(struct task *t)
{
	uintptr_t flags = irq_save();
	signal_set set = t->pending.set | t->process->pending.set;

	if (t->fault.signo)
		set |= signal_bit(t->fault.signo);
	set &= ~t->blocked;
	task_work_clear(t, WORK_SIGNAL | WORK_FATAL);
	if (set)
		task_work_set(t,
			      any_fatal(t->process, set) ? WORK_SIGNAL | WORK_FATAL : WORK_SIGNAL);
	irq_restore(flags);
}

static void nudge(struct task *t, bool fatal)
{
	task_work_set(t, fatal ? WORK_SIGNAL | WORK_FATAL : WORK_SIGNAL);
	task_wake_signal(t, fatal);
}

void signal_retarget(struct process *p, signal_set which)
{
	uintptr_t flags = irq_save();
	struct task *t;

	which &= p->pending.set;
	if (which)
		for_each_task (t, p)
			if (t != current && (which & ~t->blocked))
				nudge(t, any_fatal(p, which & ~t->blocked));
	irq_restore(flags);
}

/* Who takes a signal to the whole process?  The first task that does not block it. */
static struct task *find_taker(struct process *p, int sig)
{
	struct task *t;

	for_each_task (t, p)
		if (!(t->blocked & signal_bit(sig)))
			return t;
	return NULL;
}

/* A stopped process goes on. */
static void resume(struct process *p)
{
	struct task *t;

	if (!(p->flags & PROCESS_STOPPED))
		return;
	p->flags &= ~(unsigned)(PROCESS_STOPPED | PROCESS_STOP_NEWS);
	for_each_task (t, p) {
		task_work_clear(t, WORK_STOP);
		if (t->state == TASK_STOPPED)
			task_wake(t);
	}
}

/* Stop signals and SIGCONT cancel each other, and SIGCONT works even while it is blocked. */
static void job_control(struct process *p, int sig)
{
	if (sig == SIGCONT) {
		bool was_stopped = p->flags & PROCESS_STOPPED;

		drop_everywhere(p, SIGNALS_STOP);
		resume(p);
		if (was_stopped) {
			p->flags |= PROCESS_CONT_NEWS;
			wait_notify_job(p);
		}
	} else if (signal_bit(sig) & SIGNALS_STOP) {
		drop_everywhere(p, signal_bit(SIGCONT));
	}
}

/* SIGKILL is for all tasks, wherever they wait. */
static void kill_all(struct process *p)
{
	struct task *t;

	for_each_task (t, p) {
		nudge(t, true);
		if (t->state == TASK_STOPPED)
			task_wake(t);
	}
}

/* To the queue of `t`, or of the process if t is NULL; `q`: a timer's.  Interrupts off. */
static int deliver_to(struct process *p, struct task *t, const struct signal_info *info,
		      struct signal_queued *q)
{
	struct signal_pending *to = t ? &t->pending : &p->pending;
	int sig = info->signo, err = 0;
	struct task *taker;

	if (sig < 1 || sig > SIGNALS || (p->flags & PROCESS_ZOMBIE) || !p->actions)
		return 0;
	job_control(p, sig);
	taker = t ? t : find_taker(p, sig);
	if (taker && !((taker->blocked | taker->awaited) & signal_bit(sig)) && ignored_by(p, sig))
		return 0;
	if (q) {
		list_add_tail(&q->link, &to->queue);
		to->set |= signal_bit(sig);
	} else {
		err = enqueue(p, to, info);
	}
	if (err)
		return err;
	waitq_wake_all(&p->pid->watchers);
	if (sig == SIGKILL && is_fatal(p, sig))
		kill_all(p);
	else if (taker && !(taker->blocked & signal_bit(sig)))
		nudge(taker, is_fatal(p, sig));
	return 0;
}

int signal_send_task(struct task *t, const struct signal_info *info)
{
	uintptr_t flags = irq_save();
	int err = deliver_to(t->process, t, info, NULL);

	irq_restore(flags);
	return err;
}

int signal_send_process(struct process *p, const struct signal_info *info)
{
	uintptr_t flags = irq_save();
	int err = deliver_to(p, NULL, info, NULL);

	irq_restore(flags);
	return err;
}

bool signal_send_timer(struct process *p, struct task *t, struct signal_queued *q)
{
	uintptr_t flags = irq_save();
	bool sent = list_empty(&q->link);

	if (sent)
		(void)deliver_to(p, t, &q->info, q);
	sent &= !list_empty(&q->link);
	irq_restore(flags);
	return sent;
}

/* The bit of the set may stay without an entry: an empty signal is worth less than a search. */
void signal_unqueue(struct signal_queued *q)
{
	uintptr_t flags = irq_save();

	list_del(&q->link);
	irq_restore(flags);
}

int signal_send_group(struct pid *group, const struct signal_info *info)
{
	struct process *p;
	int err = -ESRCH;

	list_for_each (p, &group->group, in_group)
		err = signal_send_process(p, info);
	return err;
}

void signal_task(struct task *t, int sig)
{
	struct signal_info info = { .signo = sig, .code = SI_KERNEL };

	(void)signal_send_task(t, &info);
}

void signal_process(struct process *p, int sig)
{
	struct signal_info info = { .signo = sig, .code = SI_KERNEL };

	(void)signal_send_process(p, &info);
}

void signal_group(struct pid *group, int sig)
{
	struct signal_info info = { .signo = sig, .code = SI_KERNEL };

	(void)signal_send_group(group, &info);
}

/* What the CPU said, for the handler's context. */
static void note_trap(struct task *t, uintptr_t addr)
{
	const struct regs *r = context_regs(&t->context);

	if (r->vector >= VECTOR_IRQ0)
		return;
	t->trap_vector = (uint32_t)r->vector;
	t->trap_error = (uint32_t)r->orig_ax;
	if (r->vector == VECTOR_PF)
		t->trap_address = addr;
}

/* The signal does not queue: it is taken before all others, on this very return, and a second
 * fault cannot come before it was. */
void force_fault(int sig, int code, uintptr_t addr)
{
	struct task *t = current;
	struct process *p = t->process;
	uintptr_t handler = handler_of(p, sig);

	note_trap(t, addr);
	if (handler == SIG_IGN || (t->blocked & signal_bit(sig))) {
		signal_action_reset(p->actions, sig);
		handler = SIG_DFL;
		t->blocked &= ~signal_bit(sig);
	}
	if (handler == SIG_DFL)
		p->flags |= PROCESS_MAY_KILL_INIT;
	t->fault = (struct signal_info){ .signo = sig, .code = code, .addr = addr };
	task_work_set(t, handler == SIG_DFL ? WORK_SIGNAL | WORK_FATAL : WORK_SIGNAL);
}
