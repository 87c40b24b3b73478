/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/memfs.h"
#include "fs/dev.h"
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"

#define RAMFS_MAGIC 0x858458f6
#define SYSFS_MAGIC 0x62656572

static const struct inode_ops file_ops, directory_ops, link_ops, special_ops;

/* ---- inodes ------------------------------------------------------------------------------- */

/* The object's last user went, be it the file or a mapping: now the file's memory can go. */
static void object_gone(struct qr_object *o)
{
	struct memfs_file *file = container_of(o, struct memfs_file, object);

	inode_set_alias(&file->inode, NULL);
	kfree(file);
}

static void free_file(struct inode *i)
{
	struct memfs_file *file = memfs_file_of(i);

	i->fs->npages -= file->charged;
	file->object.may_fill = NULL; /* a mapping may keep the pages longer than the limits live */
	qr_object_put(&file->object);
}

static void free_private(struct inode *i)
{
	kfree(i->private);
	kfree(i);
}

void memfs_free_directory(struct inode *i)
{
	directory_free(i->private);
	kfree(i);
}

struct inode *object_inode(struct qr_object *o)
{
	return o->release == object_gone ? o->owner : NULL;
}

/* Of a file system that has a limit: pages come by faults, too. */
static bool may_fill(struct qr_object *o)
{
	struct memfs_file *file = container_of(o, struct memfs_file, object);
	const struct filesystem *fs = file->inode.fs;

	memfs_charge(file);
	return fs->npages < fs->max_pages;
}

static struct inode *new_file(struct filesystem *fs, uint32_t mode)
{
	struct memfs_file *file = kmalloc(sizeof(*file));

	if (!file)
		return NULL;
	inode_init(&file->inode, fs, mode);
	qr_object_init(&file->object, &space_memory, 0, &file->inode, object_gone);
	if (fs->max_pages)
		file->object.may_fill = may_fill;
	file->charged = 0;
	file->seals = SEAL_SEAL;
	file->inode.object = &file->object;
	file->inode.ops = &file_ops;
	file->inode.fops = &memfs_fops;
	return &file->inode;
}

static struct inode *new_directory(struct filesystem *fs, uint32_t mode)
{
	struct directory *names = directory_new();
	struct inode *i = names ? inode_new(fs, mode) : NULL;

	if (!i) {
		kfree(names);
		return NULL;
	}
	i->private = names;
	i->ops = &directory_ops;
	i->fops = &directory_fops;
	return i;
}

static struct inode *new_link(struct filesystem *fs, uint32_t mode, const char *target)
{
	char *text = kstrdup(target);
	struct inode *i = text ? inode_new(fs, mode | 0777) : NULL;

	if (!i) {
		kfree(text);
		return NULL;
	}
	i->private = text;
	i->size = strlen(text);
	i->ops = &link_ops;
	return i;
}

static struct inode *new_special(struct filesystem *fs, uint32_t mode, uint32_t rdev)
{
	struct inode *i = inode_new(fs, mode);

	if (i) {
		i->rdev = rdev;
		i->ops = &special_ops;
	}
	return i;
}

static struct inode *make_in(struct filesystem *fs, uint32_t mode, uint32_t rdev,
			     const char *target)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return new_file(fs, mode);
	case S_IFDIR:
		return new_directory(fs, mode);
	case S_IFLNK:
		return new_link(fs, mode, target);
	default:
		return new_special(fs, mode, rdev);
	}
}

int memfs_make(struct dentry *dir, uint32_t mode, uint32_t rdev, const char *target,
	       struct inode **out)
{
	struct filesystem *fs = dir->inode->fs;
	struct inode *i;

	if (fs->max_inodes && fs->ninodes >= fs->max_inodes)
		return -ENOSPC;
	i = make_in(fs, mode, rdev, target);
	if (!i)
		return -ENOMEM;
	*out = i;
	return 0;
}

int memfs_make_unnamed(uint32_t mode, bool may_seal, struct inode **out)
{
	static const struct filesystem_type type = { .name = "tmpfs", .magic = TMPFS_MAGIC };
	static struct filesystem *fs;

	if (!fs)
		fs = filesystem_new(&type);
	*out = fs ? new_file(fs, mode) : NULL;
	if (!*out)
		return -ENOMEM;
	memfs_file_of(*out)->seals = may_seal ? 0 : SEAL_SEAL;
	return 0;
}

