/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kernel_memory.h - kmalloc on a host, for parts of the kernel that are tested there.
 */
#ifndef KERNEL_MEMORY_SHIM_H
#define KERNEL_MEMORY_SHIM_H

#include <stddef.h>

/* The n-th allocation from now fails, once; 0: none does. */
void kmalloc_fail_after(unsigned n);
/* Allocations that were not freed. */
size_t kmalloc_live(void);

#endif
