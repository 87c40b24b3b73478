/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.h - what a program with one thread supplies to libquire: one CPU, no interrupts, and frames
 * that are pages of the arena.
 */
#ifndef HEAPLAB_HOST_H
#define HEAPLAB_HOST_H

#include <quire/types.h>

#define QR_HOST_INLINES_CPU
QR_INLINE unsigned qr_host_cpu(void)
{
	return 0;
}

#define QR_HOST_INLINES_IRQ
QR_INLINE uintptr_t qr_host_irq_save(void)
{
	return 0;
}

QR_INLINE void qr_host_irq_restore(uintptr_t state)
{
	(void)state;
}

#define QR_HOST_INLINES_RELAX
QR_INLINE void qr_host_relax(void)
{
}

extern char *heaplab_window; /* where frame 0 is */

#define QR_HOST_INLINES_WINDOW
QR_INLINE void *qr_host_window_get(qr_frame f)
{
	return heaplab_window + (size_t)f.v * QR_PAGE_SIZE;
}

QR_INLINE void qr_host_window_put(void *window)
{
	(void)window;
}

#endif
