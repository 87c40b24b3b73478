/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fault.h - page faults: what others need of fault.c.  page_fault itself: arch/x86/trap.h.
 */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include <quire/types.h>

/* Print which entries lead to the address and what its address space promised there: for
 * panic_explain_address.  Takes no lock. */
void fault_explain(uintptr_t address);

#endif
