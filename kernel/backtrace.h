/* SPDX-License-Identifier: BSD-2-Clause
 *
 * backtrace.h - which calls led here.
 */
#ifndef KERNEL_BACKTRACE_H
#define KERNEL_BACKTRACE_H

#include <stdint.h>

/* Print the function that `ip` lies in, then those whose calls have not returned, by the words of
 * the stack from `sp` on: at most 32 lines.  A line with `?` may be left of an earlier call.  `sp`
 * may be anything; one that is on no kernel stack, or below its guard, is said nothing about.
 * Context: any; reads the image and the stack only. */
void backtrace(uintptr_t ip, uintptr_t sp);

#endif
