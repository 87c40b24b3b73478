/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dispatch.c - system calls that do not exist.
 *
 * Those that do are called by the entry stub itself (arch/x86/32|64/stubs.S): one bound, one load,
 * one call.  What has to happen before the way back (signals, rescheduling) is asked for by work
 * flags.
 */
#include "arch/x86/asm.h"
#include "arch/x86/trap.h"
#include "kernel/syscall/syscall.h"

static uint32_t missing[SYSCALL_COUNT + 1]; /* the last: beyond the last number */

long syscall_unknown(unsigned long nr)
{
	missing[nr < SYSCALL_COUNT ? nr : SYSCALL_COUNT]++;
	return -ENOSYS;
}

uint32_t syscall_missing(unsigned nr)
{
	return nr <= SYSCALL_COUNT ? missing[nr] : 0;
}
