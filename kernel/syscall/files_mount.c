/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files_mount.c - mounting; and the calls that are easily answered where files are memory: what
 * is written is on its medium at once.
 */
#include "kernel/syscall/files.h"

#define MS_REMOUNT 32u
#define MS_BIND    4096u
#define MS_MOVE    8192u
#define MS_SHARED  (15u << 17) /* UNBINDABLE, PRIVATE, SLAVE, SHARED: there is one namespace */
#define MS_KEPT    (MNT_RDONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME)

static bool may_mount(void)
{
	return current_process->cred.caps >> CAP_SYS_ADMIN & 1;
}

/* NULL is an empty string. */
static int optional_string(struct user_path *p, const char __user *from)
{
	if (from)
		return user_path_get(p, from);
	p->name = p->small;
	p->small[0] = '\0';
	return 0;
}

static int mount_new(struct path at, const char __user *user_type, const char *source,
		     const void __user *user_options, unsigned flags)
{
	struct user_path type, options;
	int err;

	if (!user_type)
		return -EINVAL;
	err = user_path_get(&type, user_type);
	if (err)
		return err;
	err = optional_string(&options, user_options);
	if (!err) {
		err = vfs_mount(at, type.name, source, options.name, flags & MS_KEPT);
		user_path_put(&options);
	}
	user_path_put(&type);
	return err;
}

static int mount_bind(struct path at, const char *source)
{
	struct path from;
	int err = path_lookup(current_process->fs->cwd, source, LOOKUP_FOLLOW, &from);

	if (err)
		return err;
	err = vfs_bind(from, at);
	path_put(from);
	return err;
}

SYSCALL5(mount, const char __user *, source, const char __user *, target, const char __user *, type,
	 unsigned long, flags, const void __user *, options)
{
	struct user_path s;
	struct path at;
	int err;

	err = optional_string(&s, source);
	if (err)
		return err;
	err = user_lookup(AT_FDCWD, target, LOOKUP_FOLLOW, &at);
	if (!err) {
		if (!may_mount())
			err = -EPERM;
		else if (flags & MS_REMOUNT)
			err = vfs_remount(at, flags & MS_KEPT);
		else if (flags & MS_BIND)
			err = mount_bind(at, s.name);
		else if (flags & MS_SHARED)
			err = 0;
		else if (flags & MS_MOVE)
			err = -EINVAL;
		else
			err = mount_new(at, type, s.name, options, (unsigned)flags);
		path_put(at);
	}
	user_path_put(&s);
	return err;
}

SYSCALL2(umount2, const char __user *, name, unsigned, flags)
{
	enum { FORCE = 1, DETACH = 2, EXPIRE = 4, NOFOLLOW = 8 };
	struct path at;
	int err;

	if (flags & ~(FORCE | DETACH | EXPIRE | NOFOLLOW))
		return -EINVAL;
	err = user_lookup(AT_FDCWD, name, flags & NOFOLLOW ? 0 : LOOKUP_FOLLOW, &at);
	if (err)
		return err;
	err = may_mount() ? vfs_umount(at, flags & DETACH) : -EPERM;
	path_put(at);
	return err;
}

SYSCALL1(umount, const char __user *, name)
{
	return sys_umount2((uintptr_t)name, 0, 0, 0, 0, 0);
}

/* ---- on its medium ------------------------------------------------------------------------------- */

SYSCALL0(sync)
{
	return 0;
}

static long sync_fd(unsigned fd)
{
	struct file *f = files_peek(current_process->files, fd);

	if (!f || f->flags & O_PATH)
		return -EBADF;
	return S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode) ? 0 : -EINVAL;
}

SYSCALL1(fsync, unsigned, fd)
{
	return sync_fd(fd);
}

SYSCALL1(fdatasync, unsigned, fd)
{
	return sync_fd(fd);
}

SYSCALL1(syncfs, unsigned, fd)
{
	return files_peek(current_process->files, fd) ? 0 : -EBADF;
}

static long sync_range(unsigned fd, int64_t offset, int64_t n, unsigned flags)
{
	long err = sync_fd(fd);

	if (err == -EBADF)
		return err;
	if (flags & ~7u || offset < 0 || n < 0 || offset > INT64_MAX - n)
		return -EINVAL;
	return err ? -ESPIPE : 0;
}

#ifdef __x86_64__
SYSCALL4(sync_file_range, unsigned, fd, int64_t, offset, int64_t, n, unsigned, flags)
{
	return sync_range(fd, offset, n, flags);
}
#else
SYSCALL6(sync_file_range, unsigned, fd, uint32_t, offset, int32_t, offset_high, uint32_t, n,
	 int32_t, n_high, unsigned, flags)
{
	return sync_range(fd, (int64_t)offset_high << 32 | offset, (int64_t)n_high << 32 | n,
			  flags);
}
#endif

/* Advice about reading ahead: everything is there already. */
static long advise(unsigned fd)
{
	struct file *f = files_peek(current_process->files, fd);

	if (!f || f->flags & O_PATH)
		return -EBADF;
	return S_ISFIFO(f->inode->mode) ? -ESPIPE : 0;
}

SYSCALL1(readahead, unsigned, fd)
{
	struct file *f = files_peek(current_process->files, fd);

	if (!f || !f->readable)
		return -EBADF;
	return S_ISREG(f->inode->mode) ? 0 : -EINVAL;
}

#ifdef __x86_64__
SYSCALL4(fadvise64, unsigned, fd, int64_t, offset, int64_t, n, unsigned, advice)
{
	return advice > 5 || n < 0 ? -EINVAL : advise(fd);
}
#else
SYSCALL5(fadvise64, unsigned, fd, uint32_t, low, uint32_t, high, int32_t, n, unsigned, advice)
{
	return advice > 5 || n < 0 ? -EINVAL : advise(fd);
}

SYSCALL6(fadvise64_64, unsigned, fd, uint32_t, low, uint32_t, high, uint32_t, n_low, int32_t,
	 n_high, unsigned, advice)
{
	return advice > 5 || n_high < 0 ? -EINVAL : advise(fd);
}
#endif
