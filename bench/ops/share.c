/* SPDX-License-Identifier: BSD-2-Clause
 *
 * share.c - rows about memory that is shared, and looked at from outside: memfd and its seals,
 * System V memory, process_vm_readv, holes in files, userfaultfd, files of /proc.
 */
#include "ops.h"

enum { MFD_ALLOW_SEALING = 2, F_ADD_SEALS = 1033, F_GET_SEALS = 1034, SEAL_ALL = 15 };
enum { IPC_PRIVATE = 0, IPC_RMID = 0, IPC_CREAT = 01000 };
enum { FALLOC_KEEP_SIZE = 1, FALLOC_PUNCH_HOLE = 2 };

#ifdef __x86_64__
#define FALLOCATE(fd, mode, at, size) sys4(NR_fallocate, fd, mode, at, size)
#else /* offsets are two words */
#define FALLOCATE(fd, mode, at, size) sys6(NR_fallocate, fd, mode, at, 0, (long)(size), 0)
#endif

static ops_ticks memfd_bare(unsigned n)
{
	return OPS_TIMED(n, ({
				 long fd = sys2(NR_memfd_create, "ops", 0);
				 fd < 0 ? fd : sys1(NR_close, fd);
			 }));
}

static ops_ticks memfd_used(unsigned n)
{
	return OPS_TIMED(n, ({
				 long fd = sys2(NR_memfd_create, "ops", 0),
				      err = sys2(NR_ftruncate, fd, PAGE);
				 char *p = map_at(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
						  (int)fd);
				 if (!failed(p)) {
					 *(volatile char *)p = 1;
					 unmap(p, PAGE);
				 }
				 sys1(NR_close, fd);
				 err;
			 }));
}

static ops_ticks seal(unsigned n)
{
	return OPS_TIMED(n, ({
				 long fd = sys2(NR_memfd_create, "ops", MFD_ALLOW_SEALING);
				 long err = sys3(NR_fcntl, fd, F_ADD_SEALS, SEAL_ALL);
				 sys3(NR_fcntl, fd, F_GET_SEALS, 0);
				 sys1(NR_close, fd);
				 err;
			 }));
}

static ops_ticks hole(unsigned n)
{
	int fd = ops_file("/ops.file", 4);
	ops_ticks t;

	t = OPS_TIMED(n, ({
			      long err =
				  FALLOCATE(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, PAGE, PAGE);
			      err < 0 ? err : FALLOCATE(fd, 0, PAGE, PAGE);
		      }));
	sys1(NR_close, fd);
	sys1(NR_unlink, "/ops.file");
	return t;
}

/* ---- System V --------------------------------------------------------------------------- */

static ops_ticks shm_make(unsigned n)
{
	return OPS_TIMED(n, ({
				 long id =
				     sys3(NR_shmget, IPC_PRIVATE, 16 * PAGE, IPC_CREAT | 0600);
				 id < 0 ? id : sys3(NR_shmctl, id, IPC_RMID, 0);
			 }));
}

static ops_ticks shm_attach(unsigned n, int touch)
{
	long id = sys3(NR_shmget, IPC_PRIVATE, 16 * PAGE, IPC_CREAT | 0600);
	ops_ticks t;

	if (id < 0)
		return id;
	t = OPS_TIMED(n, ({
			      char *p = (char *)sys3(NR_shmat, id, 0, 0);
			      long err = failed(p) ? (long)p : 0;
			      if (!err && touch)
				      *(volatile char *)p = 1;
			      err ? err : sys1(NR_shmdt, p);
		      }));
	sys3(NR_shmctl, id, IPC_RMID, 0);
	return t;
}

static ops_ticks shm_bare(unsigned n)
{
	return shm_attach(n, 0);
}

static ops_ticks shm_used(unsigned n)
{
	return shm_attach(n, 1);
}

/* ---- another's memory --------------------------------------------------------------------- */

static ops_ticks peer(unsigned n, long nr, size_t size)
{
	char *p = map(2 * size);
	struct iovec_k here = { p, size }, there = { p + size, size };
	long pid = sys0(NR_getpid);
	ops_ticks t;

	if (failed(p))
		return (long)p;
	ops_write(p, (unsigned)(2 * size / PAGE));
	t = OPS_TIMED(n, sys6(nr, pid, (long)&here, 1, (long)&there, 1, 0));
	unmap(p, 2 * size);
	return t;
}

