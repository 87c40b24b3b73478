/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_machine.h - a simulated machine with one address space loaded, for tests of spaces.
 *
 * User accesses go through the simulated MMU and the fault handler of the space, as a program's
 * would.  machine_off checks that every frame came back.
 */
#ifndef SPACE_MACHINE_H
#define SPACE_MACHINE_H

#include "arch/sim/sim.h"

#include <quire/space.h>

#define RW (QR_READ | QR_WRITE)

extern struct qr_tlbs tlbs;
extern struct qr_memory memory;
extern struct qr_space space;

/* The formats whose addresses fit this build. */
extern const struct qr_format *const space_formats[];
#define FOR_FORMATS(f) \
	for (const struct qr_format *const *f_ = space_formats, *f; (f = *f_) != NULL; f_++)

void machine_on(const struct qr_format *f);
/* The same machine, but `space` is not made. */
void machine_bare(const struct qr_format *f);
void machine_off(void);
/* Load another space, faults go to it. */
void use(struct qr_space *s);

enum qr_err map_at(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot, unsigned flags,
		   qr_virt *out);
/* at 0: anywhere.  These die when they fail. */
qr_virt map_anon(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot);
qr_virt map_anon_backed(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot,
			enum qr_backing backing);
qr_virt map_object(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot, unsigned flags,
		   struct qr_object *o, uint64_t pgoff);

/* Access as user code of the space in use.  peek and poke die when refused. */
bool touch(uintptr_t at, enum qr_access access);
uint8_t peek(uintptr_t at);
void poke(uintptr_t at, uint8_t value);
/* What the last refused access was told. */
extern enum qr_err refused;

/* The whole space in use, the frames, and the TLBs. */
void check(void);
unsigned count_regions(struct qr_space *s);
/* Free frames, with everything that is kept for speed given back. */
size_t free_frames(void);

#endif
