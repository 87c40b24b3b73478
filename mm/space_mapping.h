/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_mapping.h - what the id of a run stands for (space_mapping.c draws it).
 *
 * What a mapping is, never changes; how many pages are promised under it, and where they lie,
 * does under the lock of the mappings, which in stage S0 is the space's one lock.
 */
#ifndef MM_SPACE_MAPPING_H
#define MM_SPACE_MAPPING_H

#include "mm/space_table.h"

struct qr_mapping {
	struct qr_object *object; /* null: private memory with a peculiarity */
	int64_t delta;            /* page of the object = page of the space + delta */
	size_t npages;            /* promised under this id; at 0 it goes */
	uintptr_t lo, hi;         /* holds all of them */
	struct qr_space *space;
	struct qr_mapping *next, **prev; /* object's list */
	struct qr_mapping *next_stack;   /* of the space's stacks, or of its dead */
	uint32_t id;
	uint8_t shared, maxprot, growsdown, backing;
};

#define STACK_GAP 256u /* pages below a stack that no search for free addresses hands out */

/* A mapping as asked for, with npages 0 and a reference on its object; null: no memory. */
QR_MUST_CHECK enum qr_err qr_mapping_make(struct qr_space *s, const struct qr_mapping *like,
					  struct qr_mapping **out);
/* What another mapping like this one is made of; its place in lists is not for us to read. */
QR_INLINE struct qr_mapping mapping_like(const struct qr_mapping *mp)
{
	return (struct qr_mapping){ .object = mp->object,
				    .delta = mp->delta,
				    .lo = qr_load_word(&mp->lo),
				    .hi = qr_load_word(&mp->hi),
				    .id = mp->id,
				    .shared = mp->shared,
				    .maxprot = mp->maxprot,
				    .growsdown = mp->growsdown,
				    .backing = mp->backing };
}

/* No page is promised under it any more: out of the space and its object's list now, and freed
 * when no lock is held, since the last reference to an object does who knows what.  The mappings
 * are locked. */
void qr_mapping_drop(struct qr_space *s, struct qr_mapping *mp);
void qr_mappings_free(struct qr_space *s, struct qr_mapping *dead);

/* Around what reads or changes mappings, or their list: in S0 the space is locked already. */
QR_INLINE void mappings_lock(struct qr_space *s)
{
	if (QR_SPACE_STAGE)
		qr_lock_acquire(&s->lock);
}

QR_INLINE void mappings_unlock(struct qr_space *s)
{
	if (QR_SPACE_STAGE)
		qr_lock_release(&s->lock);
}

/* For who has locked the mappings. */
QR_INLINE struct qr_mapping *mapping_found(const struct qr_space *s, uint32_t attr)
{
	return (struct qr_mapping *)qr_radix_get(&s->mappings, run_id(attr));
}

/* It stays as long as the caller holds a table with a run of that id; who, what and how never
 * changes, how much and where does under the lock of the mappings. */
QR_INLINE struct qr_mapping *mapping_of(const struct qr_space *s, uint32_t attr)
{
	struct qr_space *locked = (struct qr_space *)(uintptr_t)s;
	struct qr_mapping *mp;

	mappings_lock(locked);
	mp = mapping_found(s, attr);
	mappings_unlock(locked);
	return mp;
}

/* Its hull holds [lo,hi) too. */
void qr_mapping_cover(struct qr_space *s, struct qr_mapping *mp, uintptr_t lo, uintptr_t hi);

#endif
