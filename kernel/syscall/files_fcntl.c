/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/async.h"
#include "fs/lock.h"
#include "fs/pipe.h"
#include "fs/memfs.h"
#include "kernel/syscall/files.h"

enum {
	F_DUPFD,
	F_GETFD,
	F_SETFD,
	F_GETFL,
	F_SETFL,
	F_GETLK,
	F_SETLK,
	F_SETLKW,
	F_SETOWN,
	F_GETOWN,
	F_SETSIG,
	F_GETSIG,
	F_GETLK64,
	F_SETLK64,
	F_SETLKW64,
	F_SETOWN_EX,
	F_GETOWN_EX,
	F_OFD_GETLK = 36,
	F_OFD_SETLK,
	F_OFD_SETLKW,
	F_DUPFD_CLOEXEC = 1030,
	F_SETPIPE_SZ,
	F_GETPIPE_SZ,
	F_ADD_SEALS,
	F_GET_SEALS,
};

/* struct flock of the ABI's longs, and i386's with 64-bit offsets. */
struct user_flock {
	int16_t type, whence;
	long start, len;
	int32_t pid;
};
struct user_flock64 {
	int16_t type, whence;
	int64_t start, len;
	int32_t pid;
} __attribute__((packed, aligned(4)));

static int range_of(const struct file *f, struct user_flock64 *l, struct lock_request *out)
{
	int64_t base = l->whence == 0   ? 0
		       : l->whence == 1 ? (int64_t)f->pos
					: (int64_t)f->inode->size;
	int64_t start, end;

	if (l->whence < 0 || l->whence > 2 || l->type < 0 || l->type > LOCK_NONE)
		return -EINVAL;
	if (__builtin_add_overflow(base, l->start, &start))
		return -EOVERFLOW;
	if (__builtin_add_overflow(start, l->len, &end))
		return -EOVERFLOW;
	if (l->len < 0) {
		int64_t t = start;
		start = end;
		end = t;
	} else if (l->len == 0) {
		end = INT64_MAX;
	}
	if (start < 0)
		return -EINVAL;
	*out = (struct lock_request){ .kind = LOCK_RANGE,
				      .type = (enum lock_type)l->type,
				      .start = (uint64_t)start,
				      .end = (uint64_t)end };
	return 0;
}

static int get_lock(struct file *f, struct user_flock64 *l, struct lock_request *r)
{
	if (r->type == LOCK_NONE)
		return -EINVAL;
	if (!lock_conflict(f->inode, r)) {
		l->type = LOCK_NONE;
		return 0;
	}
	l->type = (int16_t)r->type;
	l->whence = 0;
	l->start = (int64_t)r->start;
	l->len = r->end == INT64_MAX ? 0 : (int64_t)(r->end - r->start);
	l->pid = r->pid;
	return 0;
}

static int lock_command(struct file *f, unsigned cmd, struct user_flock64 *l)
{
	bool of_file = cmd >= F_OFD_GETLK && cmd <= F_OFD_SETLKW;
	struct lock_request r;
	int err = range_of(f, l, &r);

	if (err)
		return err;
	if (of_file && l->pid)
		return -EINVAL;
	r.owner = of_file ? (const void *)f : (const void *)current_process->files;
	r.pid = of_file ? -1 : current_process->nr;
	if (cmd == F_GETLK || cmd == F_GETLK64 || cmd == F_OFD_GETLK)
		return get_lock(f, l, &r);
	if ((r.type == LOCK_READ && !f->readable) || (r.type == LOCK_WRITE && !f->writable))
		return -EBADF;
	return lock_set(f->inode, &r, cmd == F_SETLKW || cmd == F_SETLKW64 || cmd == F_OFD_SETLKW);
}

static bool lock_is_wide(unsigned cmd)
{
	return sizeof(long) == 4 && cmd > F_SETLKW;
}

static long fcntl_lock(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct user_flock narrow;
	struct user_flock64 l;
	int err;

	if (lock_is_wide(cmd)) {
		err = copy_from_user(&l, (void __user *)arg, sizeof(l));
	} else {
		err = copy_from_user(&narrow, (void __user *)arg, sizeof(narrow));
		l = (struct user_flock64){ narrow.type, narrow.whence, narrow.start, narrow.len,
					   narrow.pid };
	}
	if (!err)
		err = lock_command(f, cmd, &l);
	if (err || (cmd != F_GETLK && cmd != F_GETLK64 && cmd != F_OFD_GETLK))
		return err;
	if (lock_is_wide(cmd))
		return copy_to_user((void __user *)arg, &l, sizeof(l));
	narrow = (struct user_flock){ l.type, l.whence, (long)l.start, (long)l.len, l.pid };
	if (narrow.start != l.start || narrow.len != l.len)
		return -EOVERFLOW;
	return copy_to_user((void __user *)arg, &narrow, sizeof(narrow));
}

