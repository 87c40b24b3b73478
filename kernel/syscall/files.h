/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.h - what the file system calls share: names from user memory, places, vectors.
 *
 *	files.c		descriptors: open, close, dup, pipe, ioctl
 *	files_fcntl.c	fcntl and the locks
 *	files_io.c	read and write in all their forms
 *	files_copy.c	between two files: sendfile, copy_file_range
 *	files_names.c	making, removing, moving names
 *	files_attr.c	rights, owners, times, lengths
 *	files_stat.c	asking about files and file systems
 *	files_dir.c	reading directories; where a process stands
 *	files_mount.c	mounting; what has nothing to do here: sync
 *	socket.c	sockets of this machine
 *	poll.c		waiting for several files
 */
#ifndef KERNEL_SYSCALL_FILES_H
#define KERNEL_SYSCALL_FILES_H

#include "fs/file.h"
#include "kernel/syscall/syscall.h"

#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_REMOVEDIR        0x200 /* unlinkat; faccessat2: AT_EACCESS */
#define AT_EACCESS          0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000

/* A path copied from user memory: most are short and need no memory of their own. */
struct user_path {
	char *name;
	char small[152];
};
/* EFAULT, ENAMETOOLONG, ENOMEM; on success user_path_put must follow. */
QR_MUST_CHECK int user_path_get(struct user_path *p, const char __user *from);
void user_path_put(struct user_path *p);

/* The place that (dirfd, name) means; LOOKUP_*.  On success path_put must follow. */
QR_MUST_CHECK int user_lookup(int dirfd, const char __user *name, unsigned flags, struct path *out);
/* The same for a name that need not exist; ends with user_parent_put. */
struct user_parent {
	struct path_parent at;
	struct user_path path;
};
QR_MUST_CHECK int user_lookup_parent(int dirfd, const char __user *name, struct user_parent *out);
void user_parent_put(struct user_parent *p);

/* files.c for fcntl and back: a duplicate of fd, at least `lowest`; the close-on-exec flag of a
 * descriptor that is open. */
long fd_dup_from(unsigned fd, unsigned lowest, bool cloexec);
long fd_set_cloexec(unsigned fd, bool on);

/* AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH to LOOKUP_*. */
static inline unsigned lookup_of_at(unsigned at)
{
	return (at & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

/* struct iovec from user memory; few segments need no memory. */
struct user_vector {
	struct uio_segment *segments;
	struct uio_segment small[8];
};
/* EFAULT, EINVAL (too many, sum too large), ENOMEM.  On success user_vector_put must follow. */
QR_MUST_CHECK int user_vector_get(struct user_vector *v, const void __user *from, unsigned n,
				  struct uio *out);
void user_vector_put(struct user_vector *v);

/* A transfer came short, as user memory refused: n is what it answered.  Goes on if a userfaultfd had
 * to supply a page. */
long transfer_again(struct file *f, struct uio *u, uint64_t *pos, bool writing, long n);

#endif
