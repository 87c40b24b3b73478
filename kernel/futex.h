/* SPDX-License-Identifier: BSD-2-Clause
 *
 * futex.h - sleeping until a word of user memory is changed.
 *
 * The word is the program's; the kernel only keeps who waits for it.  Private futexes are known
 * by address space and address, shared ones by object and offset, so that two processes meet
 * whatever addresses they map the word at.
 *
 *	hash of the key -> bucket -> waiters, oldest first
 *
 * No wake-up is lost: who waits enters the bucket, then reads the word; who wakes has changed
 * the word before it looks into the bucket.
 *
 * Context: tasks only.
 */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include <quire/types.h>

struct task;

#define FUTEX_BITSET_ALL 0xffffffffu

/* Sleep while *word == expected: 0 woken, -EAGAIN it was different, -ETIMEDOUT, -ERESTARTSYS,
 * -EFAULT, -EINVAL (misaligned).  `deadline`: now_ns(). */
int futex_wait(uintptr_t word, bool shared, uint32_t expected, uint32_t bitset, uint64_t deadline);

/* Wake up to n waiters whose bitset meets `bitset`; how many, or -errno. */
long futex_wake(uintptr_t word, bool shared, uint32_t n, uint32_t bitset);

/* Wake up to n, let up to `move` others wait for `to` instead; if `expected`, only while *word
 * has that value, else -EAGAIN.  How many were woken and moved. */
long futex_requeue(uintptr_t word, uintptr_t to, bool shared, uint32_t n, uint32_t move,
		   const uint32_t *expected);

/* A task leaves: release its robust locks, clear its clear_tid word, wake who waits there. */
void futex_task_exit(struct task *t);

#endif
