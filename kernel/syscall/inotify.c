/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/inotify.h"
#include "kernel/syscall/files.h"

#define IN_KNOWN                                                                          \
	(0xfffu | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | \
	 IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT)

static long init(unsigned flags)
{
	struct file *f;
	int err = inotify_open(flags & O_NONBLOCK, &f);

	return err ? err : fd_add(f, flags & O_CLOEXEC);
}

SYSCALL0(inotify_init)
{
	return init(0);
}

SYSCALL1(inotify_init1, unsigned, flags)
{
	return flags & ~(O_NONBLOCK | O_CLOEXEC) ? -EINVAL : init(flags);
}

static int add_watch(struct file *f, const char __user *name, uint32_t mask)
{
	struct path p;
	int err;

	if (mask & IN_MASK_ADD && mask & IN_MASK_CREATE)
		return -EINVAL;
	if (!is_inotify(f))
		return -EINVAL;
	err = user_lookup(AT_FDCWD, name,
			  (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) |
			      (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0),
			  &p);
	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_READ);
	if (!err)
		err = inotify_watch(f, p.dentry->inode, mask);
	path_put(p);
	return err;
}

SYSCALL3(inotify_add_watch, unsigned, fd, const char __user *, name, uint32_t, mask)
{
	struct file *f;
	int ret;

	if (mask & ~IN_KNOWN || !mask)
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	ret = add_watch(f, name, mask);
	file_put(f);
	return ret;
}

SYSCALL2(inotify_rm_watch, unsigned, fd, int, wd)
{
	struct file *f = fd_get(fd);
	int ret;

	if (!f)
		return -EBADF;
	ret = is_inotify(f) ? inotify_unwatch(f, wd) : -EINVAL;
	file_put(f);
	return ret;
}
