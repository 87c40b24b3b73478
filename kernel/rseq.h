/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rseq.h - restartable sequences: a few instructions of a program that nobody has come between,
 * or that were not done.
 *
 *	struct rseq of a thread: cpu_id, pointer -> struct rseq_cs: start, length, abort address
 *
 * When a task comes back to its program after others have run or for a signal, and stands inside
 * the sequence that its pointer names, it goes on at the abort address instead.  Four bytes before
 * that stands the signature that was given at registration, or the program is ended.
 *
 * A system call inside a sequence is a bug of the program, and is not looked for.
 */
#ifndef KERNEL_RSEQ_H
#define KERNEL_RSEQ_H

#include "kernel/task.h"

/* The running task is about to go on at *r, or in a handler: leave a sequence that it stands in.
 * What is wrong with it ends in SIGSEGV. */
void rseq_leave(struct regs *r);

#endif
