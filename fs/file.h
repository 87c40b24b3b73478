/* SPDX-License-Identifier: BSD-2-Clause
 *
 * file.h - open files, and the tables of descriptors that name them.
 *
 *	struct files          struct file                    struct inode
 *	0 ──────────────────► /dev/console, position, flags ─► character device 5:1
 *	1 ──────────────────►      (the same one: dup)
 *	2 ──────────────────►
 *	3 | CLOEXEC ────────► pipe, write end ───────────────► pipe inode
 *
 *	file         an open file: position, flags; shared by dup and by fork
 *	files        a table of descriptors; shared by threads, copied by fork
 *	fs_context   working directory, root, umask; shared or copied likewise
 *
 * A descriptor's slot is the file's address; its low bit is the close-on-exec flag.  Slots that
 * open() has taken but not yet filled hold FILES_TAKEN.
 *
 * Invariants
 *	I1  each slot holds one reference on its file
 *	I2  no slot below `lowest` is free
 *	I3  a file holds its inode, its path, and one `writers` if it may write to a regular file
 *
 * A call that may sleep holds a reference of its own (file_get_fd), since another thread may
 * close the descriptor meanwhile.  Locking: none (see vfs.h).
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include "fs/uio.h"
#include "fs/vfs.h"
#include "kernel/task.h"

struct poll_table;
#define O_ACCMODE   00000003
#define O_RDONLY    00000000
#define O_WRONLY    00000001
#define O_RDWR      00000002
#define O_CREAT     00000100
#define O_EXCL      00000200
#define O_NOCTTY    00000400
#define O_TRUNC     00001000
#define O_APPEND    00002000
#define O_NONBLOCK  00004000
#define O_DSYNC     00010000
#define O_ASYNC     00020000
#define O_DIRECT    00040000
#define O_LARGEFILE 00100000
#define O_DIRECTORY 00200000
#define O_NOFOLLOW  00400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define O_SYNC      04010000
#define O_PATH      010000000
#define O_TMPFILE   (020000000 | O_DIRECTORY)

#define POLLIN     0x0001u
#define POLLPRI    0x0002u
#define POLLOUT    0x0004u
#define POLLERR    0x0008u
#define POLLHUP    0x0010u
#define POLLNVAL   0x0020u
#define POLLRDNORM 0x0040u
#define POLLRDBAND 0x0080u
#define POLLWRNORM 0x0100u
#define POLLRDHUP  0x2000u

#define POLL_READABLE (POLLIN | POLLRDNORM)
#define POLL_WRITABLE (POLLOUT | POLLWRNORM)

enum { DT_FIFO = 1, DT_CHR = 2, DT_DIR = 4, DT_BLK = 6, DT_REG = 8, DT_LNK = 10, DT_SOCK = 12 };

/* What receives directory entries.  `next` is the position to go on from after this one.
 * False: no room, stop; this entry is to be given again. */
struct dir_sink {
	bool (*emit)(struct dir_sink *sink, const char *name, size_t len, uint64_t ino,
		     unsigned type, uint64_t next);
};

struct file {
	uint32_t ref;
	uint32_t flags; /* O_* */
	bool readable, writable;
	int8_t counted; /* what it added to the inode's `writers`: 1, or -1 for a program */
	const struct file_ops *ops;
	struct inode *inode;
	struct path path; /* dentry NULL: it has no place in the tree (pipes) */
	uint64_t pos;
	void *private;
	struct file_async *async; /* F_SETOWN, F_SETSIG, O_ASYNC: async.h; NULL: none of them */
	struct list_link watches; /* epoll's, see epoll.c */
};

/* A missing function: read, write EINVAL (EISDIR for directories); seek ESPIPE; readdir ENOTDIR;
 * ioctl ENOTTY; poll always ready; mmap ENODEV; the others do nothing. */
