/* SPDX-License-Identifier: BSD-2-Clause
 *
 * task.h - a task: one flow of control, the thing that the scheduler runs.
 *
 * What belongs to all tasks of a program together is in its process (kernel/process.h).
 *
 *	task --- kernel stack, context		what the machine needs to go on (arch/x86/context.h)
 *	  |----- state, run link		the scheduler's (kernel/sched.h)
 *	  |----- blocked, pending, sigstack	signals to this task alone
 *	  `----- process
 *
 * States
 *			  waitq_enter			   switch
 *	RUNNABLE  ------------------------>  SLEEPING --------------> (off the run queue)
 *	   ^---------- task_wake -----------------'
 *	   `- last return to user mode of a task that leaves -> DEAD, freed by who runs next
 *
 * I1  A RUNNABLE task other than the running one and idle is on the run queue exactly once.
 * I2  `work` is not 0 if something has to be done before the task returns to user mode.
 *
 * Locking: none, but for state, run link, work and signals, which interrupts change: irq_save.
 */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include <quire/types.h>
#include "arch/x86/context.h"
#include "arch/x86/cpu.h"
#include "kernel/list.h"
#include "kernel/process.h"

enum task_state { TASK_RUNNABLE, TASK_SLEEPING, TASK_STOPPED, TASK_DEAD };

enum sched_policy { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5 };

/* What user_return_work has to do. */
enum task_work {
	WORK_RESCHED = 1 << 0, /* its time is up */
	WORK_SIGNAL = 1 << 1,  /* a signal may be deliverable */
	WORK_STOP = 1 << 2,    /* the process is stopped */
	WORK_EXIT = 1 << 3,    /* the process is exiting */
	WORK_FATAL = 1 << 4,   /* a signal that will end it has come */
	WORK_NEW = 1 << 5,     /* a fresh task: CLONE_CHILD_SETTID */
	WORK_RSEQ = 1 << 6,    /* others have run: its critical section ends (kernel/rseq.h) */
	WORK_PAGER = 1 << 7,   /* a copy met a page that userfaultfd has to supply */

	/* Each ends a sleep that is open to signals. */
	WORK_INTERRUPTS = WORK_SIGNAL | WORK_STOP | WORK_EXIT | WORK_FATAL,
};

/* How to finish a system call that was interrupted, if no handler runs. */
struct restart {
	long (*fn)(struct restart *);
	uint64_t deadline; /* nanosleep, poll, futex: absolute */
	uintptr_t arg[4];
};

/* On the stack of a vfork's parent; the child points at it while it borrows the memory. */
struct vfork_wait {
	struct waitq queue;
	bool over;
};

struct task {
	_Alignas(16) uint32_t work; /* first: the stubs test it (arch/x86/asm.h, TASK_WORK) */
	uint8_t state;              /* enum task_state */
	uint8_t sleep;              /* enum wait_mode, while SLEEPING */
	bool kernel;                /* no user side */
	uint8_t sched_policy;       /* SCHED_* */
	uint8_t priority;           /* of SCHED_FIFO and SCHED_RR: 1 - 99; else 0 */
	int8_t nice;                /* -20 - 19 */
	bool reset_on_fork;         /* children are SCHED_OTHER */
	pid_nr tid;
	struct pid *pid;
	struct process *process;
	struct list_link in_process; /* process.tasks */
	struct list_link run;

	uintptr_t kstack_top;
	uint64_t
	    run_counts; /* has run so many clock_count(), less that of its beginning while it runs */
	uint32_t user_ticks, system_ticks; /* where ticks have found it: how task_run_ns is split */
	uint32_t slice;                    /* ticks until it has to give way */
	uint16_t policy;                   /* set_mempolicy's: remembered */
	bool restore_blocked;              /* saved_blocked counts */
	bool pager_write;                  /* of pager_address */
	/* prctl's timer slack, remembered: beyond Linux's 50 000 ns, now and by default. */
	unsigned long slack, first_slack;
	struct usage usage; /* its counts; the times are task_run_ns */

	signal_set blocked;
	signal_set saved_blocked; /* of sigsuspend, ppoll: restored after delivery */
	signal_set awaited;       /* by sigtimedwait: not dropped though ignored */
	struct signal_pending pending;
	struct signal_info fault; /* of the CPU, to be delivered now; signo 0: none */
	struct signal_stack sigstack;
	struct restart restart;

