/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files_stat.c - asking: one gathering of facts, five layouts to tell them in.
 */
#include "fs/dev.h"
#include "kernel/memory.h"
#include "kernel/syscall/files.h"

struct user_stat { /* stat, lstat, fstat: longs of the ABI */
#ifdef __x86_64__
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	uint64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	int64_t unused[3];
#else
	uint32_t dev, ino;
	uint16_t mode, nlink, uid, gid;
	uint32_t rdev, size, blksize, blocks;
	uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint32_t unused[2];
#endif
};

struct user_stat64 { /* i386 only */
	uint64_t dev;
	uint32_t pad0, ino_low, mode, nlink, uid, gid;
	uint64_t rdev;
	uint32_t pad3;
	int64_t size;
	uint32_t blksize;
	uint64_t blocks;
	uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint64_t ino;
} __attribute__((packed, aligned(4)));

struct user_statx_time {
	int64_t sec;
	uint32_t nsec, pad;
};

struct user_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint32_t mode; /* 16 bits, and padding: so what is to be cleared begins with a word */
	uint64_t ino, size, blocks, attributes_mask;
	struct user_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint32_t dio_mem_align, dio_offset_align;
	uint64_t spare[12];
};

_Static_assert(sizeof(struct user_stat) == (sizeof(long) == 8 ? 144 : 64), "Linux's struct stat");
_Static_assert(sizeof(struct user_stat64) == 96, "Linux's struct stat64");
_Static_assert(sizeof(struct user_statx) == 256, "Linux's struct statx");

static uint32_t user_of_dev(uint32_t dev)
{
	uint32_t minor = DEV_MINOR(dev);

	return (minor & 0xff) | DEV_MAJOR(dev) << 8 | (minor & ~0xffu) << 12;
}

static uint64_t blocks_of(const struct inode *i)
{
	return i->object ? i->object->nresident * (QR_PAGE_SIZE / 512) : 0;
}

static int tell(const struct inode *i, struct user_stat *to)
{
	struct user_stat s = { 0 };

	s.dev = user_of_dev(i->fs->dev);
	s.ino = (__typeof__(s.ino))i->ino;
	s.nlink = (__typeof__(s.nlink))i->nlink;
	s.mode = (__typeof__(s.mode))i->mode;
	s.uid = (__typeof__(s.uid))i->uid;
	s.gid = (__typeof__(s.gid))i->gid;
	s.rdev = user_of_dev(i->rdev);
	s.size = (__typeof__(s.size))i->size;
	s.blksize = QR_PAGE_SIZE;
	s.blocks = (__typeof__(s.blocks))blocks_of(i);
	s.atime = (__typeof__(s.atime))i->atime.sec;
	s.mtime = (__typeof__(s.mtime))i->mtime.sec;
	s.ctime = (__typeof__(s.ctime))i->ctime.sec;
	s.atime_nsec = i->atime.nsec;
	s.mtime_nsec = i->mtime.nsec;
	s.ctime_nsec = i->ctime.nsec;
	if (sizeof(long) == 4 && (i->size > INT32_MAX || s.ino != i->ino || s.nlink != i->nlink))
		return -EOVERFLOW;
	return copy_to_user(to, &s, sizeof(s));
}

static int tell64(const struct inode *i, struct user_stat64 *to)
{
	struct user_stat64 s = {
		.dev = user_of_dev(i->fs->dev),
		.ino_low = (uint32_t)i->ino,
		.mode = i->mode,
		.nlink = i->nlink,
		.uid = i->uid,
		.gid = i->gid,
		.rdev = user_of_dev(i->rdev),
		.size = (int64_t)i->size,
		.blksize = QR_PAGE_SIZE,
		.blocks = blocks_of(i),
		.atime = (uint32_t)i->atime.sec,
		.atime_nsec = i->atime.nsec,
		.mtime = (uint32_t)i->mtime.sec,
		.mtime_nsec = i->mtime.nsec,
		.ctime = (uint32_t)i->ctime.sec,
		.ctime_nsec = i->ctime.nsec,
		.ino = i->ino,
	};

	return copy_to_user(to, &s, sizeof(s));
}

