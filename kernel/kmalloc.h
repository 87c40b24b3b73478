/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kmalloc.h - memory for the kernel itself.
 *
 * Small and large objects come from one qr_heap; kernel stacks are pages of their own with an
 * unmapped guard page below, so that an overflow is a fault and not a neighbour's surprise.
 * Every allocation can fail; the caller unwinds.
 *
 * Context: any, interrupts too, unless said otherwise.
 */
#ifndef KERNEL_KMALLOC_H
#define KERNEL_KMALLOC_H

#include <quire/types.h>

struct qr_heap;
extern struct qr_heap kernel_heap; /* for those who count, or let it fail */

/* At least n bytes, aligned to 16; NULL: no memory.  kmalloc(0) is a valid smallest object.
 * Owns: the caller, until kfree. */
QR_MUST_CHECK void *kmalloc(size_t n);
QR_MUST_CHECK void *kzalloc(size_t n); /* filled with zeroes */

/* n objects of `size` bytes, zeroed; NULL also if the product does not fit a size_t. */
QR_MUST_CHECK void *kcalloc(size_t n, size_t size);

/* Grow or shrink; the contents up to the smaller size are kept.  NULL: `p` is as it was.
 * krealloc(NULL, n) is kmalloc(n). */
QR_MUST_CHECK void *krealloc(void *p, size_t n);

/* NULL does nothing.  What is no allocated object is refused; the log says why and who it was. */
void kfree(void *p);

/* A copy of the string, ended; of at most n bytes of it. */
QR_MUST_CHECK char *kstrdup(const char *s);
QR_MUST_CHECK char *kstrndup(const char *s, size_t n);

/* The CPU has nothing to do: see that unused memory of the heap is given back in a second.
 * Context: interrupts off. */
void kmalloc_idle(void);

#ifdef QR_DEBUG
/* What was freed is free at once: before somebody counts. */
void kmalloc_settle(void);
/* Before the machine stops: look at all objects once more, and list those in use, by callers. */
void kmalloc_farewell(void);
#else
#define kmalloc_settle()   ((void)0)
#define kmalloc_farewell() ((void)0)
#endif

/* The deepest path (a fault inside a user copy inside execve, an interrupt on top) measures 3720
 * bytes on x86_64, which leaves too little of one page, and 2572 on i686; a debug kernel's is deeper. */
#if defined(__x86_64__) || defined(QR_DEBUG)
#define KSTACK_SIZE 8192u
#else
#define KSTACK_SIZE 4096u
#endif

/* A kernel stack: the address behind its last byte, or 0: no memory.  Its contents are whatever
 * they were.  Context: not in interrupts. */
QR_MUST_CHECK uintptr_t kstack_alloc(void);
/* `top` as kstack_alloc answered it; nobody runs on it any more. */
void kstack_free(uintptr_t top);

#endif
