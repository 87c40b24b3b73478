/* SPDX-License-Identifier: BSD-2-Clause
 *
 * symbols.c - binary search in the table that tools/symbols puts behind the kernel's text.
 */
#include "kernel/symbols.h"

extern const uint32_t symbols_count;
extern const uint32_t symbols_addr[];
extern const uint32_t symbols_name_offset[];
extern const char symbols_names[];

/* No function of the kernel is this long: an address further from the last symbol is data. */
#define FUNCTION_MAX 0x10000u

bool symbol_of(uintptr_t addr, const char **name, uintptr_t *offset)
{
	/* The table keeps low halves; the high half of an address must be the kernel's own. */
	if ((addr ^ (uintptr_t)symbols_addr) & ~(uintptr_t)UINT32_MAX)
		return false;

	uint32_t want = (uint32_t)addr;
	uint32_t lo = 0, hi = symbols_count; /* the answer is the last one at or below: lo - 1 */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (symbols_addr[mid] <= want)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || want - symbols_addr[lo - 1] >= FUNCTION_MAX)
		return false;
	*name = symbols_names + symbols_name_offset[lo - 1];
	*offset = want - symbols_addr[lo - 1];
	return true;
}
