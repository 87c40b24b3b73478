/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The boot map: hostile maps with the answer written out, then random maps against a model that
 * asks for each page on its own.
 */
#include "plain_host.h"
#include "tap.h"

#include <quire/bootmap.h>

#include <string.h>

#define U   QR_BOOT_USABLE
#define R   QR_BOOT_RESERVED
#define A   QR_BOOT_ACPI
#define K   QR_BOOT_KERNEL
#define M   QR_BOOT_MODULE
#define D   QR_BOOT_DATA
#define N   QR_BOOT_NVS
#define B   QR_BOOT_BAD
#define TOP (-(uint64_t)4096)

typedef struct qr_boot_range range;

struct hostile {
	const char *what;
	uint64_t limit;
	enum qr_err err;
	range in[8], want[10];
};

static const struct hostile maps[] = {
	{ "an ordinary PC",
	  0,
	  QR_OK,
	  { { 0, 0x9fc00, U },
	    { 0x9fc00, 0x400, R },
	    { 0xf0000, 0x10000, R },
	    { 0x100000, 0x3ee0000, U },
	    { 0x3fe0000, 0x20000, R },
	    { 0xfffc0000, 0x40000, R } },
	  { { 0, 0x9f000, U },
	    { 0x9f000, 0x1000, R },
	    { 0xf0000, 0x10000, R },
	    { 0x100000, 0x3ee0000, U },
	    { 0x3fe0000, 0x20000, R },
	    { 0xfffc0000, 0x40000, R } } },
	{ "nothing at all", 0, QR_NOENT, { { 0 } }, { { 0 } } },
	{ "nothing usable", 0, QR_NOENT, { { 0, 0x1000000, R } }, { { 0, 0x1000000, R } } },
	{ "usable of length zero",
	  0,
	  QR_NOENT,
	  { { 0x1000, 0, U }, { 0x2000, 0x1000, R } },
	  { { 0x2000, 0x1000, R } } },
	{ "less than a page", 0, QR_NOENT, { { 0x1800, 0x1000, U } }, { { 0 } } },
	{ "a page exactly", 0, QR_OK, { { 0x1000, 0x1000, U } }, { { 0x1000, 0x1000, U } } },
	{ "unsorted",
	  0,
	  QR_OK,
	  { { 0x5000, 0x1000, U }, { 0x1000, 0x1000, U }, { 0x3000, 0x1000, U } },
	  { { 0x1000, 0x1000, U }, { 0x3000, 0x1000, U }, { 0x5000, 0x1000, U } } },
	{ "the same twice",
	  0,
	  QR_OK,
	  { { 0x1000, 0x2000, U }, { 0x1000, 0x2000, U } },
	  { { 0x1000, 0x2000, U } } },
	{ "neighbours are joined",
	  0,
	  QR_OK,
	  { { 0x3000, 0x1000, U }, { 0x1000, 0x2000, U } },
	  { { 0x1000, 0x3000, U } } },
	{ "overlapping usable",
	  0,
	  QR_OK,
	  { { 0x1000, 0x3000, U }, { 0x2000, 0x5000, U } },
	  { { 0x1000, 0x6000, U } } },
	{ "a page in two halves",
	  0,
	  QR_OK,
	  { { 0x1000, 0x1800, U }, { 0x2800, 0x1800, U } },
	  { { 0x1000, 0x3000, U } } },
	{ "a page with a hole of a byte",
	  0,
	  QR_OK,
	  { { 0x1000, 0x1800, U }, { 0x2801, 0x17ff, U } },
	  { { 0x1000, 0x1000, U }, { 0x3000, 0x1000, U } } },
	{ "reserved inside usable",
	  0,
	  QR_OK,
	  { { 0, 0x10000, U }, { 0x4000, 0x2000, R } },
	  { { 0, 0x4000, U }, { 0x4000, 0x2000, R }, { 0x6000, 0xa000, U } } },
	{ "the same, reserved first",
	  0,
	  QR_OK,
	  { { 0x4000, 0x2000, R }, { 0, 0x10000, U } },
	  { { 0, 0x4000, U }, { 0x4000, 0x2000, R }, { 0x6000, 0xa000, U } } },
	{ "reserved by one byte takes its page",
	  0,
	  QR_OK,
	  { { 0, 0x4000, U }, { 0x1fff, 1, R } },
	  { { 0, 0x1000, U }, { 0x1000, 0x1000, R }, { 0x2000, 0x2000, U } } },
	{ "reserved across a page border takes both",
	  0,
	  QR_OK,
	  { { 0, 0x4000, U }, { 0x1fff, 2, R } },
	  { { 0, 0x1000, U }, { 0x1000, 0x2000, R }, { 0x3000, 0x1000, U } } },
	{ "reserved over everything",
	  0,
	  QR_NOENT,
	  { { 0x1000, 0x4000, U }, { 0, 0x100000, R } },
	  { { 0, 0x100000, R } } },
	{ "usable inside reserved inside usable",
	  0,
	  QR_OK,
	  { { 0, 0x10000, U }, { 0x2000, 0x8000, R }, { 0x4000, 0x1000, U } },
	  { { 0, 0x2000, U }, { 0x2000, 0x8000, R }, { 0xa000, 0x6000, U } } },
	{ "usable that wraps is a lie",
	  0,
	  QR_OK,
	  { { 0x1000, 0x1000, U }, { 0x5000, -1ull, U } },
	  { { 0x1000, 0x1000, U } } },
	{ "reserved that wraps goes to the top",
	  0,
	  QR_OK,
	  { { 0x1000, 0x10000, U }, { 0x5000, -1ull, R } },
	  { { 0x1000, 0x4000, U }, { 0x5000, TOP - 0x5000, R } } },
	{ "reserved up to 2^64 exactly",
	  0,
	  QR_OK,
	  { { 0, 0x2000, U }, { TOP - 0x1000, 0x2000, R } },
	  { { 0, 0x2000, U }, { TOP - 0x1000, 0x1000, R } } },
	{ "the very last byte",
	  0,
	  QR_OK,
	  { { 0, 0x2000, U }, { ~0ull, 1, R } },
	  { { 0, 0x2000, U } } },
	{ "everything usable", 0, QR_OK, { { 0, ~0ull, U } }, { { 0, 0xffff0000000, U } } },
	{ "everything reserved",
	  0,
	  QR_NOENT,
	  { { 0, ~0ull, R }, { 0, 1ull << 32, U } },
	  { { 0, TOP, R } } },
	{ "above 4 GiB, for a kernel that cannot",
	  1ull << 32,
	  QR_OK,
	  { { 0x100000, 0x7ff00000, U }, { 1ull << 32, 1ull << 30, U } },
	  { { 0x100000, 0x7ff00000, U } } },
	{ "across the limit",
	  1ull << 32,
	  QR_OK,
	  { { 0xc0000000, 1ull << 32, U } },
	  { { 0xc0000000, 0x40000000, U } } },
	{ "a limit in the middle of a page",
	  0x5800,
	  QR_OK,
	  { { 0x1000, 0x10000, U } },
	  { { 0x1000, 0x4000, U } } },
	{ "all above the limit", 0x100000, QR_NOENT, { { 0x100000, 0x100000, U } }, { { 0 } } },
	{ "types that nobody knows",
	  0,
	  QR_OK,
	  { { 0, 0x8000, U },
	    { 0x2000, 0x1000, 77 },
	    { 0x4000, 0x1000, 0 },
	    { 0x6000, 0x1000, ~0u } },
	  { { 0, 0x2000, U },
	    { 0x2000, 0x1000, R },
	    { 0x3000, 0x1000, U },
	    { 0x4000, 0x1000, R },
	    { 0x5000, 0x1000, U },
	    { 0x6000, 0x1000, R },
	    { 0x7000, 0x1000, U } } },
	{ "kernel and module in free memory",
	  0,
	  QR_OK,
	  { { 0x100000, 0x700000, U }, { 0x100000, 0x54321, K }, { 0x200123, 0x10, M } },
	  { { 0x100000, 0x55000, K },
	    { 0x155000, 0xab000, U },
	    { 0x200000, 0x1000, M },
	    { 0x201000, 0x5ff000, U } } },
	{ "a module that overlaps the kernel",
	  0,
	  QR_OK,
	  { { 0, 0x10000, U }, { 0x2000, 0x3000, K }, { 0x4000, 0x3000, M } },
	  { { 0, 0x2000, U },
	    { 0x2000, 0x3000, K },
	    { 0x5000, 0x2000, M },
	    { 0x7000, 0x9000, U } } },
	{ "a module in memory that firmware keeps",
	  0,
	  QR_OK,
	  { { 0, 0x10000, U }, { 0x4000, 0x4000, R }, { 0x3000, 0x2000, M } },
	  { { 0, 0x3000, U },
	    { 0x3000, 0x1000, M },
	    { 0x4000, 0x4000, R },
	    { 0x8000, 0x8000, U } } },
	{ "ACPI tables can be had later, NVS never",
	  0,
	  QR_OK,
	  { { 0, 0x10000, U }, { 0x4000, 0x3000, A }, { 0x6000, 0x3000, N } },
	  { { 0, 0x4000, U },
	    { 0x4000, 0x2000, A },
	    { 0x6000, 0x3000, N },
	    { 0x9000, 0x7000, U } } },
	{ "bad memory beats all",
	  0,
	  QR_NOENT,
	  { { 0, 0x10000, U }, { 0, 0x10000, D }, { 0x3000, 0x800, B }, { 0x3000, 0x5000, R } },
	  { { 0, 0x3000, D },
	    { 0x3000, 0x1000, B },
	    { 0x4000, 0x4000, R },
	    { 0x8000, 0x8000, D } } },
	{ "no sizes, as some emulators say it",
	  0,
	  QR_OK,
	  { { 0, 0, U }, { 0, 0xa0000, U }, { 0x100000, 0, R }, { 0x100000, 0xf00000, U } },
	  { { 0, 0xa0000, U }, { 0x100000, 0xf00000, U } } },
	{ "a staircase",
	  0,
	  QR_OK,
	  { { 0, 0x8000, U },
	    { 0x1000, 0x7000, A },
	    { 0x2000, 0x6000, D },
	    { 0x3000, 0x5000, M },
	    { 0x4000, 0x4000, K },
	    { 0x5000, 0x3000, N },
	    { 0x6000, 0x2000, R },
	    { 0x7000, 0x1000, B } },
	  { { 0, 0x1000, U },
	    { 0x1000, 0x1000, A },
	    { 0x2000, 0x1000, D },
	    { 0x3000, 0x1000, M },
	    { 0x4000, 0x1000, K },
	    { 0x5000, 0x1000, N },
	    { 0x6000, 0x1000, R },
	    { 0x7000, 0x1000, B } } },
	{ "the staircase down",
	  0,
	  QR_OK,
	  { { 0, 0x8000, U },
	    { 0, 0x7000, A },
	    { 0, 0x6000, D },
	    { 0, 0x5000, M },
	    { 0, 0x4000, K },
	    { 0, 0x3000, N },
	    { 0, 0x2000, R },
	    { 0, 0x1000, B } },
	  { { 0, 0x1000, B },
	    { 0x1000, 0x1000, R },
	    { 0x2000, 0x1000, N },
	    { 0x3000, 0x1000, K },
	    { 0x4000, 0x1000, M },
	    { 0x5000, 0x1000, D },
	    { 0x6000, 0x1000, A },
	    { 0x7000, 0x1000, U } } },
	{ "every second page",
	  0,
	  QR_OK,
	  { { 0, 0x8000, U }, { 0x1000, 0x1000, R }, { 0x3000, 0x1000, R }, { 0x5000, 0x1000, R } },
	  { { 0, 0x1000, U },
	    { 0x1000, 0x1000, R },
	    { 0x2000, 0x1000, U },
	    { 0x3000, 0x1000, R },
	    { 0x4000, 0x1000, U },
	    { 0x5000, 0x1000, R },
	    { 0x6000, 0x2000, U } } },
};

