/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_values.c - what arguments of random calls are made of: mostly good, seldom nonsense.
 */
#include "fuzz.h"
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

/* ---- chance ------------------------------------------------------------------------------ */

uint64_t chance;

uint32_t next(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 16);
}

uint32_t below(uint32_t n)
{
	return next() % n;
}

/* ---- what arguments are made of ---------------------------------------------------------- */

char *arena;
static char *readonly, *edge, *hole;
static char *paths[24];
static unsigned npaths;

static void add_path(const char *s)
{
	paths[npaths] = strcpy(arena + 4096 + npaths * 256, s);
	npaths++;
}

void make_values(void)
{
	arena = fresh(ARENA * PAGE);
	readonly = fresh(PAGE);
	mprotect(readonly, PAGE, PROT_READ);
	edge = fresh(2 * PAGE);
	hole = edge + PAGE;
	munmap(hole, PAGE);
	npaths = 0;
	static const char *const names[] = { "a",
					     "b",
					     "d",
					     "d/e",
					     "d/..",
					     "link",
					     "loop",
					     "fifo",
					     "elf",
					     "script",
					     "new",
					     "d/new",
					     "null",
					     "missing/x",
					     "a/x",
					     "",
					     "/proc/self/maps",
					     "/proc/self/fd/5",
					     "/proc/self/fd",
					     "/proc/self/mem",
					     "/proc/quire/frames",
					     "tmpfs" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_path(names[i]);
}

long some_pointer(void)
{
	switch (below(16)) {
	case 0:
		return 0;
	case 1:
		return (long)readonly;
	case 2:
		return (long)(hole - 1 - below(64));
	case 3:
		return (long)hole;
	case 4:
		return -(long)below(5000);
	case 5:
		return (long)(((uintptr_t)1 << (sizeof(long) * 8 - 1)) + below(0x10000) * 4096ul);
	case 6:
		return (long)(arena + below(ARENA * PAGE));
	default:
		return (long)(arena + 16384 + below(1024) * 16);
	}
}

static long some_size(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return -(long)below(3);
	case 2:
		return (long)((uintptr_t)1 << below(sizeof(long) * 8));
	case 3:
		return LONG_MAX - (long)below(4096);
	case 4:
		return (long)below(20) * 4096;
	default:
		return below(5000);
	}
}

static long some_number(void)
{
	switch (below(8)) {
	case 0:
		return (long)((uintptr_t)1 << below(sizeof(long) * 8));
	case 1:
		return (long)(1ul << below(32) | 1ul << below(32) | 1ul << below(16));
	case 2:
		return -(long)below(200);
	case 3:
		return (long)((uint64_t)next() << 32 | next());
	default:
		return below(32);
	}
}

/* ---- structures ------------------------------------------------------------------------- */

/* A place for one, among others that calls have left. */
static long *place(void)
{
	return (long *)(arena + 12288 + 64 * below(64));
}

static long short_time(void)
{
	struct timespec *t = (struct timespec *)place();

	t->tv_sec = below(10) ? 0 : some_number();
	t->tv_nsec = below(10) ? (long)below(1000000) : some_number();
	return below(8) ? (long)t : some_pointer();
}

/* Of an ioctl on a userfaultfd: start, length, or source; mode. */
static long range(void)
{
	uint64_t *r = (uint64_t *)place();

	for (int i = 0; i < 5; i++)
		r[i] = below(3) ? below(8) * PAGE : below(4);
	r[0] = (uint64_t)(uintptr_t)(arena + (ARENA_FREE + below(ARENA)) * PAGE);
	if (below(2))
		r[1] =
		    (uint64_t)(uintptr_t)(arena + below(ARENA) * PAGE); /* the source of a copy */
	r[below(5)] = below(6) ? r[0] : (uint64_t)some_pointer();
	return below(12) ? (long)r : some_pointer();
}

static long vector(void)
{
	struct iovec *v = (struct iovec *)place();

	for (int i = 0; i < 3; i++)
		v[i] = (struct iovec){ (void *)argument('b'), (size_t)argument('n') };
	return below(10) ? (long)v : some_pointer();
}

/* With descriptors in it, its own socket's perhaps. */
static long message(void)
{
	struct msghdr *m = (struct msghdr *)place();
	struct cmsghdr *c = (struct cmsghdr *)place();
	int n = (int)below(4);

	memset(m, 0, sizeof *m);
	m->msg_iov = (struct iovec *)vector();
	m->msg_iovlen = below(10) ? below(4) : (size_t)some_number();
	if (below(3) == 0)
		return below(8) ? (long)m : some_pointer();
	m->msg_control = c;
	m->msg_controllen = below(8) ? CMSG_SPACE(n * sizeof(int)) : (size_t)some_size();
	c->cmsg_len = below(8) ? CMSG_LEN(n * sizeof(int)) : (size_t)some_size();
	c->cmsg_level = below(12) ? SOL_SOCKET : (int)below(300);
	c->cmsg_type = below(6) ? SCM_RIGHTS : (int)below(5);
	for (int i = 0; i < n; i++)
		((int *)CMSG_DATA(c))[i] = (int)argument('f');
	return (long)m;
}

/* Of terminals, pipes and sockets; of userfaultfd; of anything. */
static long command(void)
{
	static const uint32_t of_uffd[] = { 0xc018aa3f, 0xc020aa00, 0x8010aa01, 0x8010aa02,
					    0xc028aa03, 0xc020aa04, 0xc018aa06, 0xc020aa07 };

	if (below(2))
		return (long)of_uffd[below(sizeof of_uffd / sizeof *of_uffd)];
	return below(6) ? 0x5400 + (long)below(0x60) : some_number();
}

static long futex_operation(void)
{
	return (long)below(14) | (below(2) ? 0x80 : 0) | (below(8) ? 0 : 0x100);
}

/* A word that futexes, lists and restartable sequences are about; it holds something of that kind. */
static long word(void)
{
	long *w = (long *)(arena + 8192 + 32 * below(16));

	switch (below(6)) {
	case 0:
		*w = (long)w;
		break;
	case 1:
		*w = some_pointer();
		break;
	case 2:
		*w = getpid();
		break;
	case 3:
		*w = (long)(arena + 8192 + 32 * below(16));
		break;
	}
	return below(8) ? (long)w : some_pointer();
}

long argument(char kind)
{
	switch (below(8) ? kind : "fpbnixxx"[below(8)]) {
	case 'f':
		return below(12) ? (long)below(48) : below(2) ? -1 : AT_FDCWD;
	case 'p':
		return below(16) ? (long)paths[below(npaths)] : some_pointer();
	case 'b':
		return some_pointer();
	case 'n':
		return some_size();
	case 'i':
		return some_number();
	case 'a':
		return below(8) ? (long)(arena + (ARENA_FREE + below(ARENA)) * PAGE)
				: some_pointer();
	case 'o':
		return below(8) ? (long)below(64) * 4096 : some_size();
	case 'd':
		return below(3) ? 0 : below(2) ? getpid() : 31000;
	case 's':
		return below(66);
	case 't':
		return short_time();
	case 'u':
		return futex_operation();
	case 'c':
		return command();
	case 'r':
		return range();
	case 'm':
		return message();
	case 'v':
		return vector();
	case 'w':
		return word();
	}
	return "fpbni"[below(5)] ? argument("fpbni"[below(5)]) : 0;
}
