/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pty.h"
#include "arch/x86/cpu.h"
#include "arch/x86/user.h"
#include "fs/dev.h"
#include "fs/file.h"
#include "fs/memfs.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/task.h"
#include "kernel/userfault.h"

#define DEVPTS_MAGIC 0x1cd1
#define PIECE        256u /* of a write; OPOST makes up to eight bytes of one */

/* ---- the slave's side ------------------------------------------------------------------------- */

static unsigned used(const struct pty *p)
{
	return p->head - p->tail;
}

/* Echo that finds no room is lost. */
static void put_output(struct tty *t, const char *bytes, size_t n)
{
	struct pty *p = pty_of(t);

	for (size_t i = 0; i < n && used(p) < PTY_RING; i++)
		p->ring[p->head++ % PTY_RING] = bytes[i];
	if (n)
		waitq_wake_all(&p->readable);
}

bool pty_has_room(const struct tty *t)
{
	const struct pty *p = (const struct pty *)t;

	return PTY_RING - used(p) >= 8 * PIECE;
}

void pty_slave_read(struct pty *p)
{
	waitq_wake_all(&p->writable);
}

void pty_tell(struct tty *t, uint8_t status)
{
	struct pty *p = pty_of(t);

	if (!t->pty || !p->packet)
		return;
	if (status & (PACKET_STOP | PACKET_START))
		p->status &= (uint8_t) ~(PACKET_STOP | PACKET_START);
	if (status & (PACKET_NO_STOP | PACKET_DO_STOP))
		p->status &= (uint8_t) ~(PACKET_NO_STOP | PACKET_DO_STOP);
	p->status |= status;
	waitq_wake_all(&p->readable);
}

int pty_slave_opened(struct pty *p)
{
	if (!p->has_master || p->locked)
		return -EIO;
	p->nslaves++;
	p->slave_gone = false;
	return 0;
}

static void free_unused(struct pty *p)
{
	if (!p->has_master && !p->nslaves)
		kfree(p);
}

void pty_slave_closed(struct pty *p)
{
	p->slave_gone = !--p->nslaves;
	waitq_wake_all(&p->readable);
	free_unused(p);
}

/* ---- the node --------------------------------------------------------------------------------- */

static void free_node(struct inode *i)
{
	kfree(i);
}

static const struct inode_ops node_ops = { .free = free_node };
static const struct inode_ops root_ops = { .free = memfs_free_directory };

static struct dentry *add_node(struct dentry *dir, const char *name, uint32_t mode, uint32_t rdev)
{
	struct inode *i = inode_new(dir->inode->fs, S_IFCHR | mode);
	struct dentry *d;

	if (!i)
		return NULL;
	i->rdev = rdev;
	i->ops = &node_ops;
	i->nlink = 1;
	d = dentry_new(dir, name, strlen(name), i);
	if (d)
		directory_list(d);
	else
		inode_put(i);
	return d;
}

/* Options name the nodes' rights and group, not the root's; ptmx has none, as on Linux. */
static int pts_mount(struct filesystem *fs, const char *options, struct dentry **root)
{
	struct dentry *ptmx;
	struct inode *i;
	int err = memfs_mount(fs, options, root);

	if (err)
		return err;
	i = (*root)->inode;
	fs->node_mode = i->mode == (S_IFDIR | 0755) ? 0600 : i->mode & 0777;
	fs->node_gid = i->gid;
	i->mode = S_IFDIR | 0755;
	i->uid = i->gid = 0;
	i->ops = &root_ops;
	ptmx = add_node(*root, "ptmx", 0, DEV(5, 2));
	if (!ptmx) {
		dentry_put(*root);
		return -ENOMEM;
	}
	dentry_put(ptmx);
	return 0;
}

/* The devpts that a file of ptmx belongs to. */
static int find_pts(const struct file *f, struct path *out)
{
	struct path dir = f->path;

	if (!dir.dentry || !dir.dentry->parent)
		return -ENODEV;
	dir.dentry = dir.dentry->parent;
	if (dir.dentry->inode->fs->type->magic == DEVPTS_MAGIC) {
		*out = path_get(dir);
		return 0;
	}
	int err = path_lookup(dir, "pts", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, out);

	if (!err && out->dentry->inode->fs->type->magic != DEVPTS_MAGIC) {
		path_put(*out);
		err = -ENODEV;
	}
	return err;
}

/* The lowest number that is free, and its node; `place` is that of the directory, then the
 * node's. */
static int make_node(struct pty *p)
{
	struct dentry *dir = p->place.dentry, *d;
	const struct filesystem *fs = dir->inode->fs;
	char name[8];
	unsigned n = 0;

	do {
		ksnprintf(name, sizeof(name), "%u", n);
	} while (directory_find(dir, name, strlen(name)) && ++n < PTY_MAX);
	if (n == PTY_MAX)
		return -ENOSPC;
	d = add_node(dir, name, fs->node_mode, DEV(136, n));
	if (!d)
		return -ENOMEM;
	p->number = n;
	p->tty.dev = d->inode->rdev;
	if (fs->node_gid)
		d->inode->gid = fs->node_gid;
	d->inode->private = p;
	d->inode->fops = &tty_fops;
	p->place.dentry = d;
	dentry_put(dir);
	return 0;
}

static void drop_node(struct pty *p)
{
	struct dentry *d = p->place.dentry;

	d->inode->private = NULL;
	d->inode->nlink = 0;
	directory_unlist(d);
	path_put(p->place);
}

/* ---- the master's side ------------------------------------------------------------------------ */

static const struct file_ops ptmx_fops;

