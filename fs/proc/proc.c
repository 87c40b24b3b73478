/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define PROC_MAGIC 0x9fa0

struct proc_inode {
	struct inode inode;
	const struct proc_node *node;
	struct proc_target of; /* pid and task referenced */
};

static const struct inode_ops directory_ops, file_ops, link_ops, place_ops;
static const struct file_ops directory_files, text_files;

static struct proc_inode *proc_inode_of(struct inode *i)
{
	return container_of(i, struct proc_inode, inode);
}

/* ---- inodes -------------------------------------------------------------------------------- */

/* The same thing has the same number each time it is looked up; on 32 bits, one that old programs
 * have room for. */
static uint64_t number_of(const struct proc_node *node, const struct proc_target *of)
{
	uint64_t nr = of->task ? (uint64_t)of->task->nr : of->pid ? (uint64_t)of->pid->nr : 0;

	nr = nr << 28 | ((uint64_t)of->fd & 0xff) << 20 | ((uintptr_t)node >> 3 & 0xfffff);
	return sizeof(long) == 8 ? nr : nr * 0x9e3779b97f4a7c15u >> 32;
}

static void own(struct inode *i, const struct proc_target *of)
{
	const struct process *p = of->pid ? proc_process(of) : NULL;

	i->uid = p ? p->cred.euid : 0;
	i->gid = p ? p->cred.egid : 0;
}

static struct inode *inode_of_node(struct filesystem *fs, const struct proc_node *node,
				   const struct proc_target *of)
{
	struct proc_inode *p = kmalloc(sizeof(*p));
	struct inode *i;

	if (!p)
		return NULL;
	i = &p->inode;
	inode_init(i, fs, node->mode);
	p->node = node;
	p->of = *of;
	p->of.node = node;
	if (of->pid)
		pid_get(of->pid);
	if (of->task)
		pid_get(of->task);
	i->ino = number_of(node, of);
	i->nlink = S_ISDIR(node->mode) ? 2 : 1;
	own(i, of);
	if (S_ISDIR(node->mode)) {
		i->ops = &directory_ops;
		i->fops = &directory_files;
	} else if (S_ISLNK(node->mode)) {
		i->ops = node->follow ? &place_ops : &link_ops;
	} else {
		i->ops = &file_ops;
		i->fops = node->flags & PROC_BINARY ? node->fops : &text_files;
	}
	return i;
}

const struct proc_target *proc_target_of(const struct file *f)
{
	return &proc_inode_of(f->inode)->of;
}

struct pid *proc_process_of(const struct file *f)
{
	const struct proc_inode *p = proc_inode_of(f->inode);

	return f->ops == &directory_files && p->node == proc_processes.node ? p->of.pid : NULL;
}

static void free_inode(struct inode *i)
{
	struct proc_inode *p = proc_inode_of(i);

	pid_put(p->of.pid);
	pid_put(p->of.task);
	kfree(p);
}

/* ---- directories ----------------------------------------------------------------------------- */

/* A number as its decimal digits say, without anything else. */
static bool parse_number(const char *name, size_t len, unsigned *out)
{
	unsigned v = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		v = v * 10 + (unsigned)(name[i] - '0');
	}
	*out = v;
	return true;
}

/* Behind a name comes a slash or its end: it may be looked at. */
static bool is_called(const char *s, const char *name, size_t len)
{
	for (; *s == *name && len; s++, name++)
		len--;
	return !len && !*s;
}

static const struct proc_node *find_node(const struct proc_node *n, const char *name, size_t len)
{
	for (; n && n->name; n++)
		if (is_called(n->name, name, len))
			return n;
	return NULL;
}

/* The names that were looked up last, so that who reads the same few files over and over does not
 * have them made anew each time.  Two share a place; the newer one lies in front.  They hold no
 * process, only its number. */
#define RECENT 32 /* a power of two */
static struct dentry *recent[RECENT];

