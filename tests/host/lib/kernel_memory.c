/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "kernel/kmalloc.h"
#include "kernel_memory.h"

static unsigned fail_after;
static size_t live;

void kmalloc_fail_after(unsigned n)
{
	fail_after = n;
}

size_t kmalloc_live(void)
{
	return live;
}

void *kmalloc(size_t n)
{
	if (fail_after && --fail_after == 0)
		return NULL;
	live++;
	return malloc(n ? n : 1);
}

void *kzalloc(size_t n)
{
	void *p = kmalloc(n);

	return p ? memset(p, 0, n) : NULL;
}

void *kcalloc(size_t n, size_t size)
{
	size_t all;

	return __builtin_mul_overflow(n, size, &all) ? NULL : kzalloc(all);
}

void kfree(void *p)
{
	live -= p != NULL;
	free(p);
}
