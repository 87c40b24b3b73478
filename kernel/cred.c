/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/process.h"

void groups_put(struct groups *g)
{
	if (g && --g->ref == 0)
		kfree(g);
}

void cred_copy(struct cred *to, const struct cred *from)
{
	*to = *from;
	if (to->groups)
		to->groups->ref++;
}

void cred_fini(struct cred *c)
{
	groups_put(c->groups);
	c->groups = NULL;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (uint32_t i = 0; c->groups && i < c->groups->n; i++)
		if (c->groups->gid[i] == gid)
			return true;
	return false;
}
