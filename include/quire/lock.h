/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lock.h - the spin lock of libquire.
 *
 * A ticket lock: first come, first served.  Locks have ranks, and a CPU waits for them in rising
 * rank only, so that no circle of waiters can form.
 *
 *	rank              taken
 *	QR_RANK_SPACE     in stage S0 (mm/space_lock.h), a whole operation runs under it; a fork
 *	                  takes the parent's, then the child's
 *	QR_RANK_TABLE     page tables, in pre-order; a paging tree
 *	QR_RANK_MAPPINGS  a space's mappings, in stage S1
 *	QR_RANK_OBJECT    an object's page list and mappings
 *	QR_RANK_HEAP      a heap's central lists
 *	QR_RANK_POOL      a pool's slabs
 *	QR_RANK_LEAF      nothing is taken under it
 *
 * Debug builds panic when a lock is taken again by its holder or released by another CPU.  The
 * order of ranks is checked where the host keeps a list for each CPU (QR_HOST_CHECKS_LOCKS; mm/ has
 * no globals), as the tests do.
 *
 * On a host whose CPUs are threads (QR_HOST_SLEEPS) whose turn it is may not be running, so there
 * who comes while the lock is free has it, and who waits sleeps.  A release looks whether somebody
 * does.  There is no barrier between its store and that look, so it may miss one who is about to
 * fall asleep: who sleeps looks again after a millisecond.
 *
 * With QR_MAX_CPUS = 1 there is nobody to wait for: acquire and release are empty, and only the
 * _irq forms do something (they turn interrupts off).  So one source serves both kernels.
 */
#ifndef QUIRE_LOCK_H
#define QUIRE_LOCK_H

#include <quire/atomic.h>
#include <quire/host.h>

enum qr_rank {
	QR_RANK_SPACE = 1,
	QR_RANK_TABLE,
	QR_RANK_MAPPINGS,
	QR_RANK_OBJECT,
	QR_RANK_HEAP,
	QR_RANK_POOL,
	QR_RANK_LEAF,
	QR_RANKS
};

struct qr_lock {
#ifdef QR_HOST_SLEEPS
	uint32_t taken, sleepers;
#else
	uint32_t next, serving; /* tickets: the next to hand out, the one being served */
#endif
#ifdef QR_DEBUG
	uint32_t rank;
	uint32_t holder; /* CPU + 1; 0: nobody */
#endif
};

#if defined(QR_DEBUG) && defined(QR_HOST_CHECKS_LOCKS)
/* Told before this CPU waits for a lock, when it has one (waited for or not), and before it lets go
 * of one: the host keeps count, and panics where the ranks do not rise. */
void qr_host_lock_wanted(enum qr_rank rank);
void qr_host_lock_taken(enum qr_rank rank);
void qr_host_lock_dropped(enum qr_rank rank);
#else
#define qr_host_lock_wanted(rank)  ((void)0)
#define qr_host_lock_taken(rank)   ((void)0)
#define qr_host_lock_dropped(rank) ((void)0)
#endif

/* The CPU that runs this; with one CPU a constant, which lets the compiler drop the indexing. */
QR_INLINE unsigned qr_cpu(void)
{
#if QR_MAX_CPUS > 1
	return qr_host_cpu();
#else
	return 0;
#endif
}

QR_INLINE void qr_lock_init(struct qr_lock *l, enum qr_rank rank)
{
	*l = (struct qr_lock){ 0 };
#ifdef QR_DEBUG
	l->rank = rank;
#else
	(void)rank;
#endif
}

/* ---- the word itself ------------------------------------------------------------------------- */

#if QR_MAX_CPUS == 1
#define qr_lock_word_take(l) ((void)(l))
#define qr_lock_word_try(l)  ((void)(l), true)
#define qr_lock_word_drop(l) ((void)(l))
#elif defined(QR_HOST_SLEEPS)
QR_INLINE bool qr_lock_word_try(struct qr_lock *l)
{
	uint32_t no = 0;

	return qr_cas32(&l->taken, &no, 1);
}

QR_INLINE void qr_lock_word_take(struct qr_lock *l)
{
	while (QR_RARELY(!qr_lock_word_try(l)))
		qr_host_sleep(&l->taken, 1, &l->sleepers);
}

QR_INLINE void qr_lock_word_drop(struct qr_lock *l)
{
	qr_store_rel32(&l->taken, 0);
	if (QR_RARELY(qr_load32(&l->sleepers)))
		qr_host_wake(&l->taken);
}
#else
QR_INLINE bool qr_lock_word_try(struct qr_lock *l)
{
	uint32_t now = qr_load32(&l->serving), ticket = now;

	if (!qr_cas32(&l->next, &ticket, now + 1))
		return false;
	(void)qr_load_acq32(&l->serving);
	return true;
}

QR_INLINE void qr_lock_word_take(struct qr_lock *l)
{
	uint32_t ticket = qr_add32(&l->next, 1);

	while (QR_RARELY(qr_load_acq32(&l->serving) != ticket))
		qr_host_relax();
}

QR_INLINE void qr_lock_word_drop(struct qr_lock *l)
{
	qr_store_rel32(&l->serving, qr_load32(&l->serving) + 1);
}
#endif

/* ---- locks ----------------------------------------------------------------------------------- */

/* Take the lock.  Context: interrupts may be on only if no interrupt handler takes it. */
QR_INLINE void qr_lock_acquire(struct qr_lock *l)
{
	qr_host_lock_wanted(l->rank);
	qr_lock_word_take(l);
#ifdef QR_DEBUG
	QR_ASSERT(!qr_load32(&l->holder), "a lock is taken once, not again by its holder");
	qr_store32(&l->holder, qr_cpu() + 1);
	qr_host_lock_taken(l->rank);
#endif
}

/* True: the lock is ours.  False: somebody holds it; nothing was changed. */
QR_INLINE QR_MUST_CHECK bool qr_lock_try(struct qr_lock *l)
{
	if (!qr_lock_word_try(l))
		return false;
#ifdef QR_DEBUG
#if QR_MAX_CPUS == 1
	if (l->holder)
		return false;
#endif
	qr_store32(&l->holder, qr_cpu() + 1);
	qr_host_lock_taken(l->rank);
#endif
	return true;
}

QR_INLINE void qr_lock_release(struct qr_lock *l)
{
#ifdef QR_DEBUG
	QR_ASSERT(qr_load32(&l->holder) == qr_cpu() + 1, "a lock is released by its holder");
	qr_host_lock_dropped(l->rank);
	qr_store32(&l->holder, 0);
#endif
	qr_lock_word_drop(l);
}

/* The same, with interrupts off on this CPU from before until after.  Hand the answer back. */
QR_INLINE uintptr_t qr_lock_acquire_irq(struct qr_lock *l)
{
	uintptr_t state = qr_host_irq_save();

	qr_lock_acquire(l);
	return state;
}

QR_INLINE void qr_lock_release_irq(struct qr_lock *l, uintptr_t state)
{
	qr_lock_release(l);
	qr_host_irq_restore(state);
}

/* For functions that are called with the lock held: says so, and in debug builds checks. */
QR_INLINE void qr_lock_assert_held(const struct qr_lock *l)
{
#ifdef QR_DEBUG
	QR_ASSERT(qr_load32(&l->holder) == qr_cpu() + 1, "the caller holds the lock");
#else
	(void)l;
#endif
}

#endif
