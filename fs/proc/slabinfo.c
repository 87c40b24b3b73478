/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slabinfo.c - /proc/slabinfo: pools of objects of one size, and the heap by size.
 *
 * A class of the heap is shown as what Linux calls kmalloc-SIZE.
 */
#include <quire/heap.h>
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/memory.h"

static void put_line(struct text *t, const char *name, size_t active, size_t all, size_t size,
		     size_t perslab, size_t slabs)
{
	text_printf(t, "%-17s %6zu %6zu %6zu %4zu %4u", name, active, all, size, perslab, 1u);
	text_printf(t, " : tunables %4u %4u %4u : slabdata %6zu %6zu %6u\n", 0u, 0u, 0u, slabs,
		    slabs, 0u);
}

struct heap_sizes {
	size_t size[QR_HEAP_CLASSES], count[QR_HEAP_CLASSES];
};

static bool count_size(void *ctx, void *object, size_t size)
{
	struct heap_sizes *s = ctx;

	for (unsigned i = 0; i < QR_HEAP_CLASSES; i++) {
		if (s->size[i] && s->size[i] != size)
			continue;
		s->size[i] = size;
		s->count[i]++;
		break;
	}
	return true;
}

PROC_SHOW(slabinfo)
{
	const struct qr_pool *pools[] = { &space_memory.descs,   &space_memory.mappings,
					  &space_memory.nodes,   &space_memory.runs[0],
					  &space_memory.runs[1], &space_memory.runs[2] };
	struct heap_sizes *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	text_string(t, "slabinfo - version: 2.1\n"
		       "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		       "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		       "<active_slabs> <num_slabs> <sharedavail>\n");
	for (unsigned i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		const struct qr_pool *p = pools[i];

		put_line(t, p->name, qr_pool_used(p), (size_t)p->nslabs * p->perslab, p->size,
			 p->perslab, p->nslabs);
	}
	qr_heap_walk(&kernel_heap, count_size, s);
	for (unsigned i = 0; i < QR_HEAP_CLASSES && s->size[i]; i++) {
		size_t size = s->size[i], perslab = size < QR_PAGE_SIZE ? QR_PAGE_SIZE / size : 1;
		char name[24];

		ksnprintf(name, sizeof(name), "kmalloc-%zu", size);
		put_line(t, name, s->count[i], s->count[i], size, perslab,
			 (s->count[i] + perslab - 1) / perslab);
	}
	kfree(s);
	return 0;
}
