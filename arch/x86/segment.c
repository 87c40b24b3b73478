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
	uint64_t base = d->base_addr, limit = d->limit;
	uint64_t type = 0x10 | 0x60 | 1 | (d->read_exec_only ^ 1u) << 1 |
			(uint64_t)d->contents << 2 | (d->seg_not_present ^ 1u) << 7;
	uint64_t flags =
	    d->useable | (uint64_t)d->seg_32bit << 2 | (uint64_t)d->limit_in_pages << 3;

	return (limit & 0xffff) | (base & 0xffffff) << 16 | type << 40 | (limit >> 16 & 15) << 48 |
	       flags << 52 | (base >> 24) << 56;
}

void segment_decode(uint64_t e, struct user_desc *out)
{
	*out = (struct user_desc){
		.entry_number = out->entry_number,
		.base_addr = (uint32_t)(e >> 16 & 0xffffff) | (uint32_t)(e >> 56) << 24,
		.limit = (uint32_t)(e & 0xffff) | (uint32_t)(e >> 48 & 15) << 16,
		.seg_32bit = e >> 54 & 1,
		.contents = e >> 42 & 3,
		.read_exec_only = !(e >> 41 & 1),
		.limit_in_pages = e >> 55 & 1,
		.seg_not_present = !(e >> 47 & 1),
		.useable = e >> 52 & 1,
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