static long set_flags(struct file *f, unsigned fd, unsigned flags)
{
	const unsigned may = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;

	if (flags & ~f->flags & O_NOATIME && !inode_owned(f->inode))
		return -EPERM;
	if ((flags ^ f->flags) & O_ASYNC) {
		int err = async_switch(f, fd, flags & O_ASYNC);

		if (err && err != -ENOTTY)
			return err;
	}
	f->flags = (f->flags & ~may) | (flags & may);
	return 0;
}

long fd_set_cloexec(unsigned fd, bool on)
{
	uintptr_t *slot = &current_process->files->slots[fd];

	*slot = (*slot & ~(uintptr_t)FD_CLOEXEC) | (on ? FD_CLOEXEC : 0);
	return 0;
}

static long descriptor_flags(unsigned fd, unsigned cmd, uintptr_t arg)
{
	if (cmd == F_SETFD)
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	return (long)(current_process->files->slots[fd] & FD_CLOEXEC);
}

/* A group is a negative number, but to the calls with a type of their own. */
static long owner_command(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct {
		int type;
		int32_t nr;
	} owner = { .nr = (int32_t)arg };

	switch (cmd) {
	case F_SETOWN:
		if (owner.nr == INT32_MIN)
			return -EINVAL;
		return async_set_owner(f, owner.nr < 0 ? F_OWNER_PGRP : F_OWNER_PID,
				       owner.nr < 0 ? -owner.nr : owner.nr);
	case F_SETOWN_EX:
		if (copy_from_user(&owner, (void __user *)arg, sizeof(owner)))
			return -EFAULT;
		return (unsigned)owner.type > F_OWNER_PGRP
			   ? -EINVAL
			   : async_set_owner(f, owner.type, owner.nr);
	}
	owner.nr = async_owner(f, &owner.type);
	if (cmd == F_GETOWN)
		return owner.type == F_OWNER_PGRP ? -owner.nr : owner.nr;
	return copy_to_user((void __user *)arg, &owner, sizeof(owner));
}

static long fcntl_command(struct file *f, unsigned fd, unsigned cmd, uintptr_t arg)
{
	switch (cmd) {
	case F_GETFD:
	case F_SETFD:
		return descriptor_flags(fd, cmd, arg);
	case F_GETFL:
		return (long)f->flags;
	}
	if (f->flags & O_PATH)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return set_flags(f, fd, (unsigned)arg);
	case F_GETLK64:
	case F_SETLK64:
	case F_SETLKW64:
		if (sizeof(long) == 8)
			return -EINVAL;
		return fcntl_lock(f, cmd, arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(f, cmd, arg);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
		return owner_command(f, cmd, arg);
	case F_SETSIG:
		return arg > SIGNALS ? -EINVAL : async_set_signal(f, (int)arg);
	case F_GETSIG:
		return async_signal(f);
	case F_GETPIPE_SZ:
		return pipe_capacity(f);
	case F_SETPIPE_SZ:
		return pipe_set_capacity(f, arg);
	case F_ADD_SEALS:
		if (arg > UINT32_MAX)
			return -EINVAL;
		return f->writable ? memfs_add_seals(f->inode, (unsigned)arg) : -EPERM;
	case F_GET_SEALS:
		return memfs_get_seals(f->inode);
	}
	return -EINVAL;
}

SYSCALL3(fcntl, unsigned, fd, unsigned, cmd, uintptr_t, arg)
{
	struct file *f;
	long ret;

	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) {
		if (!files_peek(current_process->files, fd))
			return -EBADF;
		if (arg >= current_process->rlimits[RLIMIT_NOFILE].cur)
			return -EINVAL;
		return fd_dup_from(fd, (unsigned)arg, cmd == F_DUPFD_CLOEXEC);
	}
	f = fd_get_path(fd);
	if (!f)
		return -EBADF;
	ret = fcntl_command(f, fd, cmd, arg);
	file_put(f);
	return ret;
}

SYSCALL3(fcntl64, unsigned, fd, unsigned, cmd, uintptr_t, arg)
{
	return sys_fcntl(fd, cmd, arg, 0, 0, 0);
}

SYSCALL2(flock, unsigned, fd, unsigned, op)
{
	enum { SH = 1, EX = 2, NB = 4, UN = 8 };
	struct lock_request r = { .kind = LOCK_WHOLE, .start = 0, .end = INT64_MAX, .pid = -1 };
	struct file *f = fd_get(fd);
	int err;

	if (!f)
		return -EBADF;
	r.owner = f;
	r.type = (op & ~NB) == SH ? LOCK_READ : (op & ~NB) == EX ? LOCK_WRITE : LOCK_NONE;
	if ((op & ~NB) != SH && (op & ~NB) != EX && (op & ~NB) != UN)
		err = -EINVAL;
	else
		err = lock_set(f->inode, &r, !(op & NB));
	file_put(f);
	return err;
}
