/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the harness: calibrate, run the rows, print them, power off when this is init.
 *
 * What it prints, one fact a line, for bench/run:
 *
 *	ops first TICKS			counter at the first user instruction
 *	ops scale TICKS INSTRUCTIONS	a loop of known length, to show that a tick is one
 *	ops row GROUP TENTHS NAME	tenths of a tick per operation; "-ERRNO" when impossible
 *	ops weight BYTES NAME
 *	ops done
 *
 * `ops exit` ends at once (the exec rows start that); `ops NAME…` runs the rows whose names
 * begin so.
 */
#include "ops.h"

extern u64 ops_first;
void ops_sigreturn(void);
_Noreturn void ops_main(long *stack);

const char *ops_path;
u32 ops_loop;
static const char *wanted;

/* ---- words and numbers -------------------------------------------------------------- */

/* The compiler may turn loops and assignments into this call; there is no library to have it. */
void *memset(void *to, int c, size_t n)
{
	char *p = to;

	while (n--)
		*(volatile char *)p++ = (char)c;
	return to;
}

static size_t length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* "_" stands for any character: a kernel's command line is no place for blanks. */
static int begins(const char *s, const char *with)
{
	for (; *with; s++, with++)
		if (!*s || (*s != *with && *with != '_'))
			return 0;
	return 1;
}

/* 64 by 32 bits without a library: schoolbook on i386, where the quotient may be long. */
static u64 divide(u64 n, u32 d)
{
#ifdef __x86_64__
	return n / d;
#else
	u32 hi = (u32)(n >> 32), q_hi = hi / d, rest = hi % d, q_lo;

	__asm__("divl %3" : "=a"(q_lo), "+d"(rest) : "a"((u32)n), "r"(d));
	return (u64)q_hi << 32 | q_lo;
#endif
}

static char line[256];
static size_t used;

static void put(const char *s)
{
	for (size_t n = length(s); n && used < sizeof line; n--)
		line[used++] = *s++;
}

static void put_number(int64_t value)
{
	u64 v = value < 0 ? -(u64)value : (u64)value;
	char digits[24], *p = digits + sizeof digits - 1;

	*p = 0;
	do {
		u64 rest = divide(v, 10);

		*--p = (char)('0' + (v - rest * 10));
		v = rest;
	} while (v);
	if (value < 0)
		*--p = '-';
	put(p);
}

/* Write the line out, and sleep until the console has sent it: its interrupts must not fall
 * into the next row.  Sleeping costs no instructions that count. */
static __attribute__((noinline)) void put_line(void)
{
	struct timespec_k drain = { 0, 50 * 1000 * 1000 };

	put("\n");
	sys3(NR_write, 1, (long)line, (long)used);
	used = 0;
	sys2(NR_nanosleep, &drain, 0);
}

/* ---- measuring ---------------------------------------------------------------------- */

static u64 count_to(u32 n)
{
	u64 start = ticks();

	ops_spin(n);
	return ticks() - start;
}

static void calibrate(void)
{
	enum { N = 64 * 1024 };
	u64 best = -1ull, start, t;

	for (unsigned round = 0; round < 5; round++) {
		start = ticks();
		for (unsigned i = 0; i < N; i++)
			__asm__ volatile("");
		t = ticks() - start;
		best = t < best ? t : best;
	}
	ops_loop = (u32)(best / (N / 1024));
	put("ops scale ");
	best = -1ull;
	for (unsigned round = 0; round < 5; round++) {
		t = count_to(500000);
		best = t < best ? t : best;
	}
	put_number((int64_t)best);
	put(" 1000000");
	put_line();
}

static ops_ticks median(ops_ticks *t, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && t[k - 1] > t[k]; k--) {
			ops_ticks swap = t[k];

			t[k] = t[k - 1];
			t[k - 1] = swap;
		}
	return t[n / 2];
}

static void run_rows(const char *group, const struct row *row)
{
	for (; row->name; row++) {
		ops_ticks t[16], first;

		if (wanted && !begins(row->name, wanted))
			continue;
		first = row->run(row->n);
		for (unsigned i = 0; i < row->rounds && first >= 0; i++)
			t[i] = row->run(row->n);
		put("ops row ");
		put(group);
		put(" ");
		if (first < 0)
			put_number(first);
		else
			put_number(
			    (int64_t)divide((u64)median(t, row->rounds) * 10, row->n * row->per));
		put(" ");
		put(row->name);
		put_line();
	}
}

static void run_weights(void)
{
	for (const struct weight *w = weights; w->name; w++) {
		if (wanted && !begins(w->name, wanted))
			continue;
		put("ops weight ");
		put_number(w->run());
		put(" ");
		put(w->name);
		put_line();
	}
}

long ops_handle(int sig, void (*handler)(int, void *, void *))
{
	struct sigaction_k act = { handler, SA_SIGINFO | SA_RESTORER, ops_sigreturn, 0 };

	return sys4(NR_rt_sigaction, sig, &act, 0, 8);
}

static void run_all(void)
{
	run_weights(); /* first: before the rows have filled what the kernel keeps */
	run_rows("main", rows_call);
	run_rows("main", rows_map);
	run_rows("main", rows_fault);
	run_rows("main", rows_process);
	run_rows("main", rows_ipc);
	run_rows("calls", call_lock);
	run_rows("calls", call_advise);
	run_rows("calls", call_share);
	run_rows("calls", call_thread);
	run_rows("calls", call_proc);
	run_rows("more", more_map);
	run_rows("more", more_fault);
	run_rows("more", more_huge);
	run_rows("more", more_process);
	run_rows("more", more_ipc);
	run_rows("more", more_file);
	run_rows("other", other_name);
	run_rows("other", other_move);
	run_rows("other", other_ready);
	run_rows("other", other_socket);
	run_rows("other", other_self);
	run_rows("calls", call_pager); /* last: its thread stays */
}

static void mount_all(void)
{
	sys2(NR_mkdir, "/proc", 0755);
	sys5(NR_mount, "proc", "/proc", "proc", 0, 0);
	sys2(NR_mkdir, "/dev/pts", 0755);
	sys5(NR_mount, "devpts", "/dev/pts", "devpts", 0, "ptmxmode=666");
}

_Noreturn void ops_main(long *stack)
{
	char **argv = (char **)(stack + 1);
	int is_init;

	if (stack[0] > 1 && begins(argv[1], "exit"))
		quit(0);
	ops_path = argv[0];
	if (stack[0] > 1)
		wanted = argv[1];
	is_init = sys0(NR_getpid) == 1;
	put("ops first ");
	put_number((int64_t)ops_first);
	put_line();
	sys6(NR_prctl, 41 /* PR_SET_THP_DISABLE */, 1, 0, 0, 0, 0);
	if (is_init)
		mount_all();
	calibrate();
	run_all();
	put("ops done");
	put_line();
	if (is_init)
		sys4(NR_reboot, 0xfee1deadu, 672274793, 0x4321fedcu, 0);
	quit(0);
}
