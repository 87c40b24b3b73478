/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_brk.c - the program break, the stack that grows, and its guard.
 */
#include "user.h"
#include <sys/resource.h>

static char *break_at(void *p)
{
	return (char *)syscall(SYS_brk, p);
}

TEST("the break goes up with zeroes and down without a trace")
{
	char *start = break_at(NULL), *base = (char *)(((uintptr_t)start + PAGE) & -PAGE);

	CHECK(break_at(base + 8 * PAGE) == base + 8 * PAGE);
	for (size_t i = 0; i < 8 * PAGE; i++)
		if (base[i]) {
			CHECK(base[i] == 0);
			break;
		}
	memset(base, 0x77, 8 * PAGE);
	CHECK(break_at(base + PAGE) == base + PAGE);
	CHECK_EQ(fault_read(base + PAGE), SIGSEGV);
	CHECK_EQ(base[PAGE - 1], 0x77);
	CHECK(break_at(base + 8 * PAGE) == base + 8 * PAGE);
	CHECK_EQ(base[PAGE], 0);
	CHECK_EQ(base[8 * PAGE - 1], 0);
	CHECK(break_at(start) == start);
}

TEST("a break that cannot be stays where it was")
{
	char *start = break_at(NULL);

	CHECK(break_at((void *)1) == start);
	CHECK(break_at((void *)-1) == start);
	if (sizeof(void *) == 8)
		CHECK(break_at((void *)((uintptr_t)-1 / 2)) == start);
	CHECK(break_at(NULL) == start);
}

TEST("the break is odd bytes exact, and does not run over a mapping")
{
	char *start = break_at(NULL), *wall = (char *)(((uintptr_t)start + 16 * PAGE) & -PAGE);

	CHECK(break_at(start + 13) == start + 13);
	CHECK(break_at(NULL) == start + 13);
	NEED(mmap(wall, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == wall);
	CHECK(break_at(wall + 4 * PAGE) == start + 13);
	CHECK(break_at(start) == start);
}

/* Go down the stack by a page at a time until `depth` bytes are in use. */
static __attribute__((noinline)) int descend(size_t depth)
{
	volatile char here[PAGE];

	here[0] = (char)depth;
	here[PAGE - 1] = 1;
	if (depth <= PAGE)
		return here[0] + here[PAGE - 1] ? 1 : 0;
	return descend(depth - PAGE) + (here[PAGE - 1] == 1);
}

TEST("the stack grows by itself, as far as its limit lets it")
{
	CHECK(descend(4 * MiB) > 0);
	CHECK(descend(6 * MiB) > 0);
}

static void overrun(void *unused)
{
	(void)unused;
	signal(SIGSEGV, SIG_DFL);
	descend(64 * MiB);
}

TEST("a stack that outgrows its limit ends the program with SIGSEGV")
{
	struct rlimit limit;
	int status;

	getrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 32 * MiB)
		skip("no stack limit");
	status = in_child(overrun, NULL);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static volatile sig_atomic_t caught;
static sigjmp_buf back;

static void on_overrun(int sig)
{
	caught = sig;
	siglongjmp(back, 1);
}

static void overrun_caught(void *stack)
{
	stack_t alt = { .ss_sp = stack, .ss_size = 16 * PAGE };
	struct sigaction act = { .sa_handler = on_overrun, .sa_flags = SA_ONSTACK };

	NEED(sigaltstack(&alt, NULL) == 0);
	sigaction(SIGSEGV, &act, NULL);
	if (!sigsetjmp(back, 1))
		descend(64 * MiB);
	CHECK_EQ(caught, SIGSEGV);
}

TEST("on a stack of its own, a handler hears of the overrun")
{
	struct rlimit limit;

	getrlimit(RLIMIT_STACK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 32 * MiB)
		skip("no stack limit");
	CHECK_EQ(in_child(overrun_caught, fresh(16 * PAGE)), 0);
}

static char bss[300 * 1000];
static char data[5000] = { 1 };

TEST("the program's own zeroes are zero, and its data is its own")
{
	size_t bad = 0;

	for (size_t i = 0; i < sizeof bss; i++)
		bad += bss[i] != 0;
	for (size_t i = 1; i < sizeof data; i++)
		bad += data[i] != 0;
	CHECK_EQ(bad, 0);
	CHECK_EQ(data[0], 1);
	memset(bss, 1, sizeof bss); /* for the next program that gets these frames to find */
}

TEST("the program's text and constants cannot be written")
{
	CHECK_EQ(fault_write((void *)(uintptr_t)&descend, 0), SIGSEGV);
	CHECK_EQ(fault_write((void *)(uintptr_t) "a constant", 0), SIGSEGV);
}
