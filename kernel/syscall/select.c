/* SPDX-License-Identifier: BSD-2-Clause
 *
 * select.c - select and pselect: sets of bits, asked as poll asks.
 */
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/poll.h"
#include "kernel/syscall/timespec.h"
#include "kernel/syscall/usage.h"
#include "kernel/userfault.h"

/* What each of the three sets asks of poll, and which answers count for it. */
static const struct {
	uint16_t ask, answer;
} sets[3] = {
	{ POLLIN | POLLRDNORM | POLLRDBAND, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR },
	{ POLLOUT | POLLWRNORM, POLLOUT | POLLWRNORM | POLLERR },
	{ POLLPRI, POLLPRI },
};

#define FD_SETSIZE 1024 /* what a C library gives at least */
#define WORD_BITS  (8 * sizeof(long))

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

/* The descriptors of this word that any of the sets has. */
static unsigned long asked_in(const struct select *s, unsigned w)
{
	unsigned long any = 0;

	for (unsigned i = 0; i < 3; i++)
		any |= s->bits[i] ? s->bits[i][w] : 0;
	return w == s->n / WORD_BITS ? any & ((1ul << s->n % WORD_BITS) - 1) : any;
}

static unsigned count_asked(const struct select *s)
{
	unsigned n = 0;

	for (unsigned w = 0; w < s->nwords; w++)
		n += (unsigned)__builtin_popcountl(asked_in(s, w));
	return n;
}

static unsigned events_of(const struct select *s, unsigned w, unsigned long bit)
{
	unsigned events = 0;

	for (unsigned i = 0; i < 3; i++)
		if (s->bits[i] && s->bits[i][w] & bit)
			events |= sets[i].ask;
	return events;
}

static int fill_question(const struct select *s, struct poll_question *q)
{
	struct user_pollfd *p = q->fds;

	for (unsigned w = 0; w < s->nwords; w++)
		for (unsigned long left = asked_in(s, w); left; left &= left - 1) {
			unsigned fd = w * WORD_BITS + (unsigned)__builtin_ctzl(left);

			if (!files_peek(current_process->files, fd))
				return -EBADF;
			*p++ = (struct user_pollfd){ (int32_t)fd,
						     (uint16_t)events_of(s, w, left & -left), 0 };
		}
	return 0;
}

static int answer(struct select *s, const struct user_pollfd *p)
{
	unsigned w = (unsigned)p->fd / WORD_BITS;
	unsigned long bit = 1ul << (unsigned)p->fd % WORD_BITS;
	int found = 0;

	for (unsigned i = 0; i < 3; i++)
		if (s->bits[i] && p->events & sets[i].ask && p->revents & sets[i].answer) {
			s->bits[i][w] |= bit;
			found++;
		}
	return found;
}

/* The answers as bits; select counts each bit. */
static int answer_bits(struct select *s, const struct poll_question *q)
{
	int found = 0;

	memset(s->memory, 0, 3 * s->nwords * sizeof(long));
	for (unsigned k = 0; k < q->n; k++)
		if (q->fds[k].revents)
			found += answer(s, &q->fds[k]);
	return found;
}

static long select_ask(struct select *s, uint64_t deadline)
{
	struct poll_small small;
	struct poll_question q;
	long ret = poll_question_init(&q, count_asked(s), &small);

	if (ret)
		return ret;
	ret = fill_question(s, &q);
	if (!ret)
		ret = poll_ask(&q, deadline);
	if (ret >= 0)
		ret = answer_bits(s, &q);
	poll_question_fini(&q, &small);
	for (unsigned i = 0; i < 3 && ret >= 0; i++)
		if (s->bits[i] && copy_out(s->user[i], s->bits[i], s->nwords * sizeof(long)))
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
		ret = select_ask(&s, poll_past_is_now(deadline));
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
		if (!(t.sec | t.usec))
			deadline = 0;
		else if ((uint64_t)t.sec < TIME_NEVER / NS_PER_SEC / 2)
			deadline = time_add(now_ns(), (uint64_t)t.sec * NS_PER_SEC +
							  (uint64_t)t.usec * NS_PER_US);
	}
	ret = select_files(n, in, out, ex, deadline);
	if (timeout && poll_tells(deadline)) {
		t = timeval_of(poll_time_left(deadline));
		(void)!copy_out(timeout, &t, sizeof(t));
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
	ret = poll_mask_begin(m.mask, m.size, &set);
	return ret ? ret : poll_mask_end(set, select_files(n, in, out, ex, deadline));
}

SYSCALL6(pselect6, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct user_timespec64 __user *, timeout,
	 const struct user_sigmask __user *, mask)
{
	uint64_t deadline;
	int err = deadline_from_user(timeout, &deadline);

	return err ? err
		   : poll_tell_left(timeout, deadline, pselect(n, in, out, ex, deadline, mask));
}

SYSCALL6(pselect6_time32, int, n, unsigned long __user *, in, unsigned long __user *, out,
	 unsigned long __user *, ex, struct user_timespec32 __user *, timeout,
	 const struct user_sigmask __user *, mask)
{
	uint64_t deadline;
	int err = deadline_from_user32(timeout, &deadline);

	return err ? err
		   : poll_tell_left32(timeout, deadline, pselect(n, in, out, ex, deadline, mask));
}
