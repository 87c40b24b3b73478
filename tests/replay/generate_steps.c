/* SPDX-License-Identifier: BSD-2-Clause
 *
 * generate_steps.c - one step of each kind, with arguments that make sense, mostly.
 */
#include "tests/replay/generate.h"
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

/* The kernel may choose an address, which the next steps can use then. */
static void expect_slot(struct mood *m, bool fixed)
{
	if (!fixed && m->nslots < SLOTS)
		m->nslots++;
}

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
	if (percent(m, m->broad ? 50 : 8))
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

/* A word that may lie across two pages. */
static void make_access(struct mood *m, struct step *s)
{
	make_touch(m, s);
	if (!m->ragged && percent(m, 12))
		s->arg[0].n = (s->arg[0].n & -PAGE) + PICK(m, 4090, 4092, 4094);
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

/* ---- who answers for pages, and huge ones ---------------------------------------------------- */

/* All that the script plays in is there: what asks for more than pages wants that. */
static void make_ground(struct mood *m, struct step *s)
{
	bool all = m->huge || m->broad;

	s->call = (uint8_t)call_named("mmap");
	s->arg[0] = (struct arg){ (uint8_t)(ARENA + m->arena), all ? 0 : m->page * PAGE };
	s->arg[1] = number((all ? PLAYED : m->width) * PAGE);
	s->arg[2] = number(PROT_READ | PROT_WRITE);
	s->arg[3] = number((percent(m, 85) ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_FIXED);
	if (m->broad) {
		s->arg[0].base = (uint8_t)(ARENA + (m->arena + m->out->n % 2) % ARENAS);
		s->arg[3].n |= MAP_POPULATE;
	}
	s->arg[4] = number(-1);
}

/* Write protection wants a bit that entries of 32 bits do not have. */
static void make_ureg(struct mood *m, struct step *s)
{
	make_range(m, s);
	if (percent(m, 40) || m->out->n < 6) {
		s->arg[0] =
		    (struct arg){ (uint8_t)(ARENA + m->arena), m->huge ? 0 : m->page * PAGE };
		s->arg[1] = number((m->huge ? PLAYED : m->width) * PAGE);
	}
	s->arg[2] = number(NARROW ? 1 : PICK(m, 1, 1, 1, 1, 2, 2, 3, 3));
	if (percent(m, 3))
		s->arg[2] = number(PICK(m, 0, 8));
}

/* Where the words are that are copied: outside of what is watched. */
static struct arg elsewhere(struct mood *m)
{
	return (struct arg){ (uint8_t)(ARENA + (m->arena + 1) % ARENAS), m->page * PAGE };
}

static void make_source(struct mood *m, struct step *s)
{
	make_ground(m, s);
	s->arg[0] = elsewhere(m);
	s->arg[1] = number(4 * PAGE);
}

static void make_source_word(struct mood *m, struct step *s)
{
	s->call = (uint8_t)call_named("write");
	s->arg[0] = elsewhere(m);
	s->arg[0].n += below(m, 2) * PAGE;
}

static void make_ucopy(struct mood *m, struct step *s)
{
	s->arg[0] = address(m);
	s->arg[1] = percent(m, 70) ? elsewhere(m) : address(m);
	s->arg[2] = size(m);
	s->arg[3] = number(NARROW ? PICK(m, 0, 0, 1) : PICK(m, 0, 0, 0, 1, 2, 4));
	if (s->arg[2].n > 4 * PAGE || percent(m, 50))
		s->arg[2].n = PAGE;
}

static void make_uzero(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(PICK(m, 0, 0, 0, 1, 2));
}

static void make_uprotect(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(PICK(m, 0, 0, 1, 1, 1, 2, 4));
}

static void make_huge_advice(struct mood *m, struct step *s)
{
	make_range(m, s);
	s->arg[2] = number(PICK(m, 14, 14, 14, 14, 15, 25, 25, 4, 8));
}

/* How often each call comes, before a script's mood. */
const struct maker makers[] = {
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
	{ "read", 60, make_access },
	{ "write", 100, make_access },
	{ "exec", 12, make_touch },
	{ "fork", 14, make_actor },
	{ "thread", 6, make_actor },
	{ "exit", 5, make_exit },
	{ "open", 14, make_open },
	{ "reopen", 5, make_reopen },
	{ "close", 3, make_close },
	{ "truncate", 12, make_truncate },
	{ "fallocate", 10, make_fallocate },
	{ "pread", 10, make_io, NOT_RAGGED },
	{ "pwrite", 10, make_io, NOT_RAGGED },
	{ "put", 14, make_put },
	{ "copy", 4, make_copy },
	{ "seal", 5, make_seal },
	{ "shmget", 5, make_shmget },
	{ "shmat", 12, make_shmat },
	{ "shmdt", 4, make_shmdt },
	{ "shmrm", 3, make_shm },
	{ "shmstat", 3, make_shm },
	{ "vmread", 5, make_vm, NOT_RAGGED },
	{ "vmwrite", 6, make_vm, NOT_RAGGED },
	{ "limit", 4, make_limit },
	{ "drop", 1, make_drop },
	{ "ground", 0, make_ground },
	{ "source", 0, make_source },
	{ "source word", 20, make_source_word, WATCHED },
	{ "huge", 0, make_nothing, HUGE },
	{ "uffd", 4, make_nothing, WATCHED },
	{ "ureg", 70, make_ureg, WATCHED },
	{ "unreg", 12, make_range, WATCHED },
	{ "ucopy", 70, make_ucopy, WATCHED },
	{ "uzero", 30, make_uzero, WATCHED },
	{ "uprotect", NARROW ? 2 : 40, make_uprotect, WATCHED },
	{ "madvise", 120, make_huge_advice, HUGE },
	{ "mremap", 60, make_mremap, BROAD },
	{ "munmap", 30, make_range, BROAD },
	{ "maps", 6, make_nothing },
	{ "core", 6, make_nothing },
	{ "data", 5, make_nothing },
};

const unsigned nmakers = sizeof(makers) / sizeof(makers[0]);