static struct dentry **recent_slot(const struct proc_node *node, const struct proc_target *of)
{
	uint64_t n = number_of(node, of);

	return &recent[((uint32_t)(n ^ n >> 28) * 0x9e3779b1u >> 16) % RECENT & ~1u];
}

static bool is_about(const struct dentry *d, const struct dentry *dir, const struct proc_node *node,
		     const struct proc_target *of)
{
	const struct proc_inode *p = proc_inode_of(d->inode);

	return d->parent == dir && p->node == node && p->of.pid == of->pid &&
	       p->of.task == of->task && p->of.fd == of->fd;
}

/* Of one file system, or (NULL) of all. */
static void forget_recent(const struct filesystem *fs)
{
	for (unsigned n = 0; n < RECENT; n++) {
		struct dentry *d = recent[n];

		if (d && (!fs || d->inode->fs == fs)) {
			recent[n] = NULL;
			dentry_put(d);
		}
	}
}

void proc_unmount_nodes(struct dentry *root)
{
	forget_recent(root->inode->fs);
}

void proc_drop_names(void)
{
	forget_recent(NULL);
}

static int look_up(struct dentry *dir, const char *name, size_t len, struct dentry **out)
{
	const struct proc_inode *p = proc_inode_of(dir->inode);
	const struct proc_listing *l = p->node->listing;
	const struct proc_node *node = NULL;
	struct proc_target of = p->of;
	struct dentry **slot;
	struct inode *i;
	unsigned nr;

	if (of.pid && !proc_process(&of))
		return -ENOENT;
	if (l && parse_number(name, len, &nr))
		node = l->find(&p->of, nr, &of) ? l->node : NULL;
	else
		node = find_node(p->node->nodes, name, len);
	if (!node)
		return -ENOENT;
	slot = recent_slot(node, &of);
	for (unsigned k = 0; k < 2; k++) {
		if (slot[k] && is_about(slot[k], dir, node, &of)) {
			own(slot[k]->inode, &of);
			*out = dentry_get(slot[k]);
			return 0;
		}
	}
	i = inode_of_node(dir->inode->fs, node, &of);
	if (!i)
		return -ENOMEM;
	*out = dentry_new(dir, name, len, i);
	if (!*out) {
		inode_put(i);
		return -ENOMEM;
	}
	if (slot[1])
		dentry_put(slot[1]);
	slot[1] = slot[0];
	slot[0] = dentry_get(*out);
	return 0;
}

/* Positions: 0, 1 the dots; then the nodes; then the numbers, from FIRST_NUMBER on. */
#define FIRST_NUMBER 1000

static bool emit_nodes(struct file *f, struct dir_sink *sink, const struct proc_inode *p)
{
	uint64_t at = 2;

	for (const struct proc_node *n = p->node->nodes; n && n->name; n++, at++) {
		if (f->pos > at)
			continue;
		if (!sink->emit(sink, n->name, strlen(n->name), number_of(n, &p->of),
				n->mode >> 12 & 15, at + 1))
			return false;
		f->pos = at + 1;
	}
	if (f->pos < FIRST_NUMBER)
		f->pos = FIRST_NUMBER;
	return true;
}

static void emit_numbers(struct file *f, struct dir_sink *sink, const struct proc_inode *p)
{
	const struct proc_listing *l = p->node->listing;
	unsigned nr = (unsigned)(f->pos - FIRST_NUMBER);

	for (; l->next(&p->of, &nr); nr++) {
		struct proc_target of = p->of;
		char name[12];
		int len = ksnprintf(name, sizeof(name), "%u", nr);

		if (!l->find(&p->of, nr, &of))
			continue;
		if (!sink->emit(sink, name, (size_t)len, number_of(l->node, &of),
				l->node->mode >> 12 & 15, FIRST_NUMBER + (uint64_t)nr + 1))
			return;
		f->pos = FIRST_NUMBER + (uint64_t)nr + 1;
	}
}

