/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c - rows about what files are called and what is known of them, and about descriptors.
 */
#include "ops.h"

enum { AT_FDCWD = -100, STATX_BASIC = 0x7ff, O_DIRECTORY = 0200000 };
enum { F_DUPFD = 0, F_SETFL = 4, F_SETLK = 6, F_UNLCK = 2, F_WRLCK = 1 };
enum { LOCK_EX = 2, LOCK_UN = 8, FIONREAD = 0x541b };

static u64 answer[512]; /* room for any */

#define NAME_ROW(name, call)               \
	static ops_ticks name(unsigned n)  \
	{                                  \
		return OPS_TIMED(n, call); \
	}

/* With a file of one page. */
#define FILE_ROW(name, call)                                    \
	static ops_ticks name(unsigned n)                       \
	{                                                       \
		int fd = ops_file("/ops.file", 1);              \
		ops_ticks t = fd < 0 ? fd : OPS_TIMED(n, call); \
                                                                \
		sys1(NR_close, fd);                             \
		sys1(NR_unlink, "/ops.file");                   \
		return t;                                       \
	}

static long dup_close(long fd)
{
	long copy = sys1(NR_dup, fd);

	return copy < 0 ? copy : sys1(NR_close, copy);
}

struct flock_k {
	short type, whence;
	long start, size;
	int pid;
};

static long lock(long fd)
{
	struct flock_k l = { F_WRLCK, 0, 0, 10, 0 };
	long err = sys3(NR_fcntl, fd, F_SETLK, (long)&l);

	l.type = F_UNLCK;
	return err < 0 ? err : sys3(NR_fcntl, fd, F_SETLK, (long)&l);
}

#define BOTH(a, b)                       \
	({                               \
		long err_a = (a);        \
		err_a < 0 ? err_a : (b); \
	})

FILE_ROW(stat_name, sys2(NR_stat, "/ops.file", answer))
FILE_ROW(stat_fd, sys2(NR_fstat, fd, answer))
FILE_ROW(stat_x, sys5(NR_statx, AT_FDCWD, "/ops.file", 0, STATX_BASIC, answer))
FILE_ROW(may, sys2(NR_access, "/ops.file", 4))
FILE_ROW(link_it, BOTH(sys2(NR_link, "/ops.file", "/ops.link"), sys1(NR_unlink, "/ops.link")))
FILE_ROW(rename_it,
	 sys2(NR_rename, i_ & 1 ? "/ops.two" : "/ops.file", i_ & 1 ? "/ops.file" : "/ops.two"))
FILE_ROW(duplicate, dup_close(fd))
FILE_ROW(duplicate_to, sys2(NR_dup2, fd, fd + 1))
FILE_ROW(flags, sys3(NR_fcntl, fd, F_SETFL, 0))
FILE_ROW(lock_range, lock(fd))
FILE_ROW(lock_whole, BOTH(sys2(NR_flock, fd, LOCK_EX), sys2(NR_flock, fd, LOCK_UN)))
FILE_ROW(cut, BOTH(sys2(NR_ftruncate, fd, 0), sys2(NR_ftruncate, fd, PAGE)))
FILE_ROW(waiting, sys3(NR_ioctl, fd, FIONREAD, (long)answer))
NAME_ROW(symbolic, BOTH(sys2(NR_symlink, "/proc", "/ops.link"),
			BOTH(sys3(NR_readlink, (long)"/ops.link", (long)answer, 64),
			     sys1(NR_unlink, "/ops.link"))))
NAME_ROW(directory, BOTH(sys2(NR_mkdir, "/ops.dir", 0755), sys1(NR_rmdir, "/ops.dir")))
NAME_ROW(change, sys1(NR_chdir, "/proc"))
NAME_ROW(absent, ({
		 long err_ = sys2(NR_stat, "/ops.none", answer);
		 err_ == -2 ? 0 : err_;
	 }))
NAME_ROW(unnamed, ({
		 long fd_ = sys3(NR_open, (long)"/", O_RDWR | O_TMPFILE, 0600);
		 fd_ < 0 ? fd_ : sys1(NR_close, fd_);
	 }))

/* A directory with 16 files, from its beginning. */
static ops_ticks list(unsigned n)
{
	char name[] = "/ops.dir/a";
	ops_ticks t;
	long fd;

	sys2(NR_mkdir, "/ops.dir", 0755);
	for (unsigned i = 0; i < 16; i++, name[9]++)
		sys1(NR_close, sys3(NR_open, (long)name, O_RDWR | O_CREAT, 0600));
	fd = sys3(NR_open, (long)"/ops.dir", O_DIRECTORY, 0);
	t = fd < 0 ? fd : OPS_TIMED(n, ({
					    sys3(NR_lseek, fd, 0, 0);
					    sys3(NR_getdents64, fd, (long)answer, sizeof answer);
				    }));
	sys1(NR_close, fd);
	while (name[9]-- > 'a')
		sys1(NR_unlink, name);
	sys1(NR_rmdir, "/ops.dir");
	return t;
}

const struct row other_name[] = {
	{ "stat", stat_name, 200, 1, 9 },
	{ "stat, not there", absent, 200, 1, 9 },
	{ "fstat", stat_fd, 200, 1, 9 },
	{ "statx", stat_x, 200, 1, 9 },
	{ "access", may, 200, 1, 9 },
	{ "chdir", change, 200, 1, 9 },
	{ "mkdir + rmdir", directory, 100, 1, 9 },
	{ "link + unlink", link_it, 100, 1, 9 },
	{ "rename", rename_it, 100, 1, 9 },
	{ "symlink + readlink + unlink", symbolic, 100, 1, 9 },
	{ "lseek + getdents64, 16 files", list, 50, 1, 9 },
	{ "open O_TMPFILE + close", unnamed, 100, 1, 9 },
	{ "ftruncate to nothing and back, 1 page", cut, 100, 1, 9 },
	{ "dup + close", duplicate, 200, 1, 9 },
	{ "dup2", duplicate_to, 200, 1, 9 },
	{ "fcntl F_SETFL", flags, 200, 1, 9 },
	{ "ioctl FIONREAD", waiting, 200, 1, 9 },
	{ "fcntl lock + unlock", lock_range, 100, 1, 9 },
	{ "flock + unlock", lock_whole, 100, 1, 9 },
	{ 0 },
};
