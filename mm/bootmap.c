/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootmap.c - normalising the boot map.
 *
 * A sweep from address 0 upward over the ranges, sorted by base.  Of each type only one thing
 * has to be known: how far the ranges of that type that have begun reach.  At any address the
 * winner is the highest type that reaches beyond it, and it stays so until the next range begins
 * or the nearest reach ends.
 *
 *	usable    |-----------------------------------|
 *	reserved        |=======|     |==========|          one reach each, and the sweep
 *	            ^a  ^b      ^c    ^d         ^e   ^f     stops at a, b, c, ...
 *
 * The sorted input stands at the upper end of `out` while results are written at its lower end.
 * After k ranges were read, at most 2k - 1 pieces were written: each range adds its begin and
 * its end, and adjacent pieces of one type are joined.  So with room for 2n nothing is
 * overwritten before it was read.
 *
 * Usable memory is swept byte by byte, so that two ranges that meet in the middle of a page
 * still make a page; only the pieces are rounded inward.  All else is rounded outward first.
 *
 * Cost: heapsort, O(n log n), then O(n) steps of eight comparisons.  No recursion.
 */
#include <quire/bootmap.h>

#define TYPES (QR_BOOT_BAD + 1)
#define TOP   (-(uint64_t)QR_PAGE_SIZE) /* ends stay here, so that base + length never wraps */

struct sweep {
	struct qr_boot_range *out;
	size_t n;
	uint64_t reach[TYPES]; /* address behind the last byte, by type */
};

/* ---- in: one range made sane ---------------------------------------------------------------- */

/* Clean *r: base and length become sane; its length field then holds the END.  False: there is
 * nothing in it. */
static bool clean(struct qr_boot_range *r, uint64_t limit, struct qr_boot_report *rep)
{
	uint64_t base = r->base, end = base + r->length;

	if (r->type < QR_BOOT_USABLE || r->type >= TYPES) {
		rep->unknown++;
		r->type = QR_BOOT_RESERVED;
	}
	if (r->length == 0) {
		rep->empty++;
		return false;
	}
	if (end < base) {
		rep->wrapped += end != 0; /* an end of exactly 2^64 is honest */
		if (end != 0 && r->type == QR_BOOT_USABLE)
			return false;
		end = TOP;
	}
	if (r->type != QR_BOOT_USABLE) {
		base &= ~(uint64_t)QR_PAGE_MASK;
		end = end > TOP ? TOP : (end + QR_PAGE_MASK) & ~(uint64_t)QR_PAGE_MASK;
	} else if (end > limit) {
		rep->clipped++;
		end = limit;
	}
	r->base = base;
	r->length = end;
	return base < end;
}

/* ---- sorted: a heap in the array ------------------------------------------------------------- */

static void sift(struct qr_boot_range *a, size_t at, size_t n)
{
	struct qr_boot_range r = a[at];

	for (size_t kid; (kid = 2 * at + 1) < n; at = kid) {
		if (kid + 1 < n && a[kid + 1].base > a[kid].base)
			kid++;
		if (a[kid].base <= r.base)
			break;
		a[at] = a[kid];
	}
	a[at] = r;
}

static void sort(struct qr_boot_range *a, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	while (n > 1) {
		struct qr_boot_range r = a[--n];

		a[n] = a[0];
		a[0] = r;
		sift(a, 0, n);
	}
}

/* ---- out: the sweep -------------------------------------------------------------------------- */

static void emit(struct sweep *s, uint64_t base, uint64_t end, uint32_t type)
{
	struct qr_boot_range *last = s->n ? &s->out[s->n - 1] : NULL;

	if (last && last->type == type && last->base + last->length == base)
		last->length += end - base;
	else
		s->out[s->n++] = (struct qr_boot_range){ base, end - base, type };
}

/* Write the pieces from `at` up to `stop`, where the next range begins; answer where it ended:
 * stop, or earlier, where nothing reaches any more. */
