/* SPDX-License-Identifier: BSD-2-Clause
 *
 * popcount.c - counting bits for CPUs whose instruction for it we may not assume.
 *
 * The compiler calls these by name.  Sums of pairs, of nibbles, of bytes, then one multiplication.
 */
#include <stdint.h>

int __popcountsi2(uint32_t v);
int __popcountdi2(uint64_t v);

int __popcountsi2(uint32_t v)
{
	v -= v >> 1 & 0x55555555u;
	v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
	return (int)(((v + (v >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24);
}

int __popcountdi2(uint64_t v)
{
	return __popcountsi2((uint32_t)v) + __popcountsi2((uint32_t)(v >> 32));
}