	uintptr_t set_tid;     /* user address: gets the tid before the first instruction */
	uintptr_t clear_tid;   /* user address: cleared and futex-woken at the end */
	uintptr_t robust_list; /* user address */
	uintptr_t rseq;        /* user address: see kernel/rseq.h; 0: none */
	uint32_t rseq_signature;
	struct vfork_wait *vfork_wait;    /* who waits until mm is given back; or NULL */
	uint32_t trap_vector, trap_error; /* of the last fault that became a signal */
	uintptr_t trap_address;
	uintptr_t wait_channel;  /* what it sleeps in, for /proc */
	uintptr_t pager_address; /* of WORK_PAGER */
	char comm[COMM_SIZE];    /* its own name; the leader's is the process's */

	struct context context;
};

_Static_assert(offsetof(struct task, work) == 0, "the entry stubs test the first word of a task");

/* Interrupts set work too: one instruction each. */
QR_INLINE void task_work_set(struct task *t, uint32_t work)
{
	__atomic_fetch_or(&t->work, work, __ATOMIC_RELAXED);
}
QR_INLINE void task_work_clear(struct task *t, uint32_t work)
{
	__atomic_fetch_and(&t->work, ~work, __ATOMIC_RELAXED);
}

/* COMM_SIZE bytes. */
QR_INLINE char *task_name(struct task *t)
{
	return t == t->process->leader ? t->process->comm : t->comm;
}

/* By tid; no reference: valid until the caller sleeps.  NULL: none. */
struct task *task_find(pid_nr tid);

#define for_each_task(t, process) list_for_each (t, &(process)->tasks, in_process)

/* The process of the running task. */
#define current_process (current->process)

/* ---- scheduler (sched.c) ---------------------------------------------------------------- */

/* The boot stack becomes the idle task of process 0. */
void sched_init(uintptr_t boot_stack_top);

/* Let others run; returns when the task is RUNNABLE and its turn has come.  Not in interrupts. */
void schedule(void);

/* Make a task run: a new one, or one that sleeps.  Nothing if it is RUNNABLE.  Any context. */
void task_wake(struct task *t);
/* Only if it sleeps in a mode that a signal may end (fatal: WAIT_KILL too). */
void task_wake_signal(struct task *t, bool fatal);

/* How long it has run until now, exactly. */
uint64_t task_run_ns(const struct task *t);

/* The running task goes on in another address space (exec, exit): load it.  NULL: none. */
void sched_switch_space(struct mm *mm);
/* Is it loaded?  Then it has to be left before it is freed. */
bool sched_space_loaded(const struct mm *mm);

/* Give the rest of the slice away.  0, as the call answers. */
long sched_yield(void);

/* A child begins with the policy of its parent. */
void sched_inherit(struct task *t, const struct task *from);
/* Another policy, priority or nice for a task. */
void sched_change(struct task *t, unsigned policy, unsigned priority, int nice);

/* The end of the running task, which is in no list any more. */
_Noreturn void sched_exit(void);

/* The boot task, when everything stands. */
_Noreturn void sched_idle(void);

struct sched_stat {
	uint64_t switches, idle_ns;
	unsigned runnable; /* the running one included */
	uint32_t load[3];  /* load averages, 1/2048ths */
};
void sched_stat(struct sched_stat *out);

/* ---- making and ending (fork.c, exit.c, exec.c) ----------------------------------------- */

/* A task of `p` with stack and number, RUNNABLE but not started (task_wake_new), context not
 * initialised.  `pid`: a reference, handed over.  NULL: no memory, and pid is put. */
struct task *task_new(struct process *p, struct pid *pid);
/* Let it run: it joins its process and the run queue. */
void task_start(struct task *t);
/* Never started: free it. */
void task_discard(struct task *t);

/* Tasks that there are, and how many there may be: so many that their stacks take an eighth of
 * RAM, as with Linux. */
extern int task_count, task_max;
void task_set_max(size_t ram_pages);

struct clone_request {
	uint64_t flags; /* CLONE_*, exit signal in the low byte */
	uintptr_t stack, tls;
	uintptr_t parent_tid, child_tid, pidfd; /* user addresses */
	pid_nr nr;                              /* the child's; 0: the next */
};

/* The mm is given back (exec, exit): the parent of a vfork goes on. */
void task_vfork_over(struct task *t);

/* fork, vfork, clone: the id of the child or -errno. */
long process_clone(const struct clone_request *req, const struct regs *r);

/* Replace the program of the running task.  `path` is a kernel string; argv and envp are
 * vectors of kernel strings for the kernel's own use (init).  0: the registers are those of the
 * new program; -errno: nothing has changed. */
int process_exec(const char *path, const char *const argv[], const char *const envp[]);

/* exit_group: all tasks leave; `status` as wait4 reports it. */
_Noreturn void process_exit(int status);
/* exit: this task leaves. */
_Noreturn void task_exit(int status);

#endif
