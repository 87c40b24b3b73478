/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files_copy.c - from one file into another without the program in between; and files that have
 * no name: memfd, eventfd.
 */
#include "fs/anon.h"
#include "fs/memfs.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"
#include "kernel/userfault.h"

#define BATCH 8 /* pages that are handed over at once */

static size_t at_most(size_t n, size_t max)
{
	return n < max ? n : max;
}

/* The pages of a file in memory, where they are.  Answers their bytes, at most n. */
static size_t open_windows(const struct file *in, uint64_t pos, size_t n,
			   struct uio_segment s[BATCH + 1])
{
	size_t total = 0, part;
	qr_frame frame;
	unsigned k;

	for (k = 0; k < BATCH && total < n; k++, total += part) {
		uint64_t at = pos + total;

		part = memfs_peek(in, at, n - total, &frame);
		if (!part)
			break;
		s[k].base = (char *)qr_host_window_get(frame) + (at & QR_PAGE_MASK);
		s[k].n = part;
	}
	s[k].n = 0;
	return total;
}

static void close_windows(const struct uio_segment *first)
{
	const struct uio_segment *s = first;

	while (s->n)
		s++;
	while (s-- > first)
		qr_host_window_put((void *)((uintptr_t)s->base & ~(uintptr_t)QR_PAGE_MASK));
}

/* What is a file's in memory goes from where it is.  -EAGAIN: it has to be copied, or waited for. */
static long copy_in_place(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
			  size_t n)
{
	struct uio_segment s[BATCH + 1];
	struct uio u = { .left = open_windows(in, *in_pos, n, s), .next = s, .kernel = true };
	long put = u.left ? file_transfer_now(out, &u, out_pos, true) : -EAGAIN;

	close_windows(s);
	if (put > 0)
		*in_pos += (uint64_t)put;
	return put;
}

/* By way of one page of the kernel: a file may have to wait for room, and no page of another may
 * be held open in a window meanwhile.  What could not be written is not taken: the position goes
 * back by that. */
static long copy_by_page(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos,
			 size_t n, char **buf)
{
	struct uio u;
	long got, put;

	if (!*buf)
		*buf = kmalloc(QR_PAGE_SIZE);
	if (!*buf)
		return -ENOMEM;
	u = uio_kernel(*buf, n);
	got = file_read(in, &u, in_pos);
	if (got <= 0)
		return got;
	u = uio_kernel(*buf, (size_t)got);
	put = file_write(out, &u, out_pos);
	if (put < got)
		*in_pos -= (uint64_t)(got - (put > 0 ? put : 0));
	return put;
}

static long copy(struct file *in, uint64_t *in_pos, struct file *out, uint64_t *out_pos, size_t n)
{
	char *buf = NULL;
	size_t done = 0;
	long moved = 0;

	while (done < n) {
		size_t want = at_most(n - done, BATCH * QR_PAGE_SIZE);

		moved = copy_in_place(in, in_pos, out, out_pos, want);
		if (moved == -EAGAIN) {
			want = at_most(want, QR_PAGE_SIZE);
			moved = copy_by_page(in, in_pos, out, out_pos, want, &buf);
		}
		if (moved <= 0)
			break;
		done += (size_t)moved;
		if ((size_t)moved < want && signal_pending())
			break;
	}
	if (done)
		file_accessed(in);
	kfree(buf);
	return uio_result(done, moved);
}

/* pos NULL: the input's own. */
static long send_file(unsigned out_fd, unsigned in_fd, uint64_t *pos, size_t n)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long ret;

	if (!in || !out)
		ret = -EBADF;
	else if (!in->readable || !out->writable)
		ret = -EBADF;
	else if (out->flags & O_APPEND || !in->ops->read || !out->ops->write)
		ret = -EINVAL;
	else if (!in->ops->seek) /* what cannot be read again, cannot give back */
		ret = pos ? -ESPIPE : -EINVAL;
	else
		ret = copy(in, pos ? pos : &in->pos, out, &out->pos, n);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

SYSCALL4(sendfile, unsigned, out, unsigned, in, long __user *, offset, size_t, n)
{
	uint64_t pos;
	long at, ret;

	if (!offset)
		return send_file(out, in, NULL, n);
	if (get_user(at, offset))
		return -EFAULT;
	if (at < 0)
		return -EINVAL;
	pos = (uint64_t)at;
	ret = send_file(out, in, &pos, n);
	return put_out((long)pos, offset) ? -EFAULT : ret;
}

SYSCALL4(sendfile64, unsigned, out, unsigned, in, int64_t __user *, offset, size_t, n)
{
	int64_t at;
	uint64_t pos;
	long ret;

	if (!offset)
		return send_file(out, in, NULL, n);
	if (get_user(at, offset))
		return -EFAULT;
	if (at < 0)
		return -EINVAL;
	pos = (uint64_t)at;
	ret = send_file(out, in, &pos, n);
	return put_out((int64_t)pos, offset) ? -EFAULT : ret;
}

