/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/file.h"
#include "kernel/boot_info.h"
#include "kernel/init.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/errno_words.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/task.h"

/* ---- the command line ------------------------------------------------------------------- */

/* Words that somebody in the kernel reads, or that only a Linux would. */
static const char *const known[] = {
	"backing", "console", "debug",    "debugexit", "fail",       "heap",     "heapsize",
	"init",    "initrd",  "loglevel", "no5lvl",    "norandmaps", "notsc",    "panic",
	"quiet",   "rdinit",  "ro",       "root",      "rw",         "selftest", "BOOT_IMAGE",
};

static bool is_known(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == len && !memcmp(known[i], word, len))
			return true;
	return false;
}

/* Vectors of strings, the strings in a copy of the command line. */
struct words {
	char *text;
	const char **argv, **envp;
	size_t argc, envc;
};

static char *next_word(char **text)
{
	char *start = *text, *end;

	while (*start == ' ' || *start == '\t')
		start++;
	if (!*start)
		return NULL;
	end = start;
	for (bool quoted = false; *end && (quoted || (*end != ' ' && *end != '\t')); end++)
		quoted ^= *end == '"';
	*text = *end ? end + 1 : end;
	*end = 0;
	return start;
}

static void sort_word(struct words *w, char *word, bool for_init)
{
	char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);

	if (for_init || (!equals && !is_known(word, len)))
		w->argv[w->argc++] = word;
	else if (equals && !is_known(word, len) && !memchr(word, '.', len))
		w->envp[w->envc++] = word;
}

/* What init gets: argv[0] is filled in later. */
static struct words command_line(void)
{
	struct words w = { .argc = 1, .envc = 2, .text = kstrdup(boot_info.cmdline) };
	size_t max = strlen(boot_info.cmdline) / 2 + 4;
	char *rest = w.text, *word;
	bool for_init = false;

	w.argv = kcalloc(max, sizeof(*w.argv));
	w.envp = kcalloc(max, sizeof(*w.envp));
	if (!w.text || !w.argv || !w.envp)
		panic("no memory for the first program");
	w.envp[0] = "HOME=/";
	w.envp[1] = "TERM=linux";
	while ((word = next_word(&rest))) {
		if (!for_init && !strcmp(word, "--"))
			for_init = true;
		else
			sort_word(&w, word, for_init);
	}
	return w;
}

static void words_free(struct words *w)
{
	kfree(w->argv);
	kfree(w->envp);
	kfree(w->text);
}

/* ---- starting it ------------------------------------------------------------------------ */

static int try(struct words *w, const char *path)
{
	struct file *f;
	int err = file_open_kernel(path, O_RDONLY, &f);

	if (err == -ENOENT)
		return err;
	if (!err)
		file_put(f);
	w->argv[0] = path;
	err = process_exec(path, w->argv, w->envp);
	if (err)
		log_error("%s cannot be run: %s (%d)\n", path, errno_words(err), -err);
	return err;
}

static bool try_option(struct words *w, const char *option, const char *otherwise)
{
	size_t len = 0;
	const char *value = boot_option(option, &len);
	char *path = value ? kstrndup(value, len) : otherwise ? kstrdup(otherwise) : NULL;
	bool ok = path && !try(w, path);

	kfree(path);
	return ok;
}

static void open_console(void)
{
	struct file *f;
	int err = file_open_kernel("/dev/console", O_RDWR, &f);

	if (err) {
		log_warn("no /dev/console (%d)\n", -err);
		return;
	}
	for (int i = 0; i < 2; i++)
		(void)fd_add(file_get(f), false);
	(void)fd_add(f, false);
}

static void init_main(void *unused)
{
	static const char *const paths[] = { "/sbin/init", "/etc/init", "/bin/init", "/bin/sh" };
	struct words w = command_line();
	bool ok;

	open_console();
	ok = try_option(&w, "rdinit", "/init") || try_option(&w, "init", NULL);
	for (size_t i = 0; !ok && i < sizeof(paths) / sizeof(paths[0]); i++)
		ok = !try(&w, paths[i]);
	if (!ok)
		panic("no program to start: pass init=, or a root file system with /init");
	words_free(&w);
}

/* ---- process 1 -------------------------------------------------------------------------- */

static void default_limits(struct process *p)
{
	for (unsigned i = 0; i < RLIMITS; i++)
		p->rlimits[i] = (struct rlimit_pair){ RLIM_INFINITY, RLIM_INFINITY };
	p->rlimits[RLIMIT_STACK].cur = 8 * 1024 * 1024;
	p->rlimits[RLIMIT_CORE].cur = 0;
	p->rlimits[RLIMIT_NOFILE] = (struct rlimit_pair){ 1024, 4096 };
	p->rlimits[RLIMIT_NICE] = p->rlimits[RLIMIT_RTPRIO] = (struct rlimit_pair){ 0, 0 };
	p->rlimits[RLIMIT_MEMLOCK] = (struct rlimit_pair){ 8 * 1024 * 1024, 8 * 1024 * 1024 };
	p->rlimits[RLIMIT_NPROC].cur = p->rlimits[RLIMIT_NPROC].max = (uint64_t)task_max / 2;
	p->rlimits[RLIMIT_SIGPENDING] = p->rlimits[RLIMIT_NPROC];
	p->rlimits[RLIMIT_MSGQUEUE] = (struct rlimit_pair){ 819200, 819200 };
}

void init_start(void)
{
	struct pid *pid = NULL;
	struct process *p = pid_new(0, &pid) ? NULL : process_new(pid);
	struct task *t = p ? task_new(p, pid) : NULL;

	if (!t)
		panic("no memory for the first process");
	task_set_max(frames.total);
	p->files = files_new();
	p->fs = fs_context_copy(kernel_process.fs);
	p->actions = signal_actions_new();
	if (!p->files || !p->fs || !p->actions)
		panic("no memory for the first process");
	p->cred.caps = ~(uint64_t)0;
	default_limits(p);
	t->kernel = true; /* until it has executed a program */
	init_process = p;
	process_link(p, NULL, kernel_process.pid, kernel_process.pid);
	process_set_name(p, "init");
	context_init_kernel(&t->context, t, t->kstack_top, init_main, NULL);
	task_start(t);
}
