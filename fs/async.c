/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/async.h"
#include "kernel/kmalloc.h"
#include "kernel/signal.h"
#include "kernel/task.h"

struct entry {
	struct wait_hook hook;
	struct file_async *async;
	unsigned events;
};

struct file_async {
	struct file *file;
	struct pid *owner; /* NULL: nobody */
	int type, signal;
	unsigned fd;
	uint32_t uid, euid; /* of who named the owner */
	struct entry entries[POLL_QUEUES];
};

/* ---- telling ------------------------------------------------------------------------------- */

static void tell_process(const struct file_async *a, struct process *p, struct task *t, bool in)
{
	/* struct siginfo has the event where a sender's number is, as a long, and the descriptor next. */
	struct signal_info info = {
		.signo = a->signal,
		.code = in ? 1 : 2,
		.pid = (int32_t)(in ? POLL_READABLE : POLL_WRITABLE | 0x200),
		.uid = sizeof(long) == 8 ? 0 : a->fd,
		.value = a->fd,
	};
	const struct cred *to = &p->cred;

	if (a->euid && a->euid != to->suid && a->euid != to->uid && a->uid != to->suid &&
	    a->uid != to->uid)
		return;
	for (int tries = a->signal ? 2 : 1; tries;
	     tries--) { /* SIGIO, if there is no room for the other */
		if (tries == 1)
			info = (struct signal_info){ .signo = SIGIO, .code = SI_KERNEL };
		if (!(t ? signal_send_task(t, &info) : signal_send_process(p, &info)))
			return;
	}
}

static bool woken(struct wait_hook *h)
{
	const struct entry *e = container_of(h, struct entry, hook);
	const struct file_async *a = e->async;
	unsigned events = e->events ? e->events : a->file->ops->poll(a->file, NULL);
	bool in = events & POLLIN;
	struct process *p;

	if (!a->owner || (!in && !S_ISFIFO(a->file->inode->mode)))
		return false;
	if (a->type == F_OWNER_PGRP)
		list_for_each (p, &a->owner->group, in_group)
			tell_process(a, p, NULL, in);
	else if (a->type == F_OWNER_TID && a->owner->task)
		tell_process(a, a->owner->task->process, a->owner->task, in);
	else if (a->type == F_OWNER_PID && a->owner->process)
		tell_process(a, a->owner->process, NULL, in);
	return false;
}

/* ---- who, and what --------------------------------------------------------------------------- */

static struct file_async *async_of(struct file *f)
{
	if (!f->async) {
		f->async = kzalloc(sizeof(*f->async));
		if (f->async)
			f->async->file = f;
	}
	return f->async;
}

int async_set_owner(struct file *f, int type, int32_t nr)
{
	struct pid *pid = nr ? pid_find(nr) : NULL, *was;
	struct file_async *a;

	if (nr && !pid)
		return -ESRCH;
	a = async_of(f);
	if (!a)
		return -ENOMEM;
	was = a->owner;
	a->type = type;
	a->uid = current_process->cred.uid;
	a->euid = current_process->cred.euid;
	a->owner = pid ? pid_get(pid) : NULL;
	pid_put(was);
	return 0;
}

int32_t async_owner(const struct file *f, int *type)
{
	const struct file_async *a = f->async;
	const struct pid *pid = a ? a->owner : NULL;

	*type = a ? a->type : F_OWNER_TID;
	if (!pid)
		return 0;
	return *type == F_OWNER_TID   ? (pid->task ? pid->nr : 0)
	       : *type == F_OWNER_PID ? (pid->process ? pid->nr : 0)
				      : (list_empty(&pid->group) ? 0 : pid->nr);
}

int async_set_signal(struct file *f, int sig)
{
	struct file_async *a = async_of(f);

	if (!a)
		return -ENOMEM;
	a->signal = sig;
	return 0;
}

int async_signal(const struct file *f)
{
	return f->async ? f->async->signal : 0;
}

/* ---- on and off ------------------------------------------------------------------------------ */

struct hooking {
	struct poll_table table;
	struct file_async *async;
};

static void hook(struct poll_table *t, struct waitq *q, unsigned events)
{
	struct file_async *a = container_of(t, struct hooking, table)->async;
	struct entry *e = &a->entries[t->n++];

	*e = (struct entry){ .hook.woken = woken, .async = a, .events = events };
	waitq_hook(q, &e->hook);
}

static void unhook(struct file_async *a)
{
	for (unsigned i = 0; i < POLL_QUEUES; i++)
		waitq_unhook(&a->entries[i].hook);
}

int async_switch(struct file *f, unsigned fd, bool on)
{
	const unsigned mode = f->inode->mode;
	struct file_async *a;
	struct hooking h;
	int err = 0;

	if (!f->ops->poll || !(S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode)))
		return -ENOTTY;
	a = async_of(f);
	if (!a)
		return -ENOMEM;
	unhook(a);
	if (on && S_ISCHR(mode) && !a->owner)
		err = async_set_owner(f, F_OWNER_PGRP, current_process->group->nr);
	if (on) {
		poll_table_init(&h.table);
		h.table.hook = hook;
		h.async = a;
		a->fd = fd;
		(void)f->ops->poll(f, &h.table);
	}
	f->flags = (f->flags & ~O_ASYNC) | (on ? O_ASYNC : 0);
	return err;
}

void async_end(struct file *f)
{
	unhook(f->async);
	pid_put(f->async->owner);
	kfree(f->async);
}
