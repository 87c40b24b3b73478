/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/cpu.h"
#include "kernel/time.h"

static uint64_t boot_real; /* real_ns() when now_ns() was 0 */

uint64_t real_ns(void)
{
	return boot_real + now_ns();
}

void real_set(uint64_t ns)
{
	boot_real = ns - now_ns();
}
