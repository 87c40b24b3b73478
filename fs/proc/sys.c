/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sys.c - /proc/sys: settings, and facts in the shape of settings.
 *
 * Most are numbers with bounds: a line of a table.  Those that only tell how this kernel is are
 * read-only numbers of one value.  What a number does is where it is read (kernel/vm_settings.h);
 * some act when they are written.
 */
#include <limits.h>
#include "fs/inotify.h"
#include "fs/proc/proc.h"
#include "kernel/coredump.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/random.h"
#include "kernel/shm.h"
#include "kernel/task.h"
#include "kernel/version.h"
#include "kernel/vm_settings.h"

/* ---- numbers ------------------------------------------------------------------------------------ */

/* The whole of a word: an unsigned long may be written as it is read. */
static bool parse(const char *text, bool *minus, unsigned long long *out)
{
	unsigned long long v = 0;
	unsigned base = 10;

	*minus = *text == '-';
	text += *minus || *text == '+';
	if (text[0] == '0' && (text[1] | 32) == 'x') {
		base = 16;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (base == 16 && digit > 9)
			digit = (unsigned)((*text | 32) - 'a') + 10;
		if (digit >= base || v > (UINT64_MAX - digit) / base)
			return false;
		v = v * base + digit;
	}
	*out = v;
	return true;
}

int proc_parse(const char *text, long long *out)
{
	unsigned long long v;
	bool minus;

	if (!parse(text, &minus, &v) || v > INT64_MAX)
		return -EINVAL;
	*out = minus ? -(long long)v : (long long)v;
	return 0;
}

int proc_show_number(struct text *t, const struct proc_target *of)
{
	const struct proc_number *n = of->node->data;

	if (n->is_long)
		text_printf(t, "%lu\n", *(unsigned long *)n->value);
	else
		text_printf(t, "%d\n", *(int *)n->value);
	return 0;
}

int proc_store_number(const struct proc_target *of, const char *text, size_t unused)
{
	const struct proc_number *n = of->node->data;
	unsigned long long v;
	bool minus;

	while (*text == ' ' || *text == '\t')
		text++;
	if (!parse(text, &minus, &v) || v > (minus ? INT64_MAX : (unsigned long long)n->max) ||
	    (minus ? -(long long)v < (long long)n->min
		   : (long long)n->min > 0 && v < (unsigned long long)n->min))
		return -EINVAL;
	if (n->is_long)
		*(unsigned long *)n->value = (unsigned long)v;
	else
		*(int *)n->value = minus ? -(int)v : (int)v;
	if (n->changed)
		n->changed();
	return 0;
}

/* ---- numbers that act ------------------------------------------------------------------------------ */

static int drop_caches;
static unsigned long min_free_kbytes;

/* Files live in memory and nowhere else, so what can be dropped is what is kept for speed. */
static void drop(void)
{
	proc_drop_names();
	qr_memory_trim(&space_memory);
	qr_frames_drain(&frames);
}

static void set_min_free(void)
{
	qr_frames_set_marks(&frames, min_free_kbytes / (QR_PAGE_SIZE / 1024), frames.mark_low);
}

/* As it was written, though it be in whole pages that it acts. */
static int show_min_free(struct text *t, const struct proc_target *of)
{
	if (min_free_kbytes / (QR_PAGE_SIZE / 1024) != frames.mark_min)
		min_free_kbytes = (unsigned long)frames.mark_min * (QR_PAGE_SIZE / 1024);
	text_printf(t, "%lu\n", min_free_kbytes);
	return 0;
}

static void set_ratio(void)
{
	vm_settings.overcommit_kbytes = 0;
}

static void set_min_addr(void)
{
	space_memory.stack_end = qr_virt_of(vm_settings.mmap_min_addr);
}

/* ---- texts --------------------------------------------------------------------------------------- */

static int show_string(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%s\n", (const char *)of->node->data);
	return 0;
}

static int store_name(const struct proc_target *of, const char *text, size_t n)
{
	strlcpy((char *)of->node->data, text, NAME_FIELD);
	return 0;
}

static int store_pattern(const struct proc_target *of, const char *text, size_t n)
{
	strlcpy(core_pattern, text, CORE_PATTERN);
	return 0;
}

static int show_fact(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%lu\n", (unsigned long)(uintptr_t)of->node->data);
	return 0;
}

static void put_uuid(struct text *t, const uint8_t b[16])
{
	for (unsigned i = 0; i < 16; i++)
		text_printf(t, "%s%02x", i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "", b[i]);
	text_string(t, "\n");
}

/* Version 4, variant 1 of RFC 4122. */
static void make_uuid(uint8_t b[16])
{
	random_bytes(b, 16);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
}

static int show_uuid(struct text *t, const struct proc_target *of)
{
	uint8_t b[16];

	make_uuid(b);
	put_uuid(t, b);
	return 0;
}

static int show_boot_id(struct text *t, const struct proc_target *of)
{
	static uint8_t b[16];

	if (!b[6])
		make_uuid(b);
	put_uuid(t, b);
	return 0;
}

static int show_file_nr(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%lu\t0\t%lu\n", files_open(), (unsigned long)INT32_MAX);
	return 0;
}

/* ---- the tables ------------------------------------------------------------------------------------ */

#define FACT(name_, value_)                                               \
	{                                                                 \
		.name = name_, .mode = S_IFREG | 0444, .show = show_fact, \
		.data = (const void *)(uintptr_t)(value_)                 \
	}
#define TEXT(name_, mode_, text_, store_)                                                       \
	{                                                                                       \
		.name = name_, .mode = S_IFREG | (mode_), .show = show_string, .store = store_, \
		.data = text_                                                                   \
	}
