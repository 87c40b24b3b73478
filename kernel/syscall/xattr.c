/* SPDX-License-Identifier: BSD-2-Clause
 *
 * xattr.c - extended attributes: none of the file systems has them.
 *
 * Programs ask often (ls, cp) and take ENOSYS for a broken kernel, EOPNOTSUPP for what it is.
 * The name or descriptor is looked at first, so that what is wrong with it comes first.
 */
#include "kernel/syscall/files.h"

static long of_path(const char __user *name, unsigned lookup_flags, long answer)
{
	struct path p;
	int err = user_lookup(AT_FDCWD, name, lookup_flags, &p);

	if (err)
		return err;
	path_put(p);
	return answer;
}

static long of_fd(unsigned fd, long answer)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return answer;
}

/* The three forms of a call: a name, a name whose last link is not followed, a descriptor. */
#define XATTR(verb, answer)                                  \
	SYSCALL1(verb, const char __user *, name)            \
	{                                                    \
		return of_path(name, LOOKUP_FOLLOW, answer); \
	}                                                    \
	SYSCALL1(l##verb, const char __user *, name)         \
	{                                                    \
		return of_path(name, 0, answer);             \
	}                                                    \
	SYSCALL1(f##verb, unsigned, fd)                      \
	{                                                    \
		return of_fd(fd, answer);                    \
	}

XATTR(setxattr, -EOPNOTSUPP)
XATTR(getxattr, -EOPNOTSUPP)
XATTR(listxattr, 0)
XATTR(removexattr, -EOPNOTSUPP)
