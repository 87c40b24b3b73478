/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quire.c - /proc/quire: what only this kernel tells.
 *
 *	enosys	calls that were asked for and do not exist: name or number, how often
 *	frames	every frame of RAM by what it is used for; tests for leaks compare two of these
 */
#include "fs/proc/proc.h"
#include "kernel/memory.h"
#include "kernel/syscall/syscall.h"

static int show_enosys(struct text *t, const struct proc_target *of)
{
	for (unsigned nr = 0; nr <= syscall_count; nr++) {
		uint32_t n = syscall_missing(nr);

		if (!n)
			continue;
		if (nr < syscall_count && syscall_names[nr])
			text_printf(t, "%s %u\n", syscall_names[nr], n);
		else
			text_printf(t, "%s%u %u\n", nr == syscall_count ? ">=" : "", nr, n);
	}
	return 0;
}

static int show_frames(struct text *t, const struct proc_target *of)
{
	static const char *const names[] = {
		[QR_FRAME_FREE] = "free",   [QR_FRAME_RESERVED] = "reserved",
		[QR_FRAME_KERNEL] = "kernel", [QR_FRAME_TABLE] = "table",
		[QR_FRAME_ANON] = "anon",   [QR_FRAME_CACHE] = "cache",
		[QR_FRAME_POOL] = "pool",   [QR_FRAME_HEAP] = "heap",
		[QR_FRAME_ZERO] = "zero",
	};
	size_t count[QR_FRAME_TYPES] = { 0 };

	qr_frames_census(&frames, count);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		text_printf(t, "%s %zu\n", names[i], count[i]);
	return 0;
}

const struct proc_node proc_quire_nodes[] = {
	{ .name = "enosys", .mode = S_IFREG | 0444, .show = show_enosys },
	{ .name = "frames", .mode = S_IFREG | 0444, .show = show_frames },
	{ 0 },
};
