/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signals.c - saying what shall happen when a signal comes, and waiting for one.
 */
#include "arch/x86/trap.h"
#include "kernel/signal_sets.h"
#include "kernel/signal_user.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"
#include "kernel/userfault.h"

/* ---- actions ---------------------------------------------------------------------------- */

struct user_sigaction {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
} __attribute__((packed, aligned(sizeof(long))));

static int change_action(struct process *p, int sig, struct signal_action set)
{
	int err;

	set.mask &= ~SIGNALS_FIRM;
	err = signal_action_set(p->actions, sig, &set);
	if (err)
		return err;
	/* What was pending and is ignored now, is gone. */
	if (set.handler == SIG_IGN ||
	    (set.handler == SIG_DFL && (signal_bit(sig) & SIGNALS_IGNORED)))
		signal_forget(p, signal_bit(sig));
	return 0;
}

/* Most calls only ask. */
QR_INLINE int set_action(int sig, const struct signal_action *new, struct signal_action *old)
{
	struct process *p = current_process;

	if (sig < 1 || sig > SIGNALS || (new && (signal_bit(sig) & SIGNALS_FIRM)))
		return -EINVAL;
	*old = signal_action(p->actions, sig);
	return new ? change_action(p, sig, *new) : 0;
}

SYSCALL4(rt_sigaction, int, sig, const struct user_sigaction __user *, act,
	 struct user_sigaction __user *, old, size_t, size)
{
	struct signal_action new, was;
	struct user_sigaction u;
	int err;

	if (size != sizeof(signal_set))
		return -EINVAL;
	if (act) {
		if (copy_from_user(&u, act, sizeof(u)))
			return -EFAULT;
		new = (struct signal_action){ u.handler, u.restorer, (uint32_t)u.flags, u.mask };
	}
	err = set_action(sig, act ? &new : NULL, &was);
	if (err || !old)
		return err;
	u = (struct user_sigaction){ was.handler, was.flags, was.restorer, was.mask };
	return copy_out_quick(old, &u, sizeof(u));
}

/* ---- masks ------------------------------------------------------------------------------ */

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

static int change_mask(int how, signal_set set)
{
	switch (how) {
	case SIG_BLOCK:
		signal_set_blocked(current->blocked | set);
		return 0;
	case SIG_UNBLOCK:
		signal_set_blocked(current->blocked & ~set);
		return 0;
	case SIG_SETMASK:
		signal_set_blocked(set);
		return 0;
	}
	return -EINVAL;
}

SYSCALL4(rt_sigprocmask, int, how, signal_set __user *, set, signal_set __user *, old, size_t, size)
{
	signal_set was = current->blocked, new;
	int err;

	if (size != sizeof(signal_set))
		return -EINVAL;
	if (set) {
		if (get_user(new, set))
			return -EFAULT;
		err = change_mask(how, new);
		if (err)
			return err;
	}
	return old && put_user(was, old) ? put_out(was, old) : 0;
}

static signal_set pending_now(void)
{
	return (current->pending.set | current_process->pending.set) & current->blocked;
}

SYSCALL2(rt_sigpending, signal_set __user *, set, size_t, size)
{
	signal_set now = pending_now();

	if (size > sizeof(now))
		return -EINVAL;
	return copy_to_user(set, &now, size);
}

/* Wait with another mask until a handler has run; the old mask comes back after it. */
static long suspend(signal_set mask)
{
	struct task *t = current;

	t->saved_blocked = t->blocked;
	t->restore_blocked = true;
	signal_set_blocked(mask);
	(void)sleep_until(WAIT_FOREVER);
	return -ERESTARTNOHAND;
}

SYSCALL2(rt_sigsuspend, const signal_set __user *, mask, size_t, size)
{
	signal_set set;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof(set)))
		return -EFAULT;
	return suspend(set);
}

SYSCALL0(pause)
{
	(void)sleep_until(WAIT_FOREVER);
	return -ERESTARTNOHAND;
}

/* ---- waiting for signals ---------------------------------------------------------------- */

