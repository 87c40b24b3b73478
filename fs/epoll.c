/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/epoll.h"
#include "arch/x86/cpu.h"
#include "fs/anon.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/waitq.h"

/* Asking a set asks all sets below it, once for each way that leads there: both are bounded. */
#define DEPTH_MAX 5    /* sets within sets */
#define WAYS_MAX  1000 /* through a new watch */

struct entry {
	struct wait_hook hook;
	struct watch *watch;
};

struct watch {
	struct list_link in_set, in_file, ready;
	struct file *file, *set; /* not referenced */
	unsigned fd;
	struct epoll_event event;
	struct entry entries[POLL_QUEUES];
};

struct eventpoll {
	struct list_link watches, ready;
	struct waitq queue;
};

#define TOLD_AS (EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET) /* how, not what */

static struct eventpoll *set_of(const struct file *f)
{
	return f->private;
}

/* It is in both lists: whichever ends first ends the search. */
static struct watch *find(const struct file *set, const struct file *f, unsigned fd)
{
	const struct list_link *in_set = &set_of(set)->watches, *in_file = &f->watches;
	struct list_link *a = in_set->next, *b = in_file->next;
	struct watch *w;

	for (; a != in_set && b != in_file; a = a->next, b = b->next) {
		w = container_of(b, struct watch, in_file);
		if (w->set == set && w->fd == fd)
			return w;
		w = container_of(a, struct watch, in_set);
		if (w->file == f && w->fd == fd)
			return w;
	}
	return NULL;
}

/* ---- the list of ready ones ---------------------------------------------------------------- */

static void make_ready(struct watch *w)
{
	uintptr_t flags = irq_save();

	if (list_empty(&w->ready))
		list_add_tail(&w->ready, &set_of(w->set)->ready);
	irq_restore(flags);
}

static void not_ready(struct watch *w)
{
	uintptr_t flags = irq_save();

	list_del(&w->ready);
	irq_restore(flags);
}

/* An exclusive watch takes the wake-up if somebody waits for it. */
static bool woken(struct wait_hook *h)
{
	struct watch *w = container_of(h, struct entry, hook)->watch;
	struct eventpoll *set = set_of(w->set);
	bool busy = waitq_busy(&set->queue);

	if (!(w->event.events & ~TOLD_AS))
		return false; /* a one-shot that has told */
	make_ready(w);
	waitq_wake_one(&set->queue);
	return busy;
}

/* ---- hooks ---------------------------------------------------------------------------------- */

struct hooking {
	struct poll_table table;
	struct watch *watch;
};

static void hook(struct poll_table *t, struct waitq *q, unsigned events)
{
	const unsigned both = POLLIN | POLLOUT;
	struct watch *w = container_of(t, struct hooking, table)->watch;
	struct entry *e = &w->entries[t->n];
	unsigned wanted = w->event.events & POLL_WRITABLE ? POLLOUT : 0;

	if (w->event.events & (POLL_READABLE | POLLPRI | POLLRDHUP | POLLRDBAND))
		wanted |= POLLIN;
	if (!((wanted ? wanted : both) & (events ? events : both)))
		return;
	QR_ASSERT(t->n < POLL_QUEUES, "a file has no more wait queues than POLL_QUEUES");
	t->n++;
	*e = (struct entry){ .hook = { { .exclusive = w->event.events & EPOLLEXCLUSIVE }, woken },
			     .watch = w };
	waitq_hook(q, &e->hook);
}

static unsigned look_at(const struct watch *w, struct poll_table *table)
{
	unsigned wanted = w->event.events & ~TOLD_AS;

	if (!wanted)
		return 0; /* a one-shot that has told */
	return file_poll(w->file, table) & wanted;
}

static void unhook(struct watch *w)
{
	for (unsigned i = 0; i < POLL_QUEUES; i++)
		waitq_unhook(&w->entries[i].hook);
}

/* Errors and hang-ups are told to everybody. */
static void set_event(struct watch *w, const struct epoll_event *e)
{
	struct hooking h;

	poll_table_init(&h.table);
	h.table.hook = hook;
	h.watch = w;
	w->event = *e;
	w->event.events |= POLLERR | POLLHUP;
	if (look_at(w, &h.table)) {
		make_ready(w);
		waitq_wake_one(&set_of(w->set)->queue);
	}
}

static void drop(struct watch *w)
{
	unhook(w);
	not_ready(w);
	list_del(&w->in_set);
	list_del(&w->in_file);
	kfree(w);
}

struct nesting {
	unsigned depth, ways;
	bool loops;
};

static void nest(struct nesting *n, unsigned level)
{
	n->ways++;
	if (level > n->depth)
		n->depth = level;
}

static bool too_much(const struct nesting *n)
{
	return n->loops || n->depth > DEPTH_MAX || n->ways > WAYS_MAX;
}

/* The sets that are asked when f is; `top` must not be one of them. */
static void look_down(const struct file *f, const struct file *top, unsigned level,
		      struct nesting *n)
{
	struct watch *w;

	if (!is_eventpoll(f))
		return;
	nest(n, level);
	n->loops |= f == top;
	if (!too_much(n))
		list_for_each (w, &set_of(f)->watches, in_set)
			look_down(w->file, top, level + 1, n);
}

/* The sets that ask this one. */
static void look_up(const struct file *set, unsigned level, struct nesting *n)
{
	struct watch *w;

	nest(n, level);
	if (!too_much(n))
		list_for_each (w, &set->watches, in_file)
			look_up(w->set, level + 1, n);
}

