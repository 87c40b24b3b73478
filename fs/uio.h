/* SPDX-License-Identifier: BSD-2-Clause
 *
 * uio.h - the memory on the other side of a transfer.
 *
 * read, readv, pread, sendfile, exec's reading of a header: all hand the file one `struct uio`,
 * which knows whose memory it is and how far the transfer has come.  The file copies from its
 * pages straight to the other side, and does not ask who called.
 *
 *	segments   [ 4096 ][ 10 ][ 300 ]
 *	               ▲ base, n: what is left of this one;  left: of all together
 *
 * The bytes of user memory may be absent or refuse: a copy then comes short, and stays short
 * (`fault`).  Context: tasks only; copying may fault pages in.
 */
#ifndef FS_UIO_H
#define FS_UIO_H

#include <quire/types.h>

struct uio_segment {
	void *base;
	size_t n;
};

struct uio {
	char *base;  /* next byte */
	size_t n;    /* bytes left in this segment */
	size_t left; /* bytes left in all, this one too */
	const struct uio_segment *next;
	bool kernel; /* memory of the kernel: never faults */
	bool fault;  /* user memory refused */
};
_Static_assert(offsetof(struct uio, fault) == offsetof(struct uio, kernel) + 1, "uio.c, is_simple");

static inline struct uio uio_user(const void *base, size_t n)
{
	return (struct uio){ .base = (char *)base, .n = n, .left = n };
}

static inline struct uio uio_kernel(const void *base, size_t n)
{
	return (struct uio){ .base = (char *)base, .n = n, .left = n, .kernel = true };
}

/* Copy n bytes (at most `left`) to the other side, from it, or zeroes to it; go forward.  The
 * answer is how many were copied: fewer only if user memory refused. */
size_t uio_put(struct uio *u, const void *from, size_t n);
size_t uio_get(struct uio *u, void *to, size_t n);
size_t uio_zero(struct uio *u, size_t n);

/* How many bytes lie at `base` in one piece; and go over n of them, which somebody moved himself. */
static inline size_t uio_piece(struct uio *u)
{
	for (; u->n == 0 && u->left; u->next++) {
		u->base = u->next->base;
		u->n = u->next->n;
	}
	return u->n;
}

static inline void uio_skip(struct uio *u, size_t n)
{
	u->base += n;
	u->n -= n;
	u->left -= n;
}

/* What a transfer answers when `done` bytes came across and then something failed. */
static inline long uio_result(size_t done, long error)
{
	return done ? (long)done : error;
}

#endif
