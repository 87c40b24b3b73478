/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.c - the command line.
 */
#include "heaplab/lab.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRACES = 64, SCATTER_SIZE = 4000, SCATTER_ARENA = 4 << 20 };

struct options {
	struct trace traces[MAX_TRACES];
	unsigned ntraces;
	const char *names[MAX_TRACES]; /* of built-in ones; made when all options are known */
	unsigned nnames;
	bool scattered; /* the question of B9 */
	const char *svg, *write;
	uint32_t nsteps;
	uint64_t seed;
	size_t arena;
	unsigned heaps;
	enum clock clock;
	enum colouring by;
};

static const char usage[] =
    "Usage: heaplab [OPTION]... [TRACE]...\n"
    "       heaplab --record FILE PROGRAM [ARGUMENT]...\n"
    "Run the same calls of malloc, free and realloc on four heaps and compare them:\n"
    "bump, block (4096 bytes at least), list (split and merged) and quire.\n"
    "\n"
    "TRACE is one that is built in (--list), or \"b9\": scattered free memory; without any, all.\n"
    "  -t, --trace FILE     a trace of your own; may be given more than once\n"
    "  -n, --steps N        how many calls a trace that is made has (10000)\n"
    "  -s, --seed N         what it is made from (1)\n"
    "  -H, --heaps LIST     only these, such as list,quire\n"
    "  -a, --arena SIZE     the memory that each heap has, with K or M (16M)\n"
    "  -c, --clock WORD     ns; tsc: the time-stamp counter; insn: instructions, counted by\n"
    "                       the processor; none (ns, on Quire tsc)\n"
    "      --svg FILE       draw the one trace: addresses against time\n"
    "      --colour WORD    by size (default) or by life\n"
    "      --write FILE     write the one trace to a file\n"
    "      --record FILE    run PROGRAM and write what it allocates to a file\n"
    "  -l, --list           the traces that are built in\n"
    "  -h, --help           this\n"
    "\n"
    "The table: time of a call; bytes given and not asked for, an object (internal waste);\n"
    "the most memory that the heap needed, and what it was at that moment: bytes asked for,\n"
    "waste, tables and headers, holes (external fragmentation); calls that got nothing.\n"
    "\n"
    "A trace file has a call a line: \"a SIZE [ALIGN]\" allocates object 0, 1, 2, ...;\n"
    "\"r OBJECT SIZE\" resizes one, \"f OBJECT\" frees it; \"# ...\" is a remark.\n"
    "FILE may be - for standard input or output.\n";

/* ---- words ----------------------------------------------------------------------------------- */

static uint64_t number(const char *option, const char *s, uint64_t low, uint64_t high)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);

	if (*s < '0' || *s > '9' || *end || n < low || n > high)
		die(option, "'%s' is no number from %llu to %llu", s, (unsigned long long)low,
		    (unsigned long long)high);
	return n;
}

static size_t size(const char *option, const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 0);

	if (*end == 'K' || *end == 'k')
		n <<= 10, end++;
	else if (*end == 'M' || *end == 'm')
		n <<= 20, end++;
	if (*s < '0' || *s > '9' || *end || n < 64 << 10 || n > 1 << 30)
		die(option, "'%s' is no size from 64K to 1024M", s);
	return (size_t)n & ~(size_t)(QR_PAGE_SIZE - 1);
}

static unsigned word(const char *option, const char *s, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(words[i], s))
			return i;
	fprintf(stderr, "heaplab: %s: '%s' is none of", option, s);
	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, " %s", words[i]);
	fputc('\n', stderr);
	exit(2);
}

static unsigned heap_set(const char *option, char *list)
{
	unsigned set = 0;

	for (char *s = strtok(list, ","); s; s = strtok(NULL, ","))
		set |= 1u << word(option, s, heap_names, NHEAPS);
	if (!set)
		die(option, "no heap is named");
	return set;
}

static enum clock default_clock(void)
{
	char text[512] = "";
	FILE *in = fopen("/proc/version", "r");
	bool quire = in && fgets(text, sizeof(text), in) && strstr(text, "Quire");

	if (in)
		fclose(in);
	return quire ? CLOCK_TSC : CLOCK_NS;
}

static struct trace *next_trace(struct options *o)
{
	if (o->ntraces == MAX_TRACES)
		die(NULL, "more than %d traces", MAX_TRACES);
	return &o->traces[o->ntraces++];
}

static void add_trace(struct options *o, const char *name)
{
	if (!strcmp(name, "b9"))
		o->scattered = true;
	else if (!trace_make(next_trace(o), name, o->nsteps, o->seed))
		die(name,
		    "no trace of that name is built in (--list shows them; --trace FILE reads "
		    "one)");
}