static size_t length_of(const range *r, size_t max)
{
	size_t n = max;

	while (n && !r[n - 1].base && !r[n - 1].length && !r[n - 1].type)
		n--;
	return n;
}

/* What every answer must be, whatever went in. */
static bool well_formed(const range *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((out[i].base | out[i].length) & 4095 || !out[i].length)
			return false;
		if (out[i].base + out[i].length < out[i].base)
			return false;
		if (i && out[i - 1].base + out[i - 1].length > out[i].base)
			return false;
		if (i && out[i - 1].base + out[i - 1].length == out[i].base &&
		    out[i - 1].type == out[i].type)
			return false;
	}
	return true;
}

static void test_hostile(void)
{
	for (size_t k = 0; k < sizeof(maps) / sizeof(*maps); k++) {
		const struct hostile *h = &maps[k];
		size_t n = length_of(h->in, 8), want = length_of(h->want, 10), got = 99;
		range *out = malloc((2 * n + 1) * sizeof(*out));
		bool same = true;

		enum qr_err e = qr_bootmap_normalise(h->in, n, h->limit, out, 2 * n, &got, NULL);
		same = got == want;
		for (size_t i = 0; same && i < want; i++)
			same = out[i].base == h->want[i].base &&
			       out[i].length == h->want[i].length && out[i].type == h->want[i].type;
		if (!ok(e == h->err && same && well_formed(out, got), "%s", h->what))
			for (size_t i = 0; i < got; i++)
				diag("%#llx + %#llx %s", (unsigned long long)out[i].base,
				     (unsigned long long)out[i].length,
				     qr_boot_type_name(out[i].type));
		free(out);
	}
}

