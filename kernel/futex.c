/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/futex.h"
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"

struct list_link futex_buckets[1 << FUTEX_BUCKETS_LOG2];

void futex_init(void)
{
	for (unsigned i = 0; i < 1 << FUTEX_BUCKETS_LOG2; i++)
		list_init(&futex_buckets[i]);
}

/* Where memory is the process's own, asked for as shared: known by address, and yet another than
 * if it had been asked for as private. */
#define OWN_BUT_SHARED 2

int futex_key_shared(uintptr_t word, struct futex_key *out)
{
	struct mm *mm = current_process->mm;
	const struct qr_object *object;

	if (qr_space_whose(&mm->space, qr_virt_of(word), &object, &out->offset))
		return -EFAULT;
	out->home = object;
	if (!object) {
		out->home = mm;
		out->offset = word | OWN_BUT_SHARED;
	}
	return 0;
}

/* ---- waiting ---------------------------------------------------------------------------- */

static void enter(struct futex_waiter *w)
{
	w->task = current;
	list_add_tail(&w->link, futex_bucket(&w->key));
}

int futex_sleep(struct futex_waiter *w, uint64_t deadline)
{
	int err = 0;

	for (;;) {
		current->state = TASK_SLEEPING;
		if (list_empty(&w->link) || w->owned)
			err = 0;
		else if (!err) {
			err = waitq_sleep(WAIT_SIGNALS, deadline);
			continue;
		}
		break;
	}
	current->state = TASK_RUNNABLE;
	return err;
}

int futex_wait(uintptr_t word, bool shared, uint32_t expected, uint32_t bitset, uint64_t deadline)
{
	struct futex_waiter w = { .bitset = bitset };
	uint32_t value;
	int err = bitset ? futex_key(word, shared, &w.key) : -EINVAL;

	if (err)
		return err;
	/* Reading may sleep (a page comes in), and a wake-up in between counts. */
	enter(&w);
	err = get_user(value, (uint32_t __user *)word);
	if (!err && value != expected)
		err = -EAGAIN;
	if (!err)
		err = futex_sleep(&w, deadline);
	list_del(&w.link);
	return err;
}

/* The first that was woken; -1: none. */
static long woken(const struct futex_waiter *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (list_empty(&w[i].link))
			return (long)i;
	return -1;
}

static long enter_many(struct futex_waiter *w, const struct futex_wait_one *one, unsigned n)
{
	uint32_t value;
	long first;

	for (unsigned i = 0; i < n; i++) {
		enter(&w[i]);
		if (get_user(value, (uint32_t __user *)one[i].word))
			return -EFAULT;
		first = woken(w, i + 1);
		if (first >= 0 || value != one[i].expected)
			return first >= 0 ? first : -EAGAIN;
	}
	return -1;
}

static long sleep_many(struct futex_waiter *w, unsigned n, uint64_t deadline)
{
	long first;
	int err = 0;

	for (;;) {
		current->state = TASK_SLEEPING;
		first = woken(w, n);
		if (first >= 0 || err)
			break;
		err = waitq_sleep(WAIT_SIGNALS, deadline);
	}
	current->state = TASK_RUNNABLE;
	return first >= 0 ? first : err;
}

long futex_wait_many(const struct futex_wait_one *one, unsigned n, uint64_t deadline)
{
	struct futex_waiter *w = kcalloc(n, sizeof(*w));
	long ret = w ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n && !ret; i++) {
		list_init(&w[i].link);
		w[i].bitset = FUTEX_BITSET_ALL;
		ret = futex_key(one[i].word, one[i].shared, &w[i].key);
	}
	if (!ret) {
		ret = enter_many(w, one, n);
		if (ret == -1)
			ret = sleep_many(w, n, deadline);
		for (unsigned i = 0; i < n; i++)
			if (w[i].link.next)
				list_del(&w[i].link);
	}
	kfree(w);
	return ret;
}

/* ---- waking ----------------------------------------------------------------------------- */

static __attribute__((noinline)) long wake_in(struct list_link *bucket, const struct futex_key *k,
					      int n, uint32_t bitset)
{
	struct futex_waiter *w, *next;
	long done = 0;

	list_for_each_safe (w, next, bucket, link) {
		if (!futex_same(&w->key, k))
			continue;
		if (w->kind != FUTEX_PLAIN)
			return -EINVAL;
		if (!(w->bitset & bitset))
			continue;
		list_del(&w->link);
		task_wake(w->task);
		if (++done >= n)
			break;
	}
	return done;
}