#define NUMBER_OF(name_, mode_, var, is_long_, min_, max_, changed_)                \
	{                                                                           \
		.name = name_, .mode = S_IFREG | (mode_), .show = proc_show_number, \
		.store = proc_store_number, .data = &(const struct proc_number)     \
		{                                                                   \
			&(var), is_long_, min_, max_, changed_                      \
		}                                                                   \
	}
#define INT(name_, var, max_) NUMBER_OF(name_, 0644, var, false, 0, max_, NULL)
#define SETTING(name_, max_)  NUMBER_OF(#name_, 0644, vm_settings.name_, false, 0, max_, NULL)
#define LONG(name_)           NUMBER_OF(#name_, 0644, vm_settings.name_, true, 0, INT32_MAX, NULL)

static const struct proc_node random_nodes[] = {
	{ .name = "boot_id", .mode = S_IFREG | 0444, .show = show_boot_id },
	FACT("entropy_avail", 256),
	FACT("poolsize", 256),
	FACT("write_wakeup_threshold", 256),
	{ .name = "uuid", .mode = S_IFREG | 0444, .show = show_uuid },
	{ 0 },
};

static const struct proc_node kernel_nodes[] = {
	TEXT("hostname", 0644, system_names.nodename, store_name),
	TEXT("domainname", 0644, system_names.domainname, store_name),
	TEXT("ostype", 0444, system_names.sysname, NULL),
	TEXT("osrelease", 0444, system_names.release, NULL),
	TEXT("version", 0444, system_names.version, NULL),
	TEXT("core_pattern", 0644, core_pattern, store_pattern),
	NUMBER_OF("pid_max", 0644, pid_max, false, 301, PID_LIMIT, NULL),
	SETTING(randomize_va_space, 2),
	FACT("cap_last_cap", 40),
	FACT("ngroups_max", 65536),
	NUMBER_OF("threads-max", 0644, task_max, false, 1, PID_LIMIT, NULL),
	FACT("tainted", 0),
	FACT("overflowuid", 65534),
	FACT("overflowgid", 65534),
	FACT("dmesg_restrict", 0),
	FACT("kptr_restrict", 0),
	NUMBER_OF("shmmax", 0644, shm_limits.max, true, 0, ULONG_MAX, NULL),
	NUMBER_OF("shmall", 0644, shm_limits.all, true, 0, ULONG_MAX, NULL),
	INT("shmmni", shm_limits.mni, 32768),
	{ .name = "random", .mode = S_IFDIR | 0555, .nodes = random_nodes },
	{ 0 },
};

static const struct proc_node inotify_nodes[] = {
	INT("max_queued_events", inotify_limits.max_queued_events, INT32_MAX),
	INT("max_user_instances", inotify_limits.max_user_instances, INT32_MAX),
	INT("max_user_watches", inotify_limits.max_user_watches, INT32_MAX),
	{ 0 },
};

static const struct proc_node fs_nodes[] = {
	FACT("file-max", INT32_MAX),
	{ .name = "file-nr", .mode = S_IFREG | 0444, .show = show_file_nr },
	FACT("nr_open", 1048576),
	FACT("pipe-max-size", 1048576),
	{ .name = "inotify", .mode = S_IFDIR | 0555, .nodes = inotify_nodes },
	{ 0 },
};

static const struct proc_node vm_nodes[] = {
	LONG(admin_reserve_kbytes),
	SETTING(dirty_background_ratio, 100),
	SETTING(dirty_ratio, 100),
	NUMBER_OF("drop_caches", 0200, drop_caches, false, 1, 4, drop),
	FACT("laptop_mode", 0),
	SETTING(legacy_va_layout, 1),
	SETTING(max_map_count, INT32_MAX),
	{ .name = "min_free_kbytes",
	  .mode = S_IFREG | 0644,
	  .show = show_min_free,
	  .store = proc_store_number,
	  .data =
	      &(const struct proc_number){ &min_free_kbytes, true, 0, INT32_MAX, set_min_free } },
	NUMBER_OF("mmap_min_addr", 0644, vm_settings.mmap_min_addr, true, 0, INT32_MAX,
		  set_min_addr),
	NUMBER_OF("mmap_rnd_bits", 0600, vm_settings.mmap_rnd_bits, false,
		  sizeof(void *) == 8 ? 28 : 8, sizeof(void *) == 8 ? 32 : 16, NULL),
	FACT("nr_hugepages", 0),
	FACT("nr_overcommit_hugepages", 0),
	SETTING(oom_dump_tasks, 1),
	SETTING(oom_kill_allocating_task, 1),
	NUMBER_OF("overcommit_kbytes", 0644, vm_settings.overcommit_kbytes, true, 0, INT32_MAX,
		  NULL),
	SETTING(overcommit_memory, 2),
	NUMBER_OF("overcommit_ratio", 0644, vm_settings.overcommit_ratio, false, 0, INT32_MAX,
		  set_ratio),
	INT("page-cluster", vm_settings.page_cluster, 31),
	SETTING(panic_on_oom, 2),
	FACT("stat_interval", 1),
	SETTING(swappiness, 200),
	SETTING(unprivileged_userfaultfd, 1),
	LONG(user_reserve_kbytes),
	SETTING(vfs_cache_pressure, INT32_MAX),
	{ 0 },
};

const struct proc_node proc_sys_nodes[] = {
	{ .name = "kernel", .mode = S_IFDIR | 0555, .nodes = kernel_nodes },
	{ .name = "fs", .mode = S_IFDIR | 0555, .nodes = fs_nodes },
	{ .name = "vm", .mode = S_IFDIR | 0555, .nodes = vm_nodes },
	{ 0 },
};
