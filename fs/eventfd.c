/* SPDX-License-Identifier: BSD-2-Clause
 *
 * eventfd.c - a counter as a file; and the inode that files of this kind share.
 */
#include "fs/anon.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	uint64_t count;
	bool semaphore;
	struct waitq readable, writable;
};

int anon_open(const struct file_ops *ops, unsigned flags, struct file **out)
{
	static const struct filesystem_type type = { .name = "anon_inodefs", .magic = 0x09041934 };
	static struct inode *inode;
	struct filesystem *fs;

	if (!inode) {
		fs = filesystem_new(&type);
		inode = fs ? inode_new(fs, 0600) : NULL;
		if (!inode && fs)
			filesystem_put(fs);
	}
	return inode ? file_open_inode(inode, ops, flags, out) : -ENOMEM;
}

static long eventfd_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct eventfd *e = f->private;
	uint64_t v;
	int err = 0;

	if (to->left < sizeof(v))
		return -EINVAL;
	if (!e->count)
		err = f->flags & O_NONBLOCK ? -EAGAIN
					    : wait_event(&e->readable, e->count, WAIT_FOREVER);
	if (err)
		return err;
	v = e->semaphore ? 1 : e->count;
	e->count -= v;
	waitq_wake_all(&e->writable);
	return uio_send(to, &v, sizeof(v)) < sizeof(v) ? -EFAULT : (long)sizeof(v);
}

static long eventfd_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct eventfd *e = f->private;
	uint64_t v;
	int err = 0;

	if (from->left < sizeof(v))
		return -EINVAL;
	if (uio_get(from, &v, sizeof(v)) < sizeof(v))
		return -EFAULT;
	if (v > COUNT_MAX)
		return -EINVAL;
	if (v > COUNT_MAX - e->count)
		err = f->flags & O_NONBLOCK
			  ? -EAGAIN
			  : wait_event(&e->writable, v <= COUNT_MAX - e->count, WAIT_FOREVER);
	if (err)
		return err;
	e->count += v;
	waitq_wake_all(&e->readable);
	return sizeof(v);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *table)
{
	struct eventfd *e = f->private;

	poll_wait(table, &e->readable, POLLIN);
	poll_wait(table, &e->writable, POLLOUT);
	return (e->count ? POLL_READABLE : 0) | (e->count < COUNT_MAX ? POLL_WRITABLE : 0);
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops eventfd_fops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.name = "[eventfd]",
};

int eventfd_open(unsigned count, bool semaphore, unsigned flags, struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->count = count;
	e->semaphore = semaphore;
	err = anon_open(&eventfd_fops, O_RDWR | flags, out);
	if (err)
		kfree(e);
	else
		(*out)->private = e;
	return err;
}
