/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mount.c - file systems put onto directories.
 *
 *	mounts:  / ── /proc ── /dev ── /tmp        (in order of mounting)
 *
 * Few exist, so crossing one is a walk over the list, and only for dentries that are covered.
 * A mount that was taken away by MNT_DETACH is on no list, but lives until the last path into
 * it is put.
 */
#include "fs/notify.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"

struct mount *root_mount;

static struct list_link mounts = LIST_INIT(mounts);
static struct filesystem_type *types;
static uint32_t next_dev = 1;

void filesystem_register(struct filesystem_type *type)
{
	type->next = types;
	types = type;
}

struct filesystem_type *filesystem_types(void)
{
	return types;
}

static struct filesystem_type *find_type(const char *name)
{
	for (struct filesystem_type *t = types; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

struct filesystem *filesystem_new(const struct filesystem_type *type)
{
	struct filesystem *fs = kzalloc(sizeof(*fs));

	if (fs) {
		fs->type = type;
		fs->ref = 1;
		fs->dev = next_dev++;
	}
	return fs;
}

void filesystem_free(struct filesystem *fs)
{
	kfree(fs);
}

struct mount *mount_next(struct mount *m)
{
	struct list_link *next = m ? m->link.next : mounts.next;

	return next == &mounts ? NULL : container_of(next, struct mount, link);
}

/* ---- making ------------------------------------------------------------------------------ */

/* A mount of `root`, whose reference is handed over, onto `at`. */
static int attach(struct path at, struct filesystem *fs, struct dentry *root, const char *source,
		  unsigned flags)
{
	struct mount *m = kzalloc(sizeof(*m));
	char *name = kstrdup(source);

	if (!m || !name) {
		kfree(m);
		kfree(name);
		dentry_put(root);
		return -ENOMEM;
	}
	*m = (struct mount){ .ref = 1, .flags = flags, .fs = fs, .root = root, .source = name };
	fs->ref++;
	fs->nmounts++;
	if (at.dentry) {
		m->at = path_get(at);
		at.dentry->mounted++;
	} else {
		root_mount = m;
	}
	list_add_tail(&m->link, &mounts);
	return 0;
}

int vfs_mount(struct path at, const char *type, const char *source, const char *options,
	      unsigned flags)
{
	struct filesystem_type *t = find_type(type);
	struct filesystem *fs;
	struct dentry *root;
	int err;

	if (!t)
		return -ENODEV;
	if (at.dentry && !S_ISDIR(at.dentry->inode->mode))
		return -ENOTDIR;
	if (at.dentry && t->single && at.dentry == at.mount->root && at.mount->fs->type == t)
		return -EBUSY;
	fs = filesystem_new(t);
	if (!fs)
		return -ENOMEM;
	err = t->mount(fs, options, &root);
	if (!err) {
		dentry_get(root);
		err = attach(at, fs, root, source, flags);
		if (err)
			t->unmount(root);
		dentry_put(root);
	}
	filesystem_put(fs);
	return err;
}

int vfs_bind(struct path from, struct path at)
{
	if (S_ISDIR(from.dentry->inode->mode) != S_ISDIR(at.dentry->inode->mode))
		return -ENOTDIR;
	return attach(at, from.mount->fs, dentry_get(from.dentry), from.mount->source,
		      from.mount->flags);
}

int vfs_remount(struct path at, unsigned flags)
{
	if (at.dentry != at.mount->root)
		return -EINVAL;
	at.mount->flags = flags;
	return 0;
}

/* ---- taking away -------------------------------------------------------------------------- */

void mount_free(struct mount *m)
{
	struct filesystem *fs = m->fs;

	QR_ASSERT(list_empty(&m->link), "a mount in the tree has a reference");
	if (--fs->nmounts == 0 && fs->type->unmount) {
		struct dentry *top = m->root;

		notify_unmount(fs);
		while (top->parent) /* a bind mount may have outlived the whole */
			top = top->parent;
		fs->type->unmount(top);
	}
	dentry_put(m->root);
	kfree(m->source);
	kfree(m);
	filesystem_put(fs);
}

static void detach(struct mount *m)
{
	struct path at = m->at;

	m->at = (struct path){ NULL, NULL };
	at.dentry->mounted--;
	list_del(&m->link);
	path_put(at);
	if (--m->ref == 0)
		mount_free(m);
}

static struct mount *child_of(const struct mount *parent)
{
	struct mount *m;

	list_for_each (m, &mounts, link)
		if (m->at.mount == parent)
			return m;
	return NULL;
}

int vfs_umount(struct path at, bool lazy)
{
	struct mount *m = at.mount, *leaf = m, *above, *child;

	if (at.dentry != m->root || list_empty(&m->link))
		return -EINVAL;
	if (!m->at.dentry)
		return -EBUSY;   /* the root of all */
	if (!lazy && m->ref > 2) /* the tree's reference and the caller's */
		return -EBUSY;
	/* Leaves first; no recursion, since mounts may be nested without end. */
	do {
		while ((child = child_of(leaf)))
			leaf = child;
		above = leaf->at.mount;
		child = leaf;
		detach(leaf);
		leaf = above;
	} while (child != m);
	return 0;
}

bool mount_cross(struct path *p)
{
	struct mount *m;

	list_for_each (m, &mounts, link)
		if (path_same(m->at, *p)) {
			struct path below = { m, m->root };

			path_get(below);
			path_put(*p);
			*p = below;
			return true;
		}
	return false;
}
