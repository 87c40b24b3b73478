/* SPDX-License-Identifier: BSD-2-Clause
 *
 * path.c - from a string to a place in the tree.
 *
 * One loop over components.  A symbolic link replaces what is left of the string by its target
 * and that rest; so there is no recursion, and the depth of links costs no stack.
 *
 *	at    "/usr/bin"        place reached
 *	rest  "env/../x"        string to go
 *	text                    the buffer that `rest` points into, once a link was followed
 *
 * Context: never sleeps.  Cost: per component a hash of the name and a look into one bucket.
 */
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

struct walk {
	struct path at, root, start;
	const char *rest;
	char *text;
	unsigned flags;
	unsigned links;
	/* the component last seen */
	const char *name;
	size_t len;
	bool last, slash; /* nothing but slashes behind it; at least one of them */
};

static void go(struct walk *w, struct path to) /* takes over the reference */
{
	path_put(w->at);
	w->at = to;
}

static int go_root(struct walk *w)
{
	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	if (w->flags & LOOKUP_NO_XDEV && w->root.mount != w->at.mount)
		return -EXDEV;
	go(w, path_get(w->root));
	return 0;
}

/* Cut the next component off.  False: there is none. */
static bool next_component(struct walk *w)
{
	const char *p = w->rest;

	while (*p == '/')
		p++;
	w->name = p;
	while (*p && *p != '/')
		p++;
	w->len = (size_t)(p - w->name);
	w->slash = *p == '/';
	while (*p == '/')
		p++;
	w->rest = p;
	w->last = !*p;
	return w->len != 0;
}

static bool is_dot(const struct walk *w)
{
	return w->len == 1 && w->name[0] == '.';
}

static bool is_dotdot(const struct walk *w)
{
	return w->len == 2 && w->name[0] == '.' && w->name[1] == '.';
}

static int cross_mounts(struct walk *w, struct path *p)
{
	while (p->dentry->mounted && mount_cross(p))
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
	return 0;
}

/* The walk goes on at p, or at what is mounted there.  Owns p. */
static int arrive(struct walk *w, struct path p)
{
	int err = cross_mounts(w, &p);

	if (err)
		path_put(p);
	else
		go(w, p);
	return err;
}

static int go_up(struct walk *w)
{
	struct path p = w->at;

	if (w->flags & LOOKUP_BENEATH && path_same(p, w->start))
		return -EXDEV;
	while (!path_same(p, w->root) && p.dentry == p.mount->root && p.mount->at.dentry) {
		if (w->flags & LOOKUP_NO_XDEV)
			return -EXDEV;
		p = p.mount->at;
	}
	if (!path_same(p, w->root) && p.dentry != p.mount->root)
		p.dentry = p.dentry->parent;
	path_get(p);
	return arrive(w, p);
}

static int find_child(struct path dir, const char *name, size_t len, struct dentry **out)
{
	const struct inode *i = dir.dentry->inode;
	struct dentry *d;

	if (i->ops && i->ops->lookup)
		return i->ops->lookup(dir.dentry, name, len, out);
	d = directory_find(dir.dentry, name, len);
	if (!d)
		return -ENOENT;
	*out = dentry_get(d);
	return 0;
}

int path_child(struct path dir, const char *name, size_t len, struct path *out)
{
	struct path p = { dir.mount, NULL };
	int err = find_child(dir, name, len, &p.dentry);

	if (err)
		return err;
	p.mount->ref++;
	while (p.dentry->mounted && mount_cross(&p))
		;
	*out = p;
	return 0;
}

/* ---- links -------------------------------------------------------------------------------- */

/* The rest of the string becomes: target, what was left. */
static int substitute(struct walk *w, char *target)
{
	size_t n = strlen(target), rest = strlen(w->rest);
	char *text = target;

	if (!n) {
		kfree(target);
		return -ENOENT;
	}
	if (rest || w->slash) {
		if (n + rest + 2 > PATH_MAX) {
			kfree(target);
			return -ENAMETOOLONG;
		}
		text = krealloc(target, n + rest + 2);
		if (!text) {
			kfree(target);
			return -ENOMEM;
		}
		text[n] = '/';
		memcpy(text + n + 1, w->rest, rest + 1);
	}
	kfree(w->text);
	w->text = text;
	w->rest = text;
	return 0;
}

