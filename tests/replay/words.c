/* SPDX-License-Identifier: BSD-2-Clause
 *
 * words.c - scripts as text, one step a line, and back:
 *
 *	@0 mmap a0+512p 4p r|w private|anon|fixed - 0
 *	@0 fork 1
 *	@1 write a0+513p+8
 *
 * Numbers in pages end in `p`; flags are words with `|` between, what has no word is in hex.
 */
#include "tests/replay/replay.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>

struct word {
	const char *name;
	long value;
};

#define END             \
	{               \
		NULL, 0 \
	}

static const struct word prots[] = {
	{ "r", PROT_READ },
	{ "w", PROT_WRITE },
	{ "x", PROT_EXEC },
	{ "sem", 8 },
	{ "growsdown", PROT_GROWSDOWN },
	{ "growsup", PROT_GROWSUP },
	END,
};

static const struct word maps[] = {
	{ "validate", 3 }, /* before its bits */
	{ "shared", MAP_SHARED },
	{ "private", MAP_PRIVATE },
	{ "fixed", MAP_FIXED },
	{ "anon", MAP_ANONYMOUS },
	{ "32bit", 0x40 },
	{ "growsdown", MAP_GROWSDOWN },
	{ "denywrite", MAP_DENYWRITE },
	{ "executable", MAP_EXECUTABLE },
	{ "locked", MAP_LOCKED },
	{ "noreserve", MAP_NORESERVE },
	{ "populate", MAP_POPULATE },
	{ "nonblock", MAP_NONBLOCK },
	{ "stack", MAP_STACK },
	{ "huge", MAP_HUGETLB },
	{ "sync", 0x80000 },
	{ "noreplace", MAP_FIXED_NOREPLACE },
	END,
};

static const struct word remaps[] = {
	{ "maymove", MREMAP_MAYMOVE },
	{ "fixed", MREMAP_FIXED },
	{ "dontunmap", 4 },
	END,
};

static const struct word syncs[] = {
	{ "async", MS_ASYNC },
	{ "invalidate", MS_INVALIDATE },
	{ "sync", MS_SYNC },
	END,
};

static const struct word locks[] = { { "onfault", 1 }, END };

static const struct word alls[] = {
	{ "current", MCL_CURRENT },
	{ "future", MCL_FUTURE },
	{ "onfault", 4 },
	END,
};

static const struct word fallocs[] = {
	{ "keep", FALLOC_FL_KEEP_SIZE },          { "punch", FALLOC_FL_PUNCH_HOLE },
	{ "collapse", FALLOC_FL_COLLAPSE_RANGE }, { "zero", FALLOC_FL_ZERO_RANGE },
	{ "insert", FALLOC_FL_INSERT_RANGE },     END,
};

static const struct word seals[] = {
	{ "seal", F_SEAL_SEAL },   { "shrink", F_SEAL_SHRINK }, { "grow", F_SEAL_GROW },
	{ "write", F_SEAL_WRITE }, { "future", 0x10 },          END,
};

static const struct word shmats[] = {
	{ "rdonly", SHM_RDONLY },
	{ "rnd", SHM_RND },
	{ "remap", SHM_REMAP },
	{ "exec", SHM_EXEC },
	END,
};

static const struct word opens[] = {
	{ "wronly", O_WRONLY },
	{ "rdwr", O_RDWR },
	{ "append", O_APPEND },
	{ "trunc", O_TRUNC },
	END,
};

static const struct word watches[] = { { "missing", 1 }, { "wp", 2 }, { "minor", 4 }, END };

static const struct word puts[] = { { "dontwake", 1 }, { "wp", 2 }, END };

static const struct word guards[] = { { "wp", 1 }, { "dontwake", 2 }, END };

