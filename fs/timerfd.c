/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timerfd.c - a timer as a file: reading takes how often it has rung.
 */
#include "arch/x86/cpu.h"
#include "fs/anon.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/itimerspec.h"
#include "kernel/syscall/syscall.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

struct timerfd {
	struct timer timer;
	struct waitq queue;
	int clock;
	uint64_t interval;
	uint64_t count; /* rung, and not read */
};

/* Interrupts off. */
static void rings(struct timer *t)
{
	struct timerfd *fd = container_of(t, struct timerfd, timer);
	uint64_t expires = t->expires;

	fd->count++;
	if (fd->interval) {
		fd->count += periods_passed(&expires, fd->interval, now_ns());
		timer_add(t, expires);
	}
	waitq_wake_all(&fd->queue);
}

static long timerfd_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct timerfd *fd = f->private;
	uintptr_t flags;
	uint64_t n;
	int err = 0;

	if (to->left < sizeof(n))
		return -EINVAL;
	if (!fd->count)
		err = f->flags & O_NONBLOCK ? -EAGAIN
					    : wait_event(&fd->queue, fd->count, WAIT_FOREVER);
	if (err)
		return err;
	flags = irq_save();
	n = fd->count;
	fd->count = 0;
	irq_restore(flags);
	return uio_send(to, &n, sizeof(n)) < sizeof(n) ? -EFAULT : (long)sizeof(n);
}

static unsigned timerfd_poll(struct file *f, struct poll_table *table)
{
	struct timerfd *fd = f->private;

	poll_wait(table, &fd->queue, 0);
	return fd->count ? POLL_READABLE : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *fd = f->private;

	timer_cancel(&fd->timer);
	kfree(fd);
}

static const struct file_ops timerfd_fops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.name = "[timerfd]",
};

static int check_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return cred_super(&current_process->cred) ? 0 : -EPERM;
	}
	return -EINVAL;
}

SYSCALL2(timerfd_create, int, clock, unsigned, flags)
{
	struct timerfd *fd;
	struct file *f;
	int err = flags & ~(O_NONBLOCK | O_CLOEXEC) ? -EINVAL : check_clock(clock);

	if (err)
		return err;
	fd = kzalloc(sizeof(*fd));
	if (!fd)
		return -ENOMEM;
	timer_init(&fd->timer, rings);
	fd->clock = clock;
	err = anon_open(&timerfd_fops, O_RDWR | (flags & O_NONBLOCK), &f);
	if (err) {
		kfree(fd);
		return err;
	}
	f->private = fd;
	return fd_add(f, flags & O_CLOEXEC);
}

static void read_timer(const struct timerfd *fd, struct itimerspec *out)
{
	uint64_t now = now_ns();

	*out = (struct itimerspec){ .interval = fd->interval };
	if (timer_pending(&fd->timer))
		out->value = fd->timer.expires > now ? fd->timer.expires - now : 1;
}

static void set_timer(struct timerfd *fd, const struct itimerspec *new, bool absolute)
{
	uintptr_t flags = irq_save();
	uint64_t shown = 0, left = new->value;

	(void)clock_read(fd->clock, &shown);
	if (absolute && left != TIME_NEVER)
		left = left > shown ? left - shown : 0;
	timer_cancel(&fd->timer);
	fd->count = 0;
	fd->interval = new->interval;
	if (new->value)
		timer_add(&fd->timer, time_add(now_ns(), left));
	irq_restore(flags);
}

/* The file behind a descriptor, referenced. */
static int get_timer(unsigned n, struct file **out)
{
	struct file *f = fd_get(n);

	if (!f)
		return -EBADF;
	if (f->ops != &timerfd_fops) {
		file_put(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

static long settime(unsigned n, unsigned how, const void __user *new, void __user *old, bool narrow)
{
	enum { CANCEL_ON_SET = 2 };
	struct itimerspec spec, was;
	struct file *f;
	int err = itimerspec_from_user(&spec, new, narrow);

	if (!err && (how & ~(TIMER_ABSTIME | CANCEL_ON_SET)))
		err = -EINVAL;
	if (!err)
		err = get_timer(n, &f);
	if (err)
		return err;
	read_timer(f->private, &was);
	set_timer(f->private, &spec, how & TIMER_ABSTIME);
	file_put(f);
	return old ? itimerspec_to_user(old, &was, narrow) : 0;
}

static long gettime(unsigned n, void __user *to, bool narrow)
{
	struct itimerspec now;
	struct file *f;
	int err = get_timer(n, &f);

	if (err)
		return err;
	read_timer(f->private, &now);
	file_put(f);
	return itimerspec_to_user(to, &now, narrow);
}

SYSCALL4(timerfd_settime, unsigned, n, unsigned, how, const void __user *, new, void __user *, old)
{
	return settime(n, how, new, old, false);
}

SYSCALL2(timerfd_gettime, unsigned, n, void __user *, to)
{
	return gettime(n, to, false);
}

#ifndef __x86_64__
SYSCALL4(timerfd_settime_time32, unsigned, n, unsigned, how, const void __user *, new,
	 void __user *, old)
{
	return settime(n, how, new, old, true);
}

SYSCALL2(timerfd_gettime_time32, unsigned, n, void __user *, to)
{
	return gettime(n, to, true);
}
#endif
