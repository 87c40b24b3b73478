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

static inline bool file_is_pipe(const struct file *f)
{
	return S_ISFIFO(f->inode->mode);
}

/* Is there something to read / room for a page?  1; 0: the end; -EAGAIN: not yet; -EPIPE, told by
 * a signal: nobody reads. */
int pipe_has_bytes(const struct file *f);
int pipe_has_slot(const struct file *f);
/* The first bytes where they are: how many, from `from` on in that page, which is the pipe's.
 * pipe_consume takes n away that are there. */
size_t pipe_peek(const struct file *f, qr_frame *page, size_t *from);
void pipe_consume(struct file *f, size_t n);
/* Into a pipe with a free slot: bytes of a page, which keeps its other owners.  -ENOMEM: too many. */
int pipe_lend(struct file *to, qr_frame page, size_t from, size_t n);
/* The same, with a reference that is handed over. */
void pipe_give(struct file *to, qr_frame page, size_t from, size_t n);
/* Up to n bytes that one pipe holds behind the first `skip` are in the other one, too. */
size_t pipe_share(struct file *from, struct file *to, size_t n, size_t skip);
/* Move whole buffers, pages and all, up to n bytes together; 0: the first one is larger. */
size_t pipe_move(struct file *from, struct file *to, size_t n);

#endif
