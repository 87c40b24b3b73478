/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lock_order.c - that each CPU waits for locks in rising rank only (quire/lock.h).
 *
 * Only who waits can be a part of a circle: what a CPU got by a try may be of any rank.  Tables are
 * many, in pre-order; and a fork has two spaces.
 */
#include "lock_order.h"

#include <quire/lock.h>

#if defined(QR_DEBUG) && defined(QR_HOST_CHECKS_LOCKS)

static unsigned held[QR_MAX_CPUS][QR_RANKS];

void qr_host_lock_wanted(enum qr_rank rank)
{
	const unsigned *mine = held[qr_host_cpu()];

	for (unsigned r = rank + (rank <= QR_RANK_TABLE); r < QR_RANKS; r++)
		QR_ASSERT(!mine[r], "locks are taken in rising rank");
}

void qr_host_lock_taken(enum qr_rank rank)
{
	held[qr_host_cpu()][rank]++;
}

void qr_host_lock_dropped(enum qr_rank rank)
{
	held[qr_host_cpu()][rank]--;
}

void lock_order_forget(void)
{
	for (unsigned r = 0; r < QR_RANKS; r++)
		held[qr_host_cpu()][r] = 0;
}

#else

void lock_order_forget(void)
{
}

#endif
