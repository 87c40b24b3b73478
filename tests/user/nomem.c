/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem.c - the n-th allocation fails, for every n, in everything that allocates.
 *
 * An *attempt* is a child that makes one operation while /proc/quire/fail_after lets the n-th
 * allocation of a frame, or of an object of the kernel's heap, fail.  The operation either
 * succeeds all the same, or fails with an error that means "no memory"; where a page fault finds
 * none, the child may be killed.  n grows until nothing failed any more.  After all of it the
 * kernel holds as many frames and objects as before.
 *
 * The operations are in nomem_*.c, by what they are about.
 */
#include "nomem.h"
#include <sys/prctl.h>

#define FAIL_AFTER "/proc/quire/fail_after"

enum { MOST = 3000 };

static volatile struct {
	int over, error;
} * report;

int control;

void arm(const char *kind, int n)
{
	char text[32];

	write(control, text, (size_t)sprintf(text, n ? "%s %d" : "0", n ? kind : "0", n));
}

static int refused(void)
{
	char text[32] = "";
	int fd = open(FAIL_AFTER, O_RDONLY);

	read(fd, text, sizeof text - 1);
	close(fd);
	return atoi(text);
}

static void need_quire(void)
{
	control = open(FAIL_AFTER, O_WRONLY);
	if (control < 0)
		skip("no " FAIL_AFTER " to write to");
	report = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(report != MAP_FAILED);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* children of those who were killed come here */
}

/* If somebody has to be killed for want of memory, then this one. */
static void be_first_to_die(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	write(fd, "1000", 4);
	close(fd);
}

static void attempt_inside(const struct named *o, const char *kind, int n, int cold)
{
	int error;

	be_first_to_die();
	report->over = 0;
	if (!cold)
		o->run();
	arm(kind, n);
	error = o->run();
	arm(kind, 0);
	report->error = error;
	report->over = 1;
	_exit(DISARMED);
}

static int means_no_memory(int error)
{
	return error == ENOMEM || error == EAGAIN || error == ENOSPC || error == ENFILE ||
	       error == ENOBUFS;
}

/* One attempt; answers whether something was refused. */
static int attempt(const struct named *o, const char *kind, int n, int cold)
{
	int status, failed;
	pid_t pid = fork();

	if (pid == 0)
		attempt_inside(o, kind, n, cold);
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != DISARMED)
		arm(kind, 0);
	while (wait(NULL) > 0)
		;
	failed = refused();
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && failed)
		return 1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != DISARMED) {
		printf("# %s, %s %d: ended with status %#x, %d refused\n", o->name, kind, n, status,
		       failed);
		CHECK(!"an operation without memory fails in order");
	} else if (report->over && report->error && !(failed && means_no_memory(report->error))) {
		printf("# %s, %s %d: %s, %d refused\n", o->name, kind, n, strerror(report->error),
		       failed);
		CHECK(!"an operation without memory says so");
	}
	return failed;
}

/* ---- what the kernel holds ----------------------------------------------------------------- */

struct held {
	long anon, cache, table, objects, bytes;
};

static long number_in(const char *path, const char *key)
{
	char text[512] = "", *at;
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof text - 1);

	close(fd);
	at = n > 0 ? strstr(text, key) : NULL;
	return at ? atol(at + strlen(key)) : -1;
}

/* Empty tables that wait for the next process are nobody's; how many there are depends on the order
 * in which processes ended, and so on the time. */
static struct held look(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	write(fd, "3", 1);
	close(fd);
	return (struct held){
		.anon = number_in("/proc/quire/frames", "anon "),
		.cache = number_in("/proc/quire/frames", "cache "),
		.table = number_in("/proc/quire/frames", "table "),
		.objects = number_in("/proc/quire/heap", "objects "),
		.bytes = number_in("/proc/quire/heap", "used "),
	};
}

static int holds_more(const struct held *now, const struct held *before)
{
	return now->anon > before->anon || now->cache > before->cache ||
	       now->table > before->table || now->objects > before->objects ||
	       now->bytes > before->bytes;
}

static int only_cold;

static int all_n(const struct named *o, const char *kind)
{
	int n = 1;

	while (n < MOST && attempt(o, kind, n, only_cold || n & 1))
		n++;
	return n;
}

/* Every n, and again until a round leaves nothing behind: the first ones fill caches. */
static void exhaust(const struct named *o, const char *kind)
{
	struct held before, now = look();
	int n = 0;

	for (int round = 0; round < 4; round++) {
		before = now;
		n = all_n(o, kind);
		now = look();
		if (round && !holds_more(&now, &before))
			break;
	}
	if (n == MOST)
		printf("# %s: still failing at %d\n", o->name, n);
	CHECK(n < MOST);
	if (holds_more(&now, &before)) {
		printf("# %s, %s 1 .. %d: anon %ld->%ld cache %ld->%ld table %ld->%ld objects "
		       "%ld->%ld bytes %ld->%ld\n",
		       o->name, kind, n, before.anon, now.anon, before.cache, now.cache,
		       before.table, now.table, before.objects, now.objects, before.bytes,
		       now.bytes);
		CHECK(!"what failed leaves nothing behind");
	}
}

void exhaust_all(const struct named *o, size_t n)
{
	need_quire();
	for (size_t i = 0; i < n; i++) {
		exhaust(&o[i], "frame");
		exhaust(&o[i], "object");
	}
}

void exhaust_cold(const struct named *o, size_t n)
{
	only_cold = 1;
	exhaust_all(o, n);
}
