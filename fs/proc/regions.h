/* SPDX-License-Identifier: BSD-2-Clause
 *
 * regions.h - what maps, smaps and numa_maps have in common: regions, listed a piece at a time.
 */
#ifndef FS_PROC_REGIONS_H
#define FS_PROC_REGIONS_H

#include "fs/proc/proc.h"

/* From the device on, the lines of one file's regions are the same; they follow each other. */
struct tail {
	const struct qr_object *of;
	size_t at, n;  /* in the text */
	size_t column; /* where it begins in its line */
};

struct listing {
	struct text *t;
	struct mm *mm;
	struct tail last;
	void *arg;
};

typedef void region_fn(struct listing *l, const struct qr_region *r);

/* Over all regions from t->cursor on, until a piece is full. */
int proc_each_region(struct text *t, const struct proc_target *of, region_fn *fn, void *arg);

/* "[heap]", "[stack]", "[vdso]"; NULL: none of them. */
const char *proc_special_name(const struct mm *mm, const struct qr_region *r);

#endif
