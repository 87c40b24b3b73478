/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_uffd.c - the n-th allocation fails: userfaultfd, with all that it can be asked.
 */
#include "nomem.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>

static char source[PAGE] __attribute__((aligned(4096)));

static int answer(int fd, char *p)
{
	struct uffdio_register r = { .range = { (uintptr_t)p, 8 * PAGE },
				     .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy c = { .dst = (uintptr_t)p, .src = (uintptr_t)source, .len = PAGE };
	struct uffdio_zeropage z = { .range = { (uintptr_t)p + 2 * PAGE, PAGE } };
	struct uffdio_writeprotect w = { .range = { (uintptr_t)p, 8 * PAGE },
					 .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	struct uffdio_range part = { (uintptr_t)p + 3 * PAGE, PAGE };
	char byte;

	if (sizeof(void *) == 8)
		r.mode |= UFFDIO_REGISTER_MODE_WP;
	if (ioctl(fd, UFFDIO_REGISTER, &r) || ioctl(fd, UFFDIO_COPY, &c) ||
	    ioctl(fd, UFFDIO_ZEROPAGE, &z))
		return errno;
	if (sizeof(void *) == 8 && ioctl(fd, UFFDIO_WRITEPROTECT, &w))
		return errno;
	byte = *(volatile char *)p;
	return byte ? EIO : error_of(ioctl(fd, UFFDIO_UNREGISTER, &part));
}

static int with(int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), error;
	char *p;

	if (fd < 0)
		return errno;
	p = map(8 * PAGE, flags | MAP_ANONYMOUS, -1);
	if (p == MAP_FAILED)
		error = errno;
	else
		error = ioctl(fd, UFFDIO_API, &api) ? errno : answer(fd, p);
	close(fd);
	if (p != MAP_FAILED)
		munmap(p, 8 * PAGE);
	return error;
}

static int try_private(void)
{
	return with(MAP_PRIVATE);
}

/* Without write protection: the machine has none for it. */
static int try_shared(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy c = { .src = (uintptr_t)source, .len = PAGE };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), error = 0;
	char *p = map(8 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);

	r.range = (struct uffdio_range){ c.dst = (uintptr_t)p, 8 * PAGE };
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &r) || ioctl(fd, UFFDIO_COPY, &c))
		error = errno;
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		munmap(p, 8 * PAGE);
	return error;
}

/* As long as there is who forks: it may be killed before. */
static _Noreturn void be_reader(int fd, pid_t parent)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	while (getppid() == parent && read(fd, &msg, sizeof msg) < 0 && errno == EAGAIN)
		poll(&p, 1, 5);
	_exit(0);
}

/* A fork that waits until it was read of, by another child, who gets the descriptor. */
static int try_fork(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), error = 0;
	char *p = map(4 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pid_t reader, pid, me = getpid();

	r.range = (struct uffdio_range){ (uintptr_t)p, 4 * PAGE };
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api))
		error = errno;
	reader = error ? -1 : fork(); /* before there is anything to tell of */
	if (reader == 0)
		be_reader(fd, me);
	if (!error)
		error = reader < 0 || ioctl(fd, UFFDIO_REGISTER, &r) ? errno : 0;
	if (fd >= 0) /* from now on it is the reader's: nobody waits for one who has been killed */
		close(fd);
	if (!error) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		error = pid < 0 ? errno : wait_for(pid);
	}
	if (reader > 0) {
		kill(reader, SIGKILL);
		wait_for(reader);
	}
	if (p != MAP_FAILED)
		munmap(p, 4 * PAGE);
	return error;
}

static const struct named uffd_ops[] = {
	{ "userfaultfd", try_private },
	{ "userfaultfd of shared memory", try_shared },
	{ "userfaultfd and fork", try_fork },
};

TEST("userfaultfd without memory")
{
	EXHAUST(uffd_ops);
}
