/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shm.h - System V shared memory: segments that have a number instead of a name.
 *
 *	id ──► slot ──► segment ──► inode ──► object ──► mappings of spaces
 *	         (id / 32768: which segment of that slot, so that old numbers stay wrong)
 *
 * A segment is a file of the memory file system that is in no directory.  How often it is attached
 * is how many mappings its object has; the object tells when one goes (munmap, exit, exec).
 * Removing it while it is attached only marks it; the last mapping takes it away.
 *
 * Locking: none (tasks only).
 */
#ifndef KERNEL_SHM_H
#define KERNEL_SHM_H

#include "fs/vfs.h"
#include "kernel/pid.h"

#define SHM_SLOTS_MAX 32768

#define SHM_DEST   01000u /* in `mode`: to be removed with its last mapping */
#define SHM_LOCKED 02000u

struct shm_segment {
	int32_t key, id;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;
	size_t size;                         /* bytes, as asked for */
	int64_t attached, detached, changed; /* times, seconds */
	pid_nr creator, last;
	struct inode *inode;
	struct dentry *name; /* "/SYSV01234567 (deleted)", for /proc/PID/maps */
};

struct shm_limits {
	size_t max, all; /* bytes of a segment; pages of all of them */
	int mni;         /* segments */
};
extern struct shm_limits shm_limits;

/* What there is in all. */
extern unsigned shm_count;
extern size_t shm_pages;

/* Segments in the order of their slots: the first at or behind *slot, which becomes its own; NULL:
 * none.  *slot + 1 goes on.  Valid until the caller sleeps. */
struct shm_segment *shm_next(unsigned *slot);
/* By id; NULL: there is none (any more). */
struct shm_segment *shm_find(int32_t id);
/* By key; not those that are marked. */
struct shm_segment *shm_find_key(int32_t key);

/* Make one: it belongs to the caller.  Errors: ENOMEM, ENOSPC. */
int shm_new(int32_t key, size_t size, uint32_t mode, struct shm_segment **out);
/* Remove it, now or later. */
void shm_remove(struct shm_segment *s);

size_t shm_attaches(const struct shm_segment *s);
/* The segment behind an object that is mapped; NULL: it is none. */
struct shm_segment *shm_of(const struct qr_object *o);
/* The caller has mapped it. */
void shm_attached(struct shm_segment *s);

#endif
