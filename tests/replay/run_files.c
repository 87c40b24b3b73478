/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run_files.c - the calls about files: what is mapped is also read, written, cut and sealed.
 *
 * File n of a script has one descriptor, FIRST_FD + n.  A file is a memfd, or one in the directory
 * where the program runs, which has to be a tmpfs, without a name.
 */
#include "tests/replay/run.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST_FD = 40 };

int fd_of(long file)
{
	return file < 0 ? -1 : FIRST_FD + (int)file;
}

static long into(long file, long fd)
{
	long err;

	if (fd < 0)
		return fd;
	err = SYS(dup2, fd, fd_of(file));
	SYS(close, fd);
	return err < 0 ? err : 0;
}

#ifdef __x86_64__
#define SPLIT(n) (n)
#define SYS_cut  SYS_ftruncate
#else
#define SPLIT(n) (n), (n) < 0 ? -1 : 0 /* 64 bits in two registers */
#define SYS_cut  SYS_ftruncate64
#endif

enum { OPEN_MEMFD, OPEN_SEALABLE, OPEN_FILE };

long run_open(const struct step *s, long *a)
{
	const char name[] = { 'f', (char)('0' + a[0]), 0 };
	long fd;

	(void)s;
	if (a[1] == OPEN_FILE) {
		fd = SYS(open, P(name), O_RDWR | O_CREAT | O_EXCL, 0600);
		SYS(unlink, P(name));
	} else {
		fd = SYS(memfd_create, P(name), a[1] == OPEN_SEALABLE ? MFD_ALLOW_SEALING : 0);
	}
	fd = into(a[0], fd);
	return fd < 0 ? fd : SYS(cut, fd_of(a[0]), SPLIT(a[2]));
}

/* The same file with other rights. */
long run_reopen(const struct step *s, long *a)
{
	char path[] = "/proc/self/fd/40";

	(void)s;
	path[15] = (char)('0' + a[1]);
	return a[1] < 0 ? -EBADF : into(a[0], SYS(open, P(path), a[2]));
}

long run_close(const struct step *s, long *a)
{
	(void)s;
	return SYS(close, fd_of(a[0]));
}

long run_truncate(const struct step *s, long *a)
{
	(void)s;
	return SYS(cut, fd_of(a[0]), SPLIT(a[1]));
}

/* Pages that are reserved are there for Quire; for Linux, when they have been read through a mapping. */
static void read_reserved(long file, long offset, long size)
{
	char path[] = "/proc/self/fd/40";
	long fd, at, start = offset & -PAGE;
	uint64_t limit[2], none[2], value;
	struct fault f;

	size += offset - start;
	SYS(prlimit64, 0, RLIMIT_AS, 0, P(limit)); /* the script's own is not meant for this */
	none[0] = none[1] = limit[1];
	SYS(prlimit64, 0, RLIMIT_AS, P(none), 0);
	path[15] = (char)('0' + file);
	fd = SYS(open, P(path), O_RDONLY);
#ifdef __x86_64__
	at = SYS(mmap, 0, size, PROT_READ, MAP_SHARED, fd, start);
#else
	at = SYS(mmap2, 0, size, PROT_READ, MAP_SHARED, fd, start / PAGE);
#endif
	for (long n = 0; (unsigned long)at < -4095ul && n < size; n += PAGE)
		touch_read((uintptr_t)(at + n), &value, &f);
	if ((unsigned long)at < -4095ul)
		SYS(munmap, at, size);
	SYS(close, fd);
	SYS(prlimit64, 0, RLIMIT_AS, P(limit), 0);
}

long run_fallocate(const struct step *s, long *a)
{
	long err = SYS(fallocate, fd_of(a[0]), a[1], SPLIT(a[2]), SPLIT(a[3]));

	(void)s;
	board->kept |= !err && a[1] == FALLOC_FL_KEEP_SIZE;
	if (!err && !(a[1] & FALLOC_FL_PUNCH_HOLE))
		read_reserved(a[0], a[2], a[3]);
	return err;
}

/* read and write through the memory of the script, which may not be there */
long run_pread(const struct step *s, long *a)
{
	(void)s;
	if (!accessible((uintptr_t)a[1], (uintptr_t)a[2], 'w'))
		return OUTSIDE;
	return SYS(pread64, fd_of(a[0]), a[1], a[2], SPLIT(a[3]));
}

long run_pwrite(const struct step *s, long *a)
{
	(void)s;
	if (!accessible((uintptr_t)a[1], (uintptr_t)a[2], 'r'))
		return OUTSIDE;
	return SYS(pwrite64, fd_of(a[0]), a[1], a[2], SPLIT(a[3]));
}

/* One word written, from memory that is there. */
long run_put(const struct step *s, long *a)
{
	uint64_t word = word_of(board->at);

	(void)s;
	return SYS(pwrite64, fd_of(a[0]), P(&word), sizeof(word), SPLIT(a[1]));
}

long run_copy(const struct step *s, long *a)
{
	int64_t from = a[1], to = a[3];

	(void)s;
	return SYS(copy_file_range, fd_of(a[0]), P(&from), fd_of(a[2]), P(&to), a[4], 0);
}

bool other_device(const long *a)
{
	struct stat from, to;

	return !fstat(fd_of(a[0]), &from) && !fstat(fd_of(a[2]), &to) && from.st_dev != to.st_dev;
}

long run_seal(const struct step *s, long *a)
{
	long err = SYS(fcntl, fd_of(a[0]), F_ADD_SEALS, a[1]);

	(void)s;
	return err ? err : SYS(fcntl, fd_of(a[0]), F_GET_SEALS);
}

/* ---- at the end -------------------------------------------------------------------------- */

static uint64_t hash_file(int fd)
{
	static uint64_t page[PAGE / 8];
	uint64_t h = 0;
	long got;

	for (long at = 0; (got = SYS(pread64, fd, P(page), PAGE, SPLIT(at))) > 0; at += got)
		for (long i = 0; i < got / 8; i++)
			if (page[i])
				h = (h + page[i] + (uint64_t)(at / 8 + i)) * 0x9e3779b97f4a7c15;
	return h;
}

static void say_file(int n)
{
	struct stat st;

	if (fstat(fd_of(n), &st))
		return;
	say("  f");
	say_number(n);
	say(" size ");
	say_number(st.st_size);
	if (st.st_size <= ARENA_SIZE * PAGE) {
		say(" has ");
		say_hex(hash_file(fd_of(n)) & 0xffffffff);
	}
	say("\n");
}

void say_files(void)
{
	for (int n = 0; n < FILES; n++)
		say_file(n);
}