static void advance(struct sweep *s, uint64_t at, uint64_t stop)
{
	while (at < stop) {
		uint64_t next = stop;
		uint32_t winner = 0;

		for (uint32_t t = QR_BOOT_USABLE; t < TYPES; t++)
			if (s->reach[t] > at)
				winner = t;
		if (!winner)
			return;
		/* The winner holds until it ends; a higher type can only begin at a range. */
		if (s->reach[winner] < next)
			next = s->reach[winner];
		emit(s, at, next, winner);
		at = next;
	}
}

/* Usable pieces inward to whole pages, empty ones dropped. */
static size_t round_usable(struct qr_boot_range *map, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct qr_boot_range r = map[i];

		if (r.type == QR_BOOT_USABLE) {
			uint64_t end = (r.base + r.length) & ~(uint64_t)QR_PAGE_MASK;

			r.base = (r.base + QR_PAGE_MASK) & ~(uint64_t)QR_PAGE_MASK;
			if (end <= r.base)
				continue;
			r.length = end - r.base;
		}
		map[kept++] = r;
	}
	return kept;
}

enum qr_err qr_bootmap_normalise(const struct qr_boot_range *in, size_t n, uint64_t limit,
				 struct qr_boot_range *out, size_t cap, size_t *count,
				 struct qr_boot_report *report)
{
	const uint64_t frames_end = 0xffff0000ull << QR_PAGE_SHIFT;
	struct qr_boot_report rep = { 0 };
	struct sweep s = { .out = out };
	struct qr_boot_range *sorted;
	size_t m = 0;

	if (n > SIZE_MAX / 2 || cap < 2 * n)
		return QR_INVAL;
	if (limit == 0 || limit > frames_end)
		limit = frames_end;
	sorted = out + (cap - n);
	for (size_t i = 0; i < n; i++) {
		sorted[m] = in[i];
		m += clean(&sorted[m], limit, &rep);
	}
	sort(sorted, m);
	for (size_t i = 0; i < m; i++) {
		struct qr_boot_range r = sorted[i]; /* its place may be written over below */
		uint64_t next = i + 1 < m ? sorted[i + 1].base : TOP;

		for (uint32_t t = QR_BOOT_USABLE; t < TYPES; t++)
			if (s.reach[t] > r.base) {
				rep.overlaps++;
				break;
			}
		if (s.reach[r.type] < r.length)
			s.reach[r.type] = r.length;
		advance(&s, r.base, next);
	}
	*count = round_usable(out, s.n);
	if (report)
		*report = rep;
	return qr_bootmap_bytes(out, *count, QR_BOOT_USABLE) ? QR_OK : QR_NOENT;
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum qr_err qr_bootmap_find(const struct qr_boot_range *map, size_t n, uint64_t bytes,
			    uint64_t align, uint64_t from, uint64_t to, uint64_t *out)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t base = map[i].base, end = map[i].base + map[i].length, at;

		if (map[i].type != QR_BOOT_USABLE)
			continue;
		base = base < from ? from : base;
		end = end > to ? to : end;
		at = (base + align - 1) & -align;
		if (at >= base && at <= end && end - at >= bytes) {
			*out = at;
			return QR_OK;
		}
	}
	return QR_NOENT;
}

uint64_t qr_bootmap_bytes(const struct qr_boot_range *map, size_t n, enum qr_boot_type type)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += map[i].type == (uint32_t)type ? map[i].length : 0;
	return sum;
}

uint64_t qr_bootmap_end(const struct qr_boot_range *map, size_t n)
{
	uint64_t end = 0;

	for (size_t i = 0; i < n; i++)
		if (map[i].type == QR_BOOT_USABLE)
			end = map[i].base + map[i].length;
	return end;
}

const char *qr_boot_type_name(uint32_t type)
{
	static const char *const names[TYPES] = {
		[QR_BOOT_USABLE] = "usable",     [QR_BOOT_ACPI] = "ACPI tables",
		[QR_BOOT_DATA] = "boot data",    [QR_BOOT_MODULE] = "module",
		[QR_BOOT_KERNEL] = "kernel",     [QR_BOOT_NVS] = "ACPI NVS",
		[QR_BOOT_RESERVED] = "reserved", [QR_BOOT_BAD] = "bad",
	};

	return type < TYPES && names[type] ? names[type] : "unknown";
}
