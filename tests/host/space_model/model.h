/* SPDX-License-Identifier: BSD-2-Clause
 *
 * model.h - what the parts of test_space_model share.
 *
 *	machine.c	the world: machine, spaces, objects, chance, the trace
 *	map.c access.c move.c	the steps: each does something to a real space, looks at the
 *			answer, and does the same to the flat one
 *	compare.c	everything, against the model
 *	flat.c		the model
 */
#ifndef SPACE_MODEL_H
#define SPACE_MODEL_H

#include "tests/host/space_model/flat.h"

#include "arch/sim/sim.h"
#include "tap.h"

#include <quire/space.h>

#include <inttypes.h>

enum { SPACES = 4 };

/* A space, and what it should be. */
struct vm {
	bool live;
	struct qr_space space;
	struct flat_space flat;
};

extern struct qr_memory memory;
extern struct qr_object objects[FLAT_OBJECTS];
extern struct flat_object flat_objects[FLAT_OBJECTS];
extern struct flat_geometry geo;
extern struct vm vm[SPACES];
extern const struct qr_format *format;
extern uint64_t rnd;
extern unsigned step;
extern bool scarce;           /* memory may run out at any time */
extern bool loud;             /* print the trace as it comes */
extern bool armed;            /* an allocation of this step will fail */
extern enum qr_err fault_err; /* what the last fault answered */
extern uint64_t ops_failed;

/* Words for the trace; the last ones are shown when something is wrong. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void show_trace(int signal);

#define expect(cond, ...)                        \
	do {                                     \
		if (!(cond)) {                   \
			show_trace(0);           \
			must(cond, __VA_ARGS__); \
		}                                \
	} while (0)

unsigned below(uint64_t n);
bool one_in(unsigned n);

/* The machine with memory, objects, and no space; off: everything must come back. */
size_t machine_on(uint64_t machine_seed, uint32_t nframes);
void machine_off(size_t free_before);
void make_space(unsigned s);
void kill_space(unsigned s);
void load(unsigned s);
void leave_all(void);
void check_kernel_page(void);

/* Sometimes: let an allocation of what follows fail.  Was QR_NOMEM to be expected?  Then the
 * model stays as it is. */
void arm(void);
bool out_of_memory(enum qr_err err);

unsigned any_space(void);
void any_range(unsigned *a, unsigned *b);
unsigned any_page(void);
unsigned some_end(unsigned a, unsigned most);
bool has_gap(unsigned a, unsigned b);
bool any_mapped(unsigned s, unsigned a, unsigned b, bool mapped);
unsigned mapped_part(unsigned s, unsigned a, unsigned b);
bool room_for(unsigned s, unsigned n);

void check_read(unsigned s, unsigned i);
void settle_freed(struct flat_page *p, uint64_t got);
void model_write(unsigned s, unsigned i, uint32_t value);
void model_cut(unsigned o, uint64_t first, uint64_t end, bool copies);

void model_map(unsigned s, unsigned a, unsigned b, const struct qr_map *req);

void do_map_fixed(void);
void do_map_anywhere(void);
void do_unmap(void);
void do_protect(void);
void do_advise(void);
void do_lock(void);
void do_read(void);
void do_write(void);
void do_exec(void);
void do_copy(void);
void do_force(void);
void do_residency(void);
void do_object_bytes(void);
void do_object_size(void);
void do_fork(void);
void do_remap(void);
void do_huge_policy(void);
void do_huge_map(void);
void do_huge_collapse(void);

void compare_all(bool read_all);

#endif
