/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"

struct fs_context *fs_context_new(void)
{
	struct fs_context *c = kmalloc(sizeof(*c));
	struct path root = { root_mount, root_mount->root };

	if (c)
		*c = (struct fs_context){ 1, 022, path_get(root), path_get(root) };
	return c;
}

struct fs_context *fs_context_copy(struct fs_context *from)
{
	struct fs_context *c = kmalloc(sizeof(*c));

	if (c)
		*c = (struct fs_context){ 1, from->umask, path_get(from->root),
					  path_get(from->cwd) };
	return c;
}

void fs_context_put(struct fs_context *c)
{
	if (--c->ref)
		return;
	path_put(c->root);
	path_put(c->cwd);
	kfree(c);
}

int path_start(int dirfd, const char *name, struct path *out)
{
	struct file *f;

	if (dirfd == AT_FDCWD || name[0] == '/') {
		*out = path_get(current_process->fs->cwd);
		return 0;
	}
	f = fd_get_path((unsigned)dirfd);
	if (!f)
		return -EBADF;
	if (!f->path.dentry || (name[0] && !S_ISDIR(f->inode->mode))) {
		file_put(f);
		return -ENOTDIR;
	}
	*out = path_get(f->path);
	file_put(f);
	return 0;
}
