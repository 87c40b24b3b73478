/* SPDX-License-Identifier: BSD-2-Clause
 *
 * async.h - O_ASYNC: signals that tell of a pipe, a socket or a terminal that became ready.
 *
 *	file ── async ── owner       a process, a task or a group: F_SETOWN, F_SETOWN_EX
 *	          │ hooks            in the queues that poll knows of, while O_ASYNC is set
 *
 * Whoever wakes those that wait for the file wakes the hooks as well; they send SIGIO, or what
 * F_SETSIG has asked for, with the descriptor and the event.  The owner is who he was when he was
 * named, with the rights of who named him.
 *
 * Context: tasks; the hooks in any.  Sources: fcntl(2), and what Linux 6.1 sends.
 */
#ifndef FS_ASYNC_H
#define FS_ASYNC_H

#include "fs/file.h"

enum { F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP };

/* 0: nobody.  -EINVAL, -ESRCH, -ENOMEM. */
int async_set_owner(struct file *f, int type, int32_t nr);
/* 0: nobody, or he has gone. */
int32_t async_owner(const struct file *f, int *type);
int async_set_signal(struct file *f, int sig);
int async_signal(const struct file *f);
/* O_ASYNC goes on or off.  -ENOTTY: the file tells nobody; -ENOMEM. */
int async_switch(struct file *f, unsigned fd, bool on);
void async_end(struct file *f);

#endif
