/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quire_host.h - what this kernel supplies to libquire (see include/quire/host.h).
 *
 * The short hooks are inline, because libquire calls them in its hottest paths; the rest is in
 * quire_host.c.  One CPU runs: its number is a constant, and nobody is ever sent an interrupt.
 *
 * Windows: on x86_64 all RAM is in the direct map.  On i686 what lies above LOW_END is mapped for
 * a moment in one of WINDOW_SLOTS pages of this CPU, used as a stack.
 */
#ifndef ARCH_X86_QUIRE_HOST_H
#define ARCH_X86_QUIRE_HOST_H

#include <quire/types.h>
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/restart.h"

#define QR_HOST_INLINES_CPU
QR_INLINE unsigned qr_host_cpu(void)
{
	return 0;
}

#define QR_HOST_INLINES_IRQ
QR_INLINE uintptr_t qr_host_irq_save(void)
{
	return irq_save();
}

QR_INLINE void qr_host_irq_restore(uintptr_t state)
{
	irq_restore(state);
}

#define QR_HOST_INLINES_MAGAZINE
QR_INLINE uintptr_t qr_host_pop(qr_word **top)
{
	return restart_pop(top);
}

QR_INLINE bool qr_host_push(qr_word **top, uintptr_t object)
{
	return restart_push(top, object);
}

#define QR_HOST_INLINES_RELAX
QR_INLINE void qr_host_relax(void)
{
	cpu_relax();
}

/* The trace of calls tells where: names of files and numbers of lines are not in the image. */
#define QR_HOST_INLINES_PANIC
_Noreturn void rule_broken(const char *rule);

_Noreturn QR_INLINE void qr_host_panic(const char *rule, const char *file, int line)
{
	(void)file;
	(void)line;
	rule_broken(rule);
}

#define QR_HOST_INLINES_WINDOW
#ifdef __x86_64__
QR_INLINE void *qr_host_window_get(qr_frame f)
{
	return direct_map(qr_frame_phys(f).v);
}

QR_INLINE void qr_host_window_put(void *window)
{
	(void)window;
}
#else
void *window_map(qr_frame f);
void window_unmap(void *window);

QR_INLINE void *qr_host_window_get(qr_frame f)
{
	if (QR_LIKELY(f.v < LOW_END >> QR_PAGE_SHIFT))
		return direct_map(qr_frame_phys(f).v);
	return window_map(f);
}

QR_INLINE void qr_host_window_put(void *window)
{
	if (QR_RARELY((uintptr_t)window >= WINDOW_BASE))
		window_unmap(window);
}
#endif

#define QR_HOST_INLINES_TLB
QR_INLINE void qr_host_tlb_page(qr_virt va)
{
	invlpg(va.v);
}

QR_INLINE void qr_host_tlb_all(void)
{
	cr3_set(cr3_get());
}

QR_INLINE void qr_host_load_root(qr_phys root)
{
#ifndef __x86_64__
	this_cpu()->root = (uintptr_t)root.v; /* the double fault's task loads it */
#endif
	cr3_set((uintptr_t)root.v);
}

void qr_host_tlb_global(void);
void qr_host_tlb_ipi(uint64_t cpus);

#endif
