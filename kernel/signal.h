/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal.h - telling a program that something has happened.
 *
 * A signal is sent (to a task, a process, a group), waits as pending while it is blocked, and is
 * delivered on the way back to user mode: ignored, by its default action, or by calling the
 * program's handler on a frame that the kernel pushes onto its stack (signal_frame.c).
 *
 *	send -> pending of the task, or of the process (whichever task takes it first)
 *	     -> WORK_SIGNAL on a task that does not block it, woken if it sleeps
 *	user_return_work -> signal_deliver: take the lowest, act
 *
 * I1  task.work has WORK_SIGNAL if a pending signal is not blocked (it may be set without one).
 * I2  SIGKILL and SIGSTOP are never blocked, never ignored, never caught.
 * I3  Bit n-1 of a signal_set is signal n.  A standard signal is pending at most once; real-time
 *     ones are queued, each with its information.
 *
 * Context: sending, in any context (from interrupts: without memory, the information is lost,
 * the signal is not).  The rest: tasks only.
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include <quire/types.h>
#include "kernel/list.h"

enum {
	SIGHUP = 1,
	SIGINT,
	SIGQUIT,
	SIGILL,
	SIGTRAP,
	SIGABRT,
	SIGBUS,
	SIGFPE,
	SIGKILL,
	SIGUSR1,
	SIGSEGV,
	SIGUSR2,
	SIGPIPE,
	SIGALRM,
	SIGTERM,
	SIGSTKFLT,
	SIGCHLD,
	SIGCONT,
	SIGSTOP,
	SIGTSTP,
	SIGTTIN,
	SIGTTOU,
	SIGURG,
	SIGXCPU,
	SIGXFSZ,
	SIGVTALRM,
	SIGPROF,
	SIGWINCH,
	SIGIO,
	SIGPWR,
	SIGSYS,
	SIGRTMIN = 32,
	SIGNALS = 64
};

/* siginfo codes. */
enum {
	SI_USER = 0,
	SI_KERNEL = 0x80,
	SI_QUEUE = -1,
	SI_TIMER = -2,
	SI_TKILL = -6,
	ILL_ILLOPN = 2,
	FPE_INTDIV = 1,
	FPE_FLTDIV = 3,
	FPE_FLTINV = 7,
	SEGV_MAPERR = 1,
	SEGV_ACCERR = 2,
	BUS_ADRALN = 1,
	BUS_ADRERR = 2,
	BUS_OBJERR = 3,
	TRAP_BRKPT = 1,
	TRAP_TRACE = 2,
	CLD_EXITED = 1,
	CLD_KILLED,
	CLD_DUMPED,
	CLD_TRAPPED,
	CLD_STOPPED,
	CLD_CONTINUED,
};

#define SIG_DFL ((uintptr_t)0)
#define SIG_IGN ((uintptr_t)1)

#define SA_NOCLDSTOP 0x00000001u
#define SA_NOCLDWAIT 0x00000002u
#define SA_SIGINFO   0x00000004u
#define SA_RESTORER  0x04000000u
#define SA_ONSTACK   0x08000000u
#define SA_RESTART   0x10000000u
#define SA_NODEFER   0x40000000u
#define SA_RESETHAND 0x80000000u

typedef uint64_t signal_set;

QR_INLINE signal_set signal_bit(int sig)
{
	return (signal_set)1 << (sig - 1);
}

/* What accompanies a signal; the ABI's siginfo is made of it in signal_frame.c. */
struct signal_info {
	int signo, code, error;
	int32_t pid; /* who sent it, or whose end it tells */
	uint32_t uid;
	int status; /* SIGCHLD */
	uint64_t user, system;
	uintptr_t addr;  /* faults */
	uintptr_t value; /* sigqueue, timers */
	int timer, overrun;
};

struct signal_queued {
	struct list_link link;
	bool of_timer;           /* lies in a struct posix_timer, and stays */
	struct process *process; /* that has it among its `queued`, unless of_timer */
	struct signal_info info;
};

struct signal_pending {
	signal_set set;
	struct list_link queue; /* of signal_queued; a bit of `set` without one: SI_USER, 0, 0 */
};

struct signal_action {
	uintptr_t handler, restorer;
	uint32_t flags;
	signal_set mask;
};

struct signal_table {
	uint32_t ref;
	struct signal_action of[SIGNALS]; /* [sig - 1] */
};

