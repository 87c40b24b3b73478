/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pidfd.h - a process as a file: it becomes readable when the process has ended.
 *
 * The file holds the number, so that no other process can get it meanwhile.
 */
#ifndef FS_PIDFD_H
#define FS_PIDFD_H

#include "fs/file.h"
#include "kernel/pid.h"
#include "kernel/waitq.h"

/* flags: O_NONBLOCK.  Takes its own reference on pid.  Errors: ENOMEM. */
int pidfd_file(struct pid *pid, unsigned flags, struct file **out);
/* The number behind a file; NULL: it is of another kind.  No reference. */
struct pid *pidfd_pid(const struct file *f);

#endif