/* Follow the link `at`, a child of w->at. */
static int follow(struct walk *w, struct dentry *link)
{
	const struct inode_ops *ops = link->inode->ops;
	struct path to;
	char *target;
	int err;

	if (w->flags & LOOKUP_NO_SYMLINKS || ++w->links > LINKS_MAX)
		return -ELOOP;
	if (ops->follow) {
		if (w->flags & LOOKUP_NO_MAGICLINKS)
			return -ELOOP;
		if (w->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
			return -EXDEV;
		err = ops->follow(link, &to);
		if (!err)
			go(w, to);
		return err;
	}
	err = ops->readlink(link, &target);
	if (!err)
		err = substitute(w, target);
	if (!err && w->rest[0] == '/')
		err = go_root(w);
	return err;
}

/* ---- the walk ----------------------------------------------------------------------------- */

static int may_search(const struct walk *w)
{
	const struct inode *i = w->at.dentry->inode;

	if (!S_ISDIR(i->mode))
		return -ENOTDIR;
	return inode_permission(i, MAY_EXEC);
}

/* One step into a child, or along it if it is a link to be followed. */
static int step(struct walk *w, bool follow_last)
{
	struct path p = { w->at.mount, NULL };
	int err = find_child(w->at, w->name, w->len, &p.dentry);

	if (err)
		return err;
	if (S_ISLNK(p.dentry->inode->mode) && (!w->last || w->slash || follow_last)) {
		err = follow(w, p.dentry);
		dentry_put(p.dentry);
		return err;
	}
	p.mount->ref++;
	return arrive(w, p);
}

static int walk_begin(struct walk *w, struct path start, const char *name, unsigned flags)
{
	*w = (struct walk){ .rest = name, .flags = flags, .start = start };
	w->root = flags & LOOKUP_IN_ROOT ? start : current_process->fs->root;
	if (!*name && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	w->at = path_get(start);
	return *name == '/' ? go_root(w) : 0;
}

static void walk_end(struct walk *w)
{
	kfree(w->text);
	if (w->at.dentry)
		path_put(w->at);
}

static int walk_all(struct walk *w)
{
	int err = 0;

	while (!err && next_component(w)) {
		err = may_search(w);
		if (err)
			break;
		if (w->len > NAME_MAX)
			err = -ENAMETOOLONG;
		else if (is_dot(w))
			;
		else if (is_dotdot(w))
			err = go_up(w);
		else
			err = step(w, w->flags & LOOKUP_FOLLOW);
		if (w->slash)
			w->flags |= w->last ? LOOKUP_DIRECTORY : 0;
	}
	if (!err && w->flags & LOOKUP_DIRECTORY && !S_ISDIR(w->at.dentry->inode->mode))
		err = -ENOTDIR;
	return err;
}

int path_lookup(struct path start, const char *name, unsigned flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, start, name, flags);

	if (!err)
		err = walk_all(&w);
	if (!err)
		*out = path_get(w.at);
	walk_end(&w);
	return err;
}

/* Is the last component a link that has to be followed? */
static bool last_is_link(struct walk *w)
{
	struct dentry *d;
	bool is;

	if (!(w->flags & LOOKUP_FOLLOW) || find_child(w->at, w->name, w->len, &d))
		return false;
	is = S_ISLNK(d->inode->mode);
	dentry_put(d);
	return is;
}

static int walk_to_last(struct walk *w, struct path_parent *out)
{
	int err = 0;

	out->kind = LAST_ROOT;
	while (!err && next_component(w)) {
		err = may_search(w);
		if (err)
			break;
		if (w->len > NAME_MAX)
			return -ENAMETOOLONG;
		out->kind = is_dot(w) ? LAST_DOT : is_dotdot(w) ? LAST_DOTDOT : LAST_NORMAL;
		if (w->last && (out->kind != LAST_NORMAL || !last_is_link(w)))
			break;
		if (out->kind == LAST_DOTDOT)
			err = go_up(w);
		else if (out->kind == LAST_NORMAL)
			err = step(w, true);
		out->kind = LAST_ROOT; /* a magic link may have brought us to the end */
	}
	return err;
}

int path_lookup_parent(struct path start, const char *name, unsigned flags, struct path_parent *out)
{
	struct walk w;
	int err = walk_begin(&w, start, name, flags);

	if (!err)
		err = walk_to_last(&w, out);
	if (!err) {
		out->dir = path_get(w.at);
		out->name = w.name;
		out->len = w.len;
		out->slash = w.slash;
		out->buffer = w.text;
		w.text = NULL;
	}
	walk_end(&w);
	return err;
}

void path_parent_put(struct path_parent *p)
{
	path_put(p->dir);
	kfree(p->buffer);
}

/* ---- and back ------------------------------------------------------------------------------ */

static bool prepend(char **at, char *buf, const char *text, size_t n)
{
	if ((size_t)(*at - buf) < n)
		return false;
	*at -= n;
	memcpy(*at, text, n);
	return true;
}

char *path_name(struct path p, struct path root, char *buf, size_t nbytes, bool *reachable)
{
	static const char deleted[] = " (deleted)";
	char *at = buf + nbytes;

	if (!prepend(&at, buf, "", 1))
		return NULL;
	if (p.dentry->flags & D_DELETED && !prepend(&at, buf, deleted, sizeof(deleted) - 1))
		return NULL;
	*reachable = true;
	char *end = at;

	while (!path_same(p, root)) {
		if (p.dentry == p.mount->root) {
			if (!p.mount->at.dentry) {
				*reachable = false;
				break;
			}
			p = p.mount->at;
			continue;
		}
		if (!prepend(&at, buf, p.dentry->name, p.dentry->len) || !prepend(&at, buf, "/", 1))
			return NULL;
		if (!p.dentry->parent)
			break; /* it never had a place: memfd */
		p.dentry = p.dentry->parent;
	}
	if (at == end && !prepend(&at, buf, "/", 1))
		return NULL;
	return at;
}
