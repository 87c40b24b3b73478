/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/inotify.h"
#include "arch/x86/user.h"
#include "fs/anon.h"
#include "fs/proc/text.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/userfault.h"
#include "kernel/waitq.h"

#define IN_EVENTS   0x00000fffu
#define IN_KEPT     (IN_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)
#define NO_WD       (-1)
#define FIONREAD    0x541bu
#define PADDED(len) (((len) + sizeof(struct head)) & ~(sizeof(struct head) - 1))

/* An event as it is read; a name follows, ended by zeroes up to a whole number of heads. */
struct head {
	int32_t wd;
	uint32_t mask, cookie, len;
};

struct event {
	struct event *next;
	struct head head;
	char name[];
};

struct inotify {
	struct list_link link; /* all there are */
	struct list_link watches;
	struct event *first, *last;
	unsigned nevents;
	int next_wd;
	struct waitq queue;
	struct event overflow; /* queued: its head has a mask */
};

struct notify_watch {
	struct notify_watch *next; /* of the inode */
	struct list_link link;     /* of the inotify */
	struct inotify *of;
	struct inode *inode;
	int wd;
	uint32_t mask;
};

unsigned notify_watches;
static unsigned instances;
static struct list_link all = LIST_INIT(all);
struct inotify_limits inotify_limits = { 16384, 128, 65536 };

/* ---- the queue ------------------------------------------------------------------------------ */

static size_t size_of(const struct event *e)
{
	return sizeof(e->head) + e->head.len;
}

static void append(struct inotify *q, struct event *e)
{
	e->next = NULL;
	if (q->first)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
	q->nevents++;
	waitq_wake_all(&q->queue);
}

static bool is_same(const struct event *e, int wd, uint32_t mask, const char *name, size_t len)
{
	return e->head.wd == wd && e->head.mask == mask &&
	       (e->head.len ? len && !strncmp(e->name, name, len) && !e->name[len] : !len);
}

static void overflow(struct inotify *q)
{
	if (q->overflow.head.mask)
		return;
	q->overflow.head = (struct head){ NO_WD, IN_Q_OVERFLOW, 0, 0 };
	append(q, &q->overflow);
}

static void queue_event(struct inotify *q, int wd, uint32_t mask, uint32_t cookie, const char *name,
			size_t len)
{
	size_t padded = len ? PADDED(len) : 0;
	struct event *e;

	if (q->first && is_same(q->last, wd, mask, name, len))
		return;
	e = q->nevents < (unsigned)inotify_limits.max_queued_events ? kzalloc(sizeof(*e) + padded)
								    : NULL;
	if (!e) {
		overflow(q);
		return;
	}
	e->head = (struct head){ wd, mask, cookie, (uint32_t)padded };
	memcpy(e->name, name, len);
	append(q, e);
}

static struct event *take_first(struct inotify *q)
{
	struct event *e = q->first;

	q->first = e->next;
	q->nevents--;
	return e;
}

static void drop_event(struct inotify *q, struct event *e)
{
	if (e == &q->overflow)
		e->head.mask = 0;
	else
		kfree(e);
}

/* ---- watches -------------------------------------------------------------------------------- */

/* While there are watches no transfer is a quick one. */
static void count(int n)
{
	notify_watches += (unsigned)n;
	transfer_quick = notify_watches ? 0 : TRANSFER_MAX;
}

static void end_watch(struct notify_watch *w)
{
	struct notify_watch **at = &w->inode->watchers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	list_del(&w->link);
	inode_put(w->inode);
	kfree(w);
	count(-1);
}

static void end_and_tell(struct notify_watch *w)
{
	struct inotify *q = w->of;
	int wd = w->wd;

	end_watch(w);
	queue_event(q, wd, IN_IGNORED, 0, NULL, 0);
}

/* Who watches keeps his inotify, and the inode, through all of this. */
static void tell(struct inode *i, uint32_t event, const char *name, size_t len, uint32_t cookie,
		 bool unlinked)
{
	struct notify_watch *w, *next;

	for (w = i->watchers; w; w = next) {
		next = w->next;
		if (!(w->mask & event & IN_EVENTS) || (unlinked && w->mask & IN_EXCL_UNLINK))
			continue;
		queue_event(w->of, w->wd, event, cookie, name, len);
		if (w->mask & IN_ONESHOT)
			end_and_tell(w);
	}
}

static uint32_t kind_of(const struct inode *i)
{
	return S_ISDIR(i->mode) ? IN_ISDIR : 0;
}

void notify_tell_inode(struct inode *i, uint32_t event)
{
	if (!i->watchers)
		return;
	inode_get(i);
	tell(i, event | (event & IN_ATTRIB ? kind_of(i) : 0), NULL, 0, 0, false);
	while (event & IN_DELETE_SELF && i->watchers)
		end_and_tell(i->watchers);
	inode_put(i);
}

void notify_tell_name(struct inode *dir, const char *name, size_t len, uint32_t event,
		      uint32_t cookie)
{
	tell(dir, event, name, len, cookie, false);
}

void notify_tell_dentry(const struct dentry *d, uint32_t event)
{
	bool unlinked = d->flags & D_DELETED && !(event & IN_ATTRIB);

	event |= kind_of(d->inode);
	if (d->parent)
		tell(d->parent->inode, event, d->name, d->len, 0, unlinked);
	tell(d->inode, event, NULL, 0, 0, unlinked);
}

