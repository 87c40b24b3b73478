/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pool_check.c - the invariants I1 .. I4 that pool.c states.
 */
#include "mm/pool_impl.h"

static uint32_t count_bits(const struct qr_pool *p, const struct qr_slab *s)
{
	uint32_t n = 0;

	for (uint32_t w = 0; w < words_for(p->perslab); w++)
		n += (uint32_t)__builtin_popcountl(s->bits[w]);
	return n;
}

static const char *check_locked(const struct qr_pool *p)
{
	uint32_t nfree = 0, tail = p->perslab % QR_WORD_BITS;
	const struct qr_slab *prev = NULL;

	for (const struct qr_slab *s = p->partial; s; prev = s, s = s->next) {
		if (s->pool != p || s->prev != prev || s->nfree == 0 || s->nfree > p->perslab)
			return "I1: a slab on the list is the pool's and has free objects";
		if (s->nfree != count_bits(p, s))
			return "I1: a slab's count is the number of its free bits";
		if (tail && s->bits[words_for(p->perslab) - 1] >> tail)
			return "I2: there is no object beyond the last";
		nfree += s->nfree;
	}
	if (nfree != p->avail + p->reserved)
		return "I3: free objects are available or reserved";
	if (nfree > p->nslabs * p->perslab)
		return "I4: there are not more free objects than objects";
	return NULL;
}

const char *qr_pool_check(struct qr_pool *p)
{
	uintptr_t irq = qr_lock_acquire_irq(&p->lock);
	const char *broken = check_locked(p);

	qr_lock_release_irq(&p->lock, irq);
	return broken;
}
