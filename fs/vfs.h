/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vfs.h - the tree of names, and what the names stand for.
 *
 *	inode     a file itself: type, rights, owner, times, contents
 *	dentry    a name in a directory; names one inode, knows its parent
 *	mount     a file system put onto a directory
 *	path      a place in the tree: (mount, dentry)
 *
 *	mount / ──root── dentry "/" ── dentry "bin" ── dentry "busybox" ─┐
 *	   │                 │              └────────── dentry "sh" ─────┴─► inode ── qr_object
 *	   │                 └──────── dentry "proc"  (mounted = 1)                   (its pages)
 *	mount /proc ─at───────────────────┘
 *	   └──root── dentry "/" ── dentries made at each look-up, gone with their last user
 *
 * There is no cache of names beside the file system: the dentries of memfs *are* its
 * directories, and stay while the name exists.  The dentries of proc are made by `lookup`,
 * never listed in their parent, and go with their last reference.
 *
 * Invariants
 *	I1  a listed dentry (D_LISTED) is held once by its parent's list
 *	I2  a dentry holds one reference on its inode and one on its parent, the root on none
 *	I3  a directory inode has exactly one dentry; its nlink is 2 + its subdirectories
 *	I4  a mount holds its root, the directory it covers, and its parent mount
 *	I5  an inode without references is freed; one that is mapped still, with its object
 *
 * Locking: none.  The kernel is not preempted, and nothing here sleeps between looking at a
 * directory and changing it.  Copies from user memory come before or after, never between.
 */
#ifndef FS_VFS_H
#define FS_VFS_H

#include <quire/object.h>
#include <quire/types.h>
#include "kernel/errno.h"
#include "kernel/list.h"

struct dentry;
struct file;
struct file_lock;
struct file_ops;
struct filesystem;
struct inode;
struct mount;
struct notify_watch;
struct path;

#define PATH_MAX  4096 /* bytes of a path with its final zero */
#define NAME_MAX  255
#define LINKS_MAX 40 /* symbolic links followed in one resolution */

/* Types and rights in `mode`, as Linux numbers them. */
#define S_IFMT   0170000u
#define S_IFSOCK 0140000u
#define S_IFLNK  0120000u
#define S_IFREG  0100000u
#define S_IFBLK  0060000u
#define S_IFDIR  0040000u
#define S_IFCHR  0020000u
#define S_IFIFO  0010000u
#define S_ISUID  0004000u
#define S_ISGID  0002000u
#define S_ISVTX  0001000u

#define S_ISLNK(m)  (((m)&S_IFMT) == S_IFLNK)
#define S_ISREG(m)  (((m)&S_IFMT) == S_IFREG)
#define S_ISDIR(m)  (((m)&S_IFMT) == S_IFDIR)
#define S_ISCHR(m)  (((m)&S_IFMT) == S_IFCHR)
#define S_ISBLK(m)  (((m)&S_IFMT) == S_IFBLK)
#define S_ISFIFO(m) (((m)&S_IFMT) == S_IFIFO)
#define S_ISSOCK(m) (((m)&S_IFMT) == S_IFSOCK)

struct file_time {
	int64_t sec;
	uint32_t nsec;
};

/* What a kind of inode can do.  A missing function answers what `vfs_*` says of it. */
struct inode_ops {
	/* A dentry of this name below `dir`, with one reference for the caller.  Only for file
	 * systems whose names are made up; elsewhere the list of names is all there is. */
	int (*lookup)(struct dentry *dir, const char *name, size_t len, struct dentry **out);
	/* Make an inode of this mode; `target` for symbolic links.  One reference. */
	int (*make)(struct dentry *dir, uint32_t mode, uint32_t rdev, const char *target,
		    struct inode **out);
	/* The target of a symbolic link: kernel memory; free it with kfree. */
	int (*readlink)(struct dentry *link, char **out);
	/* Links that lead to a place, not to a name (/proc/PID/exe): takes references. */
	int (*follow)(struct dentry *link, struct path *out);
	/* Set the length of a regular file. */
	int (*truncate)(struct inode *inode, uint64_t size);
	/* Free or reserve the pages of [offset, offset + n): FALLOC_FL_*. */
	int (*fallocate)(struct inode *inode, int mode, uint64_t offset, uint64_t n);
	/* The last reference went: free what `private` holds, and then the inode. */
	void (*free)(struct inode *inode);
};