void notify_moved(struct dentry *moved, struct inode *from, const char *name, size_t len,
		  struct inode *over)
{
	static uint32_t cookie;
	uint32_t kind = kind_of(moved->inode);

	if (!notify_watches)
		return;
	cookie++;
	tell(from, IN_MOVED_FROM | kind, name, len, cookie, false);
	tell(moved->parent->inode, IN_MOVED_TO | kind, moved->name, moved->len, cookie, false);
	if (over)
		notify_tell_inode(over, IN_ATTRIB);
	notify_tell_inode(moved->inode, IN_MOVE_SELF);
}

void notify_tell_unmount(struct filesystem *fs)
{
	struct notify_watch *w, *next;
	struct inotify *q;

	list_for_each (q, &all, link)
		list_for_each_safe (w, next, &q->watches, link)
			if (w->inode->fs == fs) {
				queue_event(q, w->wd, IN_UNMOUNT | kind_of(w->inode), 0, NULL, 0);
				end_and_tell(w);
			}
}

static struct notify_watch *find(const struct inotify *q, int wd)
{
	struct notify_watch *w;

	list_for_each (w, &q->watches, link)
		if (w->wd == wd)
			return w;
	return NULL;
}

/* Numbers come round only after all have been used. */
static int new_wd(struct inotify *q)
{
	do
		q->next_wd = q->next_wd == INT32_MAX ? 1 : q->next_wd + 1;
	while (find(q, q->next_wd));
	return q->next_wd;
}

static int new_watch(struct inotify *q, struct inode *i, uint32_t mask)
{
	struct notify_watch *w;

	if (notify_watches >= (unsigned)inotify_limits.max_user_watches)
		return -ENOSPC;
	w = kmalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct notify_watch){ .next = i->watchers,
				    .of = q,
				    .inode = inode_get(i),
				    .wd = new_wd(q),
				    .mask = mask & IN_KEPT };
	i->watchers = w;
	list_add_tail(&w->link, &q->watches);
	count(1);
	return w->wd;
}

int inotify_watch(struct file *f, struct inode *i, uint32_t mask)
{
	struct notify_watch *w = i->watchers;

	while (w && w->of != f->private)
		w = w->next;
	if (!w)
		return new_watch(f->private, i, mask);
	if (mask & IN_MASK_CREATE)
		return -EEXIST;
	w->mask = (mask & IN_MASK_ADD ? w->mask : 0) | (mask & IN_KEPT);
	return w->wd;
}

int inotify_unwatch(struct file *f, int wd)
{
	struct notify_watch *w = find(f->private, wd);

	if (!w)
		return -EINVAL;
	end_and_tell(w);
	return 0;
}

/* ---- the open file -------------------------------------------------------------------------- */

/* An event that user memory refuses is lost, as on Linux. */
static long inotify_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct inotify *q = f->private;
	size_t room = to->left;
	int err = 0;

	if (!q->first)
		err =
		    f->flags & O_NONBLOCK ? -EAGAIN : wait_event(&q->queue, q->first, WAIT_FOREVER);
	if (err)
		return err;
	while (q->first && size_of(q->first) <= to->left) {
		struct event *e = take_first(q);

		uio_send(to, &e->head, sizeof(e->head));
		uio_send(to, e->name, e->head.len);
		drop_event(q, e);
		if (to->fault)
			return -EFAULT;
	}
	return to->left < room ? (long)(room - to->left) : -EINVAL;
}

static unsigned inotify_poll(struct file *f, struct poll_table *table)
{
	struct inotify *q = f->private;

	poll_wait(table, &q->queue, 0);
	return q->first ? POLL_READABLE : 0;
}

static long inotify_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	const struct inotify *q = f->private;
	size_t n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	for (const struct event *e = q->first; e; e = e->next)
		n += size_of(e);
	return put_user((int)n, (int __user *)arg);
}

static void inotify_release(struct file *f)
{
	struct inotify *q = f->private;

	while (!list_empty(&q->watches))
		end_watch(list_first(&q->watches, struct notify_watch, link));
	while (q->first)
		drop_event(q, take_first(q));
	list_del(&q->link);
	instances--;
	kfree(q);
}

static const struct file_ops inotify_fops = {
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
	.name = "inotify",
};

bool is_inotify(const struct file *f)
{
	return f->ops == &inotify_fops;
}

int inotify_open(unsigned flags, struct file **out)
{
	struct inotify *q;
	int err;

	if (instances >= (unsigned)inotify_limits.max_user_instances)
		return -EMFILE;
	q = kzalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	list_init(&q->watches);
	err = anon_open(&inotify_fops, O_RDONLY | flags, out);
	if (err) {
		kfree(q);
		return err;
	}
	list_add_tail(&q->link, &all);
	instances++;
	(*out)->private = q;
	return 0;
}

void inotify_show(const struct file *f, struct text *t)
{
	const struct inotify *q = f->private;
	const struct notify_watch *w;

	list_for_each (w, &q->watches, link)
		text_printf(t, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0 \n", w->wd,
			    (unsigned long long)w->inode->ino, w->inode->fs->dev, w->mask);
}
