/* SPDX-License-Identifier: BSD-2-Clause
 *
 * replay.h - random scripts of memory calls, run on Quire and on Linux, whose answers must agree.
 *
 * One static program holds it all.  From a seed it makes a *script*; running the script makes a
 * *transcript*: what every step answered, and at the end what each process has mapped, what of it
 * is resident and what it reads as.  Nothing in a transcript may depend on the kernel, so the
 * program run on two kernels must print the same; tests/boot/replay.t compares.
 *
 *	seed --generate.c--> script --run.c--> transcript --> its hash
 *	text --words.c-----> script
 *
 * Nouns
 *	step     one call with its arguments, made by one actor
 *	actor    a process or a thread.  A script is a total order: one actor runs at a time
 *	place    an address in symbols, for kernels choose different ones: an *arena* is a fixed range
 *	         that both kernels have free, a *slot* whatever a kernel chose for a mapping, `b` where
 *	         the break began.  `a1+5p+8` is 8 bytes into page 5 of arena 1
 *	skip     a step whose answer on Linux hangs on how Linux keeps its areas, which nobody promises.
 *	         The run on Linux finds such steps, and both sides leave them out (docs/differences.md)
 *
 * A script uses no memory of the C library while it runs: only raw calls and static memory, so that
 * it decides alone what is mapped.
 */
#ifndef TESTS_REPLAY_H
#define TESTS_REPLAY_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE       4096l
#define ARENAS     3
#define LEAF       (sizeof(long) == 8 ? 512 : 1024) /* pages of a table */
#define MIDDLE     LEAF       /* the page of an arena that scripts play around: a table's border */
#define PLAYED     (2 * LEAF) /* what begins in an arena begins in these */
#define ARENA_SIZE (4 * LEAF)
#define SLOTS      24
#define FILES      6
#define ACTORS     6
#define SHMS       3
#define MAX_ARGS   6
#define MAX_STEPS  64

/* ---- scripts ------------------------------------------------------------------------- */

/* What an argument counts from. */
enum base {
	NUMBER,
	ARENA,
	SLOT = ARENA + ARENAS,
	BREAK = SLOT + SLOTS,
	TOP, /* the end of a program's addresses, on kernels that give it most */
	BASES,
};

struct arg {
	uint8_t base;
	int64_t n;
};

struct step {
	uint8_t actor, call;
	struct arg arg[MAX_ARGS];
};

struct script {
	unsigned n;
	struct step step[MAX_STEPS];
};

/* How an argument is written, and what it may be. */
enum kind {
	K_END,
	K_NUMBER,
	K_ADDR,
	K_SIZE,
	K_PROT,
	K_MAP,
	K_REMAP,
	K_ADVICE,
	K_SYNC,
	K_LOCK,
	K_ALL,
	K_FALLOC,
	K_SEAL,
	K_SHMAT,
	K_FILE,
	K_OPEN,
	K_LIMIT,
	K_ACTOR,
	K_WATCH,
	K_PUT,
	K_GUARD,
};

struct call {
	const char *name;
	uint8_t kind[MAX_ARGS];
	long nr;                                    /* the kernel's number, if `run` is NULL */
	long (*run)(const struct step *s, long *a); /* a: the arguments, resolved */
	enum { R_NUMBER, R_ADDRESS, R_SAID, R_SHOWN } answer;
};

extern const struct call calls[];
extern const unsigned ncalls;
unsigned call_named(const char *name); /* ncalls if there is none */

/* ---- words.c: scripts as text --------------------------------------------------------- */

void say_step(const struct step *s);
const char *error_name(int err);
/* The step that a line says.  NULL, or what is wrong with the line. */
const char *parse_step(char *line, struct step *out);

/* ---- generate.c ----------------------------------------------------------------------- */

extern const char *without; /* names of calls that are left out; NULL: none */
void generate(uint64_t seed, struct script *out);

/* ---- places.c ------------------------------------------------------------------------- */

struct slot {
	uintptr_t at;
	long pages; /* 0: gone */
};