struct path {
	struct mount *mount;
	struct dentry *dentry;
};

struct inode {
	uint32_t ref;
	uint32_t mode;
	uint32_t nlink;
	uint32_t uid, gid;
	uint32_t rdev;
	uint64_t ino;
	uint64_t size;
	struct file_time atime, mtime, ctime;
	struct filesystem *fs;
	const struct inode_ops *ops;
	const struct file_ops *fops;   /* what opening it gives */
	struct qr_object *object;      /* regular files: the pages; otherwise NULL */
	void *private;                 /* the file system's: link target, pipe, directory, ... */
	int32_t writers;               /* open for writing; below 0: being executed (ETXTBSY) */
	struct dentry *alias;          /* one of its names, if it has any: for /proc/PID/maps */
	struct list_link locks;        /* advisory locks, see lock.h */
	struct notify_watch *watchers; /* see notify.h */
};

enum { D_LISTED = 1, D_DELETED = 2 };

struct dentry {
	uint32_t ref;
	uint16_t mounted; /* mounts that cover it */
	uint8_t flags;
	uint8_t len;
	uint32_t hash;
	uint32_t cookie; /* place in the directory's order, for readdir */
	struct inode *inode;
	struct dentry *parent; /* NULL: root of its file system */
	struct dentry *chain;  /* next of the same bucket */
	struct list_link siblings;
	char *name; /* `own`, or kmalloc'ed by a rename; ended by a zero */
	char own[];
};

/* One file system, mounted once or more often. */
struct filesystem {
	const struct filesystem_type *type;
	uint32_t ref; /* its mounts, and its inodes */
	uint32_t nmounts;
	uint32_t dev; /* st_dev */
	uint64_t next_ino;
	uint64_t max_pages, max_inodes; /* limits of a tmpfs; 0: none */
	uint64_t npages, ninodes;
	uint32_t node_mode, node_gid; /* devpts: of its terminals; group 0: their makers' */
};

struct filesystem_type {
	const char *name;
	uint32_t magic; /* f_type of statfs */
	bool single;    /* the same wherever it is mounted: twice on one place is EBUSY */
	/* Make the root: a dentry with one reference. */
	int (*mount)(struct filesystem *fs, const char *options, struct dentry **root);
	/* The last mount went: take the names off, so that what nobody has open is freed. */
	void (*unmount)(struct dentry *root);
	struct filesystem_type *next;
};

enum { MNT_RDONLY = 1, MNT_NOSUID = 2, MNT_NODEV = 4, MNT_NOEXEC = 8, MNT_NOATIME = 1024 };

struct mount {
	uint32_t ref;   /* the tree, and each path that names it */
	unsigned flags; /* MNT_*, the numbers of mount(2) */
	struct filesystem *fs;
	struct dentry *root;
	struct path at; /* what it covers; dentry NULL for the root of all and after umount */
	struct list_link link;
	char *source; /* first word of /proc/mounts */
};

/* ---- references (inode.c, dentry.c, mount.c) ------------------------------------------- */

static inline struct inode *inode_get(struct inode *i)
{
	i->ref++;
	return i;
}
void inode_free(struct inode *i);
static inline void inode_put(struct inode *i)
{
	if (--i->ref == 0)
		inode_free(i);
}

static inline struct dentry *dentry_get(struct dentry *d)
{
	d->ref++;
	return d;
}
void dentry_free(struct dentry *d);
/* The name by which a mapping of the inode is shown; NULL: none any more. */
void inode_set_alias(struct inode *i, struct dentry *d);
static inline void dentry_put(struct dentry *d)
{
	if (--d->ref == 0)
		dentry_free(d);
}