/* ---- copy_file_range ---------------------------------------------------------------------------- */

/* `n` becomes what there is to copy: what the copy itself adds to the file does not count. */
static int check_range(const struct file *in, uint64_t in_pos, const struct file *out,
		       uint64_t out_pos, size_t *n)
{
	uint64_t there;

	if (S_ISDIR(in->inode->mode) || S_ISDIR(out->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
		return -EINVAL;
	if (!in->readable || !out->writable || out->flags & O_APPEND)
		return -EBADF;
	if (in_pos + *n < in_pos || out_pos + *n < out_pos)
		return -EOVERFLOW;
	there = in->inode->size > in_pos ? in->inode->size - in_pos : 0;
	if (*n > there)
		*n = (size_t)there;
	if (out_pos >= current_process->rlimits[RLIMIT_FSIZE].cur) {
		signal_task(current, SIGXFSZ);
		return -EFBIG;
	}
	if (out_pos >= INT64_MAX)
		return -EFBIG;
	if (*n > INT64_MAX - out_pos)
		*n = (size_t)(INT64_MAX - out_pos);
	if (in->inode == out->inode && in_pos < out_pos + *n && out_pos < in_pos + *n)
		return -EINVAL;
	return 0;
}

static long copy_range(struct file *in, int64_t __user *in_offset, struct file *out,
		       int64_t __user *out_offset, size_t n)
{
	int64_t at[2] = { (int64_t)in->pos, (int64_t)out->pos };
	uint64_t pos[2];
	long ret;

	if ((in_offset && get_user(at[0], in_offset)) ||
	    (out_offset && get_user(at[1], out_offset)))
		return -EFAULT;
	if (at[0] < 0 || at[1] < 0)
		return -EINVAL;
	pos[0] = (uint64_t)at[0];
	pos[1] = (uint64_t)at[1];
	ret = check_range(in, pos[0], out, pos[1], &n);
	if (!ret)
		ret = copy(in, &pos[0], out, &pos[1], n);
	if (ret <= 0)
		return ret;
	if (!in_offset)
		in->pos = pos[0];
	else if (put_out((int64_t)pos[0], in_offset))
		return -EFAULT;
	if (!out_offset)
		out->pos = pos[1];
	else if (put_out((int64_t)pos[1], out_offset))
		return -EFAULT;
	return ret;
}

SYSCALL6(copy_file_range, unsigned, in_fd, int64_t __user *, in_offset, unsigned, out_fd,
	 int64_t __user *, out_offset, size_t, n, unsigned, flags)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	long ret = -EBADF;

	if (in && out)
		ret = flags ? -EINVAL : copy_range(in, in_offset, out, out_offset, n);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return ret;
}

/* ---- files without a name -------------------------------------------------------------------------- */

#define MEMFD_NAME_MAX 249 /* "memfd:" before it */

SYSCALL2(memfd_create, const char __user *, name, unsigned, flags)
{
	enum { CLOEXEC = 1, ALLOW_SEALING = 2, HUGETLB = 4 };
	char text[6 + MEMFD_NAME_MAX + 1] = "memfd:";
	struct inode *inode;
	struct dentry *d;
	struct file *f;
	long n;
	int err;

	if (flags & ~(unsigned)(CLOEXEC | ALLOW_SEALING))
		return flags & HUGETLB && !(flags & 0x03fffff8) ? -ENOSYS : -EINVAL; /* no pool */
	n = strncpy_from_user(text + 6, name, MEMFD_NAME_MAX + 1);
	if (n < 0)
		return n;
	if (n > MEMFD_NAME_MAX)
		return -EINVAL;
	err = memfs_make_unnamed(S_IFREG | 0777, flags & ALLOW_SEALING, &inode);
	if (err)
		return err;
	d = dentry_new(NULL, text, 6 + (size_t)n, inode);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	d->flags = D_DELETED;
	err = file_open_path((struct path){ root_mount, d }, O_RDWR | O_LARGEFILE, &f);
	dentry_put(d);
	return err ? err : fd_add(f, flags & CLOEXEC);
}

static long event_fd(unsigned count, unsigned flags)
{
	enum { SEMAPHORE = 1 };
	struct file *f;
	int err;

	if (flags & ~(SEMAPHORE | O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	err = eventfd_open(count, flags & SEMAPHORE, flags & O_NONBLOCK, &f);
	return err ? err : fd_add(f, flags & O_CLOEXEC);
}

SYSCALL2(eventfd2, unsigned, count, unsigned, flags)
{
	return event_fd(count, flags);
}

SYSCALL1(eventfd, unsigned, count)
{
	return event_fd(count, 0);
}
