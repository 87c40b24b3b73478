/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.c - nanoseconds from the TSC, or from the tick where there is no TSC; interrupts in time.
 *
 * The TSC's rate is measured once against the PIT's channel 2 over two milliseconds, and the CPU's
 * own timer with it; both ends are read until a reading was not interrupted, so the rates are right
 * to about 0.05 %.  Time is the counts since then times a 0.32 fixed-point factor: a handful of
 * instructions.
 *
 * What will interrupt is known by when it will (`armed`), so that asking for a later time, which is
 * what most do, costs a comparison.
 *
 * Limits: a TSC that stops or changes its rate is not noticed.  The PIT counts 55 ms at most, so
 * without another timer an idle system wakes 18 times a second.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "drivers/clock.h"
#include "drivers/lapic.h"
#include "drivers/pit.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"

#define NS_PER_SECOND    1000000000ull
#define CALIBRATE_COUNTS (PIT_HZ / 500) /* two milliseconds */
#define SAMPLE_TRIES     8
#define MEASURE_TRIES    5
#define SPIN_MAX         1000000u
#define AHEAD_MAX        (16 * NS_PER_SECOND) /* no timer is set to more: its counts must fit */

enum timer { TICKS, PIT, LAPIC };

bool clock_counts_tsc;
static enum timer timer;    /* what interrupts; TICKS: without being asked */
static uint32_t factor;     /* nanoseconds per count, 0.32: the TSC has 1 GHz or more */
static uint32_t per_ns;     /* counts of the timer per nanosecond, 0.32 */
static uint64_t base_count; /* TSC at time 0 */
static uint64_t base_ns;    /* by ticks, where there is no TSC */
static uint64_t armed = UINT64_MAX;
static void (*event)(void);

/* count * by / 2^32. */
static uint64_t scale(uint64_t count, uint32_t by)
{
#ifdef __x86_64__
	return (uint64_t)((unsigned __int128)count * by >> 32);
#else
	return (count >> 32) * by + ((count & UINT32_MAX) * by >> 32);
#endif
}

static uint64_t pit_ns(void)
{
	static uint64_t last;
	uintptr_t flags = irq_save();
	uint64_t ns = base_ns + pit_elapsed_ns();

	if (ns < last) /* the counter has wrapped, and the tick is still to come */
		ns = last;
	last = ns;
	irq_restore(flags);
	return ns;
}

uint64_t clock_ns(void)
{
	return clock_counts_tsc ? scale(rdtsc() - base_count, factor) : pit_ns();
}

uint64_t clock_count_ns(uint64_t counts)
{
	return clock_counts_tsc ? scale(counts, factor) : counts;
}

/* ---- interrupts ------------------------------------------------------------------------- */

static void interrupted(void *arg)
{
	(void)arg;
	base_ns += NS_PER_SECOND / CLOCK_HZ;
	armed = UINT64_MAX;
	event();
}

static __attribute__((cold)) void set_timer(uint64_t ns)
{
	uint64_t counts = scale(ns < AHEAD_MAX ? ns : AHEAD_MAX, per_ns) + 1;

	if (timer == LAPIC)
		lapic_timer_set(counts < UINT32_MAX ? (uint32_t)counts : UINT32_MAX);
	else
		pit_shot(counts < PIT_COUNTS_MAX ? (unsigned)counts : PIT_COUNTS_MAX);
}

void clock_interrupt_at(uint64_t when)
{
	uintptr_t flags;
	uint64_t now;

	if (when >= armed || timer == TICKS)
		return;
	flags = irq_save();
	now = clock_ns();
	armed = when;
	set_timer(when > now ? when - now : 0);
	irq_restore(flags);
}

/* ---- measuring -------------------------------------------------------------------------- */

/* All counters at one moment, as nearly as can be had: of a few readings the one that took
 * least, since under a hypervisor any of them may be interrupted for milliseconds. */
