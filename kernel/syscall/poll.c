/* SPDX-License-Identifier: BSD-2-Clause
 *
 * poll.c - poll and select: looking at many files, sleeping until one is ready.
 *
 * Both turn their question into an array of struct user_pollfd, look, sleep and look again.  The
 * first look enters the wait queues of the files; each file is held meanwhile, as another thread
 * may close its descriptor.
 */
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/timespec.h"
#include "kernel/syscall/usage.h"
#include "kernel/waitq.h"

struct user_pollfd {
	int32_t fd;
	uint16_t events, revents;
};

struct question {
	unsigned n;
	struct user_pollfd *fds;
	struct file **files; /* referenced; NULL: not open */
};

#define FEW 8

/* Room for a small question, on the stack. */
struct small_question {
	struct user_pollfd fds[FEW];
	struct file *files[FEW];
};

static int question_init(struct question *q, unsigned n, struct small_question *small)
{
	if (n > current_process->rlimits[RLIMIT_NOFILE].cur && n > FEW)
		return -EINVAL;
	*q = (struct question){ n, small->fds, small->files };
	if (n > FEW) {
		q->fds = kcalloc(n, sizeof(*q->fds));
		q->files = kcalloc(n, sizeof(*q->files));
	}
	if (q->fds && q->files)
		return 0;
	kfree(q->fds);
	kfree(q->files);
	return -ENOMEM;
}

static void question_fini(struct question *q, const struct small_question *small)
{
	if (q->fds != small->fds) {
		kfree(q->fds);
		kfree(q->files);
	}
}

static void hold_files(struct question *q)
{
	for (unsigned i = 0; i < q->n; i++)
		q->files[i] = q->fds[i].fd < 0 ? NULL : fd_get((unsigned)q->fds[i].fd);
}

static void put_files(struct question *q)
{
	for (unsigned i = 0; i < q->n; i++)
		if (q->files[i])
			file_put(q->files[i]);
}

/* How many have something to tell.  `table` NULL: the queues are known, or nobody will sleep. */
static int look(struct question *q, struct poll_table *table)
{
	int found = 0;

	for (unsigned i = 0; i < q->n; i++) {
		struct user_pollfd *p = &q->fds[i];
		unsigned events = POLLNVAL;

		p->revents = 0;
		if (p->fd < 0)
			continue;
		if (q->files[i])
			events = file_poll(q->files[i], found ? NULL : table) &
				 (p->events | POLLERR | POLLHUP);
		p->revents = (uint16_t)events;
		found += events != 0;
	}
	return found;
}

