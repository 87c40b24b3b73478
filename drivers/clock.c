/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clock.c - nanoseconds from the TSC, or from the tick where there is no TSC.
 *
 * The TSC's rate is measured once against the PIT's channel 2 over two milliseconds; both ends are
 * read until a reading was not interrupted, so the rate is right to about 0.05 %.  Time is the
 * counts since then times a 0.32 fixed-point factor: a handful of instructions.
 *
 * Limits: a TSC that stops or changes its rate is not noticed.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/irq.h"
#include "drivers/clock.h"
#include "drivers/pit.h"
#include "kernel/boot_info.h"
#include "kernel/log.h"

#define NS_PER_SECOND    1000000000ull
#define CALIBRATE_COUNTS (PIT_HZ / 500) /* two milliseconds */
#define SAMPLE_TRIES     8
#define MEASURE_TRIES    5
#define SPIN_MAX         1000000u

static bool use_tsc;
static uint32_t factor;     /* nanoseconds per count, 0.32: the TSC has 1 GHz or more */
static uint64_t base_count; /* TSC at time 0 */
static uint64_t base_ns;    /* by ticks, where there is no TSC */
static uint64_t ticks;
static void (*tick_handler)(void);

/* count * factor / 2^32. */
static uint64_t scale(uint64_t count)
{
#ifdef __x86_64__
	return (uint64_t)((unsigned __int128)count * factor >> 32);
#else
	return (count >> 32) * factor + ((count & UINT32_MAX) * factor >> 32);
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
	return use_tsc ? scale(rdtsc() - base_count) : pit_ns();
}

static void clock_tick(void *arg)
{
	(void)arg;
	ticks++;
	base_ns += NS_PER_SECOND / CLOCK_HZ;
	tick_handler();
}

/* Both counters at one moment, as nearly as can be had: of a few readings the one that took
 * least, since under a hypervisor any of them may be interrupted for milliseconds. */
struct sample {
	uint64_t tsc;
	uint32_t left;
};

static struct sample take_sample(void)
{
	struct sample best = { 0, 0 };
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t before = rdtsc();
		uint32_t left = pit_oneshot_left();
		uint64_t took = rdtsc() - before;

		if (took < least) {
			least = took;
			best = (struct sample){ before + took / 2, left };
		}
	}
	return best;
}

/* Counts of the TSC per second; 0 if the PIT does not move or never lets us look in time. */
static uint64_t measure_tsc(void)
{
	for (unsigned i = 0; i < MEASURE_TRIES; i++) {
		struct sample begin, end;
		unsigned spin = 0;

		pit_oneshot_start(PIT_ONESHOT_MAX_US);
		begin = take_sample();
		while (begin.left - pit_oneshot_left() < CALIBRATE_COUNTS && spin++ < SPIN_MAX)
			;
		end = take_sample();
		if (!pit_oneshot_ended() && begin.left > end.left)
			return (end.tsc - begin.tsc) * PIT_HZ / (begin.left - end.left);
	}
	return 0;
}

void clock_init(void (*tick)(void))
{
	tick_handler = tick;
	if (cpu_features.tsc && !boot_has_option("notsc")) {
		uint64_t hz = measure_tsc();

		/* A factor needs 32 bits: at least 1 GHz less the error of measuring. */
		if (hz > NS_PER_SECOND * 99 / 100) {
			uint64_t f = (NS_PER_SECOND << 32) / hz;

			factor = f > UINT32_MAX ? UINT32_MAX : (uint32_t)f;
			use_tsc = true;
			base_count = rdtsc();
			log_info("clock: TSC, %llu kHz\n", (unsigned long long)hz / 1000);
		}
	}
	if (!use_tsc)
		log_info("clock: PIT\n");
	pit_start(CLOCK_HZ);
	irq_register(0, clock_tick, NULL);
}

uint64_t clock_ticks(void)
{
	return ticks;
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
