/* SPDX-License-Identifier: BSD-2-Clause
 *
 * raw.h - what preload.c writes and record.c reads: a file, mapped by both, so that nothing is
 * lost however the program ends.
 */
#ifndef HEAPLAB_RAW_H
#define HEAPLAB_RAW_H

#include <stdint.h>

#define RAW_VARIABLE "HEAPLAB_RAW" /* the environment: the file's name */
#define RAW_ROOM     8000000u      /* calls; a sparse file */

struct raw_call {
	uint32_t call; /* enum call */
	uint32_t align;
	uint64_t size;
	uint64_t p, old; /* new address, old address; 0: none */
};

struct raw {
	uint32_t pid; /* whose calls they are */
	uint32_t n;   /* may be more than RAW_ROOM: these are lost */
	struct raw_call calls[];
};

#define RAW_BYTES (sizeof(struct raw) + (size_t)RAW_ROOM * sizeof(struct raw_call))

#endif
