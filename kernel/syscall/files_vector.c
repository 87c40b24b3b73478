/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files_vector.c - transfers of vectors at a position given: preadv, pwritev, preadv2, pwritev2.
 *
 * Sources: readv(2) of the man-pages 6.x, and the order of checks of Linux 6.1.
 */
#include "kernel/syscall/files.h"
#include "kernel/userfault.h"

enum direction { READ, WRITE };

enum {
	RWF_HIPRI = 1,  /* how to reach a disk: there is none */
	RWF_DSYNC = 2,  /* everything is where it will stay */
	RWF_SYNC = 4,   /* the same */
	RWF_NOWAIT = 8, /* as if the file were O_NONBLOCK */
	RWF_APPEND = 16,
};

/* What has been read went out of the file: the rest is there still, or somebody else has it. */
long transfer_again(struct file *f, struct uio *u, uint64_t *pos, bool writing, long n)
{
	while (u->fault && userfault_settle()) {
		long more;

		u->fault = false;
		more = n > 0 && !writing ? file_transfer_now(f, u, pos, false)
		       : writing         ? file_write(f, u, pos)
					 : file_read(f, u, pos);
		n = n <= 0 ? more : more < 0 ? n : n + more;
	}
	return n;
}

/* The flags hold for this transfer alone: with them nobody sleeps in it. */
static long transfer(struct file *f, struct uio *u, uint64_t *pos, unsigned flags,
		     enum direction direction)
{
	unsigned set = 0;
	long n;

	if (!(direction == READ ? f->readable : f->writable))
		return -EBADF;
	if (!u->left)
		return 0;
	if (flags & ~(unsigned)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	if (flags & RWF_NOWAIT)
		set |= O_NONBLOCK;
	if (flags & RWF_APPEND && S_ISREG(f->inode->mode))
		set |= O_APPEND;
	set &= ~f->flags;
	f->flags |= set;
	n = direction == READ ? file_read(f, u, pos) : file_write(f, u, pos);
	f->flags &= ~set;
	return u->fault ? transfer_again(f, u, pos, direction == WRITE, n) : n;
}

/* `own`: at the file's own position, which moves. */
static long vector_at(unsigned fd, const void __user *vec, unsigned n, int64_t pos, bool own,
		      unsigned flags, enum direction direction)
{
	uint64_t at = (uint64_t)pos;
	struct user_vector v;
	struct file *f;
	struct uio u;
	long ret;

	if (!own && pos < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	ret = own || f->ops->seek ? user_vector_get(&v, vec, n, &u) : -ESPIPE;
	if (!ret) {
		ret = transfer(f, &u, own ? &f->pos : &at, flags, direction);
		user_vector_put(&v);
	}
	file_put(f);
	return ret;
}

/* The offset comes as two longs in both ABIs; on x86-64 the low one is all of it. */
static int64_t offset_of(uintptr_t low, uintptr_t high)
{
	return sizeof(long) == 8 ? (int64_t)low
				 : (int64_t)syscall_u64((uint32_t)low, (uint32_t)high);
}

SYSCALL5(preadv, unsigned, fd, const void __user *, vec, unsigned, n, uintptr_t, low, uintptr_t,
	 high)
{
	return vector_at(fd, vec, n, offset_of(low, high), false, 0, READ);
}

SYSCALL5(pwritev, unsigned, fd, const void __user *, vec, unsigned, n, uintptr_t, low, uintptr_t,
	 high)
{
	return vector_at(fd, vec, n, offset_of(low, high), false, 0, WRITE);
}

SYSCALL6(preadv2, unsigned, fd, const void __user *, vec, unsigned, n, uintptr_t, low, uintptr_t,
	 high, unsigned, flags)
{
	int64_t pos = offset_of(low, high);

	return vector_at(fd, vec, n, pos, pos == -1, flags, READ);
}

SYSCALL6(pwritev2, unsigned, fd, const void __user *, vec, unsigned, n, uintptr_t, low, uintptr_t,
	 high, unsigned, flags)
{
	int64_t pos = offset_of(low, high);

	return vector_at(fd, vec, n, pos, pos == -1, flags, WRITE);
}
