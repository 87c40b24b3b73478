/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/memory.h"
#include "kernel/vm_settings.h"

struct vm_settings vm_settings = {
	.overcommit_ratio = 50,
	.max_map_count = 65530,
	.mmap_min_addr = 65536,
	.swappiness = 60,
	.page_cluster = 3,
	.vfs_cache_pressure = 100,
	.dirty_ratio = 20,
	.dirty_background_ratio = 10,
	.oom_dump_tasks = 1,
	.admin_reserve_kbytes = 8192,
	.user_reserve_kbytes = 131072,
	.randomize_va_space = 2,
	.mmap_rnd_bits = sizeof(void *) == 8 ? 28 : 8,
};

size_t vm_commit_limit(void)
{
	if (vm_settings.overcommit_kbytes)
		return vm_settings.overcommit_kbytes / (QR_PAGE_SIZE / 1024);
	return (size_t)((uint64_t)frames.total * (unsigned)vm_settings.overcommit_ratio / 100);
}
