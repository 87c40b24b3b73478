/* SPDX-License-Identifier: BSD-2-Clause
 *
 * map.c - rows about mappings: making, removing, changing and moving them.
 */
#include "ops.h"

static ops_ticks map_unmap(unsigned n, size_t size, unsigned touch)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		char *p = map(size);

		if (failed(p))
			return (long)p;
		if (touch)
			ops_write(p, touch);
		unmap(p, size);
	}
	return ops_since(start, n * (1 + touch));
}

static ops_ticks map_4k(unsigned n)
{
	return map_unmap(n, PAGE, 0);
}

static ops_ticks map_1m(unsigned n)
{
	return map_unmap(n, MiB, 0);
}

static ops_ticks map_1g(unsigned n)
{
	return map_unmap(n, GiB, 0);
}

static ops_ticks map_4k_touch(unsigned n)
{
	return map_unmap(n, PAGE, 1);
}

static ops_ticks map_1m_touch(unsigned n)
{
	return map_unmap(n, MiB, MiB / PAGE);
}

static ops_ticks unmap_touched(unsigned n)
{
	size_t size = n * PAGE;
	char *p = map(size);
	u64 start;

	if (failed(p))
		return (long)p;
	ops_write(p, n);
	start = ticks();
	unmap(p, size);
	return (ops_ticks)(ticks() - start);
}

/* Rights of `count` pages from `first` of a touched mapping of `total`, to and fro. */
static ops_ticks protect(unsigned n, unsigned total, unsigned first, unsigned count)
{
	char *p = map(total * PAGE), *at = p + first * PAGE;
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	ops_write(p, total);
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		sys3(NR_mprotect, (long)at, (long)(count * PAGE),
		     i & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
	t = ops_since(start, n);
	unmap(p, total * PAGE);
	return t;
}

static ops_ticks protect_1(unsigned n)
{
	return protect(n, 1, 0, 1);
}

static ops_ticks protect_1024(unsigned n)
{
	return protect(n, 1024, 0, 1024);
}

static ops_ticks protect_inner(unsigned n)
{
	return protect(n, 1024, 300, 1);
}

static ops_ticks brk_step(unsigned n, int touch)
{
	char *end = (char *)sys1(NR_brk, 0);
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		if (sys1(NR_brk, end + PAGE) != (long)(end + PAGE))
			return -12;
		if (touch)
			*(volatile char *)end = 1;
		sys1(NR_brk, end);
	}
	return ops_since(start, n);
}

static ops_ticks brk_bare(unsigned n)
{
	return brk_step(n, 0);
}

static ops_ticks brk_touch(unsigned n)
{
	return brk_step(n, 1);
}

/* Grow into free space behind, and shrink again: two calls. */
static ops_ticks remap_grow(unsigned n)
{
	char *p = map(16 * PAGE);
	ops_ticks t;
	u64 start;

	if (failed(p))
		return (long)p;
	unmap(p + 8 * PAGE, 8 * PAGE);
	ops_write(p, 8);
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		if (sys4(NR_mremap, p, 8 * PAGE, 16 * PAGE, 0) != (long)p)
			return -12;
		sys4(NR_mremap, p, 16 * PAGE, 8 * PAGE, 0);
	}
	t = ops_since(start, n);
	unmap(p, 8 * PAGE);
	return t;
}

static ops_ticks remap_move(unsigned n, unsigned npages)
{
	size_t size = npages * PAGE;
	char *a = map(size), *b = map(size);
	ops_ticks t;
	u64 start;

	if (failed(a) || failed(b))
		return -12;
	ops_write(a, npages);
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		char *to = i & 1 ? a : b;
		long at = sys6(NR_mremap, (long)(i & 1 ? b : a), (long)size, (long)size,
			       MREMAP_MAYMOVE | MREMAP_FIXED, (long)to, 0);

		if (at != (long)to)
			return at < 0 ? at : -14;
	}
	t = ops_since(start, n);
	unmap(a, size);
	unmap(b, size);
	return t;
}

static ops_ticks remap_1(unsigned n)
{
	return remap_move(n, 1);
}

static ops_ticks remap_1024(unsigned n)
{
	return remap_move(n, 1024);
}

const struct row rows_map[] = {
	{ "mmap + munmap, 4 KiB", map_4k, 200, 1, 9 },
	{ "mmap + munmap, 1 MiB", map_1m, 200, 1, 9 },
	{ "mmap + munmap, 1 GiB", map_1g, 200, 1, 9 },
	{ "mmap + write + munmap, 4 KiB", map_4k_touch, 200, 1, 9 },
	{ "mmap + write + munmap, 1 MiB, a page", map_1m_touch, 2, 256, 9 },
	{ "munmap, a touched page of 1024", unmap_touched, 1024, 1, 9 },
	{ "mprotect, 1 page", protect_1, 200, 1, 9 },
	{ "mprotect, 1024 pages", protect_1024, 20, 1, 9 },
	{ "brk, a page up and down", brk_bare, 200, 1, 9 },
	{ "mremap, 8 pages to 16 in place and back", remap_grow, 100, 1, 9 },
	{ "mremap, move 1 page", remap_1, 100, 1, 9 },
	{ "mremap, move 1024 pages", remap_1024, 10, 1, 9 },
	{ 0 },
};

const struct row more_map[] = {
	{ "mprotect, 1 page within 1024", protect_inner, 200, 1, 9 },
	{ "brk, a page up, written, and down", brk_touch, 200, 1, 9 },
	{ 0 },
};
