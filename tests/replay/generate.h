/* SPDX-License-Identifier: BSD-2-Clause
 *
 * generate.h - between generate.c and the files beside it: chance and arguments (generate_args.c),
 * and the steps that are made of them (generate_steps.c).
 */
#ifndef TESTS_REPLAY_GENERATE_H
#define TESTS_REPLAY_GENERATE_H

#include "tests/replay/replay.h"

struct mood {
	uint64_t rng;
	struct script *out;
	unsigned weight[64], sum;    /* of each call */
	unsigned arena, page, width; /* the window */
	bool actor[ACTORS], leads[ACTORS];
	uint8_t process[ACTORS], parent[ACTORS];
	unsigned nslots; /* at most so many have come to be */
	bool file[FILES], dropped, grows;
	bool watches; /* a userfaultfd */
	bool huge;    /* pages that are, and what they are about */
	bool broad;   /* ranges are of whole tables, full of pages */
	bool ragged;  /* files end inside pages: then nothing is written there behind their ends */
};

/* Below a 64-bit Linux nothing of a 32-bit program wraps at 4 GiB; it would below one of 32 bits. */
#define NARROW (sizeof(long) == 4)

unsigned below(struct mood *m, unsigned n);
bool percent(struct mood *m, unsigned n);

#define PICK(m, ...)                                                       \
	({                                                                 \
		static const long from_[] = { __VA_ARGS__ };               \
		from_[below(m, (unsigned)(sizeof(from_) / sizeof(long)))]; \
	})

struct arg number(int64_t n);
struct arg in_window(struct mood *m);
struct arg address(struct mood *m);
struct arg touched(struct mood *m); /* aligned to a word */
struct arg size(struct mood *m);
struct arg prot(struct mood *m);
struct arg file(struct mood *m, unsigned wrong); /* of 100 it is none */
struct arg file_size(struct mood *m);
struct arg offset(struct mood *m);
unsigned some_actor(struct mood *m);

/* Steps: how often each comes, before a script's mood. */
struct maker {
	const char *name;
	unsigned weight;
	void (*make)(struct mood *m, struct step *s);
	enum { ALWAYS, NOT_RAGGED, WATCHED, HUGE, BROAD } when;
};

extern const struct maker makers[];
extern const unsigned nmakers;

#endif
