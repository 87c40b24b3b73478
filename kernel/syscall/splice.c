/* SPDX-License-Identifier: BSD-2-Clause
 *
 * splice.c - between a pipe and another file without the program in between: splice, tee, vmsplice.
 *
 * Pages are moved or lent: between two pipes, and from a file in memory or the program's own into
 * one; from a pipe into a file bytes are copied once.  Only what no page holds (a device, a socket) goes by way of a page
 * of the kernel.  A step never sleeps: what was taken from one side is put into the other before
 * anybody else runs, so no byte is lost and none comes twice.  Waiting is done between steps, and
 * only before the first byte.
 *
 * Sources: splice(2), tee(2), vmsplice(2) of the man-pages 6.x, and Linux's order of checks.
 */
#include "fs/memfs.h"
#include "fs/pipe.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/memory.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

enum { SPLICE_NONBLOCK = 2, SPLICE_FLAGS = 15 };

struct splice {
	struct file *in, *out;
	uint64_t *in_pos, *out_pos;
	size_t skip; /* tee: bytes of the input that were copied already */
	bool tee;
	char *buf;          /* a page, once it is needed */
	struct file *until; /* after -EAGAIN: who has to become ready, */
	unsigned events;    /* and for what */
};

static long again(struct splice *s, struct file *f, unsigned events)
{
	s->until = f;
	s->events = events;
	return -EAGAIN;
}

/* What a device, a socket or a hole gives.  There is a free slot: all of it goes out. */
static long from_device(struct splice *s, size_t n)
{
	struct uio u;
	long got;

	if (!s->buf)
		s->buf = kmalloc(QR_PAGE_SIZE);
	if (!s->buf)
		return -ENOMEM;
	u = uio_kernel(s->buf, n);
	got = file_transfer_now(s->in, &u, s->in_pos, false);
	if (got == -EAGAIN && !(s->in->flags & O_NONBLOCK))
		return again(s, s->in, POLLIN | POLLHUP | POLLERR);
	if (got <= 0)
		return got;
	u = uio_kernel(s->buf, (size_t)got);
	return file_transfer_now(s->out, &u, s->out_pos, true);
}

static long from_file(struct splice *s, size_t n)
{
	qr_frame page;
	size_t held = memfs_peek(s->in, *s->in_pos, n, &page);
	int err;

	if (!held)
		return from_device(s, n);
	err = pipe_lend(s->out, page, *s->in_pos & QR_PAGE_MASK, held);
	if (err)
		return err;
	*s->in_pos += held;
	file_accessed(s->in);
	return (long)held;
}

static long between_pipes(struct splice *s, size_t n)
{
	size_t moved = s->tee ? 0 : pipe_move(s->in, s->out, n);

	if (moved)
		return (long)moved;
	moved = pipe_share(s->in, s->out, n, s->skip);
	if (s->tee)
		s->skip += moved;
	else
		pipe_consume(s->in, moved);
	return (long)moved;
}

static long pipe_empty(struct splice *s)
{
	int err = pipe_has_bytes(s->in);

	return err == -EAGAIN ? again(s, s->in, POLLIN | POLLHUP) : err;
}

static long from_pipe(struct splice *s, size_t n)
{
	size_t at, held;
	qr_frame frame;
	struct uio u;
	char *page;
	long put;

	held = pipe_peek(s->in, &frame, &at);
	if (!held)
		return pipe_empty(s);
	page = qr_host_window_get(frame);
	u = uio_kernel(page + at, held < n ? held : n);
	put = file_transfer_now(s->out, &u, s->out_pos, true);
	qr_host_window_put(page);
	if (put == -EAGAIN && !(s->out->flags & O_NONBLOCK))
		return again(s, s->out, POLLOUT | POLLERR);
	if (put > 0)
		pipe_consume(s->in, (size_t)put);
	return put;
}