struct file_ops {
	/* Transfer up to u->left bytes at *pos and move *pos.  Bytes, or an error if none came. */
	long (*read)(struct file *f, struct uio *to, uint64_t *pos);
	long (*write)(struct file *f, struct uio *from, uint64_t *pos);
	int64_t (*seek)(struct file *f, int64_t offset, int whence);
	int (*readdir)(struct file *f, struct dir_sink *sink);
	long (*ioctl)(struct file *f, unsigned cmd, uintptr_t arg);
	unsigned (*poll)(struct file *f, struct poll_table *table);
	/* The object to map; NULL in *out: anonymous zeroes (/dev/zero).  No reference given. */
	int (*mmap)(struct file *f, struct qr_object **out);
	int (*open)(struct file *f);     /* f is filled but for `private` and `pos` */
	void (*release)(struct file *f); /* the last reference went */
	void (*close)(struct file *f);   /* a descriptor was closed; others may remain */
	const char *name;                /* of files without a place: "[eventpoll]" */
};

/* ---- open files (file.c, open.c) ------------------------------------------------------- */

static inline struct file *file_get(struct file *f)
{
	f->ref++;
	return f;
}
void file_free(struct file *f);
/* Open files of all processes together. */
unsigned long files_open(void);
static inline void file_put(struct file *f)
{
	if (--f->ref == 0)
		file_free(f);
}

/* Open a place: rights were checked or do not matter.  Takes its own references. */
int file_open_path(struct path p, unsigned flags, struct file **out);
/* An open file without a name: pipes, eventfd, memfd.  Takes its own reference on inode. */
int file_open_inode(struct inode *inode, const struct file_ops *ops, unsigned flags,
		    struct file **out);

/* openat2: resolve, create if asked, check, open.  `start` serves relative names. */
struct open_how {
	unsigned flags, mode, resolve; /* O_*, rights of a new file, LOOKUP_* to add */
};
int vfs_open(struct path start, const char *name, const struct open_how *how, struct file **out);
/* The same for the kernel's own use: absolute name, root's rights not asked for. */
int file_open_kernel(const char *name, unsigned flags, struct file **out);

/* Open a program for execve: a regular file with execute permission, not on a noexec mount.
 * A link in the last component is followed unless flags say LOOKUP_NOFOLLOW; LOOKUP_EMPTY counts.
 * Writing to it is ETXTBSY until the last reference on *out has gone, so the mm keeps it. */
int file_open_exec(struct path start, const char *name, unsigned lookup_flags, struct file **out);
static inline struct file *file_exec_get(struct file *f)
{
	return file_get(f);
}
static inline void file_exec_put(struct file *f)
{
	file_put(f);
}

/* Read from the position given, f->pos stays: bytes read, short only at the end of the file. */
long file_read_kernel(struct file *f, uint64_t pos, void *to, size_t n);

/* Transfers as the system calls want them: rights, RLIMIT_FSIZE, timestamps, signals. */
#define TRANSFER_MAX 0x7ffff000u /* bytes of one call; Linux's MAX_RW_COUNT */
extern size_t transfer_quick;    /* that, or 0 while files are watched (notify.h) */
long file_read_odd(struct file *f, struct uio *to, uint64_t *pos);
long file_write_odd(struct file *f, struct uio *from, uint64_t *pos);
static inline long file_read(struct file *f, struct uio *to, uint64_t *pos)
{
	if (QR_LIKELY(f->readable && f->ops->read && to->left <= transfer_quick))
		return f->ops->read(f, to, pos);
	return file_read_odd(f, to, pos);
}
static inline long file_write(struct file *f, struct uio *from, uint64_t *pos)
{
	if (QR_LIKELY(f->writable && f->ops->write && from->left <= transfer_quick))
		return f->ops->write(f, from, pos);
	return file_write_odd(f, from, pos);
}
/* As if it were O_NONBLOCK: it does not sleep, so nobody sees the flag. */
long file_transfer_now(struct file *f, struct uio *u, uint64_t *pos, bool writing);
static inline int64_t file_seek(struct file *f, int64_t offset, int whence)
{
	return f->ops->seek ? f->ops->seek(f, offset, whence) : -ESPIPE;
}
static inline unsigned file_poll(struct file *f, struct poll_table *table)
{
	return f->ops->poll ? f->ops->poll(f, table) : POLL_READABLE | POLL_WRITABLE;
}
/* What mmap maps; checks that the file can be mapped.  No reference given. */
int file_mmap(struct file *f, struct qr_object **out);
/* Its name from the current root, for /proc/PID/maps and exe, into the end of buf; "?" if it
 * does not fit. */
