/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gather.c - what the three parsers find, put into boot_info.
 */
#include "arch/x86/boot/boot.h"
#include "kernel/lib/string.h"

struct boot_info boot_info;

void boot_read_string(uint64_t pa, char *to, size_t size)
{
	size_t n = 0;

	while (pa && n < size - 1 && boot_read(pa + n, to + n, 1) && to[n])
		n++;
	to[n] = 0;
}

/* E820's types, which all three protocols share. */
static uint32_t range_type(uint32_t e820)
{
	switch (e820) {
	case 1:
		return QR_BOOT_USABLE;
	case 3:
		return QR_BOOT_ACPI;
	case 4:
		return QR_BOOT_NVS;
	case 5:
		return QR_BOOT_BAD;
	}
	return QR_BOOT_RESERVED;
}

static uint64_t range_end(const struct qr_boot_range *r)
{
	return r->base + r->length < r->base ? UINT64_MAX : r->base + r->length;
}

/* How far `r` would have to grow to cover `other` too. */
static uint64_t growth(const struct qr_boot_range *r, const struct qr_boot_range *other)
{
	uint64_t below = other->base < r->base ? r->base - other->base : 0;
	uint64_t end = range_end(r), above = range_end(other) > end ? range_end(other) - end : 0;

	return below + above < below ? UINT64_MAX : below + above;
}

/* No room: a usable range gives way, since RAM may be lost but never wrongly used; if there is
 * none, the closest range of another kind grows over this one. */
static void squeeze_in(const struct qr_boot_range *range)
{
	struct qr_boot_range *best = boot_info.map;

	for (unsigned i = 0; i < BOOT_MAX_RANGES; i++) {
		struct qr_boot_range *r = &boot_info.map[i];

		if (r->type == QR_BOOT_USABLE) {
			*r = *range;
			return;
		}
		if (growth(r, range) < growth(best, range))
			best = r;
	}
	uint64_t base = best->base < range->base ? best->base : range->base;
	uint64_t end = range_end(best) > range_end(range) ? range_end(best) : range_end(range);

	*best = (struct qr_boot_range){ base, end - base, QR_BOOT_RESERVED };
}

void boot_add_range(uint64_t base, uint64_t length, uint32_t e820)
{
	struct qr_boot_range range = { base, length, range_type(e820) };

	if (boot_info.nranges < BOOT_MAX_RANGES) {
		boot_info.map[boot_info.nranges++] = range;
		return;
	}
	boot_info.cut++;
	if (range.type != QR_BOOT_USABLE)
		squeeze_in(&range);
}

void boot_add_module(uint64_t start, uint64_t end, const char *args)
{
	struct boot_module *m = &boot_info.modules[boot_info.nmodules];

	if (boot_info.nmodules == BOOT_MAX_MODULES || end < start) {
		boot_info.cut++;
		return;
	}
	boot_info.nmodules++;
	m->start = start;
	m->end = end;
	strlcpy(m->args, args, sizeof(m->args));
}
