/* SPDX-License-Identifier: BSD-2-Clause
 *
 * poll.c - looking at many files, sleeping until one is ready.
 *
 * poll and select (select.c) turn their question into an array of struct user_pollfd, look, sleep
 * and look again.  The first look mostly finds something; the second enters the wait queues of the
 * files.  Each file is held meanwhile, as another thread may close its descriptor.
 */
#include "kernel/exec.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/poll.h"
#include "kernel/syscall/timespec.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

int poll_question_init(struct poll_question *q, unsigned n, struct poll_small *small)
{
	if (n > current_process->rlimits[RLIMIT_NOFILE].cur && n > POLL_FEW)
		return -EINVAL;
	*q = (struct poll_question){ n, small->fds, small->files };
	if (n > POLL_FEW)
		q->fds = kcalloc(n, sizeof(*q->fds));
	return q->fds ? 0 : -ENOMEM;
}

void poll_question_fini(struct poll_question *q, const struct poll_small *small)
{
	if (q->fds != small->fds)
		kfree(q->fds);
	if (q->files != small->files)
		kfree(q->files);
}

static unsigned events_of(const struct user_pollfd *p, struct file *f, struct poll_table *table)
{
	return f ? file_poll(f, table) & (p->events | POLLERR | POLLHUP) : POLLNVAL;
}

/* How many have something to tell already.  Nobody sleeps, so nobody closes a file. */
static int look_once(struct poll_question *q)
{
	int found = 0;

	for (unsigned i = 0; i < q->n; i++) {
		struct user_pollfd *p = &q->fds[i];
		unsigned events = p->fd < 0 ? 0 : events_of(p, fd_peek((unsigned)p->fd), NULL);

		p->revents = (uint16_t)events;
		found += events != 0;
	}
	return found;
}

static bool hold_files(struct poll_question *q)
{
	if (q->n > POLL_FEW)
		q->files = kcalloc(q->n, sizeof(*q->files));
	if (!q->files)
		return false;
	for (unsigned i = 0; i < q->n; i++)
		q->files[i] = q->fds[i].fd < 0 ? NULL : fd_get_quick((unsigned)q->fds[i].fd);
	return true;
}

static void put_files(struct poll_question *q)
{
	for (unsigned i = 0; i < q->n; i++)
		if (q->files[i])
			file_put(q->files[i]);
}

/* The same of the files held.  `table` NULL: the queues are known. */
static int look(struct poll_question *q, struct poll_table *table)
{
	int found = 0;

	for (unsigned i = 0; i < q->n; i++) {
		struct user_pollfd *p = &q->fds[i];
		unsigned events = p->fd < 0 ? 0 : events_of(p, q->files[i], found ? NULL : table);

		p->revents = (uint16_t)events;
		found += events != 0;
	}
	return found;
}

long poll_ask(struct poll_question *q, uint64_t deadline)
{
	struct poll_table table;
	int found = look_once(q), err = 0;

	if (found || !deadline)
		return found;
	if (!hold_files(q))
		return -ENOMEM;
	poll_table_init(&table);
	poll_table_arm(&table);
	found = look(q, &table);
	while (!found && !err && !table.err) {
		err = waitq_sleep(WAIT_SIGNALS, deadline);
		poll_table_arm(&table);
		found = look(q, NULL);
	}
	if (!found && table.err)
		err = table.err;
	poll_table_fini(&table);
	put_files(q);
	if (found || err == -ETIMEDOUT)
		return found;
	return err;
}

/* ---- the mask of ppoll and pselect -------------------------------------------------------------- */

int poll_mask_begin(const signal_set __user *mask, size_t size, bool *set)
{
	signal_set m;

	*set = false;
	if (!mask)
		return 0;
	if (size != sizeof(m))
		return -EINVAL;
	if (get_user(m, (signal_set __user *)(uintptr_t)mask))
		return -EFAULT;
	if (m == current->blocked)
		return 0;
	current->saved_blocked = current->blocked;
	signal_set_blocked(m);
	*set = true;
	return 0;
}

