/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/notify.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/timespec.h"

/* One time alone is set by who reads or writes a file in another way. */
static uint32_t event_of(const struct inode_attr *a)
{
	if (a->set & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return IN_ATTRIB;
	switch (a->set & (ATTR_ATIME | ATTR_MTIME)) {
	case ATTR_ATIME:
		return IN_ACCESS;
	case ATTR_MTIME:
		return IN_MODIFY;
	}
	return a->set ? IN_ATTRIB : 0;
}

static int set_path(struct path p, const struct inode_attr *a)
{
	int err = p.mount->flags & MNT_RDONLY ? -EROFS : inode_setattr(p.dentry->inode, a);

	if (!err)
		notify_dentry(p.dentry, event_of(a));
	return err;
}

static long set_named(int dirfd, const char __user *name, unsigned at, const struct inode_attr *a)
{
	struct path p;
	int err = user_lookup(dirfd, name, lookup_of_at(at), &p);

	if (err)
		return err;
	err = set_path(p, a);
	path_put(p);
	return err;
}

static long set_fd(unsigned fd, const struct inode_attr *a)
{
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	err = f->path.dentry ? set_path(f->path, a) : inode_setattr(f->inode, a);
	file_put(f);
	return err;
}

/* ---- rights --------------------------------------------------------------------------------- */

static struct inode_attr mode_attr(unsigned mode)
{
	return (struct inode_attr){ .set = ATTR_MODE, .mode = mode };
}

SYSCALL3(fchmodat, int, dirfd, const char __user *, name, unsigned, mode)
{
	struct inode_attr a = mode_attr(mode);

	return set_named(dirfd, name, 0, &a);
}

SYSCALL2(chmod, const char __user *, name, unsigned, mode)
{
	struct inode_attr a = mode_attr(mode);

	return set_named(AT_FDCWD, name, 0, &a);
}

SYSCALL2(fchmod, unsigned, fd, unsigned, mode)
{
	struct inode_attr a = mode_attr(mode);

	return set_fd(fd, &a);
}

SYSCALL1(umask, unsigned, mask)
{
	unsigned old = current_process->fs->umask;

	current_process->fs->umask = mask & 0777;
	return old;
}

static long access(int dirfd, const char __user *name, unsigned may, unsigned flags)
{
	struct path p;
	const struct inode *i;
	int err;

	if (may & ~7u || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_lookup(dirfd, name, lookup_of_at(flags), &p);
	if (err)
		return err;
	i = p.dentry->inode;
	if (may & MAY_EXEC && S_ISREG(i->mode) && p.mount->flags & MNT_NOEXEC)
		err = -EACCES;
	else if (flags & AT_EACCESS)
		err = inode_permission(i, may);
	else
		err = inode_permission_real(i, may);
	if (!err && may & MAY_WRITE && p.mount->flags & MNT_RDONLY && !S_ISCHR(i->mode))
		err = -EROFS;
	path_put(p);
	return err;
}

SYSCALL4(faccessat2, int, dirfd, const char __user *, name, unsigned, may, unsigned, flags)
{
	return access(dirfd, name, may, flags);
}

SYSCALL3(faccessat, int, dirfd, const char __user *, name, unsigned, may)
{
	return access(dirfd, name, may, 0);
}

SYSCALL2(access, const char __user *, name, unsigned, may)
{
	return access(AT_FDCWD, name, may, 0);
}

/* ---- owners --------------------------------------------------------------------------------- */

static struct inode_attr owner_attr(uint32_t uid, uint32_t gid)
{
	struct inode_attr a = { .uid = uid, .gid = gid };

	a.set = (uid != UINT32_MAX ? ATTR_UID : 0) | (gid != UINT32_MAX ? ATTR_GID : 0);
	return a;
}

SYSCALL5(fchownat, int, dirfd, const char __user *, name, uint32_t, uid, uint32_t, gid, unsigned,
	 flags)
{
	struct inode_attr a = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return set_named(dirfd, name, flags, &a);
}

SYSCALL3(chown, const char __user *, name, uint32_t, uid, uint32_t, gid)
{
	struct inode_attr a = owner_attr(uid, gid);

	return set_named(AT_FDCWD, name, 0, &a);
}

SYSCALL3(lchown, const char __user *, name, uint32_t, uid, uint32_t, gid)
{
	struct inode_attr a = owner_attr(uid, gid);

	return set_named(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &a);
}

SYSCALL3(fchown, unsigned, fd, uint32_t, uid, uint32_t, gid)
{
	struct inode_attr a = owner_attr(uid, gid);

	return set_fd(fd, &a);
}

#ifndef __x86_64__
static uint32_t id16(uint16_t id)
{
	return id == UINT16_MAX ? UINT32_MAX : id;
}

SYSCALL3(chown16, const char __user *, name, uint16_t, uid, uint16_t, gid)
{
	struct inode_attr a = owner_attr(id16(uid), id16(gid));

	return set_named(AT_FDCWD, name, 0, &a);
}

SYSCALL3(lchown16, const char __user *, name, uint16_t, uid, uint16_t, gid)
{
	struct inode_attr a = owner_attr(id16(uid), id16(gid));

	return set_named(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &a);
}

SYSCALL3(fchown16, unsigned, fd, uint16_t, uid, uint16_t, gid)
{
	struct inode_attr a = owner_attr(id16(uid), id16(gid));

	return set_fd(fd, &a);
}
#endif

/* ---- times ---------------------------------------------------------------------------------- */

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

/* t[0]: last read, t[1]: last written; NULL: both now. */
static int times_attr(const struct user_timespec64 *t, struct inode_attr *a)
{
	struct file_time now = time_of_files();

	*a = (struct inode_attr){ .set = ATTR_ATIME | ATTR_MTIME | ATTR_TIMES_NOW,
				  .atime = now,
				  .mtime = now };
	if (!t)
		return 0;
	a->set = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct file_time *time = i ? &a->mtime : &a->atime;

		if (t[i].nsec == UTIME_OMIT)
			continue;
		a->set |= i ? ATTR_MTIME : ATTR_ATIME;
		if (t[i].nsec == UTIME_NOW)
			continue;
		if (t[i].nsec < 0 || t[i].nsec >= 1000000000)
			return -EINVAL;
		*time = (struct file_time){ t[i].sec, (uint32_t)t[i].nsec };
	}
	if (t[0].nsec == UTIME_NOW && t[1].nsec == UTIME_NOW)
		a->set |= ATTR_TIMES_NOW;
	return 0;
}

static long set_times(int dirfd, const char __user *name, const struct user_timespec64 *t,
		      unsigned flags)
{
	struct inode_attr a;
	int err = times_attr(t, &a);

	if (err)
		return err;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!name)
		return dirfd == AT_FDCWD ? -EFAULT : set_fd((unsigned)dirfd, &a);
	return set_named(dirfd, name, flags, &a);
}

