/* SPDX-License-Identifier: BSD-2-Clause
 *
 * symbols.h - which function an address of the kernel lies in, for backtraces.
 *
 * The table is made from the linked kernel by tools/symbols: functions only, in order of
 * address, packed: it costs the image some seven bytes for each function.
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The function that holds `addr`: its name, cut to `size` bytes with the final zero, and how far
 * into it the address is.  False, and nothing written, if the address lies before the first
 * function or far behind the last.  Any context; reads constant data only. */
bool symbol_of(uintptr_t addr, char *name, size_t size, uintptr_t *offset);

#endif
