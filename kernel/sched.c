/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sched.c - who runs.
 *
 * One queue, round robin: who becomes RUNNABLE goes to its end, who is taken from its head runs
 * until it sleeps or its slice is over.  The kernel itself is not preempted: a tick only sets
 * WORK_RESCHED, and the switch happens on the way back to user mode.
 *
 *	run_queue -> task -> task -> task	all RUNNABLE, none of them running; real-time tasks first
 *	current					the one that runs; idle when the queue is empty
 *
 * Address spaces are loaded lazily: a kernel thread runs in whichever space was there before,
 * and a space that nobody runs in stays loaded until another one is needed or it is freed.
 *
 * Cost of a switch: about 85 instructions and the loading of the table root.
 * Locking: the queue and task states are changed by interrupts too: irq_save.
 */
#include "arch/x86/irq.h"
#include "arch/x86/trap.h"
#include "kernel/kmalloc.h"
#include "kernel/panic.h"
#include "kernel/posix_timer.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define SLICE_TICKS 2 /* 20 ms */
#define LOAD_PERIOD (5 * NS_PER_SEC)

/* Nice is the length of a turn: one tick for those who are, up to twelve for those who are not. */
static uint32_t slice_of(const struct task *t)
{
	if (QR_LIKELY(!t->nice))
		return SLICE_TICKS;
	return t->nice > 0 ? 1 : SLICE_TICKS + (uint32_t)-t->nice / 2;
}

static struct list_link run_queue = LIST_INIT(run_queue);
static struct task idle_task;
static struct mm *loaded_mm;
static uint64_t switched_at; /* clock_count() when `current` began to run */
static unsigned nqueued;
static bool halted;        /* nobody runs: no ticks */
static uint64_t next_tick; /* a multiple of NS_PER_TICK */
uint64_t time_ticks;
static struct sched_stat stat;

/* ---- address spaces --------------------------------------------------------------------- */

static inline void switch_space(struct mm *mm)
{
	if (mm == loaded_mm)
		return;
	if (mm)
		qr_space_enter(&mm->space);
	else
		qr_space_leave(&loaded_mm->space);
	if (QR_RARELY(ldt_loaded != (mm ? mm->ldt : NULL)))
		ldt_load(mm ? mm->ldt : NULL);
	loaded_mm = mm;
}

void sched_switch_space(struct mm *mm)
{
	switch_space(mm);
}

bool sched_space_loaded(const struct mm *mm)
{
	return mm == loaded_mm;
}

/* ---- switching -------------------------------------------------------------------------- */

uint64_t task_run_ns(const struct task *t)
{
	return clock_count_ns(t->run_counts + (t == current ? clock_count() : 0));
}

/* Behind those of its priority; real-time tasks stand before all others. */
static __attribute__((noinline)) void enqueue_real_time(struct task *t)
{
	struct task *at;

	list_for_each (at, &run_queue, run)
		if (at->priority < t->priority)
			break;
	list_add_tail(&t->run, &at->run);
}

/* Who has slept runs before those who would go on; not before real-time tasks. */
static void enqueue_first(struct task *t)
{
	const struct task *first = list_first(&run_queue, struct task, run);

	if (QR_RARELY(t->priority || (first && first->priority)))
		enqueue_real_time(t);
	else
		list_add(&t->run, &run_queue);
	nqueued++;
}

static inline void enqueue(struct task *t)
{
	if (QR_RARELY(t->priority))
		enqueue_real_time(t);
	else
		list_add_tail(&t->run, &run_queue);
	nqueued++;
}

static struct task *dequeue(void)
{
	if (list_empty(&run_queue))
		return &idle_task;
	nqueued--;
	return container_of(list_take_first(&run_queue), struct task, run);
}

/* Interrupts off. */
static __attribute__((noinline)) void switch_to(struct task *prev, struct task *next)
{
	struct mm *mm = next->process->mm;
	uint64_t now = clock_count();

	prev->run_counts += now;
	next->run_counts -= now;
	switched_at = now;
	if (!next->slice)
		next->slice = slice_of(next);
	stat.switches++;
	if (mm)
		switch_space(mm);
	context_exchange(&prev->context, &next->context);
	context_switch(&prev->context, &next->context);
}

