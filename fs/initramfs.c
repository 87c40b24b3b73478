/* SPDX-License-Identifier: BSD-2-Clause
 *
 * initramfs.c - from boot modules through gunzip and cpio to inodes.
 *
 *	module's pages ─► stream ─┬───────────────► cpio ─► unpacker ─► memfs
 *	                          └─ gunzip ─ sink ─┘
 *
 * Nothing is kept in between but gunzip's window, and each page of the module is freed once it
 * has been read, so that the peak is little more than the unpacked tree.
 */
#include "fs/initramfs.h"
#include "fs/cpio.h"
#include "fs/dev.h"
#include "fs/file.h"
#include "fs/gunzip.h"
#include "fs/stream.h"
#include "kernel/boot_info.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/errno_words.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/memory.h"

/* A file with several names comes once with contents and otherwise empty: found by number. */
struct several {
	struct several *next;
	uint32_t ino, dev_major, dev_minor;
	struct path path;
};

struct unpacker {
	struct cpio_receiver receiver;
	struct gunzip_sink sink;
	struct cpio cpio;
	struct several *several;
	struct file *file;     /* being filled, or NULL */
	struct file_time time; /* its, to be set when it is complete */
	const char *error;
	unsigned nentries;
};

/* ---- files ----------------------------------------------------------------------------------- */

static struct path tree_root(void)
{
	return (struct path){ root_mount, root_mount->root };
}

static void set_attributes(struct inode *i, const struct cpio_entry *e)
{
	i->uid = e->uid;
	i->gid = e->gid;
	i->mode = (i->mode & S_IFMT) | (e->mode & 07777);
	i->mtime = (struct file_time){ e->mtime, 0 };
}

/* Parents that the archive does not list are made, as an old archive may begin anywhere. */
static int make_parents(const char *name)
{
	char *path = kstrdup(name);
	int err = path ? 0 : -ENOMEM;

	for (char *p = path; !err && (p = strchr(p, '/')); p++) {
		struct path_parent at;

		*p = '\0';
		err = path_lookup_parent(tree_root(), path, 0, &at);
		if (!err) {
			err = vfs_make(&at, S_IFDIR | 0755, 0, NULL, NULL);
			if (err == -EEXIST)
				err = 0;
			path_parent_put(&at);
		}
		*p = '/';
	}
	kfree(path);
	return err;
}

static int find_parent(const char *name, struct path_parent *out)
{
	int err = path_lookup_parent(tree_root(), name, 0, out);

	if (err != -ENOENT)
		return err;
	err = make_parents(name);
	return err ? err : path_lookup_parent(tree_root(), name, 0, out);
}

static struct several *find_several(const struct unpacker *u, const struct cpio_entry *e)
{
	struct several *s = u->several;

	while (s &&
	       (s->ino != e->ino || s->dev_major != e->dev_major || s->dev_minor != e->dev_minor))
		s = s->next;
	return s;
}

static int remember(struct unpacker *u, const struct cpio_entry *e, struct path path)
{
	struct several *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct several){ u->several, e->ino, e->dev_major, e->dev_minor, path_get(path) };
	u->several = s;
	return 0;
}

static void forget_several(struct unpacker *u)
{
	while (u->several) {
		struct several *s = u->several;

		u->several = s->next;
		path_put(s->path);
		kfree(s);
	}
}

/* A later file replaces an earlier one of its name; a directory stays; one is never the other. */
static int clear_place(struct unpacker *u, struct path_parent *at, bool directory,
		       struct path *there)
{
	int err = path_child(at->dir, at->name, at->len, there);
	bool was_directory;

	if (err)
		return err; /* -ENOENT: free */
	was_directory = S_ISDIR(there->dentry->inode->mode);
	if (directory && was_directory)
		return 0;
	path_put(*there);
	if (directory != was_directory) {
		u->error = "a directory in the place of a file, or a file in that of a directory";
		return -EEXIST;
	}
	err = vfs_unlink(at);
	return err ? err : -ENOENT;
}

/* Make what the entry says below `at`; *path gets it, with references. */
static int make_entry(struct unpacker *u, struct path_parent *at, const struct cpio_entry *e,
		      struct path *path)
{
	struct several *other = NULL;
	int err = clear_place(u, at, S_ISDIR(e->mode), path);

	if (err != -ENOENT)
		return err;
	if (S_ISREG(e->mode) && e->nlink > 1)
		other = find_several(u, e);
	if (other) {
		*path = path_get(other->path);
		err = vfs_link(other->path, at);
		if (err)
			path_put(*path);
		return err;
	}
	err = vfs_make(at, e->mode, DEV(e->rdev_major, e->rdev_minor), e->target, path);
	if (!err && S_ISREG(e->mode) && e->nlink > 1) {
		err = remember(u, e, *path);
		if (err)
			path_put(*path);
	}
	return err;
}

static bool known_type(uint32_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
	       S_ISFIFO(mode) || (mode & S_IFMT) == S_IFSOCK;
}

