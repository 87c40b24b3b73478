/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Magazines that an interrupt comes between: at each instruction of a pop and of a push, by the
 * processor's single step, a handler takes or brings objects, as an interrupt would, and goes back
 * where the kernel would.  No object is lost and none is there twice.
 */
#include "tap.h"

/* Where the linker says that the section is, without a script. */
#define restart_table_start __start___restart
#define restart_table_end   __stop___restart
#include "arch/x86/restart.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

enum { SLOTS = 32, STEPS = 16, TRAP_FLAG = 0x100 };

#ifdef __x86_64__
#define IP REG_RIP
#else
#define IP REG_EIP
#endif

/* As the heap's: objects end at the last word, the word below them is 0. */
static qr_word magazine[SLOTS] __attribute__((aligned(SLOTS * sizeof(qr_word))));
static qr_word *top;
static unsigned seen[64]; /* how often each object came out */

static volatile int step, at, pops, pushes; /* which instruction, and what happens there */
static volatile unsigned restarts;
static volatile bool came;

static uintptr_t plain_pop(void)
{
	return top[-1] ? *--top : 0;
}

static bool plain_push(uintptr_t object)
{
	if ((uintptr_t)top % sizeof(magazine) == 0)
		return false;
	*top++ = object;
	return true;
}

static void interrupt(int signal, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t ip = (uintptr_t)r[IP];

	(void)signal, (void)info;
	if (step++ < at)
		return;
	came = true;
	r[IP] = (greg_t)restarted(ip);
	restarts += restarted(ip) != ip;
	for (int i = 0; i < pops; i++)
		seen[plain_pop()]++;
	for (int i = 0; i < pushes; i++)
		if (!plain_push(40u + (unsigned)i))
			seen[40 + i]++; /* it stays with the handler */
	r[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

/* A trap after each instruction, from the next one on; and no more. */
#ifdef __x86_64__
#define FLAGS(change)                                                                             \
	__asm__ volatile("sub $128, %%rsp\n\tpushfq\n\t" change " (%%rsp)\n\tpopfq\n\tadd $128, " \
			 "%%rsp" ::                                                               \
			     : "memory", "cc")
#else
#define FLAGS(change) __asm__ volatile("pushfl\n\t" change " (%%esp)\n\tpopfl" ::: "memory", "cc")
#endif
#define begin_steps() FLAGS("orl $0x100,")
#define end_steps()   FLAGS("andl $~0x100,")

static __attribute__((noinline)) void pop_in_steps(void)
{
	uintptr_t object;

	begin_steps();
	object = restart_pop(&top);
	end_steps();
	seen[object]++;
}

static __attribute__((noinline)) void push_in_steps(void)
{
	bool put;

	begin_steps();
	put = restart_push(&top, 50);
	end_steps();
	if (!put)
		seen[50]++;
}

/* n objects are there; which, and how many can be. */
static void fill(int n)
{
	memset(magazine, 0, sizeof(magazine));
	memset(seen, 0, sizeof(seen));
	top = &magazine[SLOTS - 4];
	for (int i = 0; i < n; i++)
		*top++ = 1u + (unsigned)i;
	step = 0;
	came = false;
}

/* Every object is once somewhere. */
static bool whole(int n, bool pushed)
{
	for (qr_word *p = top; p[-1]; p--)
		seen[p[-1]]++;
	for (int i = 1; i <= n; i++)
		if (seen[i] != 1)
			return false;
	for (int i = 0; i < pushes; i++)
		if (seen[40 + i] != came)
			return false;
	return seen[50] == pushed;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = interrupt, .sa_flags = SA_SIGINFO };
	unsigned n = 0;

	must(!sigaction(SIGTRAP, &action, NULL), "sigaction");
	for (pops = 0; pops <= 2; pops++)
		for (pushes = 0; pushes <= 2; pushes++)
			for (int had = 0; had <= 4; had++)
				for (at = 0; at < STEPS; at++, n += came) {
					fill(had);
					pop_in_steps();
					must(whole(had, false), "pop of %d, at %d, %d out, %d in",
					     had, at, pops, pushes);
					fill(had);
					push_in_steps();
					must(whole(had, true), "push on %d, at %d, %d out, %d in",
					     had, at, pops, pushes);
				}
	ok(restarts > 100, "%u interrupts, %u restarts: no object lost, none twice", n, restarts);
	return done();
}
