/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bulk.h - many bytes at once: the way of this CPU, chosen once at boot.
 *
 *			clear a page		copy a page, or `least` bytes and more
 *	ERMS		string instructions	string instructions: the CPU makes them as wide as it can
 *	AVX		32 bytes a store	32 bytes
 *	SSE		16 bytes		16 bytes on i686
 *	none of them	string instructions	string instructions
 */
#ifndef ARCH_X86_BULK_H
#define ARCH_X86_BULK_H

#include <quire/types.h>

struct bulk {
	void (*clear)(void *page);
	/* As much as goes in blocks; answers how many bytes at the end are left over, also because
	 * a program's memory could not be reached.  `to` may lie below `from` and overlap it. */
	size_t (*copy)(void *to, const void *from, size_t n);
	size_t least; /* fewer bytes are better off without */
};
extern struct bulk bulk;

QR_INLINE bool bulk_pays(size_t n)
{
	return n >= bulk.least;
}

/* After fpu_init(). */
void bulk_init(void);

#endif