static int begin(struct cpio_receiver *r, const struct cpio_entry *e)
{
	struct unpacker *u = container_of(r, struct unpacker, receiver);
	struct path_parent at;
	struct path path;
	int err;

	u->nentries++;
	if (!known_type(e->mode)) {
		u->error = "a file of a type that does not exist";
		return -EINVAL;
	}
	if (!*e->name) {
		if (S_ISDIR(e->mode))
			set_attributes(root_mount->root->inode, e);
		return 0;
	}
	err = find_parent(e->name, &at);
	if (err)
		return err;
	err = make_entry(u, &at, e, &path);
	path_parent_put(&at);
	if (err)
		return err;
	set_attributes(path.dentry->inode, e);
	if (S_ISREG(e->mode) && e->size) {
		u->time = path.dentry->inode->mtime;
		err = file_open_path(path, O_WRONLY | O_LARGEFILE, &u->file);
	}
	path_put(path);
	return err;
}

static int contents(struct cpio_receiver *r, const uint8_t *bytes, size_t n)
{
	struct unpacker *u = container_of(r, struct unpacker, receiver);
	struct uio from = uio_kernel(bytes, n);
	long done;

	if (!u->file)
		return -EINVAL;
	done = file_write(u->file, &from, &u->file->pos);
	if (done >= 0 && (size_t)done < n)
		done = -ENOSPC;
	return done < 0 ? (int)done : 0;
}

static int end(struct cpio_receiver *r)
{
	struct unpacker *u = container_of(r, struct unpacker, receiver);

	if (u->file) {
		u->file->inode->mtime = u->time;
		file_put(u->file);
		u->file = NULL;
	}
	return 0;
}

static int from_gunzip(struct gunzip_sink *sink, const uint8_t *bytes, size_t n)
{
	struct unpacker *u = container_of(sink, struct unpacker, sink);
	size_t used;
	int err = cpio_feed(&u->cpio, bytes, n, &used);

	if (!err && used < n) {
		u->error = "something else behind the archive";
		err = -EINVAL;
	}
	return err;
}

/* ---- a module as a stream -------------------------------------------------------------------- */

struct module_stream {
	struct stream stream;
	uint64_t next, end;      /* physical bytes still to come */
	void *window;            /* of the page in use */
	uint64_t page, page_end; /* its bytes that are the module's */
};

static void release_page(struct module_stream *m)
{
	if (!m->window)
		return;
	qr_host_window_put(m->window);
	m->window = NULL;
	memory_release_module(m->page, m->page_end);
}

static bool next_page(struct stream *s)
{
	struct module_stream *m = container_of(s, struct module_stream, stream);
	uint64_t page_end;

	release_page(m);
	if (m->next == m->end)
		return false;
	page_end = (m->next | QR_PAGE_MASK) + 1;
	if (page_end > m->end)
		page_end = m->end;
	m->window = qr_host_window_get(qr_phys_frame(qr_phys_of(m->next)));
	m->page = m->next;
	m->page_end = page_end;
	s->p = (uint8_t *)m->window + (m->next & QR_PAGE_MASK);
	s->end = s->p + (page_end - m->next);
	m->next = page_end;
	return true;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int unpack_next(struct unpacker *u, struct stream *s)
{
	size_t n = (size_t)(s->end - s->p), used;
	int err;

	if (u->cpio.state == CPIO_BETWEEN && *s->p == 0x1f)
		return gunzip(s, &u->sink, &u->error);
	err = cpio_feed(&u->cpio, s->p, n, &used);
	if (!err && !used) {
		u->error = "neither cpio nor gzip";
		err = -EINVAL;
	}
	s->p += used;
	return err;
}

static int unpack_stream(struct unpacker *u, struct stream *s)
{
	int err = 0;

	while (!err && stream_more(s))
		err = unpack_next(u, s);
	return err ? err : cpio_finish(&u->cpio);
}

static int unpack_module(struct unpacker *u, const struct boot_module *module)
{
	struct module_stream m = { .stream = { .refill = next_page },
				   .next = module->start,
				   .end = module->end };
	int err = cpio_init(&u->cpio, &u->receiver);

	if (err)
		return err;
	u->error = NULL;
	err = unpack_stream(u, &m.stream);
	if (err) {
		const char *why = u->cpio.error ? u->cpio.error : u->error;

		log_error("initramfs: %s: %s (%d), entry %u, \"%s\"\n",
			  why ? why : "cannot be unpacked", errno_words(err), -err, u->nentries,
			  u->nentries && u->cpio.entry.name ? u->cpio.entry.name : "");
	}
	release_page(&m);
	if (m.next < m.end)
		memory_release_module(m.next, m.end);
	(void)end(&u->receiver);
	cpio_fini(&u->cpio);
	forget_several(u);
	return err;
}

int initramfs_unpack(void)
{
	struct unpacker *u = kzalloc(sizeof(*u));
	int err = boot_info.nmodules ? 0 : -ENOENT;

	if (!u)
		return -ENOMEM;
	u->receiver = (struct cpio_receiver){ begin, contents, end };
	u->sink.take = from_gunzip;
	for (unsigned i = 0; i < boot_info.nmodules; i++) {
		int e = unpack_module(u, &boot_info.modules[i]);

		err = err ? err : e;
	}
	if (!err)
		log_info("initramfs: %u entries, %llu KiB\n", u->nentries,
			 (unsigned long long)root_mount->fs->npages * (QR_PAGE_SIZE / 1024));
	kfree(u);
	return err;
}
