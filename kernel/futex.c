/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/futex.h"
#include "kernel/task.h"

#define BUCKETS 64

/* Private: the address space and the address.  Shared: the object and the byte in it. */
struct key {
	const void *home;
	uint64_t offset;
};

struct sleeper {
	struct list_link link; /* in its bucket; empty once woken */
	struct waitq queue;    /* only this one waits in it */
	struct key key;
	uint32_t bitset;
};

static struct list_link buckets[BUCKETS];

static struct list_link *bucket_of(const struct key *k)
{
	uintptr_t h = (uintptr_t)k->home / 64 + (uintptr_t)(k->offset >> 2);
	struct list_link *b = &buckets[(h ^ h >> 6 ^ h >> 12) % BUCKETS];

	if (!b->next)
		list_init(b);
	return b;
}

static int key_of(uintptr_t word, bool shared, struct key *out)
{
	struct mm *mm = current_process->mm;
	struct qr_region r;

	if (word % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok((void __user *)word, sizeof(uint32_t)))
		return -EFAULT;
	*out = (struct key){ .home = mm, .offset = word };
	if (!shared)
		return 0;
	if (qr_space_next(&mm->space, qr_virt_of(word), &r) || r.start.v > word)
		return -EFAULT;
	if (r.object && (r.flags & QR_MAP_SHARED)) {
		out->home = r.object;
		out->offset = r.pgoff * QR_PAGE_SIZE + (word - r.start.v);
	}
	return 0;
}

static bool same(const struct key *a, const struct key *b)
{
	return a->home == b->home && a->offset == b->offset;
}

static void wake(struct sleeper *s)
{
	list_del(&s->link);
	waitq_wake_all(&s->queue);
}

int futex_wait(uintptr_t word, bool shared, uint32_t expected, uint32_t bitset, uint64_t deadline)
{
	struct sleeper s = { .bitset = bitset };
	uint32_t value;
	int err = key_of(word, shared, &s.key);

	if (err)
		return err;
	if (!bitset)
		return -EINVAL;
	/* Reading may sleep (a page comes in); nothing sleeps between it and the queueing
	 * unless the page went away again, and then the value is read once more. */
	list_init(&s.link);
	list_add_tail(&s.link, bucket_of(&s.key));
	err = get_user(value, (uint32_t __user *)word);
	if (!err && value != expected)
		err = -EAGAIN;
	if (!err)
		err = wait_event(&s.queue, list_empty(&s.link), deadline);
	list_del(&s.link);
	return err;
}

long futex_wake(uintptr_t word, bool shared, uint32_t n, uint32_t bitset)
{
	struct sleeper *s, *next;
	struct key k;
	long woken = 0;
	int err = key_of(word, shared, &k);

	if (err)
		return err;
	if (!bitset)
		return -EINVAL;
	list_for_each_safe (s, next, bucket_of(&k), link) {
		if (!same(&s->key, &k) || !(s->bitset & bitset))
			continue;
		if ((uint32_t)woken >= n)
			break;
		wake(s);
		woken++;
	}
	return woken;
}

long futex_requeue(uintptr_t word, uintptr_t to, bool shared, uint32_t n, uint32_t move,
		   const uint32_t *expected)
{
	struct sleeper *s, *next;
	struct key k, k2;
	uint32_t value = 0, woken = 0, moved = 0;
	int err = key_of(word, shared, &k);

	if (!err)
		err = key_of(to, shared, &k2);
	if (!err && expected)
		err = get_user(value, (uint32_t __user *)word);
	if (err)
		return err;
	if (expected && value != *expected)
		return -EAGAIN;
	list_for_each_safe (s, next, bucket_of(&k), link) {
		if (!same(&s->key, &k))
			continue;
		if (woken < n) {
			wake(s);
			woken++;
		} else if (moved < move) {
			s->key = k2;
			list_del(&s->link);
			list_add_tail(&s->link, bucket_of(&k2));
			moved++;
		} else {
			break;
		}
	}
	return (long)woken + moved;
}

/* ---- the end of a task ------------------------------------------------------------------ */

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu
#define ROBUST_LIMIT     2048

struct robust_head {
	uintptr_t next;
	intptr_t futex_offset;
	uintptr_t pending;
};

/* The owner of the lock at `word` has died with it. */
static void robust_release(uintptr_t word, pid_nr tid)
{
	uint32_t __user *p = (uint32_t __user *)word;
	uint32_t value;

	if (word % sizeof(uint32_t) || get_user(value, p))
		return;
	while ((value & FUTEX_TID_MASK) == (uint32_t)tid) {
		uint32_t found = value;

		if (user_cmpxchg32(p, &found, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return;
		if (found == value) {
			if (value & FUTEX_WAITERS)
				(void)futex_wake(word, true, 1, FUTEX_BITSET_ALL);
			return;
		}
		value = found;
	}
}

static void robust_exit(struct task *t)
{
	uintptr_t head = t->robust_list, entry;
	struct robust_head h;

	if (!head || copy_from_user(&h, (const void __user *)head, sizeof(h)))
		return;
	entry = h.next;
	for (unsigned n = 0; (entry & ~(uintptr_t)1) != head && n < ROBUST_LIMIT; n++) {
		uintptr_t at = entry & ~(uintptr_t)1, next;
		bool last = get_user(next, (uintptr_t __user *)at);

		if (at != (h.pending & ~(uintptr_t)1))
			robust_release(at + (uintptr_t)h.futex_offset, t->tid);
		if (last)
			break;
		entry = next;
	}
	if (h.pending)
		robust_release((h.pending & ~(uintptr_t)1) + (uintptr_t)h.futex_offset, t->tid);
}

void futex_task_exit(struct task *t)
{
	struct process *p = t->process;
	uintptr_t word = t->clear_tid;

	if (!p->mm)
		return;
	robust_exit(t);
	t->robust_list = 0;
	t->clear_tid = 0;
	/* Nobody is left to see the word when the address space goes with this task. */
	if (word && (p->mm->ref > 1 || p->ntasks > 1) &&
	    !put_user((int32_t)0, (int32_t __user *)word))
		(void)futex_wake(word, true, 1, FUTEX_BITSET_ALL);
}
