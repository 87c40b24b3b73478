/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem.c - the n-th allocation fails, for every n, in everything that allocates.
 *
 * An *attempt* is a child that makes one operation while /proc/quire/fail_after lets the n-th
 * allocation of a frame, or of an object of the kernel's heap, fail.  The operation either
 * succeeds all the same, or fails with an error that means "no memory"; where a page fault finds
 * none, the child may be killed.  n grows until nothing failed any more.  After all of it the
 * kernel holds as many frames and objects as before.
 */
#include "nomem.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define FAIL_AFTER "/proc/quire/fail_after"

enum { MOST = 3000, DISARMED = 42 };

static volatile struct {
	int over, error;
} * report;

static int control;

static void arm(const char *kind, int n)
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

static struct held look(void)
{
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

static int all_n(const struct named *o, const char *kind)
{
	int n = 1;

	while (n < MOST && attempt(o, kind, n, n & 1))
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

static int error_of(long ret)
{
	return ret == -1 ? errno : 0;
}

/* ---- processes ----------------------------------------------------------------------------- */

static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return wait_for(pid);
}

static int try_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return wait_for(pid);
}

/* More at once than there are kernel stacks in stock. */
static int try_many(void)
{
	pid_t pid[12];
	int n, error = 0, p[2];
	char c;

	if (pipe(p))
		return errno;
	for (n = 0; n < 12 && (pid[n] = fork()) >= 0; n++)
		if (pid[n] == 0) {
			close(p[1]);
			read(p[0], &c, 1);
			_exit(0);
		}
	error = n < 12 ? errno : 0;
	close(p[0]);
	close(p[1]);
	while (n > 0)
		wait_for(pid[--n]);
	return error;
}

static int try_exec(void)
{
	char fd[16];
	char *const argv[] = { "utest", "role-disarm", fd, NULL }, *const envp[] = { "A=b", NULL };

	sprintf(fd, "%d", control);
	execve(self_path, argv, envp);
	return errno;
}

/* What exec has started tells that it has come so far. */
ROLE(disarm)
{
	(void)envp;
	control = argc > 1 ? atoi(argv[1]) : -1;
	arm("", 0);
	_exit(DISARMED);
}

static const struct named process_ops[] = {
	{ "fork", try_fork },
	{ "vfork", try_vfork },
	{ "many forks", try_many },
};

TEST("fork and vfork without memory")
{
	EXHAUST(process_ops);
}

/* Warm runs would end in the program; so only cold ones. */
TEST("execve without memory")
{
	struct named o = { "execve", try_exec };
	struct held before, now;
	const char *kinds[] = { "frame", "object" };

	need_quire();
	now = look();
	for (int k = 0; k < 2; k++) {
		for (int round = 0; round < 3; round++) {
			int n = 1;

			before = now;
			report->over = 0;
			while (n < MOST && attempt(&o, kinds[k], n, 1))
				n++;
			CHECK(n < MOST);
			now = look();
			if (round && !holds_more(&now, &before))
				break;
		}
		CHECK_EQ(now.anon - before.anon, 0);
		CHECK_EQ(now.table - before.table, 0);
		CHECK_EQ(now.objects - before.objects, 0);
		CHECK_EQ(now.bytes - before.bytes, 0);
	}
}

/* ---- memory -------------------------------------------------------------------------------- */

