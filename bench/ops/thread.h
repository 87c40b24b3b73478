/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thread.h - threads without a library: clone with a stack, a word that the kernel clears at the
 * end and wakes a waiter of.
 */
#ifndef OPS_THREAD_H
#define OPS_THREAD_H

#include "sys.h"

/* Run f(arg) on a new thread; `top` is 16-byte aligned.  *tid is its number until it has ended.
 * Answers the number or an error. */
long thread_start(int *tid, void *top, void (*f)(void *), void *arg);
void thread_join(int *tid);

#endif
