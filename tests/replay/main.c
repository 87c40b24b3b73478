/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - what the program is asked to do.
 *
 *	replay make SEED               the script of a seed
 *	replay show SEED [SKIP...]     its transcript; SKIP: steps to leave out, from 0
 *	replay run FIRST COUNT [FILE]  a line for each seed: the hash of its transcript, and the steps
 *	                               that were left out; FILE has such lines, of the run to agree with:
 *	                               where the hashes differ, the transcript comes too, as +SEED LINE
 *	replay serve                   scripts on stdin, each ended by a line `end`, transcripts out
 *
 * REPLAY_WITHOUT="call..." in the environment leaves calls out of the scripts.
 */
#include "tests/replay/replay.h"
#include "tests/replay/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static void die(const char *why)
{
	perror(why);
	exit(1);
}

static char *own_dir;

/* The same beginning on all machines. */
static void prepare(void)
{
	/* What anybody may set it to: not all can lift the hard limit. */
	struct rlimit stack = { 8l << 20, RLIM_INFINITY }, lock = { 8l << 20, 8l << 20 };
	struct utsname u;
	char dir[] = "/dev/shm/replay.XXXXXX";

	board =
	    mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		die("mmap");
	uname(&u);
	board->oracle = !strstr(u.version, "Quire");
	setrlimit(RLIMIT_STACK, &stack);
	setrlimit(RLIMIT_MEMLOCK, &lock);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (!mkdtemp(dir) || chdir(dir))
		(void)!chdir("/tmp");
	else
		own_dir = strdup(dir);
}

static void run(void)
{
	run_script();
	remove_segments();
}

static void show(void)
{
	board->loud = true;
	run();
	fwrite(board->text, 1, board->length, stdout);
}

static void make(uint64_t seed)
{
	generate(seed, &board->script);
	board->loud = true;
	for (unsigned i = 0; i < board->script.n; i++) {
		say_step(&board->script.step[i]);
		say("\n");
	}
	fwrite(board->text, 1, board->length, stdout);
}

/* The next line "SEED HASH SKIP..." of the other run: its steps to leave out, and its hash. */
static uint64_t skips_of(FILE *f, uint64_t seed, uint64_t *hash)
{
	char line[512], *p;
	uint64_t skip = 0;

	if (!f || !fgets(line, sizeof(line), f) || strtoull(line, &p, 10) != seed)
		return 0;
	*hash = strtoull(p, &p, 16);
	while (*p == ' ')
		skip |= 1ull << strtoul(p, &p, 10);
	return skip;
}

/* What differs only after others have run is never seen again: here it is. */
static void say_transcript(uint64_t seed)
{
	char *rest = board->text, *line;

	board->text[board->length] = 0;
	while ((line = strsep(&rest, "\n")))
		if (rest)
			printf("+%llu %s\n", (unsigned long long)seed, line);
}

static void say_skips(void)
{
	for (unsigned i = 0; i < MAX_STEPS; i++)
		if (board->skip >> i & 1)
			printf(" %u", i);
	putchar('\n');
}

static void run_many(uint64_t first, uint64_t count, const char *with)
{
	FILE *f = with ? fopen(with, "r") : NULL;

	if (with && !f)
		die(with);
	board->loud = f != NULL;
	for (uint64_t seed = first; seed < first + count; seed++) {
		uint64_t other = 0;

		generate(seed, &board->script);
		board->skip = skips_of(f, seed, &other);
		run();
		if (f && board->hash != other)
			say_transcript(seed);
		printf("%llu %016llx", (unsigned long long)seed, (unsigned long long)board->hash);
		say_skips();
		fflush(stdout);
	}
}

/* Lines: a step of the script, or `seed N` for a whole one; `skip N...`; `end` runs it. */
static bool serve_line(char *line)
{
	struct script *s = &board->script;
	const char *wrong;
	char *p = line + 5;

	if (!strncmp(line, "end", 3))
		return false;
	if (!strncmp(line, "seed ", 5)) {
		generate(strtoull(p, NULL, 0), s);
	} else if (!strncmp(line, "skip ", 5)) {
		while (*p == ' ' || (*p >= '0' && *p <= '9'))
			board->skip |= 1ull << strtoul(p, &p, 10);
	} else if (s->n < MAX_STEPS) {
		wrong = parse_step(line, &s->step[s->n]);
		if (wrong)
			printf("wrong: %s\n", wrong);
		else
			s->n++;
	}
	return true;
}

static void serve(void)
{
	char line[512];

	puts("ready");
	fflush(stdout);
	for (board->script.n = 0; fgets(line, sizeof(line), stdin);) {
		if (serve_line(line))
			continue;
		show();
		printf("end");
		say_skips();
		fflush(stdout);
		board->script.n = 0;
		board->skip = 0;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;

	without = getenv("REPLAY_WITHOUT");
	prepare();
	if (!strcmp(what, "make") && argc == 3) {
		make(seed);
	} else if (!strcmp(what, "show") && argc >= 3) {
		generate(seed, &board->script);
		for (int i = 3; i < argc; i++)
			board->skip |= 1ull << strtoul(argv[i], NULL, 10);
		show();
	} else if (!strcmp(what, "run") && (argc == 4 || argc == 5)) {
		run_many(seed, strtoull(argv[3], NULL, 0), argv[4]);
	} else if (!strcmp(what, "serve")) {
		serve();
	} else {
		fputs("usage: replay make|show SEED | run FIRST COUNT [FILE] | serve\n", stderr);
		return 2;
	}
	if (own_dir)
		rmdir(own_dir);
	return 0;
}
