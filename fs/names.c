/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c - making, removing and moving names, with the checks that Linux makes and in its
 * order, since programs tell the errors apart.
 *
 * Each operation checks everything, takes the memory it needs, and then changes the directories
 * with no way to fail.
 */
#include "fs/notify.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

enum { CAP_DAC = 1, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_MKNOD = 27 };

static struct inode *dir_of(const struct path_parent *p)
{
	return p->dir.dentry->inode;
}

static uint32_t kind_of(const struct inode *i)
{
	return S_ISDIR(i->mode) ? IN_ISDIR : 0;
}

static void touch_dir(struct dentry *dir)
{
	dir->inode->mtime = dir->inode->ctime = time_of_files();
}

/* The name as it is now, with a reference; NULL in *out: it is not there. */
static int look(const struct path_parent *at, struct dentry **out)
{
	struct path p;
	int err;

	if (!S_ISDIR(dir_of(at)->mode))
		return -ENOTDIR;
	*out = NULL;
	if (dir_of(at)->ops && dir_of(at)->ops->lookup) {
		err = path_child(at->dir, at->name, at->len, &p);
		if (!err) {
			*out = dentry_get(p.dentry);
			path_put(p);
		}
		return err == -ENOENT ? 0 : err;
	}
	*out = directory_find(at->dir.dentry, at->name, at->len);
	if (*out)
		dentry_get(*out);
	return 0;
}

static int may_change(const struct path_parent *at)
{
	if (at->dir.mount->flags & MNT_RDONLY)
		return -EROFS;
	if (at->dir.dentry->flags & D_DELETED)
		return -ENOENT;
	if (!dir_of(at)->ops || !dir_of(at)->ops->make)
		return -EPERM; /* a file system whose names are made up */
	return inode_permission(dir_of(at), MAY_WRITE | MAY_EXEC);
}

static int may_remove(const struct path_parent *at, const struct dentry *d)
{
	int err = may_change(at);

	if (!err && dir_of(at)->mode & S_ISVTX && !inode_owned(d->inode) &&
	    !inode_owned(dir_of(at)))
		err = -EPERM;
	return err;
}

/* Enter an inode under a new name; takes over the reference on it. */
static int enter(struct path_parent *at, struct inode *inode, struct path *out)
{
	struct dentry *dir = at->dir.dentry;
	struct dentry *d = dentry_new(dir, at->name, at->len, inode);

	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	directory_list(d);
	inode->nlink++;
	if (S_ISDIR(inode->mode)) {
		inode->nlink++;
		dir->inode->nlink++;
	} else if (inode->nlink > 1) {
		notify_inode(inode, IN_ATTRIB);
	}
	touch_dir(dir);
	notify_name(dir->inode, at->name, at->len, IN_CREATE | kind_of(inode));
	if (out) {
		*out = (struct path){ at->dir.mount, d };
		at->dir.mount->ref++;
	} else {
		dentry_put(d);
	}
	return 0;
}

/* A program that runs as a group is made by its members; the umask hides no right to run it. */
static bool may_give_group(uint32_t gid, uint32_t mode)
{
	const struct process *p = current_process;

	return !((mode | (p->fs ? p->fs->umask : 0)) & 0010) || cred_in_group(&p->cred, gid) ||
	       p->cred.caps >> CAP_FSETID & 1;
}

int vfs_make(struct path_parent *at, uint32_t mode, uint32_t rdev, const char *target,
	     struct path *out)
{
	struct inode *dir = dir_of(at), *inode;
	struct dentry *old;
	int err;

	if (at->kind != LAST_NORMAL)
		return -EEXIST;
	err = look(at, &old);
	if (err)
		return err;
	if (old) {
		dentry_put(old);
		return -EEXIST;
	}
	if (at->slash && !S_ISDIR(mode))
		return -ENOENT;
	err = may_change(at);
	if (err)
		return err;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !(current_process->cred.caps >> CAP_MKNOD & 1))
		return -EPERM;
	err = dir->ops->make(at->dir.dentry, mode, rdev, target, &inode);
	if (err)
		return err;
	if (dir->mode & S_ISGID) {
		inode->gid = dir->gid;
		if (S_ISDIR(mode))
			inode->mode |= S_ISGID;
		else if (!may_give_group(dir->gid, mode))
			inode->mode &= ~S_ISGID;
	}
	return enter(at, inode, out);
}

