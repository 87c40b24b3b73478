/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quire_host.c - the hooks of libquire that are too long to be inline.
 */
#include <quire/host.h>
#include "arch/x86/bulk.h"
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

void qr_host_frame_clear(qr_frame f)
{
	void *window = qr_host_window_get(f);

	bulk.clear(window);
	qr_host_window_put(window);
}

void qr_host_frame_copy(qr_frame to, qr_frame from)
{
	void *window_to = qr_host_window_get(to), *window_from = qr_host_window_get(from);

	bulk.copy(window_to, window_from, QR_PAGE_SIZE);
	qr_host_window_put(window_from);
	qr_host_window_put(window_to);
}
