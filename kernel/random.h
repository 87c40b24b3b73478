/* SPDX-License-Identifier: BSD-2-Clause
 *
 * random.h - unpredictable bytes, for programs and for the kernel's own secrets.
 *
 * One ChaCha20 key, stirred from the CPU's generator, the time stamp counter and the times of
 * interrupts.  Each request takes its stream from the key and replaces the key first, so that
 * what was handed out cannot be computed from a later state.
 *
 * Sources: D. J. Bernstein, "Fast-key-erasure random-number generators" (2017).
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include <quire/types.h>

void random_init(void);

/* Fill n bytes.  Any context. */
void random_bytes(void *to, size_t n);
uint64_t random_u64(void);

/* Mix something in; it needs not be secret. */
void random_stir(const void *from, size_t n);

#endif
