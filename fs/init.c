/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init.c - the first tree: an empty root with /dev, /proc and /sys, before anything is unpacked.
 */
#include "drivers/tty.h"
#include "fs/dev.h"
#include "fs/file.h"
#include "fs/memfs.h"
#include "fs/proc/proc.h"
#include "kernel/lib/string.h"
#include "kernel/process.h"

static int mount_at(const char *name, const char *type)
{
	struct path root = { root_mount, root_mount->root }, at;
	struct path_parent parent = { .dir = root, .name = name, .len = strlen(name) };
	int err = vfs_make(&parent, S_IFDIR | 0755, 0, NULL, &at);

	if (err)
		return err;
	err = vfs_mount(at, type, type, NULL, 0);
	path_put(at);
	return err;
}

/* Where shm_open makes its files: devtmpfs has the directory. */
static int mount_shm(void)
{
	struct path root = { root_mount, root_mount->root }, at;
	int err = path_lookup(root, "/dev/shm", LOOKUP_FOLLOW, &at);

	if (err)
		return err;
	err = vfs_mount(at, "tmpfs", "tmpfs", NULL, MNT_NOSUID | MNT_NODEV);
	path_put(at);
	return err;
}

int vfs_init(void)
{
	int err;

	memfs_init();
	proc_init();
	sysfs_init();
	dev_init();
	tty_init();
	err = vfs_mount((struct path){ NULL, NULL }, "rootfs", "rootfs", NULL, 0);
	if (err)
		return err;
	kernel_process.fs = fs_context_new();
	kernel_process.files = files_new();
	if (!kernel_process.fs || !kernel_process.files)
		return -ENOMEM;
	err = mount_at("dev", "devtmpfs");
	if (!err)
		err = mount_at("proc", "proc");
	if (!err)
		err = mount_at("sys", "sysfs");
	return err ? err : mount_shm();
}
