/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.h - everything that the host kernel supplies to libquire.
 *
 * libquire has no globals and calls nothing but these functions (and what the compiler calls by
 * itself: memcpy, memmove, memset, and libgcc's population count and 64-bit division).  Each tier
 * needs the hooks of its own section and of those above it; docs/porting.md has the whole way:
 *
 *	tier 1  frames    cpu, interrupts, panic
 *	tier 2  paging    windows, table root, TLB
 *	tier 3  spaces    the same
 *	tier 4  heap      the same (its pages come through a struct qr_heap_source), and if the host
 *			  has them, a magazine's pop and push (mm/heap_quick.h) that an
 *			  interrupt cannot come between: QR_HOST_INLINES_MAGAZINE
 *
 * The hooks are ordinary functions found by the linker.  A host that wants the short ones
 * inlined defines QR_HOST_INLINE as the name of a header ("arch/x86/quire_host.h") that
 * defines them as `static inline`; this file then includes it and declares the rest.
 * Such a header defines QR_HOST_INLINES_<SECTION> for each section it replaces.
 */
#ifndef QUIRE_HOST_H
#define QUIRE_HOST_H

#include <quire/types.h>

#ifndef QR_MAX_CPUS
#define QR_MAX_CPUS 64 /* a set of CPUs is one word */
#endif

#ifdef QR_HOST_INLINE
#include QR_HOST_INLINE
#endif

/* ---- tier 1 ------------------------------------------------------------------------- */

#ifndef QR_HOST_INLINES_CPU
/* The number of the CPU that runs this, 0 .. QR_MAX_CPUS-1.  Called with interrupts off, or
 * where a stale answer does no harm. */
unsigned qr_host_cpu(void);
#endif

#ifndef QR_HOST_INLINES_IRQ
/* Turn interrupts off on this CPU; the answer is handed back to restore.  Nests.
 * On a host without interrupts (a test process): return 0, do nothing. */
uintptr_t qr_host_irq_save(void);
void qr_host_irq_restore(uintptr_t state);
#endif

#ifndef QR_HOST_INLINES_RELAX
/* In a spin loop: the `pause` instruction, or a yield on a host with threads. */
void qr_host_relax(void);
#endif

#ifndef QR_HOST_INLINES_PANIC
/* A rule of libquire was broken by its caller: `rule` says which, in words.  Must not return;
 * a kernel prints and stops, a test reports and exits.  Any context. */
_Noreturn void qr_host_panic(const char *rule, const char *file, int line);
#endif

/* ---- tier 2 ------------------------------------------------------------------------- */

#ifndef QR_HOST_INLINES_WINDOW
/* Where the kernel can read and write the contents of a frame.  With all memory mapped (64
 * bits): arithmetic.  On 32 bits, a frame of high memory gets a temporary mapping of this
 * CPU: at most 4 at a time, given back in the reverse order, no sleep in between.  Frames
 * for tables and descriptors come from low memory (see qr_frames_alloc's limit): their window
 * is arithmetic too, stays valid, and put may be left out. */
void *qr_host_window_get(qr_frame f);
void qr_host_window_put(void *window);
#endif

#ifndef QR_HOST_INLINES_CLEAR
/* Fill one frame with zeroes; copy one frame onto another.  The fastest way of the machine. */
void qr_host_frame_clear(qr_frame f);
void qr_host_frame_copy(qr_frame to, qr_frame from);
#endif

#ifndef QR_HOST_INLINES_TLB
/* Forget on this CPU: the translation of one page / all translations that are not global /
 * also the global ones. */
void qr_host_tlb_page(qr_virt va);
void qr_host_tlb_all(void);
void qr_host_tlb_global(void);
/* Load a table root on this CPU; forgets what is not global. */
void qr_host_load_root(qr_phys root);
/* Make each CPU of the set (bit n: CPU n; never the caller's own) call qr_tlb_serve(cpu) soon,
 * in an interrupt.  With one CPU: never called. */
void qr_host_tlb_ipi(uint64_t cpus);
#endif

/* ---- for all ------------------------------------------------------------------------ */

/* Cheap checks that stay in release builds.  QR_ASSERT_DEBUG: O(1), debug builds only. */
#define QR_ASSERT(cond, rule)                                    \
	do {                                                     \
		if (QR_RARELY(!(cond)))                          \
			qr_host_panic(rule, __FILE__, __LINE__); \
	} while (0)

#ifdef QR_DEBUG
#define QR_ASSERT_DEBUG(cond, rule) QR_ASSERT(cond, rule)
#else
#define QR_ASSERT_DEBUG(cond, rule) ((void)0)
#endif

#endif
