/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dentry.c - names, and directories as sets of names.
 *
 *	directory   order:   a ─ b ─ c ─ d      (as they came; cookies rise)
 *	            buckets: [0] c              (by hash, once there are more than 8)
 *	                     [1] a → d
 *
 * A reader keeps its place as the cookie of the next name, and a reference on that name as a
 * hint, so that listing a large directory while removing from it is linear.  Cookies start at
 * 2: positions 0 and 1 are "." and "..".
 *
 * Invariants
 *	I1  every listed dentry is in `order`, and in the bucket of its hash if there are buckets
 *	I2  `order` is sorted by cookie
 *	I3  nnames = length of `order`
 */
#include "fs/notify.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"

#define FEW 8 /* names that are found by looking at each */

struct directory {
	struct list_link order;
	uint32_t nnames, nbuckets; /* a power of two, or 0 */
	uint32_t next_cookie;
	struct dentry **buckets;
};

uint32_t name_hash(const char *name, size_t len)
{
	uint32_t h = (uint32_t)len;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x01000193u;
	return h ^ h >> 15;
}

struct dentry *dentry_new(struct dentry *parent, const char *name, size_t len, struct inode *inode)
{
	struct dentry *d = kmalloc(sizeof(*d) + len + 1);

	if (!d)
		return NULL;
	*d = (struct dentry){
		.ref = 1,
		.len = (uint8_t)len,
		.hash = name_hash(name, len),
		.inode = inode,
		.parent = parent ? dentry_get(parent) : NULL,
		.name = d->own,
	};
	memcpy(d->own, name, len);
	d->own[len] = '\0';
	list_init(&d->siblings);
	if (!inode->alias)
		inode->alias = d;
	return d;
}

/* Who maps a file may ask for its name when all else has forgotten it: with that last user the name
 * stays, as the inode's. */
static bool still_wanted(const struct dentry *d)
{
	const struct inode *i = d->inode;

	return i->alias == d && i->object && qr_object_mappings(i->object, false);
}

static struct dentry *forget_one(struct dentry *d)
{
	struct dentry *parent = d->parent;

	if (d->name != d->own)
		kfree(d->name);
	kfree(d);
	return parent && --parent->ref == 0 ? parent : NULL;
}

/* Not recursive: a deep tree whose names have all gone is put from the bottom up. */
void dentry_free(struct dentry *d)
{
	while (d) {
		struct inode *i = d->inode;

		if (d->flags & D_DELETED && !i->nlink)
			notify_inode(i, IN_DELETE_SELF);
		if (still_wanted(d)) {
			d = NULL;
		} else {
			if (i->alias == d)
				i->alias = NULL;
			d = forget_one(d);
		}
		inode_put(i);
	}
}

void inode_set_alias(struct inode *i, struct dentry *d)
{
	struct dentry *old = i->alias;

	i->alias = d;
	if (!old || old->ref)
		return;
	old = forget_one(old);
	if (old)
		dentry_free(old);
}

void dentry_move(struct dentry *d, struct dentry *parent, char *name, size_t len)
{
	if (d->name != d->own)
		kfree(d->name);
	d->name = name;
	d->len = (uint8_t)len;
	d->hash = name_hash(name, len);
	dentry_get(parent);
	dentry_put(d->parent);
	d->parent = parent;
}

struct directory *directory_new(void)
{
	struct directory *dir = kzalloc(sizeof(*dir));

	if (dir) {
		list_init(&dir->order);
		dir->next_cookie = 2;
	}
	return dir;
}

void directory_free(struct directory *dir)
{
	kfree(dir->buckets);
	kfree(dir);
}

static struct directory *names_of(const struct dentry *dir)
{
	return dir->inode->private;
}

static bool is_called(const struct dentry *d, uint32_t hash, const char *name, size_t len)
{
	return d->hash == hash && d->len == len && !memcmp(d->name, name, len);
}

struct dentry *directory_find(struct dentry *dir, const char *name, size_t len)
{
	struct directory *names = names_of(dir);
	uint32_t hash = name_hash(name, len);
	struct dentry *d;

	if (names->buckets) {
		for (d = names->buckets[hash & (names->nbuckets - 1)]; d; d = d->chain)
			if (is_called(d, hash, name, len))
				return d;
		return NULL;
	}
	list_for_each (d, &names->order, siblings)
		if (is_called(d, hash, name, len))
			return d;
	return NULL;
}

