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
#include "tests/replay/replay.h"
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

struct mood {
	uint64_t rng;
	struct script *out;
	unsigned weight[64], sum;    /* of each call */
	unsigned arena, page, width; /* the window */
	bool actor[ACTORS], leads[ACTORS];
	uint8_t process[ACTORS], parent[ACTORS];
	unsigned nslots; /* at most so many have come to be */
	bool file[FILES], dropped, grows;
	bool ragged; /* files end inside pages: then nothing is written there behind their ends */
};

/* Below a 64-bit Linux nothing of a 32-bit program wraps at 4 GiB; it would below one of 32 bits. */
#define NARROW (sizeof(long) == 4)

/* ---- chance ---------------------------------------------------------------------------- */

static uint64_t next(struct mood *m)
{
	uint64_t z = m->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(struct mood *m, unsigned n)
{
	return (unsigned)((next(m) >> 32) * n >> 32);
}

static bool percent(struct mood *m, unsigned n)
{
	return below(m, 100) < n;
}

#define PICK(m, ...)                                                       \
	({                                                                 \
		static const long from_[] = { __VA_ARGS__ };               \
		from_[below(m, (unsigned)(sizeof(from_) / sizeof(long)))]; \
	})

/* ---- arguments ------------------------------------------------------------------------- */

static struct arg number(int64_t n)
{
	return (struct arg){ NUMBER, n };
}

static struct arg in_window(struct mood *m)
{
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

static struct arg address(struct mood *m)
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

/* For a touch: aligned to a word. */
static struct arg touched(struct mood *m)
{
	struct arg a = address(m);

	if (a.base == TOP)
		a = in_window(m);
	a.n &= -PAGE;
	if (!m->ragged)
		a.n += PICK(m, 0, 0, 0, 8, 2048, 4088);
	return a;
}

static struct arg size(struct mood *m)
{
	unsigned dice = below(m, 100);

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

static struct arg prot(struct mood *m)
{
	static const uint8_t likely[] = { 3, 3, 3, 3, 3, 1, 1, 0, 7, 5, 2, 3, 1, 0 };

	return number(likely[below(m, sizeof(likely))]);
}

static struct arg file(struct mood *m, unsigned wrong)
{
	unsigned n = below(m, FILES);

	for (unsigned i = 0; i < FILES && !m->file[n]; i++)
		n = (n + 1) % FILES;
	return number(percent(m, wrong) ? -1 : (int)n);
}

static struct arg offset(struct mood *m)
{
	return number(percent(m, 97) ? (int64_t)below(m, 10) * PAGE
				     : PICK(m, 1, NARROW ? 0 : -PAGE, 512, 1 << 30));
}

static unsigned some_actor(struct mood *m)
{
	unsigned n = below(m, ACTORS);

	while (!m->actor[n])
		n = (n + 1) % ACTORS;
	return n;
}

/* ---- steps ----------------------------------------------------------------------------- */

/* The kernel may choose an address, which the next steps can use then. */
static void expect_slot(struct mood *m, bool fixed)
{
	if (!fixed && m->nslots < SLOTS)
		m->nslots++;
}

typedef void make_fn(struct mood *m, struct step *s);

static void make_mmap(struct mood *m, struct step *s)
{
	bool anon = percent(m, 65);
	long flags = percent(m, 65) ? MAP_PRIVATE : MAP_SHARED;

	s->arg[0] = address(m);
	s->arg[1] = size(m);
	s->arg[2] = prot(m);
	if (percent(m, 80))
		flags |= MAP_FIXED;
	else if (percent(m, 50))
		s->arg[0] = number(0);
	if (percent(m, 5))
		flags |= MAP_FIXED_NOREPLACE;
	if (anon)
		flags |= MAP_ANONYMOUS;
	if (percent(m, 8))
		flags |= MAP_POPULATE;
	if (percent(m, 5))
		flags |= MAP_NORESERVE;
	if (percent(m, 3))
		flags |= MAP_LOCKED;
	if (anon && percent(m, 6))
		flags = (flags & ~MAP_SHARED) | MAP_PRIVATE | MAP_GROWSDOWN;
	m->grows |= flags & MAP_GROWSDOWN;
	if (percent(m, 4))
		flags ^= PICK(m, 0x40, MAP_STACK, MAP_NONBLOCK, MAP_DENYWRITE, 3, 1, 2,
			      MAP_GROWSDOWN, 0x80000);
	s->arg[3] = number(flags);
	s->arg[4] = anon ? number(-1) : file(m, 3);
	s->arg[5] = anon ? number(0) : offset(m);
	expect_slot(m, flags & MAP_FIXED);
}

static void make_range(struct mood *m, struct step *s)
{
	s->arg[0] = address(m);
	s->arg[1] = size(m);
	if (s->arg[0].base == NUMBER && s->arg[1].n < 0) /* all that there is */
		s->arg[1].n = PAGE;
}

static void make_mprotect(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = prot(m);
	if (percent(m, 4))
		s->arg[2].n |= PICK(m, PROT_GROWSDOWN, PROT_GROWSUP, 8, 0x10);
}

static void make_mremap(struct mood *m, struct step *s)
{
	s->arg[0] = address(m);
	s->arg[1] = size(m);
	s->arg[2] = percent(m, 50) ? s->arg[1] : size(m);
	if (s->arg[2].n < 0) /* which mistake is told depends on the version */
		s->arg[2].n = PAGE;
	s->arg[3] = number(PICK(m, 0, 1, 1, 1, 3, 3, 3, 3, 5, 7, 7, 2, 4));
	if (s->arg[3].n & 4) { /* rounded before they are compared, or after */
		s->arg[1].n &= -PAGE;
		s->arg[2].n &= -PAGE;
	}
	s->arg[4] = address(m);
	if (percent(m, 8))
		s->arg[1] = number(0);
	expect_slot(m, s->arg[3].n & MREMAP_FIXED);
}

static void make_madvise(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(percent(m, 50) ? PICK(m, 4, 4, 4, 8, 9, 9, 10, 11, 18, 18, 19, 22, 23)
					  : PICK(m, 0, 1, 2, 3, 5, 14, 15, 16, 17, 20, 20, 99, -1));
}

static void make_msync(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(percent(m, 80) ? PICK(m, 1, 2, 4, 6, 0) : PICK(m, 5, 8, 3));
}

static void make_mlock2(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(percent(m, 90) ? below(m, 2) : 2);
}

static void make_mlockall(struct mood *m, struct step *s)
{
	s->arg[0] = number(PICK(m, 2, 2, 6, 1, 3, 7, 0, 4, 8));
	if (m->dropped)
		s->arg[0].n &= ~MCL_CURRENT; /* how much a program has differs */
}

static void make_brk(struct mood *m, struct step *s)
{
	s->arg[0] = (struct arg){ BREAK, below(m, 12) * PAGE + PICK(m, 0, 0, 1, 100) };
	if (percent(m, 4))
		s->arg[0] = NARROW ? number(0) : (struct arg){ TOP, PICK(m, 0, PAGE) };
}

static void make_remap(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(percent(m, 90) ? 0 : 3);
	s->arg[3] = number(below(m, 10));
	s->arg[4] = number(percent(m, 90) ? 0 : MAP_NONBLOCK);
}

static void make_touch(struct mood *m, struct step *s)
{
	s->arg[0] = touched(m);
}

static void make_nothing(struct mood *m, struct step *s)
{
	(void)m, (void)s;
}

/* A new actor, if there is room; else nothing much. */
static void make_actor(struct mood *m, struct step *s)
{
	bool thread = !strcmp(calls[s->call].name, "thread");
	unsigned n = 0;

	while (n < ACTORS && m->actor[n])
		n++;
	if (n == ACTORS || (n > 3 && percent(m, 50))) {
		s->call = (uint8_t)call_named("core");
		return;
	}
	s->arg[0] = number(n);
	m->actor[n] = true;
	m->leads[n] = !thread;
	m->process[n] = thread ? m->process[s->actor] : (uint8_t)n;
	m->parent[n] = m->process[s->actor];
}

/* Who has children stays: nobody else would bury them. */
static void make_exit(struct mood *m, struct step *s)
{
	bool parent = false;

	for (unsigned n = 0; n < ACTORS; n++)
		if (m->actor[n] && m->leads[n] && n != s->actor && m->leads[s->actor])
			parent |= m->parent[n] == m->process[s->actor];
	if (!s->actor || parent) {
		s->call = (uint8_t)call_named("core");
		return;
	}
	for (unsigned n = 0; n < ACTORS; n++)
		if (n == s->actor || (m->leads[s->actor] && m->process[n] == m->process[s->actor]))
			m->actor[n] = false;
}

static void make_open(struct mood *m, struct step *s)
{
	unsigned n = below(m, FILES);

	s->arg[0] = number(n);
	s->arg[1] = number(below(m, 3));
	s->arg[2] = number(below(m, 10) * PAGE + (m->ragged ? PICK(m, 0, 0, 100) : 0));
	m->file[n] = true;
}

static void make_reopen(struct mood *m, struct step *s)
{
	unsigned n = below(m, FILES);

	s->arg[0] = number(n);
	s->arg[1] = file(m, 1);
	s->arg[2] = number(PICK(m, 0, 0, 1, 2));
	m->file[n] = true;
}

static void make_close(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
}

static struct arg file_size(struct mood *m)
{
	if (percent(m, 3))
		return number(PICK(m, -1, -PAGE));
	return number(below(m, 14) * PAGE + (m->ragged ? PICK(m, 0, 0, 8, 100, 4088) : 0));
}

static void make_truncate(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = file_size(m);
}

static void make_fallocate(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = number(PICK(m, 0, 0, 1, 3, 3, 3, 2, 8, 16, 32));
	s->arg[2] = file_size(m);
	s->arg[3] = file_size(m);
}

static void make_io(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = touched(m);
	s->arg[2] = number(PICK(m, 8, 16, 4096, 8192, 100 * 8));
	s->arg[3] = number((1 + below(m, 10)) * PAGE - s->arg[2].n % PAGE);
}

static void make_put(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = number(below(m, 12) * PAGE + (m->ragged ? PICK(m, 0, 8, 2048) : 4088));
}

static void make_copy(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = number(below(m, 10) * PAGE);
	s->arg[2] = file(m, 2);
	s->arg[3] = number(below(m, 10) * PAGE);
	s->arg[4] = number(PICK(m, 0, 4096, 8192, 4096));
}

static void make_seal(struct mood *m, struct step *s)
{
	s->arg[0] = file(m, 2);
	s->arg[1] = number(PICK(m, 1, 2, 2, 4, 4, 8, 8, 16, 6, 0, 0x100));
}

static void make_shmget(struct mood *m, struct step *s)
{
	s->arg[0] = number(below(m, SHMS));
	s->arg[1] = number(percent(m, 95) ? 1 + below(m, 8 * PAGE) : 0);
}

static void make_shmat(struct mood *m, struct step *s)
{
	s->arg[0] = number(below(m, SHMS));
	s->arg[1] = percent(m, 20) ? number(0) : address(m);
	s->arg[2] = number(PICK(m, 0, 0, SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_REMAP, SHM_EXEC));
	if (percent(m, 5))
		s->arg[1].n += 8;
	expect_slot(m, percent(m, 60));
}

static void make_shm(struct mood *m, struct step *s)
{
	s->arg[0] = number(below(m, SHMS));
}

static void make_shmdt(struct mood *m, struct step *s)
{
	s->arg[0] = address(m);
}

/* Whether it makes a stack grow, versions disagree. */
static void make_vm(struct mood *m, struct step *s)
{
	if (m->grows) {
		s->call = (uint8_t)call_named("core");
		return;
	}
	s->arg[0] = number(some_actor(m));
	s->arg[1] = in_window(m);
	s->arg[2] = touched(m);
	s->arg[3] = number(PICK(m, 8, 16, 4096, 3 * 4096, 6 * 4096));
}

static void make_limit(struct mood *m, struct step *s)
{
	s->arg[0] =
	    number(PICK(m, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_AS));
	s->arg[1] = number(below(m, 24) * PAGE + PICK(m, 0, 0, 100));
	if (s->arg[0].n == RLIMIT_STACK)
		s->arg[1].n += 64 * PAGE; /* what the program itself needs */
}

static void make_drop(struct mood *m, struct step *s)
{
	(void)s;
	m->dropped = true;
}

/* How often each call comes, before a script's mood. */
static const struct {
	const char *name;
	unsigned weight;
	make_fn *make;
} makers[] = {
	{ "mmap", 90, make_mmap },
	{ "munmap", 25, make_range },
	{ "mprotect", 40, make_mprotect },
	{ "mremap", 40, make_mremap },
	{ "madvise", 40, make_madvise },
	{ "msync", 6, make_msync },
	{ "mincore", 15, make_range },
	{ "mlock", 6, make_range },
	{ "mlock2", 5, make_mlock2 },
	{ "munlock", 6, make_range },
	{ "mlockall", 2, make_mlockall },
	{ "munlockall", 2, make_nothing },
	{ "brk", 12, make_brk },
	{ "remap", 4, make_remap },
	{ "read", 60, make_touch },
	{ "write", 100, make_touch },
	{ "exec", 12, make_touch },
	{ "fork", 14, make_actor },
	{ "thread", 6, make_actor },
	{ "exit", 5, make_exit },
	{ "open", 14, make_open },
	{ "reopen", 5, make_reopen },
	{ "close", 3, make_close },
	{ "truncate", 12, make_truncate },
	{ "fallocate", 10, make_fallocate },
	{ "pread", 10, make_io },
	{ "pwrite", 10, make_io },
	{ "put", 14, make_put },
	{ "copy", 4, make_copy },
	{ "seal", 5, make_seal },
	{ "shmget", 5, make_shmget },
	{ "shmat", 12, make_shmat },
	{ "shmdt", 4, make_shmdt },
	{ "shmrm", 3, make_shm },
	{ "shmstat", 3, make_shm },
	{ "vmread", 5, make_vm },
	{ "vmwrite", 6, make_vm },
	{ "limit", 4, make_limit },
	{ "drop", 1, make_drop },
	{ "maps", 6, make_nothing },
	{ "core", 6, make_nothing },
	{ "data", 5, make_nothing },
};

enum { MAKERS = sizeof(makers) / sizeof(makers[0]) };

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

static void be_in_a_mood(struct mood *m)
{
	m->arena = below(m, ARENAS);
	m->ragged = percent(m, 30);
	m->width = 4 + below(m, 13);
	m->page = MIDDLE - (percent(m, 60) ? m->width / 2 : below(m, 300));
	m->actor[0] = m->leads[0] = true;
	for (unsigned i = 0; i < MAKERS; i++) {
		static const uint8_t fancy[] = { 0, 0, 1, 2, 2, 4, 8 };

		m->weight[i] = makers[i].weight * fancy[below(m, sizeof(fancy))];
		if (m->ragged && (makers[i].make == make_io || makers[i].make == make_vm))
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
	s->call = (uint8_t)call_named(makers[maker].name);
	makers[maker].make(m, s);
}

static unsigned maker_of(const char *name)
{
	unsigned i = 0;

	while (strcmp(makers[i].name, name))
		i++;
	return i;
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
	for (n = below(&m, 4); n > 0; n--)
		add(&m, maker_of("mmap"));
	for (n = below(&m, 3); n > 0; n--)
		add(&m, maker_of("open"));
	n = 8 + below(&m, MAX_STEPS - 8);
	while (out->n < n)
		add(&m, any_maker(&m));
}
