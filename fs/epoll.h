/* SPDX-License-Identifier: BSD-2-Clause
 *
 * epoll.h - sets of open files that one may wait for.
 *
 *	eventpoll ── watches:  [file, fd, events, data] ── [ ... ]
 *	    │                     │            └─ hooks in the file's wait queues
 *	    │                   file.watches: all sets that it is in
 *	    ├─ ready:  those whose queues were woken since they were looked at
 *	    └─ queue:  who waits for one of them
 *
 * A wake-up puts a watch onto the list of ready ones; who waits asks their files in that order, and
 * tells.  A level-triggered watch that told goes behind the others, and is asked again next time; one
 * with EPOLLET only comes back with the next wake-up, one with EPOLLONESHOT when it is changed.  So
 * waiting costs what is ready, not what is watched; and changing a watch, the fewer of what its set
 * has and what its file is in.
 *
 * A watch does not hold its file: it goes with the file's last reference, or with its set.  Its
 * hooks are in those queues of the file that tell of what it wants; hang-ups are told in all.
 *
 * Locking: queues are woken in interrupts, so `ready` is touched with interrupts off.
 *
 * Limits: any process's end is an edge of every pidfd, any signal one of every signalfd.
 */
#ifndef FS_EPOLL_H
#define FS_EPOLL_H

#include "fs/file.h"

#define EPOLLEXCLUSIVE (1u << 28)
#define EPOLLWAKEUP    (1u << 29)
#define EPOLLONESHOT   (1u << 30)
#define EPOLLET        (1u << 31)

/* As programs give it; the same on both ABIs. */
struct epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));

int eventpoll_open(struct file **out);
extern const struct file_ops eventpoll_fops;
static inline bool is_eventpoll(const struct file *f)
{
	return f->ops == &eventpoll_fops;
}

/* Errors: EEXIST; ENOENT; ENOMEM; ELOOP (a set inside itself); EPERM (a file that is always
 * ready cannot be watched). */
int eventpoll_add(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e);
int eventpoll_change(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e);
int eventpoll_remove(struct file *set, struct file *f, unsigned fd);

/* Wait until a file is ready or the deadline has come: the number of events in out, up to max.
 * Errors: EFAULT (then nothing is lost), ERESTARTSYS.  No reference is needed. */
int eventpoll_wait(struct file *set, struct epoll_event __user *out, unsigned max,
		   uint64_t deadline);

/* The last reference on a watched file went: its watches end. */
void eventpoll_forget(struct file *f);

#endif