SYSCALL4(utimensat, int, dirfd, const char __user *, name, const void __user *, times, unsigned,
	 flags)
{
	struct user_timespec64 t[2];

	if (times && copy_from_user(t, times, sizeof(t)))
		return -EFAULT;
	return set_times(dirfd, name, times ? t : NULL, flags);
}

SYSCALL4(utimensat_time32, int, dirfd, const char __user *, name, const void __user *, times,
	 unsigned, flags)
{
	struct user_timespec32 t32[2];
	struct user_timespec64 t[2];

	if (times && copy_from_user(t32, times, sizeof(t32)))
		return -EFAULT;
	for (unsigned i = 0; i < 2 && times; i++)
		t[i] = (struct user_timespec64){ t32[i].sec, t32[i].nsec };
	return set_times(dirfd, name, times ? t : NULL, flags);
}

/* Seconds and microseconds, longs of the ABI. */
static long set_timevals(int dirfd, const char __user *name, const void __user *times)
{
	struct {
		long sec, usec;
	} v[2];
	struct user_timespec64 t[2];

	if (times && copy_from_user(v, times, sizeof(v)))
		return -EFAULT;
	for (unsigned i = 0; i < 2 && times; i++) {
		if (v[i].usec < 0 || v[i].usec >= 1000000)
			return -EINVAL;
		t[i] = (struct user_timespec64){ v[i].sec, (int64_t)v[i].usec * 1000 };
	}
	return set_times(dirfd, name, times ? t : NULL, 0);
}

SYSCALL3(futimesat, int, dirfd, const char __user *, name, const void __user *, times)
{
	return set_timevals(dirfd, name, times);
}

