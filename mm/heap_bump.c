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
 * Who wants to know of wrong frees gives it a table: a bit for each place where an object can
 * start, set while one does.  What is freed is then no object any more; its memory stays lost.
 *
 * Invariants:
 *	I1  base <= next <= end
 *	I2  the table's bits are the objects, all of them below next
 *
 * Cost: a handful of instructions.
 */
#include <quire/heap_seeds.h>

/* The first place of the table; the arena may begin behind it. */
QR_INLINE uintptr_t table_base(const struct qr_bump *b)
{
	return b->base & -b->align;
}

enum qr_err qr_bump_init(struct qr_bump *b, void *arena, size_t bytes, size_t align, uint8_t *table,
			 size_t table_bytes)
{
	uintptr_t base = (uintptr_t)arena;

	if (align == 0 || align & (align - 1) || base + bytes < base ||
	    (table && table_bytes < QR_BUMP_TABLE_BYTES(bytes, align)))
		return QR_INVAL;
	*b = (struct qr_bump){
		.base = base, .next = base, .end = base + bytes, .align = align, .table = table
	};
	if (table)
		__builtin_memset(table, 0, table_bytes);
	qr_lock_init(&b->lock, QR_RANK_HEAP);
	return QR_OK;
}

/* The byte of the table, if there is one, that has the bit of an address, and the bit; false: no
 * object begins there. */
static bool bit_of(const struct qr_bump *b, uintptr_t p, uint8_t **byte, uint8_t *bit)
{
	size_t place = (p - table_base(b)) / b->align;

	if (p < b->base || p >= b->next || p & (b->align - 1))
		return false;
	*byte = b->table ? b->table + place / 8 : NULL;
	*bit = (uint8_t)(1u << place % 8);
	return true;
}

static void *bump_aligned(void *self, size_t align, size_t n)
{
	struct qr_bump *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock), p;
	uint8_t *byte, bit;
	bool fits = align && !(align & (align - 1));

	align = align < b->align ? b->align : align;
	n += n == 0; /* an object of no bytes is still one of its own */
	p = (b->next + align - 1) & -align;
	fits = fits && p >= b->next && p <= b->end && b->end - p >= n;
	if (fits) {
		b->next = p + n;
		b->objects++;
		if (b->table && bit_of(b, p, &byte, &bit))
			*byte |= bit;
	}
	qr_lock_release_irq(&b->lock, irq);
	return fits ? (void *)p : NULL;
}

static void *bump_alloc(void *self, size_t n)
{
	return bump_aligned(self, 1, n);
}

/* Whether an object in use starts there, as far as that is known. */
static bool is_object(const struct qr_bump *b, uintptr_t p, uint8_t **byte, uint8_t *bit)
{
	return bit_of(b, p, byte, bit) && (!b->table || **byte & *bit);
}

static size_t bump_usable(void *self, const void *p)
{
	struct qr_bump *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock), at = (uintptr_t)p;
	uint8_t *byte, bit;
	/* Where the object ends is not known; it ends before what comes next. */
	size_t n = is_object(b, at, &byte, &bit) ? b->next - at : 0;

	qr_lock_release_irq(&b->lock, irq);
	return n;
}

static enum qr_err bump_free(void *self, void *p)
{
	struct qr_bump *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);
	uint8_t *byte, bit;
	bool known = is_object(b, (uintptr_t)p, &byte, &bit);

	if (known && b->table) {
		*byte &= (uint8_t)~bit;
		b->objects--;
	}
	qr_lock_release_irq(&b->lock, irq);
	return !p || known ? QR_OK : QR_CORRUPT;
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
	size_t places = QR_BUMP_TABLE_BYTES(b->end - b->base, b->align) * 8, objects = 0;

	if (b->base > b->next || b->next > b->end)
		return "I1: next lies in the arena";
	for (size_t i = 0; b->table && i < places; i++) {
		if (!(b->table[i / 8] >> i % 8 & 1))
			continue;
		if (table_base(b) + i * b->align >= b->next)
			return "I2: objects lie below next";
		objects++;
	}
	return b->table && objects != b->objects ? "I2: a bit for each object" : NULL;
}

const struct qr_allocator_ops qr_bump_ops = {
	"bump", bump_alloc, bump_aligned, bump_free, bump_usable, bump_stats, bump_check,
};
