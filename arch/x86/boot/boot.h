/* SPDX-License-Identifier: BSD-2-Clause
 *
 * boot.h - between the parsers of the boot protocols.
 */
#ifndef ARCH_X86_BOOT_BOOT_H
#define ARCH_X86_BOOT_BOOT_H

#include "kernel/boot_info.h"

/* Copy from physical memory, wherever it lies.  False, and nothing is promised about `to`, if
 * the range wraps or lies where the boot tables do not reach. */
bool boot_read(uint64_t pa, void *to, size_t n);

/* Copy a string of at most size - 1 characters and end it; "" if unreadable or pa is 0. */
void boot_read_string(uint64_t pa, char *to, size_t size);

/* Add to boot_info, or count it in boot_info.cut.  A reserved range displaces a usable one. */
void boot_add_range(uint64_t base, uint64_t length, uint32_t e820_type);
void boot_add_module(uint64_t start, uint64_t end, const char *args);

/* Each fills boot_info from the information at `pa`. */
void boot_parse_multiboot1(uint64_t pa);
void boot_parse_multiboot2(uint64_t pa);
void boot_parse_pvh(uint64_t pa);

/* Give the tables of start.S a fifth level (x86_64, arch/x86/64/five_levels.S). */
void boot_five_levels(void);

#endif