/* ---- seals -------------------------------------------------------------------------------- */

static bool has_seals(const struct inode *i)
{
	return i->fops == &memfs_fops && i->fs->type->magic == TMPFS_MAGIC;
}

int memfs_get_seals(const struct inode *i)
{
	return has_seals(i) ? (int)container_of(i, struct memfs_file, inode)->seals : -EINVAL;
}

int memfs_add_seals(struct inode *i, unsigned seals)
{
	struct memfs_file *file = memfs_file_of(i);

	if (seals & ~(unsigned)SEALS || !has_seals(i))
		return -EINVAL;
	if (file->seals & SEAL_SEAL)
		return -EPERM;
	if (seals & ~file->seals & SEAL_WRITE && qr_object_mappings(&file->object, true))
		return -EBUSY;
	file->seals |= seals;
	return 0;
}

int memfs_seals_at_map(const struct inode *i, struct qr_map *req)
{
	if (!(req->flags & QR_MAP_SHARED) || i->fops != &memfs_fops ||
	    !(container_of(i, struct memfs_file, inode)->seals & SEALS_WRITE))
		return 0;
	if (req->prot & QR_WRITE)
		return -EPERM;
	req->maxprot &= (uint8_t)~QR_WRITE;
	return 0;
}

static int read_link(struct dentry *link, char **out)
{
	*out = kstrdup(link->inode->private);
	return *out ? 0 : -ENOMEM;
}

static const struct inode_ops file_ops = {
	.truncate = memfs_truncate,
	.fallocate = memfs_fallocate,
	.free = free_file,
};
static const struct inode_ops directory_ops = { .make = memfs_make, .free = memfs_free_directory };
static const struct inode_ops link_ops = { .readlink = read_link, .free = free_private };
static const struct inode_ops special_ops = { .free = free_private };

/* ---- mounting ----------------------------------------------------------------------------- */

/* Digits of the given base, and for decimal numbers a suffix. */
static bool number_parse(const char *s, size_t n, unsigned base, uint64_t *out)
{
	static const char suffixes[] = "kmgt";
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n && s[i] >= '0' && s[i] < (char)('0' + base); i++)
		if (__builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	if (i == 0)
		return false;
	if (i + 1 == n && base == 10) {
		const char *suffix = strchr(suffixes, s[i] | 0x20);
		unsigned shift = suffix && *suffix ? (unsigned)(suffix - suffixes + 1) * 10 : 64;

		if (shift == 64 || v > UINT64_MAX >> shift)
			return false;
		v <<= shift;
		i++;
	}
	*out = v;
	return i == n;
}

/* `size=64m`, `nr_inodes=`, `mode=1777`, `uid=`, `gid=`; what else stands there is left alone,
 * but a number that is none is an error. */
