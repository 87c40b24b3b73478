/* SPDX-License-Identifier: BSD-2-Clause
 *
 * symbols.h - which function an address of the kernel lies in, for backtraces.
 *
 * The table is made from the linked kernel by tools/symbols: functions only, sorted by
 * address, addresses as their low 32 bits.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/* The function that holds `addr`, and how far into it.  False, and nothing written, if the
 * address lies before the first function or past the end of the kernel's text.
 * Any context; reads constant data only. */
bool symbol_of(uintptr_t addr, const char **name, uintptr_t *offset);

#endif