static ops_ticks peer_read(unsigned n)
{
	return peer(n, NR_process_vm_readv, PAGE);
}

static ops_ticks peer_read_16(unsigned n)
{
	return peer(n, NR_process_vm_readv, 16 * PAGE);
}

static ops_ticks peer_write(unsigned n)
{
	return peer(n, NR_process_vm_writev, PAGE);
}

/* ---- files of /proc ------------------------------------------------------------------------- */

static char text[8 * KiB];

/* Open, read once, close. */
static ops_ticks read_file(unsigned n, const char *path)
{
	return OPS_TIMED(n, ({
				 long fd = sys3(NR_open, (long)path, O_RDONLY, 0);
				 long got =
				     fd < 0 ? fd : sys3(NR_read, fd, (long)text, sizeof text);
				 sys1(NR_close, fd);
				 got;
			 }));
}

static ops_ticks read_maps(unsigned n)
{
	return read_file(n, "/proc/self/maps");
}

static ops_ticks read_smaps(unsigned n)
{
	return read_file(n, "/proc/self/smaps_rollup");
}

static ops_ticks read_statm(unsigned n)
{
	return read_file(n, "/proc/self/statm");
}

static ops_ticks read_status(unsigned n)
{
	return read_file(n, "/proc/self/status");
}

/* What 512 touched pages are, by one read. */
static ops_ticks read_pagemap(unsigned n)
{
	char *p = map(512 * PAGE);
	long fd = sys3(NR_open, (long)"/proc/self/pagemap", O_RDONLY, 0);
	unsigned long at = (unsigned long)p / PAGE * 8;
	ops_ticks t;

	if (fd < 0 || failed(p))
		return fd < 0 ? fd : (long)p;
	ops_write(p, 512);
	t = OPS_TIMED(n, sys5(NR_pread, fd, text, 4096, at, 0));
	unmap(p, 512 * PAGE);
	sys1(NR_close, fd);
	return t;
}

/* Forget what was written, then write 256 pages anew: each faults once. */
static ops_ticks soft_dirty(unsigned n)
{
	char *p = map(256 * PAGE);
	long fd = sys3(NR_open, (long)"/proc/self/clear_refs", O_WRONLY, 0);
	ops_ticks t;

	if (fd < 0 || failed(p))
		return fd < 0 ? fd : (long)p;
	ops_write(p, 256);
	t = OPS_TIMED(n, ({
			      long err = sys3(NR_write, fd, (long)"4", 1);
			      ops_write(p, 256);
			      err;
		      }));
	unmap(p, 256 * PAGE);
	sys1(NR_close, fd);
	return t;
}

const struct row call_share[] = {
	{ "memfd_create + close", memfd_bare, 100, 1, 9 },
	{ "memfd: create, size, map, write, unmap, close", memfd_used, 50, 1, 9 },
	{ "memfd: create, seal, ask, close", seal, 100, 1, 9 },
	{ "fallocate: punch a page out, put one in", hole, 100, 1, 9 },
	{ "shmget + shmctl RMID", shm_make, 100, 1, 9 },
	{ "shmat + shmdt", shm_bare, 100, 1, 9 },
	{ "shmat + write + shmdt", shm_used, 100, 1, 9 },
	{ "process_vm_readv, 4 KiB", peer_read, 100, 1, 9 },
	{ "process_vm_readv, 64 KiB", peer_read_16, 20, 1, 9 },
	{ "process_vm_writev, 4 KiB", peer_write, 100, 1, 9 },
	{ 0 },
};

const struct row call_proc[] = {
	{ "/proc/self/maps", read_maps, 20, 1, 9 },
	{ "/proc/self/smaps_rollup", read_smaps, 20, 1, 9 },
	{ "/proc/self/statm", read_statm, 50, 1, 9 },
	{ "/proc/self/status", read_status, 20, 1, 9 },
	{ "pagemap, 512 pages", read_pagemap, 20, 1, 9 },
	{ "clear_refs 4 + write, 256 pages", soft_dirty, 5, 1, 9 },
	{ 0 },
};
