/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/async.h"
#include "fs/pipe.h"
#include "kernel/syscall/files.h"

/* ---- open and close --------------------------------------------------------------------- */

/* What else stands in the flags is ignored, as programs expect of open (not of openat2). */
#define O_UNNAMED    (O_TMPFILE & ~O_DIRECTORY)
#define O_PATH_KNOWN (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define O_KNOWN                                                                                \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |  \
	 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
	 O_PATH | O_TMPFILE)

QR_INLINE unsigned known_flags(unsigned flags)
{
	return flags & (flags & O_PATH ? O_PATH_KNOWN : O_KNOWN);
}

static long open_file(int dirfd, const char __user *name, struct open_how *how)
{
	struct user_path path;
	struct path start;
	struct file *f;
	int fd, err;

	if (how->flags & O_UNNAMED && ((how->flags & (O_TMPFILE | O_CREAT)) != O_TMPFILE ||
				       !(how->flags & (O_WRONLY | O_RDWR))))
		return -EINVAL;
	if (sizeof(long) == 8)
		how->flags |= O_LARGEFILE;
	err = user_path_get(&path, name);
	if (err)
		return err;
	fd = fd_take(0);
	err = fd < 0 ? fd : path_start(dirfd, path.name, &start);
	if (!err) {
		err = vfs_open(start, path.name, how, &f);
		path_put(start);
	}
	if (!err)
		fd_install(fd, f, how->flags & O_CLOEXEC);
	else if (fd >= 0)
		fd_untake(fd);
	user_path_put(&path);
	return err ? err : fd;
}

SYSCALL4(openat, int, dirfd, const char __user *, name, unsigned, flags, unsigned, mode)
{
	struct open_how how = { known_flags(flags), mode, 0 };

	return open_file(dirfd, name, &how);
}

SYSCALL3(open, const char __user *, name, unsigned, flags, unsigned, mode)
{
	struct open_how how = { known_flags(flags), mode, 0 };

	return open_file(AT_FDCWD, name, &how);
}

SYSCALL2(creat, const char __user *, name, unsigned, mode)
{
	struct open_how how = { O_CREAT | O_WRONLY | O_TRUNC, mode, 0 };

	return open_file(AT_FDCWD, name, &how);
}

struct user_open_how {
	uint64_t flags, mode, resolve;
};

/* RESOLVE_*: NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH, IN_ROOT. */
static unsigned lookup_of_resolve(uint64_t resolve)
{
	static const unsigned lookup[] = { LOOKUP_NO_XDEV, LOOKUP_NO_MAGICLINKS, LOOKUP_NO_SYMLINKS,
					   LOOKUP_BENEATH, LOOKUP_IN_ROOT };
	unsigned flags = 0;

	for (unsigned i = 0; i < 5; i++)
		if (resolve >> i & 1)
			flags |= lookup[i];
	return flags;
}

SYSCALL4(openat2, int, dirfd, const char __user *, name, const void __user *, user_how, size_t, n)
{
	struct user_open_how u;
	struct open_how how;

	if (n < sizeof(u))
		return -EINVAL;
	for (size_t i = sizeof(u); i < n; i++) {
		char c;

		if (i >= QR_PAGE_SIZE)
			return -E2BIG;
		if (get_user(c, (char __user *)user_how + i))
			return -EFAULT;
		if (c)
			return -E2BIG;
	}
	if (copy_from_user(&u, user_how, sizeof(u)))
		return -EFAULT;
	if (u.flags & ~(uint64_t)O_KNOWN || u.mode & ~07777ull || u.resolve & ~0x1full ||
	    (u.resolve & 0x18) == 0x18 || (u.flags & O_PATH && u.flags & ~(uint64_t)O_PATH_KNOWN))
		return -EINVAL;
	if (u.mode && !(u.flags & O_CREAT) && (u.flags & O_TMPFILE) != O_TMPFILE)
		return -EINVAL;
	how =
	    (struct open_how){ (unsigned)u.flags, (unsigned)u.mode, lookup_of_resolve(u.resolve) };
	return open_file(dirfd, name, &how);
}

