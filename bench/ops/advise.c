/* SPDX-License-Identifier: BSD-2-Clause
 *
 * advise.c - rows about the calls that ask about memory and give advice: mlock, mincore, msync,
 * madvise, the rarer forms of mremap, and policies of the one node.
 */
#include "ops.h"

enum {
	MADV_NORMAL = 0,
	MADV_RANDOM = 1,
	MADV_WILLNEED = 3,
	MADV_FREE = 8,
	MADV_REMOVE = 9,
	MADV_DONTFORK = 10,
	MADV_DOFORK = 11,
	MADV_HUGEPAGE = 14,
	MADV_NOHUGEPAGE = 15,
	MADV_DONTDUMP = 16,
	MADV_DODUMP = 17,
	MADV_WIPEONFORK = 18,
	MADV_KEEPONFORK = 19,
	MADV_COLD = 20,
	MADV_PAGEOUT = 21,
	MADV_POPULATE_READ = 22,
	MADV_POPULATE_WRITE = 23,
};
enum { MS_ASYNC = 1, MS_SYNC = 4, MCL_CURRENT = 1, MLOCK_ONFAULT = 1 };

/* Memory of npages, written; what is timed works on [p, size). */
#define ON_TOUCHED(npages, timed)            \
	do {                                 \
		size_t size = (npages)*PAGE; \
		char *p = map(size);         \
		ops_ticks t;                 \
		if (failed(p))               \
			return (long)p;      \
		ops_write(p, npages);        \
		t = (timed);                 \
		unmap(p, size);              \
		return t;                    \
	} while (0)

#define ROW(name, npages, call)                         \
	static ops_ticks name(unsigned n)               \
	{                                               \
		ON_TOUCHED(npages, OPS_TIMED(n, call)); \
	}

/* Two calls, one after the other: the first one's failure is told. */
#define both(first, second)                          \
	({                                           \
		long first_ = first, then_ = second; \
		first_ < 0 ? first_ : then_;         \
	})

ROW(lock_1, 1, both(sys2(NR_mlock, p, size), sys2(NR_munlock, p, size)))
ROW(lock_1024, 1024, both(sys2(NR_mlock, p, size), sys2(NR_munlock, p, size)))
ROW(lock_onfault, 16,
    both(sys3(NR_mlock2, (long)p, (long)size, MLOCK_ONFAULT), sys2(NR_munlock, p, size)))
ROW(lock_all, 16, both(sys1(NR_mlockall, MCL_CURRENT), sys0(NR_munlockall)))

static unsigned char vec[1024];

ROW(incore_1, 1, sys3(NR_mincore, (long)p, (long)size, (long)vec))
ROW(incore_1024, 1024, sys3(NR_mincore, (long)p, (long)size, (long)vec))
ROW(sync_anon, 16, sys3(NR_msync, (long)p, (long)size, MS_SYNC))

