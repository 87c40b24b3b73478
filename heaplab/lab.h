/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lab.h - heaplab: the same trace of allocations on each of the four heaps.
 *
 *	trace ----> run ----> result ----> table
 *	  ^          |  on each heap           picture
 *	  |          v
 *	made,       bump | block | list | quire, each in the same arena
 *	read from a file, or recorded from a program
 *
 *	trace.c        a list of calls, and what is known of it
 *	trace_make.c   traces that are made, and those that are built in
 *	trace_file.c   the format of files
 *	record.c       a program's calls as a trace; preload.c is loaded into that program
 *	heaps.c        the four heaps
 *	run.c          a trace on a heap: how long, how much memory
 *	scatter.c      one question: does memory that was freed help who asks for more at a time?
 *	table.c, picture.c, main.c
 *
 * All that is printed is the same on every run and machine of one word size, but times.
 */
#ifndef HEAPLAB_LAB_H
#define HEAPLAB_LAB_H

#include <quire/frames.h>
#include <quire/heap_seeds.h>

#include <stdio.h>

/* Say what is wrong and end.  `what` may be null. */
_Noreturn void die(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *must_alloc(size_t n);
void *must_grow(void *p, size_t n);

/* ---- traces -------------------------------------------------------------------------------- */

enum call { CALL_ALLOC, CALL_FREE, CALL_RESIZE };

/* Objects are numbered in the order in which they are allocated. */
struct step {
	uint8_t call;
	uint8_t align_shift; /* of an alloc; 0: none is asked for */
	uint32_t id;
	uint32_t size;
};

struct trace {
	const char *name;
	struct step *steps;
	uint32_t nsteps, room;
	uint32_t nobjects;
	/* trace_finish: */
	uint32_t most_live;
	uint64_t most_bytes;
	/* While it is made: the size of each object, 0: not live.  A size of 0 counts as 1 here. */
	uint32_t *live;
	uint32_t live_room;
};

void trace_init(struct trace *t, const char *name);
/* Append a call.  alloc answers the object's number.  False: no such object is live. */
uint32_t trace_alloc(struct trace *t, uint32_t size, unsigned align_shift);
bool trace_free(struct trace *t, uint32_t id);
bool trace_resize(struct trace *t, uint32_t id, uint32_t size);
void trace_finish(struct trace *t);
void trace_fini(struct trace *t);

/* Built in; false: no trace has that name.  list prints them. */
bool trace_make(struct trace *t, const char *name, uint32_t nsteps, uint64_t seed);
const char *trace_name(unsigned i); /* null behind the last */
void trace_list(void);

/* Dies naming the line that is wrong.  text: what is named `file` in errors. */
void trace_parse(struct trace *t, const char *file, const char *text, size_t n);
void trace_read(struct trace *t, const char *file);
void trace_write(const struct trace *t, const char *file);

/* Run a program and write what it allocated to a file; answers its exit status. */
int record(const char *file, char **argv);

/* ---- heaps --------------------------------------------------------------------------------- */

enum { BUMP, BLOCK, LIST, QUIRE, NHEAPS };

struct arena {
	char *at;
	size_t bytes;
	void *map;  /* the arena, and what aligns it */
	void *meta; /* for tables of the heaps, and the frames' */
	size_t meta_bytes;
};

void arena_make(struct arena *a, size_t bytes);
void arena_end(struct arena *a);

/* Told when the engine takes (or gives back) pages of the arena. */
typedef void pages_fn(void *ctx, size_t offset, size_t bytes, bool taken);

struct heap {
	struct qr_allocator a;
	unsigned kind;
	struct arena *arena;
	uintptr_t high; /* behind the highest byte ever given out, as an offset */
	union {
		struct qr_bump bump;
		struct qr_block block;
		struct qr_list list;
		struct qr_heap engine;
	};
	struct qr_heap_source inner; /* the engine's: pages are seen on their way */
	pages_fn *pages;
	void *pages_ctx;
	struct qr_frames frames;
};

extern const char *const heap_names[NHEAPS];

/* A heap that is empty.  pages may be null. */
void heap_open(struct heap *h, unsigned kind, struct arena *a, pages_fn *pages, void *ctx);
/* Bytes that an object of n bytes at p occupies, its header and others' tables not counted. */
size_t heap_given(struct heap *h, void *p, size_t n);
/* Bytes of the arena (and tables beside it) that the heap has needed up to now; of these, those
 * that are tables and headers while `objects` are live. */
size_t heap_footprint(const struct heap *h);
size_t heap_tables(const struct heap *h, size_t objects);
/* Bytes in front of each object that are its header. */
size_t heap_header(const struct heap *h);

/* ---- running ------------------------------------------------------------------------------- */

enum clock { CLOCK_NONE, CLOCK_NS, CLOCK_TSC, CLOCK_INSN };
extern const char *const clock_units[];

struct result {
	uint64_t tenths;  /* of the clock's unit, a call */
	uint64_t waste;   /* bytes given and not asked for, in tenths an object */
	uint32_t refused; /* calls that got nothing */
	uint32_t first_refused;
	/* When the footprint was largest; asked + waste + tables + holes = peak. */
	uint64_t peak, asked, rounding, tables, holes;
};

/* What a picture is made of: one stay of an object at one place. */
struct stay {
	uint32_t from, to; /* steps */
	size_t at, given;  /* offset in the arena, bytes */
	uint32_t head;     /* bytes of header in front */
	uint32_t asked;
	bool held;  /* not an object: pages or addresses that the heap has */
	bool stays; /* to the end: never freed */
};

struct stays {
	struct stay *all;
	size_t n, room;
	uint32_t *refused; /* steps */
	size_t nrefused;
};

/* Observe a trace; stays may be null.  Dies if an object's contents change under it. */
void run_observe(struct arena *a, unsigned kind, const struct trace *t, struct result *r,
		 struct stays *stays);
/* The same, as fast as it goes; the best of several runs. */
void run_timed(struct arena *a, unsigned kind, const struct trace *t, enum clock clock,
	       struct result *r);
void stays_fini(struct stays *s);

/* B9: fill the arena, free every second object (or the first half of them), ask for twice the
 * size; how much could be had in one piece? */
struct scatter {
	size_t objects, freed, largest;
	bool given; /* twice the size */
};
void scatter(struct arena *a, unsigned kind, size_t size, bool in_a_row, struct scatter *out);

/* ---- showing ------------------------------------------------------------------------------- */

void table_trace(const struct trace *t, const struct arena *a, enum clock clock,
		 const struct result *results, unsigned heaps);
void table_scatter(struct arena *a, size_t size, unsigned heaps);

enum colouring { COLOUR_SIZE, COLOUR_LIFE };
void picture(const char *file, struct arena *a, const struct trace *t, unsigned heaps,
	     enum colouring by);

#endif
