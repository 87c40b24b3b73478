/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/memfs.h"
#include "kernel/kmalloc.h"
#include "kernel/log.h"
#include "kernel/shm.h"
#include "kernel/task.h"
#include "kernel/time.h"

struct shm_limits shm_limits = { SIZE_MAX - (1 << 24), SIZE_MAX - (1 << 24), 4096 };
unsigned shm_count;
size_t shm_pages;

static struct shm_segment **slots;
static unsigned nslots;
static int last_slot = -1;
static int32_t sequence;

static int64_t now(void)
{
	return (int64_t)(real_ns() / NS_PER_SEC);
}

static size_t pages_of(const struct shm_segment *s)
{
	return (s->size + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
}

struct shm_segment *shm_next(unsigned *slot)
{
	for (; *slot < nslots; ++*slot)
		if (slots[*slot])
			return slots[*slot];
	return NULL;
}

struct shm_segment *shm_find(int32_t id)
{
	unsigned slot = (unsigned)id % SHM_SLOTS_MAX;

	return id >= 0 && slot < nslots && slots[slot] && slots[slot]->id == id ? slots[slot]
										: NULL;
}

struct shm_segment *shm_find_key(int32_t key)
{
	struct shm_segment *s;

	for (unsigned slot = 0; (s = shm_next(&slot)); slot++)
		if (s->key == key)
			return s;
	return NULL;
}

size_t shm_attaches(const struct shm_segment *s)
{
	return qr_object_mappings(s->inode->object, false);
}

/* ---- making ------------------------------------------------------------------------------------ */

/* The lowest free slot; its numbers begin anew when one is used again.  -1: no memory. */
static int take_slot(struct shm_segment *s)
{
	struct shm_segment **more;
	unsigned slot = 0, n = nslots ? 2 * nslots : 16;

	while (slot < nslots && slots[slot])
		slot++;
	if (slot == nslots) {
		more = n <= SHM_SLOTS_MAX ? krealloc(slots, n * sizeof(*more)) : NULL;
		if (!more)
			return -1;
		for (unsigned i = nslots; i < n; i++)
			more[i] = NULL;
		slots = more;
		nslots = n;
	}
	if ((int)slot <= last_slot)
		sequence = (sequence + 1) & 0xffff;
	last_slot = (int)slot;
	s->id = sequence * SHM_SLOTS_MAX + (int32_t)slot;
	slots[slot] = s;
	return 0;
}

static void destroy(struct shm_segment *s)
{
	slots[(unsigned)s->id % SHM_SLOTS_MAX] = NULL;
	shm_count--;
	shm_pages -= pages_of(s);
	s->inode->object->unmapped = NULL;
	dentry_put(s->name);
	inode_put(s->inode);
	kfree(s);
}

static void unmapped(struct qr_object *o)
{
	struct shm_segment *s = shm_of(o);

	s->detached = now();
	s->last = current_process->nr;
	if (s->mode & SHM_DEST && !shm_attaches(s))
		destroy(s);
}

struct shm_segment *shm_of(const struct qr_object *o)
{
	return o && o->unmapped == unmapped ? ((struct inode *)o->owner)->private : NULL;
}

static int make_file(struct shm_segment *s)
{
	char name[16];
	size_t n = (size_t)ksnprintf(name, sizeof(name), "SYSV%08x", (unsigned)s->key);
	int err = memfs_make_unnamed(S_IFREG | (s->mode & 0777), false, &s->inode);

	if (err)
		return err;
	s->name = dentry_new(NULL, name, n, inode_get(s->inode));
	if (!s->name) {
		inode_put(s->inode);
		inode_put(s->inode);
		return -ENOMEM;
	}
	s->name->flags = D_DELETED;
	s->inode->alias = s->name;
	s->inode->private = s;
	s->inode->size = s->size;
	qr_object_resize(s->inode->object, pages_of(s));
	s->inode->object->unmapped = unmapped;
	return 0;
}

int shm_new(int32_t key, size_t size, uint32_t mode, struct shm_segment **out)
{
	const struct cred *c = &current_process->cred;
	struct shm_segment *s = kmalloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct shm_segment){
		.key = key,
		.uid = c->euid,
		.gid = c->egid,
		.cuid = c->euid,
		.cgid = c->egid,
		.mode = mode & 0777,
		.size = size,
		.changed = now(),
		.creator = current_process->nr,
	};
	err = make_file(s);
	if (!err && (shm_count >= (unsigned)shm_limits.mni || take_slot(s))) {
		err = shm_count >= (unsigned)shm_limits.mni ? -ENOSPC : -ENOMEM;
		dentry_put(s->name);
		inode_put(s->inode);
	}
	if (err) {
		kfree(s);
		return err;
	}
	shm_count++;
	shm_pages += pages_of(s);
	*out = s;
	return 0;
}

void shm_attached(struct shm_segment *s)
{
	s->attached = now();
	s->last = current_process->nr;
}

void shm_remove(struct shm_segment *s)
{
	s->key = 0;
	s->mode |= SHM_DEST;
	if (!shm_attaches(s))
		destroy(s);
}