static struct user_statx_time statx_time(struct file_time t)
{
	return (struct user_statx_time){ .sec = t.sec, .nsec = t.nsec };
}

static int tell_statx(const struct inode *i, bool root, struct user_statx *to)
{
	enum { BASIC_STATS = 0x7ff, MOUNT_ROOT = 0x2000 };
	struct user_statx s = {
		.mask = BASIC_STATS,
		.attributes = root ? MOUNT_ROOT : 0,
		.attributes_mask = MOUNT_ROOT,
		.blksize = QR_PAGE_SIZE,
		.nlink = i->nlink,
		.uid = i->uid,
		.gid = i->gid,
		.mode = i->mode & 0xffff,
		.ino = i->ino,
		.size = i->size,
		.blocks = blocks_of(i),
		.atime = statx_time(i->atime),
		.ctime = statx_time(i->ctime),
		.mtime = statx_time(i->mtime),
		.rdev_major = DEV_MAJOR(i->rdev),
		.rdev_minor = DEV_MINOR(i->rdev),
		.dev_major = DEV_MAJOR(i->fs->dev),
		.dev_minor = DEV_MINOR(i->fs->dev),
	};

	return copy_to_user(to, &s, sizeof(s));
}

enum layout { NATIVE, WIDE, EXTENDED };

static int tell_as(const struct inode *i, struct path p, void __user *to, enum layout layout)
{
	return layout == NATIVE ? tell(i, to)
	       : layout == WIDE ? tell64(i, to)
				: tell_statx(i, p.mount && p.mount->root == p.dentry, to);
}

static long stat_fd(unsigned fd, void __user *to, enum layout layout)
{
	struct file *f = files_peek(current_process->files, fd);

	return f ? tell_as(f->inode, f->path, to, layout) : -EBADF;
}

static long stat_named(int dirfd, const char __user *name, unsigned at, void __user *to,
		       enum layout layout)
{
	struct path p;
	char first = 1;
	int err;

	if (at & AT_EMPTY_PATH && dirfd != AT_FDCWD) {
		/* An empty name: any file, also one without a place. */
		if (name && get_user(first, (char __user *)name))
			return -EFAULT;
		if (!name || !first)
			return stat_fd((unsigned)dirfd, to, layout);
	}
	err = user_lookup(dirfd, name, lookup_of_at(at), &p);
	if (err)
		return err;
	err = tell_as(p.dentry->inode, p, to, layout);
	path_put(p);
	return err;
}

SYSCALL2(stat, const char __user *, name, void __user *, to)
{
	return stat_named(AT_FDCWD, name, 0, to, NATIVE);
}

SYSCALL2(lstat, const char __user *, name, void __user *, to)
{
	return stat_named(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, to, NATIVE);
}

SYSCALL2(fstat, unsigned, fd, void __user *, to)
{
	return stat_fd(fd, to, NATIVE);
}

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)

SYSCALL4(fstatat, int, dirfd, const char __user *, name, void __user *, to, unsigned, flags)
{
	return flags & ~STAT_FLAGS ? -EINVAL : stat_named(dirfd, name, flags, to, NATIVE);
}

SYSCALL2(stat64, const char __user *, name, void __user *, to)
{
	return stat_named(AT_FDCWD, name, 0, to, WIDE);
}

SYSCALL2(lstat64, const char __user *, name, void __user *, to)
{
	return stat_named(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, to, WIDE);
}

SYSCALL2(fstat64, unsigned, fd, void __user *, to)
{
	return stat_fd(fd, to, WIDE);
}

SYSCALL4(fstatat64, int, dirfd, const char __user *, name, void __user *, to, unsigned, flags)
{
	return flags & ~STAT_FLAGS ? -EINVAL : stat_named(dirfd, name, flags, to, WIDE);
}

