/* SPDX-License-Identifier: BSD-2-Clause
 *
 * div64.c - division of 64-bit numbers on a 32-bit machine.
 *
 * The compiler calls these by name.  Its own library has them too, but with arguments on the
 * stack, and the 32-bit kernel is built with arguments in registers.
 *
 * Schoolbook with digits of 32 bits where the divisor is one digit, which is nearly always;
 * otherwise an estimate from the leading 32 bits, which is at most one too large.
 */
#ifndef __x86_64__

#include <stdint.h>

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);
int64_t __divmoddi4(int64_t n, int64_t d, int64_t *rest);

/* high:low / d, where high < d, so that the quotient fits. */
static uint32_t divide_digit(uint32_t high, uint32_t low, uint32_t d, uint32_t *rest)
{
	uint32_t q;

	__asm__("divl %4" : "=a"(q), "=d"(*rest) : "a"(low), "d"(high), "r"(d) : "cc");
	return q;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest)
{
	uint32_t high = (uint32_t)(n >> 32), low = (uint32_t)n, r;

	if (!(d >> 32)) {
		uint32_t d0 = (uint32_t)d, q1 = high / d0;
		uint32_t q0 = divide_digit(high % d0, low, d0, &r);

		if (rest)
			*rest = r;
		return (uint64_t)q1 << 32 | q0;
	}
	/* Leading 32 bits of the divisor, the dividend halved so that the estimate fits. */
	unsigned shift = 32 - (unsigned)__builtin_clz((uint32_t)(d >> 32));
	uint64_t half = n >> 1;
	uint64_t q =
	    divide_digit((uint32_t)(half >> 32), (uint32_t)half, (uint32_t)(d >> shift), &r);

	q = q >> (shift - 1);
	if (q)
		q--; /* now at most one too small */
	n -= q * d;
	if (n >= d) {
		n -= d;
		q++;
	}
	if (rest)
		*rest = n;
	return q;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
	return __udivmoddi4(n, d, 0);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
	uint64_t rest;

	__udivmoddi4(n, d, &rest);
	return rest;
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

int64_t __divmoddi4(int64_t n, int64_t d, int64_t *rest)
{
	uint64_t r, q = __udivmoddi4(magnitude(n), magnitude(d), &r);

	*rest = (int64_t)(n < 0 ? -r : r);
	return (int64_t)((n < 0) != (d < 0) ? -q : q);
}

int64_t __divdi3(int64_t n, int64_t d)
{
	int64_t rest;

	return __divmoddi4(n, d, &rest);
}

int64_t __moddi3(int64_t n, int64_t d)
{
	int64_t rest;

	__divmoddi4(n, d, &rest);
	return rest;
}

#endif
