/* SPDX-License-Identifier: BSD-2-Clause
 *
 * socket.h - what the calls on sockets share.
 */
#ifndef KERNEL_SYSCALL_SOCKET_H
#define KERNEL_SYSCALL_SOCKET_H

#include "fs/unix.h"
#include "kernel/syscall/syscall.h"

/* The file, referenced, and its socket.  -EBADF, -ENOTSOCK. */
int get_sock(unsigned fd, struct file **f, struct sock **s);

/* struct sockaddr_un in and out; NULL: a socket without a name.  -EINVAL, -EFAULT. */
int name_from_user(struct unix_name *to, const void __user *from, unsigned n);
int name_to_user(const struct unix_name *name, void __user *to, int32_t __user *n);

#endif
