/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_arena.h - frames to put a heap on, for a test: 32 MiB, or as much as it says, and all of
 * them are back at the end.  And somebody whom the heap can tell of wrong frees.
 *
 * Include it in one source of the program, which has no other windows.
 */
#ifndef HEAP_ARENA_H
#define HEAP_ARENA_H

#include "tap.h"

#include <quire/frames.h>
#include <quire/heap.h>

#include <stdlib.h>

#ifndef ARENA_FRAMES
#define ARENA_FRAMES 8192u
#endif

/* The thread sanitizer makes everything slow, and has nothing to say of one thread. */
#if defined(__SANITIZE_THREAD__)
#define ARENA_THREADS_ONLY 1
#elif defined(__has_feature)
#define ARENA_THREADS_ONLY __has_feature(thread_sanitizer)
#else
#define ARENA_THREADS_ONLY 0
#endif

struct qr_frames frames; /* as a kernel has them */
static char *arena_ram;

void *qr_host_window_get(qr_frame f)
{
	return arena_ram + (size_t)f.v * QR_PAGE_SIZE;
}

void qr_host_window_put(void *window)
{
	(void)window;
}

static inline void arena_boot(void)
{
	struct qr_frames_config c = { { 0 }, { ARENA_FRAMES }, { ARENA_FRAMES }, 4, false };
	size_t bytes = qr_frames_metadata_size(&c);

	arena_ram = aligned_alloc(4u << 20, (size_t)ARENA_FRAMES * QR_PAGE_SIZE);
	must(arena_ram && qr_frames_init(&frames, &c, aligned_alloc(64, bytes), bytes) == QR_OK,
	     "init");
	must(qr_frames_add(&frames, qr_frame_of(0), ARENA_FRAMES) == QR_OK, "add");
}

static inline void arena_heap(struct qr_heap *h, unsigned ncpus)
{
	struct qr_heap_source src;

	qr_heap_source_frames(&src, &frames);
	must(qr_heap_init(h, &src, ncpus) == QR_OK, "heap init");
}

/* No heap is there any more: every frame is free. */
static inline void arena_whole(void)
{
	qr_frames_drain_all(&frames);
	must(qr_frames_free_count(&frames) == ARENA_FRAMES, "every frame came back");
	must(!qr_frames_check(&frames), "frames hold");
}

/* How many wrong frees were reported (qr_heap_set_report), and what the last one was. */
static struct qr_heap_fault last;
static unsigned faults;

static inline void note(void *ctx, const struct qr_heap_fault *fault)
{
	(void)ctx;
	last = *fault;
	faults++;
}

#endif
