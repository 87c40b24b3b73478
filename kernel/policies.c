/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/policies.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/process.h"

const struct policy_range *policies_find(const struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	for (const struct policy_range *r = mm->policies; r && r->lo < hi; r = r->next)
		if (r->hi > lo)
			return r;
	return NULL;
}

static struct policy_range *range_new(uintptr_t lo, uintptr_t hi, unsigned policy)
{
	struct policy_range *r = kmalloc(sizeof(*r));

	if (r)
		*r = (struct policy_range){ lo, hi, policy, NULL };
	return r;
}

/* Cut [lo, hi) out; `spare` becomes what is left above of a range that reaches over it.  Answers
 * where one that begins at lo belongs. */
static struct policy_range **cut(struct mm *mm, uintptr_t lo, uintptr_t hi,
				 struct policy_range **spare)
{
	struct policy_range **at = &mm->policies, *r;

	while ((r = *at) && r->lo < hi) {
		if (r->hi <= lo) {
			at = &r->next;
		} else if (r->lo < lo) {
			struct policy_range *rest = r->hi > hi ? *spare : NULL;

			if (rest) {
				*rest = (struct policy_range){ hi, r->hi, r->policy, r->next };
				r->next = rest;
				*spare = NULL;
			}
			r->hi = lo;
			at = &r->next;
		} else if (r->hi > hi) {
			r->lo = hi;
		} else {
			*at = r->next;
			kfree(r);
		}
	}
	return at;
}

int policies_set(struct mm *mm, uintptr_t lo, uintptr_t hi, unsigned policy)
{
	struct policy_range *spare = range_new(0, 0, 0), *new = NULL, **at;

	if (spare && policy != POLICY_NONE)
		new = range_new(lo, hi, policy);
	if (!spare || (!new &&policy != POLICY_NONE)) {
		kfree(spare);
		return -ENOMEM;
	}
	at = cut(mm, lo, hi, &spare);
	if (new) {
		new->next = *at;
		*at = new;
	}
	kfree(spare);
	return 0;
}

void policies_unmapped(struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	struct policy_range *spare = range_new(0, 0, 0);

	(void)cut(mm, lo, hi, &spare);
	kfree(spare);
}

/* What becomes longer has the policy of its end. */
void policies_moved(struct mm *mm, uintptr_t from, size_t old, uintptr_t to, size_t new)
{
	const struct policy_range *r;
	uintptr_t at = from;

	while (at < from + old && (r = policies_find(mm, at, from + old)) != NULL) {
		uintptr_t lo = r->lo > at ? r->lo : at;
		bool last = r->hi >= from + old;

		at = r->hi;
		if (policies_set(mm, to + (lo - from), last ? to + new : to + (at - from),
				 r->policy))
			return;
	}
}

int policies_copy(struct mm *to, const struct mm *from)
{
	struct policy_range **at = &to->policies;

	for (const struct policy_range *r = from->policies; r; r = r->next) {
		*at = range_new(r->lo, r->hi, r->policy);
		if (!*at)
			return -ENOMEM;
		at = &(*at)->next;
	}
	return 0;
}

void policies_free(struct mm *mm)
{
	struct policy_range *r;

	while ((r = mm->policies) != NULL) {
		mm->policies = r->next;
		kfree(r);
	}
}
