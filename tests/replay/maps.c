/* SPDX-License-Identifier: BSD-2-Clause
 *
 * maps.c - what this process has mapped, as /proc/self/maps says: the ranges with their rights and
 * files, which pages are resident, what they read as.
 *
 * Kernels cut ranges where they like: neighbours that agree are joined before they are shown.
 */
#include "tests/replay/replay.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static char text[1 << 16];

/* The whole of a file of /proc.  Kernels give a page at a time. */
static char *slurp(const char *path)
{
	long fd = SYS(open, P(path), O_RDONLY), n = 0, got;

	while (fd >= 0 && n < (long)sizeof(text) - 1 &&
	       (got = SYS(read, fd, P(text + n), (long)sizeof(text) - 1 - n)) > 0)
		n += got;
	if (fd >= 0)
		SYS(close, fd);
	text[n] = 0;
	return text;
}

static uint64_t take_hex(const char **p)
{
	uint64_t n = 0;
	char c;

	for (; (c = **p) >= '0' && (c <= '9' || (c >= 'a' && c <= 'f')); ++*p)
		n = n << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	++*p; /* what ended it */
	return n;
}

/* Of a file's name, what the script gave it. */
static void take_name(const char *p, const char *end, struct area *out)
{
	const char *slash = NULL;
	size_t n;

	for (const char *s = p; s < end; s++)
		if (*s == '/')
			slash = s;
	out->name[0] = 0;
	if (!slash)
		return;
	if (end - slash > 5 && !strncmp(slash + 1, "memfd:", 6))
		slash += 6;
	n = (size_t)(end - slash) - 1;
	if (n >= sizeof(out->name))
		n = sizeof(out->name) - 1;
	memcpy(out->name, slash + 1, n);
	out->name[n] = 0;
	for (char *s = out->name; *s; s++)
		if (*s == ' ')
			*s = '.';
}

/* start-end rights offset dev inode    name */
static const char *take_line(const char *p, struct area *out)
{
	const char *end = strchr(p, '\n');

	out->start = (uintptr_t)take_hex(&p);
	out->end = (uintptr_t)take_hex(&p);
	memcpy(out->rights, p, 4);
	out->rights[4] = 0;
	p += 5;
	out->offset = take_hex(&p);
	take_name(p, end, out);
	out->lines = 1;
	return end + 1;
}

static bool joins(const struct area *a, const struct area *b)
{
	return a->end == b->start && !strcmp(a->rights, b->rights) && !strcmp(a->name, b->name) &&
	       (!*a->name || a->offset + (a->end - a->start) == b->offset);
}

static void show(struct area *a, uintptr_t start, uintptr_t end,
		 void (*fn)(const struct area *, void *), void *arg)
{
	if (a->end <= start || a->start >= end || !a->lines)
		return;
	if (a->start < start) {
		a->offset += start - a->start;
		a->start = start;
	}
	if (a->end > end)
		a->end = end;
	fn(a, arg);
}

static void parse_areas(const char *p, uintptr_t start, uintptr_t end,
			void (*fn)(const struct area *, void *), void *arg)
{
	struct area last = { .lines = 0 }, a;

	while (*p) {
		p = take_line(p, &a);
		if (a.end <= start)
			continue;
		if (a.start >= end)
			break;
		if (last.lines && joins(&last, &a)) {
			last.end = a.end;
			last.lines++;
			continue;
		}
		show(&last, start, end, fn, arg);
		last = a;
	}
	show(&last, start, end, fn, arg);
}

void each_area(uintptr_t start, uintptr_t end, void (*fn)(const struct area *, void *), void *arg)
{
	parse_areas(slurp("/proc/self/maps"), start, end, fn, arg);
}

/* Over all that the script may name; `fn` must not read files of /proc. */
static void each_named(void (*fn)(const struct area *, void *), void *arg)
{
	const char *p = slurp("/proc/self/maps");

	for (unsigned i = 0; i < ARENAS; i++)
		parse_areas(p, arena_at(i), arena_at(i) + ARENA_SIZE * PAGE, fn, arg);
	parse_areas(p, first_break, first_break + ARENA_SIZE * PAGE, fn, arg);
	for (unsigned i = 0; i < nslots; i++)
		if (slots[i].pages)
			parse_areas(p, slots[i].at,
				    slots[i].at + (uintptr_t)(slots[i].pages * PAGE), fn, arg);
}

/* ---- pages that nobody wrote --------------------------------------------------------------- */

/* The words of a page that are not zero, and where they are. */
static uint64_t hash_page(uintptr_t at)
{
	const uint64_t *word = (const uint64_t *)at;
	uint64_t h = 0;

	for (unsigned i = 0; i < PAGE / 8; i++)
		if (word[i])
			h = (h + word[i] + i) * 0x9e3779b97f4a7c15;
	return h;
}

/* Shared by settle and what looks for it. */
static unsigned zeroes;

static bool is_zero_page(uintptr_t at)
{
	unsigned char core = 0;
	uint64_t value;
	struct fault f;

	return SYS(mincore, (long)at, PAGE, P(&core)) == 0 && (core & 1) &&
	       touch_read(at, &value, &f) && !hash_page(at);
}