int vfs_link(struct path from, struct path_parent *to)
{
	struct inode *inode = from.dentry->inode;
	struct dentry *old;
	int err;

	if (to->kind != LAST_NORMAL)
		return -EEXIST;
	err = look(to, &old);
	if (err)
		return err;
	if (old) {
		dentry_put(old);
		return -EEXIST;
	}
	if (to->slash)
		return -ENOENT;
	if (from.mount != to->dir.mount)
		return -EXDEV;
	err = may_change(to);
	if (err)
		return err;
	if (S_ISDIR(inode->mode))
		return -EPERM;
	if (inode->nlink == 0 && from.dentry->flags & D_DELETED)
		return -ENOENT;
	inode->ctime = time_of_files();
	return enter(to, inode_get(inode), NULL);
}

/* ---- removing ------------------------------------------------------------------------------ */

/* Take the name off; the last one leaves the inode to those who have it open. */
static void take_off(struct dentry *d)
{
	struct dentry *dir = d->parent;
	struct inode *inode = d->inode;

	inode->nlink--;
	if (S_ISDIR(inode->mode)) {
		inode->nlink--;
		dir->inode->nlink--;
	}
	inode->ctime = time_of_files();
	directory_unlist(d);
	touch_dir(dir);
}

static int remove_name(struct path_parent *at, bool directory)
{
	struct dentry *d;
	int err = look(at, &d);
	uint32_t kind;

	if (err)
		return err;
	if (!d)
		return -ENOENT;
	kind = kind_of(d->inode);
	err = may_remove(at, d);
	if (err)
		;
	else if (directory && !S_ISDIR(d->inode->mode))
		err = -ENOTDIR;
	else if (!directory && S_ISDIR(d->inode->mode))
		err = -EISDIR;
	else if (!directory && at->slash)
		err = -ENOTDIR;
	else if (d->mounted)
		err = -EBUSY;
	else if (directory && !directory_empty(d))
		err = -ENOTEMPTY;
	else
		take_off(d);
	if (!err && !directory)
		notify_inode(d->inode, IN_ATTRIB);
	dentry_put(d);
	if (!err)
		notify_name(dir_of(at), at->name, at->len, IN_DELETE | kind);
	return err;
}

int vfs_unlink(struct path_parent *at)
{
	return at->kind == LAST_NORMAL ? remove_name(at, false) : -EISDIR;
}

int vfs_rmdir(struct path_parent *at)
{
	switch (at->kind) {
	case LAST_NORMAL:
		return remove_name(at, true);
	case LAST_DOT:
		return -EINVAL;
	case LAST_DOTDOT:
		return -ENOTEMPTY;
	default:
		return -EBUSY;
	}
}

/* ---- moving --------------------------------------------------------------------------------- */

struct renaming {
	struct path_parent *from, *to;
	struct dentry *a, *b; /* what is moved; what is there, or NULL */
	unsigned flags;
};

static bool lies_below(const struct dentry *d, const struct dentry *top)
{
	for (; d; d = d->parent)
		if (d == top)
			return true;
	return false;
}

/* A directory that comes under another parent has its ".." written. */
static int may_move(const struct dentry *d, const struct dentry *to_dir)
{
	if (!S_ISDIR(d->inode->mode) || d->parent == to_dir)
		return 0;
	return inode_permission(d->inode, MAY_WRITE);
}

static int check_slashes(const struct renaming *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;

	if (!S_ISDIR(r->a->inode->mode)) {
		if (r->from->slash || (!exchange && r->to->slash))
			return -ENOTDIR;
	}
	if (exchange && r->to->slash && !S_ISDIR(r->b->inode->mode))
		return -ENOTDIR;
	return 0;
}

static int check_target(const struct renaming *r)
{
	bool dir = S_ISDIR(r->a->inode->mode);
	int err;

	if (!r->b)
		return may_change(r->to);
	err = may_remove(r->to, r->b);
	if (err)
		return err;
	if (r->flags & RENAME_EXCHANGE)
		return may_move(r->b, r->a->parent);
	if (dir && !S_ISDIR(r->b->inode->mode))
		return -ENOTDIR;
	if (!dir && S_ISDIR(r->b->inode->mode))
		return -EISDIR;
	return 0;
}