void mount_free(struct mount *m);

static inline struct path path_get(struct path p)
{
	p.mount->ref++;
	p.dentry->ref++;
	return p;
}
static inline void path_put(struct path p)
{
	dentry_put(p.dentry);
	if (--p.mount->ref == 0)
		mount_free(p.mount);
}
static inline bool path_same(struct path a, struct path b)
{
	return a.mount == b.mount && a.dentry == b.dentry;
}

/* ---- inodes (inode.c) ------------------------------------------------------------------ */

/* Fill a fresh inode: links 0, owned by the current task, times now, one reference. */
void inode_init(struct inode *i, struct filesystem *fs, uint32_t mode);
/* One in memory of its own, freed by kfree.  NULL: no memory. */
struct inode *inode_new(struct filesystem *fs, uint32_t mode);

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };
/* May the current task?  0 or -EACCES; the super-user may, but for executing a file that
 * nobody may execute. */
int inode_permission(const struct inode *i, unsigned may);
/* The same with the real ids instead of the effective ones, for access(2). */
int inode_permission_real(const struct inode *i, unsigned may);
/* Is the current task the owner, or the super-user? */
bool inode_owned(const struct inode *i);

struct file_time time_of_files(void); /* now, to the tick */

/* What chmod, chown, utimes and truncate ask for; `set` says which fields count. */
enum {
	ATTR_MODE = 1,
	ATTR_UID = 2,
	ATTR_GID = 4,
	ATTR_ATIME = 8,
	ATTR_MTIME = 16,
	ATTR_TIMES_NOW = 32, /* both times are "now": write permission is enough */
};
struct inode_attr {
	unsigned set;
	uint32_t mode, uid, gid;
	struct file_time atime, mtime;
};
/* Check the rights, then set.  Errors: EPERM, EACCES. */
int inode_setattr(struct inode *i, const struct inode_attr *attr);
/* Set the length, with the checks of truncate(2).  Errors: EISDIR, EINVAL, EFBIG, ETXTBSY. */
int inode_truncate(struct inode *i, uint64_t size);

/* ---- names (dentry.c) ------------------------------------------------------------------ */

uint32_t name_hash(const char *name, size_t len);
/* A dentry that holds `inode` (the reference is handed over) below `parent` (a reference is
 * taken; may be NULL), not listed.  One reference.  NULL: no memory, and nothing taken. */
struct dentry *dentry_new(struct dentry *parent, const char *name, size_t len, struct inode *inode);
/* The names of one directory, inode->private of every directory that lists them. */
struct directory *directory_new(void);
void directory_free(struct directory *d);
/* The listed name, without a reference, or NULL. */
struct dentry *directory_find(struct dentry *dir, const char *name, size_t len);
void directory_list(struct dentry *d);   /* takes a reference on d; cannot fail */
void directory_unlist(struct dentry *d); /* drops it */
bool directory_empty(const struct dentry *dir);
struct dentry *directory_first(struct dentry *dir); /* NULL: none; no reference */
/* Give a name that is not listed another parent and another text, which is kfree'd in the end. */
void dentry_move(struct dentry *d, struct dentry *parent, char *name, size_t len);
/* Opening a directory whose names are listed gives these. */
extern const struct file_ops directory_fops;
struct dir_sink;
/* "." and "..", the first two entries of each directory; false: no room. */
bool emit_dots(struct file *f, struct dir_sink *sink);
/* DT_*, as getdents tells it. */
static inline unsigned inode_dirent_type(const struct inode *i)
{
	return i->mode >> 12 & 15;
}

/* ---- resolution (path.c) --------------------------------------------------------------- */