struct sample {
	uint64_t tsc;
	uint32_t left, lapic_left;
};

static __attribute__((cold)) struct sample take_sample(void)
{
	struct sample best = { 0, 0, 0 };
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = rdtsc();
		uint32_t left = pit_oneshot_left();
		uint32_t lapic_left = timer == LAPIC ? lapic_timer_left() : 0;
		uint64_t took = rdtsc() - before;

		if (took < least) {
			least = took;
			best = (struct sample){ before + took / 2, left, lapic_left };
		}
	}
	return best;
}

/* Counts per second of the TSC and of the CPU's timer; false if the PIT does not move or never
 * lets us look in time. */
static __attribute__((cold)) bool measure(uint64_t *tsc_hz, uint64_t *lapic_hz)
{
	for (unsigned i = 0; i < MEASURE_TRIES; i++) {
		struct sample begin, end;
		unsigned spin = 0;
		uint32_t took;

		pit_oneshot_start(PIT_ONESHOT_MAX_US);
		if (timer == LAPIC)
			lapic_timer_set(UINT32_MAX);
		begin = take_sample();
		while (begin.left - pit_oneshot_left() < CALIBRATE_COUNTS && spin++ < SPIN_MAX)
			;
		end = take_sample();
		took = begin.left - end.left;
		if (pit_oneshot_ended() || begin.left <= end.left)
			continue;
		*tsc_hz = (end.tsc - begin.tsc) * PIT_HZ / took;
		*lapic_hz = (uint64_t)(begin.lapic_left - end.lapic_left) * PIT_HZ / took;
		return true;
	}
	return false;
}

static __attribute__((cold)) void start_tsc(uint64_t hz)
{
	uint64_t f;

	/* A factor needs 32 bits: at least 1 GHz less the error of measuring. */
	if (hz <= NS_PER_SECOND * 99 / 100)
		return;
	f = (NS_PER_SECOND << 32) / hz;
	factor = f > UINT32_MAX ? UINT32_MAX : (uint32_t)f;
	clock_counts_tsc = true;
	base_count = rdtsc();
}

/* How the rate is used allows it to be anything from 1 MHz to 200. */
static __attribute__((cold)) void start_timer(uint64_t lapic_hz)
{
	if (timer == LAPIC && lapic_hz >= 1000000 && lapic_hz <= 200000000) {
		lapic_timer_set(0);
		pit_shot(0);
	} else {
		timer = PIT;
		lapic_hz = PIT_HZ;
	}
	per_ns = (uint32_t)((lapic_hz << 32) / NS_PER_SECOND);
}

__attribute__((cold)) void clock_init(void (*fn)(void))
{
	uint64_t tsc_hz = 0, lapic_hz = 0;

	event = fn;
	if (cpu_features.tsc && !boot_has_option("notsc")) {
		timer = lapic_init(VECTOR_IRQ0 + IRQ_TIMER) ? LAPIC : PIT;
		if (measure(&tsc_hz, &lapic_hz))
			start_tsc(tsc_hz);
	}
	if (clock_counts_tsc) {
		start_timer(lapic_hz);
		log_info("clock: TSC, %llu kHz; interrupts from the %s\n",
			 (unsigned long long)tsc_hz / 1000, timer == LAPIC ? "CPU" : "PIT");
	} else {
		timer = TICKS;
		pit_start(CLOCK_HZ);
		log_info("clock: PIT\n");
	}
	irq_register(timer == LAPIC ? IRQ_TIMER : IRQ_PIT, interrupted, NULL);
}

void clock_spin_us(unsigned us)
{
	while (us) {
		unsigned part = us < PIT_ONESHOT_MAX_US ? us : PIT_ONESHOT_MAX_US;

		pit_oneshot_start(part);
		for (unsigned spin = 0; !pit_oneshot_ended() && spin < SPIN_MAX; spin++)
			cpu_relax();
		us -= part;
	}
}