static int check_rename(const struct renaming *r)
{
	int err;

	if (!r->a)
		return -ENOENT;
	if (r->b && r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (!r->b && r->flags & RENAME_EXCHANGE)
		return -ENOENT;
	err = check_slashes(r);
	if (err)
		return err;
	if (lies_below(r->to->dir.dentry, r->a))
		return -EINVAL;
	if (r->b && lies_below(r->from->dir.dentry, r->b))
		return r->flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	err = may_remove(r->from, r->a);
	if (!err)
		err = check_target(r);
	if (!err)
		err = may_move(r->a, r->to->dir.dentry);
	if (err)
		return err;
	if (r->a->mounted || (r->b && r->b->mounted))
		return -EBUSY;
	if (r->b && !(r->flags & RENAME_EXCHANGE) && S_ISDIR(r->b->inode->mode) &&
	    !directory_empty(r->b))
		return -ENOTEMPTY;
	return 0;
}

static void relist(struct dentry *d, struct dentry *parent, char *name, size_t len)
{
	bool dir = S_ISDIR(d->inode->mode);

	if (dir)
		d->parent->inode->nlink--;
	dentry_move(d, parent, name, len);
	if (dir)
		parent->inode->nlink++;
	directory_list(d);
	d->inode->ctime = time_of_files();
	touch_dir(parent);
}

static int exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *a_parent = dentry_get(a->parent), *b_parent = dentry_get(b->parent);
	size_t a_len = a->len, b_len = b->len;
	char *a_name = kstrndup(a->name, a_len), *b_name = kstrndup(b->name, b_len);
	int err = -ENOMEM;

	if (a_name && b_name) {
		directory_unlist(a);
		directory_unlist(b);
		relist(a, b_parent, b_name, b_len);
		relist(b, a_parent, a_name, a_len);
		err = 0;
	} else {
		kfree(a_name);
		kfree(b_name);
	}
	dentry_put(a_parent);
	dentry_put(b_parent);
	return err;
}

static int do_rename(struct renaming *r)
{
	struct dentry *old_dir = r->from->dir.dentry;
	char *name;

	if (r->b && r->a->inode == r->b->inode)
		return 0; /* two names of one file: nothing happens, says POSIX */
	if (r->flags & RENAME_EXCHANGE) {
		int err = exchange(r->a, r->b);

		if (!err) {
			notify_moved(r->a, dir_of(r->from), r->from->name, r->from->len, NULL);
			notify_moved(r->b, dir_of(r->to), r->to->name, r->to->len, NULL);
		}
		return err;
	}
	name = kstrndup(r->to->name, r->to->len);
	if (!name)
		return -ENOMEM;
	if (r->b)
		take_off(r->b);
	directory_unlist(r->a);
	relist(r->a, r->to->dir.dentry, name, r->to->len);
	touch_dir(old_dir);
	notify_moved(r->a, old_dir->inode, r->from->name, r->from->len, r->b ? r->b->inode : NULL);
	return 0;
}

int vfs_rename(struct path_parent *from, struct path_parent *to, unsigned flags)
{
	struct renaming r = { .from = from, .to = to, .flags = flags };
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (from->dir.mount != to->dir.mount)
		return -EXDEV;
	if (from->kind != LAST_NORMAL)
		return -EBUSY;
	if (to->kind != LAST_NORMAL)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	err = look(from, &r.a);
	if (err)
		return err;
	err = look(to, &r.b);
	if (!err)
		err = check_rename(&r);
	if (!err)
		err = do_rename(&r);
	if (r.a)
		dentry_put(r.a);
	if (r.b)
		dentry_put(r.b);
	return err;
}

int vfs_readlink(struct path link, char **out)
{
	const struct inode *i = link.dentry->inode;

	if (!S_ISLNK(i->mode) || !i->ops->readlink)
		return -EINVAL;
	return i->ops->readlink(link.dentry, out);
}