void schedule(void)
{
	uintptr_t flags = irq_save();
	struct task *prev = current, *next;

	QR_ASSERT_DEBUG(!in_interrupt(), "nobody sleeps in an interrupt");
	task_work_clear(prev, WORK_RESCHED);
	if (prev->state == TASK_RUNNABLE) {
		prev->usage.forced_switches++;
		if (prev != &idle_task)
			enqueue(prev);
	} else {
		prev->usage.switches++;
	}
	next = dequeue();
	if (next != prev) {
		/* Nobody may come between what a program does in one sequence. */
		if (prev->rseq && context_regs(&prev->context)->vector != VECTOR_SYSCALL)
			task_work_set(prev, WORK_RSEQ);
		switch_to(prev, next);
	}
	irq_restore(flags);
}

/* schedule() for who is in a system call and stays RUNNABLE: the first in the queue and the running
 * task change places. */
long sched_yield(void)
{
	struct task *prev = current, *next;

	if (list_empty(&run_queue))
		return 0;
	if (QR_RARELY(prev->priority)) {
		schedule();
		return 0;
	}
	irq_disable();
	task_work_clear(prev, WORK_RESCHED);
	prev->usage.forced_switches++;
	next = container_of(list_take_first(&run_queue), struct task, run);
	list_add_tail(&prev->run, &run_queue);
	switch_to(prev, next);
	irq_enable();
	return 0;
}

void sched_inherit(struct task *t, const struct task *from)
{
	bool reset = from->reset_on_fork;

	if (!reset || !from->priority) {
		t->sched_policy = from->sched_policy;
		t->priority = from->priority;
		t->nice = reset && from->nice < 0 ? 0 : from->nice;
	}
}

void sched_change(struct task *t, unsigned policy, unsigned priority, int nice)
{
	uintptr_t flags = irq_save();

	t->sched_policy = (uint8_t)policy;
	t->priority = (uint8_t)priority;
	t->nice = (int8_t)nice;
	if (t->state == TASK_RUNNABLE && t != current) { /* I1 of task.h */
		list_del(&t->run);
		nqueued--;
		enqueue(t);
	}
	if (nqueued)
		task_work_set(current, WORK_RESCHED);
	irq_restore(flags);
}

/* On the stack of who runs next, interrupts off. */
static void bury(void *arg)
{
	struct task *t = arg;

	kstack_free(t->kstack_top);
	kfree(t);
}

void sched_exit(void)
{
	struct task *prev = current, *next;

	irq_disable();
	prev->state = TASK_DEAD;
	next = dequeue();
	context_call_first(&next->context, bury, prev);
	switch_to(prev, next);
	panic("a dead task was run");
}

/* ---- waking ----------------------------------------------------------------------------- */

/* Who runs gives way after a millisecond: not at once, or each message of a pair of tasks would
 * cost a switch; and only to one that has not used up its turn, or a pair that wakes each other
 * would keep all others waiting. */
static bool goes_first(const struct task *t, const struct task *me)
{
	if (QR_RARELY(t->priority != me->priority))
		return t->priority > me->priority;
	return (t->slice || me == &idle_task) &&
	       clock_count_ns(clock_count() - switched_at) >= NS_PER_MS;
}

static void wake_other(struct task *t)
{
	if (!goes_first(t, current)) {
		enqueue(t);
		return;
	}
	enqueue_first(t);
	task_work_set(current, WORK_RESCHED);
}

void task_wake(struct task *t)
{
	uintptr_t flags = irq_save();

	if (t->state == TASK_SLEEPING || t->state == TASK_STOPPED) {
		t->state = TASK_RUNNABLE;
		if (t != current)
			wake_other(t);
	}
	irq_restore(flags);
}

void task_wake_signal(struct task *t, bool fatal)
{
	if (t->state == TASK_SLEEPING && t->sleep <= (fatal ? WAIT_KILL : WAIT_SIGNALS))
		task_wake(t);
}

/* ---- the tick --------------------------------------------------------------------------- */

/* Did the interrupt that is being handled come out of user mode?  Then it built the first frame
 * of the stack itself; otherwise a system call or an exception did. */
static bool tick_hit_user(const struct task *t)
{
	unsigned vector;

	if (t->kernel)
		return false;
	vector = (unsigned)context_regs(&t->context)->vector;
	return vector - VECTOR_IRQ0 < IRQ_LINES;
}

/* Running time that wants a signal at its end: ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU. */
static void tick_itimer(struct process *p, enum itimer_id which, int sig)
{
	struct itimer *it = &p->itimers[which];

	if (!it->left)
		return;
	if (it->left > NS_PER_TICK) {
		it->left -= NS_PER_TICK;
		return;
	}
	it->left = it->interval;
	signal_process(p, sig);
}