static void test_report(void)
{
	const range in[] = { { 0, 0x10000, U },    { 0x4000, 0, R }, { 0x5000, 0x1000, 99 },
			     { 0x8000, -1ull, U }, { 0x6000, 1, R }, { 1ull << 33, 4096, U } };
	struct qr_boot_report rep;
	range out[12];
	size_t n;

	is(qr_bootmap_normalise(in, 6, 1ull << 32, out, 11, &n, &rep), QR_INVAL, "too little room");
	is(qr_bootmap_normalise(in, 6, 1ull << 32, out, 12, &n, &rep), QR_OK, "enough");
	is(rep.empty, 1, "report: empty");
	is(rep.wrapped, 1, "report: wrapped");
	is(rep.unknown, 1, "report: unknown");
	is(rep.clipped, 1, "report: clipped");
	is(rep.overlaps, 2, "report: overlaps");
}

static void test_many(void)
{
	enum { COUNT = 10000 };
	range *in = malloc(COUNT * sizeof(*in)), *out = malloc(2 * COUNT * sizeof(*out));
	size_t n;

	for (uint32_t i = 0; i < COUNT; i++) /* backward: reserved islands in pages of their own */
		in[i] = (range){ (uint64_t)(COUNT - i) * 0x3000, 0x1000 + (i & 1), i & 1 ? R : U };
	is(qr_bootmap_normalise(in, COUNT, 0, out, 2 * COUNT, &n, NULL), QR_OK, "10 000 backward");
	is(n, COUNT, "each of its own");
	ok(well_formed(out, n), "well formed");
	for (uint32_t i = 0; i < COUNT; i++) /* nested like an onion, types at random */
		in[i] = (range){ (uint64_t)i * 0x1000, (uint64_t)(COUNT - i) * 0x2000, 1 + i % 8 };
	is(qr_bootmap_normalise(in, COUNT, 0, out, 2 * COUNT, &n, NULL), QR_OK, "an onion");
	ok(well_formed(out, n), "10 000 nested");
	free(in);
	free(out);
}