/* Some bytes; 0: the end; -EAGAIN: `until` has to become ready. */
static long step(struct splice *s, size_t n)
{
	size_t piece = n < QR_PAGE_SIZE ? n : QR_PAGE_SIZE;
	bool in = file_is_pipe(s->in), out = file_is_pipe(s->out);
	int err = out ? pipe_has_slot(s->out) : 1;

	if (err == -EAGAIN)
		return again(s, s->out, POLLOUT | POLLERR);
	if (err < 0)
		return err;
	if (!in)
		return from_file(s, piece);
	if (!out)
		return from_pipe(s, piece);
	return pipe_has_bytes(s->in) > 0 ? between_pipes(s, n) : pipe_empty(s);
}

static int wait_until(struct file *f, unsigned events)
{
	struct poll_table table;
	int err;

	poll_table_init(&table);
	poll_table_arm(&table);
	events &= file_poll(f, &table);
	err = table.err;
	if (!events && !err)
		err = waitq_sleep(WAIT_SIGNALS, WAIT_FOREVER);
	poll_table_fini(&table);
	return err;
}

static long run(struct splice *s, size_t n, bool nonblock)
{
	size_t done = 0;
	long moved = 0;

	while (done < n) {
		moved = step(s, n - done);
		if (moved > 0)
			done += (size_t)moved;
		else if (moved != -EAGAIN || done || nonblock || !s->until ||
			 (moved = wait_until(s->until, s->events)) != 0)
			break;
	}
	if (s->buf)
		kfree(s->buf);
	return uio_result(done, moved);
}

static bool is_nonblock(const struct file *f)
{
	return f->flags & O_NONBLOCK && file_is_pipe(f);
}

/* What bytes can be taken from, beside a pipe. */
static bool has_bytes(const struct file *f)
{
	uint32_t type = f->inode->mode & S_IFMT;

	return type == S_IFREG || type == S_IFCHR || type == S_IFSOCK;
}

static long check(const struct file *in, const struct file *out, bool in_at, bool out_at)
{
	bool from = file_is_pipe(in), to = file_is_pipe(out);

	if ((from && in_at) || (to && out_at))
		return -ESPIPE;
	if (!in->readable || !out->writable)
		return -EBADF;
	if (from && to)
		return in->inode == out->inode ? -EINVAL : 0;
	if (from)
		return (out_at && !out->ops->seek) || out->flags & O_APPEND ? -EINVAL : 0;
	return !to || (in_at && !in->ops->seek) || !has_bytes(in) ? -EINVAL : 0;
}

static long splice_files(struct file *in, uint64_t __user *in_at, struct file *out,
			 uint64_t __user *out_at, size_t n, unsigned flags)
{
	uint64_t from = 0, to = 0;
	struct splice s = { .in = in,
			    .out = out,
			    .in_pos = in_at ? &from : &in->pos,
			    .out_pos = out_at ? &to : &out->pos };
	bool nonblock = flags & SPLICE_NONBLOCK || is_nonblock(in) || is_nonblock(out);
	long ret;

	if ((in_at && file_is_pipe(in)) || (out_at && file_is_pipe(out)))
		return -ESPIPE;
	if ((out_at && get_user(to, out_at)) || (in_at && get_user(from, in_at)))
		return -EFAULT;
	ret = check(in, out, in_at, out_at);
	if (!ret && ((int64_t)from < 0 || (int64_t)to < 0))
		ret = -EINVAL;
	if (!ret)
		ret = run(&s, n, nonblock);
	if (ret < 0)
		return ret;
	return (out_at && put_out(to, out_at)) || (in_at && put_out(from, in_at)) ? -EFAULT : ret;
}

static long tee_files(struct file *in, struct file *out, size_t n, unsigned flags)
{
	struct splice s = {
		.in = in, .out = out, .in_pos = &in->pos, .out_pos = &out->pos, .tee = true
	};

	if (!in->readable || !out->writable)
		return -EBADF;
	if (!file_is_pipe(in) || !file_is_pipe(out) || in->inode == out->inode)
		return -EINVAL;
	return run(&s, n, flags & SPLICE_NONBLOCK || is_nonblock(in) || is_nonblock(out));
}

