/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.c - the heap in a process: its begin, threads that come and go, forks, errors.
 *
 * A thread's first call that misses its magazines joins the heap; its end gives everything back,
 * and what the C library still frees after that goes straight to the spans.
 *
 * What the heap refuses (a double free, say) is reported and ends the program: whatever it does
 * next would be done with memory that is not what it thinks.  QUIRE_MALLOC_ABORT=0 lets it go on.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"
#include "mm/heap_quick.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

struct qr_heap malloc_heap;

__thread struct malloc_thread malloc_thread TLS_INITIAL = {
	.l = {
		.top = { [0 ... QR_HEAP_CLASSES - 1] = NOTHING },
		.spare = { [0 ... QR_HEAP_CLASSES - 1] = NOTHING },
		.closed = true,
	},
	.class = { CLASS_TABLE },
};

static __thread bool ending TLS_INITIAL;
static pthread_key_t key;
static bool have_key;
static bool fatal = true;
static uint32_t started; /* 0: not, 1: somebody is about it, 2: yes */

void qr_host_relax(void)
{
	sched_yield();
}

#define SPINS 200

void qr_host_sleep(const uint32_t *at, uint32_t value, uint32_t *sleepers)
{
	const struct timespec at_most = { 0, 1000000 };

	for (int i = 0; i < SPINS; i++) {
		if (qr_load32(at) != value)
			return;
		__builtin_ia32_pause();
	}
	qr_add32(sleepers, 1);
	quiet_call(SYS_futex, (long)at, FUTEX_WAIT_PRIVATE, (long)value, (long)&at_most);
	qr_add32(sleepers, -1u);
}

void qr_host_wake(const uint32_t *at)
{
	quiet_call(SYS_futex, (long)at, FUTEX_WAKE_PRIVATE, 1, 0);
}

static long membarrier(long command)
{
	return quiet_call(SYS_membarrier, command, 0, 0, 0);
}

bool qr_host_barrier(void)
{
	long ret = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);

	if (ret == -EPERM && !membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
		ret = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	return !ret;
}

_Noreturn void qr_host_panic(const char *rule, const char *file, int line)
{
	malloc_say("quire-malloc: %s (%s:%d)\n", rule, file, line);
	abort();
}

static void report(void *ctx, const struct qr_heap_fault *fault)
{
	(void)ctx;
	malloc_say("quire-malloc: %p %s\n", fault->p, qr_heap_wrong_words(fault->wrong));
	if (fault->size)
		malloc_say("quire-malloc: object %p, class of %zu bytes\n", fault->object,
			   fault->size);
	if (fault->at)
		malloc_say("quire-malloc: byte %td of it, at %p\n",
			   (char *)fault->at - (char *)fault->object, fault->at);
	debug_explain(fault);
	if (fatal)
		abort();
}

static void end_thread(void *unused)
{
	(void)unused;
	ending = true;
	qr_heap_leave(&malloc_heap, &malloc_thread.l);
}

/* A fork copies one thread.  Nobody may hold a lock then, nor be in the middle of exchanging
 * magazines: then the child takes back what the other threads had in theirs. */
static bool hushed;

static void before_fork(void)
{
	debug_lock();
	hushed = qr_heap_hush(&malloc_heap, &malloc_thread.l);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		qr_lock_acquire(&malloc_heap.class[c].lock);
	pages_lock();
}

static void after_fork(void)
{
	pages_unlock();
	for (unsigned c = QR_HEAP_CLASSES; c--;)
		qr_lock_release(&malloc_heap.class[c].lock);
	qr_heap_unhush(&malloc_heap);
	debug_unlock();
}

/* Who slept at a lock will never come: the locks begin anew. */
static void after_fork_in_child(void)
{
	pages_reset_lock();
	qr_lock_init(&malloc_heap.lock, QR_RANK_HEAP);
	for (unsigned c = 0; c < QR_HEAP_CLASSES; c++)
		qr_lock_init(&malloc_heap.class[c].lock, QR_RANK_HEAP);
	debug_reset_lock();
	idle_forget();
	qr_heap_inherit(&malloc_heap, &malloc_thread.l, hushed);
}

static bool start(void)
{
	struct qr_heap_source source;
	uint32_t no = 0;

	if (qr_load_acq32(&started) == 2)
		return true;
	if (!qr_cas32(&started, &no, 1)) {
		while (qr_load_acq32(&started) == 1)
			qr_host_relax();
		return qr_load_acq32(&started) == 2;
	}
	if (!pages_init(&source) || !guard_source(&source) ||
	    qr_heap_init(&malloc_heap, &source, 0) != QR_OK || !debug_begin()) {
		qr_store_rel32(&started, 0);
		return false;
	}
	qr_heap_set_report(&malloc_heap, report, NULL);
	qr_store_rel32(&started, 2);
	return true;
}

static __attribute__((constructor)) void set_up(void)
{
	const char *wish;

	if (!start())
		return;
	have_key = pthread_key_create(&key, end_thread) == 0;
	if (have_key && !malloc_thread.l.closed)
		pthread_setspecific(key, &key);
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
	wish = getenv("QUIRE_MALLOC_ABORT");
	fatal = !(wish && !strcmp(wish, "0"));
	wish = getenv("QUIRE_MALLOC_HUGE");
	if (wish && !strcmp(wish, "0"))
		pages_set_small();
	debug_set_up();
	stats_set_up();
	idle_set_up();
}

bool malloc_join(void)
{
	if (!start())
		return false;
	if (ending)
		return true;
	qr_heap_join(&malloc_heap, &malloc_thread.l);
	if (have_key)
		pthread_setspecific(key, &key);
	return true;
}
