/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/crc32.h"

void crc32_init(struct crc32 *c)
{
	for (unsigned b = 0; b < 256; b++) {
		uint32_t v = b;

		for (unsigned bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
		c->table[0][b] = v;
	}
	for (unsigned b = 0; b < 256; b++)
		for (unsigned k = 1; k < 4; k++) {
			uint32_t v = c->table[k - 1][b];

			c->table[k][b] = v >> 8 ^ c->table[0][v & 0xff];
		}
	c->value = 0;
}

void crc32_add(struct crc32 *c, const uint8_t *p, size_t n)
{
	uint32_t v = ~c->value, word;

	for (; n >= 4; n -= 4, p += 4) {
		__builtin_memcpy(&word, p, 4);
		v ^= word;
		v = c->table[3][v & 0xff] ^ c->table[2][v >> 8 & 0xff] ^
		    c->table[1][v >> 16 & 0xff] ^ c->table[0][v >> 24];
	}
	for (; n; n--)
		v = v >> 8 ^ c->table[0][(v ^ *p++) & 0xff];
	c->value = ~v;
}
