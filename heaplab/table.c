/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table.c - results as text.
 */
#include "heaplab/lab.h"

static void put_share(uint64_t part, uint64_t whole)
{
	uint64_t tenths = whole ? (part * 1000 + whole / 2) / whole : 0;

	printf(" %5u.%u%%", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

static void put_heap(unsigned kind, const struct result *r, enum clock clock)
{
	printf("%-6s ", heap_names[kind]);
	if (clock == CLOCK_NONE)
		printf("%10s", "-");
	else
		printf("%8llu.%u", (unsigned long long)(r->tenths / 10),
		       (unsigned)(r->tenths % 10));
	printf(" %8llu.%u", (unsigned long long)(r->waste / 10), (unsigned)(r->waste % 10));
	printf(" %9llu  ", (unsigned long long)((r->peak + 1023) / 1024));
	put_share(r->asked, r->peak);
	put_share(r->rounding, r->peak);
	put_share(r->tables, r->peak);
	put_share(r->holes, r->peak);
	printf(" %8u", r->refused);
	if (r->refused)
		printf(", the first at call %u", r->first_refused);
	putchar('\n');
}

void table_trace(const struct trace *t, const struct arena *a, enum clock clock,
		 const struct result *results, unsigned heaps)
{
	char per_call[16];

	snprintf(per_call, sizeof(per_call), "%s/call", clock_units[clock]);
	printf("%s: %u calls, at most %u objects of together %llu KiB; arena %zu KiB\n", t->name,
	       t->nsteps, t->most_live, (unsigned long long)((t->most_bytes + 1023) / 1024),
	       a->bytes / 1024);
	printf("%-6s %10s %10s %9s   %7s %7s %7s %7s %8s\n", "heap", per_call, "waste/obj",
	       "peak KiB", "=asked", "+waste", "+tables", "+holes", "refused");
	for (unsigned k = 0; k < NHEAPS; k++)
		if (heaps >> k & 1)
			put_heap(k, &results[k], clock);
	putchar('\n');
}

void table_scatter(struct arena *a, size_t size, unsigned heaps)
{
	printf(
	    "B9: %zu KiB full of objects of %zu bytes; half of them are freed, then %zu bytes are "
	    "wanted\n",
	    a->bytes / 1024, size, 2 * size);
	printf("%25s   %-30s %s\n", "", "every second one is freed", "the first half is freed");
	printf("%-6s %8s %9s   %-30s %-30s\n", "heap", "objects", "freed KiB", "largest KiB",
	       "largest KiB");
	for (unsigned k = 0; k < NHEAPS; k++) {
		struct scatter s[2];

		if (!(heaps >> k & 1))
			continue;
		for (unsigned row = 0; row < 2; row++)
			scatter(a, k, size, row, &s[row]);
		printf("%-6s %8zu %9zu  ", heap_names[k], s[0].objects, s[0].freed / 1024);
		for (unsigned row = 0; row < 2; row++)
			printf(" %8zu.%zu %-*s", s[row].largest / 1024,
			       s[row].largest % 1024 * 10 / 1024, row ? 0 : 19,
			       s[row].given ? "given" : "refused");
		putchar('\n');
	}
	putchar('\n');
}