bool pty_is_master(const struct file *f)
{
	return f->ops == &ptmx_fops;
}

static struct pty *pty_at(const struct file *f)
{
	return pty_of(f->private);
}

static int ptmx_open(struct file *f)
{
	struct pty *p = kzalloc(sizeof(*p));
	int err = p ? find_pts(f, &p->place) : -ENOMEM;

	if (!err) {
		p->tty.termios = tty_sane;
		err = make_node(p);
		if (err)
			path_put(p->place);
	}
	if (err) {
		kfree(p);
		return err;
	}
	p->tty.pty = p->locked = p->has_master = true;
	p->tty.write = put_output;
	f->private = &p->tty;
	f->pos = TTY_NEVER_HUNG_UP;
	return 0;
}

static void ptmx_release(struct file *f)
{
	struct pty *p = pty_at(f);

	drop_node(p);
	tty_hang_up(&p->tty);
	p->has_master = false;
	free_unused(p);
}

static long master_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct pty *p = pty_at(f);
	size_t done = 0;
	uint8_t status;
	int err;

	if (!to->left)
		return 0;
	while (!used(p) && !p->status) {
		if (p->slave_gone)
			return -EIO;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&p->readable, used(p) || p->status || p->slave_gone, WAIT_FOREVER);
		if (err)
			return err;
	}
	if (p->packet) { /* what has happened, alone; or 0 and bytes */
		status = p->status;
		p->status = 0;
		done = uio_send(to, &status, 1);
		if (status)
			return uio_result(done, -EFAULT);
	}
	while (used(p) && to->left && !to->fault) {
		unsigned at = p->tail % PTY_RING, n = PTY_RING - at;

		n = (unsigned)uio_put(to, p->ring + at, n < used(p) ? n : used(p));
		p->tail += n;
		done += n;
	}
	waitq_wake_all(&p->tty.writable);
	return uio_result(done, -EFAULT);
}

/* A line that is too long is refused with a bell, as with a keyboard; other input waits. */
static unsigned input_room(const struct tty *t)
{
	unsigned room = TTY_RING - 1 - (t->head - t->tail);

	return room || (tty_is(t, ICANON) && !t->lines) ? (room < PIECE ? room + !room : PIECE) : 0;
}

static long master_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct pty *p = pty_at(f);
	char bytes[PIECE];
	size_t done = 0, n;
	int err = 0;

	while (from->left && !err) {
		if ((n = input_room(&p->tty)) != 0) {
			n = uio_get(from, bytes, n < from->left ? n : from->left);
			tty_type(&p->tty, bytes, n);
			done += n;
			err = from->fault ? -EFAULT : 0;
		} else if (f->flags & O_NONBLOCK) {
			err = -EAGAIN;
		} else {
			err = wait_event(&p->writable, input_room(&p->tty), WAIT_FOREVER);
		}
	}
	return uio_result(done, err);
}

static unsigned master_poll(struct file *f, struct poll_table *table)
{
	struct pty *p = pty_at(f);
	unsigned events = 0;

	poll_wait(table, &p->readable, POLLIN);
	poll_wait(table, &p->writable, POLLOUT);
	if (used(p) || p->status)
		events |= POLL_READABLE;
	if (p->status)
		events |= POLLPRI;
	if (input_room(&p->tty))
		events |= POLL_WRITABLE;
	if (p->slave_gone)
		events |= POLLHUP;
	return events;
}

static long open_peer(struct pty *p, unsigned flags)
{
	struct file *slave;
	int err;

	if (flags & ~(O_ACCMODE | O_NOCTTY | O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	err = file_open_path(p->place, flags & ~O_CLOEXEC, &slave);
	return err ? err : fd_add(slave, flags & O_CLOEXEC);
}

static long set_packet(struct pty *p, bool on)
{
	p->status = 0;
	p->packet = on;
	return 0;
}

#define TIOCGPTN    0x80045430u
#define TIOCSPTLCK  0x40045431u
#define TIOCGPTLCK  0x80045439u
#define TIOCGPKT    0x80045438u
#define TIOCSIG     0x40045436u
#define TIOCPKT     0x5420u
#define TIOCGPTPEER 0x5441u
#define FIONREAD    0x541bu

static long master_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct pty *p = pty_at(f);
	int __user *user = (int __user *)arg;
	int v;

	switch (cmd) {
	case TIOCGPTN:
		return put_user((int)p->number, user);
	case TIOCGPTLCK:
		return put_user((int)p->locked, user);
	case TIOCGPKT:
		return put_user((int)p->packet, user);
	case FIONREAD:
		return put_user((int)used(p), user);
	case TIOCSPTLCK:
		if (get_user(v, user))
			return -EFAULT;
		p->locked = v;
		return 0;
	case TIOCPKT:
		if (get_user(v, user))
			return -EFAULT;
		return v && p->packet ? 0 : set_packet(p, v);
	case TIOCSIG:
		if (arg < 1 || arg > 64)
			return -EINVAL;
		tty_signal(&p->tty, (int)arg);
		return 0;
	case TIOCGPTPEER:
		return open_peer(p, (unsigned)arg);
	}
	return tty_ioctl(f, cmd, arg);
}

static const struct file_ops ptmx_fops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.open = ptmx_open,
	.release = ptmx_release,
};

void pty_init(void)
{
	static struct device ptmx = { DEV(5, 2), 0666, "ptmx", &ptmx_fops, NULL };
	static struct filesystem_type devpts = { .name = "devpts",
						 .magic = DEVPTS_MAGIC,
						 .mount = pts_mount,
						 .unmount = memfs_unmount };

	device_register(&ptmx);
	filesystem_register(&devpts);
}
