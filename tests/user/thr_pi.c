/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_pi.c - locks that the kernel hands over, and what the dead leave locked.
 */
#include "thread.h"
#include <pthread.h>

#define WAITERS  FUTEX_WAITERS
#define DIED     FUTEX_OWNER_DIED
#define TID_MASK FUTEX_TID_MASK

static volatile unsigned word, word2;
static volatile int answer, order[8], norder;

struct timeout {
	int64_t sec, nsec;
};

static struct timeout at_ms(int clock, int ms)
{
	struct timespec now;

	clock_gettime(clock, &now);
	ms += (int)(now.tv_nsec / 1000000);
	return (struct timeout){ now.tv_sec + ms / 1000, ms % 1000 * 1000000 };
}

static unsigned self(void)
{
	return (unsigned)raw(SYS_gettid, 0, 0, 0, 0);
}

#define LOCK(w)   futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0)
#define TRY(w)    futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0)
#define UNLOCK(w) futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0)

/* ---- locks ------------------------------------------------------------------------------ */

TEST("a lock: taken, tried, given back; its errors")
{
	struct timeout soon;

	CHECK_EQ(LOCK(&word), 0);
	CHECK_EQ(word, self());
	CHECK_EQ(LOCK(&word), -EDEADLK);
	CHECK_EQ(TRY(&word), -EDEADLK);
	CHECK_EQ(UNLOCK(&word), 0);
	CHECK_EQ(word, 0);
	CHECK_EQ(UNLOCK(&word), -EPERM);
	CHECK_EQ(TRY(&word), 0);
	CHECK_EQ(UNLOCK(&word), 0);
	word = 0x3ffffff; /* nobody */
	CHECK_EQ(LOCK(&word), -ESRCH);
	CHECK_EQ(UNLOCK(&word), -EPERM);
	word = DIED;
	CHECK_EQ(LOCK(&word), 0);
	CHECK_EQ(word, self() | DIED);
	CHECK_EQ(UNLOCK(&word), 0);
	CHECK_EQ(word, 0);
	word = (unsigned)getppid();
	soon = at_ms(CLOCK_REALTIME, 30);
	CHECK_EQ(futex(&word, FUTEX_LOCK_PI, 0, &soon, NULL, 0), -ETIMEDOUT);
	CHECK_EQ(word, (unsigned)getppid() | WAITERS);
	soon = at_ms(CLOCK_MONOTONIC, 30);
	CHECK_EQ(futex(&word, FUTEX_LOCK_PI2, 0, &soon, NULL, 0), -ETIMEDOUT);
	CHECK_EQ(TRY(&word), -EAGAIN);
	CHECK_EQ(futex((unsigned *)((char *)&word + 2), FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex((unsigned *)16, FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EFAULT);
}

static int lock_and_note(void *which)
{
	long ret = LOCK(&word);

	order[norder++] = (int)(intptr_t)which;
	if (ret || (word & TID_MASK) != self())
		answer = -1;
	return UNLOCK(&word) ? 1 : 0;
}

TEST("a lock goes from one to the next, in the order of asking")
{
	struct thread t[4];

	answer = norder = 0;
	CHECK_EQ(LOCK(&word), 0);
	for (int i = 0; i < 4; i++) {
		thread_start(&t[i], lock_and_note, (void *)(intptr_t)i);
		pause_ms(10);
	}
	CHECK_EQ(word, self() | WAITERS);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(UNLOCK(&word), 0);
	for (int i = 0; i < 4; i++)
		thread_join(&t[i]);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(order[i], i);
	CHECK_EQ(answer, 0);
	CHECK_EQ(word & TID_MASK, 0);
}

static int lock_both(void *unused)
{
	(void)unused;
	LOCK(&word2);
	answer = 1;
	LOCK(&word); /* the first task's: sleeps */
	UNLOCK(&word);
	UNLOCK(&word2);
	return 0;
}

TEST("a circle of two locks is refused")
{
	struct thread t;

	answer = 0;
	CHECK_EQ(LOCK(&word), 0);
	thread_start(&t, lock_both, NULL);
	pause_ms(30);
	CHECK_EQ(answer, 1);
	CHECK_EQ(LOCK(&word2), -EDEADLK);
	CHECK_EQ(UNLOCK(&word), 0);
	thread_join(&t);
}

static int lock_and_die(void *unused)
{
	(void)unused;
	LOCK(&word);
	answer = 1;
	while (answer == 1)
		pause_ms(1);
	return 0;
}

static int wait_for_lock(void *unused)
{
	(void)unused;
	LOCK(&word);
	order[norder++] = (int)word;
	UNLOCK(&word);
	return 0;
}

TEST("who dies with a lock leaves it to who waits")
{
	struct thread t[3];

	answer = norder = 0;
	word = 0;
	thread_start(&t[0], lock_and_die, NULL);
	while (!answer)
		pause_ms(1);
	thread_start(&t[1], wait_for_lock, NULL);
	pause_ms(10);
	thread_start(&t[2], wait_for_lock, NULL);
	pause_ms(10);
	answer = 2;
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	CHECK_EQ(norder, 2);
	CHECK_EQ((unsigned)order[0] & (DIED | TID_MASK), (unsigned)t[1].tid | DIED);
	CHECK_EQ((unsigned)order[1] & TID_MASK, (unsigned)t[2].tid);
}

/* ---- condition variables over locks ------------------------------------------------------ */

static int wait_requeue(void *which)
{
	long ret = futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &word2, 0);

	if (ret || (word2 & TID_MASK) != self())
		answer = (int)ret - 1;
	order[norder++] = (int)(intptr_t)which;
	return UNLOCK(&word2) ? 1 : 0;
}

static void requeue(int locked)
{
	struct thread t[3];

	word = word2 = 0;
	answer = norder = 0;
	for (int i = 0; i < 3; i++) {
		thread_start(&t[i], wait_requeue, (void *)(intptr_t)i);
		pause_ms(10);
	}
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, NUMBER(1), &word2, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PI, 2, NUMBER(1), &word2, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NUMBER(1), &word, 0), -EINVAL);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NUMBER(1), &word2, 7), -EAGAIN);
	if (locked)
		CHECK_EQ(LOCK(&word2), 0);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PI, 1, NUMBER(9), &word2, 0), 3);
	pause_ms(10);
	if (locked) {
		CHECK_EQ(norder, 0);
		CHECK_EQ(UNLOCK(&word2), 0);
	}
	for (int i = 0; i < 3; i++)
		thread_join(&t[i]);
	CHECK_EQ(answer, 0);
	CHECK_EQ(norder, 3);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(order[i], i);
}