/* One of them, not a set. */
static const struct word advices[] = {
	{ "normal", 0 },
	{ "random", 1 },
	{ "sequential", 2 },
	{ "willneed", 3 },
	{ "dontneed", 4 },
	{ "free", 8 },
	{ "remove", 9 },
	{ "dontfork", 10 },
	{ "dofork", 11 },
	{ "mergeable", 12 },
	{ "unmergeable", 13 },
	{ "hugepage", 14 },
	{ "nohugepage", 15 },
	{ "dontdump", 16 },
	{ "dodump", 17 },
	{ "wipeonfork", 18 },
	{ "keeponfork", 19 },
	{ "cold", 20 },
	{ "pageout", 21 },
	{ "populate_read", 22 },
	{ "populate_write", 23 },
	{ "collapse", 25 },
	END,
};

static const struct word limits[] = {
	{ "fsize", RLIMIT_FSIZE },
	{ "data", RLIMIT_DATA },
	{ "stack", RLIMIT_STACK },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "as", RLIMIT_AS },
	{ "nofile", RLIMIT_NOFILE },
	END,
};

static const struct word *const sets[] = {
	[K_PROT] = prots,   [K_MAP] = maps,      [K_REMAP] = remaps,   [K_SYNC] = syncs,
	[K_LOCK] = locks,   [K_ALL] = alls,      [K_FALLOC] = fallocs, [K_SEAL] = seals,
	[K_SHMAT] = shmats, [K_OPEN] = opens,    [K_ADVICE] = advices, [K_LIMIT] = limits,
	[K_ACTOR] = NULL,   [K_WATCH] = watches, [K_PUT] = puts,       [K_GUARD] = guards,
};

static bool one_of(unsigned kind)
{
	return kind == K_ADVICE || kind == K_LIMIT;
}

static const struct word errors[] = {
	{ "EPERM", EPERM },           { "ENOENT", ENOENT },   { "ESRCH", ESRCH },
	{ "EINTR", EINTR },           { "EIO", EIO },         { "ENXIO", ENXIO },
	{ "E2BIG", E2BIG },           { "EBADF", EBADF },     { "ECHILD", ECHILD },
	{ "EAGAIN", EAGAIN },         { "ENOMEM", ENOMEM },   { "EACCES", EACCES },
	{ "EFAULT", EFAULT },         { "EBUSY", EBUSY },     { "EEXIST", EEXIST },
	{ "ENODEV", ENODEV },         { "EINVAL", EINVAL },   { "ENFILE", ENFILE },
	{ "EMFILE", EMFILE },         { "ETXTBSY", ETXTBSY }, { "EFBIG", EFBIG },
	{ "ENOSPC", ENOSPC },         { "EPIPE", EPIPE },     { "EXDEV", EXDEV },
	{ "ENOTTY", ENOTTY },         { "ENOSYS", ENOSYS },   { "EOVERFLOW", EOVERFLOW },
	{ "EOPNOTSUPP", EOPNOTSUPP }, { "EIDRM", EIDRM },     END,
};

const char *error_name(int err)
{
	for (const struct word *w = errors; w->name; w++)
		if (w->value == err)
			return w->name;
	return NULL;
}

unsigned call_named(const char *name)
{
	unsigned n = 0;

	while (n < ncalls && strcmp(calls[n].name, name))
		n++;
	return n;
}

/* ---- out ------------------------------------------------------------------------------- */

static void say_set(const struct word *w, long value)
{
	const char *between = "";

	for (; w->name && value; w++)
		if ((value & w->value) == w->value && w->value) {
			say(between);
			say(w->name);
			between = "|";
			value &= ~w->value;
		}
	if (value || !*between) {
		say(between);
		say_hex((unsigned long)value);
	}
}

static void say_word(const struct word *w, long value)
{
	while (w->name && w->value != value)
		w++;
	if (w->name)
		say(w->name);
	else
		say_number(value);
}

static void say_base(unsigned base)
{
	if (base >= SLOT && base < SLOT + SLOTS) {
		say("s");
		say_number(base - SLOT);
	} else if (base >= ARENA && base < ARENA + ARENAS) {
		say("a");
		say_number(base - ARENA);
	} else {
		say(base == BREAK ? "b" : "top");
	}
}

