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

/* ---- for splice: nothing of this sleeps ---- */

bool file_is_pipe(const struct file *f);
/* Is there something to read / room for a page?  1; 0: the end; -EAGAIN: not yet; -EPIPE, told by
 * a signal: nobody reads. */
int pipe_has_bytes(const struct file *f);
int pipe_has_slot(const struct file *f);
/* Copy up to n bytes, behind the first `skip`, and leave them there / take n away that are there. */
size_t pipe_peek(const struct file *f, char *to, size_t n, size_t skip);
void pipe_consume(struct file *f, size_t n);
/* Move whole buffers, pages and all, up to n bytes together; 0: the first one is larger. */
size_t pipe_move(struct file *from, struct file *to, size_t n);

#endif
