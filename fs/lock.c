/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/lock.h"
#include "fs/vfs.h"
#include "kernel/kmalloc.h"
#include "kernel/waitq.h"

struct file_lock {
	struct list_link link;
	struct lock_request is;
};

/* Who waits for any lock waits here: locks that are waited for are rare, and each change of one
 * lets all look again. */
static struct waitq waiters;

static bool overlap(const struct lock_request *a, const struct lock_request *b)
{
	return a->kind == b->kind && a->start < b->end && b->start < a->end;
}

static bool stands_against(const struct lock_request *held, const struct lock_request *want)
{
	return held->owner != want->owner && overlap(held, want) &&
	       (held->type == LOCK_WRITE || want->type == LOCK_WRITE);
}

static struct file_lock *find_conflict(struct inode *i, const struct lock_request *want)
{
	struct file_lock *l;

	if (want->type == LOCK_NONE)
		return NULL;
	list_for_each (l, &i->locks, link)
		if (stands_against(&l->is, want))
			return l;
	return NULL;
}

bool lock_conflict(struct inode *i, struct lock_request *want)
{
	struct file_lock *l = find_conflict(i, want);

	if (l)
		*want = l->is;
	return l != NULL;
}

static void drop(struct file_lock *l)
{
	list_del(&l->link);
	kfree(l);
}

static struct file_lock *lock_new(const struct lock_request *is)
{
	struct file_lock *l = kmalloc(sizeof(*l));

	if (l)
		l->is = *is;
	return l;
}

/* Take [start, end) out of what the owner holds.  `spare` becomes the second half if that cuts
 * one lock in two; the answer is what is left of it. */
static struct file_lock *cut(struct inode *i, const struct lock_request *r, struct file_lock *spare)
{
	struct file_lock *l, *next;

	list_for_each_safe (l, next, &i->locks, link) {
		if (l->is.owner != r->owner || !overlap(&l->is, r))
			continue;
		if (l->is.start < r->start && l->is.end > r->end) {
			spare->is = l->is;
			spare->is.start = r->end;
			l->is.end = r->start;
			list_add(&spare->link, &l->link);
			return NULL;
		}
		if (l->is.start < r->start)
			l->is.end = r->start;
		else if (l->is.end > r->end)
			l->is.start = r->end;
		else
			drop(l);
	}
	return spare;
}

/* Swallow the neighbours that the owner holds in the same way. */
static void merge(struct inode *i, struct file_lock *into)
{
	struct file_lock *l, *next;

	list_for_each_safe (l, next, &i->locks, link) {
		if (l == into || l->is.owner != into->is.owner || l->is.kind != into->is.kind ||
		    l->is.type != into->is.type)
			continue;
		if (l->is.end == into->is.start)
			into->is.start = l->is.start;
		else if (l->is.start == into->is.end)
			into->is.end = l->is.end;
		else
			continue;
		drop(l);
	}
}

int lock_set(struct inode *i, const struct lock_request *want, bool wait)
{
	struct file_lock *fresh = lock_new(want), *spare = lock_new(want);
	int err = fresh && spare ? 0 : -ENOMEM;

	if (!err && find_conflict(i, want))
		err = wait ? wait_event(&waiters, !find_conflict(i, want), WAIT_FOREVER) : -EAGAIN;
	if (err) {
		kfree(fresh);
		kfree(spare);
		return err;
	}
	spare = cut(i, want, spare);
	if (want->type != LOCK_NONE) {
		list_add_tail(&fresh->link, &i->locks);
		merge(i, fresh);
		fresh = NULL;
	}
	kfree(fresh);
	kfree(spare);
	waitq_wake_all(&waiters);
	return 0;
}

void locks_drop(struct inode *i, const void *owner)
{
	struct file_lock *l, *next;

	list_for_each_safe (l, next, &i->locks, link)
		if (l->is.owner == owner)
			drop(l);
	waitq_wake_all(&waiters);
}

void locks_drop_all(struct inode *i)
{
	while (!list_empty(&i->locks))
		drop(list_first(&i->locks, struct file_lock, link));
}
