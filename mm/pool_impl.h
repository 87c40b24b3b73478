/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool_impl.h - what a slab looks like, for pool.c and pool_check.c.
 */
#ifndef MM_POOL_IMPL_H
#define MM_POOL_IMPL_H

#include <quire/pool.h>

struct qr_slab {
	struct qr_pool *pool;
	struct qr_slab *next, *prev; /* the list of the partial; prev of the first is null */
	qr_frame frame;
	uint32_t nfree;
	qr_word bits[]; /* 1: free */
};

QR_INLINE uint32_t words_for(uint32_t n)
{
	return (n + QR_WORD_BITS - 1) / QR_WORD_BITS;
}

#endif
