/* SPDX-License-Identifier: BSD-2-Clause
 *
 * touch.c - accesses that may fault, and what came of them.
 *
 * Only one actor runs at a time, so one place to jump back to serves all threads.
 */
#include "tests/replay/replay.h"
#include <signal.h>
#include <string.h>

static sigjmp_buf escape;
static struct fault fault;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault = (struct fault){ signal, info->si_code, (uintptr_t)info->si_addr };
	siglongjmp(escape, 1);
}

/* The mask stays as it is: neither taking a signal nor jumping back costs a call. */
void catch_signals(void)
{
	static const int caught[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER };

	for (unsigned i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		sigaction(caught[i], &act, NULL);
	act.sa_flags = 0;
	act.sa_handler = SIG_IGN; /* too large a file: the error tells */
	sigaction(SIGXFSZ, &act, NULL);
}

bool touch_read(uintptr_t at, uint64_t *value, struct fault *f)
{
	if (sigsetjmp(escape, 0)) {
		*f = fault;
		return false;
	}
	memcpy(value, (const void *)at, sizeof(*value));
	__asm__ volatile("" ::: "memory");
	return true;
}

/* The low byte first: it is the one that faults, whatever the width of a store. */
bool touch_write(uintptr_t at, uint64_t value, struct fault *f)
{
	if (sigsetjmp(escape, 0)) {
		*f = fault;
		return false;
	}
	*(volatile uint8_t *)at = (uint8_t)value;
	memcpy((void *)at, &value, sizeof(value));
	__asm__ volatile("" ::: "memory");
	return true;
}

/* Zeroes are `add %al,(%eax)`: with a good pointer there, they do no harm. */
bool touch_exec(uintptr_t at, struct fault *f)
{
	static uint64_t scratch;
	void *p = &scratch;

	if (sigsetjmp(escape, 0)) {
		*f = fault;
		return false;
	}
	__asm__ volatile("call *%1" : "+a"(p) : "r"(at) : "memory", "cc");
	return true;
}

uint64_t word_of(unsigned n)
{
	return 0xc3 | (uint64_t)n << 8;
}

void say_fault(const struct fault *f)
{
	static const char *const names[] = {
		[SIGSEGV] = "SIGSEGV", [SIGBUS] = "SIGBUS",   [SIGILL] = "SIGILL",
		[SIGFPE] = "SIGFPE",   [SIGTRAP] = "SIGTRAP",
	};

	say(names[f->signal]);
	say(" code ");
	say_number(f->code);
	say(" at ");
	say_place(f->at);
}