TEST("waiters of a condition go over to its lock, free or taken")
{
	struct timeout soon = at_ms(CLOCK_MONOTONIC, 30);

	requeue(0);
	requeue(1);
	CHECK_EQ(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, &soon, &word2, 0), -ETIMEDOUT);
	CHECK_EQ(futex(&word, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &word2, 0), -EAGAIN);
	CHECK_EQ(futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &word, 0), -EINVAL);
}

/* ---- robust lists ------------------------------------------------------------------------ */

struct entry {
	struct entry *next;
	unsigned lock;
};

struct head {
	struct entry *next;
	long offset;
	struct entry *pending;
};

static struct head head;
static struct entry entries[4];

static int die_with_locks(void *how)
{
	unsigned me = self();

	for (int i = 0; i < 4; i++) {
		entries[i].lock = i == 1 ? me + 1 : me | WAITERS;
		entries[i].next = i < 2 ? &entries[i + 1] : (struct entry *)&head;
	}
	head = (struct head){ entries, offsetof(struct entry, lock), &entries[3] };
	if (!strcmp(how, "loop"))
		entries[2].next = &entries[0];
	if (!strcmp(how, "wild"))
		entries[0].next = (struct entry *)64;
	if (!strcmp(how, "given back"))
		entries[3].lock = 0;
	raw(SYS_set_robust_list, &head, sizeof head, 0, 0);
	return 0;
}

