/* SPDX-License-Identifier: BSD-2-Clause
 *
 * coredump.h - what a signal leaves of a program: a core file, for debuggers.
 */
#ifndef KERNEL_COREDUMP_H
#define KERNEL_COREDUMP_H

#include "kernel/signal.h"

/* /proc/PID/coredump_filter: what is written.  A process keeps how it differs (core_differs). */
enum core_filter {
	CORE_PRIVATE = 1 << 0,      /* private memory that was written to */
	CORE_SHARED = 1 << 1,       /* shared memory without a name */
	CORE_FILE_PRIVATE = 1 << 2, /* files, mapped privately: also what nobody wrote */
	CORE_FILE_SHARED = 1 << 3,
	CORE_HEADERS = 1 << 4, /* of programs and libraries the first page */

	CORE_DEFAULT = 0x33,
	CORE_ALL = 0x1ff, /* what there is on Linux; the others act on nothing here */
};

#define CORE_PATTERN 128
extern char core_pattern[CORE_PATTERN]; /* /proc/sys/kernel/core_pattern */

/* Write the running process, which `why` ends, to a file.  False: it must not be, or could not. */
bool core_dump(const struct signal_info *why);

#endif
