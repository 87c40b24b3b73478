/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memfs.h - the file system in memory: root, tmpfs, and the ground of devtmpfs.
 *
 *	memfs.c		what its names stand for: making and freeing inodes, mounting
 *	memfs_file.c	contents: a regular file's pages are its object's, and nowhere else
 *
 *	memfs_file ┬ inode  (size, times, rights)
 *	           └ object (frames by page index; holes read as zeroes)
 *
 * Invariants
 *	I1  object.npages = size in pages, rounded up (more only inside one write)
 *	I2  bytes of the last page behind `size` are zero, or were written there through a mapping:
 *	    growing the file clears them first
 *	I3  `charged` of all files add up to fs->npages
 */
#ifndef FS_MEMFS_H
#define FS_MEMFS_H

#include "fs/vfs.h"

struct memfs_file {
	struct inode inode;
	struct qr_object object;
	uint64_t charged; /* pages of it that fs->npages counts */
};

extern const struct file_ops memfs_fops;

static inline struct memfs_file *memfs_file_of(struct inode *i)
{
	return container_of(i, struct memfs_file, inode);
}

int memfs_truncate(struct inode *i, uint64_t size);
int memfs_fallocate(struct inode *i, int mode, uint64_t offset, uint64_t n);
/* Bring the count of pages up to date. */
void memfs_charge(struct memfs_file *file);

/* An inode of regular type that is not in any directory, for memfd_create.  One reference. */
int memfs_make_unnamed(struct filesystem *fs, uint32_t mode, struct inode **out);

/* Directories, symbolic links and so on of a memfs, as inode_ops.make does it. */
int memfs_make(struct dentry *dir, uint32_t mode, uint32_t rdev, const char *target,
	       struct inode **out);

void memfs_init(void); /* registers rootfs, tmpfs, ramfs, devtmpfs and friends */

#endif
