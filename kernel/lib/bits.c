/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bits.c - counting and finding bits, for CPUs whose instructions for it we may not assume.
 *
 * The compiler calls these by name.
 */
#include <stdint.h>

int __popcountsi2(uint32_t v);
int __popcountdi2(uint64_t v);
int __ctzdi2(uint64_t v);
int __clzdi2(uint64_t v);

/* Sums of pairs, of nibbles, of bytes, then one multiplication. */
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

/* v is not 0. */
int __ctzdi2(uint64_t v)
{
	uint32_t low = (uint32_t)v;

	return low ? __builtin_ctz(low) : 32 + __builtin_ctz((uint32_t)(v >> 32));
}

int __clzdi2(uint64_t v)
{
	uint32_t high = (uint32_t)(v >> 32);

	return high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)v);
}