/* Whole pages as such, the rest beside them. */
static void say_pages(const struct arg *a)
{
	int64_t pages = (a->n + PAGE / 2) >> 12, rest = a->n - pages * PAGE;
	bool plus = a->base != NUMBER;

	if (plus)
		say_base(a->base);
	if (pages) {
		if (plus && pages > 0)
			say("+");
		say_number(pages);
		say("p");
		plus = true;
	}
	if (rest || !plus) {
		if (plus && rest > 0)
			say("+");
		say_number(rest);
	}
}

static void say_arg(unsigned kind, const struct arg *a)
{
	if (kind == K_ADDR || kind == K_SIZE)
		say_pages(a);
	else if (kind == K_FILE && a->n < 0)
		say("-");
	else if (kind == K_NUMBER || kind == K_FILE || kind == K_ACTOR)
		say_number(a->n);
	else if (one_of(kind))
		say_word(sets[kind], (long)a->n);
	else
		say_set(sets[kind], (long)a->n);
}

void say_step(const struct step *s)
{
	const struct call *c = &calls[s->call];

	say("@");
	say_number(s->actor);
	say(" ");
	say(c->name);
	for (unsigned i = 0; i < MAX_ARGS && c->kind[i]; i++) {
		say(" ");
		say_arg(c->kind[i], &s->arg[i]);
	}
}

/* ---- in -------------------------------------------------------------------------------- */

static bool parse_base(char **p, uint8_t *base)
{
	char *s = *p;
	unsigned long n;

	*base = NUMBER;
	if (*s == 'a' || *s == 's') {
		n = strtoul(s + 1, p, 10);
		*base = (uint8_t)((*s == 'a' ? ARENA : SLOT) + n);
		return *p != s + 1 && n < (*s == 'a' ? ARENAS : SLOTS);
	}
	if (*s == 'b')
		*base = BREAK, *p += 1;
	else if (!strncmp(s, "top", 3))
		*base = TOP, *p += 3;
	return true;
}

static bool parse_pages(char *s, struct arg *out)
{
	if (!parse_base(&s, &out->base))
		return false;
	for (out->n = 0; *s;) {
		char *end;
		long long n = strtoll(s, &end, 0);

		if (end == s)
			return false;
		out->n += *end == 'p' ? n * PAGE : n;
		s = end + (*end == 'p');
	}
	return true;
}

static bool parse_words(const struct word *set, char *s, struct arg *out)
{
	char *part, *rest = NULL, *end;

	for (part = strtok_r(s, "|", &rest); part; part = strtok_r(NULL, "|", &rest)) {
		const struct word *w = set;

		while (w->name && strcmp(w->name, part))
			w++;
		if (w->name) {
			out->n |= w->value;
			continue;
		}
		out->n |= strtoll(part, &end, 0);
		if (*end || end == part)
			return false;
	}
	return true;
}

static bool parse_arg(unsigned kind, char *s, struct arg *out)
{
	char *end;

	*out = (struct arg){ 0 };
	if (kind == K_ADDR || kind == K_SIZE)
		return parse_pages(s, out);
	if (sets[kind])
		return parse_words(sets[kind], s, out);
	out->n = !strcmp(s, "-") ? -1 : strtoll(s, &end, 0);
	return out->n == -1 || (end != s && !*end);
}

const char *parse_step(char *line, struct step *out)
{
	char *rest = NULL, *end, *word = strtok_r(line, " \t\r\n", &rest);
	unsigned long actor;

	if (!word || *word != '@' || (actor = strtoul(word + 1, &end, 10)) >= ACTORS || *end)
		return "a step begins with @ACTOR";
	*out = (struct step){ .actor = (uint8_t)actor };
	word = strtok_r(NULL, " \t\r\n", &rest);
	if (!word || call_named(word) == ncalls)
		return "no such call";
	out->call = (uint8_t)call_named(word);
	for (unsigned i = 0; i < MAX_ARGS && calls[out->call].kind[i]; i++) {
		word = strtok_r(NULL, " \t\r\n", &rest);
		if (!word)
			return "an argument is missing";
		if (!parse_arg(calls[out->call].kind[i], word, &out->arg[i]))
			return "an argument cannot be read";
	}
	word = strtok_r(NULL, " \t\r\n", &rest);
	return word && *word != '=' ? "too many arguments" : NULL;
}
