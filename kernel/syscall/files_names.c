/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/dev.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"

/* ---- making -------------------------------------------------------------------------------- */

static long make(int dirfd, const char __user *name, uint32_t mode, uint32_t rdev,
		 const char *target)
{
	struct user_parent p;
	int err = user_lookup_parent(dirfd, name, &p);

	if (err)
		return err;
	err = vfs_make(&p.at, mode, rdev, target, NULL);
	user_parent_put(&p);
	return err;
}

static uint32_t masked(unsigned mode, unsigned keep)
{
	return mode & keep & ~current_process->fs->umask;
}

SYSCALL3(mkdirat, int, dirfd, const char __user *, name, unsigned, mode)
{
	return make(dirfd, name, S_IFDIR | masked(mode, 01777), 0, NULL);
}

SYSCALL2(mkdir, const char __user *, name, unsigned, mode)
{
	return make(AT_FDCWD, name, S_IFDIR | masked(mode, 01777), 0, NULL);
}

/* Programs write a device number as 12 bits of major and 20 of minor, mixed. */
static uint32_t dev_of_user(unsigned dev)
{
	return DEV(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00));
}

static long make_node(int dirfd, const char __user *name, unsigned mode, unsigned dev)
{
	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return make(dirfd, name, (mode & S_IFMT) | masked(mode, 07777), dev_of_user(dev), NULL);
}

SYSCALL4(mknodat, int, dirfd, const char __user *, name, unsigned, mode, unsigned, dev)
{
	return make_node(dirfd, name, mode, dev);
}

SYSCALL3(mknod, const char __user *, name, unsigned, mode, unsigned, dev)
{
	return make_node(AT_FDCWD, name, mode, dev);
}

static long make_symlink(const char __user *target, int dirfd, const char __user *name)
{
	struct user_path t;
	long err = user_path_get(&t, target);

	if (err)
		return err;
	err = *t.name ? make(dirfd, name, S_IFLNK | 0777, 0, t.name) : -ENOENT;
	user_path_put(&t);
	return err;
}

SYSCALL3(symlinkat, const char __user *, target, int, dirfd, const char __user *, name)
{
	return make_symlink(target, dirfd, name);
}

SYSCALL2(symlink, const char __user *, target, const char __user *, name)
{
	return make_symlink(target, AT_FDCWD, name);
}

static long make_link(int from_fd, const char __user *from, int to_fd, const char __user *to,
		      unsigned flags)
{
	struct user_parent p;
	struct path source;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_lookup(from_fd, from,
			  (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
			      (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			  &source);
	if (err)
		return err;
	err = user_lookup_parent(to_fd, to, &p);
	if (!err) {
		err = vfs_link(source, &p.at);
		user_parent_put(&p);
	}
	path_put(source);
	return err;
}

SYSCALL5(linkat, int, from_fd, const char __user *, from, int, to_fd, const char __user *, to,
	 unsigned, flags)
{
	return make_link(from_fd, from, to_fd, to, flags);
}

SYSCALL2(link, const char __user *, from, const char __user *, to)
{
	return make_link(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- removing ------------------------------------------------------------------------------- */

static long remove_name(int dirfd, const char __user *name, int (*fn)(struct path_parent *))
{
	struct user_parent p;
	int err = user_lookup_parent(dirfd, name, &p);

	if (err)
		return err;
	err = fn(&p.at);
	user_parent_put(&p);
	return err;
}

SYSCALL3(unlinkat, int, dirfd, const char __user *, name, unsigned, flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return remove_name(dirfd, name, flags ? vfs_rmdir : vfs_unlink);
}

SYSCALL1(unlink, const char __user *, name)
{
	return remove_name(AT_FDCWD, name, vfs_unlink);
}

SYSCALL1(rmdir, const char __user *, name)
{
	return remove_name(AT_FDCWD, name, vfs_rmdir);
}

/* ---- moving --------------------------------------------------------------------------------- */

static long move(int from_fd, const char __user *from, int to_fd, const char __user *to,
		 unsigned flags)
{
	struct user_parent p, q;
	int err = user_lookup_parent(from_fd, from, &p);

	if (err)
		return err;
	err = user_lookup_parent(to_fd, to, &q);
	if (!err) {
		err = vfs_rename(&p.at, &q.at, flags);
		user_parent_put(&q);
	}
	user_parent_put(&p);
	return err;
}

SYSCALL5(renameat2, int, from_fd, const char __user *, from, int, to_fd, const char __user *, to,
	 unsigned, flags)
{
	return move(from_fd, from, to_fd, to, flags);
}

SYSCALL4(renameat, int, from_fd, const char __user *, from, int, to_fd, const char __user *, to)
{
	return move(from_fd, from, to_fd, to, 0);
}

SYSCALL2(rename, const char __user *, from, const char __user *, to)
{
	return move(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- links ------------------------------------------------------------------------------------ */

static long read_link(int dirfd, const char __user *name, char __user *buf, int size)
{
	char *target, first;
	struct path p;
	long ret;

	if (size <= 0)
		return -EINVAL;
	ret = user_lookup(dirfd, name, LOOKUP_EMPTY, &p);
	if (ret)
		return ret;
	ret = vfs_readlink(p, &target);
	if (ret == -EINVAL && !get_user(first, (char __user *)name) && !first)
		ret = -ENOENT; /* no link, and not even a name */
	if (!ret) {
		size_t n = strlen(target);

		if (n > (size_t)size)
			n = (size_t)size;
		ret = copy_to_user(buf, target, n) ? -EFAULT : (long)n;
		kfree(target);
	}
	path_put(p);
	return ret;
}

SYSCALL4(readlinkat, int, dirfd, const char __user *, name, char __user *, buf, int, size)
{
	return read_link(dirfd, name, buf, size);
}

SYSCALL3(readlink, const char __user *, name, char __user *, buf, int, size)
{
	return read_link(AT_FDCWD, name, buf, size);
}