QR_INLINE long wake_key(const struct futex_key *k, int n, uint32_t bitset)
{
	struct list_link *bucket = futex_bucket(k);

	return list_empty(bucket) ? 0 : wake_in(bucket, k, n, bitset);
}

long futex_wake(uintptr_t word, bool shared, int n, uint32_t bitset)
{
	struct futex_key k;
	int err = bitset ? futex_key(word, shared, &k) : -EINVAL;

	return err ? err : wake_key(&k, n, bitset);
}

static void move_to(struct futex_waiter *w, const struct futex_key *k)
{
	struct list_link *to = futex_bucket(k);

	if (to != futex_bucket(&w->key)) {
		list_del(&w->link);
		list_add_tail(&w->link, to);
	}
	w->key = *k;
}

static long requeue_keys(const struct futex_key *k, const struct futex_key *to, int n, int move)
{
	struct list_link *bucket = futex_bucket(k);
	struct futex_waiter *w, *next;
	int done = 0;

	list_for_each_safe (w, next, bucket, link) {
		if (done - n >= move)
			break;
		if (!futex_same(&w->key, k))
			continue;
		if (w->kind != FUTEX_PLAIN)
			return -EINVAL;
		if (++done > n) {
			move_to(w, to);
		} else {
			list_del(&w->link);
			task_wake(w->task);
		}
	}
	return done;
}

long futex_requeue(uintptr_t word, uintptr_t to, bool shared, int n, int move,
		   const uint32_t *expected)
{
	struct futex_key k, k2;
	uint32_t value = 0;
	int err = n < 0 || move < 0 ? -EINVAL : futex_key(word, shared, &k);

	if (!err)
		err = futex_key(to, shared, &k2);
	if (!err && expected)
		err = get_user(value, (uint32_t __user *)word);
	if (err)
		return err;
	if (expected && value != *expected)
		return -EAGAIN;
	return requeue_keys(&k, &k2, n, move);
}

/* ---- wake and operate ------------------------------------------------------------------- */

enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR };
enum { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

static int operate(uint32_t op, uint32_t arg, uint32_t old, uint32_t *out)
{
	switch (op) {
	case OP_SET:
		*out = arg;
		return 0;
	case OP_ADD:
		*out = old + arg;
		return 0;
	case OP_OR:
		*out = old | arg;
		return 0;
	case OP_ANDN:
		*out = old & ~arg;
		return 0;
	case OP_XOR:
		*out = old ^ arg;
		return 0;
	}
	return -ENOSYS;
}

static int compare(uint32_t cmp, int32_t old, int32_t arg)
{
	switch (cmp) {
	case CMP_EQ:
		return old == arg;
	case CMP_NE:
		return old != arg;
	case CMP_LT:
		return old < arg;
	case CMP_LE:
		return old <= arg;
	case CMP_GT:
		return old > arg;
	case CMP_GE:
		return old >= arg;
	}
	return -ENOSYS;
}

/* 1 if the condition holds, 0 if not.  op: 4 bits operation, 4 bits comparison, 12 bits each. */
static int operate_on(uintptr_t word, uint32_t op)
{
	uint32_t arg = (uint32_t)((int32_t)(op << 8) >> 20), old, found, new;
	int err;

	if (op >> 31)
		arg = 1u << (arg & 31);
	if (get_user(old, (uint32_t __user *)word))
		return -EFAULT;
	for (;;) {
		err = operate(op >> 28 & 7, arg, old, &new);
		found = old;
		if (!err)
			err = user_cmpxchg32((uint32_t __user *)word, &found, new);
		if (err)
			return err;
		if (found == old)
			return compare(op >> 24 & 15, (int32_t)old, (int32_t)(op << 20) >> 20);
		old = found;
	}
}

long futex_wake_op(uintptr_t word, uintptr_t to, bool shared, int n, int n2, uint32_t op)
{
	struct futex_key k, k2;
	long done, more;
	int err = futex_key(word, shared, &k), holds;

	if (!err)
		err = futex_key(to, shared, &k2);
	if (err)
		return err;
	holds = operate_on(to, op);
	if (holds < 0)
		return holds;
	done = wake_key(&k, n, FUTEX_BITSET_ALL);
	if (done < 0 || !holds)
		return done;
	more = wake_key(&k2, n2, FUTEX_BITSET_ALL);
	return more < 0 ? more : done + more;
}
