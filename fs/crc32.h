/* SPDX-License-Identifier: BSD-2-Clause
 *
 * crc32.h - the checksum of gzip (polynomial 0xedb88320), four bytes a step.
 */
#ifndef FS_CRC32_H
#define FS_CRC32_H

#include <stddef.h>
#include <stdint.h>

struct crc32 {
	uint32_t table[4][256]; /* [k][b]: byte b, followed by k zero bytes */
	uint32_t value;         /* of the bytes so far */
};

void crc32_init(struct crc32 *c);
void crc32_add(struct crc32 *c, const uint8_t *bytes, size_t n);
static inline void crc32_restart(struct crc32 *c)
{
	c->value = 0;
}

#endif
