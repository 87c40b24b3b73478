/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/syscall/files.h"
#include "kernel/userfault.h"

enum direction { READ, WRITE };

/* No program has so much, so that one comparison does for both. */
static long bad_range(size_t n)
{
	return (intptr_t)n < 0 ? -EINVAL : -EFAULT;
}

/* At the file's own position. */
static inline long transfer(unsigned fd, struct uio *u, enum direction direction)
{
	struct file *f = fd_get_quick(fd);
	long n;

	if (!f)
		return -EBADF;
	n = direction == READ ? file_read(f, u, &f->pos) : file_write(f, u, &f->pos);
	if (QR_RARELY(u->fault))
		n = transfer_again(f, u, &f->pos, direction == WRITE, n);
	file_put(f);
	return n;
}

/* At a position given; the file's own stays. */
static long transfer_at(unsigned fd, struct uio *u, int64_t pos, enum direction direction)
{
	struct file *f = fd_get_quick(fd);
	uint64_t at = (uint64_t)pos;
	long n;

	if (!f)
		return -EBADF;
	if (pos < 0)
		n = -EINVAL;
	else if (!f->ops->seek)
		n = -ESPIPE;
	else
		n = direction == READ ? file_read(f, u, &at) : file_write(f, u, &at);
	if (QR_RARELY(u->fault))
		n = transfer_again(f, u, &at, direction == WRITE, n);
	file_put(f);
	return n;
}

SYSCALL3(read, unsigned, fd, char __user *, buf, size_t, n)
{
	struct uio u = uio_user(buf, n);

	if (QR_RARELY(!user_range_ok(buf, n)))
		return bad_range(n);
	return transfer(fd, &u, READ);
}

SYSCALL3(write, unsigned, fd, const char __user *, buf, size_t, n)
{
	struct uio u = uio_user(buf, n);

	if (QR_RARELY(!user_range_ok(buf, n)))
		return bad_range(n);
	return transfer(fd, &u, WRITE);
}

static long read_write_at(unsigned fd, const void __user *buf, size_t n, int64_t pos,
			  enum direction direction)
{
	struct uio u = uio_user(buf, n);

	if (QR_RARELY(!user_range_ok(buf, n)))
		return bad_range(n);
	return transfer_at(fd, &u, pos, direction);
}

#ifdef __x86_64__
SYSCALL4(pread64, unsigned, fd, char __user *, buf, size_t, n, int64_t, pos)
{
	return read_write_at(fd, buf, n, pos, READ);
}

SYSCALL4(pwrite64, unsigned, fd, const char __user *, buf, size_t, n, int64_t, pos)
{
	return read_write_at(fd, buf, n, pos, WRITE);
}
#else
SYSCALL5(pread64, unsigned, fd, char __user *, buf, size_t, n, uint32_t, low, uint32_t, high)
{
	return read_write_at(fd, buf, n, (int64_t)syscall_u64(low, high), READ);
}

SYSCALL5(pwrite64, unsigned, fd, const char __user *, buf, size_t, n, uint32_t, low, uint32_t, high)
{
	return read_write_at(fd, buf, n, (int64_t)syscall_u64(low, high), WRITE);
}
#endif

static long vector(unsigned fd, const void __user *vec, unsigned n, enum direction direction)
{
	struct user_vector v;
	struct uio u;
	long ret = user_vector_get(&v, vec, n, &u);

	if (QR_RARELY(ret))
		return files_peek(current_process->files, fd) ? ret : -EBADF;
	ret = transfer(fd, &u, direction);
	user_vector_put(&v);
	return ret;
}

SYSCALL3(readv, unsigned, fd, const void __user *, vec, unsigned, n)
{
	return vector(fd, vec, n, READ);
}

SYSCALL3(writev, unsigned, fd, const void __user *, vec, unsigned, n)
{
	return vector(fd, vec, n, WRITE);
}

/* ---- position ----------------------------------------------------------------------------- */

static int64_t seek(unsigned fd, int64_t offset, unsigned whence)
{
	struct file *f = fd_peek(fd);

	if (!f)
		return -EBADF;
	return whence > 4 ? -EINVAL : file_seek(f, offset, (int)whence);
}

SYSCALL3(lseek, unsigned, fd, long, offset, unsigned, whence)
{
	int64_t pos = seek(fd, offset, whence);

	return pos != (long)pos ? -EOVERFLOW : (long)pos;
}

SYSCALL5(llseek, unsigned, fd, uint32_t, high, uint32_t, low, int64_t __user *, out, unsigned,
	 whence)
{
	int64_t pos = seek(fd, (int64_t)syscall_u64(low, high), whence);

	return pos < 0 ? (long)pos : put_out(pos, out);
}
