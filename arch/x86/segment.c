/* SPDX-License-Identifier: BSD-2-Clause
 *
 * segment.c - descriptors of programs' segments.  Source: Intel SDM volume 3, sections 3.4 and 3.5.
 */
#include "arch/x86/segment.h"
#include "arch/x86/tables.h"

bool segment_is_empty(const struct user_desc *d)
{
	return !d->base_addr && !d->limit && !d->contents && d->read_exec_only && !d->seg_32bit &&
	       !d->limit_in_pages && d->seg_not_present && !d->useable;
}

/* Privilege 3, a segment of memory, marked as used, so that no load has to write it. */
uint64_t segment_encode(const struct user_desc *d)
{
	uint32_t base = d->base_addr, limit = d->limit;
	uint32_t type = 0x10 | 0x60 | 1 | (d->read_exec_only ^ 1u) << 1 |
			(uint32_t)d->contents << 2 | (d->seg_not_present ^ 1u) << 7;
	uint32_t flags =
	    d->useable | (uint32_t)d->seg_32bit << 2 | (uint32_t)d->limit_in_pages << 3;
	uint32_t high =
	    (base >> 16 & 0xff) | type << 8 | (limit & 0xf0000) | flags << 20 | (base & 0xff000000);

	return (uint64_t)high << 32 | base << 16 | (limit & 0xffff);
}

void segment_decode(uint64_t e, struct user_desc *out)
{
	uint32_t low = (uint32_t)e, high = (uint32_t)(e >> 32);

	*out = (struct user_desc){
		.entry_number = out->entry_number,
		.base_addr = low >> 16 | (high & 0xff) << 16 | (high & 0xff000000),
		.limit = (low & 0xffff) | (high & 0xf0000),
		.seg_32bit = high >> 22 & 1,
		.contents = high >> 10 & 3,
		.read_exec_only = ~high >> 9 & 1,
		.limit_in_pages = high >> 23 & 1,
		.seg_not_present = ~high >> 15 & 1,
		.useable = high >> 20 & 1,
	};
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
