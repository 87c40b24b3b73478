/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.h - the table format that this kernel uses on this CPU.
 */
#ifndef ARCH_X86_FORMAT_H
#define ARCH_X86_FORMAT_H

#include <quire/format.h>

/* The compiled format (quire/format.h, QR_FORMAT), without what the CPU lacks.   The same object at
 * each call; after cpu_init.  It settles user_end (arch/x86/user.h). */
const struct qr_format *machine_format(void);

/* RAM from here on has no frames: tables cannot name it.  0: they can name all there is. */
#ifdef __x86_64__
#define RAM_LIMIT 0
#elif defined(QUIRE_PAE)
#define RAM_LIMIT (1ull << 36) /* and the words of its frames must fit into low memory */
#else
#define RAM_LIMIT (1ull << 32)
#endif

#endif
