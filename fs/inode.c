/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inode.c - what every inode has: references, owner, rights, times.
 *
 * An inode belongs to its file system, which counts it.  A regular file that is still mapped
 * when its last name and its last open file have gone lives on as a shell around its object:
 * the object's release frees it (memfs.c).
 */
#include "arch/x86/user.h"
#include "fs/file.h"
#include "fs/lock.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/time.h"

enum { CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_FOWNER = 3, CAP_FSETID = 4 };

static bool capable(unsigned cap)
{
	return current_process->cred.caps >> cap & 1;
}

/* Files do not need better than the tick, and a division for each write would show. */
__attribute__((noinline)) struct file_time time_of_files(void)
{
	static struct file_time now;
	static uint64_t when = UINT64_MAX;

	if (when != time_ticks) {
		uint64_t ns = real_ns();

		when = time_ticks;
		now.sec = (int64_t)(ns / NS_PER_SEC);
		now.nsec = (uint32_t)(ns % NS_PER_SEC);
	}
	return now;
}

void inode_init(struct inode *i, struct filesystem *fs, uint32_t mode)
{
	*i = (struct inode){
		.ref = 1,
		.mode = mode,
		.uid = current_process->cred.fsuid,
		.gid = current_process->cred.fsgid,
		.ino = ++fs->next_ino,
		.fs = fs,
	};
	i->atime = i->mtime = i->ctime = time_of_files();
	list_init(&i->locks);
	fs->ref++;
	fs->ninodes++;
}

struct inode *inode_new(struct filesystem *fs, uint32_t mode)
{
	struct inode *i = kmalloc(sizeof(*i));

	if (i)
		inode_init(i, fs, mode);
	return i;
}

void inode_free(struct inode *i)
{
	struct filesystem *fs = i->fs;

	locks_drop_all(i);
	if (i->ops && i->ops->free)
		i->ops->free(i);
	else
		kfree(i);
	fs->ninodes--;
	filesystem_put(fs);
}

static int permission(const struct inode *i, unsigned may, uint32_t uid, bool in_group)
{
	unsigned granted = i->mode & 7;

	if (uid == i->uid)
		granted = i->mode >> 6 & 7;
	else if (in_group)
		granted = i->mode >> 3 & 7;
	if (!(may & ~granted))
		return 0;
	if (!capable(CAP_DAC_OVERRIDE))
		return -EACCES;
	/* Nobody executes a file that has no execute bit at all. */
	return !(may & MAY_EXEC) || S_ISDIR(i->mode) || i->mode & 0111 ? 0 : -EACCES;
}

int inode_permission(const struct inode *i, unsigned may)
{
	const struct cred *c = &current_process->cred;

	/* What everybody may needs no look at who asks: each step of a path comes by here. */
	if (!(may & ~(i->mode & i->mode >> 3 & i->mode >> 6 & 7)))
		return 0;
	return permission(i, may, c->fsuid, cred_in_group(c, i->gid));
}

int inode_permission_real(const struct inode *i, unsigned may)
{
	struct cred *c = &current_process->cred;
	uint32_t fsuid = c->fsuid, fsgid = c->fsgid;
	uint64_t caps = c->caps;
	int err;

	c->fsuid = c->uid;
	c->fsgid = c->gid;
	c->caps = c->uid == 0 ? UINT64_MAX : 0;
	err = inode_permission(i, may);
	c->fsuid = fsuid;
	c->fsgid = fsgid;
	c->caps = caps;
	return err;
}

bool inode_owned(const struct inode *i)
{
	return current_process->cred.fsuid == i->uid || capable(CAP_FOWNER);
}

static int may_change(const struct inode *i, const struct inode_attr *a)
{
	const struct cred *c = &current_process->cred;

	if (a->set & ATTR_UID && !capable(CAP_CHOWN) && (c->fsuid != i->uid || a->uid != i->uid))
		return -EPERM;
	if (a->set & ATTR_GID && !capable(CAP_CHOWN) &&
	    (c->fsuid != i->uid || (a->gid != i->gid && !cred_in_group(c, a->gid))))
		return -EPERM;
	if (a->set & ATTR_MODE && !inode_owned(i))
		return -EPERM;
	if (a->set & (ATTR_ATIME | ATTR_MTIME) && !inode_owned(i))
		return a->set & ATTR_TIMES_NOW ? inode_permission(i, MAY_WRITE) : -EPERM;
	return 0;
}

int inode_setattr(struct inode *i, const struct inode_attr *a)
{
	int err = may_change(i, a);

	if (err)
		return err;
	if (a->set & (ATTR_UID | ATTR_GID) && !S_ISDIR(i->mode)) {
		i->mode &= ~S_ISUID;
		if (i->mode & 0010)
			i->mode &= ~S_ISGID;
	}
	if (a->set & ATTR_UID)
		i->uid = a->uid;
	if (a->set & ATTR_GID)
		i->gid = a->gid;
	if (a->set & ATTR_MODE) {
		i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
		if (!capable(CAP_FSETID) && !cred_in_group(&current_process->cred, i->gid))
			i->mode &= ~S_ISGID;
	}
	if (a->set & ATTR_ATIME)
		i->atime = a->atime;
	if (a->set & ATTR_MTIME)
		i->mtime = a->mtime;
	i->ctime = time_of_files();
	return 0;
}

int inode_truncate(struct inode *i, uint64_t size)
{
	int err;

	if (S_ISDIR(i->mode))
		return -EISDIR;
	if (!S_ISREG(i->mode))
		return -EINVAL;
	if (i->writers < 0)
		return -ETXTBSY;
	if (!i->ops || !i->ops->truncate)
		return 0; /* proc: its files have no length that one could change */
	err = i->ops->truncate(i, size);
	if (!err)
		i->mtime = i->ctime = time_of_files();
	return err;
}
