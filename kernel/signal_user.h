/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_user.h - what a program sees of signals: structures of the ABI, native word size.
 *
 * Layouts are Linux's; `long` and pointers make them right for x86-64 and i386 alike.  The frames
 * that differ by more than that are in arch/x86/32|64/signal_frame.c.
 */
#ifndef KERNEL_SIGNAL_USER_H
#define KERNEL_SIGNAL_USER_H

#include "kernel/signal.h"

struct user_siginfo {
	int32_t signo, error, code;
	union {
		uintptr_t align_;
		uint8_t size_[128 - (sizeof(long) == 8 ? 16 : 12)];
		struct {
			int32_t pid;
			uint32_t uid;
			uintptr_t value;
		} sent; /* kill, sigqueue */
		struct {
			int32_t id, overrun;
			uintptr_t value;
		} timer;
		struct {
			int32_t pid;
			uint32_t uid;
			int32_t status;
			long user, system; /* clock ticks of USER_HZ */
		} child;
		struct {
			uintptr_t addr;
		} fault;
	};
};
_Static_assert(sizeof(struct user_siginfo) == 128, "siginfo_t");

struct user_sigaltstack {
	uintptr_t sp;
#ifdef __x86_64__
	int32_t flags, pad;
#else
	int32_t flags;
#endif
	size_t size;
};

#define SS_ONSTACK    1
#define SS_DISABLE    2
#define SS_AUTODISARM 0x80000000u

void signal_info_to_user(struct user_siginfo *to, const struct signal_info *from);
/* What rt_sigqueueinfo hands over. */
void signal_info_from_user(struct signal_info *to, const struct user_siginfo *from);

/* The stack that a handler of these flags starts on when the program's is at `sp`: the alternate
 * one if that is wanted, set and not in use. */
uintptr_t signal_stack_top(uintptr_t sp, uint32_t action_flags);
/* The handler would start on the alternate stack, and its frame, down to `frame`, is not all on it. */
bool signal_stack_short(uintptr_t sp, uint32_t action_flags, uintptr_t frame);
/* Does sp lie on the alternate stack? */
bool signal_on_stack(uintptr_t sp);
void signal_stack_get(struct user_sigaltstack *to, uintptr_t sp);
/* -EINVAL, -ENOMEM (too small), -EPERM (in use). */
int signal_stack_set(const struct user_sigaltstack *from, uintptr_t sp);

#endif
