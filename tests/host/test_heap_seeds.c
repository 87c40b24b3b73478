/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The textbook allocators: the worked examples with their numbers, what the originals got wrong,
 * and random operations against a model.
 */
#include "plain_host.h"
#include "tap.h"

#include <quire/heap_seeds.h>

#include <string.h>

void *qr_host_window_get(qr_frame f) /* the engine's source is linked, not used */
{
	(void)f;
	return NULL;
}

static void *at(uintptr_t p)
{
	return (void *)p;
}

static void test_bump(void)
{
	struct qr_bump b;
	uint8_t table[QR_BUMP_TABLE_BYTES(0x1000, 4)];
	const struct qr_allocator_ops *o = &qr_bump_ops;
	uintptr_t a;

	must(!qr_bump_init(&b, at(0x100000), 0x1000, 1, NULL, 0), "init");
	is((uintptr_t)o->alloc(&b, 4), 0x100000, "A2: the first 4 bytes are at 0x100000");
	is((uintptr_t)o->alloc(&b, 4), 0x100004, "A2: the next at 0x100004");
	a = (uintptr_t)o->alloc(&b, 5);
	is((uintptr_t)o->alloc(&b, 10), a + 5, "alloc(5), alloc(10): b = a + 5");
	is((uintptr_t)o->alloc(&b, 100), a + 15, "alloc(100): c = a + 15");
	is(b.next, a + 115, "115 bytes");
	ok(!o->alloc(&b, 0x1000), "more than is left");
	ok(!o->alloc(&b, SIZE_MAX), "a size that wraps");
	ok(!o->alloc(&b, 0xfffff001), "-4095 does not rewind");
	is(b.next, a + 115, "and nothing moved");
	a = b.next;
	ok(o->alloc(&b, 0) != o->alloc(&b, 0), "size 0 is an object of its own");
	ok(o->alloc(&b, b.end - b.next) && !o->alloc(&b, 1), "exactly all of it, then nothing");
	is(o->free(&b, at(0x100004)), QR_OK, "free does nothing");
	is(o->free(&b, at(0xfffff)) | o->free(&b, at(0x101000)), QR_CORRUPT, "outside is refused");
	is(o->free(&b, NULL), QR_OK, "free of null");
	must(!qr_bump_init(&b, at(0x100001), 0x1000, 16, NULL, 0), "init");
	is((uintptr_t)o->alloc(&b, 1), 0x100010, "aligned");
	is((uintptr_t)o->alloc(&b, 1), 0x100020, "aligned again");
	is(qr_bump_init(&b, at(0x100000), 0x1000, 4, table, 0x7f), QR_INVAL, "table too short");
	must(!qr_bump_init(&b, at(0x100000), 0x1000, 4, table, sizeof(table)), "init");
	a = (uintptr_t)o->alloc(&b, 4);
	is((uintptr_t)o->alloc(&b, 4), a + 4, "with a table: the same addresses");
	is(o->free(&b, at(0x100004)), QR_OK, "free");
	is(o->free(&b, at(0x100004)), QR_CORRUPT, "twice");
	is((uintptr_t)o->alloc(&b, 4), 0x100008, "its memory is not given again");
	ok(!o->check(&b), "invariants");
	is(qr_bump_init(&b, at(UINTPTR_MAX - 10), 100, 1, NULL, 0), QR_INVAL,
	   "an arena that wraps");
	is(qr_bump_init(&b, at(0), 100, 3, NULL, 0), QR_INVAL, "align 3");
}