/* Only pages of private memory without a file are nothing when they are zero. */
static void drop_zeroes(const struct area *a, void *drop)
{
	if (a->rights[3] != 'p' || *a->name || !strncmp(a->rights, "---", 3))
		return;
	for (uintptr_t at = a->start; at < a->end; at += PAGE)
		if (is_zero_page(at)) {
			zeroes++;
			if (drop)
				SYS(madvise, (long)at, PAGE, MADV_DONTNEED);
		}
}

void settle(void)
{
	each_named(drop_zeroes, &zeroes);
}

void settle_range(uintptr_t start, uintptr_t end)
{
	each_area(start, end, drop_zeroes, &zeroes);
}

unsigned count_zeroes(uintptr_t start, uintptr_t end)
{
	zeroes = 0;
	each_area(start, end, drop_zeroes, NULL);
	return zeroes;
}

/* ---- may all of a range be read, or written? ---------------------------------------------------- */

struct reach {
	uintptr_t at;
	char right;
};

static void extend_reach(const struct area *a, void *arg)
{
	struct reach *r = arg;

	if (a->start == r->at && a->rights[r->right == 'w'] == r->right)
		r->at = a->end;
}

/* Pages beyond the end of their file are found by reading them. */
bool accessible(uintptr_t start, uintptr_t size, char right)
{
	struct reach r = { start, right };
	struct fault f;
	uint64_t value;

	each_area(start, start + size, extend_reach, &r);
	if (r.at != start + size)
		return false;
	for (uintptr_t at = start & (uintptr_t)-PAGE; at < start + size; at += PAGE)
		if (!touch_read(at, &value, &f))
			return false;
	return true;
}

static void note_shared(const struct area *a, void *shared)
{
	*(bool *)shared |= *a->name || a->rights[3] != 'p';
}

bool private_memory(uintptr_t start, uintptr_t end)
{
	bool shared = false;

	if (start < end)
		each_area(start, end, note_shared, &shared);
	return !shared;
}

/* ---- what is shown ---------------------------------------------------------------------- */

static void say_area(const struct area *a, void *arg)
{
	(void)arg;
	say("  ");
	say_place(a->start);
	say(" ");
	say_number((int64_t)((a->end - a->start) / PAGE));
	say("p ");
	say(a->rights);
	if (*a->name) {
		say(" ");
		say(a->name);
		say(" ");
		say_number((int64_t)(a->offset / PAGE));
		say("p");
	}
	say("\n");
}

void say_areas(void)
{
	each_named(say_area, NULL);
}

static void say_run(char what, unsigned n)
{
	char c[2] = { what, 0 };

	say(c);
	if (n > 1) {
		say("*");
		say_number(n);
	}
}

static void say_core(const struct area *a, void *arg)
{
	static unsigned char core[ARENA_SIZE];
	long pages = (long)((a->end - a->start) / PAGE), ret;
	unsigned n = 0;

	(void)arg;
	if (pages > ARENA_SIZE)
		pages = ARENA_SIZE;
	ret = SYS(mincore, (long)a->start, pages * PAGE, P(core));
	say("  ");
	say_place(a->start);
	say(" core ");
	if (ret)
		say_number(ret);
	for (long i = 0; !ret && i < pages; i++) {
		n++;
		if (i + 1 == pages || (core[i + 1] & 1) != (core[i] & 1)) {
			say_run(core[i] & 1 ? '1' : '0', n);
			n = 0;
		}
	}
	say("\n");
}

void say_residency(void)
{
	if (board->forked)
		settle();
	if (!board->huge)
		each_named(say_core, NULL);
}

/* Pages of zeroes go unsaid. */
static void say_page(uintptr_t at)
{
	struct fault f;
	uint64_t value, h;
	bool there = touch_read(at, &value, &f);

	h = there ? hash_page(at) : 0;
	if (there && !h)
		return;
	say("  ");
	say_place(at);
	if (there) {
		say(" has ");
		say_hex(h & 0xffffffff);
	} else {
		say(" ");
		say_fault(&f);
	}
	say("\n");
}

static void say_data(const struct area *a, void *arg)
{
	(void)arg;
	if (a->rights[0] == 'r')
		for (uintptr_t at = a->start; at < a->end; at += PAGE)
			say_page(at);
}

void say_contents(void)
{
	each_named(say_data, NULL);
}

/* A line "KEY: n kB" of /proc/self/status, in pages; -1 when it is not there. */
long status_pages(const char *key)
{
	const char *p = slurp("/proc/self/status");
	size_t n = strlen(key);
	long kib = 0;

	while (*p && (strncmp(p, key, n) || p[n] != ':')) {
		p = strchr(p, '\n');
		p = p ? p + 1 : "";
	}
	if (!*p)
		return -1;
	for (p += n + 1; *p == ' ' || *p == '\t'; p++)
		;
	for (; *p >= '0' && *p <= '9'; p++)
		kib = kib * 10 + *p - '0';
	return kib / 4;
}
