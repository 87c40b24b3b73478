/* SPDX-License-Identifier: BSD-2-Clause
 *
 * file.c - rows about files in memory, and the file that other rows map.
 */
#include "ops.h"

static char page[PAGE];

int ops_file(const char *path, unsigned npages)
{
	int fd = (int)sys3(NR_open, (long)path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return fd;
	for (unsigned i = 0; i < sizeof page; i++)
		page[i] = 1;
	for (unsigned i = 0; i < npages; i++)
		if (sys3(NR_write, fd, (long)page, PAGE) != (long)PAGE) {
			sys1(NR_close, fd);
			return -28;
		}
	return fd;
}

static ops_ticks open_close(unsigned n)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		long fd = sys3(NR_open, (long)ops_path, O_RDONLY, 0);

		if (fd < 0)
			return fd;
		sys1(NR_close, fd);
	}
	return ops_since(start, n);
}

static ops_ticks transfer(unsigned n, long nr, size_t size)
{
	int fd = ops_file("/ops.file", 1);
	ops_ticks t;
	u64 start;

	if (fd < 0)
		return fd;
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		sys3(NR_lseek, fd, 0, 0);
		sys3(nr, fd, (long)page, (long)size);
	}
	t = ops_since(start, n);
	sys1(NR_close, fd);
	sys1(NR_unlink, "/ops.file");
	return t;
}

static ops_ticks read_byte(unsigned n)
{
	return transfer(n, NR_read, 1);
}

static ops_ticks read_page(unsigned n)
{
	return transfer(n, NR_read, PAGE);
}

static ops_ticks write_page(unsigned n)
{
	return transfer(n, NR_write, PAGE);
}

static ops_ticks create_unlink(unsigned n)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		int fd = (int)sys3(NR_open, (long)"/ops.new", O_RDWR | O_CREAT, 0600);

		if (fd < 0)
			return fd;
		sys1(NR_close, fd);
		sys1(NR_unlink, "/ops.new");
	}
	return ops_since(start, n);
}

const struct row more_file[] = {
	{ "open + close", open_close, 200, 1, 9 },
	{ "create + close + unlink", create_unlink, 100, 1, 9 },
	{ "lseek + read, 1 byte", read_byte, 200, 1, 9 },
	{ "lseek + read, 4 KiB", read_page, 200, 1, 9 },
	{ "lseek + write, 4 KiB", write_page, 200, 1, 9 },
	{ 0 },
};
