/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_quick.h - alloc and free when a magazine can answer.
 *
 * A magazine is 32 words (in a process 64) at a multiple of its size.  Its objects end at the last
 * word, and the word below the first of them is 0; so a class with fewer objects to a magazine uses
 * the upper end of one.  The local's pointer behind the last object then tells all:
 *
 *	slot  0   ...  27  28  29  30  31
 *	                0  obj obj  -   -       cap 4, 2 objects
 *	                            ^top
 *	empty: the word below top is 0	   full: top is a multiple of a magazine's size
 *
 * `nothing` stands where no magazine is yet: it is empty and full at once.
 *
 * A free object carries a mark behind its first word.  A free that finds the mark is suspicious,
 * and only then is it worth looking whether the object is free already; a user's data that looks
 * like the mark is thus no error.
 */
#ifndef MM_HEAP_QUICK_H
#define MM_HEAP_QUICK_H

#include "mm/heap_impl.h"

#ifdef QR_HEAP_PROCESS
#define MAGAZINE_SLOTS 64u
#define MAGAZINE_WORTH 131072u /* bytes of objects in one, at most */
#else
#define MAGAZINE_SLOTS 32u
#define MAGAZINE_WORTH 4096u
#endif
#define MAGAZINE_BYTES (MAGAZINE_SLOTS * sizeof(qr_word))
#define MARK           0xf4eed0b1u

struct qr_heap_magazine {
	qr_word slot[MAGAZINE_SLOTS]; /* [0]: the next one, while in a list */
} __attribute__((aligned(MAGAZINE_SLOTS * sizeof(qr_word))));

extern const struct qr_heap_magazine qr_heap_nothing;
#define NOTHING ((qr_word *)(uintptr_t)&qr_heap_nothing.slot[MAGAZINE_SLOTS])

QR_INLINE struct qr_heap_local *this_local(struct qr_heap *h)
{
#ifdef QR_HEAP_PROCESS
	(void)h;
	return qr_host_heap_local();
#else
	return &h->cpu[qr_cpu()];
#endif
}

QR_INLINE bool is_full(const qr_word *top)
{
	return ((uintptr_t)top & (MAGAZINE_BYTES - 1)) == 0;
}

/* In debug builds what is free, and what was just given out, holds a pattern. */
QR_INLINE void poison(const struct qr_heap *h, unsigned class, uintptr_t p, int pattern)
{
#ifdef QR_DEBUG
	__builtin_memset((void *)p, pattern, h->class[class].size);
#else
	(void)h, (void)class, (void)p, (void)pattern;
#endif
}

#define FREED 0x5f
#define FRESH 0xa7

#ifdef QR_HEAP_HARDENED
#include "mm/heap_hardened.h"
#else
QR_INLINE uint32_t *mark_at(uintptr_t p)
{
	return (uint32_t *)(p + sizeof(qr_word));
}

QR_INLINE bool is_marked(const struct qr_heap *h, uintptr_t p)
{
	(void)h;
	return *mark_at(p) == MARK;
}

QR_INLINE void set_mark(const struct qr_heap *h, uintptr_t p)
{
	(void)h;
	*mark_at(p) = MARK;
}

/* What is done to an object that is free from now, and to one that is given out. */
QR_INLINE void retire(const struct qr_heap *h, unsigned class, uintptr_t p)
{
	poison(h, class, p, FREED);
	set_mark(h, p);
}

QR_INLINE void give_out(const struct qr_heap *h, unsigned class, uintptr_t p)
{
	poison(h, class, p, FRESH);
	*mark_at(p) = 0;
}
#endif

#ifdef QR_HOST_INLINES_MAGAZINE

/* The host's are one step, seen from an interrupt: these may be on. */
QR_INLINE uintptr_t pop(struct qr_heap_local *l, unsigned class)
{
	return qr_host_pop(&l->top[class]);
}

QR_INLINE bool push(struct qr_heap_local *l, unsigned class, uintptr_t p)
{
	return qr_host_push(&l->top[class], p);
}

#define quick_begin()  0u
#define quick_end(irq) ((void)(irq))

#else

/* An object out of the loaded magazine, or 0. */
QR_INLINE uintptr_t pop(struct qr_heap_local *l, unsigned class)
{
	qr_word *top = __atomic_load_n(&l->top[class], __ATOMIC_RELAXED);
	uintptr_t p = qr_load_word(top - 1);

	if (QR_LIKELY(p))
		__atomic_store_n(&l->top[class], top - 1, __ATOMIC_RELAXED);
	return p;
}