SYSCALL1(close, unsigned, fd)
{
	return fd_close(fd);
}

SYSCALL3(close_range, unsigned, first, unsigned, last, unsigned, flags)
{
	enum { UNSHARE = 2, CLOEXEC = 4 };
	struct files *t = current_process->files;

	if (flags & ~(UNSHARE | CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & UNSHARE && t->ref > 1) {
		t = files_copy(t);
		if (!t)
			return -ENOMEM;
		files_put(current_process->files);
		current_process->files = t;
	}
	for (unsigned fd = first; fd < t->size && fd <= last; fd++) {
		if (!files_peek(t, fd))
			continue;
		if (flags & CLOEXEC)
			t->slots[fd] |= FD_CLOEXEC;
		else
			fd_close(fd);
	}
	return 0;
}

/* ---- duplicates ---------------------------------------------------------------------------- */

long fd_dup_from(unsigned fd, unsigned lowest, bool cloexec)
{
	struct file *f = fd_get_path(fd);
	int copy;

	if (!f)
		return -EBADF;
	copy = fd_take(lowest);
	if (copy < 0)
		file_put(f);
	else
		fd_install(copy, f, cloexec);
	return copy;
}

static long dup_onto(unsigned from, unsigned to, bool cloexec)
{
	struct file *f = fd_get_path(from);
	long fd;

	if (!f)
		return -EBADF;
	fd = fd_dup_to(f, to, cloexec);
	file_put(f);
	return fd;
}

SYSCALL1(dup, unsigned, fd)
{
	return fd_dup_from(fd, 0, false);
}

SYSCALL2(dup2, unsigned, from, unsigned, to)
{
	if (from == to)
		return files_peek(current_process->files, from) ? (long)to : -EBADF;
	return dup_onto(from, to, false);
}

SYSCALL3(dup3, unsigned, from, unsigned, to, unsigned, flags)
{
	if (flags & ~O_CLOEXEC || from == to)
		return -EINVAL;
	return dup_onto(from, to, flags & O_CLOEXEC);
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static long make_pipe(int __user *out, unsigned flags)
{
	struct file *ends[2];
	int fd[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	err = pipe_open(flags & O_NONBLOCK, ends);
	if (err)
		return err;
	fd[0] = fd_add(ends[0], flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(ends[1]);
		return fd[0];
	}
	fd[1] = fd_add(ends[1], flags & O_CLOEXEC);
	err = fd[1] < 0 ? fd[1] : copy_to_user(out, fd, sizeof(fd));
	if (err) {
		fd_close((unsigned)fd[0]);
		if (fd[1] >= 0)
			fd_close((unsigned)fd[1]);
	}
	return err;
}

SYSCALL1(pipe, int __user *, out)
{
	return make_pipe(out, 0);
}

SYSCALL2(pipe2, int __user *, out, unsigned, flags)
{
	return make_pipe(out, flags);
}

/* ---- ioctl ----------------------------------------------------------------------------------- */

SYSCALL3(ioctl, unsigned, fd, unsigned, cmd, uintptr_t, arg)
{
	enum {
		FIOCLEX = 0x5451,
		FIONCLEX = 0x5450,
		FIONBIO = 0x5421,
		FIOASYNC = 0x5452,
		FIONREAD = 0x541b
	};
	struct file *f = fd_get(fd);
	long ret;
	int on;

	if (!f)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		ret = fd_set_cloexec(fd, cmd == FIOCLEX);
		break;
	case FIONBIO:
	case FIOASYNC:
		ret = get_user(on, (int __user *)arg);
		if (!ret && cmd == FIONBIO)
			f->flags = (f->flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0);
		else if (!ret && !on != !(f->flags & O_ASYNC))
			ret = async_switch(f, fd, on);
		break;
	case FIONREAD:
		if (S_ISREG(f->inode->mode)) {
			uint64_t left = f->inode->size > f->pos ? f->inode->size - f->pos : 0;

			ret = put_user((int)left, (int __user *)arg);
			break;
		}
		/* fall through */
	default:
		ret = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
	}
	file_put(f);
	return ret;
}
