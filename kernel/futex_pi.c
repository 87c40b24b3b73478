/* SPDX-License-Identifier: BSD-2-Clause
 *
 * futex_pi.c - locks whose word holds the tid of their owner.
 *
 *	word:	0			free: programs take it by themselves
 *		tid			owned: programs give it back by themselves
 *		tid | WAITERS		somebody sleeps here: giving it back is the kernel's
 *		... | OWNER_DIED	the one before ended with the lock in its hands
 *
 * Handing over writes the new owner into the word while it sleeps still, so that nobody comes in
 * between.  Only after a death the heir writes the word itself: it may lie at another address
 * there.  Until then the heir stays first in the bucket, `owned`.
 */
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/futex.h"
#include "kernel/task.h"

static struct list_link all = LIST_INIT(all); /* that wait for a lock, oldest first */

static struct futex_waiter *first_of(const struct futex_key *k)
{
	struct futex_waiter *w;

	list_for_each (w, futex_bucket(k), link)
		if (futex_same(&w->key, k))
			return w;
	return NULL;
}

static int exchange(uintptr_t word, uint32_t old, uint32_t new)
{
	uint32_t found = old;

	if (user_cmpxchg32((uint32_t __user *)word, &found, new))
		return -EFAULT;
	return found == old;
}

/* ---- taking ----------------------------------------------------------------------------- */

/* May t wait for the owner that the word names? */
static int check_owner(uint32_t value, const struct futex_waiter *top)
{
	pid_nr tid = (pid_nr)(value & FUTEX_TID_MASK);
	const struct task *t;

	if (top) {
		if (top->kind != FUTEX_PI)
			return -EINVAL;
		return top->owned || top->owner == tid || (value & FUTEX_OWNER_DIED) ? 0 : -EINVAL;
	}
	t = task_find(tid);
	if (!t)
		return -ESRCH;
	return t->kernel ? -EPERM : 0;
}

/* The lock for t: 1 it has it; 0 *owner has, and the word says that somebody waits. */
static int try_lock(uintptr_t word, const struct futex_key *k, const struct task *t,
		    uint32_t waiters, pid_nr *owner)
{
	const struct futex_waiter *top;
	uint32_t value;
	int err;

	for (;;) {
		if (get_user(value, (uint32_t __user *)word))
			return -EFAULT;
		if ((value & FUTEX_TID_MASK) == (uint32_t)t->tid)
			return -EDEADLK;
		top = first_of(k);
		if (!top && !(value & FUTEX_TID_MASK)) {
			err = exchange(word, value,
				       (uint32_t)t->tid | (value & FUTEX_OWNER_DIED) | waiters);
			if (err)
				return err;
			continue;
		}
		err = check_owner(value, top);
		if (err)
			return err;
		*owner = !top         ? (pid_nr)(value & FUTEX_TID_MASK)
			 : top->owned ? top->task->tid
				      : top->owner;
		err = exchange(word, value, value | FUTEX_WAITERS);
		if (err)
			return err < 0 ? err : 0;
	}
}

/* Does the owner wait, over others, for the task itself? */
static bool closes_circle(pid_nr owner, const struct task *me)
{
	const struct futex_waiter *w;
	bool found = true;

	while (found && owner != me->tid) {
		found = false;
		list_for_each (w, &all, pi)
			if (w->task->tid == owner && !w->owned) {
				owner = w->owner;
				found = true;
				break;
			}
	}
	return found;
}

static void wait_for_lock(struct futex_waiter *w, const struct futex_key *k, pid_nr owner)
{
	w->kind = FUTEX_PI;
	w->key = *k;
	w->owner = owner;
	list_add_tail(&w->link, futex_bucket(k));
	list_add_tail(&w->pi, &all);
}

static void stop_waiting(struct futex_waiter *w)
{
	list_del(&w->link);
	list_del(&w->pi);
}

/* ---- handing over ----------------------------------------------------------------------- */

static void set_owner(const struct futex_key *k, pid_nr owner)
{
	struct futex_waiter *w;

	list_for_each (w, &all, pi)
		if (futex_same(&w->key, k))
			w->owner = owner;
}

/* An owner has died: the eldest of each lock inherits. */
static void inherit(pid_nr tid)
{
	struct futex_waiter *w;

	list_for_each (w, &all, pi) {
		if (w->owner != tid || w->owned)
			continue;
		set_owner(&w->key, w->task->tid);
		w->owned = w->died = true;
		task_wake(w->task);
	}
}

void futex_pi_exit(const struct task *t)
{
	if (QR_RARELY(!list_empty(&all)))
		inherit(t->tid);
}

