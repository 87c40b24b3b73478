/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_deliver.c - what happens between the kernel's work and the program's next instruction.
 *
 *	user_return_work	called by the return path as long as work flags are set
 *	   signal_deliver	takes signals: default action, or a frame for the handler
 *	   stop_here		sleeps while the process is stopped
 *	user_exception		the CPU refused an instruction: which signal that is
 */
#include "arch/x86/fpu.h"
#include "arch/x86/trap.h"
#include "arch/x86/user.h"
#include "kernel/coredump.h"
#include "kernel/log.h"
#include "kernel/rseq.h"
#include "kernel/signal_sets.h"
#include "kernel/signal_user.h"
#include "kernel/task.h"
#include "kernel/userfault.h"
#include "kernel/wait.h"

/* ---- restarting system calls ------------------------------------------------------------ */

#ifdef __x86_64__
#define NR_RESTART 219
#else
#define NR_RESTART 0
#endif

/* No handler runs: the call is done again, as if nothing had happened. */
static void restart_quietly(struct regs *r)
{
	if (!regs_from_syscall(r))
		return;
	switch (regs_result(r)) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
		regs_restart(r, regs_syscall(r));
		break;
	case -ERESTART_RESTARTBLOCK:
		regs_restart(r, NR_RESTART);
		break;
	default:
		return;
	}
	regs_forget_syscall(r);
}

/* A handler runs first; does the call go on after it? */
static void restart_after(struct regs *r, const struct signal_action *a)
{
	if (!regs_from_syscall(r))
		return;
	switch (regs_result(r)) {
	case -ERESTARTSYS:
		if (!(a->flags & SA_RESTART)) {
			regs_set_result(r, -EINTR);
			break;
		}
		/* fallthrough */
	case -ERESTARTNOINTR:
		regs_restart(r, regs_syscall(r));
		break;
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		regs_set_result(r, -EINTR);
		break;
	}
	regs_forget_syscall(r);
}

/* ---- default actions -------------------------------------------------------------------- */

static void stop(struct process *p, int sig)
{
	struct task *t;

	if (p->flags & (PROCESS_STOPPED | PROCESS_EXITING))
		return;
	p->flags &= ~(unsigned)PROCESS_CONT_NEWS;
	p->flags |= PROCESS_STOPPED | PROCESS_STOP_NEWS;
	p->stop_signal = sig;
	for_each_task (t, p) {
		task_work_set(t, WORK_STOP);
		task_wake_signal(t, false);
	}
	wait_notify_job(p);
}

static void default_action(struct signal_info *info)
{
	int sig = info->signo;
	struct process *p = current_process;
	signal_set bit = signal_bit(sig);

	if (bit & SIGNALS_IGNORED)
		return;
	if (p == init_process && !(p->flags & PROCESS_MAY_KILL_INIT))
		return;
	if (!(bit & SIGNALS_STOP))
		process_exit(bit & SIGNALS_CORE && core_dump(info) ? sig | 0x80 : sig);
	if (sig == SIGSTOP || !group_orphaned(p->group))
		stop(p, sig);
}

/* ---- handlers --------------------------------------------------------------------------- */

static signal_set mask_to_restore(struct task *t)
{
	if (!t->restore_blocked)
		return t->blocked;
	t->restore_blocked = false;
	return t->saved_blocked;
}

static void call_handler(struct regs *r, const struct signal_info *info)
{
	struct task *t = current;
	int sig = info->signo;
	struct signal_actions *actions = t->process->actions;
	struct signal_action a = signal_action(actions, sig);
	signal_set blocked = t->blocked | a.mask, blocked_then;
	int err;

	restart_after(r, &a);
	if (t->rseq)
		rseq_leave(r);
	if (a.flags & SA_RESETHAND)
		signal_action_reset(actions, sig);
	blocked_then = mask_to_restore(t);
	while ((err = signal_frame_push(r, &a, info, blocked_then)) && userfault_settle())
		;
	if (err) {
		if (sig == SIGSEGV)
			signal_action_reset(actions, sig);
		force_fault(SIGSEGV, SI_KERNEL, 0);
		signal_recalculate(t);
		return;
	}
	fpu_reset(); /* the handler's own */
	if (QR_RARELY(t->sigstack.flags & SS_AUTODISARM))
		t->sigstack = (struct signal_stack){ 0 }; /* the frame has it, and brings it back */
	if (!(a.flags & SA_NODEFER))
		blocked |= signal_bit(sig);
	signal_set_blocked(blocked);
}

