/* SPDX-License-Identifier: BSD-2-Clause
 *
 * initramfs.h - the boot modules become the root file system.
 */
#ifndef FS_INITRAMFS_H
#define FS_INITRAMFS_H

/* Unpack each boot module into the tree: cpio (newc), gzipped or not, any number of archives one
 * behind the other.  The memory of a module goes to the allocator page by page as it is read.
 * What is wrong is logged, with the entry where it was found; what came before it stays.
 * Errors: EINVAL (bad archive), ENOMEM, ENOENT (there is no module).  Context: boot, once, after
 * vfs_init. */
int initramfs_unpack(void);

#endif