long poll_mask_end(bool set, long ret)
{
	if (!set)
		return ret;
	if (ret == -ERESTARTNOHAND)
		current->restore_blocked = true;
	else
		signal_set_blocked(current->saved_blocked);
	return ret;
}

/* ---- poll -------------------------------------------------------------------------------------- */

static long poll_files(struct user_pollfd __user *user, unsigned n, uint64_t deadline)
{
	struct poll_small small;
	struct poll_question q;
	long ret = poll_question_init(&q, n, &small);

	if (ret)
		return ret;
	if (copy_from_user(q.fds, user, n * sizeof(*user)))
		ret = -EFAULT;
	else
		ret = poll_ask(&q, deadline);
	for (unsigned i = 0; i < n && ret >= 0; i++)
		if (put_user(q.fds[i].revents, &user[i].revents) &&
		    put_out(q.fds[i].revents, &user[i].revents))
			ret = -EFAULT;
	poll_question_fini(&q, &small);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

uint64_t poll_time_left(uint64_t deadline)
{
	uint64_t now = deadline ? now_ns() : 0;

	return deadline > now ? deadline - now : 0;
}

/* poll continues with the same deadline when it is restarted. */
static long poll_again(struct restart *r)
{
	long ret =
	    poll_files((struct user_pollfd __user *)r->arg[0], (unsigned)r->arg[1], r->deadline);

	return ret == -ERESTARTNOHAND ? -ERESTART_RESTARTBLOCK : ret;
}

uint64_t poll_deadline(int timeout)
{
	if (timeout <= 0)
		return timeout ? WAIT_FOREVER : 0;
	return now_ns() + (uint64_t)timeout * NS_PER_MS;
}

SYSCALL3(poll, struct user_pollfd __user *, fds, unsigned, n, int, timeout)
{
	uint64_t deadline = poll_deadline(timeout);
	long ret = poll_files(fds, n, deadline);

	if (ret != -ERESTARTNOHAND)
		return ret;
	current->restart = (struct restart){ .fn = poll_again,
					     .deadline = deadline,
					     .arg = { (uintptr_t)fds, n } };
	return -ERESTART_RESTARTBLOCK;
}

uint64_t poll_past_is_now(uint64_t deadline)
{
	return !deadline || deadline <= now_ns() ? 0 : deadline;
}

static long ppoll(struct user_pollfd __user *fds, unsigned n, uint64_t deadline,
		  const signal_set __user *mask, size_t size)
{
	bool set;
	long ret = poll_mask_begin(mask, size, &set);

	return ret ? ret : poll_mask_end(set, poll_files(fds, n, poll_past_is_now(deadline)));
}

bool poll_tells(uint64_t deadline)
{
	return deadline && deadline != TIME_NEVER &&
	       !(current_process->personality & PERSONALITY_STICKY);
}

long poll_tell_left(struct user_timespec64 __user *to, uint64_t deadline, long ret)
{
	if (to && poll_tells(deadline))
		(void)!ns_to_user(to, poll_time_left(deadline));
	return ret;
}

long poll_tell_left32(struct user_timespec32 __user *to, uint64_t deadline, long ret)
{
	if (to && poll_tells(deadline))
		(void)!ns_to_user32(to, poll_time_left(deadline));
	return ret;
}

SYSCALL5(ppoll, struct user_pollfd __user *, fds, unsigned, n, struct user_timespec64 __user *,
	 timeout, const signal_set __user *, mask, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	return err ? err : poll_tell_left(timeout, deadline, ppoll(fds, n, deadline, mask, size));
}

SYSCALL5(ppoll_time32, struct user_pollfd __user *, fds, unsigned, n,
	 struct user_timespec32 __user *, timeout, const signal_set __user *, mask, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user32(timeout, &deadline);

	return err ? err : poll_tell_left32(timeout, deadline, ppoll(fds, n, deadline, mask, size));
}