SYSCALL2(utimes, const char __user *, name, const void __user *, times)
{
	return set_timevals(AT_FDCWD, name, times);
}

SYSCALL2(utime, const char __user *, name, const void __user *, times)
{
	struct user_timespec64 t[2];
	long v[2];

	if (times && copy_from_user(v, times, sizeof(v)))
		return -EFAULT;
	for (unsigned i = 0; i < 2 && times; i++)
		t[i] = (struct user_timespec64){ v[i], 0 };
	return set_times(AT_FDCWD, name, times ? t : NULL, 0);
}

/* ---- lengths ----------------------------------------------------------------------------------- */

static long truncate_named(const char __user *name, int64_t size)
{
	struct path p;
	int err;

	if (size < 0)
		return -EINVAL;
	err = user_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	if (err)
		return err;
	if (S_ISDIR(p.dentry->inode->mode))
		err = -EISDIR;
	else if (p.mount->flags & MNT_RDONLY)
		err = -EROFS;
	else
		err = inode_permission(p.dentry->inode, MAY_WRITE);
	if (!err)
		err = inode_truncate(p.dentry->inode, (uint64_t)size);
	if (!err)
		notify_dentry(p.dentry, IN_MODIFY);
	path_put(p);
	return err;
}

static long truncate_fd(unsigned fd, int64_t size)
{
	struct file *f;
	int err;

	if (size < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f)
		return -EBADF;
	err = f->writable && S_ISREG(f->inode->mode) ? inode_truncate(f->inode, (uint64_t)size)
						     : -EINVAL;
	if (!err)
		notify_file(f, IN_MODIFY);
	file_put(f);
	return err;
}

SYSCALL2(truncate, const char __user *, name, long, size)
{
	return truncate_named(name, size);
}

SYSCALL2(ftruncate, unsigned, fd, long, size)
{
	return truncate_fd(fd, size);
}

#ifndef __x86_64__
SYSCALL3(truncate64, const char __user *, name, uint32_t, low, uint32_t, high)
{
	return truncate_named(name, (int64_t)syscall_u64(low, high));
}

SYSCALL3(ftruncate64, unsigned, fd, uint32_t, low, uint32_t, high)
{
	return truncate_fd(fd, (int64_t)syscall_u64(low, high));
}
#endif

/* At most one of the operations that there are; a hole never changes the size. */
static bool is_operation(int mode)
{
	enum { KEEP = 1, PUNCH = 2, COLLAPSE = 8, ZERO = 16, INSERT = 32, UNSHARE = 64 };
	int what = mode & ~KEEP;

	if (mode & KEEP)
		return !what || what == PUNCH || what == ZERO || what == UNSHARE;
	return !what || what == COLLAPSE || what == ZERO || what == INSERT || what == UNSHARE;
}

static long reserve(unsigned fd, int mode, int64_t offset, int64_t n)
{
	struct file *f = fd_get(fd);
	struct inode *i;
	int err;

	if (!f)
		return -EBADF;
	i = f->inode;
	if (offset < 0 || n <= 0)
		err = -EINVAL;
	else if (!is_operation(mode))
		err = -EOPNOTSUPP;
	else if (!f->writable)
		err = -EBADF;
	else if (S_ISFIFO(i->mode))
		err = -ESPIPE;
	else if (!S_ISREG(i->mode))
		err = S_ISDIR(i->mode) ? -EISDIR : -ENODEV;
	else if (offset + (uint64_t)n > INT64_MAX)
		err = -EFBIG;
	else if (!i->ops || !i->ops->fallocate)
		err = -EOPNOTSUPP;
	else
		err = i->ops->fallocate(i, mode, (uint64_t)offset, (uint64_t)n);
	if (!err)
		notify_file(f, IN_MODIFY);
	file_put(f);
	return err;
}

#ifdef __x86_64__
SYSCALL4(fallocate, unsigned, fd, int, mode, int64_t, offset, int64_t, n)
{
	return reserve(fd, mode, offset, n);
}
#else
SYSCALL6(fallocate, unsigned, fd, int, mode, uint32_t, offset_low, uint32_t, offset_high, uint32_t,
	 low, uint32_t, high)
{
	return reserve(fd, mode, (int64_t)syscall_u64(offset_low, offset_high),
		       (int64_t)syscall_u64(low, high));
}
#endif
