/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipe.h - bytes that one program writes and another reads, in that order.
 *
 * A pipe lives with its inode: a name in a directory (FIFO), or an inode of its own that only
 * the two open files hold.
 */
#ifndef FS_PIPE_H
#define FS_PIPE_H

#include "fs/file.h"

/* Opening a FIFO gives these. */
extern const struct file_ops fifo_fops;

/* An unnamed pipe: out[0] to read, out[1] to write.  flags: O_NONBLOCK, O_DIRECT is EINVAL.
 * Errors: ENOMEM. */
int pipe_open(unsigned flags, struct file *out[2]);
/* F_GETPIPE_SZ, F_SETPIPE_SZ: the new capacity in bytes; EBADF if it is no pipe. */
long pipe_capacity(struct file *f);
long pipe_set_capacity(struct file *f, size_t nbytes);

#endif
