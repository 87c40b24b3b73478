/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A memory map as a boot loader hands it over.  What comes out is in order, does not overlap, has
 * whole pages of usable memory only, none of which the input says to be something else.
 */
#include "tap.h"

#include <quire/bootmap.h>

#include <stdlib.h>
#include <string.h>

enum { RANGES = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void judge(const struct qr_boot_range *in, size_t n, const struct qr_boot_range *out,
		  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct qr_boot_range *o = &out[i];

		must(o->length && o->base + (o->length - 1) >= o->base, "range %zu wraps", i);
		must(!i || out[i - 1].base + (out[i - 1].length - 1) < o->base, "order at %zu", i);
		if (o->type != QR_BOOT_USABLE)
			continue;
		must(!((o->base | o->length) % QR_PAGE_SIZE), "whole pages at %zu", i);
		for (size_t k = 0; k < n; k++)
			must(in[k].type == QR_BOOT_USABLE || !in[k].length ||
				 in[k].base > o->base + (o->length - 1) ||
				 (in[k].base + (in[k].length - 1) >= in[k].base &&
				  in[k].base + (in[k].length - 1) < o->base),
			     "usable %zu is not what %zu says", i, k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct qr_boot_range in[RANGES], out[2 * RANGES];
	size_t n = size / 17 < RANGES ? size / 17 : RANGES, count = 0;
	struct qr_boot_report report;
	uint64_t at;
	enum qr_err err;

	for (size_t i = 0; i < n; i++, bytes += 17) {
		memcpy(&in[i].base, bytes, 8);
		memcpy(&in[i].length, bytes + 8, 8);
		in[i].base >>= bytes[16] >> 4 << 2; /* near each other, now and then */
		in[i].length >>= bytes[16] >> 4 << 2;
		in[i].type = bytes[16] % 10;
	}
	err = qr_bootmap_normalise(in, n, 0, out, 2 * RANGES, &count, &report);
	must(err == QR_OK || err == QR_NOENT, "an answer");
	judge(in, n, out, count);
	if (qr_bootmap_find(out, count, 65536, 4096, 0, UINT64_MAX, &at) == QR_OK)
		must(at % 4096 == 0 && err == QR_OK, "what is found is there");
	return 0;
}
