/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_choice.c - the kernel on a textbook heap: heap=bump, block or list on the command line.
 *
 *	kmalloc ---> kernel_heap ---slow path, if diverted---> bump | block | list
 *	                                                         ^        |
 *	pools of the address spaces ---a page for a slab---------+      arena: frames in a row
 *
 * The arena is a quarter of RAM, at most 100 MiB (25 600 blocks), or heapsize=.  What is frames in
 * any case (programs' pages, page tables, stacks, the pages of files) stays frames.
 *
 * A heap that is full says so once, and what to do; callers get ENOMEM.  For bump that is the end
 * of all new processes.  So a rest is kept: for init, which can still end the machine, and half of
 * it for its children, so that there is a shell at the console that can be told to: for all that
 * one needs to be started, and then for small things, with which nothing else is.
 */
#include <quire/heap_seeds.h>
#include "kernel/boot_info.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/task.h"

#define ARENA_MAX   25600u /* pages */
#define ARENA_LEAST 64u
#define BUMP_ALIGN  QR_HEAP_ALIGN
#define REST        16u  /* a sixteenth of bump's arena is kept back */
#define SMALL       512u /* less than a process needs */

static union {
	struct qr_bump bump;
	struct qr_block block;
	struct qr_list list;
} heap;

static struct qr_allocator chosen;    /* null: quire */
static struct qr_allocator_ops guard; /* chosen, with our way to fail */
static struct qr_allocator front = { &guard, &heap };
static bool told;

/* ---- full ----------------------------------------------------------------------------------- */

static void tell(size_t n)
{
	struct qr_arena_stats st;

	told = true;
	chosen.ops->stats(&heap, &st);
	log_error("heap: %s has no room for %zu bytes: %zu KiB in %zu objects, %zu KiB free, "
		  "at most %zu in one piece\n",
		  chosen.ops->name, n, st.used / 1024, st.objects, st.free / 1024,
		  st.largest / 1024);
	if (chosen.ops == &qr_bump_ops)
		log_error(
		    "heap: bump is empty, and takes nothing back: new processes get ENOMEM. "
		    "'kill -USR2 1' powers off; boot with heap=quire, or a larger heapsize=\n");
}

/* Whether a child of init may have this of the rest: one that has not executed anything yet has
 * init's name, and gets all; what it is then, gets what is small, and slabs. */
static bool may_have(const struct process *p, size_t align, size_t n)
{
	return p->parent == init_process &&
	       (n <= SMALL || align > 1 || !strcmp(p->comm, init_process->comm));
}

static void *from_rest(size_t align, size_t n)
{
	struct qr_bump *b = &heap.bump;
	uintptr_t top = (uintptr_t)b->table, end = b->end, irq;
	void *p;

	if (current_process != init_process) {
		if (!may_have(current_process, align, n))
			return NULL;
		top -= (top - b->base) / REST / 2;
	}
	irq = qr_host_irq_save();
	b->end = top > b->next ? top : b->next;
	p = qr_bump_ops.aligned(b, align, n);
	b->end = b->next > end ? b->next : end;
	qr_host_irq_restore(irq);
	return p;
}

static void *guarded(void *self, size_t align, size_t n)
{
	void *p = chosen.ops->aligned(self, align, n);

	if (QR_LIKELY(p))
		return p;
	if (!told)
		tell(n);
	return chosen.ops == &qr_bump_ops && init_process ? from_rest(align, n) : NULL;
}

static void *guarded_alloc(void *self, size_t n)
{
	return guarded(self, 1, n);
}

/* ---- pools ---------------------------------------------------------------------------------- */

static void *slab_page(void *ctx)
{
	return guarded(ctx, QR_PAGE_SIZE, QR_PAGE_SIZE);
}

static void slab_free(void *ctx, void *page)
{
	kfree(page);
}

static const struct qr_pool_source slabs = { slab_page, slab_free, &heap };

const struct qr_pool_source *kmalloc_slabs(void)
{
	return chosen.ops ? &slabs : NULL;
}

/* ---- the choice ----------------------------------------------------------------------------- */

/* Frames in a row: an arena of *npages, and behind it a table of a bit for 16 bytes, or more. */
static void *take_arena(size_t *npages)
{
	size_t n = frames.total / 4;
	qr_frame f;

	n = n < ARENA_MAX ? n : ARENA_MAX;
	n = (size_t)(boot_option_number("heapsize", (uint64_t)n * QR_PAGE_SIZE) >> QR_PAGE_SHIFT);
	for (; n >= ARENA_LEAST; n /= 2) {
		if (n >= frames.total ||
		    qr_frames_alloc_range(&frames, n + n / 128 + 1, 1, QR_FRAME_HEAP, QR_LOW, &f))
			continue;
		*npages = n;
		return qr_host_window_get(f);
	}
	return NULL;
}

static enum qr_err start(char *arena, size_t bytes)
{
	size_t table_bytes = (bytes / 128 / QR_PAGE_SIZE + 1) * QR_PAGE_SIZE;
	uint8_t *table = (uint8_t *)arena + bytes;
	enum qr_err err;

	if (chosen.ops == &qr_list_ops)
		return qr_list_init(&heap.list, arena, bytes, (uintptr_t)rdtsc());
	if (chosen.ops == &qr_block_ops)
		return qr_block_init(&heap.block, arena, bytes, table, table_bytes);
	err = qr_bump_init(&heap.bump, arena, bytes, BUMP_ALIGN, table, table_bytes);
	heap.bump.end -= bytes / REST;
	return err;
}

void kmalloc_choose(void)
{
	static const struct qr_allocator_ops *const all[] = { &qr_bump_ops, &qr_block_ops,
							      &qr_list_ops };
	size_t len, npages;
	const char *word = boot_option("heap", &len);
	char *arena;

	for (unsigned i = 0; word && i < 3; i++)
		if (strlen(all[i]->name) == len && !memcmp(all[i]->name, word, len))
			chosen = (struct qr_allocator){ all[i], &heap };
	if (!chosen.ops) {
		if (word && !(len == 5 && !memcmp(word, "quire", 5)))
			log_warn("heap=%.*s: no such heap; there are quire, bump, block and list. "
				 "Going on with quire\n",
				 (int)len, word);
		return;
	}
	arena = take_arena(&npages);
	if (!arena || start(arena, npages * QR_PAGE_SIZE)) {
		log_warn("heap=%s: no room for it; going on with quire\n", chosen.ops->name);
		chosen.ops = NULL;
		return;
	}
	guard = *chosen.ops;
	guard.alloc = guarded_alloc;
	guard.aligned = guarded;
	qr_heap_divert(&kernel_heap, &front);
	log_info("heap: %s, %zu KiB at %p\n", guard.name, npages * (QR_PAGE_SIZE / 1024), arena);
}
