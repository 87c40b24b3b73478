/* SPDX-License-Identifier: BSD-2-Clause
 *
 * types.h - the words that every module of libquire speaks.
 *
 *	qr_phys    a physical address: always 64 bits, so that a 32-bit kernel can name
 *	           memory above 4 GiB (PAE)
 *	qr_virt    a virtual address: as wide as a pointer of the machine that is managed
 *	qr_frame   a frame number: physical address / QR_PAGE_SIZE (32 bits reach 16 TiB)
 *
 * They are one-member structs, so that one cannot be passed for another.  The converters
 * below are the only crossings; each compiles to nothing or to one shift.
 */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QR_PAGE_SHIFT 12
#define QR_PAGE_SIZE  4096u
#define QR_PAGE_MASK  (QR_PAGE_SIZE - 1)

/* What a public function of libquire answers.  Results go through a last parameter `out`,
 * which is untouched unless the answer is QR_OK.  A caller's own bug is not an error but a
 * broken rule: qr_host_panic. */
enum qr_err {
	QR_OK = 0,
	QR_NOMEM,   /* no frame, no object, no room for metadata; nothing was changed */
	QR_EXISTS,  /* something is there already (map without replace) */
	QR_NOENT,   /* nothing is there (no run, no mapping, a hole) */
	QR_INVAL,   /* arguments that cannot be meant: wrapped, unaligned, out of bounds */
	QR_ACCESS,  /* something is there, and its rights refuse the access */
	QR_BEYOND,  /* inside a mapping, but beyond the end of its object: Linux's SIGBUS */
	QR_LIMIT,   /* a limit set by the caller (address space, locked pages) is reached */
	QR_PAGER,   /* a page that a pager of the user's own has to supply */
	QR_CORRUPT, /* a block of memory that is not what the caller says it is */
};

#define QR_MUST_CHECK __attribute__((warn_unused_result))
#define QR_INLINE     static inline __attribute__((always_inline))
#define QR_LIKELY(x)  __builtin_expect(!!(x), 1)
#define QR_RARELY(x)  __builtin_expect(!!(x), 0)

typedef struct {
	uint64_t v;
} qr_phys;

typedef struct {
	uintptr_t v;
} qr_virt;

typedef struct {
	uint32_t v;
} qr_frame;

QR_INLINE qr_phys qr_phys_of(uint64_t v)
{
	return (qr_phys){ v };
}

QR_INLINE qr_virt qr_virt_of(uintptr_t v)
{
	return (qr_virt){ v };
}

QR_INLINE qr_frame qr_frame_of(uint32_t v)
{
	return (qr_frame){ v };
}

QR_INLINE qr_phys qr_frame_phys(qr_frame f)
{
	return (qr_phys){ (uint64_t)f.v << QR_PAGE_SHIFT };
}

QR_INLINE qr_frame qr_phys_frame(qr_phys p)
{
	return (qr_frame){ (uint32_t)(p.v >> QR_PAGE_SHIFT) };
}

/* Rights of a page, as the user asked for them: neutral bits, never a table's own. */
enum qr_prot {
	QR_PROT_NONE = 0,
	QR_READ = 1,
	QR_WRITE = 2,
	QR_EXEC = 4,
	QR_USER = 8, /* paging only: reachable from user mode; spaces add it themselves */
};

#endif
