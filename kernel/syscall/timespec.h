/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timespec.h - times as programs write them, and nanoseconds as the kernel counts them.
 *
 *	user_timespec64		two 64-bit words: x86-64's struct timespec, i386's __kernel_timespec
 *	user_timespec32		two longs of i386, good until 2038
 */
#ifndef KERNEL_SYSCALL_TIMESPEC_H
#define KERNEL_SYSCALL_TIMESPEC_H

#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/time.h"

struct user_timespec64 {
	int64_t sec, nsec;
};

struct user_timespec32 {
	int32_t sec, nsec;
};

/* -EINVAL: negative, or nanoseconds that are none.  Too far away is TIME_NEVER. */
int ns_of_timespec(int64_t sec, int64_t nsec, uint64_t *out);

int ns_from_user(const struct user_timespec64 __user *from, uint64_t *out);
int ns_to_user(struct user_timespec64 __user *to, uint64_t ns);
int ns_from_user32(const struct user_timespec32 __user *from, uint64_t *out);
int ns_to_user32(struct user_timespec32 __user *to, uint64_t ns);

/* A timeout from now; NULL: TIME_NEVER; none at all: 0, which is past. */
int deadline_from_user(const struct user_timespec64 __user *timeout, uint64_t *out);
int deadline_from_user32(const struct user_timespec32 __user *timeout, uint64_t *out);

#endif
