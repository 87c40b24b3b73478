/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/uio.h"
#include "arch/x86/user.h"
#include "kernel/lib/string.h"

enum direction { PUT, GET, ZERO };

/* Bytes of one segment that did not come across. */
static size_t copy_some(struct uio *u, void *mine, size_t n, enum direction direction)
{
	if (u->kernel) {
		if (direction == PUT)
			memcpy(u->base, mine, n);
		else if (direction == GET)
			memcpy(mine, u->base, n);
		else
			memset(u->base, 0, n);
		return 0;
	}
	if (direction == PUT)
		return copy_to_user_some(u->base, mine, n);
	if (direction == GET)
		return copy_from_user_some(mine, u->base, n);
	return clear_user(u->base, n) ? n : 0;
}

static __attribute__((noinline)) size_t transfer(struct uio *u, void *mine, size_t n,
						 enum direction direction)
{
	size_t done = 0;

	if (n > u->left)
		n = u->left;
	while (done < n && !u->fault) {
		if (u->n == 0) {
			u->base = u->next->base;
			u->n = u->next->n;
			u->next++;
			continue;
		}
		size_t part = n - done < u->n ? n - done : u->n;
		size_t missed = copy_some(u, (char *)mine + done, part, direction);

		u->fault = missed != 0;
		part -= missed;
		u->base += part;
		u->n -= part;
		u->left -= part;
		done += part;
	}
	return done;
}

/* Most transfers are of one segment of a program's. */
static inline bool is_simple(const struct uio *u, size_t n)
{
	uint16_t kernel_or_fault;

	memcpy(&kernel_or_fault, &u->kernel, sizeof(kernel_or_fault));
	return QR_LIKELY(n <= u->n && !kernel_or_fault);
}

static inline size_t advance(struct uio *u, size_t n, size_t missed)
{
	if (QR_RARELY(missed)) {
		u->fault = true;
		n -= missed;
	}
	u->base += n;
	u->n -= n;
	u->left -= n;
	return n;
}

size_t uio_put(struct uio *u, const void *from, size_t n)
{
	return is_simple(u, n) ? advance(u, n, copy_to_user_some(u->base, from, n))
			       : transfer(u, (void *)from, n, PUT);
}

size_t uio_get(struct uio *u, void *to, size_t n)
{
	if (is_simple(u, n))
		return advance(u, n, copy_from_user_some(to, u->base, n));
	if (!u->kernel || n > uio_piece(u))
		return transfer(u, to, n, GET);
	memcpy(to, u->base, n);
	uio_skip(u, n);
	return n;
}

size_t uio_zero(struct uio *u, size_t n)
{
	return transfer(u, NULL, n, ZERO);
}
