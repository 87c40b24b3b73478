/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/errno.h"
#include "kernel/lib/string.h"
#include "kernel/signal_sets.h"
#include "kernel/signal_user.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define USER_HZ     100
#define MINSIGSTKSZ 2048

void signal_info_to_user(struct user_siginfo *to, const struct signal_info *from)
{
	memset(to, 0, sizeof(*to));
	to->signo = from->signo;
	to->error = from->error;
	to->code = from->code;
	if (from->code > 0 && from->code != SI_KERNEL &&
	    (signal_bit(from->signo) & SIGNALS_FAULTS)) {
		to->fault.addr = from->addr;
	} else if (from->code == SI_TIMER) {
		to->timer.id = from->timer;
		to->timer.overrun = from->overrun;
		to->timer.value = from->value;
	} else if (from->code > 0 && from->code != SI_KERNEL && from->signo == SIGCHLD) {
		to->child.pid = from->pid;
		to->child.uid = from->uid;
		to->child.status = from->status;
		to->child.user = (long)(from->user / (NS_PER_SEC / USER_HZ));
		to->child.system = (long)(from->system / (NS_PER_SEC / USER_HZ));
	} else {
		to->sent.pid = from->pid;
		to->sent.uid = from->uid;
		to->sent.value = from->value;
	}
}

void signal_info_from_user(struct signal_info *to, const struct user_siginfo *from)
{
	*to = (struct signal_info){
		.signo = from->signo,
		.error = from->error,
		.code = from->code,
		.pid = from->sent.pid,
		.uid = from->sent.uid,
		.value = from->sent.value,
	};
}

/* ---- the alternate stack ---------------------------------------------------------------- */

static bool lies_on(const struct signal_stack *s, uintptr_t sp)
{
	return sp > s->sp && sp - s->sp <= s->size;
}

bool signal_on_stack(uintptr_t sp)
{
	const struct signal_stack *s = &current->sigstack;

	return s->size && !(s->flags & SS_AUTODISARM) && lies_on(s, sp);
}

bool signal_stack_short(uintptr_t sp, uint32_t action_flags, uintptr_t frame)
{
	const struct signal_stack *s = &current->sigstack;

	return s->size && ((action_flags & SA_ONSTACK) || signal_on_stack(sp)) &&
	       !lies_on(s, frame);
}

uintptr_t signal_stack_top(uintptr_t sp, uint32_t action_flags)
{
	const struct signal_stack *s = &current->sigstack;

	if (!(action_flags & SA_ONSTACK) || !s->size || signal_on_stack(sp))
		return sp;
	return s->sp + s->size;
}

void signal_stack_get(struct user_sigaltstack *to, uintptr_t sp)
{
	const struct signal_stack *s = &current->sigstack;
	uint32_t state = !s->size ? SS_DISABLE : signal_on_stack(sp) ? SS_ONSTACK : 0;

	*to = (struct user_sigaltstack){
		.sp = s->sp,
		.flags = (int32_t)(state | (s->flags & SS_AUTODISARM)),
		.size = s->size,
	};
}

int signal_stack_set(const struct user_sigaltstack *from, uintptr_t sp)
{
	struct signal_stack *s = &current->sigstack;
	uint32_t mode = (uint32_t)from->flags & ~SS_AUTODISARM;

	if (signal_on_stack(sp))
		return -EPERM;
	if (mode == SS_DISABLE) {
		*s = (struct signal_stack){ .flags = (uint32_t)from->flags & SS_AUTODISARM };
		return 0;
	}
	if (mode != 0 && mode != SS_ONSTACK)
		return -EINVAL;
	if (from->size < MINSIGSTKSZ)
		return -ENOMEM;
	s->sp = from->sp;
	s->size = from->size;
	s->flags = (uint32_t)from->flags;
	return 0;
}
