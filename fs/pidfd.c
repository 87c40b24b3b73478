/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/pidfd.h"
#include "fs/anon.h"
#include "kernel/process.h"

static unsigned pidfd_poll(struct file *f, struct poll_table *table)
{
	struct pid *pid = f->private;

	poll_wait(table, &pid->watchers, 0);
	return !pid->process || (pid->process->flags & PROCESS_ZOMBIE) ? POLL_READABLE : 0;
}

static void pidfd_release(struct file *f)
{
	pid_put(f->private);
}

static const struct file_ops pidfd_fops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.name = "[pidfd]",
};

int pidfd_file(struct pid *pid, unsigned flags, struct file **out)
{
	int err = anon_open(&pidfd_fops, O_RDWR | flags, out);

	if (!err)
		(*out)->private = pid_get(pid);
	return err;
}

struct pid *pidfd_pid(const struct file *f)
{
	return f->ops == &pidfd_fops ? f->private : NULL;
}
