/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ops.h - the measuring program: guest instructions per kernel operation.
 *
 * A *row* is one operation.  Its function performs it `n` times and answers the ticks that
 * took, or a negative errno when this kernel cannot do it; what prepares and what clears away
 * stays outside the ticks.  The harness (main.c) calls each row once to warm caches up, then
 * for a number of rounds, and prints the median, divided by n and by `per`: the timer tick
 * that falls into one round does not reach the median.
 *
 * Under `-icount shift=0` a tick is an instruction, so the figures are the same on every run.
 */
#ifndef OPS_H
#define OPS_H

#include "sys.h"

typedef int64_t ops_ticks;

struct row {
	const char *name;
	ops_ticks (*run)(unsigned n);
	unsigned n;   /* operations in one round */
	unsigned per; /* parts that one operation has (pages), 0 for 1 */
	unsigned rounds;
};

/* A row of the footprint: bytes of memory that one more of something takes. */
struct weight {
	const char *name;
	long (*run)(void); /* bytes, or a negative errno */
};

/* Rows that the marks are set on, and further ones; each list ends with a nameless row. */
extern const struct row rows_call[], rows_map[], rows_fault[], rows_process[], rows_ipc[];
extern const struct row more_map[], more_fault[], more_huge[], more_process[], more_ipc[];
extern const struct row more_file[];
extern const struct row call_lock[], call_advise[], call_share[], call_thread[], call_pager[],
    call_proc[];
extern const struct row other_name[], other_move[], other_ready[], other_socket[], other_self[];
extern const struct weight weights[];

/* How this program was started: what exec rows start again. */
extern const char *ops_path;

/* Ticks of one turn of an empty loop, in 1/1024. */
extern u32 ops_loop;

/* Ticks since `start`, less what n turns of the loop itself cost. */
static inline ops_ticks ops_since(u64 start, unsigned n)
{
	ops_ticks t = (ops_ticks)(ticks() - start);

	return t - (ops_ticks)(((u64)ops_loop * n) >> 10);
}

/* Ticks of n times this call; the first error, if there is one. */
#define OPS_TIMED(n, call)                                         \
	({                                                         \
		long err_ = 0;                                     \
		u64 start_ = ticks();                              \
		for (unsigned i_ = 0; i_ < (n) && err_ >= 0; i_++) \
			err_ = (call);                             \
		err_ < 0 ? (ops_ticks)err_ : ops_since(start_, n); \
	})

/* 2n instructions. */
static inline void ops_spin(u32 n)
{
	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(n));
}

/* A byte to another process and back, n times: near and far are { read, write } here and there. */
ops_ticks ops_ping(unsigned n, const int near[2], const int far[2]);

/* Write (or read) one byte in each of npages pages. */
static inline void ops_write(char *p, unsigned npages)
{
	for (unsigned i = 0; i < npages; i++)
		*(volatile char *)(p + i * PAGE) = 1;
}

static inline void ops_read(const char *p, unsigned npages)
{
	for (unsigned i = 0; i < npages; i++)
		(void)*(const volatile char *)(p + i * PAGE);
}

/* Make a fresh file of npages pages filled with ones; answers its descriptor or an error. */
int ops_file(const char *path, unsigned npages);

/* Set a handler; answers the kernel's answer. */
long ops_handle(int sig, void (*handler)(int, void *, void *));

#endif
