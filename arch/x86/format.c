/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.c - which table format this kernel uses on this CPU.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/format.h"
#include "arch/x86/user.h"

static struct qr_format format;

#ifdef __x86_64__
uintptr_t user_end = USER_WINDOW_END;
#endif

static void choose_format(void)
{
#ifdef __x86_64__
	if (cr4_get() & CR4_LA57) {
		format = qr_format_5_level;
		user_end = USER_BOUND;
	} else {
		format = qr_format_4_level;
	}
	if (!cpu_features.pages_1g)
		format.large &= (uint8_t) ~(1u << 2);
#elif defined(QUIRE_PAE)
	format = qr_format_pae;
#else
	format = qr_format_two_level;
#endif
	if (!cpu_features.nx)
		format.nx = 0;
}

const struct qr_format *machine_format(void)
{
	if (!format.levels)
		choose_format();
	return &format;
}
