/* SPDX-License-Identifier: BSD-2-Clause
 *
 * poll.h - what the calls that wait for files share.
 */
#ifndef KERNEL_SYSCALL_POLL_H
#define KERNEL_SYSCALL_POLL_H

#include "kernel/signal.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

/* Let `mask` be what is blocked during the call.  NULL: nothing changes, *set is false. */
int poll_mask_begin(const signal_set __user *mask, size_t size, bool *set);
/* Back again; an interrupted call (-ERESTARTNOHAND) leaves that to the signal's delivery. */
long poll_mask_end(bool set, long ret);

/* The deadline of a timeout in milliseconds: below 0 for ever, 0 without sleeping. */
uint64_t poll_deadline(int timeout);

/* A deadline of 0 means: do not sleep.  So does an absolute time that has passed. */
uint64_t poll_past_is_now(uint64_t deadline);
uint64_t poll_time_left(uint64_t deadline);
/* Is the program told what was left?  Not of nothing or for ever, and not with STICKY_TIMEOUTS. */
bool poll_tells(uint64_t deadline);
/* Tell what is left of a timeout, if there was one; answers `ret`. */
long poll_tell_left(struct user_timespec64 __user *to, uint64_t deadline, long ret);
long poll_tell_left32(struct user_timespec32 __user *to, uint64_t deadline, long ret);

/* ---- the question --------------------------------------------------------------------------- */

struct user_pollfd {
	int32_t fd;
	uint16_t events, revents;
};

struct poll_question {
	unsigned n;
	struct user_pollfd *fds;
	struct file **files; /* referenced; NULL: not open */
};

#define POLL_FEW 8 /* files of a question that needs no memory of its own */

struct poll_small {
	struct user_pollfd fds[POLL_FEW];
	struct file *files[POLL_FEW];
};

/* Errors: EINVAL (more than may be open), ENOMEM.  Then: fill q->fds, ask, fini. */
int poll_question_init(struct poll_question *q, unsigned n, struct poll_small *small);
void poll_question_fini(struct poll_question *q, const struct poll_small *small);
/* Look, and sleep until a file has something to tell: how many have.  Errors: ERESTARTSYS, ENOMEM. */
long poll_ask(struct poll_question *q, uint64_t deadline);

#endif
