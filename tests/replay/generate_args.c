/* SPDX-License-Identifier: BSD-2-Clause
 *
 * generate_args.c - chance, and the arguments that it chooses.
 */
#include "tests/replay/generate.h"
#include <string.h>

/* ---- chance ---------------------------------------------------------------------------- */

static uint64_t next(struct mood *m)
{
	uint64_t z = m->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned below(struct mood *m, unsigned n)
{
	return (unsigned)((next(m) >> 32) * n >> 32);
}

bool percent(struct mood *m, unsigned n)
{
	return below(m, 100) < n;
}

/* ---- arguments ------------------------------------------------------------------------- */

struct arg number(int64_t n)
{
	return (struct arg){ NUMBER, n };
}

/* Near a huge page's border, or anywhere in the arena. */
static unsigned huge_place(struct mood *m)
{
	unsigned at = (unsigned)PICK(m, 0, 0, 0, 512, 512, 512, 1024);

	if (percent(m, 50))
		return at == 1024 ? 1020 : at;
	return percent(m, 50) ? below(m, PLAYED) : (at + below(m, 6) + PLAYED - 3) % PLAYED;
}

/* Where a table begins, mostly, or ends. */
static unsigned broad_place(struct mood *m)
{
	unsigned at = below(m, 3) * LEAF;

	return percent(m, 75) ? at % PLAYED : (at + below(m, 6) + PLAYED - 3) % PLAYED;
}

struct arg in_window(struct mood *m)
{
	if (m->broad)
		return (struct arg){ (uint8_t)(ARENA + (m->arena + below(m, 2)) % ARENAS),
				     broad_place(m) * PAGE };
	if (m->huge)
		return (struct arg){ (uint8_t)(ARENA + m->arena), huge_place(m) * PAGE };
	return (struct arg){ (uint8_t)(ARENA + m->arena), (m->page + below(m, m->width)) * PAGE };
}

static struct arg odd_address(struct mood *m)
{
	struct arg a = in_window(m);

	switch (below(m, 8)) {
	case 0:
		return number(0);
	case 1:
		return NARROW ? number(PAGE) : (struct arg){ TOP, PICK(m, 0, PAGE) };
	case 2:
		return number(PICK(m, 1, 0x1000, 0x8000, 0x10000));
	case 3:
		return (struct arg){ BREAK, below(m, 12) * PAGE };
	case 4:
		a.base = (uint8_t)(ARENA + below(m, ARENAS));
		return a;
	default:
		a.n += PICK(m, 1, 8, 4095, 2048);
		return a;
	}
}

struct arg address(struct mood *m)
{
	unsigned dice = below(m, 100);

	if (dice < 84)
		return in_window(m);
	if (dice < 92 && m->nslots) {
		struct arg a = { (uint8_t)(SLOT + below(m, m->nslots)), 0 };

		if (percent(m, 40))
			a.n = below(m, 4) * PAGE;
		return a;
	}
	return dice < 96 ? (struct arg){ BREAK, below(m, 8) * PAGE } : odd_address(m);
}

struct arg touched(struct mood *m)
{
	struct arg a = address(m);

	if (a.base == TOP)
		a = in_window(m);
	a.n &= -PAGE;
	if (!m->ragged)
		a.n += PICK(m, 0, 0, 0, 8, 2048, 4088);
	return a;
}

struct arg size(struct mood *m)
{
	unsigned dice = below(m, 100);

	if (m->broad && dice < 70)
		return number(
		    PICK(m, LEAF, LEAF, LEAF, LEAF, 2 * LEAF, LEAF - 1, LEAF + 1, LEAF / 2) * PAGE);
	if (m->huge && dice < 60)
		return number(PICK(m, 512, 512, 1024, 1024, 511, 513, 100) * PAGE);
	if (dice < 60)
		return number((1 + below(m, 4)) * PAGE);
	if (dice < 85)
		return number((1 + below(m, m->width)) * PAGE);
	if (dice < 92)
		return number(below(m, 6) * PAGE + PICK(m, 0, 1, 100, 4095));
	if (dice < 97)
		return number((1 + below(m, 300)) * PAGE);
	if (NARROW)
		return number(below(m, 2));
	return number(PICK(m, 0, 1, -PAGE, -1, -8 * PAGE));
}

struct arg prot(struct mood *m)
{
	static const uint8_t likely[] = { 3, 3, 3, 3, 3, 1, 1, 0, 7, 5, 2, 3, 1, 0 };

	return number(likely[below(m, sizeof(likely))]);
}

struct arg file(struct mood *m, unsigned wrong)
{
	unsigned n = below(m, FILES);

	for (unsigned i = 0; i < FILES && !m->file[n]; i++)
		n = (n + 1) % FILES;
	return number(percent(m, wrong) ? -1 : (int)n);
}

struct arg offset(struct mood *m)
{
	return number(percent(m, 97) ? (int64_t)below(m, 10) * PAGE
				     : PICK(m, 1, NARROW ? 0 : -PAGE, 512, 1 << 30));
}

unsigned some_actor(struct mood *m)
{
	unsigned n = below(m, ACTORS);

	while (!m->actor[n])
		n = (n + 1) % ACTORS;
	return n;
}

struct arg file_size(struct mood *m)
{
	if (percent(m, 3))
		return number(PICK(m, -1, -PAGE));
	return number(below(m, 14) * PAGE + (m->ragged ? PICK(m, 0, 0, 8, 100, 4088) : 0));
}