/* A page of a file, written through the mapping before each call. */
static ops_ticks sync_file(unsigned n)
{
	int fd = ops_file("/ops.file", 1);
	char *p = map_at(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	t = OPS_TIMED(n, (*(volatile char *)p = 1, sys3(NR_msync, (long)p, PAGE, MS_SYNC)));
	unmap(p, PAGE);
	sys1(NR_close, fd);
	sys1(NR_unlink, "/ops.file");
	return t;
}

#define ADVISE(how) sys3(NR_madvise, (long)p, (long)size, how)

ROW(free_16, 16, (ops_write(p, 16), ADVISE(MADV_FREE)))
ROW(dontneed_1, 1, (ops_write(p, 1), ADVISE(MADV_DONTNEED)))
ROW(dontneed_none, 256, ADVISE(MADV_DONTNEED))
ROW(willneed, 16, ADVISE(MADV_WILLNEED))
ROW(random_normal, 16, both(ADVISE(MADV_RANDOM), ADVISE(MADV_NORMAL)))
ROW(dontfork, 16, both(ADVISE(MADV_DONTFORK), ADVISE(MADV_DOFORK)))
ROW(wipeonfork, 16, both(ADVISE(MADV_WIPEONFORK), ADVISE(MADV_KEEPONFORK)))
ROW(dontdump, 16, both(ADVISE(MADV_DONTDUMP), ADVISE(MADV_DODUMP)))
ROW(hugepage, 16, both(ADVISE(MADV_HUGEPAGE), ADVISE(MADV_NOHUGEPAGE)))
ROW(cold, 256, ADVISE(MADV_COLD))
ROW(populate_there, 256, ADVISE(MADV_POPULATE_WRITE))

/* Pages that are not there yet, at once. */
static ops_ticks populate(unsigned n, int how)
{
	size_t size = n * PAGE;
	char *p = map(size);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	t = OPS_TIMED(1, ADVISE(how));
	unmap(p, size);
	return t;
}

static ops_ticks populate_read(unsigned n)
{
	return populate(n, MADV_POPULATE_READ);
}

static ops_ticks populate_write(unsigned n)
{
	return populate(n, MADV_POPULATE_WRITE);
}

/* Punch a page out of shared memory, and write it anew. */
static ops_ticks remove_page(unsigned n)
{
	size_t size = PAGE;
	char *p = map_at(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	t = OPS_TIMED(n, (ops_write(p, 1), ADVISE(MADV_REMOVE)));
	unmap(p, size);
	return t;
}

static ops_ticks map_locked(unsigned n)
{
	return OPS_TIMED(n, ({
				 char *p = map_at(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
						  MAP_PRIVATE | MAP_ANON | MAP_LOCKED, -1);
				 failed(p) ? (long)p : unmap(p, 16 * PAGE);
			 }));
}

/* ---- mremap ----------------------------------------------------------------------------- */

static ops_ticks remap_keep(unsigned n)
{
	ON_TOUCHED(1, OPS_TIMED(n, ({
					long q = sys4(NR_mremap, p, size, size,
						      MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
					long err = q < 0 && q > -4096 ? q : unmap(p, size);
					p = (char *)q;
					err;
				})));
}

static ops_ticks remap_double(unsigned n)
{
	char *p = map_at(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	ops_write(p, 1);
	t = OPS_TIMED(n, ({
			      long q = sys4(NR_mremap, p, 0, PAGE, MREMAP_MAYMOVE);
			      q<0 && q> - 4096 ? q : unmap((char *)q, PAGE);
		      }));
	unmap(p, PAGE);
	return t;
}

static ops_ticks remap_pages(unsigned n)
{
	char *p = map_at(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	ops_write(p, 2);
	t = OPS_TIMED(n, both(sys5(NR_remap_file_pages, p, PAGE, 0, 1, 0),
			      sys5(NR_remap_file_pages, p, PAGE, 0, 0, 0)));
	unmap(p, 2 * PAGE);
	return t;
}

/* ---- policies --------------------------------------------------------------------------- */

ROW(bind, 16, sys6(NR_mbind, (long)p, (long)size, 0, 0, 0, 0))

static ops_ticks policy_get(unsigned n)
{
	int mode;

	return OPS_TIMED(n, sys5(NR_get_mempolicy, &mode, 0, 0, 0, 0));
}

static ops_ticks policy_set(unsigned n)
{
	return OPS_TIMED(n, sys3(NR_set_mempolicy, 0, 0, 0));
}

static ops_ticks cpu_get(unsigned n)
{
	unsigned cpu, node;

	return OPS_TIMED(n, sys3(NR_getcpu, (long)&cpu, (long)&node, 0));
}

const struct row call_lock[] = {
	{ "mlock + munlock, 1 page", lock_1, 100, 1, 9 },
	{ "mlock + munlock, 1024 pages", lock_1024, 4, 1, 9 },
	{ "mlock2 ONFAULT + munlock, 16 pages", lock_onfault, 100, 1, 9 },
	{ "mlockall + munlockall", lock_all, 20, 1, 9 },
	{ "mmap LOCKED + munmap, 16 pages", map_locked, 50, 1, 9 },
	{ "mincore, 1 page", incore_1, 200, 1, 9 },
	{ "mincore, 1024 pages", incore_1024, 20, 1, 9 },
	{ "msync SYNC, 16 pages of memory", sync_anon, 200, 1, 9 },
	{ "write + msync SYNC, a page of a file", sync_file, 200, 1, 9 },
	{ 0 },
};

const struct row call_advise[] = {
	{ "madvise DONTNEED, 256 pages not there", dontneed_none, 200, 1, 9 },
	{ "write + madvise DONTNEED, 1 page", dontneed_1, 200, 1, 9 },
	{ "write + madvise FREE, 16 pages", free_16, 100, 1, 9 },
	{ "write + madvise REMOVE, 1 page", remove_page, 100, 1, 9 },
	{ "madvise WILLNEED", willneed, 200, 1, 9 },
	{ "madvise RANDOM + NORMAL", random_normal, 200, 1, 9 },
	{ "madvise DONTFORK + DOFORK", dontfork, 200, 1, 9 },
	{ "madvise WIPEONFORK + KEEPONFORK", wipeonfork, 200, 1, 9 },
	{ "madvise DONTDUMP + DODUMP", dontdump, 200, 1, 9 },
	{ "madvise HUGEPAGE + NOHUGEPAGE", hugepage, 200, 1, 9 },
	{ "madvise COLD, 256 pages", cold, 20, 1, 9 },
	{ "madvise POPULATE_READ, a page of 1024", populate_read, 1024, 1, 9 },
	{ "madvise POPULATE_WRITE, a page of 1024", populate_write, 1024, 1, 9 },
	{ "madvise POPULATE_WRITE, 256 pages there", populate_there, 20, 1, 9 },
	{ "mremap DONTUNMAP + munmap, 1 page", remap_keep, 100, 1, 9 },
	{ "mremap of size 0 + munmap, 1 page", remap_double, 100, 1, 9 },
	{ "remap_file_pages, to and fro", remap_pages, 50, 1, 9 },
	{ "mbind, default", bind, 100, 1, 9 },
	{ "get_mempolicy", policy_get, 200, 1, 9 },
	{ "set_mempolicy, default", policy_set, 200, 1, 9 },
	{ "getcpu, by the call", cpu_get, 200, 1, 9 },
	{ 0 },
};
