/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/notify.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"

/* ---- reading directories -------------------------------------------------------------------- */

/* getdents64's record; getdents' has longs for ino and next, no type behind them, but in the
 * record's last byte. */
struct user_dirent64 {
	uint64_t ino;
	int64_t next;
	uint16_t size;
	uint8_t type;
} __attribute__((packed));

struct user_dirent {
	unsigned long ino, next;
	uint16_t size;
} __attribute__((packed));

struct reader {
	struct dir_sink sink;
	char __user *to;
	size_t left;
	bool wide;
	int err;
};

QR_INLINE int put_record(struct reader *r, const char *name, size_t len, uint64_t ino,
			 unsigned type, uint64_t next, size_t size)
{
	char record[sizeof(struct user_dirent64) + NAME_MAX + 16];
	char *text;

	/* What the name leaves of it: its end, for getdents the type, and up to a word. */
	memset(record + size - 2 * sizeof(long), 0, 2 * sizeof(long));
	if (r->wide) {
		struct user_dirent64 *d = (struct user_dirent64 *)record;

		*d = (struct user_dirent64){ ino, (int64_t)next, (uint16_t)size, (uint8_t)type };
		text = record + sizeof(*d);
	} else {
		struct user_dirent *d = (struct user_dirent *)record;

		*d =
		    (struct user_dirent){ (unsigned long)ino, (unsigned long)next, (uint16_t)size };
		text = record + sizeof(*d);
	}
	memcpy(text, name, len);
	if (!r->wide)
		record[size - 1] = (char)type;
	return copy_to_user(r->to, record, size);
}

static bool emit(struct dir_sink *sink, const char *name, size_t len, uint64_t ino, unsigned type,
		 uint64_t next)
{
	struct reader *r = container_of(sink, struct reader, sink);
	size_t size =
	    len + 1 + (r->wide ? sizeof(struct user_dirent64) : sizeof(struct user_dirent) + 1);

	size = (size + sizeof(long) - 1) & ~(sizeof(long) - 1);
	if (r->wide)
		size = (size + 7) & ~(size_t)7;
	if (size > r->left) {
		r->err = -EINVAL; /* not even one fits; otherwise nobody asks */
		return false;
	}
	r->err = put_record(r, name, len, ino, type, next, size);
	if (r->err)
		return false;
	r->to += size;
	r->left -= size;
	return true;
}

static long read_directory(unsigned fd, void __user *to, unsigned n, bool wide)
{
	struct reader r = { .sink = { emit }, .to = to, .left = n, .wide = wide };
	struct file *f = fd_get(fd);
	long ret;

	if (!f)
		return -EBADF;
	if (!f->ops->readdir)
		ret = -ENOTDIR;
	else if (!f->readable)
		ret = -EBADF;
	else if (f->path.dentry->flags & D_DELETED)
		ret = -ENOENT;
	else
		ret = f->ops->readdir(f, &r.sink);
	if (!ret) {
		notify_file(f, IN_ACCESS);
		file_accessed(f);
	}
	file_put(f);
	if (!ret)
		ret = r.left < n ? (long)(n - r.left) : r.err;
	return ret;
}

SYSCALL3(getdents64, unsigned, fd, void __user *, to, unsigned, n)
{
	return read_directory(fd, to, n, true);
}

SYSCALL3(getdents, unsigned, fd, void __user *, to, unsigned, n)
{
	return read_directory(fd, to, n, false);
}

/* ---- where a process stands -------------------------------------------------------------------- */

SYSCALL2(getcwd, char __user *, to, size_t, size)
{
	struct fs_context *fs = current_process->fs;
	static const char unreachable[] = "(unreachable)";
	char *buf, *name;
	bool reachable;
	size_t n;
	long ret;

	if (fs->cwd.dentry->flags & D_DELETED)
		return -ENOENT;
	buf = kmalloc(PATH_MAX + sizeof(unreachable));
	if (!buf)
		return -ENOMEM;
	name = path_name(fs->cwd, fs->root, buf + sizeof(unreachable), PATH_MAX, &reachable);
	if (name && !reachable) {
		name -= sizeof(unreachable) - 1;
		memcpy(name, unreachable, sizeof(unreachable) - 1);
	}
	n = (size_t)(buf + sizeof(unreachable) + PATH_MAX - name); /* it ends where the room does */
	if (!name)
		ret = -ENAMETOOLONG;
	else if (n > size)
		ret = -ERANGE;
	else
		ret = copy_to_user(to, name, n) ? -EFAULT : (long)n;
	kfree(buf);
	return ret;
}

/* A directory that one may search becomes the cwd or the root. */
static int stand_at(struct path p, struct path *where)
{
	enum { CAP_SYS_CHROOT = 18 };
	struct path old = *where;
	int err =
	    S_ISDIR(p.dentry->inode->mode) ? inode_permission(p.dentry->inode, MAY_EXEC) : -ENOTDIR;

	if (err)
		return err;
	if (where == &current_process->fs->root &&
	    !(current_process->cred.caps >> CAP_SYS_CHROOT & 1))
		return -EPERM;
	*where = path_get(p);
	path_put(old);
	return 0;
}

static long stand_at_named(const char __user *name, struct path *where)
{
	struct path p;
	int err = user_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = stand_at(p, where);
	path_put(p);
	return err;
}

SYSCALL1(chdir, const char __user *, name)
{
	return stand_at_named(name, &current_process->fs->cwd);
}

SYSCALL1(fchdir, unsigned, fd)
{
	struct file *f = fd_get_path(fd);
	int err;

	if (!f)
		return -EBADF;
	err = f->path.dentry ? stand_at(f->path, &current_process->fs->cwd) : -ENOTDIR;
	file_put(f);
	return err;
}

SYSCALL1(chroot, const char __user *, name)
{
	return stand_at_named(name, &current_process->fs->root);
}
