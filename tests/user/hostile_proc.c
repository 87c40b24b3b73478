/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile_proc.c - nonsense written to all that may be written below /proc and /sys, and reads of it at odd
 * places.  What was there is put back; so it is for a machine of its own.
 */
#include "user.h"
#include <ftw.h>

static const char *const nonsense[] = {
	"",
	"\n",
	"-1",
	"0",
	"1",
	"2147483647",
	"2147483648",
	"4294967296",
	"-9223372036854775808",
	"99999999999999999999999",
	"0x10",
	"1 2 3",
	"yes",
	"always madvise",
	"%s%n",
	"\xff\xfe",
	"  7  ",
	"7x",
};

static int tried;
static void *volatile nowhere = (void *)8;

/* Reading from every kind of place: the end, beyond it, in the middle of a line. */
static void read_oddly(const char *path)
{
	static const off_t places[] = { 0, 1, 4095, 4097, 1 << 20, ((off_t)1 << 62), -1 };
	static char text[5000];
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < sizeof places / sizeof *places; i++) {
		(void)!pread(fd, text, 1 + i * 700, places[i]);
		(void)!pread(fd, nowhere, 4096, places[i]);
	}
	close(fd);
}

static void write_nonsense(const char *path)
{
	char before[4096], huge[8192];
	int fd = open(path, O_RDWR | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, before, sizeof before);

	if (fd < 0)
		fd = open(path, O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return;
	memset(huge, '9', sizeof huge);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		(void)!pwrite(fd, nonsense[i], strlen(nonsense[i]), 0);
		if (n > 0)
			(void)!pwrite(fd, before, (size_t)n, 0);
	}
	(void)!pwrite(fd, huge, sizeof huge, 0);
	(void)!pwrite(fd, "1", 1, (off_t)1 << 40);
	(void)!pwrite(fd, nowhere, 10, 0);
	if (n > 0)
		(void)!pwrite(fd, before, (size_t)n, 0);
	close(fd);
	tried++;
}

/* Those that a super-user may end the machine with, or all others' memory. */
static int is_deadly(const char *path)
{
	return strstr(path, "sysrq") || strstr(path, "min_free_kbytes") ||
	       strstr(path, "/self/mem") || strstr(path, "fail_after");
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	if (st->st_mode & 0444)
		read_oddly(path);
	if (st->st_mode & 0222 && !is_deadly(path))
		write_nonsense(path);
	return 0;
}

TEST("nonsense for all settings, and reads from all places")
{
	static const char *const trees[] = { "/proc/sys", "/proc/self", "/proc/quire", "/sys" };

	if (!on_quire())
		skip("the settings are of a machine that others use");
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++)
		nftw(trees[i], visit, 8, FTW_PHYS);
	read_oddly("/proc/kpageflags");
	read_oddly("/proc/kpagecount");
	read_oddly("/proc/self/mem");
	printf("# %d files written\n", tried);
	CHECK(tried > 20);
	CHECK_EQ(in_child((void (*)(void *))(void *)getpid, NULL), 0);
}
