/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_block.c - blocks of 4096 bytes, a byte of table for each.
 *
 *	entry:   7         6         5 4   3 2 1 0
 *	         HAS_NEXT  IS_FIRST  0 0   type: 1 taken, 0 free
 *
 *	one block: 41    two: C1 01    three: C1 81 01
 *
 * An object is consecutive blocks, however small it is: 50 bytes take 4096.  The first hole that
 * is long enough is taken; enough free blocks that are scattered are not enough.  100 MB have
 * 25 600 entries.
 *
 * Invariants:
 *	I1  a free entry is 00; a taken one is 01, 41, 81 or C1
 *	I2  after an entry with HAS_NEXT comes a taken one without IS_FIRST, after any other not
 *	I3  no entry before `low` is free
 *
 * Cost: alloc O(blocks), free O(blocks of the object).
 */
#include <quire/heap_seeds.h>

enum qr_err qr_block_init(struct qr_block *b, void *arena, size_t bytes, uint8_t *table,
			  size_t table_bytes)
{
	size_t n = bytes / QR_BLOCK_SIZE;

	if (n == 0 || (uintptr_t)arena % QR_BLOCK_SIZE || table_bytes < n ||
	    (uintptr_t)arena + bytes < (uintptr_t)arena)
		return QR_INVAL;
	*b = (struct qr_block){ .base = (uintptr_t)arena, .table = table, .nblocks = n };
	qr_lock_init(&b->lock, QR_RANK_HEAP);
	__builtin_memset(table, QR_BLOCK_FREE, n);
	return QR_OK;
}

QR_INLINE bool is_free(uint8_t entry)
{
	return (entry & QR_BLOCK_TYPE) == QR_BLOCK_FREE;
}

/* The first of n consecutive free entries whose block is aligned; nblocks if there are none. */
static size_t find(struct qr_block *b, size_t n, size_t align)
{
	size_t run = 0;

	while (b->low < b->nblocks && !is_free(b->table[b->low]))
		b->low++;
	for (size_t i = b->low; i < b->nblocks; i++) {
		run = is_free(b->table[i]) ? run + 1 : 0;
		if (run >= n && !((b->base + (i + 1 - n) * QR_BLOCK_SIZE) & (align - 1)))
			return i + 1 - n;
	}
	return b->nblocks;
}

static void *block_aligned(void *self, size_t align, size_t bytes)
{
	struct qr_block *b = self;
	size_t n = bytes / QR_BLOCK_SIZE + (bytes % QR_BLOCK_SIZE != 0), first;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);
	bool can;

	n += n == 0;
	can = align && !(align & (align - 1)) && n <= b->nblocks;
	first = can ? find(b, n, align) : b->nblocks;
	for (size_t i = 0; first < b->nblocks && i < n; i++)
		b->table[first + i] = QR_BLOCK_TAKEN | (i == 0 ? QR_BLOCK_IS_FIRST : 0) |
				      (i + 1 < n ? QR_BLOCK_HAS_NEXT : 0);
	qr_lock_release_irq(&b->lock, irq);
	return first < b->nblocks ? (void *)(b->base + first * QR_BLOCK_SIZE) : NULL;
}

static void *block_alloc(void *self, size_t bytes)
{
	return block_aligned(self, 1, bytes);
}

/* Blocks of the object that starts at p; 0: none does. */
static size_t length_at(const struct qr_block *b, uintptr_t p, size_t *first)
{
	size_t i = (p - b->base) / QR_BLOCK_SIZE, n = 1;

	if (p < b->base || i >= b->nblocks || p % QR_BLOCK_SIZE || is_free(b->table[i]) ||
	    !(b->table[i] & QR_BLOCK_IS_FIRST))
		return 0;
	*first = i;
	while (b->table[i + n - 1] & QR_BLOCK_HAS_NEXT && i + n < b->nblocks)
		n++;
	return n;
}

static enum qr_err block_free(void *self, void *p)
{
	struct qr_block *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);
	size_t first, n = p ? length_at(b, (uintptr_t)p, &first) : 0;

	if (n) {
		__builtin_memset(b->table + first, QR_BLOCK_FREE, n);
		b->low = first < b->low ? first : b->low;
	}
	qr_lock_release_irq(&b->lock, irq);
	return n || !p ? QR_OK : QR_CORRUPT;
}

static size_t block_usable(void *self, const void *p)
{
	struct qr_block *b = self;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);
	size_t first, n = length_at(b, (uintptr_t)p, &first);

	qr_lock_release_irq(&b->lock, irq);
	return n * QR_BLOCK_SIZE;
}

static void block_stats(void *self, struct qr_arena_stats *out)
{
	struct qr_block *b = self;
	size_t run = 0, longest = 0, free = 0, objects = 0;
	uintptr_t irq = qr_lock_acquire_irq(&b->lock);

	for (size_t i = 0; i < b->nblocks; i++) {
		run = is_free(b->table[i]) ? run + 1 : 0;
		longest = run > longest ? run : longest;
		free += run != 0;
		objects += b->table[i] & QR_BLOCK_IS_FIRST ? 1 : 0;
	}
	qr_lock_release_irq(&b->lock, irq);
	*out = (struct qr_arena_stats){
		.total = b->nblocks * QR_BLOCK_SIZE,
		.used = (b->nblocks - free) * QR_BLOCK_SIZE,
		.objects = objects,
		.free = free * QR_BLOCK_SIZE,
		.largest = longest * QR_BLOCK_SIZE,
		.overhead = b->nblocks,
	};
}

static const char *block_check(void *self)
{
	const struct qr_block *b = self;
	bool more = false;

	for (size_t i = 0; i < b->nblocks; i++) {
		uint8_t e = b->table[i];

		if (is_free(e) ? e != 0 : (e & ~(QR_BLOCK_HAS_NEXT | QR_BLOCK_IS_FIRST)) != 1)
			return "I1: an entry is free, or taken and nothing else";
		if (more ? is_free(e) || e & QR_BLOCK_IS_FIRST
			 : !is_free(e) && !(e & QR_BLOCK_IS_FIRST))
			return "I2: an object goes on exactly where HAS_NEXT says so";
		if (i < b->low && is_free(e))
			return "I3: no entry before low is free";
		more = e & QR_BLOCK_HAS_NEXT;
	}
	return more ? "I2: an object ends inside of the arena" : NULL;
}

const struct qr_allocator_ops qr_block_ops = {
	"block", block_alloc, block_aligned, block_free, block_usable, block_stats, block_check,
};
