/* SPDX-License-Identifier: BSD-2-Clause
 *
 * epoch.h - when may memory be used anew that others may be looking at without a lock?
 *
 * A descent through tables takes no lock: a table that somebody unhooks meanwhile must stay a
 * table, if an empty one, until every CPU that may have seen it has looked away.
 *
 *	who looks	enter   inside = now        (a locked store to a line of its own)
 *			look, lock what was found, look again whether it is still there
 *			exit    inside = 0
 *	who unhooks	unhook, then t = ++now: who enters from here on cannot find it
 *			free it once no CPU is inside since before t
 *
 *	now     1        3               5
 *	CPU 0   ───[ enter ......... exit ]────────   inside = 1: what was unhooked at 3 waits
 *	CPU 1   ──────────── unhook ──┘ ... free      until here
 *
 * It is not counted at context switches but announced at each descent: a library does not know
 * when its callers are quiet, a CPU that idles holds nobody up, and where nobody looks, what is
 * unhooked is free at once.
 *
 * Context: enter to exit on one CPU, without sleeping; not nested.
 * Cost: enter one exchange, exit one store; asking, a load for each CPU.
 * Source: Fraser, "Practical lock-freedom" (2004).
 */
#ifndef QUIRE_EPOCH_H
#define QUIRE_EPOCH_H

#include <quire/atomic.h>
#include <quire/lock.h>

struct qr_epoch_cpu {
	qr_word inside; /* since when; 0: it does not look */
} __attribute__((aligned(64)));

struct qr_epochs {
	qr_word now; /* odd, so that it is never 0 */
	unsigned ncpus;
	struct qr_epoch_cpu cpu[QR_MAX_CPUS];
};

QR_INLINE void qr_epochs_init(struct qr_epochs *e, unsigned ncpus)
{
	e->now = 1;
	e->ncpus = ncpus;
	for (unsigned n = 0; n < ncpus; n++)
		e->cpu[n].inside = 0;
}

/* The exchange is also the fence: the descent begins after it. */
QR_INLINE void qr_epoch_enter(struct qr_epochs *e)
{
	qr_word *inside = &e->cpu[qr_cpu()].inside;

	QR_ASSERT_DEBUG(!qr_load_word(inside), "a CPU looks at one thing at a time");
	(void)__atomic_exchange_n(inside, qr_load_word(&e->now), __ATOMIC_SEQ_CST);
}

QR_INLINE void qr_epoch_exit(struct qr_epochs *e)
{
	qr_store_rel_word(&e->cpu[qr_cpu()].inside, 0);
}

/* Something has been unhooked: answers what to ask qr_epoch_passed about. */
QR_INLINE qr_word qr_epoch_retire(struct qr_epochs *e)
{
	return __atomic_add_fetch(&e->now, 2, __ATOMIC_SEQ_CST);
}

/* Can nobody be looking any more at what was retired then? */
QR_INLINE bool qr_epoch_passed(const struct qr_epochs *e, qr_word retired)
{
	for (unsigned n = 0; n < e->ncpus; n++) {
		qr_word inside = __atomic_load_n(&e->cpu[n].inside, __ATOMIC_SEQ_CST);

		if (inside && (intptr_t)(inside - retired) < 0)
			return false;
	}
	return true;
}

#endif