void signal_deliver(struct regs *r)
{
	struct task *t = current;
	struct signal_info info;
	int sig;

	while ((sig = signal_take(t, ~t->blocked, &info))) {
		uintptr_t handler = signal_handler(t->process->actions, sig);

		if (handler == SIG_IGN)
			continue;
		if (handler != SIG_DFL) {
			call_handler(r, &info);
			return;
		}
		default_action(&info);
		if (t->process->flags & PROCESS_STOPPED)
			break;
	}
	signal_recalculate(t);
	if (t->process->flags & PROCESS_STOPPED)
		return;
	restart_quietly(r);
	if (t->restore_blocked)
		signal_set_blocked(mask_to_restore(t));
}

/* ---- the way back ----------------------------------------------------------------------- */

/* Sleep until SIGCONT or SIGKILL.  What remains to be delivered is delivered after that. */
static void stop_here(void)
{
	struct task *t = current;
	uintptr_t flags = irq_save();

	while ((t->process->flags & PROCESS_STOPPED) && !(t->work & (WORK_FATAL | WORK_EXIT))) {
		t->state = TASK_STOPPED;
		schedule();
	}
	t->state = TASK_RUNNABLE;
	task_work_clear(t, WORK_STOP);
	task_work_set(t, WORK_SIGNAL);
	irq_restore(flags);
}

static void new_task(void)
{
	struct task *t = current;

	task_work_clear(t, WORK_NEW);
	(void)put_out(t->tid, (int32_t __user *)t->set_tid);
}

void user_return_work(struct regs *r)
{
	uint32_t work = current->work;

	irq_enable();
	if (work & WORK_EXIT)
		task_exit(current_process->exit_status);
	if (work & WORK_NEW)
		new_task();
	if (QR_RARELY(work & WORK_PAGER)) {
		userfault_retry(r);
		work = current->work;
	}
	if (work & WORK_STOP)
		stop_here();
	else if (work & (WORK_SIGNAL | WORK_FATAL))
		signal_deliver(r);
	if (current->work & WORK_RESCHED)
		schedule();
	if (current->work & WORK_RSEQ) {
		task_work_clear(current, WORK_RSEQ);
		rseq_leave(r);
	}
	irq_disable();
}

void user_exception(struct regs *r, int vector)
{
	static const struct {
		uint8_t sig;
		int code;
	} of[] = {
		[TRAP_DE] = { SIGFPE, FPE_INTDIV }, [TRAP_DB] = { SIGTRAP, TRAP_TRACE },
		[TRAP_BP] = { SIGTRAP, SI_KERNEL }, [TRAP_OF] = { SIGSEGV, SI_KERNEL },
		[TRAP_BR] = { SIGSEGV, SI_KERNEL }, [TRAP_UD] = { SIGILL, ILL_ILLOPN },
		[TRAP_NM] = { SIGILL, ILL_ILLOPN }, [TRAP_NP] = { SIGBUS, SI_KERNEL },
		[TRAP_SS] = { SIGBUS, SI_KERNEL },  [TRAP_GP] = { SIGSEGV, SI_KERNEL },
		[TRAP_MF] = { SIGFPE, FPE_FLTINV }, [TRAP_AC] = { SIGBUS, BUS_ADRALN },
		[TRAP_XM] = { SIGFPE, FPE_FLTINV },
	};
	unsigned v = (unsigned)vector;
	bool known = v < sizeof(of) / sizeof(of[0]) && of[v].sig;
	bool with_addr =
	    v == TRAP_DE || v == TRAP_UD || v == TRAP_MF || v == TRAP_XM || v == TRAP_DB;

	force_fault(known ? of[v].sig : SIGSEGV, known ? of[v].code : SI_KERNEL,
		    with_addr ? regs_ip(r) : 0);
}
