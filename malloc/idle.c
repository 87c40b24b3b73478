/* SPDX-License-Identifier: BSD-2-Clause
 *
 * idle.c - memory goes back to the system when a program does nothing, not only inside malloc.
 *
 * When a free leaves much memory unused (MUCH), a thread is started that waits until nothing has
 * changed for a while, empties the depots and the threads' spare magazines, and gives empty spans
 * and free pages back; then it ends.
 * So a program that holds what it has never gets a thread, and one that becomes idle has one for
 * about a second.
 *
 * It is a bare clone: it has no storage of its own for threads, so it calls nothing of the C
 * library and does not touch malloc_local; signals never reach it, since all are blocked.
 * QUIRE_MALLOC_IDLE=0 in the environment turns it off.
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include "malloc/pages.h"
#include "mm/heap_impl.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MUCH     ((size_t)4 << 20)
#define STACK    ((size_t)64 << 10)
#define PAUSE_NS 200000000l
#define PATIENCE 50 /* pauses at most, however busy the program is */

static bool enabled;
static uint32_t running; /* cleared by the kernel, when the thread is off its stack */
static char *stack;

static size_t unused(void)
{
	return pages_dirty() + qr_heap_in_depots(&malloc_heap);
}

static bool is_much(bool whole)
{
	return pages_dirty() > MUCH || (!whole && unused() > MUCH);
}

static int wait_and_give_back(void *unneeded)
{
	struct timespec pause = { 0, PAUSE_NS };
	size_t before = 0, now;

	(void)unneeded;
	for (int i = 0; i < PATIENCE; i++) {
		quiet_call(SYS_nanosleep, (long)&pause, 0, 0, 0);
		now = unused() + malloc_heap.npages;
		if (now == before)
			break;
		before = now;
	}
	qr_heap_steal(&malloc_heap);
	qr_heap_drain(&malloc_heap);
	qr_heap_central_trim(&malloc_heap);
	pages_purge();
	qr_heap_map_trim(&malloc_heap);
	quiet_call(SYS_exit, 0, 0, 0, 0);
	return 0;
}

static void begin(void)
{
	sigset_t every, old;

	if (!stack) {
		void *p =
		    mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return;
		stack = p;
	}
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	if (clone(wait_and_give_back, stack + STACK,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		      CLONE_CHILD_CLEARTID,
		  NULL, NULL, NULL, &running) < 0)
		qr_store_rel32(&running, 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void idle_look(bool whole)
{
	uint32_t no = 0;

	if (enabled && !qr_load32(&running) && is_much(whole) && qr_cas32(&running, &no, 1))
		begin();
}

void idle_set_up(void)
{
	const char *wish = getenv("QUIRE_MALLOC_IDLE");

	enabled = !(wish && !strcmp(wish, "0"));
}

void idle_forget(void)
{
	qr_store32(&running, 0);
}
