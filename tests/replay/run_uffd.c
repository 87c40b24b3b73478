/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run_uffd.c - userfaultfd: memory whose missing pages, and first writes, are somebody's to answer.
 *
 * A script is one order of steps, so nobody could answer while another waits: a touch is told by
 * SIGBUS instead (UFFD_FEATURE_SIGBUS), and the pages come by steps of their own, of whoever has the
 * descriptor: a child has its parent's, and puts pages into its parent.
 */
#include "tests/replay/run.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

enum { UFFD = 60, WP = 2 };

static bool used;
static long maker; /* the process that made the one which is open */

/* Where an area that moves joins one that is registered, Linux may take both out. */
bool uffd_used(void)
{
	return used;
}

/* A machine may not give any; then scripts go without. */
bool uffd_hangs(const struct call *c, const long *a)
{
	static int there;

	if (!there) {
		long fd = SYS(userfaultfd, O_CLOEXEC);

		there = fd < 0 && fd != -EPERM ? -1 : 1;
		SYS(close, fd);
	}
	if (c->run == run_ureg && a[2] & WP) /* of shared memory: Quire does not */
		return there < 0 || maker != SYS(getpid) ||
		       !private_memory((uintptr_t)a[0], (uintptr_t)(a[0] + a[1]));
	return there < 0;
}

/* Below, each machine has a border of its own. */
static bool too_low(long at)
{
	return (uintptr_t)at < 0x10000;
}

long run_uffd(const struct step *s, long *a)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	long fd, err;

	(void)s, (void)a;
	if (maker == SYS(getpid)) /* one of two may not unregister the other's, since 6.16 */
		return OUTSIDE;
	fd = SYS(userfaultfd, O_CLOEXEC);
	if (fd < 0)
		return fd;
	used = true;
	maker = SYS(getpid);
	err = SYS(ioctl, fd, UFFDIO_API, P(&api));
	SYS(dup2, fd, UFFD);
	SYS(close, fd);
	return err;
}

long run_ureg(const struct step *s, long *a)
{
	struct uffdio_register r = { { (uintptr_t)a[0], (uintptr_t)a[1] }, (uintptr_t)a[2], 0 };

	(void)s;
	return too_low(a[0]) ? OUTSIDE : SYS(ioctl, UFFD, UFFDIO_REGISTER, P(&r));
}

long run_unreg(const struct step *s, long *a)
{
	struct uffdio_range r = { (uintptr_t)a[0], (uintptr_t)a[1] };

	(void)s;
	return too_low(a[0]) ? OUTSIDE : SYS(ioctl, UFFD, UFFDIO_UNREGISTER, P(&r));
}

static long say_bytes(long err, int64_t bytes)
{
	say_number(err == -EAGAIN || !err ? bytes : 0);
	say(" ");
	return err;
}

long run_ucopy(const struct step *s, long *a)
{
	struct uffdio_copy c = { .dst = (uintptr_t)a[0],
				 .src = (uintptr_t)a[1],
				 .len = (uintptr_t)a[2],
				 .mode = (uintptr_t)a[3] };
	long err;

	if (too_low(a[0]) || !within(&s->arg[0], (uintptr_t)a[0], (uintptr_t)a[2]))
		return OUTSIDE;
	if (s->arg[1].base == NUMBER || s->arg[1].base == TOP) /* looked at first, or last */
		return OUTSIDE;
	err = SYS(ioctl, UFFD, UFFDIO_COPY, P(&c));
	return say_bytes(err, c.copy);
}

long run_uzero(const struct step *s, long *a)
{
	struct uffdio_zeropage z = { .range = { (uintptr_t)a[0], (uintptr_t)a[1] },
				     .mode = (uintptr_t)a[2] };
	long err;

	(void)s;
	if (too_low(a[0]))
		return OUTSIDE;
	err = SYS(ioctl, UFFD, UFFDIO_ZEROPAGE, P(&z));
	return say_bytes(err, z.zeropage);
}

long run_uprotect(const struct step *s, long *a)
{
	struct uffdio_writeprotect w = { { (uintptr_t)a[0], (uintptr_t)a[1] }, (uintptr_t)a[2] };

	(void)s;
	return too_low(a[0]) ? OUTSIDE : SYS(ioctl, UFFD, UFFDIO_WRITEPROTECT, P(&w));
}
