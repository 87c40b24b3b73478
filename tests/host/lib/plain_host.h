/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plain_host.h - the hooks of quire/host.h for a test without a machine: threads are CPUs,
 * there are no interrupts, and a broken rule comes back to the test that provoked it.
 *
 *	if (panics(qr_pool_free(&pool, garbage)))
 *		ok(strstr(broken_rule, "pool"), "...");
 *
 * Include it in one source of the program.
 */
#ifndef PLAIN_HOST_H
#define PLAIN_HOST_H

#include "lock_order.h"

#include <quire/host.h>

#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static __thread unsigned host_cpu;
static __thread bool waited; /* this thread has found a lock taken */
static __thread jmp_buf *catcher;
static __thread const char *broken_rule;

unsigned qr_host_cpu(void)
{
	return host_cpu;
}

uintptr_t qr_host_irq_save(void)
{
	return 0;
}

void qr_host_irq_restore(uintptr_t state)
{
	(void)state;
}

void qr_host_relax(void)
{
	waited = true;
	sched_yield();
}

void qr_host_panic(const char *rule, const char *file, int line)
{
	broken_rule = rule;
	if (catcher)
		longjmp(*catcher, 1);
	printf("Bail out! %s:%d: %s\n", file, line, rule);
	fflush(stdout);
	abort();
}

/* True if `statement` broke a rule; broken_rule says which. */
#define panics(statement)                    \
	({                                   \
		jmp_buf here_;               \
		volatile bool broke_ = true; \
		if (setjmp(here_) == 0) {    \
			catcher = &here_;    \
			(void)(statement);   \
			broke_ = false;      \
		}                            \
		catcher = NULL;              \
		if (broke_)                  \
			lock_order_forget(); \
		broke_;                      \
	})

#endif
