/* SPDX-License-Identifier: BSD-2-Clause
 *
 * prctl.c - a task's own settings: thread-local storage, names, flags.
 */
#include "arch/x86/fpu.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"

/* ---- thread-local storage, extended state ------------------------------------------------ */

enum {
	ARCH_SET_GS = 0x1001,
	ARCH_SET_FS,
	ARCH_GET_FS,
	ARCH_GET_GS,
	ARCH_GET_CPUID = 0x1011,
	ARCH_SET_CPUID,
	ARCH_GET_XCOMP_SUPP = 0x1021,
	ARCH_GET_XCOMP_PERM,
	ARCH_REQ_XCOMP_PERM,
};

#define XCOMP_PARTS 19u /* parts that have names */

SYSCALL2(arch_prctl, int, what, uintptr_t, addr)
{
	switch (what) {
#ifdef __x86_64__
	case ARCH_SET_FS:
		return context_set_fs_base(&current->context, addr);
	case ARCH_SET_GS:
		return context_set_gs_base(&current->context, addr);
	case ARCH_GET_FS:
		return put_user(context_fs_base(&current->context), (uintptr_t __user *)addr);
	case ARCH_GET_GS:
		return put_user(context_gs_base(&current->context), (uintptr_t __user *)addr);
#endif
	case ARCH_GET_CPUID: /* cpuid works, and there is no way to forbid it */
		return 1;
	case ARCH_SET_CPUID:
		return -ENODEV;
	case ARCH_GET_XCOMP_SUPP: /* everybody has all that there is, and nothing can be asked for */
	case ARCH_GET_XCOMP_PERM:
		return put_user((uint64_t)fpu.features, (uint64_t __user *)addr);
	case ARCH_REQ_XCOMP_PERM:
		return addr < XCOMP_PARTS ? -EOPNOTSUPP : -EINVAL;
	}
	return -EINVAL;
}

#ifndef __x86_64__

SYSCALL1(set_thread_area, struct user_desc __user *, p)
{
	struct user_desc d;
	uint32_t asked;
	int err;

	if (copy_from_user(&d, p, sizeof(d)))
		return -EFAULT;
	asked = d.entry_number;
	err = context_set_thread_area(&current->context, &d, true);
	if (err || asked != (uint32_t)-1)
		return err;
	return copy_to_user(p, &d, sizeof(d.entry_number));
}

SYSCALL1(get_thread_area, struct user_desc __user *, p)
{
	struct user_desc d;
	int err;

	if (get_user(d.entry_number, &p->entry_number))
		return -EFAULT;
	err = context_get_thread_area(&current->context, &d);
	return err ? err : copy_to_user(p, &d, sizeof(d));
}

#endif

/* ---- prctl ------------------------------------------------------------------------------ */

enum {
	PR_SET_PDEATHSIG = 1,
	PR_GET_PDEATHSIG,
	PR_GET_DUMPABLE,
	PR_SET_DUMPABLE,
	PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS,
	PR_SET_NAME = 15,
	PR_GET_NAME,
	PR_CAPBSET_READ = 23,
	PR_SET_TIMERSLACK = 29,
	PR_GET_TIMERSLACK,
	PR_SET_CHILD_SUBREAPER = 36,
	PR_GET_CHILD_SUBREAPER,
	PR_SET_NO_NEW_PRIVS,
	PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS,
	PR_SET_THP_DISABLE,
	PR_GET_THP_DISABLE,
};

#define CAP_LAST 40
#define SLACK    50000 /* nanoseconds */

static long flag_of(unsigned flag)
{
	return !!(current_process->flags & flag);
}

static long set_flag(unsigned flag, uintptr_t value)
{
	if (value > 1)
		return -EINVAL;
	if (value)
		current_process->flags |= flag;
	else
		current_process->flags &= ~flag;
	return 0;
}

static long set_name(const char __user *from)
{
	char name[COMM_SIZE] = { 0 };
	long n = strncpy_from_user(name, from, COMM_SIZE - 1);

	if (n < 0)
		return n;
	name[COMM_SIZE - 1] = 0;
	memcpy(task_name(current), name, sizeof(name));
	return 0;
}

SYSCALL5(prctl, int, what, uintptr_t, a, uintptr_t, b, uintptr_t, c, uintptr_t, d)
{
	struct process *p = current_process;

	switch (what) {
	case PR_SET_PDEATHSIG:
		if (a > SIGNALS)
			return -EINVAL;
		p->parent_death_signal = (int)a;
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(p->parent_death_signal, (int __user *)a);
	case PR_GET_DUMPABLE:
		return flag_of(PROCESS_DUMPABLE);
	case PR_SET_DUMPABLE:
		return set_flag(PROCESS_DUMPABLE, a);
	case PR_GET_KEEPCAPS:
		return flag_of(PROCESS_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_flag(PROCESS_KEEP_CAPS, a);
	case PR_SET_NAME:
		return set_name((const char __user *)a);
	case PR_GET_NAME:
		return copy_to_user((void __user *)a, task_name(current), COMM_SIZE);
	case PR_CAPBSET_READ:
		return a > CAP_LAST ? -EINVAL : 1;
	case PR_SET_TIMERSLACK:
		current->slack = a ? a - SLACK : current->first_slack;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)(current->slack + SLACK);
	case PR_SET_CHILD_SUBREAPER:
		return set_flag(PROCESS_SUBREAPER, !!a);
	case PR_GET_CHILD_SUBREAPER:
		return put_user((int)flag_of(PROCESS_SUBREAPER), (int __user *)a);
	case PR_SET_NO_NEW_PRIVS:
		return a == 1 && !b && !c && !d ? set_flag(PROCESS_NO_NEW_PRIVS, 1) : -EINVAL;
	case PR_GET_NO_NEW_PRIVS:
		return a || b || c || d ? -EINVAL : flag_of(PROCESS_NO_NEW_PRIVS);
	case PR_GET_TID_ADDRESS:
		return put_user(current->clear_tid, (uintptr_t __user *)a);
	case PR_SET_THP_DISABLE:
		if (b || c || d)
			return -EINVAL;
		qr_space_huge(&p->mm->space, !a);
		return 0;
	case PR_GET_THP_DISABLE:
		return a || b || c || d ? -EINVAL : !qr_space_huge_allowed(&p->mm->space);
	}
	return -EINVAL;
}

#define PERSONALITY_ASK 0xffffffffu

SYSCALL1(personality, uint32_t, new)
{
	uint32_t was = current_process->personality;

	if (new != PERSONALITY_ASK)
		current_process->personality = new;
	return was;
}
