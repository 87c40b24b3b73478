/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sysfs.c - /sys: the few of Linux's files there that programs about memory look for.
 *
 *	kernel/mm/transparent_hugepage/		where huge pages are made: `enabled` is written
 *	devices/system/cpu, node		one of each
 *
 * Small pages are never moved to make room for a huge one (`defrag` is never), a read of what was
 * never written shows the small page of zeroes, and shared memory is in small pages.
 */
#include "fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"

#define SYSFS_MAGIC 0x62656572

static int show_words(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%s\n", (const char *)of->node->data);
	return 0;
}

#define SAYS(name_, words)                                                                 \
	{                                                                                  \
		.name = name_, .mode = S_IFREG | 0444, .show = show_words, .data = (words) \
	}
#define FOLDER(name_, nodes_)                                          \
	{                                                              \
		.name = name_, .mode = S_IFDIR | 0755, .nodes = nodes_ \
	}

static int show_enabled(struct text *t, const struct proc_target *of)
{
	static const char *const words[] = {
		[QR_HUGE_ALWAYS] = "[always] madvise never",
		[QR_HUGE_MADVISE] = "always [madvise] never",
		[QR_HUGE_NEVER] = "always madvise [never]",
	};
	struct qr_huge_stat s;

	qr_memory_huge_stat(&space_memory, &s);
	text_printf(t, "%s\n", words[s.policy]);
	return 0;
}

static int store_enabled(const struct proc_target *of, const char *word, size_t n)
{
	int policy = memory_huge_policy(word, n);

	if (policy < 0)
		return -EINVAL;
	qr_memory_set_huge(&space_memory, (enum qr_huge_policy)policy);
	return 0;
}

static int show_size(struct text *t, const struct proc_target *of)
{
	struct qr_huge_stat s;

	qr_memory_huge_stat(&space_memory, &s);
	text_printf(t, "%zu\n", s.npages * QR_PAGE_SIZE);
	return 0;
}

static const struct proc_node huge_nodes[] = {
	SAYS("defrag", "always defer defer+madvise madvise [never]"),
	{ .name = "enabled", .mode = S_IFREG | 0644, .show = show_enabled, .store = store_enabled },
	{ .name = "hpage_pmd_size", .mode = S_IFREG | 0444, .show = show_size },
	SAYS("shmem_enabled", "always within_size advise [never] deny force"),
	SAYS("use_zero_page", "0"),
	{ 0 },
};

static const struct proc_node mm_nodes[] = { FOLDER("transparent_hugepage", huge_nodes), { 0 } };
static const struct proc_node kernel_nodes[] = { FOLDER("mm", mm_nodes), { 0 } };

static const struct proc_node no_nodes[] = { { 0 } };
static const struct proc_node cpu_nodes[] = {
	FOLDER("cpu0", no_nodes),
	SAYS("online", "0"),
	SAYS("possible", "0"),
	SAYS("present", "0"),
	{ 0 },
};
static const struct proc_node node_nodes[] = {
	FOLDER("node0", no_nodes),
	SAYS("online", "0"),
	SAYS("possible", "0"),
	{ 0 },
};
static const struct proc_node system_nodes[] = {
	FOLDER("cpu", cpu_nodes),
	FOLDER("node", node_nodes),
	{ 0 },
};
static const struct proc_node device_nodes[] = { FOLDER("system", system_nodes), { 0 } };

static const struct proc_node nodes[] = {
	FOLDER("devices", device_nodes),
	FOLDER("kernel", kernel_nodes),
	{ 0 },
};
static const struct proc_node top = FOLDER("/", nodes);

static int sysfs_mount(struct filesystem *fs, const char *options, struct dentry **root)
{
	return proc_mount_nodes(fs, &top, root);
}

static struct filesystem_type sysfs_type = {
	.name = "sysfs",
	.magic = SYSFS_MAGIC,
	.single = true,
	.mount = sysfs_mount,
	.unmount = proc_unmount_nodes,
};

void sysfs_init(void)
{
	filesystem_register(&sysfs_type);
}
