/* SPDX-License-Identifier: BSD-2-Clause
 *
 * notify.h - telling those who watch files what happens to them.
 *
 *	inode ── watchers: [watch] ── [watch]	inotify.c has what a watch is
 *
 * Whoever does something to a file says so by one of these calls, after it is done.  Where nobody
 * watches anything they are one comparison; transfers not even that: what they compare their
 * length with becomes 0 with the first watch, and all of them take the longer way (file.h).
 *
 * An event at a name is told to those who watch the file, and, with the name, to those who watch
 * the directory; these first.
 *
 * Limits: a watch of a file in proc sees nothing, as each look-up makes another inode.  A mapping
 * holds the file's pages, not the open file: IN_CLOSE_* come at close.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include "fs/file.h"

#define IN_ACCESS        0x00000001u
#define IN_MODIFY        0x00000002u
#define IN_ATTRIB        0x00000004u
#define IN_CLOSE_WRITE   0x00000008u
#define IN_CLOSE_NOWRITE 0x00000010u
#define IN_OPEN          0x00000020u
#define IN_MOVED_FROM    0x00000040u
#define IN_MOVED_TO      0x00000080u
#define IN_CREATE        0x00000100u
#define IN_DELETE        0x00000200u
#define IN_DELETE_SELF   0x00000400u
#define IN_MOVE_SELF     0x00000800u
#define IN_UNMOUNT       0x00002000u
#define IN_Q_OVERFLOW    0x00004000u
#define IN_IGNORED       0x00008000u
#define IN_ONLYDIR       0x01000000u
#define IN_DONT_FOLLOW   0x02000000u
#define IN_EXCL_UNLINK   0x04000000u
#define IN_MASK_CREATE   0x10000000u
#define IN_MASK_ADD      0x20000000u
#define IN_ISDIR         0x40000000u
#define IN_ONESHOT       0x80000000u

extern unsigned notify_watches; /* that there are */

void notify_tell_inode(struct inode *i, uint32_t event);
void notify_tell_name(struct inode *dir, const char *name, size_t len, uint32_t event,
		      uint32_t cookie);
void notify_tell_dentry(const struct dentry *d, uint32_t event);
void notify_tell_unmount(struct filesystem *fs);

/* The inode itself: IN_ATTRIB (its links), IN_MOVE_SELF, IN_DELETE_SELF, which ends its watches. */
static inline void notify_inode(struct inode *i, uint32_t event)
{
	if (QR_RARELY(notify_watches))
		notify_tell_inode(i, event);
}

/* The names of a directory: IN_CREATE, IN_DELETE, IN_MOVED_*; with IN_ISDIR for a directory. */
static inline void notify_name(struct inode *dir, const char *name, size_t len, uint32_t event)
{
	if (QR_RARELY(notify_watches))
		notify_tell_name(dir, name, len, event, 0);
}

/* What is done to a file through a name of it. */
static inline void notify_dentry(const struct dentry *d, uint32_t event)
{
	if (QR_RARELY(notify_watches))
		notify_tell_dentry(d, event);
}

/* What is done to a file that is open; nothing if that is by O_PATH, or it has no name. */
static inline void notify_file(const struct file *f, uint32_t event)
{
	if (QR_RARELY(notify_watches) && f->path.dentry && !(f->flags & O_PATH))
		notify_tell_dentry(f->path.dentry, event);
}

/* A name was moved; `name` and `len` are the old ones.  `over` is what had the new name. */
void notify_moved(struct dentry *moved, struct inode *from, const char *name, size_t len,
		  struct inode *over);

/* The last mount of a file system goes. */
static inline void notify_unmount(struct filesystem *fs)
{
	if (QR_RARELY(notify_watches))
		notify_tell_unmount(fs);
}

#endif
