/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_list.c - a doubly linked list of blocks, split and merged.
 *
 *	+--------+--------+--------+-------------+--------+-------------------------+
 *	| header | object | header |    object   | header |          free           |
 *	+--------+--------+--------+-------------+--------+-------------------------+
 *	    <------prev/next------>  every block, in the order of addresses
 *
 * Alloc takes the first free block that is large enough, and splits off what it does not need if
 * that can be a block.  Free merges with the free neighbours on both sides.  So there are never
 * two free blocks side by side.  An object at an alignment is split off on its left side too.
 *
 * The headers lie between the objects, as in the text, and may be overrun.  Therefore nothing in
 * a header is believed before it has proved itself: its seal (an address mixed with the list's
 * secret, differently for free and used), bounds, and that both neighbours point back at it.
 *
 * Invariants:
 *	I1  the blocks fill the arena without a gap, linked both ways
 *	I2  each header carries its seal
 *	I3  no two neighbours are free
 *	I4  no block before `low` is free: there the search begins
 *
 * Cost: alloc O(blocks), free O(1).
 */
#include <quire/heap_seeds.h>

#define ALIGN 16u

struct qr_list_header {
	struct qr_list_header *prev, *next;
	uintptr_t seal;
	uintptr_t pad; /* keeps objects aligned to 16 on both word sizes */
};

#define HEADER ((sizeof(struct qr_list_header) + ALIGN - 1) & ~(size_t)(ALIGN - 1))
#define USED   ((uintptr_t)0x55a5)

QR_INLINE uintptr_t seal_of(const struct qr_list *l, const struct qr_list_header *h, bool used)
{
	return ((uintptr_t)h ^ l->secret) + (used ? USED : 0);
}

QR_INLINE bool is_used(const struct qr_list *l, const struct qr_list_header *h)
{
	return h->seal == seal_of(l, h, true);
}

QR_INLINE bool is_free(const struct qr_list *l, const struct qr_list_header *h)
{
	return h->seal == seal_of(l, h, false);
}

/* Bytes of a block's object: up to the next header, or the end. */
QR_INLINE size_t size_of(const struct qr_list *l, const struct qr_list_header *h)
{
	return (h->next ? (uintptr_t)h->next : l->end) - (uintptr_t)h - HEADER;
}

/* Where a header can be. */
static bool in_arena(const struct qr_list *l, const struct qr_list_header *h)
{
	uintptr_t at = (uintptr_t)h;

	return at >= l->base && at < l->end && l->end - at >= HEADER && at % ALIGN == 0;
}

/* Whether h has proved itself, and its neighbours have. */
static bool is_genuine(const struct qr_list *l, const struct qr_list_header *h)
{
	if (!in_arena(l, h) || !(is_used(l, h) || is_free(l, h)))
		return false;
	if (h->prev ? !in_arena(l, h->prev) || h->prev >= h || h->prev->next != h : h != l->first)
		return false;
	return !h->next || (in_arena(l, h->next) && h->next > h && h->next->prev == h);
}

enum qr_err qr_list_init(struct qr_list *l, void *arena, size_t bytes, uintptr_t seed)
{
	uintptr_t base = ((uintptr_t)arena + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
	uintptr_t end = ((uintptr_t)arena + bytes) & ~(uintptr_t)(ALIGN - 1);

	if ((uintptr_t)arena + bytes < (uintptr_t)arena || base < (uintptr_t)arena || end < base ||
	    end - base < HEADER + ALIGN)
		return QR_INVAL;
	*l = (struct qr_list){ .base = base, .end = end, .first = (void *)base };
	l->secret = seed * (uintptr_t)0x9e3779b97f4a7c15u ^ (uintptr_t)0x3ca5965a3ca5965au;
	qr_lock_init(&l->lock, QR_RANK_HEAP);
	l->low = l->first;
	*l->first = (struct qr_list_header){ .seal = seal_of(l, l->first, false) };
	return QR_OK;
}

/* The rest of h behind its first n bytes becomes a free block, if it can be one. */
static void split(struct qr_list *l, struct qr_list_header *h, size_t n)
{
	struct qr_list_header *rest = (void *)((uintptr_t)h + HEADER + n);

	if (size_of(l, h) < n + HEADER + ALIGN)
		return;
	*rest =
	    (struct qr_list_header){ .prev = h, .next = h->next, .seal = seal_of(l, rest, false) };
	if (rest->next)
		rest->next->prev = rest;
	h->next = rest;
}

/* Bytes to leave free in front of an object in h, so that it is aligned: none, or a block. */
QR_INLINE size_t gap_in(const struct qr_list_header *h, size_t align)
{
	uintptr_t object = (uintptr_t)h + HEADER;

	if (!(object & (align - 1)))
		return 0;
	return ((object + HEADER + ALIGN + align - 1) & -align) - object;
}

QR_INLINE bool fits(const struct qr_list *l, const struct qr_list_header *h, size_t align, size_t n)
{
	size_t have = size_of(l, h), gap = gap_in(h, align);

	return is_free(l, h) && gap <= have && have - gap >= n;
}

/* The first free block that n bytes fit into; null if there is none. */
static struct qr_list_header *find(struct qr_list *l, size_t align, size_t n)
{
	bool seen_free = false;