static long ask(struct question *q, uint64_t deadline)
{
	struct poll_table table;
	int found, err = 0;

	hold_files(q);
	poll_table_init(&table);
	poll_table_arm(&table);
	found = look(q, deadline ? &table : NULL);
	while (!found && deadline && !err && !table.err) {
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

/* Let `mask` be what is blocked during the call.  NULL: nothing changes. */
static int mask_begin(const signal_set __user *mask, size_t size, bool *set)
{
	signal_set m;

	*set = false;
	if (!mask)
		return 0;
	if (size != sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, mask, sizeof(m)))
		return -EFAULT;
	current->saved_blocked = current->blocked;
	signal_set_blocked(m);
	*set = true;
	return 0;
}

/* An interrupted call leaves the old mask to the signal's delivery. */
static long mask_end(bool set, long ret)
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
	struct small_question small;
	struct question q;
	long ret = question_init(&q, n, &small);

	if (ret)
		return ret;
	if (copy_from_user(q.fds, user, n * sizeof(*user)))
		ret = -EFAULT;
	else
		ret = ask(&q, deadline);
	for (unsigned i = 0; i < n && ret >= 0; i++)
		if (put_user(q.fds[i].revents, &user[i].revents))
			ret = -EFAULT;
	question_fini(&q, &small);
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

/* What is left of a timeout is told, where the call tells it. */
static uint64_t time_left(uint64_t deadline)
{
	uint64_t now = now_ns();

	return deadline > now ? deadline - now : 0;
}

/* poll continues with the same deadline when it is restarted. */
static long poll_again(struct restart *r)
{
	long ret = poll_files((struct user_pollfd __user *)r->arg[0], (unsigned)r->arg[1],
			      r->deadline);

	return ret == -ERESTARTNOHAND ? -ERESTART_RESTARTBLOCK : ret;
}

SYSCALL3(poll, struct user_pollfd __user *, fds, unsigned, n, int, timeout)
{
	uint64_t deadline = timeout < 0	   ? WAIT_FOREVER
			    : timeout == 0 ? 0
					   : now_ns() + (uint64_t)timeout * NS_PER_MS;
	long ret = poll_files(fds, n, deadline);

	if (ret != -ERESTARTNOHAND)
		return ret;
	current->restart = (struct restart){ .fn = poll_again,
					     .deadline = deadline,
					     .arg = { (uintptr_t)fds, n } };
	return -ERESTART_RESTARTBLOCK;
}

/* A deadline of 0 means: do not sleep.  An absolute time in the past does as well. */
static uint64_t not_sleeping(uint64_t deadline)
{
	return deadline <= now_ns() ? 0 : deadline;
}

static long ppoll(struct user_pollfd __user *fds, unsigned n, uint64_t deadline,
		  const signal_set __user *mask, size_t size)
{
	bool set;
	long ret = mask_begin(mask, size, &set);

	return ret ? ret : mask_end(set, poll_files(fds, n, not_sleeping(deadline)));
}

static long tell_left(struct user_timespec64 __user *to, uint64_t deadline, long ret)
{
	if (to && deadline != TIME_NEVER)
		(void)!ns_to_user(to, time_left(deadline));
	return ret;
}

static long tell_left32(struct user_timespec32 __user *to, uint64_t deadline, long ret)
{
	if (to && deadline != TIME_NEVER)
		(void)!ns_to_user32(to, time_left(deadline));
	return ret;
}

SYSCALL5(ppoll, struct user_pollfd __user *, fds, unsigned, n, struct user_timespec64 __user *,
	 timeout, const signal_set __user *, mask, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	return err ? err : tell_left(timeout, deadline, ppoll(fds, n, deadline, mask, size));
}

SYSCALL5(ppoll_time32, struct user_pollfd __user *, fds, unsigned, n,
	 struct user_timespec32 __user *, timeout, const signal_set __user *, mask, size_t, size)
{
	uint64_t deadline;
	int err = deadline_from_user32(timeout, &deadline);

	return err ? err : tell_left32(timeout, deadline, ppoll(fds, n, deadline, mask, size));
}

/* ---- select ------------------------------------------------------------------------------------ */

/* What each of the three sets asks of poll, and which answers count for it. */
static const struct {
	uint16_t ask, answer;
} sets[3] = {
	{ POLLIN | POLLRDNORM | POLLRDBAND, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR },
	{ POLLOUT | POLLWRNORM, POLLOUT | POLLWRNORM | POLLERR },
	{ POLLPRI, POLLPRI },
};

#define FD_SETSIZE 1024 /* what a C library gives at least */
#define WORD_BITS (8 * sizeof(long))

struct select {
	unsigned n, nwords;
	unsigned long *bits[3]; /* NULL: not asked for */
	unsigned long __user *user[3];
	unsigned long small[3 * 4]; /* 256 descriptors on 64 bits */
	unsigned long *memory;
};

static int select_init(struct select *s, int n, unsigned long __user *const user[3])
{
	unsigned size = current_process->files->size;

	if (n < 0)
		return -EINVAL;
	if (size < FD_SETSIZE)
		size = FD_SETSIZE;
	s->n = (unsigned)n < size ? (unsigned)n : size; /* beyond, nothing is open */
	s->nwords = (unsigned)((s->n + WORD_BITS - 1) / WORD_BITS);
	s->memory = s->small;
	if (3 * s->nwords > sizeof(s->small) / sizeof(s->small[0])) {
		s->memory = kcalloc(3 * s->nwords, sizeof(long));
		if (!s->memory)
			return -ENOMEM;
	}
	for (unsigned i = 0; i < 3; i++) {
		s->user[i] = user[i];
		s->bits[i] = user[i] ? s->memory + i * s->nwords : NULL;
		if (user[i] && copy_from_user(s->bits[i], user[i], s->nwords * sizeof(long)))
			return -EFAULT;
	}
	return 0;
}

static void select_fini(struct select *s)
{
	if (s->memory != s->small)
		kfree(s->memory);
}

static bool has_bit(const unsigned long *bits, unsigned fd)
{
	return bits && bits[fd / WORD_BITS] >> fd % WORD_BITS & 1;
}

static unsigned asked_of(const struct select *s, unsigned fd)
{
	unsigned events = 0;

	for (unsigned i = 0; i < 3; i++)
		if (has_bit(s->bits[i], fd))
			events |= sets[i].ask;
	return events;
}

static int fill_question(const struct select *s, struct question *q)
{
	unsigned k = 0;

	for (unsigned fd = 0; fd < s->n; fd++) {
		unsigned events = asked_of(s, fd);

		if (!events)
			continue;
		if (!files_peek(current_process->files, fd))
			return -EBADF;
		q->fds[k++] = (struct user_pollfd){ (int32_t)fd, (uint16_t)events, 0 };
	}
	return 0;
}

static unsigned count_asked(const struct select *s)
{
	unsigned n = 0;

	for (unsigned fd = 0; fd < s->n; fd++)
		n += asked_of(s, fd) != 0;
	return n;
}

/* The answers as bits; select counts each bit. */
static int answer_bits(struct select *s, const struct question *q)
{
	int found = 0;

	memset(s->memory, 0, 3 * s->nwords * sizeof(long));
	for (unsigned k = 0; k < q->n; k++)
		for (unsigned i = 0; i < 3; i++) {
			unsigned fd = (unsigned)q->fds[k].fd;

			if (!s->bits[i] || !(q->fds[k].events & sets[i].ask) ||
			    !(q->fds[k].revents & sets[i].answer))
				continue;
			s->bits[i][fd / WORD_BITS] |= 1ul << fd % WORD_BITS;
			found++;
		}
	return found;
}

static long select_ask(struct select *s, uint64_t deadline)
{
	struct small_question small;
	struct question q;
	long ret = question_init(&q, count_asked(s), &small);

	if (ret)
		return ret;
	ret = fill_question(s, &q);
	if (!ret)
		ret = ask(&q, deadline);
	if (ret >= 0)
		ret = answer_bits(s, &q);
	question_fini(&q, &small);
	for (unsigned i = 0; i < 3 && ret >= 0; i++)
		if (s->bits[i] && copy_to_user(s->user[i], s->bits[i], s->nwords * sizeof(long)))
			ret = -EFAULT;
	return ret == -ERESTARTSYS ? -ERESTARTNOHAND : ret;
}

static long select_files(int n, unsigned long __user *in, unsigned long __user *out,
			 unsigned long __user *ex, uint64_t deadline)
{
	unsigned long __user *const user[3] = { in, out, ex };
	struct select s = { .memory = s.small };
	long ret = select_init(&s, n, user);

	if (!ret)
		ret = select_ask(&s, not_sleeping(deadline));
	select_fini(&s);
	return ret;
}

static long select_timeval(int n, unsigned long __user *in, unsigned long __user *out,
			   unsigned long __user *ex, struct user_timeval __user *timeout)
{
	struct user_timeval t;
	uint64_t deadline = TIME_NEVER;
	long ret;

	if (timeout) {
		if (copy_from_user(&t, timeout, sizeof(t)))
			return -EFAULT;
		if (t.sec < 0 || t.usec < 0)
			return -EINVAL;
		deadline = (uint64_t)t.sec >= TIME_NEVER / NS_PER_SEC / 2
			       ? TIME_NEVER
			       : time_add(now_ns(), (uint64_t)t.sec * NS_PER_SEC +
							(uint64_t)t.usec * NS_PER_US);
	}
	ret = select_files(n, in, out, ex, deadline);
	if (timeout && deadline != TIME_NEVER) {
		t = timeval_of(time_left(deadline));
		(void)!copy_to_user(timeout, &t, sizeof(t));
	}
	return ret;
}

SYSCALL5(select, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct user_timeval __user *, timeout)
{
	return select_timeval(n, in, out, ex, timeout);
}

SYSCALL1(old_select, const void __user *, args)
{
	struct {
		int n;
		unsigned long __user *in, *out, *ex;
		struct user_timeval __user *timeout;
	} a;

	if (copy_from_user(&a, args, sizeof(a)))
		return -EFAULT;
	return select_timeval(a.n, a.in, a.out, a.ex, a.timeout);
}

/* pselect6's last argument points at the mask and its size. */
struct user_sigmask {
	const signal_set __user *mask;
	size_t size;
};

static long pselect(int n, unsigned long __user *in, unsigned long __user *out,
		    unsigned long __user *ex, uint64_t deadline,
		    const struct user_sigmask __user *user_mask)
{
	struct user_sigmask m = { NULL, 0 };
	bool set;
	long ret;

	if (user_mask && copy_from_user(&m, user_mask, sizeof(m)))
		return -EFAULT;
	ret = mask_begin(m.mask, m.size, &set);
	return ret ? ret : mask_end(set, select_files(n, in, out, ex, deadline));
}

SYSCALL6(pselect6, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct user_timespec64 __user *, timeout,
	 const struct user_sigmask __user *, mask)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	return err ? err : tell_left(timeout, deadline, pselect(n, in, out, ex, deadline, mask));
}

SYSCALL6(pselect6_time32, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct user_timespec32 __user *, timeout,
	 const struct user_sigmask __user *, mask)
{
	uint64_t deadline;
	int err = deadline_from_user32(timeout, &deadline);

	return err ? err : tell_left32(timeout, deadline, pselect(n, in, out, ex, deadline, mask));
}