static void enter_bucket(struct directory *names, struct dentry *d)
{
	struct dentry **head = &names->buckets[d->hash & (names->nbuckets - 1)];

	d->chain = *head;
	*head = d;
}

/* Without memory for more buckets the chains grow longer: no reason to refuse a name. */
static void grow_buckets(struct directory *names)
{
	uint32_t n = names->nbuckets ? names->nbuckets * 4 : FEW * 4;
	struct dentry **buckets = kcalloc(n, sizeof(*buckets)), *d;

	if (!buckets)
		return;
	kfree(names->buckets);
	names->buckets = buckets;
	names->nbuckets = n;
	list_for_each (d, &names->order, siblings)
		enter_bucket(names, d);
}

/* After four thousand million names in one directory the cookies are given anew. */
static void renumber(struct directory *names)
{
	struct dentry *d;

	names->next_cookie = 2;
	list_for_each (d, &names->order, siblings)
		d->cookie = names->next_cookie++;
}

void directory_list(struct dentry *d)
{
	struct directory *names = names_of(d->parent);

	if (names->next_cookie >= INT32_MAX)
		renumber(names);
	d->cookie = names->next_cookie++;
	d->flags = D_LISTED;
	dentry_get(d);
	list_add_tail(&d->siblings, &names->order);
	names->nnames++;
	if (names->buckets)
		enter_bucket(names, d);
	if (names->nnames > (names->buckets ? names->nbuckets * 2 : FEW))
		grow_buckets(names);
}

void directory_unlist(struct dentry *d)
{
	struct directory *names = names_of(d->parent);

	if (names->buckets) {
		struct dentry **at = &names->buckets[d->hash & (names->nbuckets - 1)];

		while (*at != d)
			at = &(*at)->chain;
		*at = d->chain;
	}
	list_del(&d->siblings);
	names->nnames--;
	d->flags = D_DELETED;
	dentry_put(d);
}

bool directory_empty(const struct dentry *dir)
{
	return names_of(dir)->nnames == 0;
}

struct dentry *directory_first(struct dentry *dir)
{
	return list_first(&names_of(dir)->order, struct dentry, siblings);
}

/* ---- reading ---------------------------------------------------------------------------- */

static struct dentry *first_from(struct directory *names, uint64_t cookie)
{
	struct dentry *d;

	list_for_each (d, &names->order, siblings)
		if (d->cookie >= cookie)
			return d;
	return NULL;
}

static void remember(struct file *f, struct dentry *d)
{
	struct dentry *old = f->private;

	f->private = d ? dentry_get(d) : NULL;
	if (old)
		dentry_put(old);
}

bool emit_dots(struct file *f, struct dir_sink *sink)
{
	struct dentry *dir = f->path.dentry;
	struct dentry *parent = dir->parent ? dir->parent : dir;

	if (f->pos == 0) {
		if (!sink->emit(sink, ".", 1, dir->inode->ino, DT_DIR, 1))
			return false;
		f->pos = 1;
	}
	if (f->pos == 1) {
		if (!sink->emit(sink, "..", 2, parent->inode->ino, DT_DIR, 2))
			return false;
		f->pos = 2;
	}
	return true;
}

/* Each name's `next` is the cookie of the name that follows it now, or one more than its own if
 * it is the last: names that come later have higher cookies. */
static int directory_readdir(struct file *f, struct dir_sink *sink)
{
	struct dentry *dir = f->path.dentry, *d = f->private, *next;
	struct directory *names = names_of(dir);

	if (!emit_dots(f, sink))
		return 0;
	if (!d || !(d->flags & D_LISTED) || d->parent != dir || d->cookie != f->pos)
		d = first_from(names, f->pos);
	for (; d; d = next) {
		next = d->siblings.next == &names->order
			   ? NULL
			   : container_of(d->siblings.next, struct dentry, siblings);
		uint64_t after = next ? next->cookie : (uint64_t)d->cookie + 1;

		if (!sink->emit(sink, d->name, d->len, d->inode->ino, inode_dirent_type(d->inode),
				after))
			break;
		f->pos = after;
	}
	remember(f, d);
	return 0;
}

static int64_t directory_seek(struct file *f, int64_t offset, int whence)
{
	if (whence == 1)
		offset += (int64_t)f->pos;
	else if (whence != 0)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	f->pos = (uint64_t)offset;
	return offset;
}

static void directory_release(struct file *f)
{
	remember(f, NULL);
}

const struct file_ops directory_fops = {
	.readdir = directory_readdir,
	.seek = directory_seek,
	.release = directory_release,
};
