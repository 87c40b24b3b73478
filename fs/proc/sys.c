/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sys.c - /proc/sys: settings, most of them facts here.
 */
#include "fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/version.h"

#define SHOW(name, format, ...)                                              \
	static int show_##name(struct text *t, const struct proc_target *of) \
	{                                                                    \
		text_printf(t, format "\n", __VA_ARGS__);                    \
		return 0;                                                    \
	}

SHOW(hostname, "%s", system_names.nodename)
SHOW(domainname, "%s", system_names.domainname)
SHOW(ostype, "%s", system_names.sysname)
SHOW(osrelease, "%s", system_names.release)
SHOW(version, "%s", system_names.version)
SHOW(pid_max, "%d", PID_LIMIT)
SHOW(ngroups_max, "%d", 65536)
SHOW(threads_max, "%d", PID_LIMIT)
SHOW(cap_last_cap, "%d", 40)
SHOW(randomize, "%d", 2)
SHOW(core_pattern, "%s", "core")
SHOW(file_max, "%d", INT32_MAX)
SHOW(nr_open, "%d", 1048576)
SHOW(pipe_max_size, "%d", 1048576)
SHOW(overcommit_memory, "%d", 1)
SHOW(overcommit_ratio, "%d", 50)
SHOW(swappiness, "%d", 0)
SHOW(max_map_count, "%d", INT32_MAX)
SHOW(mmap_min_addr, "%d", 4096)

static int store_hostname(const struct proc_target *of, const char *text, size_t n)
{
	if (n >= sizeof(system_names.nodename))
		return -EINVAL;
	strlcpy(system_names.nodename, text, sizeof(system_names.nodename));
	return 0;
}

#define FACT(name_, show_)                                           \
	{                                                            \
		.name = name_, .mode = S_IFREG | 0444, .show = show_ \
	}

static const struct proc_node kernel_nodes[] = {
	{ .name = "hostname",
	  .mode = S_IFREG | 0644,
	  .show = show_hostname,
	  .store = store_hostname },
	FACT("domainname", show_domainname),
	FACT("ostype", show_ostype),
	FACT("osrelease", show_osrelease),
	FACT("version", show_version),
	FACT("pid_max", show_pid_max),
	FACT("ngroups_max", show_ngroups_max),
	FACT("threads-max", show_threads_max),
	FACT("cap_last_cap", show_cap_last_cap),
	FACT("randomize_va_space", show_randomize),
	FACT("core_pattern", show_core_pattern),
	{ 0 },
};

static const struct proc_node fs_nodes[] = {
	FACT("file-max", show_file_max),
	FACT("nr_open", show_nr_open),
	FACT("pipe-max-size", show_pipe_max_size),
	{ 0 },
};

static const struct proc_node vm_nodes[] = {
	FACT("overcommit_memory", show_overcommit_memory),
	FACT("overcommit_ratio", show_overcommit_ratio),
	FACT("swappiness", show_swappiness),
	FACT("max_map_count", show_max_map_count),
	FACT("mmap_min_addr", show_mmap_min_addr),
	{ 0 },
};

const struct proc_node proc_sys_nodes[] = {
	{ .name = "kernel", .mode = S_IFDIR | 0555, .nodes = kernel_nodes },
	{ .name = "fs", .mode = S_IFDIR | 0555, .nodes = fs_nodes },
	{ .name = "vm", .mode = S_IFDIR | 0555, .nodes = vm_nodes },
	{ 0 },
};
