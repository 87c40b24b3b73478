/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_page.h - i386: code for handlers to return to when the program names no restorer.
 *
 * One page of the kernel's, mapped read-only and executable into each program.  (Linux does this
 * in its vdso.)  x86-64 programs always name a restorer.
 */
#ifndef ARCH_X86_SIGNAL_PAGE_H
#define ARCH_X86_SIGNAL_PAGE_H

#define SIGNAL_PAGE_OLD 0x400 /* pops the signal number, then sigreturn */
#define SIGNAL_PAGE_RT  0x420

void signal_page_fill(void *page);

#endif