static int read_directory(struct file *f, struct dir_sink *sink)
{
	const struct proc_inode *p = proc_inode_of(f->inode);

	if (p->of.pid && !proc_process(&p->of))
		return -ENOENT;
	if (!emit_dots(f, sink) || !emit_nodes(f, sink, p) || !p->node->listing)
		return 0;
	emit_numbers(f, sink, p);
	return 0;
}

int64_t proc_seek(struct file *f, int64_t offset, int whence)
{
	if (whence == 1)
		offset += (int64_t)f->pos;
	else if (whence)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	f->pos = (uint64_t)offset;
	return offset;
}

/* ---- files ------------------------------------------------------------------------------------ */

static int make_text(struct file *f, struct text *t)
{
	const struct proc_inode *p = proc_inode_of(f->inode);
	int err = 0;

	t->n = 0;
	t->more = false;
	if (p->of.pid && !proc_process(&p->of))
		return -ESRCH;
	if (p->node->show)
		err = p->node->show(t, &p->of);
	if (!err)
		err = t->err;
	t->err = 0;
	return err;
}

/* The piece that holds *pos, made anew from the start if it lies before the one at hand. */
static int find_piece(struct file *f, struct text *t, uint64_t pos)
{
	int err = 0;

	if (pos == 0 || !t->bytes || pos < t->base) {
		t->base = t->cursor = 0;
		err = make_text(f, t);
	}
	while (!err && t->more && pos >= t->base + t->n) {
		t->base += t->n;
		err = make_text(f, t);
	}
	return err;
}

static long read_text(struct file *f, struct uio *to, uint64_t *pos)
{
	struct text *t = f->private;
	int err = find_piece(f, t, *pos);
	size_t n;

	if (err)
		return err;
	if (*pos >= t->base + t->n)
		return 0;
	n = t->n - (size_t)(*pos - t->base);
	n = uio_put(to, t->bytes + (*pos - t->base), n);
	*pos += n;
	return uio_result(n, to->fault ? -EFAULT : 0);
}

static long write_text(struct file *f, struct uio *from, uint64_t *pos)
{
	const struct proc_inode *p = proc_inode_of(f->inode);
	char text[256];
	size_t all = from->left, n = all;
	int err;

	if (!p->node->store)
		return -EINVAL;
	if (n >= sizeof(text))
		return -EINVAL;
	if (uio_get(from, text, n) < n)
		return -EFAULT;
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	err = p->node->store(&p->of, text, n);
	return err ? err : (long)all;
}

static int open_text(struct file *f)
{
	const struct proc_inode *p = proc_inode_of(f->inode);

	if (f->writable && !p->node->store)
		return -EACCES;
	if (p->node->flags & PROC_PRIVATE) {
		int err = proc_process(&p->of) ? proc_may_look(proc_process(&p->of)) : -ESRCH;

		if (err)
			return err;
	}
	f->private = kzalloc(sizeof(struct text));
	return f->private ? 0 : -ENOMEM;
}

static void release_text(struct file *f)
{
	text_free(f->private);
	kfree(f->private);
}

/* ---- links ------------------------------------------------------------------------------------- */

static int say(struct dentry *link, struct text *t)
{
	const struct proc_inode *p = proc_inode_of(link->inode);

	if (p->of.pid && !proc_process(&p->of))
		return -ESRCH;
	return p->node->say(&p->of, t);
}

static int read_link(struct dentry *link, char **out)
{
	struct text t = { 0 };
	int err = say(link, &t);

	text_put(&t, "", 1);
	if (!err)
		err = t.err;
	if (err)
		text_free(&t);
	else
		*out = t.bytes;
	return err;
}

static int follow_link(struct dentry *link, struct path *out)
{
	const struct proc_inode *p = proc_inode_of(link->inode);

	if (p->of.pid && !proc_process(&p->of))
		return -ESRCH;
	return p->node->follow(&p->of, out);
}

