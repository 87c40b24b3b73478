/* SPDX-License-Identifier: BSD-2-Clause
 *
 * anon.h - open files that stand for something else than a file: a counter, a set of files.
 *
 * They share one inode, as with Linux; what they are is in their functions.
 */
#ifndef FS_ANON_H
#define FS_ANON_H

#include "fs/file.h"

/* Errors: ENOMEM.  The caller sets (*out)->private. */
int anon_open(const struct file_ops *ops, unsigned flags, struct file **out);

/* eventfd.c: a counter that write adds to and read takes: all of it, or one as a semaphore. */
int eventfd_open(unsigned count, bool semaphore, unsigned flags, struct file **out);

#endif
