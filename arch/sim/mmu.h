/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmu.h - the simulated CPU's instructions that concern translation.
 */
#ifndef ARCH_SIM_MMU_H
#define ARCH_SIM_MMU_H

#include "arch/sim/sim.h"

/* On the CPU that runs: invlpg; CR3 reload; with the global ones. */
void sim_forget_page(qr_virt va);
void sim_forget(bool global_too);
void sim_load_root(qr_phys root, bool keep);

/* Fill the TLB of a CPU by a walk nobody asked for. */
void sim_speculate(unsigned cpu);

#endif