/* At every tenth tick of each task: the clock's own number can skip one.  Who was told is told
 * again after one more second. */
static __attribute__((cold)) void tick_limit(struct task *t)
{
	struct process *p = t->process;
	uint64_t limit = p->rlimits[RLIMIT_CPU].cur, used;
	struct usage u;

	if (limit == RLIM_INFINITY || (t->user_ticks + t->system_ticks) % (CLOCK_HZ / 10))
		return;
	process_usage(p, &u);
	used = (u.user + u.system) / NS_PER_SEC;
	if (used >= p->rlimits[RLIMIT_CPU].max) {
		signal_process(p, SIGKILL);
	} else if (used >= limit) {
		p->rlimits[RLIMIT_CPU].cur = limit + 1;
		signal_process(p, SIGXCPU);
	}
}

static void tick_charge(struct task *t)
{
	bool user = tick_hit_user(t);

	if (user)
		t->user_ticks++;
	else
		t->system_ticks++;
	if (t->kernel)
		return;
	if (user)
		tick_itimer(t->process, ITIMER_VIRTUAL, SIGVTALRM);
	tick_itimer(t->process, ITIMER_PROF, SIGPROF);
	tick_limit(t);
	if (QR_RARELY(t->process->timers != NULL))
		posix_timers_tick(t->process);
	if ((t->slice && --t->slice) || t->sched_policy == SCHED_FIFO)
		return;
	if (nqueued)
		task_work_set(t, WORK_RESCHED);
}

/* Exponential averages over 1, 5 and 15 minutes, taken every 5 seconds: 2048 e^(-5/60), ...
 * Where ticks were left out, nothing ran. */
static __attribute__((cold)) void take_load(uint64_t now)
{
	static const uint16_t decay[3] = { 1884, 2014, 2037 };
	static uint64_t due = LOAD_PERIOD;

	while (due <= now) {
		unsigned n = due + LOAD_PERIOD > now ? nqueued + (current != &idle_task) : 0;

		for (unsigned i = 0; i < 3; i++)
			stat.load[i] =
			    (stat.load[i] * decay[i] + n * 2048 * (2048 - decay[i])) / 2048;
		due += LOAD_PERIOD;
	}
}

static void begin_tick(uint64_t now)
{
	time_ticks = now / NS_PER_TICK;
	next_tick = (time_ticks + 1) * NS_PER_TICK;
	take_load(now);
}

/* Ticks are for those who run: they are charged, and their slices end. */
static void clock_event(void)
{
	uint64_t now = now_ns();

	timers_run(now);
	if (now >= next_tick && !halted) {
		begin_tick(now);
		if (current != &idle_task)
			tick_charge(current);
	}
	clock_interrupt_at(timers_next());
	if (!halted)
		clock_interrupt_at(next_tick);
}

void time_init(void)
{
	clock_init(clock_event);
	switched_at = clock_count();
	current->run_counts = -switched_at;
	real_set(rtc_read() * NS_PER_SEC);
	clock_interrupt_at(0);
}

/* ---- beginning -------------------------------------------------------------------------- */

void sched_init(uintptr_t boot_stack_top)
{
	struct task *t = &idle_task;

	t->process = &kernel_process;
	t->kernel = true;
	t->kstack_top = boot_stack_top;
	signal_pending_init(&t->pending);
	kernel_process.leader = t;
	list_init(&kernel_process.tasks);
	list_add(&t->in_process, &kernel_process.tasks);
	list_init(&kernel_process.children);
	kernel_process.ntasks = 1;
	context_adopt(&t->context, t, boot_stack_top);
}

/* Until an interrupt has woken somebody.  Interrupts off. */
static __attribute__((cold)) void halt(void)
{
	uint64_t now;

	halted = true;
	while (!nqueued) {
		kmalloc_idle();
		cpu_idle();
		irq_disable();
	}
	halted = false;
	now = now_ns();
	if (now >= next_tick)
		begin_tick(now);
	clock_interrupt_at(next_tick);
}

void sched_idle(void)
{
	for (;;) {
		irq_disable();
		if (!nqueued)
			halt();
		irq_enable();
		schedule();
	}
}

void sched_stat(struct sched_stat *out)
{
	*out = stat;
	out->idle_ns = task_run_ns(&idle_task);
	out->runnable = nqueued + (current != &idle_task);
}
