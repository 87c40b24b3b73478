/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootmap.h - what the machine says its memory is, made true.
 *
 * Firmware and boot loaders hand over a list of ranges that nobody may trust: unsorted,
 * overlapping, wrapping past 2^64, with reserved memory inside memory called free, with ends in
 * the middle of a page, with types that no document knows.  One pure function turns any such
 * list into one that can be used without a further check:
 *
 *	- sorted by base, disjoint, no range empty, neighbours of one type joined
 *	- bases and lengths are multiples of the page size, and base + length does not wrap
 *	  (the last page of all addresses is left out)
 *	- where two ranges overlap, the higher type of enum qr_boot_type wins, for the whole page
 *	- usable memory is rounded inward and ends at the limit; everything else, outward
 *
 * The kernel adds ranges of its own to the list before (its image, its modules, the boot
 * loader's data), so that nobody hands out the ground it stands on.
 */
#ifndef QUIRE_BOOTMAP_H
#define QUIRE_BOOTMAP_H

#include <quire/types.h>

/* In rising strength: where ranges overlap, the later one wins. */
enum qr_boot_type {
	QR_BOOT_USABLE = 1,
	QR_BOOT_ACPI,     /* ACPI tables: usable once they have been read */
	QR_BOOT_DATA,     /* the boot loader's: usable once it has been copied */
	QR_BOOT_MODULE,   /* a module: usable once it has been unpacked */
	QR_BOOT_KERNEL,   /* the kernel's image and what it took before frames stood */
	QR_BOOT_NVS,      /* firmware's, kept across sleep */
	QR_BOOT_RESERVED, /* devices, firmware, or a type that nobody knows */
	QR_BOOT_BAD,      /* memory with errors */
};

struct qr_boot_range {
	uint64_t base, length; /* bytes */
	uint32_t type;         /* enum qr_boot_type; anything else is taken as reserved */
};

/* What was wrong with the list; for the boot log.  Numbers of ranges of the input. */
struct qr_boot_report {
	uint32_t empty;    /* no byte in it: left out */
	uint32_t wrapped;  /* ran past 2^64: usable left out, others cut there */
	uint32_t unknown;  /* type not known: taken as reserved */
	uint32_t clipped;  /* usable memory above the limit: cut there, or left out */
	uint32_t overlaps; /* began inside a range before it */
};

/* Normalise `n` ranges of `in` into `out`, which has room for `cap`; the number written goes to
 * *count.  Usable memory at or above address `limit` is dropped (0: the end of frame numbers,
 * 16 TiB).  `report` may be null.
 * Needs: cap >= 2 n (the upper part of `out` serves as the place to sort in).  `in` is not
 * changed and may not overlap `out`.  Cost: O(n log n), no recursion, no other memory.
 * Errors: QR_INVAL, cap < 2 n; QR_NOENT, not one usable page (out and count are written all the
 * same, so that the map can be shown).  Context: any. */
QR_MUST_CHECK enum qr_err qr_bootmap_normalise(const struct qr_boot_range *in, size_t n,
					       uint64_t limit, struct qr_boot_range *out,
					       size_t cap, size_t *count,
					       struct qr_boot_report *report);

/* The lowest `bytes` bytes of usable memory in a normalised map that start at a multiple of
 * `align` (a power of two), not below `from` and end at or below `to`.
 * Errors: QR_NOENT.  Context: any. */
QR_MUST_CHECK enum qr_err qr_bootmap_find(const struct qr_boot_range *map, size_t n, uint64_t bytes,
					  uint64_t align, uint64_t from, uint64_t to,
					  uint64_t *out);

/* Bytes of one type in a normalised map, and the address behind the last usable byte. */
uint64_t qr_bootmap_bytes(const struct qr_boot_range *map, size_t n, enum qr_boot_type type);
uint64_t qr_bootmap_end(const struct qr_boot_range *map, size_t n);

/* "usable", "ACPI tables", ...: for the boot log. */
const char *qr_boot_type_name(uint32_t type);

#endif