static int parse_option(struct inode *root, const char *o, size_t n)
{
	const char *eq = memchr(o, '=', n);
	size_t name = eq ? (size_t)(eq - o) : n;
	uint64_t v;

	if (!eq)
		return 0;
	bool is_mode = name == 4 && !memcmp(o, "mode", 4);
	if (!number_parse(eq + 1, n - name - 1, is_mode ? 8 : 10, &v))
		return -EINVAL;
	if (is_mode)
		root->mode = S_IFDIR | (v & 07777);
	else if (name == 4 && !memcmp(o, "size", 4))
		root->fs->max_pages = (v + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
	else if (name == 9 && !memcmp(o, "nr_blocks", 9))
		root->fs->max_pages = v;
	else if (name == 9 && !memcmp(o, "nr_inodes", 9))
		root->fs->max_inodes = v;
	else if (name == 3 && !memcmp(o, "uid", 3))
		root->uid = (uint32_t)v;
	else if (name == 3 && !memcmp(o, "gid", 3))
		root->gid = (uint32_t)v;
	return 0;
}

static int parse_options(struct inode *root, const char *options)
{
	int err = 0;

	while (!err && options && *options) {
		const char *comma = strchr(options, ',');
		size_t n = comma ? (size_t)(comma - options) : strlen(options);

		err = parse_option(root, options, n);
		options = comma ? comma + 1 : NULL;
	}
	return err;
}

int memfs_mount(struct filesystem *fs, const char *options, struct dentry **root)
{
	struct inode *i =
	    new_directory(fs, S_IFDIR | (fs->type->magic == TMPFS_MAGIC ? 01777 : 0755));
	struct dentry *d = NULL;
	int err = -ENOMEM;

	if (i) {
		i->nlink = 2;
		err = parse_options(i, options);
	}
	if (!err) {
		d = dentry_new(NULL, "/", 1, i);
		err = d ? 0 : -ENOMEM;
	}
	if (err && i)
		inode_put(i);
	if (!err)
		*root = d;
	return err;
}

/* Take every name off, deepest first, without recursion. */
void memfs_unmount(struct dentry *root)
{
	struct dentry *dir = dentry_get(root), *child;

	for (;;) {
		child = directory_first(dir);
		if (child && S_ISDIR(child->inode->mode) && !directory_empty(child)) {
			dentry_get(child);
			dentry_put(dir);
			dir = child;
		} else if (child) {
			child->inode->nlink = 0;
			directory_unlist(child);
		} else if (dir == root) {
			break;
		} else {
			child = dir;
			dir = dentry_get(dir->parent);
			dentry_put(child);
		}
	}
	dentry_put(root);
}

/* ---- devices -------------------------------------------------------------------------------- */

static int make_node(struct path_parent *at, const struct device *d)
{
	at->name = d->name;
	at->len = strlen(d->name);
	return vfs_make(at, S_IFCHR | d->mode, d->dev, NULL, NULL);
}

/* The nodes of every device there is, and the links that programs expect beside them. */
static int fill_devices(struct dentry *root)
{
	static const char *const links[][2] = {
		{ "fd", "/proc/self/fd" },
		{ "stdin", "/proc/self/fd/0" },
		{ "stdout", "/proc/self/fd/1" },
		{ "stderr", "/proc/self/fd/2" },
	};
	struct mount scratch = { .ref = 1, .root = root, .fs = root->inode->fs };
	struct path_parent at = { .dir = { &scratch, root }, .kind = LAST_NORMAL };
	int err = 0;

	for (struct device *d = device_list(); d && !err; d = d->next)
		err = make_node(&at, d);
	at.len = 3;
	at.name = "shm";
	if (!err)
		err = vfs_make(&at, S_IFDIR | S_ISVTX | 0777, 0, NULL, NULL);
	at.name = "pts";
	if (!err)
		err = vfs_make(&at, S_IFDIR | 0755, 0, NULL, NULL);
	for (unsigned i = 0; i < 4 && !err; i++) {
		at.name = links[i][0];
		at.len = strlen(at.name);
		err = vfs_make(&at, S_IFLNK, 0, links[i][1], NULL);
	}
	return err;
}

static int devtmpfs_mount(struct filesystem *fs, const char *options, struct dentry **root)
{
	int err = memfs_mount(fs, options, root);

	if (err)
		return err;
	(*root)->inode->mode = S_IFDIR | 0755;
	err = fill_devices(*root);
	if (err) {
		memfs_unmount(*root);
		dentry_put(*root);
	}
	return err;
}

static struct filesystem_type memfs_types[] = {
	{ .name = "rootfs", .magic = RAMFS_MAGIC, .mount = memfs_mount, .unmount = memfs_unmount },
	{ .name = "ramfs", .magic = RAMFS_MAGIC, .mount = memfs_mount, .unmount = memfs_unmount },
	{ .name = "tmpfs", .magic = TMPFS_MAGIC, .mount = memfs_mount, .unmount = memfs_unmount },
	{ .name = "devtmpfs",
	  .magic = TMPFS_MAGIC,
	  .mount = devtmpfs_mount,
	  .unmount = memfs_unmount },
	/* Empty: there is nothing to tell, but programs expect to be able to mount it. */
	{ .name = "sysfs", .magic = SYSFS_MAGIC, .mount = memfs_mount, .unmount = memfs_unmount },
};

void memfs_init(void)
{
	for (unsigned i = 0; i < sizeof(memfs_types) / sizeof(memfs_types[0]); i++)
		filesystem_register(&memfs_types[i]);
}
