/* SPDX-License-Identifier: BSD-2-Clause
 *
 * inotify.h - watches on files, and the queues in which their events wait to be read.
 *
 *	open file ─► inotify ── watches: [wd 1, mask] ── [wd 2, mask]
 *	               │                     │ inode.watchers
 *	               └─ events:  e ─ e ─ e ─ (overflow)
 *
 * A watch holds its inode, and ends with the inode's last name, with its file system, with its
 * queue, when it is taken back, or after one event (IN_ONESHOT); IN_IGNORED is told last.
 *
 * Invariants
 *	I1  a watch is in the lists of its inotify and of its inode; the inode is referenced
 *	I2  an inotify has at most one watch of an inode
 *	I3  an event that is as the last one of the queue is not queued again
 *	I4  the queue has at most max_queued_events, and behind them the overflow
 *
 * An event that finds no memory, or no room, becomes the overflow, which needs neither.
 * Limits: instances and watches are counted for all users together.
 */
#ifndef FS_INOTIFY_H
#define FS_INOTIFY_H

#include "fs/notify.h"

/* /proc/sys/fs/inotify */
extern struct inotify_limits {
	int max_queued_events, max_user_instances, max_user_watches;
} inotify_limits;

/* Errors: EMFILE, ENOMEM. */
int inotify_open(unsigned flags, struct file **out);
bool is_inotify(const struct file *f);
/* The descriptor of the watch.  Errors: EEXIST (IN_MASK_CREATE), ENOSPC, ENOMEM. */
int inotify_watch(struct file *f, struct inode *i, uint32_t mask);
/* Errors: EINVAL: there is no such watch. */
int inotify_unwatch(struct file *f, int wd);

struct text;
/* The watches as /proc/PID/fdinfo shows them. */
void inotify_show(const struct file *f, struct text *t);

#endif
