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

#define TMPFS_MAGIC 0x01021994

struct memfs_file {
	struct inode inode;
	struct qr_object object;
	uint64_t charged; /* pages of it that fs->npages counts */
	uint32_t seals;   /* SEAL_*: what may not be done to it any more */
};

/* Of tmpfs and memfd; SEAL_SEAL: there will be no other. */
enum {
	SEAL_SEAL = 1,
	SEAL_SHRINK = 2,
	SEAL_GROW = 4,
	SEAL_WRITE = 8,
	SEAL_FUTURE_WRITE = 16, /* mappings that can write stay */
	SEALS = 31,
	SEALS_WRITE = SEAL_WRITE | SEAL_FUTURE_WRITE,
};

extern const struct file_ops memfs_fops;

static inline struct memfs_file *memfs_file_of(struct inode *i)
{
	return container_of(i, struct memfs_file, inode);
}

/* The bytes of an open file from pos on where they are: how many, up to n and to the end of the
 * page, and their frame, which is the file's.  0: not such a file, a hole, the end. */
size_t memfs_peek(const struct file *f, uint64_t pos, size_t n, qr_frame *out);

int memfs_truncate(struct inode *i, uint64_t size);
int memfs_fallocate(struct inode *i, int mode, uint64_t offset, uint64_t n);
/* Bring the count of pages up to date. */
void memfs_charge(struct memfs_file *file);

/* A regular file that is in no directory and no mounted file system: memfd, shared memory.  One
 * reference. */
int memfs_make_unnamed(uint32_t mode, bool may_seal, struct inode **out);

/* fcntl's F_ADD_SEALS, F_GET_SEALS.  Errors: EINVAL (not such a file), EPERM, EBUSY. */
int memfs_add_seals(struct inode *i, unsigned seals);
int memfs_get_seals(const struct inode *i);
/* A request to map the file: refused, or what it may be raised to becomes less. */
struct qr_map;
int memfs_seals_at_map(const struct inode *i, struct qr_map *req);

/* Directories, symbolic links and so on of a memfs, as inode_ops.make does it. */
int memfs_make(struct dentry *dir, uint32_t mode, uint32_t rdev, const char *target,
	       struct inode **out);

/* A root with options, its end, and that of a directory: for file systems on this ground. */
int memfs_mount(struct filesystem *fs, const char *options, struct dentry **root);
void memfs_unmount(struct dentry *root);
void memfs_free_directory(struct inode *i);

void memfs_init(void); /* registers rootfs, tmpfs, ramfs, devtmpfs and friends */

#endif
