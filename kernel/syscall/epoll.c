/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/epoll.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/poll.h"
#include "kernel/syscall/timespec.h"

#define EVENTS_MAX (INT32_MAX / sizeof(struct epoll_event))

static long create(bool cloexec)
{
	struct file *f;
	int err = eventpoll_open(&f);

	return err ? err : fd_add(f, cloexec);
}

SYSCALL1(epoll_create, int, size)
{
	return size > 0 ? create(false) : -EINVAL;
}

SYSCALL1(epoll_create1, unsigned, flags)
{
	return flags & ~O_CLOEXEC ? -EINVAL : create(flags & O_CLOEXEC);
}

static int control(struct file *set, unsigned op, struct file *f, unsigned fd,
		   const struct epoll_event *e)
{
	enum { ADD = 1, DEL, MOD };
	const uint32_t sharable =
	    POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

	if (!f->ops->poll)
		return -EPERM;
	if (f == set || !is_eventpoll(set))
		return -EINVAL;
	if (op != DEL && e->events & EPOLLEXCLUSIVE &&
	    (op != ADD || is_eventpoll(f) || e->events & ~sharable))
		return -EINVAL;
	switch (op) {
	case ADD:
		return eventpoll_add(set, f, fd, e);
	case DEL:
		return eventpoll_remove(set, f, fd);
	case MOD:
		return eventpoll_change(set, f, fd, e);
	default:
		return -EINVAL;
	}
}

SYSCALL4(epoll_ctl, unsigned, set_fd, unsigned, op, unsigned, fd, const void __user *, user_event)
{
	struct epoll_event e = { 0 };
	struct file *set, *f;

	if (op != 2 && copy_from_user(&e, user_event, sizeof(e)))
		return -EFAULT;
	set = fd_peek(set_fd);
	f = fd_peek(fd);
	return set && f ? control(set, op, f, fd, &e) : -EBADF;
}

static long wait_for(unsigned set_fd, void __user *out, unsigned max, uint64_t deadline)
{
	struct file *set;
	long n;

	if (max == 0 || max > EVENTS_MAX)
		return -EINVAL;
	if (!user_range_ok(out, max * sizeof(struct epoll_event)))
		return -EFAULT;
	set = fd_peek(set_fd);
	if (!set)
		return -EBADF;
	n = is_eventpoll(set) ? eventpoll_wait(set, out, max, deadline) : -EINVAL;
	return n == -ERESTARTSYS ? -EINTR : n;
}

SYSCALL4(epoll_wait, unsigned, set, void __user *, out, unsigned, max, int, timeout)
{
	return wait_for(set, out, max, poll_deadline(timeout));
}

static long wait_masked(unsigned set, void __user *out, unsigned max, uint64_t deadline,
			const signal_set __user *mask, size_t size)
{
	bool masked;
	long ret = poll_mask_begin(mask, size, &masked);

	if (ret)
		return ret;
	ret = wait_for(set, out, max, deadline);
	/* The handler runs before the mask is back, as after an interrupted ppoll. */
	return masked && ret == -EINTR ? poll_mask_end(true, -ERESTARTNOHAND)
				       : poll_mask_end(masked, ret);
}

SYSCALL6(epoll_pwait, unsigned, set, void __user *, out, unsigned, max, int, timeout,
	 const signal_set __user *, mask, size_t, size)
{
	return wait_masked(set, out, max, poll_deadline(timeout), mask, size);
}

SYSCALL6(epoll_pwait2, unsigned, set, void __user *, out, unsigned, max,
	 const struct user_timespec64 __user *, timeout, const signal_set __user *, mask, size_t,
	 size)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	if (err)
		return err;
	return wait_masked(set, out, max, deadline <= now_ns() ? 0 : deadline, mask, size);
}
