/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap.h - what a unit test on the host needs: results in TAP, and a seed for random tests.
 *
 *	int main(void)
 *	{
 *		ok(1 + 1 == 2, "one and one");
 *		for (unsigned i = 0; i < 1000000; i++)
 *			must(step(), "step %u", i);     // silent while it holds
 *		ok(true, "a million steps");
 *		return done();
 *	}
 *
 * A test that dies says so by its exit status: `done` prints the plan, and a program that
 * never reached it has failed.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdint.h>

/* One result, one line.  Returns cond.  May be called from several threads. */
#define ok(cond, ...) tap_ok(!!(cond), #cond, __FILE__, __LINE__, __VA_ARGS__)

/* ok(got == want), and both values shown if they differ. */
#define is(got, want, ...) \
	tap_is((uint64_t)(got), (uint64_t)(want), #got, __FILE__, __LINE__, __VA_ARGS__)

/* Says nothing while cond holds; otherwise a failed result, and the end of the program. */
#define must(cond, ...)                                                  \
	do {                                                             \
		if (!(cond))                                             \
			tap_die(#cond, __FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

#define TAP_FORMAT(n) __attribute__((format(printf, n, n + 1)))

bool tap_ok(bool cond, const char *text, const char *file, int line, const char *fmt, ...)
    TAP_FORMAT(5);
bool tap_is(uint64_t got, uint64_t want, const char *text, const char *file, int line,
	    const char *fmt, ...) TAP_FORMAT(6);
_Noreturn void tap_die(const char *text, const char *file, int line, const char *fmt, ...)
    TAP_FORMAT(4);

/* A remark, shown under the results. */
void diag(const char *fmt, ...) TAP_FORMAT(1);

/* A result that could not be had here, and why. */
void skip(const char *fmt, ...) TAP_FORMAT(1);

/* Print the plan.  Returns what main should: 0 if every result was ok. */
int done(void);

/* The seed of this run: $QUIRE_SEED, or one from the clock.  Printed when first asked for. */
uint64_t seed(void);

/* The next number of a random stream that starts at any *state (splitmix64). */
uint64_t random64(uint64_t *state);

/* A number below `bound`, which is not 0. */
uint64_t random_below(uint64_t *state, uint64_t bound);

#endif
