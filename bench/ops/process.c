/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.c - rows about processes: fork, exec, wait, switching.
 */
#include "ops.h"

static ops_ticks fork_with(unsigned n, size_t touched)
{
	char *p = NULL;
	ops_ticks t;
	u64 start;

	if (touched) {
		p = map(touched);
		if (failed(p))
			return (long)p;
		ops_write(p, (unsigned)(touched / PAGE));
	}
	start = ticks();
	for (unsigned i = 0; i < n; i++) {
		long pid = sys0(NR_fork);

		if (pid == 0)
			quit(0);
		if (pid < 0)
			return pid;
		wait_for(pid);
	}
	t = ops_since(start, n);
	if (touched)
		unmap(p, touched);
	return t;
}

static ops_ticks fork_0(unsigned n)
{
	return fork_with(n, 0);
}

static ops_ticks fork_64(unsigned n)
{
	return fork_with(n, 64 * MiB);
}

static ops_ticks fork_256(unsigned n)
{
	return fork_with(n, 256 * MiB);
}

static ops_ticks start_self(unsigned n, long nr_fork)
{
	const char *argv[] = { ops_path, "exit", NULL };
	const char *envp[] = { NULL };
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		long pid = sys0(nr_fork);

		if (pid == 0) {
			sys3(NR_execve, (long)ops_path, (long)argv, (long)envp);
			quit(1);
		}
		if (pid < 0)
			return pid;
		wait_for(pid);
	}
	return ops_since(start, n);
}

static ops_ticks fork_exec(unsigned n)
{
	return start_self(n, NR_fork);
}

/* vfork returns twice on one stack: the child must touch no more of it than the trap does. */
static __attribute__((noinline)) long vfork_quit(void)
{
	long pid;

#ifdef __x86_64__
	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "mov %2, %%eax\n\t"
			 "xor %%edi, %%edi\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(pid)
			 : "a"(NR_vfork), "i"(NR_exit)
			 : "rcx", "r11", "rdi", "memory");
#else
	__asm__ volatile("int $0x80\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "mov %2, %%eax\n\t"
			 "xor %%ebx, %%ebx\n\t"
			 "int $0x80\n"
			 "1:"
			 : "=a"(pid)
			 : "a"(NR_vfork), "i"(NR_exit)
			 : "ebx", "memory");
#endif
	return pid;
}

static ops_ticks vfork_0(unsigned n)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++) {
		long pid = vfork_quit();

		if (pid < 0)
			return pid;
		wait_for(pid);
	}
	return ops_since(start, n);
}

static ops_ticks yield_alone(unsigned n)
{
	u64 start = ticks();

	for (unsigned i = 0; i < n; i++)
		sys0(NR_sched_yield);
	return ops_since(start, n);
}

/* Two processes yield to each other: each yield is a switch. */
static ops_ticks yield_switch(unsigned n)
{
	long pid = sys0(NR_fork);
	ops_ticks t;
	u64 start;

	if (pid == 0)
		for (;;)
			sys0(NR_sched_yield);
	if (pid < 0)
		return pid;
	for (unsigned i = 0; i < 16; i++)
		sys0(NR_sched_yield);
	start = ticks();
	for (unsigned i = 0; i < n; i++)
		sys0(NR_sched_yield);
	t = ops_since(start, n);
	sys2(NR_kill, pid, SIGKILL);
	wait_for(pid);
	return t;
}

const struct row rows_process[] = {
	{ "fork + exit + wait, nothing touched", fork_0, 20, 1, 9 },
	{ "fork + exit + wait, 64 MiB touched", fork_64, 2, 1, 5 },
	{ "fork + exit + wait, 256 MiB touched", fork_256, 2, 1, 3 },
	{ "fork + exec + exit + wait", fork_exec, 20, 1, 9 },
	{ 0 },
};

const struct row more_process[] = {
	{ "vfork + exit + wait", vfork_0, 20, 1, 9 },
	{ "sched_yield, alone", yield_alone, 500, 1, 9 },
	{ "sched_yield, two processes", yield_switch, 500, 1, 9 },
	{ 0 },
};