static char *map(size_t size, int flags, int fd)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static int try_mmap(void)
{
	char *p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_populate(void)
{
	char *p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_mmap_shared(void)
{
	char *p = map(16 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_mmap_file(void)
{
	int fd = open(self_path, O_RDONLY), error;
	char *p;

	if (fd < 0)
		return errno;
	p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	error = p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
	close(fd);
	return error;
}

/* Every third page with other rights: many runs.  Contents must survive what fails. */
static int try_mprotect(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < 64 && !error; i += 3)
		error = error_of(mprotect(p + i * PAGE, PAGE, PROT_READ));
	munmap(p, 64 * PAGE);
	return error;
}

static int try_holes(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 1; i < 63 && !error; i += 2)
		error = error_of(munmap(p + i * PAGE, PAGE));
	munmap(p, 64 * PAGE);
	return error;
}

static int try_mremap(void)
{
	char *p = map(4 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q;
	size_t size = 4 * PAGE;
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (int i = 0; i < 4 && !error; i++) {
		q = mremap(p, size, 8 * size, MREMAP_MAYMOVE);
		if (q == MAP_FAILED) {
			error = errno;
		} else {
			p = q;
			size *= 8;
		}
	}
	munmap(p, size);
	return error;
}

static int try_brk(void)
{
	char *at = sbrk(0);

	if (sbrk(64 * PAGE) == (void *)-1)
		return errno;
	return error_of(brk(at));
}

static const struct named memory_ops[] = {
	{ "mmap", try_mmap },
	{ "mmap, populated", try_populate },
	{ "mmap, shared", try_mmap_shared },
	{ "mmap of a file", try_mmap_file },
	{ "mprotect", try_mprotect },
	{ "munmap of every other page", try_holes },
	{ "mremap", try_mremap },
	{ "brk", try_brk },
};

TEST("mmap, munmap, mprotect, mremap, brk without memory")
{
	EXHAUST(memory_ops);
}

/* ---- faults -------------------------------------------------------------------------------- */

static int touch(int flags, int fd, int prot, int write_it)
{
	volatile char *p = mmap(NULL, 40 * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < 40; i += 3)
		if (write_it)
			p[i * PAGE] = 1;
		else
			(void)p[i * PAGE];
	return error_of(munmap((void *)p, 40 * PAGE));
}

static int fault_anonymous_read(void)
{
	return touch(MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_READ, 0);
}

static int fault_anonymous_write(void)
{
	return touch(MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_READ | PROT_WRITE, 1);
}

static int fault_shared_write(void)
{
	return touch(MAP_SHARED | MAP_ANONYMOUS, -1, PROT_READ | PROT_WRITE, 1);
}

static int of_file(int flags, int write_it)
{
	int fd = open(self_path, O_RDONLY), error;

	if (fd < 0)
		return errno;
	error = touch(flags, fd, write_it ? PROT_READ | PROT_WRITE : PROT_READ, write_it);
	close(fd);
	return error;
}

static int fault_file_read(void)
{
	return of_file(MAP_SHARED, 0);
}

static int fault_file_write(void)
{
	return of_file(MAP_PRIVATE, 1);
}

static int fault_copy(void)
{
	static char page[8 * PAGE];
	pid_t pid;

	memset(page, 1, sizeof page);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < 8; i++)
			((volatile char *)page)[i * PAGE] = 2;
		_exit(0);
	}
	if (pid > 0)
		for (size_t i = 0; i < 8; i++)
			((volatile char *)page)[i * PAGE] = 3;
	return wait_for(pid);
}

static int fault_stack(void)
{
	volatile char deep[100 * PAGE];

	deep[0] = 1;
	return deep[0] != 1;
}

/* A call faults on the program's behalf. */
static int fault_in_call(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = open("/dev/zero", O_RDONLY), error = 0;

	if (p == MAP_FAILED || fd < 0)
		return errno;
	if (read(fd, p, 64 * PAGE) < 0)
		error = errno == EFAULT ? ENOMEM : errno;
	close(fd);
	munmap(p, 64 * PAGE);
	return error;
}

static const struct named fault_ops[] = {
	{ "anonymous read", fault_anonymous_read },
	{ "anonymous write", fault_anonymous_write },
	{ "shared write", fault_shared_write },
	{ "file read", fault_file_read },
	{ "file write", fault_file_write },
	{ "copy-on-write", fault_copy },
	{ "stack", fault_stack },
	{ "in a call", fault_in_call },
};

TEST("page faults without memory")
{
	EXHAUST(fault_ops);
}

/* ---- files --------------------------------------------------------------------------------- */

static int close_after(int fd)
{
	return fd < 0 ? errno : error_of(close(fd));
}

static int try_open(void)
{
	return close_after(open("/dev/null", O_RDWR));
}

static int try_create(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600), error = 0;
	static char text[20000];

	if (fd < 0)
		return errno;
	if (write(fd, text, sizeof text) < 0 || pwrite(fd, "x", 1, 1 << 24) < 0 ||
	    ftruncate(fd, 5000) || ftruncate(fd, 1 << 30))
		error = errno;
	close(fd);
	unlink("file");
	return error;
}

static int try_names(void)
{
	int error = 0;

	if (mkdir("dir", 0700) || symlink("file", "dir/link") ||
	    mknod("dir/fifo", S_IFIFO | 0600, 0) || link("dir/fifo", "dir/other") ||
	    rename("dir/other", "dir/third"))
		error = errno;
	unlink("dir/link");
	unlink("dir/fifo");
	unlink("dir/other");
	unlink("dir/third");
	if (rmdir("dir") && errno != ENOENT)
		error = errno;
	return error;
}

static int try_dup(void)
{
	int fd = dup2(control, 900);

	return close_after(fd);
}

static int try_pipe(void)
{
	static char text[70000];
	int p[2], error = 0;

	if (pipe2(p, O_NONBLOCK))
		return errno;
	if (write(p[1], text, sizeof text) < 0 || read(p[0], text, sizeof text) < 0)
		error = errno;
	close(p[0]);
	close(p[1]);
	return error;
}

