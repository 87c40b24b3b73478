/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_sets.h - the signals by what they do when the program has not said otherwise.
 */
#ifndef KERNEL_SIGNAL_SETS_H
#define KERNEL_SIGNAL_SETS_H

#include "kernel/signal.h"

#define SIGNAL_BIT(sig) ((signal_set)1 << ((sig)-1))

#define SIGNALS_FIRM (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define SIGNALS_STOP \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_IGNORED \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
/* End a process with a core file. */
#define SIGNALS_CORE                                                                        \
	(SIGNALS_FAULTS | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGABRT) | SIGNAL_BIT(SIGXCPU) | \
	 SIGNAL_BIT(SIGXFSZ))
/* Taken before all others, so that the handler sees the registers of the fault. */
#define SIGNALS_FAULTS                                                                         \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

#endif
