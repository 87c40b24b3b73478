/* SPDX-License-Identifier: BSD-2-Clause
 *
 * random.c - ChaCha20 with its key erased at each use.
 *
 * Sources: RFC 8439 (the block function).
 */
#include "arch/x86/cpu.h"
#include "kernel/random.h"
#include "kernel/lib/string.h"
#include "kernel/time.h"

#define BLOCK_WORDS 16
#define KEY_WORDS   8

static uint32_t key[KEY_WORDS];

/* Made in advance, in small requests' favour; what was handed out is erased. */
static uint8_t stock[8 * BLOCK_WORDS * sizeof(uint32_t)];
static size_t in_stock;

#define ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                    \
	(a += b, d = ROTATE(d ^ a, 16), c += d, b = ROTATE(b ^ c, 12), a += b, \
	 d = ROTATE(d ^ a, 8), c += d, b = ROTATE(b ^ c, 7))

static void block(const uint32_t with[KEY_WORDS], uint64_t counter, uint32_t x[BLOCK_WORDS])
{
	const uint32_t in[BLOCK_WORDS] = {
		0x61707865,        0x3320646e,
		0x79622d32,        0x6b206574,
		with[0],           with[1],
		with[2],           with[3],
		with[4],           with[5],
		with[6],           with[7],
		(uint32_t)counter, (uint32_t)(counter >> 32),
	};

	memcpy(x, in, sizeof(in));
	for (unsigned round = 0; round < 10; round++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		x[i] += in[i];
}

/* The first half of a block replaces the key, the second half is the key of one request. */
static void next_key(uint32_t out[KEY_WORDS])
{
	uintptr_t flags = irq_save();
	uint32_t b[BLOCK_WORDS];

	block(key, 0, b);
	memcpy(key, b, sizeof(key));
	irq_restore(flags);
	memcpy(out, b + KEY_WORDS, sizeof(key));
}

static void make(uint8_t *p, size_t n)
{
	uint32_t mine[KEY_WORDS], b[BLOCK_WORDS];

	next_key(mine);
	for (uint64_t counter = 0; n; counter++) {
		size_t part = n < sizeof(b) ? n : sizeof(b);

		block(mine, counter, b);
		memcpy(p, b, part);
		p += part;
		n -= part;
	}
}

static void take_from_stock(void *to, size_t n)
{
	uintptr_t flags = irq_save();

	if (in_stock < n) {
		make(stock, sizeof(stock));
		in_stock = sizeof(stock);
	}
	in_stock -= n;
	memcpy(to, stock + in_stock, n);
	memset(stock + in_stock, 0, n);
	irq_restore(flags);
}

void random_bytes(void *to, size_t n)
{
	if (n <= sizeof(stock) / 8)
		take_from_stock(to, n);
	else
		make(to, n);
}

uint64_t random_u64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}

void random_stir(const void *from, size_t n)
{
	const uint8_t *p = from;
	uint32_t unused[KEY_WORDS];
	uintptr_t flags = irq_save();

	in_stock = 0;
	while (n) {
		size_t part = n < sizeof(key) ? n : sizeof(key);

		for (size_t i = 0; i < part; i++)
			((uint8_t *)key)[i] ^= p[i];
		next_key(unused);
		p += part;
		n -= part;
	}
	irq_restore(flags);
}

#ifdef __x86_64__
#define RDRAND "rdrand %q0"
#else
#define RDRAND "rdrand %0"
#endif

static uintptr_t cpu_random(void)
{
	uintptr_t v = 0;

	if (cpu_features.rdrand)
		__asm__ volatile(RDRAND : "=r"(v) : : "cc");
	return v;
}

void random_init(void)
{
	for (unsigned i = 0; i < 16; i++) {
		struct {
			uintptr_t random;
			uint64_t tsc, ns;
		} seed = { cpu_random(), cpu_features.tsc ? rdtsc() : 0, now_ns() };

		random_stir(&seed, sizeof(seed));
	}
}