/* The model: which type has page p?  Looks at every range of the input. */
static uint32_t model(const range *in, size_t n, uint64_t page, uint64_t limit)
{
	uint32_t best = 0;
	unsigned covered[4096 / 256] = { 0 }; /* usable bytes come in steps of 256 here */
	unsigned bytes = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = in[i].base + in[i].length;

		if (in[i].type != U) {
			if (in[i].length && end > page && in[i].base < page + 4096 &&
			    in[i].type > best)
				best = in[i].type;
			continue;
		}
		for (unsigned k = 0; k < 16; k++)
			if (in[i].base <= page + k * 256 && end >= page + (k + 1) * 256)
				covered[k] = 1;
	}
	for (unsigned k = 0; k < 16; k++)
		bytes += covered[k];
	if (!best && bytes == 16 && page + 4096 <= limit)
		best = U;
	return best;
}

static void test_random(void)
{
	enum { PAGES = 64, MOST = 24 };
	uint64_t state = seed();
	range in[MOST], out[2 * MOST];

	for (unsigned round = 0; round < 20000; round++) {
		size_t n = random_below(&state, MOST + 1), got;
		uint64_t limit = random_below(&state, PAGES * 4096) & ~255ull;

		for (size_t i = 0; i < n; i++) {
			in[i].base = random_below(&state, PAGES * 16) * 256;
			in[i].length = random_below(&state, PAGES * 4) * 256;
			in[i].type =
			    random64(&state) & 1 ? U : 1 + (uint32_t)random_below(&state, 8);
		}
		must(qr_bootmap_normalise(in, n, limit, out, 2 * n, &got, NULL) != QR_INVAL,
		     "room");
		must(well_formed(out, got), "round %u", round);
		for (uint64_t page = 0; page < 100 * 4096; page += 4096) {
			uint32_t type = 0;

			for (size_t i = 0; i < got; i++)
				if (out[i].base <= page && page < out[i].base + out[i].length)
					type = out[i].type;
			must(type == model(in, n, page, limit ? limit : -1ull),
			     "round %u, page %#llx: %u", round, (unsigned long long)page, type);
		}
	}
	ok(true, "20 000 random maps agree with the model on every page");
}

