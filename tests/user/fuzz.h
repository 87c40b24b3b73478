/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz.h - what random programs (fuzz.c) are made of: chance, arguments (fuzz_values.c), calls
 * (fuzz_calls.c), descriptors of every kind (fuzz_files.c).
 */
#ifndef TESTS_USER_FUZZ_H
#define TESTS_USER_FUZZ_H

#include "user.h"

extern uint64_t chance; /* the seed, and then the state */
uint32_t next(void);
uint32_t below(uint32_t n);

/* Memory that arguments point into; of it, pages from ARENA_FREE on hold nothing of the test's own. */
enum { ARENA = 64, ARENA_FREE = 16, NR_END = 462 };
extern char *arena;

void make_values(void);
/* f descriptor, p path, b buffer, n size, i number, a address and o offset in pages, d process,
 * s signal, t a short time, u operation of futex, c command of ioctl, r range of userfaultfd,
 * m message, v vector, w word in memory, x anything. */
long argument(char kind);
long some_pointer(void);

/* A call and what its arguments are.  False: none this time. */
struct call {
	long nr;
	const char *kinds;
};
int choose_call(struct call *out);

/* Descriptors 3 and up: some of everything. */
void make_files(void);
void open_files(void);
/* What outlives who made it. */
void sweep_segments(void);

#endif