static bool may_nest(const struct file *set, const struct file *f)
{
	struct nesting above = { 0 }, below = { 0 };

	if (!is_eventpoll(f))
		return true;
	look_down(f, set, 1, &below);
	look_up(set, 0, &above);
	return !too_much(&below) && !too_much(&above) && above.depth + below.depth <= DEPTH_MAX &&
	       above.ways * below.ways <= WAYS_MAX;
}

int eventpoll_add(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e)
{
	struct watch *w;

	if (!f->ops->poll)
		return -EPERM;
	if (find(set, f, fd))
		return -EEXIST;
	if (!may_nest(set, f))
		return -ELOOP;
	w = kzalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->file = f;
	w->set = set;
	w->fd = fd;
	list_init(&w->ready);
	list_add_tail(&w->in_set, &set_of(set)->watches);
	list_add_tail(&w->in_file, &f->watches);
	set_event(w, e);
	return 0;
}

int eventpoll_change(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e)
{
	struct watch *w = find(set, f, fd);

	if (!w)
		return -ENOENT;
	if (w->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	unhook(w);
	set_event(w, e);
	return 0;
}

int eventpoll_remove(struct file *set, struct file *f, unsigned fd)
{
	struct watch *w = find(set, f, fd);

	if (!w)
		return -ENOENT;
	drop(w);
	return 0;
}

void eventpoll_forget(struct file *f)
{
	while (!list_empty(&f->watches))
		drop(list_first(&f->watches, struct watch, in_file));
}

/* ---- waiting ------------------------------------------------------------------------------------ */

/* What is so by now.  A watch that is not to stay is off the list before it is asked: what comes
 * from then on puts it back. */
static unsigned ask(struct watch *w)
{
	unsigned events = w->event.events & EPOLLET ? 0 : look_at(w, NULL);

	if (events)
		return events;
	not_ready(w);
	return look_at(w, NULL);
}

static int put_event(struct epoll_event __user *out, unsigned events, uint64_t data)
{
	char __user *to = (char __user *)out;

	return put_user(events, (uint32_t __user *)to) |
	       put_user(data, (uint64_t __user *)(to + sizeof(events)));
}

/* It is the next to be told. */
static void make_first(struct watch *w)
{
	uintptr_t flags = irq_save();

	list_del(&w->ready);
	list_add(&w->ready, &set_of(w->set)->ready);
	irq_restore(flags);
}

/* One was told: whether it is to be asked again, behind all others. */
static void told(struct watch *w, bool last)
{
	if (w->event.events & EPOLLONESHOT) {
		w->event.events &= TOLD_AS;
		not_ready(w);
	} else if (!(w->event.events & EPOLLET) && (!last || list_empty(&w->ready))) {
		not_ready(w);
		make_ready(w);
	}
}

/* Those that are ready now, each once. */
static int tell(struct eventpoll *set, struct epoll_event __user *out, unsigned max)
{
	const struct list_link *end = set->ready.prev;
	unsigned n = 0, events;
	struct watch *w;
	bool last = false;

	while (!last && n < max && (w = list_first(&set->ready, struct watch, ready))) {
		last = &w->ready == end;
		events = ask(w);
		if (!events)
			continue;
		if (put_event(out + n, events, w->event.data)) {
			make_first(w);
			return n ? (int)n : -EFAULT;
		}
		n++;
		told(w, last);
	}
	return (int)n;
}

static __attribute__((noinline)) int sleep_and_tell(struct file *f, struct epoll_event __user *out,
						    unsigned max, uint64_t deadline)
{
	struct eventpoll *set = set_of(f);
	int n = 0, err = 0;

	file_get(f);
	while (!n && !err) {
		err = wait_event_exclusive(&set->queue, !list_empty(&set->ready), deadline);
		n = tell(set, out, max);
	}
	file_put(f);
	return n || err == -ETIMEDOUT ? n : err;
}

int eventpoll_wait(struct file *f, struct epoll_event __user *out, unsigned max, uint64_t deadline)
{
	struct eventpoll *set = set_of(f);
	int n = tell(set, out, max);

	if (!n && deadline)
		n = sleep_and_tell(f, out, max, deadline);
	if (QR_RARELY(waitq_busy(&set->queue)) && !list_empty(&set->ready))
		waitq_wake_one(&set->queue); /* the next one may have the rest */
	return n;
}

static unsigned eventpoll_poll(struct file *f, struct poll_table *table)
{
	struct watch *w, *next;

	poll_wait(table, &set_of(f)->queue, 0);
	list_for_each_safe (w, next, &set_of(f)->ready, ready) {
		if (look_at(w, NULL))
			return POLL_READABLE;
		not_ready(w);
	}
	return 0;
}

static void eventpoll_release(struct file *f)
{
	struct eventpoll *set = set_of(f);

	while (!list_empty(&set->watches))
		drop(list_first(&set->watches, struct watch, in_set));
	kfree(set);
}

const struct file_ops eventpoll_fops = {
	.poll = eventpoll_poll,
	.release = eventpoll_release,
	.name = "[eventpoll]",
};

int eventpoll_open(struct file **out)
{
	struct eventpoll *set = kzalloc(sizeof(*set));
	int err;

	if (!set)
		return -ENOMEM;
	list_init(&set->watches);
	list_init(&set->ready);
	err = anon_open(&eventpoll_fops, O_RDWR, out);
	if (err)
		kfree(set);
	else
		(*out)->private = set;
	return err;
}