SYSCALL5(statx, int, dirfd, const char __user *, name, unsigned, flags, unsigned, mask,
	 void __user *, to)
{
	enum { SYNC_TYPE = 0x6000, RESERVED = 0x80000000u };

	if (flags & ~(STAT_FLAGS | SYNC_TYPE) || (flags & SYNC_TYPE) == SYNC_TYPE ||
	    mask & RESERVED)
		return -EINVAL;
	return stat_named(dirfd, name, flags, to, EXTENDED);
}

/* ---- file systems ------------------------------------------------------------------------------ */

struct user_statfs { /* longs of the ABI */
	long type, bsize, blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	long namelen, frsize, flags, spare[4];
};

struct user_statfs64 { /* i386 only */
	uint32_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	uint32_t namelen, frsize, flags, spare[4];
} __attribute__((packed, aligned(4)));

_Static_assert(sizeof(struct user_statfs64) == 84, "Linux's struct statfs64");

/* A memory file system without a limit of its own may grow into all memory that is free. */
static void fs_facts(const struct mount *m, struct user_statfs64 *s)
{
	const struct filesystem *fs = m->fs;
	uint64_t free = memory_free();

	*s = (struct user_statfs64){ .type = fs->type->magic,
				     .bsize = QR_PAGE_SIZE,
				     .frsize = QR_PAGE_SIZE,
				     .namelen = NAME_MAX,
				     .fsid = { (int32_t)fs->dev },
				     .flags = m->flags | 0x20 };
	if (!fs->type->unmount)
		return; /* made up: it holds nothing */
	s->blocks = fs->max_pages ? fs->max_pages : fs->npages + free;
	s->bfree = s->blocks > fs->npages ? s->blocks - fs->npages : 0;
	if (s->bfree > free)
		s->bfree = free;
	s->bavail = s->bfree;
	s->files = fs->max_inodes ? fs->max_inodes : fs->ninodes + free * 4;
	s->ffree = s->files - fs->ninodes;
}

static int tell_fs(struct path p, void __user *to, bool wide)
{
	struct user_statfs64 w = { 0 };
	struct user_statfs s;

	if (p.mount)
		fs_facts(p.mount, &w);
	else
		w = (struct user_statfs64){ .type = 0x50495045,
					    .bsize = QR_PAGE_SIZE,
					    .frsize = QR_PAGE_SIZE,
					    .namelen = NAME_MAX };
	if (wide)
		return copy_to_user(to, &w, sizeof(w));
	s = (struct user_statfs){
		.type = (long)w.type,
		.bsize = (long)w.bsize,
		.blocks = (long)w.blocks,
		.bfree = (long)w.bfree,
		.bavail = (long)w.bavail,
		.files = (long)w.files,
		.ffree = (long)w.ffree,
		.fsid = { w.fsid[0], w.fsid[1] },
		.namelen = (long)w.namelen,
		.frsize = (long)w.frsize,
		.flags = (long)w.flags,
	};
	if (w.blocks > INTPTR_MAX || w.files > INTPTR_MAX)
		return -EOVERFLOW;
	return copy_to_user(to, &s, sizeof(s));
}

static long statfs_named(const char __user *name, void __user *to, bool wide)
{
	struct path p;
	int err = user_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	err = tell_fs(p, to, wide);
	path_put(p);
	return err;
}

static long statfs_fd(unsigned fd, void __user *to, bool wide)
{
	struct file *f = files_peek(current_process->files, fd);

	return f ? tell_fs(f->path, to, wide) : -EBADF;
}

SYSCALL2(statfs, const char __user *, name, void __user *, to)
{
	return statfs_named(name, to, false);
}

SYSCALL2(fstatfs, unsigned, fd, void __user *, to)
{
	return statfs_fd(fd, to, false);
}

SYSCALL3(statfs64, const char __user *, name, size_t, size, void __user *, to)
{
	return size == sizeof(struct user_statfs64) ? statfs_named(name, to, true) : -EINVAL;
}

SYSCALL3(fstatfs64, unsigned, fd, size_t, size, void __user *, to)
{
	return size == sizeof(struct user_statfs64) ? statfs_fd(fd, to, true) : -EINVAL;
}
