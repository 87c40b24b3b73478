/* SPDX-License-Identifier: BSD-2-Clause
 *
 * policies.h - memory policies of ranges: what mbind has asked for, remembered.
 *
 *	mm -- policies: [lo, hi) -> [lo, hi) -> ...	upwards, apart from one another
 *
 * There is one node: a policy changes nothing but what get_mempolicy answers.  A range goes with
 * what is mapped there (unmapped, moved, copied by fork), as far as there is memory to remember it.
 */
#ifndef KERNEL_POLICIES_H
#define KERNEL_POLICIES_H

#include <quire/types.h>

struct mm;

struct policy_range {
	uintptr_t lo, hi;
	unsigned policy; /* MPOL_*, with its flags */
	struct policy_range *next;
};

enum { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL, MPOL_PREFERRED_MANY };
#define MPOL_BALANCING (1u << 13)
#define MPOL_RELATIVE  (1u << 14)
#define MPOL_STATIC    (1u << 15)
#define MPOL_MODE      0xffu

#define POLICY_NONE 0u /* MPOL_DEFAULT: the task's counts */

/* POLICY_NONE takes away.  -ENOMEM: nothing was changed. */
int policies_set(struct mm *mm, uintptr_t lo, uintptr_t hi, unsigned policy);
/* Where [lo, hi) meets one: the first, or NULL. */
const struct policy_range *policies_find(const struct mm *mm, uintptr_t lo, uintptr_t hi);
/* The same that cannot fail: what would have to be split goes altogether. */
void policies_unmapped(struct mm *mm, uintptr_t lo, uintptr_t hi);
void policies_moved(struct mm *mm, uintptr_t from, size_t old, uintptr_t to, size_t new);
int policies_copy(struct mm *to, const struct mm *from);
void policies_free(struct mm *mm);

#endif
