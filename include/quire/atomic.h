/* SPDX-License-Identifier: BSD-2-Clause
 *
 * atomic.h - the atomic operations that libquire uses, under short names.
 *
 * Each is one wrapper over a compiler builtin with its memory order written down, so that a
 * reader sees at the call what may be reordered.  Widths: 16 and 32 bits, and the word of the
 * machine.  There is no 64-bit operation on a 32-bit machine: cmpxchg8b would be needed, whose
 * compiler support takes a detour through x87 registers that a kernel must not touch.
 *
 *	load, store       relaxed: for counters and hints that are checked again later
 *	load_acq          what was stored before the matching store_rel is seen after this
 *	store_rel         everything before this is seen by who loads the value with load_acq
 *	cas               strong; acquire and release on success, relaxed on failure, when it
 *	                  writes the value found to *old
 *	add, and, or      answer the value from before; acquire and release
 */
#ifndef QUIRE_ATOMIC_H
#define QUIRE_ATOMIC_H

#include <quire/types.h>

/* One machine word: the widest unit that is loaded, stored and exchanged whole. */
typedef uintptr_t qr_word;
#define QR_WORD_BITS (8 * (unsigned)sizeof(qr_word))

#define QR_ATOMIC_OPS(suffix, type)                                                    \
	QR_INLINE type qr_load##suffix(const type *p)                                  \
	{                                                                              \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                           \
	}                                                                              \
	QR_INLINE type qr_load_acq##suffix(const type *p)                              \
	{                                                                              \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                           \
	}                                                                              \
	QR_INLINE void qr_store##suffix(type *p, type v)                               \
	{                                                                              \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);                              \
	}                                                                              \
	QR_INLINE void qr_store_rel##suffix(type *p, type v)                           \
	{                                                                              \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);                              \
	}                                                                              \
	QR_INLINE bool qr_cas##suffix(type *p, type *old, type v)                      \
	{                                                                              \
		return __atomic_compare_exchange_n(p, old, v, false, __ATOMIC_ACQ_REL, \
						   __ATOMIC_RELAXED);                  \
	}                                                                              \
	QR_INLINE type qr_xchg##suffix(type *p, type v)                                \
	{                                                                              \
		return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);                    \
	}                                                                              \
	QR_INLINE type qr_add##suffix(type *p, type v)                                 \
	{                                                                              \
		return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);                     \
	}                                                                              \
	QR_INLINE type qr_and##suffix(type *p, type v)                                 \
	{                                                                              \
		return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);                     \
	}                                                                              \
	QR_INLINE type qr_or##suffix(type *p, type v)                                  \
	{                                                                              \
		return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);                      \
	}

QR_ATOMIC_OPS(16, uint16_t)
QR_ATOMIC_OPS(32, uint32_t)
QR_ATOMIC_OPS(_word, qr_word)

#undef QR_ATOMIC_OPS

#endif
