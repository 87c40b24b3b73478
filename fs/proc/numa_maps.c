/* SPDX-License-Identifier: BSD-2-Clause
 *
 * numa_maps.c - /proc/PID/numa_maps: each region's memory policy, and its pages by node.
 *
 * There is one node, 0.  A page that is shown counts once, however large; mapmax is how many tables
 * show the page that most do.
 */
#include "fs/proc/regions.h"
#include "kernel/kmalloc.h"
#include "kernel/policies.h"
#include "kernel/task.h"

struct counts {
	unsigned long pages, anon, dirty, mapmax;
};

static bool count_page(void *ctx, const struct qr_page *p)
{
	struct counts *c = ctx;
	unsigned long n = p->npages * p->alike;

	if (p->flags & QR_PAGE_ZERO)
		return true;
	c->pages += n;
	c->anon += p->flags & QR_PAGE_OBJECT ? 0 : n;
	c->dirty += p->flags & QR_PAGE_DIRTY || !(p->flags & QR_PAGE_PRESENT) ? n : 0;
	c->mapmax = p->mappers > c->mapmax ? p->mappers : c->mapmax;
	return true;
}

static void put_policy(struct text *t, unsigned policy)
{
	static const char *const modes[] = { "default",    "prefer", "bind",
					     "interleave", "local",  "prefer (many)" };
	unsigned mode = policy & MPOL_MODE, flags = policy & ~MPOL_MODE;

	text_string(t, modes[mode]);
	if (flags)
		text_string(t, flags & MPOL_STATIC     ? "=static"
			       : flags & MPOL_RELATIVE ? "=relative"
						       : "=");
	if (mode != MPOL_DEFAULT && mode != MPOL_LOCAL)
		text_string(t, ":0");
}

/* A word: what would end it is written in octal. */
static void put_word(struct text *t, const char *s)
{
	for (; *s; s++) {
		unsigned c = (unsigned char)*s;

		if (c == ' ' || c == '=' || c == '\t' || c == '\n')
			text_printf(t, "\\%03o", c);
		else
			text_char(t, (char)c);
	}
}

static void put_name(struct text *t, const struct mm *mm, const struct qr_region *r)
{
	struct inode *i = r->object ? object_inode(r->object) : NULL;
	const char *name = proc_special_name(mm, r);
	char *buf;

	if (mm->vdso && name && name[1] == 'v')
		return;
	if (name) {
		text_string(t, name[1] == 'h' ? " heap" : " stack");
	} else if (r->object) {
		buf = i ? kmalloc(PATH_MAX) : NULL;
		text_string(t, " file=");
		put_word(t, !i ? "/dev/zero (deleted)" : buf ? inode_name(i, buf, PATH_MAX) : "?");
		kfree(buf);
	}
}

static void put_count(struct text *t, const char *name, unsigned long n)
{
	if (n)
		text_printf(t, " %s=%lu", name, n);
}

static void numa_region(struct listing *l, const struct qr_region *r)
{
	const struct policy_range *range = policies_find(l->mm, r->start.v, r->start.v + 1);
	const struct task *task = l->arg;
	struct counts c = { 0 };
	struct text *t = l->t;

	text_hex(t, r->start.v, 8);
	text_char(t, ' ');
	put_policy(t, range ? range->policy : task ? task->policy : POLICY_NONE);
	put_name(t, l->mm, r);
	qr_space_page_groups(&l->mm->space, r->start, r->end, count_page, &c);
	if (c.pages) {
		put_count(t, "anon", c.anon);
		put_count(t, "dirty", c.dirty);
		put_count(t, "mapped", c.pages != c.anon && c.pages != c.dirty ? c.pages : 0);
		put_count(t, "mapmax", c.mapmax > 1 ? c.mapmax : 0);
		put_count(t, "N0", c.pages);
		put_count(t, "kernelpagesize_kB", QR_PAGE_SIZE / 1024);
	}
	text_char(t, '\n');
}

PROC_SHOW(pid_numa_maps)
{
	return proc_each_region(t, of, numa_region, proc_task(of));
}