enum lookup_flags {
	LOOKUP_FOLLOW = 1,        /* follow a link in the last component */
	LOOKUP_DIRECTORY = 2,     /* the result must be a directory */
	LOOKUP_NO_SYMLINKS = 4,   /* openat2's RESOLVE_*: ELOOP at any link */
	LOOKUP_NO_MAGICLINKS = 8, /* ELOOP at links of proc that lead to a place */
	LOOKUP_NO_XDEV = 16,      /* EXDEV where a mount is crossed */
	LOOKUP_BENEATH = 32,      /* EXDEV where the walk leaves its start */
	LOOKUP_IN_ROOT = 64,      /* the start is the root */
	LOOKUP_EMPTY = 128,       /* an empty name is the start itself (AT_EMPTY_PATH) */
	LOOKUP_NOFOLLOW = 256,    /* for those who follow by default: file_open_exec */
};

/* Where a name that need not exist yet would go. */
struct path_parent {
	struct path dir;  /* referenced */
	const char *name; /* last component, in `buffer` */
	size_t len;
	enum { LAST_NORMAL, LAST_DOT, LAST_DOTDOT, LAST_ROOT } kind;
	bool slash;   /* the path ended in a slash: a directory is meant */
	char *buffer; /* owned, may be NULL */
};

/* Resolve `name` from `start` (used if it is relative).  `out` gets references.
 * Errors: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ENOMEM, EXDEV. */
int path_lookup(struct path start, const char *name, unsigned flags, struct path *out);
/* Resolve all but the last component; links in the last component are followed if flags say
 * LOOKUP_FOLLOW and they exist (open with O_CREAT).  Ends with path_parent_put. */
int path_lookup_parent(struct path start, const char *name, unsigned flags,
		       struct path_parent *out);
void path_parent_put(struct path_parent *p);
/* The child of that name, mounts crossed, links not followed.  References. */
int path_child(struct path dir, const char *name, size_t len, struct path *out);

/* Write the path from `root` into the end of buf; returns where it starts, or an ERR_PTR-free
 * NULL if it does not fit.  " (deleted)" is added to names that are gone; *reachable false if
 * `root` does not lie above. */
char *path_name(struct path p, struct path root, char *buf, size_t nbytes, bool *reachable);

/* ---- operations on names (names.c): the checks of Linux, then the change --------------- */

int vfs_make(struct path_parent *at, uint32_t mode, uint32_t rdev, const char *target,
	     struct path *out); /* mknod, mkdir, symlink, create; out may be NULL */
int vfs_link(struct path from, struct path_parent *to);
int vfs_unlink(struct path_parent *at);
int vfs_rmdir(struct path_parent *at);
enum { RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4 };
int vfs_rename(struct path_parent *from, struct path_parent *to, unsigned flags);
int vfs_readlink(struct path link, char **out); /* kfree it */

/* ---- mounts (mount.c) ------------------------------------------------------------------ */

void filesystem_register(struct filesystem_type *type);
struct filesystem_type *filesystem_types(void);
void filesystem_free(struct filesystem *fs);
static inline void filesystem_put(struct filesystem *fs)
{
	if (--fs->ref == 0)
		filesystem_free(fs);
}
/* A file system of a type without mounting it, for inodes without names (pipes). */
struct filesystem *filesystem_new(const struct filesystem_type *type);
/* Put a new file system of the named type onto `at`; at.dentry NULL: the root of all. */
int vfs_mount(struct path at, const char *type, const char *source, const char *options,
	      unsigned flags);
int vfs_umount(struct path at, bool detach);
int vfs_remount(struct path at, unsigned flags);
int vfs_bind(struct path from, struct path at);
/* The mount on top of `p`, if there is one: *p is replaced, references moved. */
bool mount_cross(struct path *p);
extern struct mount *root_mount;
struct mount *mount_next(struct mount *m); /* in order of mounting; NULL: start, end */

/* The start of everything: memfs as the root, /dev and /proc, devices.  Errors: ENOMEM. */
int vfs_init(void);

#endif
