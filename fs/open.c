/* SPDX-License-Identifier: BSD-2-Clause
 *
 * open.c - from a name and flags to an open file.
 */
#include "fs/notify.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

static unsigned wanted_rights(unsigned flags)
{
	static const unsigned rights[] = { MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, 0 };

	return rights[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int may_open(struct path p, unsigned flags)
{
	const struct inode *i = p.dentry->inode;
	unsigned rights = wanted_rights(flags);

	if (S_ISLNK(i->mode))
		return -ELOOP;
	if (S_ISDIR(i->mode) && rights & MAY_WRITE)
		return -EISDIR;
	if (!S_ISDIR(i->mode) && flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((S_ISCHR(i->mode) || S_ISBLK(i->mode)) && p.mount->flags & MNT_NODEV)
		return -EACCES;
	if (rights & MAY_WRITE && p.mount->flags & MNT_RDONLY && S_ISREG(i->mode))
		return -EROFS;
	if (flags & O_NOATIME && !inode_owned(i))
		return -EPERM;
	return inode_permission(i, rights);
}

static int open_checked(struct path p, unsigned flags, struct file **out)
{
	int err = flags & O_PATH ? 0 : may_open(p, flags);

	if (!err && flags & O_PATH && flags & O_DIRECTORY && !S_ISDIR(p.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = file_open_path(p, flags, out);
	if (err || !(flags & O_TRUNC) || flags & O_PATH || !S_ISREG(p.dentry->inode->mode))
		return err;
	err = inode_truncate(p.dentry->inode, 0);
	if (err)
		file_put(*out);
	else
		notify_dentry(p.dentry, IN_MODIFY);
	return err;
}

static unsigned lookup_flags(const struct open_how *how)
{
	unsigned f = how->resolve;

	if (!(how->flags & O_NOFOLLOW) && (how->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		f |= LOOKUP_FOLLOW;
	if (how->flags & O_DIRECTORY && !(how->flags & O_CREAT))
		f |= LOOKUP_DIRECTORY;
	return f;
}

static int create(struct path_parent *at, const struct open_how *how, struct file **out)
{
	uint32_t mode = how->mode & 07777 & ~current_process->fs->umask;
	struct path p;
	int err;

	if (at->slash)
		return -EISDIR;
	err = vfs_make(at, S_IFREG | mode, 0, NULL, &p);
	if (err)
		return err == -EPERM ? -EACCES : err;
	err =
	    file_open_path(p, how->flags, out); /* whoever makes it may do so, whatever its mode */
	path_put(p);
	return err;
}

static int open_or_create(struct path start, const char *name, const struct open_how *how,
			  struct file **out)
{
	struct path_parent at;
	struct path p;
	int err = path_lookup_parent(start, name, lookup_flags(how), &at);

	if (err)
		return err;
	if (at.kind == LAST_NORMAL)
		err = path_child(at.dir, at.name, at.len, &p);
	else if (S_ISDIR(at.dir.dentry->inode->mode))
		err = -EISDIR;
	else
		p = path_get(at.dir); /* a magic link: /proc/self/fd/1 */
	if (err == -ENOENT) {
		err = create(&at, how, out);
	} else if (!err) {
		if (how->flags & O_EXCL)
			err = -EEXIST;
		else if (S_ISDIR(p.dentry->inode->mode))
			err = -EISDIR;
		else if (at.kind == LAST_NORMAL && at.slash)
			err = -ENOTDIR;
		else
			err = open_checked(p, how->flags, out);
		path_put(p);
	}
	path_parent_put(&at);
	return err;
}

/* O_TMPFILE: a file that never had a name in the directory. */
static int open_unnamed(struct path dir, const struct open_how *how, struct file **out)
{
	struct inode *i = dir.dentry->inode, *inode;
	struct dentry *d;
	int err;

	if (!i->ops || !i->ops->make)
		return -EOPNOTSUPP;
	err = inode_permission(i, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = i->ops->make(dir.dentry,
				   S_IFREG | (how->mode & 07777 & ~current_process->fs->umask), 0,
				   NULL, &inode);
	if (err)
		return err;
	d = dentry_new(dir.dentry, "#unnamed", 8, inode);
	if (!d) {
		inode_put(inode);
		return -ENOMEM;
	}
	if (how->flags & O_EXCL)
		d->flags = D_DELETED; /* linkat may not give it a name */
	err = file_open_path((struct path){ dir.mount, d }, how->flags & ~O_DIRECTORY, out);
	if (!err)
		(*out)->flags |= O_DIRECTORY; /* F_GETFL tells what was asked for */
	dentry_put(d);
	return err;
}

int vfs_open(struct path start, const char *name, const struct open_how *how, struct file **out)
{
	struct path p;
	int err;

	if ((how->flags & O_TMPFILE) != O_TMPFILE && how->flags & O_CREAT) {
		if (how->flags & O_DIRECTORY)
			return -EINVAL;
		return open_or_create(start, name, how, out);
	}
	err = path_lookup(start, name, lookup_flags(how), &p);
	if (err)
		return err;
	if ((how->flags & O_TMPFILE) == O_TMPFILE)
		err = open_unnamed(p, how, out);
	else
		err = open_checked(p, how->flags, out);
	path_put(p);
	return err;
}

int file_open_kernel(const char *name, unsigned flags, struct file **out)
{
	struct path p;
	int err =
	    path_lookup((struct path){ root_mount, root_mount->root }, name, LOOKUP_FOLLOW, &p);

	if (!err) {
		err = file_open_path(p, flags, out);
		path_put(p);
	}
	return err;
}

int file_open_exec(struct path start, const char *name, unsigned flags, struct file **out)
{
	struct path p;
	struct inode *i;
	int err =
	    path_lookup(start, name, flags & LOOKUP_NOFOLLOW ? flags : flags | LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	i = p.dentry->inode;
	if (S_ISLNK(i->mode))
		err = -ELOOP;
	else if (!S_ISREG(i->mode) || p.mount->flags & MNT_NOEXEC)
		err = -EACCES;
	else
		err = inode_permission(i, MAY_EXEC);
	if (!err && i->writers > 0)
		err = -ETXTBSY;
	if (!err)
		err = file_open_path(p, O_RDONLY, out);
	if (!err) {
		(*out)->counted = -1;
		i->writers--;
	}
	path_put(p);
	return err;
}
