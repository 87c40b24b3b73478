/* SPDX-License-Identifier: BSD-2-Clause
 *
 * epoll.h - the one thing that open files must know of epoll.
 */
#ifndef FS_EPOLL_H
#define FS_EPOLL_H

struct file;

/* The last reference on a watched file went: its watches end. */
void eventpoll_forget(struct file *f);

#endif