static const struct inode_ops directory_ops = { .lookup = look_up, .free = free_inode };
static const struct inode_ops file_ops = { .free = free_inode };
static const struct inode_ops link_ops = { .readlink = read_link, .free = free_inode };
static const struct inode_ops place_ops = { .readlink = read_link,
					    .follow = follow_link,
					    .free = free_inode };
static const struct file_ops directory_files = { .readdir = read_directory, .seek = proc_seek };
static const struct file_ops text_files = {
	.read = read_text,
	.write = write_text,
	.seek = proc_seek,
	.open = open_text,
	.release = release_text,
};

/* ---- the top ------------------------------------------------------------------------------------ */

static int say_self(const struct proc_target *of, struct text *t)
{
	text_number(t, (unsigned)current_process->nr);
	return 0;
}

static int say_thread_self(const struct proc_target *of, struct text *t)
{
	text_printf(t, "%d/task/%d", current_process->nr, current->tid);
	return 0;
}

static int say_mounts(const struct proc_target *of, struct text *t)
{
	text_string(t, "self/mounts");
	return 0;
}

#define FILE_MODE(name_, mode_)                                                 \
	{                                                                       \
		.name = #name_, .mode = S_IFREG | (mode_), .show = proc_##name_ \
	}
#define FILE(name_) FILE_MODE(name_, 0444)
#define NUMBERS(name_)                                                        \
	{                                                                     \
		.name = #name_, .mode = S_IFREG | 0400, .flags = PROC_BINARY, \
		.fops = &proc_##name_                                         \
	}

static const struct proc_node sysvipc_nodes[] = {
	{ .name = "shm", .mode = S_IFREG | 0444, .show = proc_sysvipc_shm },
	{ 0 },
};

static const struct proc_node nodes[] = {
	{ .name = "self", .mode = S_IFLNK | 0777, .say = say_self },
	{ .name = "thread-self", .mode = S_IFLNK | 0777, .say = say_thread_self },
	{ .name = "mounts", .mode = S_IFLNK | 0777, .say = say_mounts },
	FILE(buddyinfo),
	FILE(cmdline),
	FILE(cpuinfo),
	FILE(devices),
	FILE(filesystems),
	FILE(interrupts),
	NUMBERS(kpagecount),
	NUMBERS(kpageflags),
	FILE(loadavg),
	FILE(meminfo),
	FILE_MODE(pagetypeinfo, 0400),
	FILE(partitions),
	FILE_MODE(slabinfo, 0400),
	FILE(stat),
	FILE(swaps),
	FILE(uptime),
	FILE(version),
	FILE(vmstat),
	FILE_MODE(zoneinfo, 0444),
	{ .name = "sys", .mode = S_IFDIR | 0555, .nodes = proc_sys_nodes },
	{ .name = "sysvipc", .mode = S_IFDIR | 0555, .nodes = sysvipc_nodes },
	{ .name = "quire", .mode = S_IFDIR | 0555, .nodes = proc_quire_nodes },
	{ 0 },
};

static const struct proc_node top = {
	.name = "/", .mode = S_IFDIR | 0555, .nodes = nodes, .listing = &proc_processes
};

int proc_mount_nodes(struct filesystem *fs, const struct proc_node *node, struct dentry **root)
{
	struct proc_target system = { 0 };
	struct inode *i = inode_of_node(fs, node, &system);

	if (!i)
		return -ENOMEM;
	i->ino = 1;
	*root = dentry_new(NULL, "/", 1, i);
	if (!*root)
		inode_put(i);
	return *root ? 0 : -ENOMEM;
}

static int proc_mount(struct filesystem *fs, const char *options, struct dentry **root)
{
	return proc_mount_nodes(fs, &top, root);
}

static struct filesystem_type proc_type = {
	.name = "proc",
	.magic = PROC_MAGIC,
	.single = true,
	.mount = proc_mount,
	.unmount = proc_unmount_nodes,
};

void proc_init(void)
{
	filesystem_register(&proc_type);
}
