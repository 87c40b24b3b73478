/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lock.h - advisory locks: flock(2) on whole files, fcntl(2) on ranges of bytes.
 *
 *	inode.locks ── [owner P, 0-99, write] ── [owner file F, all, read] ── ...
 *
 * An owner is whose locks never conflict with one another: for flock and open-file-description
 * locks the struct file, for POSIX locks the process (its struct files, which threads share).
 *
 * Invariants
 *	I1  ranges of one owner and kind do not overlap; equal neighbours are one range
 *	I2  two ranges of the same kind that overlap and of which one is for writing have one owner
 *
 * Locking: none; who waits looks again after each wake-up.
 */
#ifndef FS_LOCK_H
#define FS_LOCK_H

#include <quire/types.h>

struct file;
struct files;
struct inode;

enum lock_kind { LOCK_RANGE, LOCK_WHOLE };                       /* fcntl; flock */
enum lock_type { LOCK_READ = 0, LOCK_WRITE = 1, LOCK_NONE = 2 }; /* the numbers of l_type */

struct lock_request {
	enum lock_kind kind;
	enum lock_type type;
	const void *owner;
	int32_t pid;         /* told to who asks; -1 for locks of open files */
	uint64_t start, end; /* bytes [start, end) */
};

/* Take, change or drop (LOCK_NONE) a lock.  wait: sleep until it can be had.
 * Errors: EAGAIN (would have to wait), ENOMEM, ERESTARTSYS; EDEADLK: processes would wait for
 * each other in a circle. */
int lock_set(struct inode *i, const struct lock_request *want, bool wait);
/* The first lock that stands against `want`: true, and `want` becomes it. */
bool lock_conflict(struct inode *i, struct lock_request *want);
/* A descriptor was closed: its process's ranges go.  The open file ended: its own locks go. */
void locks_drop(struct inode *i, const void *owner);
void locks_drop_all(struct inode *i);

#endif
