/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.h - what quire/host.h asks of its host, in a Linux process: threads are the CPUs, there
 * are no interrupts, and who waits for a lock sleeps.
 */
#ifndef MALLOC_HOST_H
#define MALLOC_HOST_H

#include <quire/types.h>

#define QR_HOST_INLINES_CPU
#define QR_HOST_INLINES_IRQ
#define QR_HOST_INLINES_RELAX
#define QR_HOST_SLEEPS

struct qr_heap_local;

/* Not asked for on any path of the heap: its locals are the threads' own. */
QR_INLINE unsigned qr_host_cpu(void)
{
	return 0;
}

QR_INLINE uintptr_t qr_host_irq_save(void)
{
	return 0;
}

QR_INLINE void qr_host_irq_restore(uintptr_t state)
{
	(void)state;
}

void qr_host_relax(void);
/* Sleep while *at is still `value`, but a millisecond at most; *sleepers counts who does.  wake: one
 * who sleeps there. */
void qr_host_sleep(const uint32_t *at, uint32_t value, uint32_t *sleepers);
void qr_host_wake(const uint32_t *at);

/* Every thread of the process passes a full barrier between call and return.  False: that cannot
 * be.  Leaves errno alone. */
bool qr_host_barrier(void);

/* What this thread has; its first member are its magazines (malloc.h). */
#define TLS_INITIAL __attribute__((tls_model("initial-exec")))
extern __thread struct malloc_thread malloc_thread TLS_INITIAL;

#define qr_host_heap_local() ((struct qr_heap_local *)(void *)&malloc_thread)

#endif