extern struct slot slots[SLOTS]; /* of this process */
extern unsigned nslots;
extern uintptr_t first_break;

uintptr_t arena_at(unsigned arena);
bool resolve(const struct arg *a, uintptr_t *out);
/* Is [a, a+size) wholly of the place that `a` names?  Beyond a slot's end nobody knows what is. */
bool within(const struct arg *a, uintptr_t at, uintptr_t size);
/* Note what a kernel chose. */
void note_slot(uintptr_t at, uintptr_t size);
void say_place(uintptr_t at);

/* ---- maps.c --------------------------------------------------------------------------- */

/* A stretch of /proc/self/maps; neighbours that agree are one. */
struct area {
	uintptr_t start, end;
	char rights[5], name[32];
	uint64_t offset;
	unsigned lines; /* of the file that went into it */
};

/* Call `fn` for each area that meets [start,end), clipped to it. */
void each_area(uintptr_t start, uintptr_t end, void (*fn)(const struct area *, void *), void *arg);
void say_areas(void);
void say_residency(void);
void say_contents(void);
/* Whether a private page that only reads as zero stays resident through fork, or while it may not be
 * read, is each kernel's own: such pages are let go there.  So is whether one that a relative has read
 * since a fork is resident for all (Quire shares tables): they are let go before residency is said. */
void settle(void);
void settle_range(uintptr_t start, uintptr_t end);
unsigned count_zeroes(uintptr_t start, uintptr_t end);
/* May all of it be read ('r') or written ('w')?  How far a copy comes that has to stop, and which
 * pages it brought in before, is each kernel's own. */
bool accessible(uintptr_t start, uintptr_t size, char right);
/* Is all that is mapped there private, and without a file? */
bool private_memory(uintptr_t start, uintptr_t end);
long status_pages(const char *key);

/* ---- touch.c -------------------------------------------------------------------------- */

struct fault {
	int signal, code;
	uintptr_t at;
};

void catch_signals(void);
/* One access; false if a signal came of it. */
bool touch_read(uintptr_t at, uint64_t *value, struct fault *f);
bool touch_write(uintptr_t at, uint64_t value, struct fault *f);
bool touch_exec(uintptr_t at, struct fault *f);
void say_fault(const struct fault *f);
/* What is written is a word whose first byte returns when it is run as code, after the zeroes
 * before it, which do nothing. */
uint64_t word_of(unsigned n);

/* ---- actors.c ------------------------------------------------------------------------- */

/* Shared by all actors, and mapped at the same address in each. */
struct board {
	int turn;               /* whose it is: a futex */
	int left_pid, left_tid; /* who has just gone, but perhaps not quite */
	unsigned at;            /* the next step */
	bool done;              /* the script came to its end */
	struct {
		int pid, tid;
		bool leads; /* the first of its process */
	} actor[ACTORS];
	struct script script;
	uint64_t skip; /* steps left out, a bit each */
	int shm[SHMS]; /* identifiers of segments; 0: none */
	uint64_t hash;
	bool oracle; /* this is Linux: it says which steps to skip */
	bool forked; /* what one reads may be resident for its relatives: see settle */
	bool huge;   /* who has huge pages does not say what is resident */
	bool kept;   /* pages may be reserved behind the end of a file */
	bool loud;   /* keep the words too */
	unsigned length;
	char text[1 << 18];
};

extern struct board *board;

void run_script(void); /* board->script, in a process of its own */
long spawn(int actor, bool thread);
_Noreturn void leave(void);

/* ---- run.c ---------------------------------------------------------------------------- */

void begin_process(void); /* before the first step */
void run_step(const struct step *s);
void say_ending(void);

/* ---- sys.c: raw calls, text ------------------------------------------------------------ */

/* -errno on failure, as the kernel says it; no library is between. */
long sys(long nr, const long *args);
#define SYS(name, ...) sys(SYS_##name, (const long[6]){ __VA_ARGS__ })
#define P(pointer)     ((long)(pointer))

void say(const char *words); /* to the transcript */
void say_number(int64_t n);
void say_hex(uint64_t n);

#endif
