/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sched.c - several CPUs in one thread: each is a coroutine, and every step may hand the turn
 * to another one, as the seed says.  An interrupt is served at the target's next step with
 * interrupts on.
 */
#include "arch/sim/mmu.h"

#include <stdlib.h>
#include <ucontext.h>

enum { STACK_BYTES = 256 * 1024 };

struct coroutine {
	ucontext_t context;
	void *stack;
	bool running;
};

static struct coroutine coroutines[SIM_MAX_CPUS];
static ucontext_t back;
static unsigned nrunning;
static bool inside_idle; /* an idle CPU serves without being switched away from */
static void (*body)(unsigned cpu, void *ctx);
static void *body_ctx;

static void take_interrupt(void)
{
	struct sim_cpu *c = &sim.cpu[sim.now];

	if (!c->ipi || c->irq_off)
		return;
	if (!sim.tlbs)
		sim_broken("an interrupt, and nobody to serve it: set sim.tlbs");
	c->ipi = false;
	c->irq_off = true;
	qr_tlb_serve(sim.tlbs, sim.now);
	c->irq_off = false;
}

/* A CPU without a task is idle, with interrupts on. */
static void wake_idle(void)
{
	unsigned now = sim.now;

	for (unsigned i = 0; i < sim.config.ncpus; i++) {
		if (i == now || coroutines[i].running || !sim.cpu[i].ipi)
			continue;
		sim.now = i;
		take_interrupt();
		sim.now = now;
	}
}

/* Any CPU that still runs, this one included. */
static unsigned pick(void)
{
	unsigned n = (unsigned)(sim_random() % nrunning);

	for (unsigned i = 0;; i++)
		if (coroutines[i].running && n-- == 0)
			return i;
}

static void switch_to(unsigned next)
{
	unsigned from = sim.now;

	if (next == from)
		return;
	sim.stats.switches++;
	sim.now = next;
	swapcontext(&coroutines[from].context, &coroutines[next].context);
}

void sim_step(void)
{
	if (sim.config.speculate && sim_random() % 8 == 0)
		sim_speculate((unsigned)(sim_random() % sim.config.ncpus));
	if (inside_idle)
		return;
	inside_idle = true;
	wake_idle();
	inside_idle = false;
	if (nrunning && sim_random() % 2 == 0)
		switch_to(pick());
	take_interrupt();
}

void sim_unsettled(bool begins)
{
	if (begins)
		sim.unsettled++;
	else
		sim.unsettled--;
}

static void start(void)
{
	unsigned cpu = sim.now;

	body(cpu, body_ctx);
	coroutines[cpu].running = false;
	if (--nrunning == 0)
		setcontext(&back);
	sim.now = pick();
	setcontext(&coroutines[sim.now].context);
}

void sim_run(unsigned ntasks, void (*task)(unsigned cpu, void *ctx), void *ctx)
{
	if (ntasks > sim.config.ncpus)
		sim_broken("there are only %u CPUs", sim.config.ncpus);
	body = task;
	body_ctx = ctx;
	for (unsigned i = 0; i < ntasks; i++) {
		struct coroutine *c = &coroutines[i];

		c->stack = malloc(STACK_BYTES);
		getcontext(&c->context);
		c->context.uc_stack.ss_sp = c->stack;
		c->context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&c->context, start, 0);
		c->running = true;
	}
	nrunning = ntasks;
	sim.now = pick();
	swapcontext(&back, &coroutines[sim.now].context);
	sim.now = 0;
	for (unsigned i = 0; i < ntasks; i++)
		free(coroutines[i].stack);
}
