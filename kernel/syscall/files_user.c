/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/kmalloc.h"
#include "kernel/syscall/files.h"

#define VECTOR_MAX 1024

int user_path_get(struct user_path *p, const char __user *from)
{
	long n = strncpy_from_user(p->small, from, sizeof(p->small));

	p->name = p->small;
	if (n < (long)sizeof(p->small))
		return n < 0 ? (int)n : 0;
	p->name = kmalloc(PATH_MAX);
	if (!p->name)
		return -ENOMEM;
	n = strncpy_from_user(p->name, from, PATH_MAX);
	if (n >= 0 && n < PATH_MAX)
		return 0;
	kfree(p->name);
	return n < 0 ? (int)n : -ENAMETOOLONG;
}

void user_path_put(struct user_path *p)
{
	if (p->name != p->small)
		kfree(p->name);
}

int user_lookup(int dirfd, const char __user *name, unsigned flags, struct path *out)
{
	struct user_path path;
	struct path start;
	int err = user_path_get(&path, name);

	if (err)
		return err;
	err = path_start(dirfd, path.name, &start);
	if (!err) {
		err = path_lookup(start, path.name, flags, out);
		path_put(start);
	}
	user_path_put(&path);
	return err;
}

int user_lookup_parent(int dirfd, const char __user *name, struct user_parent *out)
{
	struct path start;
	int err = user_path_get(&out->path, name);

	if (err)
		return err;
	err = path_start(dirfd, out->path.name, &start);
	if (!err) {
		err = path_lookup_parent(start, out->path.name, 0, &out->at);
		path_put(start);
	}
	if (err)
		user_path_put(&out->path);
	return err;
}

void user_parent_put(struct user_parent *p)
{
	path_parent_put(&p->at);
	user_path_put(&p->path);
}

int user_vector_get(struct user_vector *v, const void __user *from, unsigned n, struct uio *out)
{
	struct uio_segment *s = v->small;
	size_t sum = 0;
	int err;

	if (n > VECTOR_MAX)
		return -EINVAL;
	if (n > sizeof(v->small) / sizeof(v->small[0])) {
		s = kmalloc(n * sizeof(*s));
		if (!s)
			return -ENOMEM;
	}
	v->segments = s;
	/* struct iovec is a pointer and a size, as struct uio_segment is. */
	err = copy_from_user(s, from, n * sizeof(*s));
	for (const struct uio_segment *end = s + n; s < end && !err; s++) {
		if (__builtin_add_overflow(sum, s->n, &sum) || sum > INTPTR_MAX)
			err = -EINVAL;
		else if (!user_range_ok(s->base, s->n))
			err = -EFAULT;
	}
	if (err)
		user_vector_put(v);
	*out = (struct uio){ .left = sum, .next = v->segments };
	return err;
}

void user_vector_put(struct user_vector *v)
{
	if (v->segments != v->small)
		kfree(v->segments);
}
