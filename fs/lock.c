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

/* What one owner holds stands together and in order: who asks is told of the lowest first. */
static void insert(struct inode *i, struct file_lock *fresh)
{
	struct list_link *at = &i->locks;
	struct file_lock *l;

	list_for_each (l, &i->locks, link) {
		if (l->is.owner != fresh->is.owner)
			continue;
		at = &l->link;
		if (l->is.start > fresh->is.start)
			break;
		at = l->link.next;
	}
	list_add_tail(&fresh->link, at);
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

/* ---- waiting ---------------------------------------------------------------------------- */

/* A process that sleeps for a range. */
struct blocked {
	struct list_link link;
	struct inode *inode;
	const struct lock_request *want;
};

static struct list_link blocked = LIST_INIT(blocked);

#define CIRCLE_MAX 10 /* as far as Linux follows */

/* What does this owner wait for, who has it? */
static const void *waits_for(const void *owner)
{
	const struct blocked *b;
	const struct file_lock *l;

	list_for_each (b, &blocked, link) {
		if (b->want->owner != owner)
			continue;
		l = find_conflict(b->inode, b->want);
		return l ? l->is.owner : NULL;
	}
	return NULL;
}

/* Would waiting for the owner mean to wait for oneself?  Locks of open files have no process that
 * could be asked. */
static bool closes_circle(const void *owner, const struct lock_request *want)
{
	for (unsigned n = 0; owner && n < CIRCLE_MAX; n++) {
		owner = waits_for(owner);
		if (owner == want->owner)
			return true;
	}
	return false;
}

static bool deadlock(struct inode *i, const struct lock_request *want)
{
	const struct file_lock *l = find_conflict(i, want);

	return l && closes_circle(l->is.owner, want);
}

/* Whoever stood in the way may leave us to another, who waits for us: each change asks anew. */
static int wait_for(struct inode *i, const struct lock_request *want)
{
	bool of_process = want->kind == LOCK_RANGE && want->pid >= 0;
	struct blocked b = { .inode = i, .want = want };
	int err;

	if (!of_process)
		return wait_event(&waiters, !find_conflict(i, want), WAIT_FOREVER);
	list_add(&b.link, &blocked);
	err = wait_event(&waiters, !find_conflict(i, want) || deadlock(i, want), WAIT_FOREVER);
	list_del(&b.link);
	return err ? err : find_conflict(i, want) ? -EDEADLK : 0;
}

int lock_set(struct inode *i, const struct lock_request *want, bool wait)
{
	struct file_lock *fresh = lock_new(want), *spare = lock_new(want);
	int err = fresh && spare ? 0 : -ENOMEM;

	if (!err && find_conflict(i, want))
		err = wait ? wait_for(i, want) : -EAGAIN;
	if (err) {
		kfree(fresh);
		kfree(spare);
		return err;
	}
	spare = cut(i, want, spare);
	if (want->type != LOCK_NONE) {
		insert(i, fresh);
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
