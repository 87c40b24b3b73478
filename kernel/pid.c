/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid.c - the table of numbers in use: a hash with chains that doubles when it is full.
 */
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/pid.h"

#define FIRST_BUCKETS 32

static struct pid *first_table[FIRST_BUCKETS];
static struct pid **table = first_table;
static unsigned nbuckets = FIRST_BUCKETS; /* a power of two */
static unsigned npids;
static pid_nr last;
int pid_max = PID_LIMIT; /* numbers below it are given */

static struct pid **bucket(pid_nr nr)
{
	return &table[(unsigned)nr & (nbuckets - 1)];
}

/* Numbers are dense, so that chains stay short; without memory they become longer. */
static void grow(void)
{
	struct pid **old = table, **larger = kcalloc(2 * (size_t)nbuckets, sizeof(*larger));
	unsigned n = nbuckets;

	if (!larger)
		return;
	table = larger;
	nbuckets = 2 * n;
	for (unsigned i = 0; i < n; i++) {
		while (old[i]) {
			struct pid *p = old[i];

			old[i] = p->chain;
			p->chain = *bucket(p->nr);
			*bucket(p->nr) = p;
		}
	}
	if (old != first_table)
		kfree(old);
}

struct pid *pid_find(pid_nr nr)
{
	struct pid *p = *bucket(nr);

	while (p && p->nr != nr)
		p = p->chain;
	return p;
}

static pid_nr next_free(void)
{
	do
		last = last + 1 < pid_max ? last + 1 : 1;
	while (pid_find(last));
	return last;
}

int pid_new(pid_nr nr, struct pid **out)
{
	struct pid *p;

	if (nr && pid_find(nr))
		return -EEXIST;
	p = npids < (unsigned)pid_max - 1 ? kzalloc(sizeof(*p)) : NULL;
	if (!p)
		return -EAGAIN;
	p->nr = nr ? nr : next_free();
	p->ref = 1;
	list_init(&p->group);
	list_init(&p->session);
	if (++npids > nbuckets)
		grow();
	p->chain = *bucket(p->nr);
	*bucket(p->nr) = p;
	*out = p;
	return 0;
}

void pid_free(struct pid *p)
{
	struct pid **link = bucket(p->nr);

	while (*link != p)
		link = &(*link)->chain;
	*link = p->chain;
	npids--;
	waitq_end(&p->watchers);
	kfree(p);
}

struct pid *pid_next(pid_nr nr)
{
	struct pid *best = NULL;

	/* Dense tables answer in a few probes; a sparse one is searched once. */
	for (pid_nr n = nr; n < nr + 16 && n < PID_LIMIT; n++) {
		best = pid_find(n);
		if (best)
			return best;
	}
	for (unsigned i = 0; i < nbuckets; i++)
		for (struct pid *p = table[i]; p; p = p->chain)
			if (p->nr >= nr && (!best || p->nr < best->nr))
				best = p;
	return best;
}

pid_nr pid_last(void)
{
	return last;
}
