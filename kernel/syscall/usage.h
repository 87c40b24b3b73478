/* SPDX-License-Identifier: BSD-2-Clause
 *
 * usage.h - struct rusage and struct timeval as programs see them: longs of the ABI.
 */
#ifndef KERNEL_SYSCALL_USAGE_H
#define KERNEL_SYSCALL_USAGE_H

#include "kernel/process.h"
#include "kernel/time.h"

struct user_timeval {
	long sec, usec;
};

struct user_rusage {
	struct user_timeval user, system;
	long maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
	    nsignals, nvcsw, nivcsw;
};

static inline struct user_timeval timeval_of(uint64_t ns)
{
	return (struct user_timeval){
		.sec = (long)(ns / NS_PER_SEC),
		.usec = (long)(ns % NS_PER_SEC / NS_PER_US),
	};
}

static inline void usage_to_user(struct user_rusage *to, const struct usage *from)
{
	*to = (struct user_rusage){
		.user = timeval_of(from->user),
		.system = timeval_of(from->system),
		.maxrss = (long)(from->max_rss * (QR_PAGE_SIZE / 1024)),
		.minflt = (long)from->minor_faults,
		.majflt = (long)from->major_faults,
		.nvcsw = (long)from->switches,
		.nivcsw = (long)from->forced_switches,
	};
}

#endif
