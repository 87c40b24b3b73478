/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/epoll.h"
#include "fs/anon.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/waitq.h"

/* Asking a set asks all sets below it, once for each way that leads there: both are bounded. */
#define DEPTH_MAX 5    /* sets within sets */
#define WAYS_MAX  1000 /* through a new watch */

struct watch {
	struct list_link in_set, in_file;
	struct file *file, *set; /* not referenced */
	unsigned fd;
	struct epoll_event event;
};

struct eventpoll {
	struct list_link watches;
	struct waitq changed; /* a watch was added or changed while somebody waits */
};

static const struct file_ops eventpoll_fops;

bool is_eventpoll(const struct file *f)
{
	return f->ops == &eventpoll_fops;
}

static struct eventpoll *set_of(const struct file *f)
{
	return f->private;
}

static struct watch *find(const struct eventpoll *set, const struct file *f, unsigned fd)
{
	struct watch *w;

	list_for_each (w, &set->watches, in_set)
		if (w->file == f && w->fd == fd)
			return w;
	return NULL;
}

static void drop(struct watch *w)
{
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

/* Errors and hang-ups are told to everybody. */
static void set_event(struct watch *w, const struct epoll_event *e)
{
	w->event = *e;
	w->event.events |= POLLERR | POLLHUP;
}

int eventpoll_add(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e)
{
	struct watch *w;

	if (!f->ops->poll)
		return -EPERM;
	if (find(set_of(set), f, fd))
		return -EEXIST;
	if (!may_nest(set, f))
		return -ELOOP;
	w = kmalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->file = f;
	w->set = set;
	w->fd = fd;
	set_event(w, e);
	list_add_tail(&w->in_set, &set_of(set)->watches);
	list_add_tail(&w->in_file, &f->watches);
	waitq_wake_all(&set_of(set)->changed);
	return 0;
}

int eventpoll_change(struct file *set, struct file *f, unsigned fd, const struct epoll_event *e)
{
	struct watch *w = find(set_of(set), f, fd);

	if (!w)
		return -ENOENT;
	if (w->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	set_event(w, e);
	waitq_wake_all(&set_of(set)->changed);
	return 0;
}

int eventpoll_remove(struct file *set, struct file *f, unsigned fd)
{
	struct watch *w = find(set_of(set), f, fd);

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

static unsigned ready(const struct watch *w, struct poll_table *table)
{
	unsigned wanted = w->event.events & ~(EPOLLET | EPOLLONESHOT);

	if (!wanted)
		return 0; /* a one-shot that has told */
	return file_poll(w->file, table) & (wanted | POLLERR | POLLHUP);
}

/* What tells goes behind those that did not, so that each has its turn when max is small. */
static int look(struct eventpoll *set, struct epoll_event *out, unsigned max,
		struct poll_table *table)
{
	struct watch *w, *next;
	struct list_link told = LIST_INIT(told);
	unsigned n = 0;

	list_for_each_safe (w, next, &set->watches, in_set) {
		unsigned events = n < max ? ready(w, n ? NULL : table) : 0;

		if (!events)
			continue;
		out[n++] = (struct epoll_event){ events, w->event.data };
		if (w->event.events & EPOLLONESHOT)
			w->event.events &= EPOLLET | EPOLLONESHOT;
		list_del(&w->in_set);
		list_add_tail(&w->in_set, &told);
	}
	list_splice_tail(&told, &set->watches);
	return (int)n;
}

/* The watched files, held while the wait queues in them are in use. */
struct held {
	unsigned n;
	struct file **files;
};

static int hold(const struct eventpoll *set, struct held *h)
{
	struct watch *w;
	unsigned n = 0;

	list_for_each (w, &set->watches, in_set)
		n++;
	h->n = 0;
	h->files = kcalloc(n, sizeof(*h->files));
	if (!h->files)
		return -ENOMEM;
	list_for_each (w, &set->watches, in_set)
		h->files[h->n++] = file_get(w->file);
	return 0;
}

static void let_go(struct held *h)
{
	for (unsigned i = 0; i < h->n; i++)
		file_put(h->files[i]);
	kfree(h->files);
}

/* The queues are entered anew in each round, as the set may have changed meanwhile. */
static int wait_once(struct eventpoll *set, struct epoll_event *out, unsigned max,
		     uint64_t deadline, int *err)
{
	struct poll_table table;
	struct held held;
	int n;

	*err = hold(set, &held);
	if (*err)
		return 0;
	poll_table_init(&table);
	poll_table_arm(&table);
	poll_wait(&table, &set->changed);
	n = look(set, out, max, &table);
	*err = table.err;
	if (!n && !*err)
		*err = waitq_sleep(WAIT_SIGNALS, deadline);
	poll_table_fini(&table);
	let_go(&held);
	return n;
}

int eventpoll_wait(struct file *f, struct epoll_event *out, unsigned max, uint64_t deadline)
{
	struct eventpoll *set = set_of(f);
	int n = look(set, out, max, NULL), err = 0;

	while (!n && !err && deadline)
		n = wait_once(set, out, max, deadline, &err);
	if (!n && err) /* it may have become ready in the last moment */
		n = look(set, out, max, NULL);
	return n || err == -ETIMEDOUT ? n : err;
}

static unsigned eventpoll_poll(struct file *f, struct poll_table *table)
{
	struct watch *w;
	unsigned events = 0;

	poll_wait(table, &set_of(f)->changed);
	list_for_each (w, &set_of(f)->watches, in_set)
		events |= ready(w, table);
	return events ? POLL_READABLE : 0;
}

static void eventpoll_release(struct file *f)
{
	struct eventpoll *set = set_of(f);

	while (!list_empty(&set->watches))
		drop(list_first(&set->watches, struct watch, in_set));
	kfree(set);
}

static const struct file_ops eventpoll_fops = {
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
	err = anon_open(&eventpoll_fops, O_RDWR, out);
	if (err)
		kfree(set);
	else
		(*out)->private = set;
	return err;
}
