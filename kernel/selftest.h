/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest.h - break the kernel on purpose, to see that it says so.
 *
 * `selftest=NAME` on the command line makes one thing go wrong.  The boot tests look for the report
 * and for the failing exit code; a name that nobody knows lists all names.
 */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

/* Do what `selftest=` says, if it stands on the command line; usually does not return.  Called
 * when interrupts are on and the final page tables are loaded. */
void selftest_run(void);

#endif
