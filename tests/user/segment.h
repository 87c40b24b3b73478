/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.h - segments of one's own, for thr_tls.c and thr_ldt.c.
 */
#ifndef TESTS_USER_SEGMENT_H
#define TESTS_USER_SEGMENT_H

#include "thread.h"
#include <asm/ldt.h>

static inline struct user_desc data_segment(unsigned entry, const void *base)
{
	return (struct user_desc){ .entry_number = entry,
				   .base_addr = (unsigned)(uintptr_t)base,
				   .limit = 0xfffff,
				   .seg_32bit = 1,
				   .limit_in_pages = 1,
				   .useable = 1 };
}

/* Memory that a descriptor of 32 bits can reach. */
#define low_memory_at ((void *)0x20000000)

static inline unsigned *low_memory(void)
{
	void *p = mmap(low_memory_at, 4 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	NEED(p == low_memory_at);
	return p;
}

/* The C library has one of the two for itself: the other is ours. */
#ifdef __x86_64__
#define OURS "gs"
#else
#define OURS "fs"
#endif

static inline void load_ours(unsigned selector)
{
	__asm__ volatile("mov %w0, %%" OURS : : "r"(selector));
}

static inline unsigned selector_of_ours(void)
{
	unsigned short selector;

	__asm__ volatile("mov %%" OURS ", %0" : "=r"(selector));
	return selector;
}

static inline unsigned word_of_ours(void)
{
	unsigned value;

	__asm__ volatile("movl %%" OURS ":0, %0" : "=r"(value));
	return value;
}

#endif