/* Take one of `set`; the task lets them through while it sleeps, so that they wake it. */
static long wait_for_signal(signal_set set, uint64_t deadline, struct signal_info *info)
{
	struct task *t = current;
	signal_set blocked = t->blocked;
	int sig, err;

	set &= ~SIGNALS_FIRM;
	sig = signal_take(t, set, info);
	if (sig)
		return sig;
	if (deadline <= now_ns())
		return -EAGAIN;
	t->awaited = set;
	signal_set_blocked(blocked & ~set);
	err = sleep_until(deadline);
	t->awaited = 0;
	sig = signal_take(t, set, info);
	signal_set_blocked(blocked);
	if (sig)
		return sig;
	return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

static long sigtimedwait(const signal_set __user *set, struct user_siginfo __user *to,
			 uint64_t deadline)
{
	struct user_siginfo u;
	struct signal_info info;
	signal_set wanted;
	long sig;

	if (copy_from_user(&wanted, set, sizeof(wanted)))
		return -EFAULT;
	sig = wait_for_signal(wanted, deadline, &info);
	if (sig < 0 || !to)
		return sig;
	signal_info_to_user(&u, &info);
	return copy_out(to, &u, sizeof(u)) ? -EFAULT : sig;
}

SYSCALL4(rt_sigtimedwait, const signal_set __user *, set, struct user_siginfo __user *, info,
	 const struct user_timespec64 __user *, timeout, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	if (size != sizeof(signal_set))
		return -EINVAL;
	return err ? err : sigtimedwait(set, info, deadline);
}

/* ---- frames and stacks ------------------------------------------------------------------ */

static _Noreturn void return_from_handler(bool rt)
{
	struct regs *r = syscall_regs();

	while (signal_frame_pop(r, rt)) {
		if (userfault_settle())
			continue;
		force_fault(SIGSEGV, SI_KERNEL, 0);
		regs_forget_syscall(r);
		break;
	}
	user_resume();
}

SYSCALL0(rt_sigreturn)
{
	return_from_handler(true);
}

SYSCALL2(sigaltstack, const struct user_sigaltstack __user *, new, struct user_sigaltstack __user *,
	 old)
{
	uintptr_t sp = regs_sp(syscall_regs());
	struct user_sigaltstack was, set;
	int err;

	signal_stack_get(&was, sp);
	if (new) {
		if (copy_from_user(&set, new, sizeof(set)))
			return -EFAULT;
		err = signal_stack_set(&set, sp);
		if (err)
			return err;
	}
	return old ? copy_out_quick(old, &was, sizeof(was)) : 0;
}

/* ---- i386: the calls from before real-time signals -------------------------------------- */

#ifndef __x86_64__

struct user_old_sigaction {
	uintptr_t handler;
	uint32_t mask;
	unsigned long flags;
	uintptr_t restorer;
};

SYSCALL3(sigaction, int, sig, const struct user_old_sigaction __user *, act,
	 struct user_old_sigaction __user *, old)
{
	struct signal_action new, was;
	struct user_old_sigaction u;
	int err;

	if (act) {
		if (copy_from_user(&u, act, sizeof(u)))
			return -EFAULT;
		new = (struct signal_action){ u.handler, u.restorer, (uint32_t)u.flags, u.mask };
	}
	err = set_action(sig, act ? &new : NULL, &was);
	if (err || !old)
		return err;
	u = (struct user_old_sigaction){ was.handler, (uint32_t)was.mask, was.flags, was.restorer };
	return copy_out(old, &u, sizeof(u));
}

SYSCALL2(signal, int, sig, uintptr_t, handler)
{
	struct signal_action new = { .handler = handler, .flags = SA_RESETHAND | SA_NODEFER }, was;
	int err = set_action(sig, &new, &was);

	return err ? err : (long)was.handler;
}

SYSCALL3(sigprocmask, int, how, uint32_t __user *, set, uint32_t __user *, old)
{
	uint32_t was = (uint32_t)current->blocked, new;
	int err;

	if (set) {
		if (get_user(new, set))
			return -EFAULT;
		/* Only the lower half is spoken of. */
		err = how == SIG_SETMASK
			  ? change_mask(SIG_SETMASK, (current->blocked >> 32 << 32) | new)
			  : change_mask(how, new);
		if (err)
			return err;
	}
	return old ? put_out(was, old) : 0;
}

SYSCALL1(sigpending, uint32_t __user *, set)
{
	return put_user((uint32_t)pending_now(), set);
}

SYSCALL3(sigsuspend, int, unused1, int, unused2, uint32_t, mask)
{
	return suspend(mask);
}

SYSCALL0(sigreturn)
{
	return_from_handler(false);
}

SYSCALL4(rt_sigtimedwait_time32, const signal_set __user *, set, struct user_siginfo __user *, info,
	 const struct user_timespec32 __user *, timeout, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user32(timeout, &deadline);

	if (size != sizeof(signal_set))
		return -EINVAL;
	return err ? err : sigtimedwait(set, info, deadline);
}

#endif