static void die(char *how)
{
	struct thread t;

	thread_start(&t, die_with_locks, how);
	thread_join(&t);
}

TEST("robust lists: what the dead held says so")
{
	unsigned long got[2];

	CHECK_ERR(syscall(SYS_set_robust_list, &head, sizeof head - 1), EINVAL);
	CHECK_EQ(syscall(SYS_get_robust_list, 0, &got[0], &got[1]), 0);
	CHECK_EQ(got[1], sizeof head);
	CHECK_ERR(syscall(SYS_get_robust_list, 0x3ffffff, &got[0], &got[1]), ESRCH);
	die("in order");
	CHECK_EQ(entries[0].lock, DIED | WAITERS);
	CHECK((entries[1].lock & DIED) == 0);
	CHECK_EQ(entries[2].lock, DIED | WAITERS);
	CHECK_EQ(entries[3].lock, DIED | WAITERS); /* the pending one */
	die("loop");
	CHECK_EQ(entries[2].lock, DIED | WAITERS);
	die("wild");
	CHECK_EQ(entries[0].lock, DIED | WAITERS);
	die("given back");
	CHECK_EQ(entries[3].lock, 0);
}

static int wait_on_entry(void *entry)
{
	struct entry *e = entry;

	answer = (int)futex(&e->lock, FUTEX_WAIT, e->lock, NULL, NULL, 0);
	return 0;
}

TEST("robust lists: who waits for the dead is woken, over process borders too")
{
	struct entry *e =
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct head *h = (struct head *)(e + 4);
	struct thread t;
	pid_t child = fork();

	answer = -1;
	if (child == 0) {
		e->lock = (unsigned)getpid() | WAITERS;
		e->next = (struct entry *)h;
		*h = (struct head){ e, offsetof(struct entry, lock), NULL };
		syscall(SYS_set_robust_list, h, sizeof *h);
		pause();
	}
	while (!*(volatile unsigned *)&e->lock)
		pause_ms(1);
	thread_start(&t, wait_on_entry, e);
	pause_ms(20);
	kill(child, SIGKILL);
	thread_join(&t);
	CHECK_EQ(answer, 0);
	CHECK_EQ(e->lock, DIED | WAITERS);
}

/* ---- through the C library ---------------------------------------------------------------- */

static pthread_mutex_t mutex;

static void *lock_and_leave(void *unused)
{
	pthread_mutex_lock(&mutex);
	return unused;
}

static void *count_under(void *n)
{
	for (int i = 0; i < 3000; i++) {
		pthread_mutex_lock(&mutex);
		++*(int *)n;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

TEST("pthread mutexes: robust, inheriting, both")
{
	for (int kind = 1; kind < 4; kind++) {
		pthread_mutexattr_t a;
		pthread_t t[4];
		int n = 0;

		pthread_mutexattr_init(&a);
		pthread_mutexattr_setrobust(&a, kind & 1 ? PTHREAD_MUTEX_ROBUST : 0);
		pthread_mutexattr_setprotocol(&a, kind & 2 ? PTHREAD_PRIO_INHERIT : 0);
		NEED(pthread_mutex_init(&mutex, &a) == 0);
		for (int i = 0; i < 4; i++)
			NEED(pthread_create(&t[i], NULL, count_under, &n) == 0);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		CHECK_EQ(n, 12000);
		if (kind & 1) {
			NEED(pthread_create(&t[0], NULL, lock_and_leave, NULL) == 0);
			pthread_join(t[0], NULL);
			CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
			CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
			CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
		}
		pthread_mutex_destroy(&mutex);
	}
}