static void test_block(void)
{
	enum { POOL = 104857600 };
	static uint8_t table[25600];
	const struct qr_allocator_ops *o = &qr_block_ops;
	struct qr_arena_stats st;
	struct qr_block b;
	char *p[16];

	must(!qr_block_init(&b, at(0x01000000), POOL, table, sizeof(table)), "init");
	is(b.nblocks, 25600, "B7: 100 MB are 25 600 entries");
	p[0] = o->alloc(&b, 50);
	is((uintptr_t)p[0], 0x01000000, "B10: the pool begins at 0x01000000");
	is(o->usable(&b, p[0]), 4096, "B6: 50 bytes take 4096");
	is(table[0], 0x41, "B8: one block is 41");
	p[1] = o->alloc(&b, 4097);
	ok(table[1] == 0xc1 && table[2] == 0x01, "B8: two are C1 01");
	p[2] = o->alloc(&b, 3 * 4096);
	ok(table[3] == 0xc1 && table[4] == 0x81 && table[5] == 0x01, "B8: three are C1 81 01");
	is((uintptr_t)p[2], 0x01003000, "each starts at a multiple of 4096");
	is(o->free(&b, p[1]), QR_OK, "free");
	ok(table[1] == 0 && table[2] == 0, "a free entry is 00");
	is(o->free(&b, p[1]), QR_CORRUPT, "twice");
	is(o->free(&b, p[2] + 4096), QR_CORRUPT, "inside an object");
	is(o->free(&b, p[2] + 8), QR_CORRUPT, "inside a block");
	is(o->free(&b, at(0xfff000)), QR_CORRUPT, "below the pool");
	is(o->free(&b, at(0x01000000 + POOL)), QR_CORRUPT, "above it");
	is(o->free(&b, NULL), QR_OK, "null");
	ok(!o->alloc(&b, SIZE_MAX) && !o->alloc(&b, 0xfffff001), "sizes that wrap");
	ok(o->alloc(&b, 8192) == p[1], "the hole is filled");
	ok(!o->check(&b), "invariants");

	must(!qr_block_init(&b, at(0x01000000), 16 * 4096, table, 16), "16 blocks");
	for (unsigned i = 0; i < 16; i++)
		must((p[i] = o->alloc(&b, 1)), "one");
	ok(!o->alloc(&b, 1), "full: no address below the pool is made up");
	for (unsigned i = 0; i < 16; i += 2)
		must(!o->free(&b, p[i]), "free");
	o->stats(&b, &st);
	ok(st.free == 8 * 4096 && st.largest == 4096, "B9: half is free, in pieces of one block");
	ok(!o->alloc(&b, 4097), "B9: two blocks cannot be had, and that is said");
	ok(!o->check(&b), "B9: nothing was changed");
	must(!o->free(&b, p[15]), "free");
	ok(o->alloc(&b, 8192) == p[14], "the tail, exactly as long as needed");
	must(!o->free(&b, p[14]), "free");
	ok(!o->alloc(&b, 3 * 4096), "a tail that is too short is not taken");
	is(qr_block_init(&b, at(0x01000001), 8192, table, 16), QR_INVAL, "arena not aligned");
	is(qr_block_init(&b, at(0x01000000), 17 * 4096, table, 16), QR_INVAL, "table too short");
	is(qr_block_init(&b, at(0x01000000), 4095, table, 16), QR_INVAL, "no whole block");
}

static void test_list(void)
{
	static _Alignas(16) char arena[4096];
	const struct qr_allocator_ops *o = &qr_list_ops;
	struct qr_arena_stats st;
	struct qr_list l;
	char *a, *b, *c, *d;
	size_t whole;

	must(!qr_list_init(&l, arena, sizeof(arena), 7), "init");
	o->stats(&l, &st);
	whole = st.largest;
	a = o->alloc(&l, 100);
	b = o->alloc(&l, 200);
	c = o->alloc(&l, 300);
	ok(a < b && b < c, "D6: blocks are split off in order");
	is((uintptr_t)(b - a), (uintptr_t)(112 + (whole ? sizeof(arena) - whole : 0)),
	   "D6: an object, then a header");
	must(!o->free(&l, a) && !o->free(&l, c), "free");
	o->stats(&l, &st);
	is(st.objects, 1, "D6: one is left");
	ok(!o->check(&l), "D6: c merged with what is behind it");
	must(!o->free(&l, b), "free");
	o->stats(&l, &st);
	is(st.largest, whole, "D6: b merged with both sides: one block again");
	d = o->alloc(&l, whole);
	ok(d && !o->alloc(&l, 0), "exactly all of it, then nothing");
	is(o->free(&l, d), QR_OK, "and back");
	is(o->free(&l, d), QR_CORRUPT, "twice");
	a = o->alloc(&l, 64);
	b = o->alloc(&l, 64);
	is(o->free(&l, a + 16), QR_CORRUPT, "inside an object");
	is(o->free(&l, &st), QR_CORRUPT, "foreign");
	is(o->free(&l, at(8)), QR_CORRUPT, "address 8");
	is(o->free(&l, arena + sizeof(arena)), QR_CORRUPT, "the end of the arena");
	memcpy(a + 16, b - (b - a - 64), (size_t)(b - a - 64)); /* b's header, forged inside a */
	is(o->free(&l, a + 16 + (b - a - 64)), QR_CORRUPT, "a forged header");
	ok(!o->alloc(&l, SIZE_MAX) && !o->alloc(&l, (size_t)PTRDIFF_MAX), "sizes that wrap");
	ok(!o->check(&l), "invariants");
	memset(a, 0x41, 64 + 16); /* an overrun */
	ok(o->check(&l), "an overrun breaks a rule: %s", o->check(&l));
	is(o->free(&l, a), QR_CORRUPT, "and is refused by free");
	ok(panics(o->alloc(&l, 1000)), "and by alloc: %s", broken_rule);
	is(qr_list_init(&l, arena, 20, 7), QR_INVAL, "an arena without room for a block");
}

