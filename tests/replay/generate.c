/* SPDX-License-Identifier: BSD-2-Clause
 *
 * generate.c - a script from a seed.
 *
 * Each script has a mood: which calls it likes and which it leaves out altogether, and a window of
 * a few pages in which most of its addresses lie.  So scripts differ more than their steps would,
 * and steps of one script meet.  Arguments are mostly good, at times at an edge, seldom nonsense.
 *
 * What is not generated, and why, is in docs/differences.md.
 */
#include "tests/replay/generate.h"
#include <string.h>

const char *without;

/* Is it one of the words? */
static bool names(const char *words, const char *name)
{
	size_t n = strlen(name);

	for (; (words = strstr(words, name)); words += n)
		if (words[n] == 0 || words[n] == 0x20)
			return true;
	return false;
}

static bool fits(const struct mood *m, const struct maker *maker)
{
	switch (maker->when) {
	case NOT_RAGGED:
		return !m->ragged;
	case WATCHED:
		return m->watches;
	case HUGE:
		return m->huge;
	case BROAD:
		return m->broad;
	default:
		return true;
	}
}

/* Of 100 scripts, those from here on to the huge ones are broad. */
enum { FIRST_BROAD = 88 };

static void be_in_a_mood(struct mood *m)
{
	unsigned kind = below(m, 100);

	m->arena = below(m, ARENAS);
	m->ragged = percent(m, 30);
	m->width = 4 + below(m, 13);
	m->page = MIDDLE - (percent(m, 60) ? m->width / 2 : below(m, 300));
	m->actor[0] = m->leads[0] = true;
	m->watches = kind < 14;
	m->broad = kind >= FIRST_BROAD && kind < 90;
	m->huge = kind >= 90 && !NARROW; /* of 32-bit programs, too, Linux's is 2 MiB: not ours */
	if (m->huge)
		m->arena &= 2; /* those that begin with a huge page */
	for (unsigned i = 0; i < nmakers; i++) {
		static const uint8_t fancy[] = { 0, 0, 1, 2, 2, 4, 8 };

		m->weight[i] = makers[i].weight *
			       (makers[i].when == BROAD ? 1 : fancy[below(m, sizeof(fancy))]);
		if (!fits(m, &makers[i]))
			m->weight[i] = 0;
		if (without && names(without, makers[i].name))
			m->weight[i] = 0;
		else if (i == 0 && !m->weight[i])
			m->weight[i] = makers[i].weight;
		m->sum += m->weight[i];
	}
}

static void add(struct mood *m, unsigned maker)
{
	struct step *s = &m->out->step[m->out->n++];

	memset(s, 0, sizeof(*s));
	s->actor = (uint8_t)some_actor(m);
	s->call = (uint8_t)call_named(makers[maker].name); /* or what the maker says */
	makers[maker].make(m, s);
}

static unsigned maker_of(const char *name)
{
	unsigned i = 0;

	while (strcmp(makers[i].name, name))
		i++;
	return i;
}

/* How scripts of a kind begin. */
static const char *const hugely[] = { "ground", "huge", NULL };
static const char *const broadly[] = { "ground", "ground", "write", "write", "fork", NULL };
static const char *const watching[] = { "ground", "source", "source word", "uffd", "ureg", NULL };

static void add_all(struct mood *m, const char *const *names)
{
	for (; *names; names++)
		add(m, maker_of(*names));
}

static unsigned any_maker(struct mood *m)
{
	unsigned dice = below(m, m->sum), i = 0;

	while (dice >= m->weight[i])
		dice -= m->weight[i++];
	return i;
}

void generate(uint64_t seed, struct script *out)
{
	struct mood m = { .rng = seed * 0xd1342543de82ef95, .out = out };
	unsigned n;

	out->n = 0;
	be_in_a_mood(&m);
	if (m.huge)
		add_all(&m, hugely);
	if (m.broad)
		add_all(&m, broadly);
	if (m.watches)
		add_all(&m, watching);
	for (n = below(&m, 4); n > 0; n--)
		add(&m, maker_of("mmap"));
	for (n = below(&m, 3); n > 0; n--)
		add(&m, maker_of("open"));
	n = 8 + below(&m, MAX_STEPS - 8);
	while (out->n < n)
		add(&m, any_maker(&m));
}
