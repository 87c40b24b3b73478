/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kill.h - what the calls that send signals share.
 */
#ifndef KERNEL_SYSCALL_KILL_H
#define KERNEL_SYSCALL_KILL_H

#include "kernel/signal.h"

struct pid;
struct process;

/* 0 counts: it asks whether one may. */
QR_INLINE bool valid_signal(int sig)
{
	return sig >= 0 && sig <= SIGNALS;
}
struct signal_info info_from_me(int sig, int code);
/* -EPERM, or what signal_send_process answers. */
int send_process(struct process *p, const struct signal_info *info);

/* pidfd.c: the number behind a descriptor, referenced, and its O_* flags.  -EBADF. */
int pidfd_lookup(unsigned fd, struct pid **out, unsigned *flags);

#endif
