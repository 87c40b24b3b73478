/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec_find.c - from a path to a program: `#!` lines are followed.
 *
 *	script: "#!/bin/awk -f"		execve("./script", {"x", "1"})
 *	     -> /bin/awk with argv	{"/bin/awk", "-f", "./script", "1"}
 *
 * An interpreter may be a script again.  Sources: execve(2).
 */
#include "fs/file.h"
#include "kernel/exec.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The line behind "#!": the interpreter and one optional argument, both ended in place.  False:
 * no name, or one that may have been cut off. */
static bool script_parse(char *head, char **interpreter, char **argument)
{
	char *limit = head + EXEC_HEAD, *s = head + 2, *end = memchr(s, '\n', EXEC_HEAD - 2);
	bool cut = !end && !memchr(s, 0, EXEC_HEAD - 2);

	if (!end)
		end = cut ? limit - 1 : strchr(s, 0);
	while (end > s && blank(end[-1]))
		end--;
	*end = 0;
	while (blank(*s))
		s++;
	if (!*s)
		return false;
	*interpreter = s;
	while (*s && !blank(*s))
		s++;
	if (!*s && cut)
		return false;
	if (*s)
		*s++ = 0;
	while (blank(*s))
		s++;
	*argument = *s ? s : NULL;
	return true;
}

static int push_prefix(struct exec_program *p, const char *s)
{
	char *copy = kstrdup(s);

	if (!copy)
		return -ENOMEM;
	p->prefix[p->nprefix++] = copy;
	return 0;
}

static int open_program(struct exec_program *p, struct path start, const char *path,
			unsigned lookup_flags)
{
	int err = file_open_exec(start, path, lookup_flags, &p->file);
	long n;

	if (err)
		return err;
	memset(p->head, 0, sizeof(p->head));
	n = file_read_kernel(p->file, 0, p->head, sizeof(p->head));
	return n < 0 ? (int)n : 0;
}

/* The program is a script: its interpreter becomes the program. */
static int open_interpreter(struct exec_program *p)
{
	char *interpreter, *argument;
	int err;

	if (!script_parse((char *)p->head, &interpreter, &argument))
		return -ENOEXEC;
	err = argument ? push_prefix(p, argument) : 0;
	if (!err)
		err = push_prefix(p, interpreter);
	if (err)
		return err;
	file_exec_put(p->file);
	p->file = NULL;
	return open_program(p, current_process->fs->cwd, p->prefix[p->nprefix - 1], 0);
}

static bool is_script(const struct exec_program *p)
{
	return p->head[0] == '#' && p->head[1] == '!';
}

int exec_find(struct exec_program *p, struct path start, const char *path, unsigned lookup_flags)
{
	int err = open_program(p, start, path, lookup_flags);

	for (unsigned depth = 0; !err && is_script(p); depth++) {
		if (depth == EXEC_SCRIPT_DEPTH)
			return -ELOOP;
		err = open_interpreter(p);
	}
	return err;
}

void exec_program_fini(struct exec_program *p)
{
	if (p->file)
		file_exec_put(p->file);
	while (p->nprefix)
		kfree(p->prefix[--p->nprefix]);
}
