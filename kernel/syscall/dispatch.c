/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dispatch.c - system calls that do not exist.
 *
 * Those that do are called by the entry stub itself (arch/x86/32|64/stubs.S): one bound, one load,
 * one call.  What has to happen before the way back (signals, rescheduling) is asked for by work
 * flags.
 */
#include "arch/x86/trap.h"
#include "kernel/syscall/syscall.h"

#define MISSING_MAX 512 /* beyond the last number that Linux has given */

static uint32_t missing[MISSING_MAX];

long syscall_unknown(unsigned long nr)
{
	missing[nr < syscall_count ? nr : syscall_count]++;
	return -ENOSYS;
}

uint32_t syscall_missing(unsigned nr)
{
	return nr <= syscall_count ? missing[nr] : 0;
}
