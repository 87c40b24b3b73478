/* SPDX-License-Identifier: BSD-2-Clause
 *
 * xattr.c - what none of the file systems has: extended attributes, handles of files.
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

/* ---- handles: names that stay good over mounts -------------------------------------------------- */

SYSCALL5(name_to_handle_at, int, dirfd, const char __user *, name, void __user *, handle,
	 int32_t __user *, mount, unsigned, flags)
{
	struct path p;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_lookup(dirfd, name,
			  (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
			      (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
			  &p);
	if (err)
		return err;
	path_put(p);
	return -EOPNOTSUPP;
}

/* Nobody has ever been given one. */
SYSCALL3(open_by_handle_at, int, mount, uint32_t __user *, handle, unsigned, flags)
{
	enum { HANDLE_MAX = 128 };
	uint32_t n;

	if (!cred_super(&current_process->cred))
		return -EPERM;
	if (get_user(n, handle))
		return -EFAULT;
	if (!n || n > HANDLE_MAX)
		return -EINVAL;
	return mount == AT_FDCWD || files_peek(current_process->files, (unsigned)mount) ? -ESTALE
											: -EBADF;
}
