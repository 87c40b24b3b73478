/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_bump.c - the allocator that only goes up.
 *
 *	base          next                end
 *	|aaaa|bb|ccccc|                   |
 *
 * With base 0x100000, the first object of 4 bytes is at 0x100000 and the next at 0x100004.  There
 * is nothing to remember about an object, hence nothing to free: free accepts what lies below
 * next and does nothing.  When the arena is used up, that is the end.
 *
 * Invariant: I1  base <= next <= end.  Cost: a handful of instructions.
 */
#include <quire/heap_seeds.h>

enum qr_err qr_bump_init(struct qr_bump *b, void *arena, size_t bytes, size_t align)
{
	uintptr_t base = (uintptr_t)arena;

	if (align == 0 || align & (align - 1) || base + bytes < base)
		return QR_INVAL;
	*b = (struct qr_bump){ .base = base, .next = base, .end = base + bytes, .align = align };
	qr_lock_init(&b->lock, QR_RANK_HEAP);
	return QR_OK;
}

static void *bump_alloc(void *self, size_t n)
{
	struct qr_bump *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);
	uintptr_t p = (b->next + b->align - 1) & -b->align;
	bool fits;

	n += n == 0; /* an object of no bytes is still one of its own */
	fits = p >= b->next && p <= b->end && b->end - p >= n;
	if (fits) {
		b->next = p + n;
		b->objects++;
	}
	qr_lock_release_irq(&b->lock, irq);
	return fits ? (void *)p : NULL;
}

static size_t bump_usable(void *self, const void *p)
{
	const struct qr_bump *b = self;
	uintptr_t at = (uintptr_t)p;

	/* Where the object ends is not known; it ends before what comes next. */
	return at >= b->base && at < b->next && !(at & (b->align - 1)) ? b->next - at : 0;
}

static enum qr_err bump_free(void *self, void *p)
{
	return !p || bump_usable(self, p) ? QR_OK : QR_CORRUPT;
}

static void bump_stats(void *self, struct qr_arena_stats *out)
{
	const struct qr_bump *b = self;

	*out = (struct qr_arena_stats){
		.total = b->end - b->base,
		.used = b->next - b->base,
		.objects = b->objects,
		.free = b->end - b->next,
		.largest = b->end - b->next,
	};
}

static const char *bump_check(void *self)
{
	const struct qr_bump *b = self;

	return b->base <= b->next && b->next <= b->end ? NULL : "I1: next lies in the arena";
}

const struct qr_allocator_ops qr_bump_ops = {
	"bump", bump_alloc, bump_free, bump_usable, bump_stats, bump_check,
};
