/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quire_host.c - the hooks of libquire that are too long to be inline.
 */
#include <quire/host.h>
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "kernel/panic.h"

_Noreturn void rule_broken(const char *rule)
{
	panic("a rule is broken: %s", rule);
}

/* Changing CR4.PGE drops everything; without global pages a reload of CR3 does. */
void qr_host_tlb_global(void)
{
	uintptr_t cr4 = cr4_get();

	if (!(cr4 & CR4_PGE)) {
		cr3_set(cr3_get());
		return;
	}
	cr4_set(cr4 & ~(uintptr_t)CR4_PGE);
	cr4_set(cr4);
}

void qr_host_tlb_ipi(uint64_t cpus)
{
	panic("an interrupt for CPUs %#llx that do not run", (unsigned long long)cpus);
}

/* ---- windows (i686) ----------------------------------------------------------------------- */

#ifndef __x86_64__

#ifdef QUIRE_PAE
typedef uint64_t window_entry;
#else
typedef uint32_t window_entry;
#endif
extern volatile window_entry window_table[]; /* start.S; in every root's last slot */

#define ENTRY_PRESENT_WRITE 0x03u

/* The stale translation of a slot's former frame is dropped here, when the slot gets another:
 * unmapping then costs nothing but the count. */
void *window_map(qr_frame f)
{
	struct cpu *cpu = this_cpu();
	unsigned slot = cpu->windows++;
	uintptr_t va = WINDOW_BASE + slot * QR_PAGE_SIZE;

	if (QR_RARELY(slot >= WINDOW_SLOTS))
		panic("more than %u windows at once", WINDOW_SLOTS);
#ifdef QUIRE_PAE
	window_table[slot] = 0; /* never a mixture of two entries */
#endif
	window_table[slot] = (window_entry)(qr_frame_phys(f).v | ENTRY_PRESENT_WRITE);
	invlpg(va);
	return (void *)va;
}

void window_unmap(void *window)
{
	struct cpu *cpu = this_cpu();

	if (QR_RARELY((uintptr_t)window != WINDOW_BASE + (cpu->windows - 1) * QR_PAGE_SIZE))
		panic("window %p given back out of order", window);
	cpu->windows--;
}

#endif

/* ---- frames ------------------------------------------------------------------------------- */

#ifdef __x86_64__
#define FILL "rep stosq"
#define COPY "rep movsq"
#else
#define FILL "rep stosl"
#define COPY "rep movsl"
#endif
#define WORDS (QR_PAGE_SIZE / sizeof(uintptr_t))

void frame_clear_sse(void *page);
void frame_copy_sse(void *to, const void *from);

/* Which is fastest: string instructions where the CPU makes them fast, else SSE, which every
 * x86-64 has and most of i686. */
static bool prefer_sse(void)
{
	return cpu_features.sse && !cpu_features.erms;
}

void qr_host_frame_clear(qr_frame f)
{
	void *window = qr_host_window_get(f);

	if (QR_LIKELY(prefer_sse())) {
		frame_clear_sse(window);
	} else {
		void *to = window;
		size_t n = WORDS;

		__asm__ volatile(FILL : "+D"(to), "+c"(n) : "a"((uintptr_t)0) : "memory");
	}
	qr_host_window_put(window);
}

void qr_host_frame_copy(qr_frame to, qr_frame from)
{
	void *window_to = qr_host_window_get(to), *window_from = qr_host_window_get(from);

	if (sizeof(uintptr_t) == 4 && prefer_sse()) {
		frame_copy_sse(window_to, window_from);
	} else {
		void *di = window_to, *si = window_from;
		size_t n = WORDS;

		__asm__ volatile(COPY : "+D"(di), "+S"(si), "+c"(n) : : "memory");
	}
	qr_host_window_put(window_from);
	qr_host_window_put(window_to);
}
