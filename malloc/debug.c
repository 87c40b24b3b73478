/* SPDX-License-Identifier: BSD-2-Clause
 *
 * debug.c - what the debug library has to say (mm/heap_debug.c finds it).
 *
 * A place is the address behind the call: it is told as the function that the dynamic linker knows
 * there, and as an offset into its file, for addr2line -e FILE OFFSET.
 *
 *	QUIRE_MALLOC_HOLD=BYTES   how much waits freed, 16 MiB
 *	QUIRE_MALLOC_CHECK=N      every N-th call looks at all objects; 0, the default: at exit
 *	QUIRE_MALLOC_LEAKS=0      no list of what is in use at exit
 */
#define _GNU_SOURCE
#include "malloc/malloc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOLD   ((size_t)16 << 20)
#define PLACES 40 /* of a leak report; the rest is summed up */

struct qr_heap_debug malloc_debug;

static bool leaks = true;

bool debug_begin(void)
{
	return qr_heap_debug_init(&malloc_debug, &malloc_heap, HOLD) == QR_OK;
}

void debug_set_up(void)
{
	const char *hold = getenv("QUIRE_MALLOC_HOLD"), *every = getenv("QUIRE_MALLOC_CHECK"),
		   *wish = getenv("QUIRE_MALLOC_LEAKS");

	if (hold)
		malloc_debug.hold_max = strtoul(hold, NULL, 0);
	if (every)
		malloc_debug.every = (uint32_t)strtoul(every, NULL, 0);
	leaks = !(wish && !strcmp(wish, "0"));
	if (leaks)
		malloc_keep_stderr();
}

void debug_lock(void)
{
	qr_lock_acquire(&malloc_debug.lock);
}

void debug_unlock(void)
{
	qr_lock_release(&malloc_debug.lock);
}

void debug_reset_lock(void)
{
	qr_lock_init(&malloc_debug.lock, QR_RANK_HEAP);
}

/* ---- places ----------------------------------------------------------------------------------- */

static void say_place(const char *what, uintptr_t site)
{
	Dl_info in;

	if (!dladdr((void *)(site - 1), &in))
		malloc_say("quire-malloc: %s %p\n", what, (void *)site);
	else if (in.dli_sname)
		malloc_say("quire-malloc: %s %s+%#zx (%s+%#zx)\n", what, in.dli_sname,
			   site - (uintptr_t)in.dli_saddr, in.dli_fname,
			   site - (uintptr_t)in.dli_fbase);
	else
		malloc_say("quire-malloc: %s %s+%#zx\n", what, in.dli_fname,
			   site - (uintptr_t)in.dli_fbase);
}

void debug_explain(const struct qr_heap_fault *fault)
{
	if (!fault->alloc_site)
		return;
	malloc_say("quire-malloc: %zu bytes were asked for\n", fault->asked);
	say_place("allocated by", fault->alloc_site);
	if (fault->free_site)
		say_place("freed by", fault->free_site);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void say_leaks(void)
{
	struct qr_heap_group top[PLACES], all;
	size_t n = qr_heap_debug_groups(&malloc_debug, top, PLACES, &all), rest = all.bytes;
	char what[64];

	malloc_say("quire-malloc, process %d: in use at exit: %zu bytes in %zu objects, from %zu "
		   "places\n",
		   (int)getpid(), all.bytes, all.objects, n);
	for (size_t i = 0; i < n && i < PLACES; i++) {
		rest -= top[i].bytes;
		snprintf(what, sizeof(what), "%9zu bytes in %6zu objects by", top[i].bytes,
			 top[i].objects);
		say_place(what, top[i].site);
	}
	if (n > PLACES)
		malloc_say("quire-malloc: %9zu bytes by the other places\n", rest);
}

/* Behind the program's own functions of this kind, since this library was loaded first. */
static __attribute__((destructor)) void look_back(void)
{
	if (!malloc_debug.heap)
		return;
	(void)qr_heap_debug_check(&malloc_debug);
	if (leaks)
		say_leaks();
}
