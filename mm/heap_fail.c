/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_fail.c - for tests: the n-th allocation fails.
 *
 * While armed, nobody has magazines: every allocation and every free takes the slow path, where
 * counting costs nobody anything.  They come back with the first need after the refusal.
 */
#include "mm/heap_impl.h"

void qr_heap_fail_after(struct qr_heap *h, uint32_t n)
{
	h->failed = 0;
	h->fail_after = n;
	if (!n)
		return;
	for (struct qr_heap_local *l = h->locals; l; l = l->next)
		qr_heap_strip(h, l);
	qr_heap_drain(h);
}

uint32_t qr_heap_failed(const struct qr_heap *h)
{
	return h->failed;
}

bool qr_heap_refuse(struct qr_heap *h)
{
	if (--h->fail_after)
		return false;
	h->failed++;
	return true;
}
