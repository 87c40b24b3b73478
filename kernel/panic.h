/* SPDX-License-Identifier: BSD-2-Clause
 *
 * panic.h - the end, told well.
 *
 * A panic prints the reason, the registers, a symbolised backtrace and, for a fault, an
 * explanation of the address; then it powers off with a failing exit code under test
 * (`debugexit`), restarts after `panic=N` seconds, or halts.
 * Context: any; a panic inside a panic prints one line and stops.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <quire/types.h>
#include "kernel/log.h"

struct regs;

_Noreturn void panic(const char *format, ...) PRINTF_LIKE(1, 2);

/* The same, with the registers of the context that failed. */
_Noreturn void panic_regs(const struct regs *r, const char *format, ...) PRINTF_LIKE(2, 3);

/* Set once the memory manager stands: prints, in lines of its own, which table level ends the
 * walk, which run covers the address, and why the access was refused. */
extern void (*panic_explain_address)(uintptr_t address);

#endif