/* See signal_actions.c. */
struct signal_actions {
	uint32_t ref;
	bool altered;     /* `reset` and `bare` are not empty */
	signal_set set;   /* signals that have an action in the table */
	signal_set reset; /* of those: the handler is the default again, the rest counts */
	signal_set bare;  /* of those: the handler counts, the rest does not */
	struct signal_table *table; /* zeroes where nothing was set; NULL: all default */
};

struct signal_stack {
	uintptr_t sp;
	size_t size;
	uint32_t flags;
};

struct pid;
struct process;
struct regs;
struct task;

/* ---- sending ---------------------------------------------------------------------------- */

/* Errors: -EAGAIN (a real-time signal for whose information there is no memory, or no room by
 * RLIMIT_SIGPENDING). */
int signal_send_task(struct task *t, const struct signal_info *info);
int signal_send_process(struct process *p, const struct signal_info *info);
/* To every member.  -ESRCH: there is none. */
int signal_send_group(struct pid *group, const struct signal_info *info);

/* The signal of a timer, whose room is q: to the task, or to the process if t is NULL.  False: it
 * waits already, or nobody will ever take it. */
bool signal_send_timer(struct process *p, struct task *t, struct signal_queued *q);
/* It is not pending any more. */
void signal_unqueue(struct signal_queued *q);

/* From the kernel, without information (SI_KERNEL). */
void signal_task(struct task *t, int sig);
void signal_process(struct process *p, int sig);
void signal_group(struct pid *group, int sig);

/* The running task has caused a fault: the signal cannot be blocked or ignored (it kills then).
 * Delivered when the task returns to user mode. */
void force_fault(int sig, int code, uintptr_t addr);

/* ---- asking ----------------------------------------------------------------------------- */

/* A signal wants the running task: what it waits for should end with -ERESTARTSYS. */
bool signal_pending(void);
/* ... and it will not survive it. */
bool signal_pending_fatal(void);

/* Would the running task never notice this signal?  (SIGTTIN and SIGTTOU: no stop, -EIO.) */
bool signal_blocked_or_ignored(int sig);

/* ---- the process's side ----------------------------------------------------------------- */

void signal_pending_init(struct signal_pending *p);
void signal_pending_clear(struct signal_pending *p);

struct signal_actions *signal_actions_new(void);                            /* all default */
struct signal_actions *signal_actions_copy(const struct signal_actions *a); /* NULL: no memory */
void signal_actions_put(struct signal_actions *a);
struct signal_action signal_action_altered(const struct signal_actions *a, int sig);
QR_INLINE struct signal_action signal_action(const struct signal_actions *a, int sig)
{
	if (QR_RARELY(a->altered))
		return signal_action_altered(a, sig);
	return a->table ? a->table->of[sig - 1] : (struct signal_action){ .handler = SIG_DFL };
}
uintptr_t signal_handler(const struct signal_actions *a, int sig);
/* -ENOMEM. */
QR_MUST_CHECK int signal_action_set(struct signal_actions *a, int sig,
				    const struct signal_action *action);
/* The handler is the default from now on. */
void signal_action_reset(struct signal_actions *a, int sig);
/* exec: handlers become default, ignored stays ignored. */
void signal_actions_reset(struct signal_actions *a);

/* Replace what the running task blocks (SIGKILL and SIGSTOP are left out). */
void signal_set_blocked(signal_set blocked);
/* Set WORK_SIGNAL as I1 says. */
void signal_recalculate(struct task *t);

/* Who would have taken these of the process's signals will not: let the others look. */
void signal_retarget(struct process *p, signal_set which);

/* Drop pending signals of a set, of the process and of all its tasks. */
void signal_forget(struct process *p, signal_set set);

/* Take the lowest pending signal in `wanted`, the task's before the process's. 0: none. */
int signal_take(struct task *t, signal_set wanted, struct signal_info *out);

/* ---- on the way to user mode ------------------------------------------------------------ */

/* Deliver what is pending; decides about restarting the system call that `r` came by. */
void signal_deliver(struct regs *r);

/* Push a frame for the handler and let `r` enter it.  -EFAULT: the stack cannot take it. */
int signal_frame_push(struct regs *r, const struct signal_action *action,
		      const struct signal_info *info, signal_set mask);
/* sigreturn: restore what signal_frame_push saved; -EFAULT: the frame is not readable. */
int signal_frame_pop(struct regs *r, bool rt);

#endif
