/* SPDX-License-Identifier: BSD-2-Clause
 *
 * file.c - open files: their making and end, and transfers with the checks that all share.
 */
#include "fs/file.h"
#include "fs/async.h"
#include "fs/dev.h"
#include "fs/lock.h"
#include "fs/notify.h"
#include "fs/pipe.h"
#include "fs/epoll.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/log.h"
#include "kernel/task.h"
#include "kernel/waitq.h"

#define DAY (24 * 60 * 60)

static const struct file_ops nothing_fops; /* O_PATH */

static int ops_of(const struct inode *i, const struct file_ops **out)
{
	switch (i->mode & S_IFMT) {
	case S_IFCHR:
		*out = i->fops ? i->fops : device_ops(i->rdev);
		return *out ? 0 : -ENXIO;
	case S_IFIFO:
		*out = &fifo_fops;
		return 0;
	case S_IFBLK:
	case S_IFSOCK:
		return -ENXIO;
	case S_IFLNK:
		return -ELOOP;
	}
	*out = i->fops;
	return i->fops ? 0 : -ENXIO;
}

static int count_writer(struct file *f)
{
	struct inode *i = f->inode;

	if (!f->writable || !S_ISREG(i->mode))
		return 0;
	if (i->writers < 0)
		return -ETXTBSY;
	i->writers++;
	f->counted = 1;
	return 0;
}

static unsigned long open_count;

unsigned long files_open(void)
{
	return open_count;
}

static struct file *file_new(struct inode *inode, const struct file_ops *ops, unsigned flags)
{
	struct file *f = kmalloc(sizeof(*f));
	unsigned access = flags & O_ACCMODE;

	if (!f)
		return NULL;
	*f = (struct file){
		.ref = 1,
		.flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC),
		.readable = access != O_WRONLY && !(flags & O_PATH),
		.writable = access != O_RDONLY && !(flags & O_PATH),
		.ops = ops,
		.inode = inode_get(inode),
	};
	list_init(&f->watches);
	open_count++;
	return f;
}

static void file_abandon(struct file *f)
{
	open_count--;
	f->inode->writers -= f->counted;
	inode_put(f->inode);
	if (f->path.dentry)
		path_put(f->path);
	kfree(f);
}

int file_open_path(struct path p, unsigned flags, struct file **out)
{
	const struct file_ops *ops = &nothing_fops;
	struct file *f;
	int err = flags & O_PATH ? 0 : ops_of(p.dentry->inode, &ops);

	if (err)
		return err;
	f = file_new(p.dentry->inode, ops, flags);
	if (!f)
		return -ENOMEM;
	f->path = path_get(p);
	inode_set_alias(f->inode, p.dentry); /* of several names, the one that was used last */
	err = count_writer(f);
	if (!err && f->ops->open)
		err = f->ops->open(f);
	f->flags &= ~O_NOCTTY;
	if (err) {
		file_abandon(f);
		return err;
	}
	notify_file(f, IN_OPEN);
	*out = f;
	return 0;
}

int file_open_inode(struct inode *inode, const struct file_ops *ops, unsigned flags,
		    struct file **out)
{
	struct file *f = file_new(inode, ops, flags);

	if (!f)
		return -ENOMEM;
	*out = f;
	return 0;
}

void file_free(struct file *f)
{
	notify_file(f, f->writable ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (!list_empty(&f->watches))
		eventpoll_forget(f);
	if (QR_RARELY(f->async))
		async_end(f);
	if (!list_empty(&f->inode->locks))
		locks_drop(f->inode, f);
	if (f->ops->release)
		f->ops->release(f);
	file_abandon(f);
}

/* ---- transfers ------------------------------------------------------------------------------ */

size_t transfer_quick = TRANSFER_MAX;

static void clamp(struct uio *u)
{
	if (u->left > TRANSFER_MAX) {
		u->left = TRANSFER_MAX;
		if (u->n > TRANSFER_MAX)
			u->n = TRANSFER_MAX;
	}
}

long file_read_odd(struct file *f, struct uio *to, uint64_t *pos)
{
	long n;

	if (QR_RARELY(!f->readable))
		return -EBADF;
	if (QR_RARELY(!f->ops->read))
		return S_ISDIR(f->inode->mode) ? -EISDIR : -EINVAL;
	clamp(to);
	n = f->ops->read(f, to, pos);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

long file_write_odd(struct file *f, struct uio *from, uint64_t *pos)
{
	long n;

	if (QR_RARELY(!f->writable))
		return -EBADF;
	if (QR_RARELY(!f->ops->write))
		return -EINVAL;
	clamp(from);
	n = f->ops->write(f, from, pos);
	if (n > 0)
		notify_file(f, IN_MODIFY);
	return n;
}

long file_transfer_now(struct file *f, struct uio *u, uint64_t *pos, bool writing)
{
	unsigned set = O_NONBLOCK & ~f->flags;
	long n;

	f->flags |= set;
	n = writing ? file_write(f, u, pos) : file_read(f, u, pos);
	f->flags &= ~set;
	return n;
}

long file_read_kernel(struct file *f, uint64_t pos, void *to, size_t n)
{
	struct uio u = uio_kernel(to, n);
	size_t done = 0;

	if (!f->ops->read)
		return -EINVAL;
	while (u.left) {
		long got = f->ops->read(f, &u, &pos);

		if (got < 0)
			return uio_result(done, got);
		if (!got)
			break;
		done += (size_t)got;
	}
	if (done)
		notify_file(f, IN_ACCESS);
	return (long)done;
}

int file_mmap(struct file *f, struct qr_object **out)
{
	if (!f->ops->mmap)
		return -ENODEV;
	if (!f->readable)
		return -EACCES;
	if (f->path.dentry)
		file_accessed(f);
	return f->ops->mmap(f, out);
}

static inline bool older(const struct file_time *a, const struct file_time *b)
{
	return a->sec < b->sec || (a->sec == b->sec && a->nsec <= b->nsec);
}

void file_accessed(struct file *f)
{
	struct inode *i = f->inode;
	struct file_time now;

	if (f->flags & O_NOATIME || f->path.mount->flags & (MNT_NOATIME | MNT_RDONLY))
		return;
	now = time_of_files();
	if (older(&i->atime, &i->mtime) || older(&i->atime, &i->ctime) ||
	    now.sec - i->atime.sec >= DAY)
		i->atime = now;
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *file_name(struct file *f, char *buf, size_t nbytes)
{
	bool reachable;
	const char *name;

	if (f->path.dentry) {
		name = path_name(f->path, current_process->fs->root, buf, nbytes, &reachable);
		return name ? name : "?";
	}
	if (f->ops->name)
		ksnprintf(buf, nbytes, "anon_inode:%s", f->ops->name);
	else
		ksnprintf(buf, nbytes, "%s:[%llu]",
			  (f->inode->mode & S_IFMT) == S_IFSOCK ? "socket" : "pipe",
			  (unsigned long long)f->inode->ino);
	return buf;
}

const char *inode_name(struct inode *i, char *buf, size_t nbytes)
{
	struct mount *m = NULL;
	const char *name = NULL;
	bool reachable;

	while ((m = mount_next(m)) && m->fs != i->fs)
		;
	if (!m)
		m = root_mount;
	if (i->alias)
		name = path_name((struct path){ m, i->alias }, current_process->fs->root, buf,
				 nbytes, &reachable);
	return name ? name : "(deleted)";
}
