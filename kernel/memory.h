/* SPDX-License-Identifier: BSD-2-Clause
 *
 * memory.h - the kernel's one instance of everything that libquire manages.
 *
 * libquire has no globals: each function takes its object.  Here the objects are.
 *
 *	boot map --normalise--> frames --> kernel_tables --> space_memory --> heap
 *
 * Context: memory_init once, first thing after the boot information is complete.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <quire/bootmap.h>
#include <quire/frames.h>
#include <quire/paging.h>
#include <quire/space.h>
#include <quire/tlb.h>

extern struct qr_frames frames;
extern struct qr_tlbs tlbs;
extern struct qr_paging kernel_tables;
extern struct qr_memory space_memory;

/* Take stock of RAM, build the final page tables and load them, start the heap.  Panics, saying
 * why, when the machine has not enough memory to begin with. */
void memory_init(void);

/* Frames that are free, or will be when somebody asks. */
QR_INLINE size_t memory_free(void)
{
	return qr_frames_free_count(&frames) + qr_memory_clean(&space_memory);
}

/* "always", "madvise" or "never": an enum qr_huge_policy; else negative. */
int memory_huge_policy(const char *word, size_t n);

/* The kernel's root: what a CPU uses while it runs no program. */
qr_phys memory_kernel_root(void);

/* Give the frames of [start, end) (a module that has been unpacked) to the allocator.  Partial
 * pages at the ends are given too if nothing else lies in them. */
void memory_release_module(uint64_t start, uint64_t end);

/* Map device registers or a frame buffer for good.  NULL: no room, or no memory.
 * `pa` and `n` need not be aligned. */
void *memory_map_device(uint64_t pa, size_t n, enum qr_cache cache);

/* Bytes of RAM that the boot loader reported, and that are the kernel's image, modules, and
 * metadata: for the boot log and /proc. */
uint64_t memory_reported(void);

/* ---- kmalloc.c, heap_choice.c, kstack.c: their beginnings, called by memory_init --------------------------- */

void kmalloc_init(void);
void kmalloc_choose(void); /* heap= of the command line; before the first allocation */
/* Where pools of objects get their slabs from; null: frames. */
const struct qr_pool_source *kmalloc_slabs(void);
void kstack_init(qr_virt start, qr_virt end);

#endif
