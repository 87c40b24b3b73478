/* SPDX-License-Identifier: BSD-2-Clause
 *
 * move.c - rows about bytes that go from one file to another without the program in between.
 */
#include "ops.h"

static char page[PAGE] __attribute__((aligned(4096)));

/* What the rows move between: a file of 16 pages, another one, two pipes, and the null device. */
static struct {
	int file, other, null, a[2], b[2];
} f;

static long prepare(void)
{
	f.file = ops_file("/ops.file", 16);
	f.other = ops_file("/ops.other", 16);
	sys3(NR_mknod, (long)"/dev/null", 020666, 1 << 8 | 3);
	f.null = (int)sys3(NR_open, (long)"/dev/null", O_RDWR, 0);
	if (f.file < 0 || f.other < 0 || f.null < 0)
		return -2;
	return sys1(NR_pipe, f.a) < 0 ? -24 : sys1(NR_pipe, f.b);
}

static void clear_away(void)
{
	sys1(NR_close, f.file);
	sys1(NR_close, f.other);
	sys1(NR_close, f.null);
	for (unsigned i = 0; i < 2; i++) {
		sys1(NR_close, f.a[i]);
		sys1(NR_close, f.b[i]);
	}
	sys1(NR_unlink, "/ops.file");
	sys1(NR_unlink, "/ops.other");
}

#define MOVE_ROW(name, call)                        \
	static ops_ticks name(unsigned n)           \
	{                                           \
		ops_ticks t = prepare();            \
                                                    \
		t = t < 0 ? t : OPS_TIMED(n, call); \
		clear_away();                       \
		return t;                           \
	}

#define SEND(to, size)                                    \
	({                                                \
		long at_[2] = { 0, 0 };                   \
		sys4(NR_sendfile, to, f.file, at_, size); \
	})
#define SPLICE(from, at, to, size) sys6(NR_splice, from, (long)(at), to, 0, size, 0)
#define DRAIN(pipe, size)          SPLICE((pipe)[0], 0, f.null, size)

static long send_again(void)
{
	long err = SEND(f.other, 16 * PAGE);

	return err < 0 ? err : sys3(NR_lseek, f.other, 0, 0);
}

static long copy_range(size_t size)
{
	u64 from = 0, to = 0;

	return sys6(NR_copy_file_range, f.file, (long)&from, f.other, (long)&to, (long)size, 0);
}

static long splice_page(void)
{
	u64 at = 0;
	long err = SPLICE(f.file, &at, f.a[1], PAGE);

	return err < 0 ? err : DRAIN(f.a, PAGE);
}

/* A page from one pipe to the other as a duplicate; then both are emptied. */
static long tee_page(void)
{
	long err;

	sys3(NR_write, f.a[1], (long)page, PAGE);
	err = sys4(NR_tee, f.a[0], f.b[1], PAGE, 0);
	DRAIN(f.a, PAGE);
	return err < 0 ? err : DRAIN(f.b, PAGE);
}

static long splice_pipes(void)
{
	long err;

	sys3(NR_write, f.a[1], (long)page, 1);
	err = SPLICE(f.a[0], 0, f.b[1], 1);
	return err < 0 ? err : sys3(NR_read, f.b[0], (long)page, 1);
}

static long vmsplice_page(void)
{
	struct iovec_k v = { page, PAGE };
	long err = sys4(NR_vmsplice, f.a[1], &v, 1, 0);

	return err < 0 ? err : DRAIN(f.a, PAGE);
}

MOVE_ROW(send_page, SEND(f.null, PAGE))
MOVE_ROW(send_16, send_again())
MOVE_ROW(copy_page, copy_range(PAGE))
MOVE_ROW(copy_16, copy_range(16 * PAGE))
MOVE_ROW(splice_file, splice_page())
MOVE_ROW(splice_byte, splice_pipes())
MOVE_ROW(tee, tee_page())
MOVE_ROW(vmsplice, vmsplice_page())

const struct row other_move[] = {
	{ "sendfile, 4 KiB to the null device", send_page, 100, 1, 9 },
	{ "sendfile, 64 KiB to a file", send_16, 20, 1, 9 },
	{ "copy_file_range, 4 KiB", copy_page, 100, 1, 9 },
	{ "copy_file_range, 64 KiB", copy_16, 20, 1, 9 },
	{ "splice, 4 KiB of a file to a pipe and on", splice_file, 100, 1, 9 },
	{ "write, splice to another pipe, read, 1 byte", splice_byte, 100, 1, 9 },
	{ "write, tee and splice twice, 4 KiB", tee, 100, 1, 9 },
	{ "vmsplice, 4 KiB, and splice on", vmsplice, 100, 1, 9 },
	{ 0 },
};