/* The heir writes itself into the word. */
static int finish(struct futex_waiter *w, uintptr_t word)
{
	uint32_t value;
	int ret = 0;

	while (w->died && !ret) {
		ret = get_user(value, (uint32_t __user *)word);
		if (!ret)
			ret = exchange(word, value,
				       (uint32_t)current->tid | FUTEX_WAITERS | FUTEX_OWNER_DIED);
	}
	stop_waiting(w);
	if (ret < 0)
		inherit(current->tid); /* the word is gone: whoever comes next may try */
	return ret < 0 ? ret : 0;
}

/* ---- the calls -------------------------------------------------------------------------- */

int futex_lock_pi(uintptr_t word, bool shared, uint64_t deadline, bool try)
{
	struct futex_waiter w = { .task = current };
	struct futex_key k;
	pid_nr owner;
	int err = futex_key(word, shared, &k);

	if (err)
		return err;
	err = try_lock(word, &k, current, 0, &owner);
	if (err)
		return err < 0 ? err : 0;
	if (closes_circle(owner, current))
		return -EDEADLK;
	if (try)
		return -EAGAIN;
	wait_for_lock(&w, &k, owner);
	err = futex_sleep(&w, deadline);
	if (w.owned)
		return finish(&w, word);
	stop_waiting(&w);
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

int futex_unlock_pi(uintptr_t word, bool shared)
{
	struct futex_waiter *top;
	struct futex_key k;
	uint32_t value;
	int ret = 0;

	while (!ret) {
		if (get_user(value, (uint32_t __user *)word))
			return -EFAULT;
		if ((value & FUTEX_TID_MASK) != (uint32_t)current->tid)
			return -EPERM;
		ret = futex_key(word, shared, &k);
		if (ret)
			break;
		top = first_of(&k);
		if (top && top->kind != FUTEX_PI)
			return -EINVAL;
		ret = exchange(word, value, top ? (uint32_t)top->task->tid | FUTEX_WAITERS : 0);
		if (ret <= 0 || !top)
			continue;
		top->owned = true;
		list_del(&top->link);
		list_del(&top->pi);
		set_owner(&k, top->task->tid);
		task_wake(top->task);
	}
	return ret < 0 ? ret : 0;
}

int futex_wait_requeue_pi(uintptr_t word, uintptr_t to, bool shared, uint32_t expected,
			  uint32_t bitset, uint64_t deadline)
{
	struct futex_waiter w = { .task = current, .bitset = bitset, .kind = FUTEX_TO_PI };
	struct futex_key target;
	uint32_t value;
	int err = word == to || !bitset ? -EINVAL : futex_key(to, shared, &target);

	if (!err)
		err = futex_key(word, shared, &w.key);
	if (!err && futex_same(&w.key, &target))
		err = -EINVAL;
	if (err)
		return err;
	w.target = &target;
	list_init(&w.pi);
	list_add_tail(&w.link, futex_bucket(&w.key));
	err = get_user(value, (uint32_t __user *)word);
	if (!err)
		err = value == expected ? futex_sleep(&w, deadline) : -EAGAIN;
	if (w.owned)
		return finish(&w, to);
	stop_waiting(&w);
	if (err != -ERESTARTSYS)
		return err;
	return w.kind == FUTEX_PI ? -EAGAIN : -ERESTARTNOINTR;
}

/* The waiter has the lock, or waits for it from now on. */
static void give(struct futex_waiter *w, const struct futex_key *to, bool owned, pid_nr owner)
{
	list_del(&w->link);
	if (!owned) {
		wait_for_lock(w, to, owner);
		return;
	}
	w->kind = FUTEX_PI;
	w->owned = true;
	task_wake(w->task);
}

static long requeue_keys(const struct futex_key *k, const struct futex_key *k2, uintptr_t to,
			 int move)
{
	struct futex_waiter *w, *next;
	pid_nr owner = 0;
	long done = 0;
	int got;

	list_for_each_safe (w, next, futex_bucket(k), link) {
		if (done - 1 >= move)
			break;
		if (!futex_same(&w->key, k))
			continue;
		if (w->kind != FUTEX_TO_PI || !futex_same(w->target, k2))
			return -EINVAL;
		got = done ? 0 : try_lock(to, k2, w->task, move ? FUTEX_WAITERS : 0, &owner);
		if (got < 0)
			return got;
		if (got)
			owner = w->task->tid;
		else if (closes_circle(owner, w->task))
			return -EDEADLK;
		give(w, k2, got, owner);
		done++;
	}
	return done;
}

long futex_requeue_pi(uintptr_t word, uintptr_t to, bool shared, int n, int move, uint32_t expected)
{
	struct futex_key k, k2;
	uint32_t value;
	int err = word == to || n != 1 || move < 0 ? -EINVAL : futex_key(word, shared, &k);

	if (!err)
		err = futex_key(to, shared, &k2);
	if (!err && futex_same(&k, &k2))
		err = -EINVAL;
	if (!err)
		err = get_user(value, (uint32_t __user *)word);
	if (err)
		return err;
	return value == expected ? requeue_keys(&k, &k2, to, move) : -EAGAIN;
}