	for (struct qr_list_header *h = l->low; h; h = h->next) {
		QR_ASSERT(is_genuine(l, h), "nobody writes beyond the end of his object");
		if (fits(l, h, align, n))
			return h;
		seen_free |= is_free(l, h);
		if (!seen_free && h->next)
			l->low = h->next;
	}
	return NULL;
}

static void *list_aligned(void *self, size_t align, size_t n)
{
	struct qr_list *l = self;
	struct qr_list_header *h;
	uintptr_t irq;
	size_t gap;

	if (n > PTRDIFF_MAX || align > PTRDIFF_MAX || !align || align & (align - 1))
		return NULL;
	n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	irq = qr_lock_acquire_irq(&l->lock);
	h = find(l, align, n);
	if (h) {
		gap = gap_in(h, align);
		if (gap) {
			split(l, h, gap - HEADER);
			h = h->next;
		}
		split(l, h, n);
		h->seal = seal_of(l, h, true);
	}
	qr_lock_release_irq(&l->lock, irq);
	return h ? (char *)h + HEADER : NULL;
}

static void *list_alloc(void *self, size_t n)
{
	return list_aligned(self, 1, n);
}

/* The block behind h is no longer one of its own. */
static void swallow(struct qr_list_header *h)
{
	struct qr_list_header *gone = h->next;

	h->next = gone->next;
	if (h->next)
		h->next->prev = h;
	gone->seal = 0;
}

static struct qr_list_header *header_of(const struct qr_list *l, const void *p)
{
	struct qr_list_header *h = (void *)((uintptr_t)p - HEADER);

	return is_genuine(l, h) && is_used(l, h) ? h : NULL;
}

static enum qr_err list_free(void *self, void *p)
{
	struct qr_list *l = self;
	struct qr_list_header *h;
	uintptr_t irq;

	if (!p)
		return QR_OK;
	irq = qr_lock_acquire_irq(&l->lock);
	h = header_of(l, p);
	if (h) {
		h->seal = seal_of(l, h, false);
		if (h->next && is_free(l, h->next))
			swallow(h);
		if (h->prev && is_free(l, h->prev)) {
			h = h->prev;
			swallow(h);
		}
		l->low = h < l->low ? h : l->low;
	}
	qr_lock_release_irq(&l->lock, irq);
	return h ? QR_OK : QR_CORRUPT;
}

static size_t list_usable(void *self, const void *p)
{
	struct qr_list *l = self;
	uintptr_t irq = qr_lock_acquire_irq(&l->lock);
	const struct qr_list_header *h = header_of(l, p);
	size_t n = h ? size_of(l, h) : 0;

	qr_lock_release_irq(&l->lock, irq);
	return n;
}

static void list_stats(void *self, struct qr_arena_stats *out)
{
	struct qr_list *l = self;
	struct qr_arena_stats st = { .total = l->end - l->base };
	uintptr_t irq = qr_lock_acquire_irq(&l->lock);

	for (const struct qr_list_header *h = l->first; h; h = h->next) {
		size_t n = size_of(l, h);

		st.overhead += HEADER;
		if (is_used(l, h)) {
			st.objects++;
			st.used += n;
		} else {
			st.free += n;
			st.largest = n > st.largest ? n : st.largest;
		}
	}
	qr_lock_release_irq(&l->lock, irq);
	*out = st;
}

static const char *list_check(void *self)
{
	const struct qr_list *l = self;
	bool was_free = false;

	for (const struct qr_list_header *h = l->first; h; h = h->next) {
		if (!in_arena(l, h) || !(is_used(l, h) || is_free(l, h)))
			return "I2: each header carries its seal";
		if (!is_genuine(l, h))
			return "I1: blocks are linked both ways";
		if (was_free && is_free(l, h))
			return "I3: no two neighbours are free";
		if (is_free(l, h) && h < l->low)
			return "I4: no block before low is free";
		was_free = is_free(l, h);
	}
	return NULL;
}

const struct qr_allocator_ops qr_list_ops = {
	"list", list_alloc, list_aligned, list_free, list_usable, list_stats, list_check,
};
