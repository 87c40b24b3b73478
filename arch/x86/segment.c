/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.c - descriptors of programs' segments.  Source: Intel SDM volume 3, sections 3.4 and 3.5.
 */
#include "arch/x86/segment.h"
#include "arch/x86/tables.h"

bool segment_is_empty(const struct user_desc *d)
{
	return !(d->base_addr | d->limit) &&
	       (d->flags & DESC_FLAGS) == (DESC_READ_ONLY | DESC_ABSENT);
}

const struct ldt *ldt_loaded;

void ldt_load(const struct ldt *ldt)
{
	unsigned selector = 0;

	if (ldt) {
		selector = GDT_LDT * 8;
		set_system_descriptor(GDT_LDT, ldt->entries, ldt->n * 8 - 1, SYSTEM_LDT);
	}
	__asm__ volatile("lldt %w0" : : "r"(selector) : "memory");
	ldt_loaded = ldt;
}
