/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vm_settings.h - what /proc/sys lets the super-user choose about memory.
 *
 * Plain numbers, read where they matter; fs/proc/sys.c names them and bounds them.
 */
#ifndef KERNEL_VM_SETTINGS_H
#define KERNEL_VM_SETTINGS_H

#include <quire/types.h>

enum { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };

struct vm_settings {
	int overcommit_memory; /* OVERCOMMIT_* */
	int overcommit_ratio;  /* per cent of RAM; kbytes, if set, instead */
	unsigned long overcommit_kbytes;
	int max_map_count;           /* regions of an address space */
	unsigned long mmap_min_addr; /* below: only with the right to */
	int swappiness, page_cluster, vfs_cache_pressure, dirty_ratio, dirty_background_ratio;
	int panic_on_oom, oom_kill_allocating_task, oom_dump_tasks;
	unsigned long admin_reserve_kbytes, user_reserve_kbytes;
	int randomize_va_space;       /* addresses: 0 none, 1 all but the heap, 2 all */
	int mmap_rnd_bits;            /* of the place where mappings begin */
	int legacy_va_layout;         /* mappings from the bottom up */
	int unprivileged_userfaultfd; /* everybody's may wait for faults of the kernel too */
};

extern struct vm_settings vm_settings;

/* Pages that may be promised in all when overcommit is off (CommitLimit). */
size_t vm_commit_limit(void);

#endif
