/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signalfd.c - pending signals as a file: reading takes those of a set, of whoever reads.
 *
 * The program blocks them, so that they stay pending until they are read.
 */
#include "fs/anon.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/signal_sets.h"
#include "kernel/syscall/syscall.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

/* struct signalfd_siginfo: the same on both ABIs. */
struct user_signal {
	uint32_t signo;
	int32_t error, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t timer, band, overrun, trap;
	int32_t status, value;
	uint64_t pointer, user, system, addr;
	uint8_t pad[48];
};
_Static_assert(sizeof(struct user_signal) == 128, "struct signalfd_siginfo");

static signal_set set_of(const struct file *f)
{
	return *(signal_set *)f->private;
}

static signal_set pending(const struct file *f)
{
	return (current->pending.set | current_process->pending.set) & set_of(f);
}

static void describe(struct user_signal *u, const struct signal_info *info)
{
	*u = (struct user_signal){
		.signo = (uint32_t)info->signo,
		.error = info->error,
		.code = info->code,
		.pid = (uint32_t)info->pid,
		.uid = info->uid,
		.timer = (uint32_t)info->timer,
		.overrun = (uint32_t)info->overrun,
		.status = info->status,
		.value = (int32_t)info->value,
		.pointer = info->value,
		.user = info->user / 10000000,
		.system = info->system / 10000000,
		.addr = info->addr,
	};
}

static long signalfd_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct signal_info info;
	struct user_signal u;
	size_t done = 0;
	int err = 0;

	if (to->left < sizeof(u))
		return -EINVAL;
	while (to->left >= sizeof(u) && !to->fault && !err) {
		if (signal_take(current, set_of(f), &info)) {
			signal_recalculate(current);
			describe(&u, &info);
			done += uio_send(to, &u, sizeof(u));
			continue;
		}
		if (done || (f->flags & O_NONBLOCK))
			err = -EAGAIN;
		else
			err = wait_event(&current_process->pid->watchers, pending(f), WAIT_FOREVER);
	}
	return uio_result(done, to->fault ? -EFAULT : err);
}

static unsigned signalfd_poll(struct file *f, struct poll_table *table)
{
	poll_wait(table, &current_process->pid->watchers, 0);
	return pending(f) ? POLL_READABLE : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static const struct file_ops signalfd_fops = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.name = "[signalfd]",
};

static long make(signal_set set, unsigned flags)
{
	signal_set *own = kmalloc(sizeof(*own));
	struct file *f;
	int err;

	if (!own)
		return -ENOMEM;
	*own = set;
	err = anon_open(&signalfd_fops, O_RDWR | (flags & O_NONBLOCK), &f);
	if (err) {
		kfree(own);
		return err;
	}
	f->private = own;
	return fd_add(f, flags & O_CLOEXEC);
}

static long change(int n, signal_set set)
{
	struct file *f = fd_get((unsigned)n);
	long ret = n;

	if (!f)
		return -EBADF;
	if (f->ops == &signalfd_fops)
		*(signal_set *)f->private = set;
	else
		ret = -EINVAL;
	file_put(f);
	waitq_wake_all(&current_process->pid->watchers);
	return ret;
}

static long signalfd(int n, const signal_set __user *mask, size_t size, unsigned flags)
{
	signal_set set;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, mask, sizeof(set)))
		return -EFAULT;
	if (flags & ~(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	set &= ~SIGNALS_FIRM;
	return n == -1 ? make(set, flags) : change(n, set);
}

SYSCALL4(signalfd4, int, n, const signal_set __user *, mask, size_t, size, unsigned, flags)
{
	return signalfd(n, mask, size, flags);
}

SYSCALL3(signalfd, int, n, const signal_set __user *, mask, size_t, size)
{
	return signalfd(n, mask, size, 0);
}