const char *file_name(struct file *f, char *buf, size_t nbytes);
/* The inode behind an object that is mapped; NULL if it is no file's.  Its name, as file_name
 * gives it. */
struct inode *object_inode(struct qr_object *o);
const char *inode_name(struct inode *i, char *buf, size_t nbytes);
/* The file was read: atime, as relatime has it. */
void file_accessed(struct file *f);

/* ---- descriptors (files.c) -------------------------------------------------------------- */

#define FD_CLOEXEC  1u
#define FILES_TAKEN ((uintptr_t)2)

struct files {
	uint32_t ref;
	unsigned size;   /* slots */
	unsigned lowest; /* search for a free one from here */
	uintptr_t *slots;
	uintptr_t first[16]; /* slots of a small table */
};

struct files *files_new(void);
struct files *files_copy(struct files *from); /* for fork; NULL: no memory */
static inline struct files *files_get(struct files *t)
{
	t->ref++;
	return t;
}
void files_put(struct files *t); /* closes everything with the last reference */
void files_close_on_exec(struct files *t);

/* The open file behind fd without / with a reference; NULL: EBADF. */
static inline struct file *files_peek(const struct files *t, unsigned fd)
{
	return fd < t->size ? (struct file *)(t->slots[fd] & ~(uintptr_t)3) : NULL;
}
/* The same for the current task; a file opened with O_PATH is not found. */
struct file *fd_get(unsigned fd);
/* The same without a reference, for as long as nobody sleeps. */
static inline struct file *fd_peek(unsigned fd)
{
	struct file *f = files_peek(current_process->files, fd);

	return QR_LIKELY(f && !(f->flags & O_PATH)) ? f : NULL;
}
/* fd_get for the few calls that do little else. */
static inline struct file *fd_get_quick(unsigned fd)
{
	struct file *f = fd_peek(fd);

	return QR_LIKELY(f != NULL) ? file_get(f) : NULL;
}
struct file *fd_get_path(unsigned fd); /* O_PATH too */

/* Take the lowest free descriptor >= from.  EMFILE (RLIMIT_NOFILE), ENOMEM. */
int fd_take(unsigned from);
/* Fill it: the reference on f is handed over / give it back unused. */
void fd_install(int fd, struct file *f, bool cloexec);
void fd_untake(int fd);
/* Both at once; on failure f is put. */
int fd_add(struct file *f, bool cloexec);
int fd_close(unsigned fd);
int fd_dup_to(struct file *f, unsigned fd, bool cloexec); /* dup2: closes what was there */

/* ---- where a process stands (fs_context.c) ------------------------------------------------ */

struct fs_context {
	uint32_t ref;
	uint32_t umask;
	struct path root, cwd;
};

struct fs_context *fs_context_new(void); /* at the root of all */
struct fs_context *fs_context_copy(struct fs_context *from);
static inline struct fs_context *fs_context_get(struct fs_context *c)
{
	c->ref++;
	return c;
}
void fs_context_put(struct fs_context *c);

/* Descriptor or AT_FDCWD to the place where relative names start.  References. */
#define AT_FDCWD (-100)
int path_start(int dirfd, const char *name, struct path *out);

#endif
