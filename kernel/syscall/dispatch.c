/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dispatch.c - from the number of a system call to its function.
 *
 * Nothing is done here that is not needed for every call: one bound, one load, one jump.  What
 * has to happen before the way back (signals, rescheduling) is asked for by work flags.
 */
#include "arch/x86/trap.h"
#include "kernel/syscall/syscall.h"

#define MISSING_MAX 512 /* beyond the last number that Linux has given */

static uint32_t missing[MISSING_MAX];

static long no_such_call(unsigned long nr)
{
	missing[nr < syscall_count ? nr : syscall_count]++;
	return -ENOSYS;
}

void syscall_dispatch(struct regs *r)
{
	unsigned long nr = r->orig_ax;
	syscall_fn *fn = QR_LIKELY(nr < syscall_count) ? syscall_table[nr] : NULL;

	if (QR_RARELY(!fn))
		regs_set_result(r, no_such_call(nr));
	else
		regs_set_result(r, fn(regs_arg(r, 0), regs_arg(r, 1), regs_arg(r, 2),
				      regs_arg(r, 3), regs_arg(r, 4), regs_arg(r, 5)));
}

uint32_t syscall_missing(unsigned nr)
{
	return nr <= syscall_count ? missing[nr] : 0;
}
