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

/* Onto a directory that devtmpfs has. */
static int mount_in_dev(const char *name, const char *type, const char *options, unsigned flags)
{
	struct path root = { root_mount, root_mount->root }, at;
	int err = path_lookup(root, name, LOOKUP_FOLLOW, &at);

	if (err)
		return err;
	err = vfs_mount(at, type, type, options, flags);
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
	if (!err) /* where shm_open makes its files */
		err = mount_in_dev("/dev/shm", "tmpfs", NULL, MNT_NOSUID | MNT_NODEV);
	if (!err)
		err = mount_in_dev("/dev/pts", "devpts", "gid=5,mode=620", MNT_NOSUID | MNT_NOEXEC);
	return err;
}
