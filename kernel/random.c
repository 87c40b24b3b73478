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

#define ROTATE(v, n) ((v) << (n) | (v) >> (32 - (n)))

static void quarter(uint32_t x[], unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b], x[d] = ROTATE(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = ROTATE(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = ROTATE(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = ROTATE(x[b] ^ x[c], 7);
}

static void block(const uint32_t with[KEY_WORDS], uint64_t counter, uint32_t out[BLOCK_WORDS])
{
	uint32_t in[BLOCK_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(in + 4, with, sizeof(uint32_t) * KEY_WORDS);
	in[12] = (uint32_t)counter;
	in[13] = (uint32_t)(counter >> 32);
	memcpy(out, in, sizeof(in));
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 4; i++)
			quarter(out, i, 4 + i, 8 + i, 12 + i);
		for (unsigned i = 0; i < 4; i++)
			quarter(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (unsigned i = 0; i < BLOCK_WORDS; i++)
		out[i] += in[i];
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

void random_bytes(void *to, size_t n)
{
	uint32_t mine[KEY_WORDS], b[BLOCK_WORDS];
	uint8_t *p = to;

	next_key(mine);
	if (n <= sizeof(mine)) {
		memcpy(to, mine, n);
		return;
	}
	for (uint64_t counter = 0; n; counter++) {
		size_t part = n < sizeof(b) ? n : sizeof(b);

		block(mine, counter, b);
		memcpy(p, b, part);
		p += part;
		n -= part;
	}
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