/* The same script for whatever is behind the interface. */
static void churn(struct qr_allocator *a, bool frees)
{
	enum { LIVE = 200 };
	unsigned char *live[LIVE] = { 0 };
	size_t size[LIVE];
	uint64_t state = seed();
	struct qr_arena_stats st;
	unsigned refused = 0, used = 0;

	for (unsigned step = 0; step < 20000; step++) {
		unsigned k = (unsigned)random_below(&state, LIVE);
		size_t n = random_below(&state, 6000) + 1;

		if (live[k] && random_below(&state, 3)) {
			must(live[k][0] == (unsigned char)k &&
				 live[k][size[k] - 1] == (unsigned char)k,
			     "%s step %u: contents", a->ops->name, step);
			must(a->ops->free(a->self, live[k]) == QR_OK, "free");
			live[k] = NULL;
			continue;
		}
		unsigned char *p = qr_allocator_realloc(a, live[k], n);
		if (!p) {
			refused++;
			continue;
		}
		if (live[k])
			must(p[0] == (unsigned char)k, "%s step %u: realloc", a->ops->name, step);
		live[k] = p;
		size[k] = n;
		memset(p, (int)k, n);
		if (step % 500 == 0)
			must(!a->ops->check(a->self), "%s step %u", a->ops->name, step);
	}
	for (unsigned k = 0; k < LIVE; k++)
		used += live[k] != NULL;
	a->ops->stats(a->self, &st);
	ok(!frees || st.objects == used, "%s: objects are counted", a->ops->name);
	for (unsigned k = 0; k < LIVE; k++)
		must(a->ops->free(a->self, live[k]) == QR_OK, "free");
	a->ops->stats(a->self, &st);
	ok(!a->ops->check(a->self) && (!frees || (st.used == 0 && st.objects == 0)),
	   "%s: 20 000 random steps (%u refused), all came back", a->ops->name, refused);
}

static void test_churn(void)
{
	enum { ARENA = 700 * 1024 };
	char *arena = aligned_alloc(4096, ARENA);
	uint8_t *table = malloc(ARENA / 4096);
	struct qr_bump bump;
	struct qr_block block;
	struct qr_list list;

	must(!qr_bump_init(&bump, arena, ARENA, 16, NULL, 0), "init");
	churn(&(struct qr_allocator){ &qr_bump_ops, &bump }, false);
	must(!qr_block_init(&block, arena, ARENA, table, ARENA / 4096), "init");
	churn(&(struct qr_allocator){ &qr_block_ops, &block }, true);
	must(!qr_list_init(&list, arena, ARENA, 99), "init");
	churn(&(struct qr_allocator){ &qr_list_ops, &list }, true);
	free(arena);
	free(table);
}

int main(void)
{
	test_bump();
	test_block();
	test_list();
	test_churn();
	return done();
}