static int try_look(void)
{
	static char text[4000];
	struct stat st;

	if (stat("/proc/self/maps", &st) || stat("/usr/bin/env", &st) ||
	    readlink("/proc/self/exe", text, sizeof text) < 0 || !getcwd(text, sizeof text) ||
	    syscall(SYS_getcwd, text, sizeof text) < 0 || chdir("."))
		return errno;
	return 0;
}

static int try_list(void)
{
	static char text[4000];
	static const char *const paths[] = { "/", "/proc", "/proc/self/fd", "/dev" };

	for (int i = 0; i < 4; i++) {
		int fd = open(paths[i], O_RDONLY | O_DIRECTORY), error = 0;

		if (fd < 0)
			return errno;
		if (syscall(SYS_getdents64, fd, text, sizeof text) < 0)
			error = errno;
		close(fd);
		if (error)
			return error;
	}
	return 0;
}

static int try_proc(void)
{
	static const char *const paths[] = { "/proc/self/maps",    "/proc/self/status",
					     "/proc/self/stat",    "/proc/meminfo",
					     "/proc/mounts",       "/proc/self/cmdline",
					     "/proc/self/environ", "/proc/self/smaps" };
	static char text[4000];

	for (int i = 0; i < 8; i++) {
		int fd = open(paths[i], O_RDONLY), error = 0;

		if (fd < 0)
			return errno;
		if (read(fd, text, sizeof text) < 0)
			error = errno;
		close(fd);
		if (error)
			return error;
	}
	return 0;
}

static int try_mount(void)
{
	int error = 0;

	if (mkdir("m", 0700))
		return errno;
	if (mount("none", "m", "tmpfs", 0, NULL))
		error = errno;
	else if (umount("m"))
		error = errno;
	rmdir("m");
	return error;
}

static int try_lock(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 100 };
	int fd = open("locked", O_RDWR | O_CREAT, 0600), error = 0;

	if (fd < 0)
		return errno;
	if (flock(fd, LOCK_EX) || fcntl(fd, F_SETLK, &l))
		error = errno;
	l.l_type = F_UNLCK;
	l.l_start = 10;
	l.l_len = 10;
	if (!error && fcntl(fd, F_SETLK, &l))
		error = errno;
	close(fd);
	unlink("locked");
	return error == ENOLCK ? ENOMEM : error;
}

static const struct named file_ops[] = {
	{ "open", try_open },     { "create and write", try_create },
	{ "names", try_names },   { "dup2", try_dup },
	{ "pipe", try_pipe },     { "stat, readlink", try_look },
	{ "getdents", try_list }, { "/proc", try_proc },
	{ "mount", try_mount },   { "locks", try_lock },
};

TEST("files without memory")
{
	EXHAUST(file_ops);
}

/* ---- events -------------------------------------------------------------------------------- */

static int try_poll(void)
{
	struct pollfd many[200];
	fd_set set;
	struct timeval no = { 0, 0 };

	for (int i = 0; i < 200; i++)
		many[i] = (struct pollfd){ .fd = control, .events = POLLIN };
	FD_ZERO(&set);
	FD_SET(control, &set);
	if (poll(many, 200, 1) < 0 || select(control + 1, &set, NULL, NULL, &no) < 0)
		return errno;
	return 0;
}

static int try_signal(void)
{
	union sigval v = { .sival_int = 1 };
	sigset_t one, old;
	int error = 0;

	sigemptyset(&one);
	sigaddset(&one, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &one, &old);
	if (sigqueue(getpid(), SIGRTMIN + 3, v))
		error = errno;
	signal(SIGRTMIN + 3, SIG_IGN);
	signal(SIGRTMIN + 3, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return error;
}

static int try_timers(void)
{
	struct itimerval soon = { { 0, 0 }, { 100, 0 } }, off = { 0 };
	struct timespec t = { 0, 1000 };

	if (setitimer(ITIMER_REAL, &soon, NULL) || setitimer(ITIMER_REAL, &off, NULL) ||
	    nanosleep(&t, NULL))
		return errno;
	return 0;
}

static int try_vectors(void)
{
	static char text[300];
	struct iovec v[300];
	int fd = open("/dev/null", O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	for (int i = 0; i < 300; i++)
		v[i] = (struct iovec){ text + i, 1 };
	if (writev(fd, v, 300) < 0)
		error = errno;
	close(fd);
	return error;
}

static int try_groups(void)
{
	gid_t many[300] = { 0 };

	return error_of(syscall(SYS_setgroups, 300, many));
}

static const struct named other_ops[] = {
	{ "poll", try_poll },      { "a queued signal", try_signal }, { "timers", try_timers },
	{ "writev", try_vectors }, { "setgroups", try_groups },
};

TEST("poll, signals, timers without memory")
{
	EXHAUST(other_ops);
}
