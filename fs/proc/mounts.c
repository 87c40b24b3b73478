/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mounts.c - /proc/PID/mounts and mountinfo.
 */
#include "fs/dev.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"

/* Blanks and the like as octal escapes, so that the line stays one line of words. */
static void put_escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\')
			text_printf(t, "\\%03o", (unsigned)*s);
		else
			text_put(t, s, 1);
	}
}

static void put_options(struct text *t, const struct mount *m)
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = { { MNT_NOSUID, ",nosuid" },
		      { MNT_NODEV, ",nodev" },
		      { MNT_NOEXEC, ",noexec" },
		      { MNT_NOATIME, ",noatime" } };

	text_string(t, m->flags & MNT_RDONLY ? "ro" : "rw");
	for (unsigned i = 0; i < 4; i++)
		if (m->flags & words[i].flag)
			text_string(t, words[i].word);
	if (!(m->flags & MNT_NOATIME))
		text_string(t, ",relatime");
}

/* Where it is mounted, from the reader's root; NULL: out of its sight. */
static const char *place(const struct mount *m, char *buf)
{
	struct path p = { (struct mount *)m, m->root };
	bool reachable;
	const char *name = path_name(p, current_process->fs->root, buf, PATH_MAX, &reachable);

	return name && (reachable || !m->at.dentry) ? name : NULL;
}

PROC_SHOW(mounts)
{
	char *buf = kmalloc(PATH_MAX);

	if (!buf)
		return -ENOMEM;
	for (struct mount *m = mount_next(NULL); m; m = mount_next(m)) {
		const char *at = place(m, buf);

		if (!at)
			continue;
		put_escaped(t, m->source);
		text_string(t, " ");
		put_escaped(t, at);
		text_printf(t, " %s ", m->fs->type->name);
		put_options(t, m);
		text_string(t, " 0 0\n");
	}
	kfree(buf);
	return 0;
}

PROC_SHOW(pid_mountinfo)
{
	char *buf = kmalloc(PATH_MAX);
	unsigned id = 1;

	if (!buf)
		return -ENOMEM;
	for (struct mount *m = mount_next(NULL); m; m = mount_next(m), id++) {
		const char *at = place(m, buf);

		if (!at)
			continue;
		text_printf(t, "%u %u %u:%u / ", id, m->at.dentry ? 1u : 0u, DEV_MAJOR(m->fs->dev),
			    DEV_MINOR(m->fs->dev));
		put_escaped(t, at);
		text_string(t, " ");
		put_options(t, m);
		text_printf(t, " - %s ", m->fs->type->name);
		put_escaped(t, m->source);
		text_printf(t, " %s\n", m->flags & MNT_RDONLY ? "ro" : "rw");
	}
	kfree(buf);
	return 0;
}