/* ---- options --------------------------------------------------------------------------------- */

enum { OPT_SVG = 256, OPT_COLOUR, OPT_WRITE, OPT_RECORD };

static const struct option longs[] = {
	{ "trace", 1, NULL, 't' },         { "steps", 1, NULL, 'n' },
	{ "seed", 1, NULL, 's' },          { "heaps", 1, NULL, 'H' },
	{ "arena", 1, NULL, 'a' },         { "clock", 1, NULL, 'c' },
	{ "svg", 1, NULL, OPT_SVG },       { "colour", 1, NULL, OPT_COLOUR },
	{ "color", 1, NULL, OPT_COLOUR },  { "write", 1, NULL, OPT_WRITE },
	{ "record", 1, NULL, OPT_RECORD }, { "list", 0, NULL, 'l' },
	{ "help", 0, NULL, 'h' },          { NULL, 0, NULL, 0 },
};

static void option(struct options *o, int c, char **argv)
{
	static const char *const clocks[] = { "none", "ns", "tsc", "insn" };
	static const char *const colours[] = { "size", "life" };

	switch (c) {
	case 1:
		if (o->nnames == MAX_TRACES)
			die(NULL, "more than %d traces", MAX_TRACES);
		o->names[o->nnames++] = optarg;
		break;
	case 't':
		trace_read(next_trace(o), optarg);
		break;
	case 'n':
		o->nsteps = (uint32_t)number("--steps", optarg, 10, 10000000);
		break;
	case 's':
		o->seed = number("--seed", optarg, 0, UINT64_MAX);
		break;
	case 'H':
		o->heaps = heap_set("--heaps", optarg);
		break;
	case 'a':
		o->arena = size("--arena", optarg);
		break;
	case 'c':
		o->clock = (enum clock)word("--clock", optarg, clocks, 4);
		break;
	case OPT_SVG:
		o->svg = optarg;
		break;
	case OPT_COLOUR:
		o->by = (enum colouring)word("--colour", optarg, colours, 2);
		break;
	case OPT_WRITE:
		o->write = optarg;
		break;
	case OPT_RECORD:
		exit(record(optarg, argv + optind));
	case 'l':
		trace_list();
		exit(0);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		fprintf(stderr, "heaplab --help shows what there is\n");
		exit(2);
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	int c;

	/* In order: what follows --record is somebody else's command line. */
	while ((c = getopt_long(argc, argv, "-t:n:s:H:a:c:lh", longs, NULL)) != -1)
		option(o, c, argv);
	for (unsigned i = 0; i < o->nnames; i++)
		add_trace(o, o->names[i]);
	for (int i = optind; i < argc; i++) /* behind "--" */
		add_trace(o, argv[i]);
	if (!o->ntraces && !o->scattered) {
		for (unsigned i = 0; trace_name(i); i++)
			add_trace(o, trace_name(i));
		o->scattered = true;
	}
	if ((o->svg || o->write) && (o->ntraces != 1 || o->scattered))
		die(o->svg ? "--svg" : "--write", "name one trace");
}

static void compare(struct options *o, struct arena *a, const struct trace *t)
{
	struct result results[NHEAPS];

	for (unsigned k = 0; k < NHEAPS; k++) {
		if (!(o->heaps >> k & 1))
			continue;
		run_observe(a, k, t, &results[k], NULL);
		run_timed(a, k, t, o->clock, &results[k]);
	}
	table_trace(t, a, o->clock, results, o->heaps);
}

int main(int argc, char **argv)
{
	static struct options o = { .nsteps = 10000, .seed = 1, .arena = 16 << 20, .heaps = 15 };
	struct arena a;

	o.clock = default_clock();
	read_options(&o, argc, argv);
	arena_make(&a, o.arena);
	if (o.write)
		trace_write(&o.traces[0], o.write);
	if (o.svg)
		picture(o.svg, &a, &o.traces[0], o.heaps, o.by);
	for (unsigned i = 0; i < o.ntraces && !o.write && !o.svg; i++)
		compare(&o, &a, &o.traces[i]);
	arena_end(&a);
	if (o.scattered) {
		arena_make(&a, o.arena < SCATTER_ARENA ? o.arena : SCATTER_ARENA);
		table_scatter(&a, SCATTER_SIZE, o.heaps);
		arena_end(&a);
	}
	for (unsigned i = 0; i < o.ntraces; i++)
		trace_fini(&o.traces[i]);
	if (fflush(stdout) || ferror(stdout))
		die(NULL, "standard output cannot be written");
	return 0;
}
