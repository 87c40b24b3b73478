/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_files.c - the n-th allocation fails: files, names, pipes, mounts, locks; waiting for them.
 */
#include "nomem.h"
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

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

/* An event without memory is the overflow, not an error of who did something. */
static int try_notify(void)
{
	static char text[400];
	int q, error = 0, wd;

	if (rmdir("noticed") && errno != ENOENT) /* the last one may have been killed */
		return errno;
	q = inotify_init1(IN_NONBLOCK);
	if (q < 0)
		return errno;
	wd = inotify_add_watch(q, ".", IN_ALL_EVENTS);
	if (wd < 0 || mkdir("noticed", 0700) || read(q, text, sizeof text) < 0 ||
	    inotify_rm_watch(q, wd) || read(q, text, sizeof text) < 0)
		error = errno;
	close(q);
	rmdir("noticed");
	return error;
}

static const struct named file_ops[] = {
	{ "open", try_open },      { "create and write", try_create },
	{ "names", try_names },    { "dup2", try_dup },
	{ "pipe", try_pipe },      { "stat, readlink", try_look },
	{ "getdents", try_list },  { "/proc", try_proc },
	{ "mount", try_mount },    { "locks", try_lock },
	{ "inotify", try_notify },
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
