/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pager.c - rows about userfaultfd: a second thread fills in the pages that the first touches.
 */
#include "ops.h"
#include "thread.h"

#define UFFD_API         0xaaull
#define UFFDIO(nr, n)    (0xc000aa00u | (nr) | (unsigned)(n) << 16)
#define REGISTER_MISSING 1

struct api_k {
	u64 api, features, ioctls;
};
struct register_k {
	u64 start, size, mode, ioctls;
};
struct copy_k {
	u64 to, from, size, mode;
	int64_t copied;
};
struct msg_k {
	u64 event, flags, address, rest;
};

static long pager;
static char stack[16 * KiB] __attribute__((aligned(64)));
static char page[PAGE] __attribute__((aligned(4096)));

static void fill_in(void *unused)
{
	struct msg_k msg;

	(void)unused;
	while (sys3(NR_read, pager, (long)&msg, sizeof msg) == sizeof msg) {
		struct copy_k c = { msg.address & ~(u64)(PAGE - 1), (uintptr_t)page, PAGE, 0, 0 };

		if ((msg.event & 0xff) != 0x12 || msg.address == 0) /* pagefault */
			break;
		sys3(NR_ioctl, pager, UFFDIO(3, sizeof c), (long)&c);
	}
}

static long watch(char *p, size_t size)
{
	struct register_k r = { (uintptr_t)p, size, REGISTER_MISSING, 0 };

	return sys3(NR_ioctl, pager, UFFDIO(0, sizeof r), (long)&r);
}

/* The pager ends at a message it does not expect: there is none, so it is left asleep in its read
 * until this program ends.  One pager serves all rounds. */
static long open_pager(void)
{
	struct api_k api = { UFFD_API, 0, 0 };
	static int tid;
	long err;

	if (pager > 0)
		return 0;
	pager = sys1(NR_userfaultfd, 0);
	if (pager < 0)
		return pager;
	err = sys3(NR_ioctl, pager, UFFDIO(0x3f, sizeof api), (long)&api);
	return err < 0 ? err : thread_start(&tid, stack + sizeof stack, fill_in, 0);
}

static ops_ticks missing(unsigned n)
{
	char *p = map(n * PAGE);
	long err = open_pager();
	ops_ticks t;
	u64 start;

	if (err < 0 || failed(p))
		return err < 0 ? err : (long)p;
	err = watch(p, n * PAGE);
	if (err < 0)
		return err;
	start = ticks();
	ops_read(p, n);
	t = ops_since(start, n);
	unmap(p, n * PAGE);
	return t;
}

static ops_ticks register_it(unsigned n)
{
	char *p = map(16 * PAGE);
	long err = open_pager();
	ops_ticks t;

	if (err < 0 || failed(p))
		return err < 0 ? err : (long)p;
	t = OPS_TIMED(n, ({
			      struct register_k r = { (uintptr_t)p, 16 * PAGE, 0, 0 };
			      long bad = watch(p, 16 * PAGE);
			      bad < 0 ? bad : sys3(NR_ioctl, pager, 0x8010aa01u, (long)&r);
		      }));
	unmap(p, 16 * PAGE);
	return t;
}

const struct row call_pager[] = {
	{ "userfaultfd, a page filled in by a thread", missing, 100, 1, 9 },
	{ "userfaultfd, register + unregister", register_it, 50, 1, 9 },
	{ 0 },
};