static void test_find(void)
{
	const range map[] = { { 0, 0x9f000, U },
			      { 0x9f000, 0x1000, R },
			      { 0x100000, 0x700000, U },
			      { 0x800000, 0x1000, R },
			      { 0x900000, 0x100000, U } };
	uint64_t at = 5;

	is(qr_bootmap_find(map, 5, 0x1000, 0x1000, 0, ~0ull, &at), QR_OK, "find: a page");
	is(at, 0, "find: the lowest");
	is(qr_bootmap_find(map, 5, 0x1000, 0x1000, 0x9e800, ~0ull, &at), QR_OK, "find: from");
	is(at, 0x100000, "find: behind the hole");
	is(qr_bootmap_find(map, 5, 0x400000, 0x400000, 0, ~0ull, &at), QR_OK, "find: aligned");
	is(at, 0x400000, "find: 4 MiB at 4 MiB");
	is(qr_bootmap_find(map, 5, 0x700001, 1, 0, ~0ull, &at), QR_NOENT, "find: too large");
	is(qr_bootmap_find(map, 5, 0x200000, 1, 0, 0x2fffff, &at), QR_NOENT, "find: up to");
	is(at, 0x400000, "find: out is untouched");
	is(qr_bootmap_bytes(map, 5, U), 0x9f000 + 0x700000 + 0x100000, "bytes of a type");
	is(qr_bootmap_end(map, 5), 0xa00000, "where usable memory ends");
}

int main(void)
{
	test_hostile();
	test_report();
	test_many();
	test_random();
	test_find();
	return done();
}
