/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_fail.c - for tests: the n-th allocation fails.
 *
 * While armed, magazines have no room: every allocation and every free takes the slow path, where
 * counting costs nobody anything.  The refusal itself gives them their room back.
 */
#include "mm/heap_impl.h"

static void set_room(struct qr_heap *h, bool room)
{
	for (unsigned cpu = 0; cpu < h->ncpus; cpu++)
		for (unsigned c = 0; c < QR_HEAP_CLASSES; c++) {
			struct qr_heap_magazine *m = h->local[cpu].mag[c];

			if (m != &qr_heap_no_magazine)
				qr_store32(&m->cap, room ? h->class[c].cap : 0);
		}
}

void qr_heap_fail_after(struct qr_heap *h, uint32_t n)
{
	h->failed = 0;
	h->fail_after = n;
	for (unsigned cpu = 0; n && cpu < h->ncpus; cpu++)
		qr_heap_flush(h, cpu);
	set_room(h, n == 0);
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
	set_room(h, true);
	return true;
}
