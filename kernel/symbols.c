/* SPDX-License-Identifier: BSD-2-Clause
 *
 * symbols.c - unpack the table that tools/symbols puts behind the kernel's text.
 *
 * A function is 16 bits, its distance from the one before, and a name that ends in zero.  A byte
 * that has a pair stands for those two bytes, which may be such bytes themselves; others are
 * letters.  Only a panic reads the table, so a search walks it from the start.
 */
#include "kernel/symbols.h"

extern const uint32_t symbols_first; /* the address of the first function, its low half */
extern const uint32_t symbols_count;
extern const uint16_t symbols_steps[];
extern const uint8_t symbols_pairs[256][2];
extern const uint8_t symbols_names[];

/* No function of the kernel is this long: an address further from the last symbol is data. */
#define FUNCTION_MAX 0x10000u

/* Write out what one byte stands for; answers how much of the room was taken. */
static size_t unpack(uint8_t byte, char *to, size_t room)
{
	if (!room)
		return 0;

	const uint8_t *pair = symbols_pairs[byte];
	if (!pair[1]) {
		*to = (char)byte;
		return 1;
	}
	size_t n = unpack(pair[0], to, room);
	return n + unpack(pair[1], to + n, room - n);
}

bool symbol_of(uintptr_t addr, char *name, size_t size, uintptr_t *offset)
{
	/* The table keeps low halves; the high half of an address must be the kernel's own. */
	if ((addr ^ (uintptr_t)symbols_names) & ~(uintptr_t)UINT32_MAX)
		return false;

	uint32_t want = (uint32_t)addr, at = symbols_first;
	if (!symbols_count || want < at)
		return false;

	const uint8_t *packed = symbols_names;
	for (uint32_t i = 1; i < symbols_count && want - at >= symbols_steps[i]; i++) {
		at += symbols_steps[i];
		while (*packed++)
			;
	}
	if (want - at >= FUNCTION_MAX)
		return false;

	size_t n = 0;
	while (*packed)
		n += unpack(*packed++, name + n, size - 1 - n);
	name[n] = 0;
	*offset = want - at;
	return true;
}