/* False: the loaded magazine is full. */
QR_INLINE bool push(struct qr_heap_local *l, unsigned class, uintptr_t p)
{
	qr_word *top = __atomic_load_n(&l->top[class], __ATOMIC_RELAXED);

	if (QR_RARELY(is_full(top)))
		return false;
	qr_store_word(top, p);
	__atomic_store_n(&l->top[class], top + 1, __ATOMIC_RELAXED);
	return true;
}

#define quick_begin()  qr_host_irq_save()
#define quick_end(irq) qr_host_irq_restore(irq)

#endif

/* The spare magazine in place of the loaded one. */
QR_INLINE void swap(struct qr_heap_local *l, unsigned class)
{
	qr_word *top = l->top[class], *spare = l->spare[class];

	__atomic_store_n(&l->top[class], spare, __ATOMIC_RELEASE);
	__atomic_store_n(&l->spare[class], top, __ATOMIC_RELEASE);
}

/* What the map says of an address; all 0 for one that is not of the heap. */
QR_INLINE struct qr_heap_page page_of(const struct qr_heap *h, uintptr_t p)
{
	uintptr_t page = page_number(h, p);
	const struct qr_heap_page *at;

	if (QR_RARELY(page >= h->map_pages))
		return (struct qr_heap_page){ 0, 0 };
	at = page_at(h, page);
#ifdef __LP64__
	union {
		uint64_t word;
		struct qr_heap_page page;
	} u = { .word = __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED) };
	return u.page;
#else
	return (struct qr_heap_page){ qr_load32(&at->minus), qr_load32(&at->check) };
#endif
}

/* Whether p is an object of a class with a check, and not marked. */
QR_INLINE bool quick_look(const struct qr_heap *h, uintptr_t p, unsigned *class)
{
	struct qr_heap_page page = page_of(h, p);
	uint32_t off = (uint32_t)p + page.minus;

	if (QR_RARELY(off * page.check >= page.check) || QR_RARELY(is_marked(h, p)))
		return false;
	*class = page.check & CLASS_MASK;
	return true;
}

/* True: p was an object in use, and lies in the loaded magazine now. */
QR_INLINE bool quick_free(struct qr_heap *h, struct qr_heap_local *l, uintptr_t p)
{
	unsigned class;

	if (IS_HARDENED || !quick_look(h, p, &class) || QR_RARELY(is_full(l->top[class])))
		return false;
	retire(h, class, p);
	return push(l, class, p);
}

/* ---- magazines as a whole --------------------------------------------------------------------- */

/* The one that a local's pointer points into. */
QR_INLINE struct qr_heap_magazine *magazine_of(const qr_word *top)
{
	return (struct qr_heap_magazine *)((uintptr_t)(top - 1) & ~(uintptr_t)(MAGAZINE_BYTES - 1));
}

QR_INLINE struct qr_heap_magazine *next_magazine(const struct qr_heap_magazine *m)
{
	return (struct qr_heap_magazine *)m->slot[0];
}

/* Lists are looked at without the lock, to see whether the lock is worth it. */
QR_INLINE void put_magazine(struct qr_heap_magazine **list, struct qr_heap_magazine *m)
{
	qr_store_word(&m->slot[0], (qr_word)*list);
	__atomic_store_n(list, m, __ATOMIC_RELAXED);
}

QR_INLINE struct qr_heap_magazine *get_magazine(struct qr_heap_magazine **list)
{
	struct qr_heap_magazine *m = *list;

	if (m)
		__atomic_store_n(list, next_magazine(m), __ATOMIC_RELAXED);
	return m;
}

/* Between these a local's spare magazine may be touched; with interrupts off, where there are
 * some (mm/heap_steal.c). */
#ifdef QR_HEAP_PROCESS
QR_INLINE void begin_exchange(struct qr_heap *h, struct qr_heap_local *l)
{
	__atomic_store_n(&l->inside, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (QR_RARELY(__atomic_load_n(&h->halted, __ATOMIC_ACQUIRE)))
		qr_heap_wait(h, l);
}

QR_INLINE void end_exchange(struct qr_heap_local *l)
{
	__atomic_store_n(&l->inside, 0, __ATOMIC_RELEASE);
}
#else
#define begin_exchange(h, l) ((void)0)
#define end_exchange(l)      ((void)0)
#endif

#endif