SYSCALL6(splice, unsigned, in_fd, uint64_t __user *, in_at, unsigned, out_fd, uint64_t __user *,
	 out_at, size_t, n, unsigned, flags)
{
	struct file *in, *out;
	long ret = -EBADF;

	if (!n)
		return 0;
	if (flags & ~(unsigned)SPLICE_FLAGS)
		return -EINVAL;
	in = fd_get_quick(in_fd);
	out = in ? fd_get_quick(out_fd) : NULL;
	if (out) {
		ret = splice_files(in, in_at, out, out_at, n, flags);
		file_put(out);
	}
	if (in)
		file_put(in);
	return ret;
}

SYSCALL4(tee, unsigned, in_fd, unsigned, out_fd, size_t, n, unsigned, flags)
{
	struct file *in, *out;
	long ret = -EBADF;

	if (flags & ~(unsigned)SPLICE_FLAGS)
		return -EINVAL;
	if (!n)
		return 0;
	in = fd_get_quick(in_fd);
	out = in ? fd_get_quick(out_fd) : NULL;
	if (out) {
		ret = tee_files(in, out, n, flags);
		file_put(out);
	}
	if (in)
		file_put(in);
	return ret;
}

/* A piece of one page.  There is a free slot.  What cannot be lent is copied, or fails as a copy does. */
static long lend_piece(struct file *f, struct uio *u, size_t n)
{
	struct uio piece = uio_user(u->base, n);
	qr_frame page;
	long done = (long)n;

	if (QR_LIKELY(qr_space_lend(space_here(), qr_virt_of((uintptr_t)u->base), &page) == QR_OK))
		pipe_give(f, page, (uintptr_t)u->base & QR_PAGE_MASK, n);
	else
		done = file_transfer_now(f, &piece, &f->pos, true);
	if (done > 0)
		uio_skip(u, (size_t)done);
	return done;
}

static long lend_pages(struct file *f, struct uio *u)
{
	size_t done = 0;
	long err = 0;

	while (u->left && (err = pipe_has_slot(f)) > 0) {
		size_t n = uio_piece(u), page = QR_PAGE_SIZE - ((uintptr_t)u->base & QR_PAGE_MASK);

		err = lend_piece(f, u, n < page ? n : page);
		if (err <= 0)
			break;
		done += (size_t)err;
	}
	return uio_result(done, err);
}

/* Into the pipe what finds a slot, after waiting for one; out of it as read does it. */
static long user_pages(struct file *f, struct uio *u, bool nonblock)
{
	bool writing = f->writable;
	long ret;

	if (!u->left)
		return 0;
	if (!file_is_pipe(f))
		return -EBADF;
	for (;;) {
		ret = writing ? lend_pages(f, u) : file_transfer_now(f, u, &f->pos, false);
		if (ret != -EAGAIN || nonblock || is_nonblock(f))
			return ret;
		ret = wait_until(f, writing ? POLLOUT | POLLERR : POLLIN | POLLHUP);
		if (ret)
			return ret;
	}
}

SYSCALL4(vmsplice, unsigned, fd, const void __user *, vec, unsigned long, count, unsigned, flags)
{
	struct user_vector v;
	struct file *f;
	struct uio u;
	long ret;

	if (flags & ~(unsigned)SPLICE_FLAGS)
		return -EINVAL;
	f = fd_get_quick(fd);
	if (!f)
		return -EBADF;
	ret = f->readable || f->writable
		  ? user_vector_get(&v, vec, count > UINT32_MAX ? UINT32_MAX : (unsigned)count, &u)
		  : -EBADF;
	if (!ret) {
		ret = user_pages(f, &u, flags & SPLICE_NONBLOCK);
		user_vector_put(&v);
	}
	file_put(f);
	return ret;
}
